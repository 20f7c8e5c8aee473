//! `opennmc run`.

use std::io::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Exit, RunArguments};
use crate::backup::recover;
use crate::config::{ControlSettings, Settings};
use crate::control::{ControlServer, Host};
use crate::host::HostHandle;
use crate::logging::{self, Log};
use crate::main_loop::{self, MainLoop, Source};
use crate::service::privileges::become_user;
use crate::service::watchdog::Watchdog;
use crate::users::UserBase;

pub(super) fn run(arguments: RunArguments) -> Exit {
    // A restore that the power interrupted is finished before anything of it is read.
    if let Err(error) = recover(&arguments.config.file) {
        let _ = writeln!(std::io::stderr(), "{error}");
        return Exit::Broken;
    }
    let settings = match arguments.config.load() {
        Ok(settings) => overridden(settings, &arguments),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            return Exit::BadConfiguration;
        }
    };
    let source = Source {
        file: arguments.config.file.clone(),
        plugin_dirs: arguments.plugins.clone(),
        overridden: Arc::new(move |settings| overridden(settings, &arguments)),
    };
    run_with(settings, source)
}

/// Runs the daemon with these settings, until it is asked to end. A reload reads `source`.
pub(super) fn run_with(settings: Settings, source: Source) -> Exit {
    // Before any thread is started and any file is written, and the device before the right to open it is gone.
    let watchdog = Watchdog::begin(settings.service.watchdog.as_deref());
    if let Some(user) = &settings.service.user
        && let Err(error) = become_user(user, &settings.state_dir)
    {
        let _ = writeln!(std::io::stderr(), "{error}");
        return Exit::Broken;
    }
    let mut log = logging::init(&settings.log.clone().unwrap_or_default(), settings.log_file.as_ref());
    let watchdog = watchdog.unwrap_or_else(|error| {
        // A machine that is not watched is better than a UPS that is not.
        tracing::error!("{error}");
        Watchdog::default()
    });
    match serve(settings, source, watchdog, &mut log) {
        Ok(()) => Exit::Done,
        Err(error) => {
            tracing::error!("{error}");
            Exit::Broken
        }
    }
}

/// What the command line says goes before what the file says.
fn overridden(mut settings: Settings, arguments: &RunArguments) -> Settings {
    if let Some(dir) = &arguments.state {
        settings.state_dir = dir.clone();
    }
    if arguments.log.is_some() {
        settings.log = arguments.log.clone();
    }
    settings.plugin_dirs.splice(0..0, arguments.plugins.iter().cloned());
    settings
}

fn serve(
    settings: Settings,
    source: Source,
    watchdog: Watchdog,
    log: &mut Log,
) -> Result<(), main_loop::Error> {
    let mut main_loop = MainLoop::new()?;
    // Before anything can start a thread: a thread started earlier would still die of these signals.
    main_loop.handle_signals()?;
    log.detach();
    main_loop.control_log(log.control());
    main_loop.reload_from(source);
    main_loop.watch(watchdog);
    let control = settings.control.clone();
    main_loop.start(settings)?;
    let _control = serve_control(&control, main_loop.handle(), main_loop.users(), log);
    // Who waits for `ready` finds in the log what led to it.
    main_loop.run(log.flusher())
}

/// Without its control socket the daemon still watches the UPSes and serves them: no reason not to start.
fn serve_control(
    settings: &ControlSettings,
    handle: HostHandle,
    users: Option<Arc<UserBase>>,
    log: &Log,
) -> Option<ControlServer> {
    let host = Host { handle, users: users?, log: log.control(), started: SystemTime::now() };
    ControlServer::start(settings, host)
        .inspect_err(|error| tracing::error!("the command line can't reach this daemon: {error}"))
        .ok()
}
