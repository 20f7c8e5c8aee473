//! `opennmc run`.

use std::io::Write as _;
use std::sync::Arc;

use super::{Exit, RunArguments};
use crate::backup::{self, Recovered};
use crate::config::{ControlSettings, Settings};
use crate::control::{ControlServer, Host};
use crate::host::HostHandle;
use crate::logging::{self, Log};
use crate::main_loop::{self, Ending, MainLoop, Source};
use crate::service::folder::make_private;
use crate::service::privileges::become_user;
use crate::service::start_anew::start_anew;
use crate::service::state_lock::StateLock;
use crate::service::watchdog::Watchdog;
use crate::users::UserBase;

pub(super) fn run(arguments: RunArguments) -> Exit {
    // The configuration may be among what an interrupted restore has yet to put in its place.
    let recovered = match backup::recover(&arguments.config.file) {
        Ok(recovered) => recovered,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            return Exit::Broken;
        }
    };
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
    run_with(settings, source, Start::FromFile(recovered))
}

/// How the daemon was started.
pub(super) enum Start {
    /// By `opennmc run`; a restore that was committed earlier may have been finished. It can be started so again.
    FromFile(Option<Recovered>),
    /// As a demonstration, with files that go with it.
    Demonstration,
}

/// Runs the daemon with these settings, until it is asked to end. A reload reads `source`.
pub(super) fn run_with(settings: Settings, source: Source, mut start: Start) -> Exit {
    // Before any thread is started and any file is written, and the device before the right to open it is gone.
    let watchdog = Watchdog::begin(settings.service.watchdog.as_deref());
    if let Some(user) = &settings.service.user
        && let Err(error) = become_user(user, &settings.state_dir)
    {
        let _ = writeln!(std::io::stderr(), "{error}");
        return Exit::Broken;
    }
    // A folder that can't be made is told of when it is needed.
    let _ = make_private(&settings.state_dir);
    // Before a restore is finished there: another daemon would have the files open.
    let _lock = match StateLock::take(&settings.state_dir) {
        Ok(lock) => lock,
        Err(taken) => {
            let _ = writeln!(std::io::stderr(), "{taken}");
            return Exit::Broken;
        }
    };
    if let Start::FromFile(recovered @ None) = &mut start {
        match backup::recover_state(&settings.state_dir) {
            Ok(finished) => *recovered = finished,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "{error}");
                return Exit::Broken;
            }
        }
    }
    let mut log = logging::init(&settings.log.clone().unwrap_or_default(), settings.log_file.as_ref());
    let watchdog = watchdog.unwrap_or_else(|error| {
        // A machine that is not watched is better than a UPS that is not.
        tracing::error!("{error}");
        Watchdog::default()
    });
    let ended = serve(settings, source, start, watchdog, &mut log);
    let broken = match ended {
        Ok(Ended::ForGood) => return Exit::Done,
        Ok(Ended::ToStartAnew(watchdog)) => {
            log.flusher()();
            match start_anew(watchdog) {
                Err(error) => format!("can't start anew: {error}"),
                Ok(never) => match never {},
            }
        }
        Err(error) => error.to_string(),
    };
    tracing::error!("{broken}");
    Exit::Broken
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

/// What comes after the daemon.
enum Ended {
    ForGood,
    /// With who watches over it.
    ToStartAnew(Watchdog),
}

fn serve(
    settings: Settings,
    source: Source,
    start: Start,
    watchdog: Watchdog,
    log: &mut Log,
) -> Result<Ended, main_loop::Error> {
    let mut main_loop = MainLoop::new()?;
    // Before anything can start a thread: a thread started earlier would still die of these signals.
    main_loop.handle_signals()?;
    log.detach();
    main_loop.control_log(log.control());
    main_loop.reload_from(source);
    main_loop.watch(watchdog);
    let control = settings.control.clone();
    main_loop.start(settings)?;
    let restarts = matches!(start, Start::FromFile(_));
    if let Start::FromFile(Some(recovered)) = &start {
        main_loop.tell_restored(recovered);
    }
    let control = serve_control(&control, main_loop.handle(), main_loop.users(), log, restarts);
    // Who waits for `ready` finds in the log what led to it.
    let ending = main_loop.run(log.flusher());
    drop(control);
    Ok(match ending? {
        Ending::Asked => Ended::ForGood,
        Ending::StartAnew => Ended::ToStartAnew(main_loop.into_watchdog()),
    })
}

/// Without its control socket the daemon still watches the UPSes and serves them: no reason not to start.
pub(super) fn serve_control(
    settings: &ControlSettings,
    handle: HostHandle,
    users: Option<Arc<UserBase>>,
    log: &Log,
    restarts: bool,
) -> Option<ControlServer> {
    let host = Host { handle, users: users?, log: log.control(), restarts };
    ControlServer::start(settings, host)
        .inspect_err(|error| tracing::error!("the command line can't reach this daemon: {error}"))
        .ok()
}
