//! `opennmc run`.

use std::io::Write as _;
use std::sync::Arc;

use super::{Exit, RunArguments};
use crate::config::Settings;
use crate::logging::{self, Log};
use crate::main_loop::{self, MainLoop, Source};
use crate::service::privileges::become_user;
use crate::service::watchdog::Watchdog;

pub(super) fn run(arguments: RunArguments) -> Exit {
    let settings = match arguments.config.load() {
        Ok(settings) => overridden(settings, &arguments),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            return Exit::BadConfiguration;
        }
    };
    // Before any thread is started and any file is written, and the device before the right to open it is gone.
    let watchdog = Watchdog::begin(settings.service.watchdog.as_deref());
    if let Some(user) = &settings.service.user {
        if let Err(error) = become_user(user, &settings.state_dir) {
            let _ = writeln!(std::io::stderr(), "{error}");
            return Exit::Broken;
        }
    }
    let mut log = logging::init(&settings.log.clone().unwrap_or_default(), settings.log_file.as_ref());
    let watchdog = watchdog.unwrap_or_else(|error| {
        // A machine that is not watched is better than a UPS that is not.
        tracing::error!("{error}");
        Watchdog::default()
    });
    match serve(settings, arguments, watchdog, &mut log) {
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
    arguments: RunArguments,
    watchdog: Watchdog,
    log: &mut Log,
) -> Result<(), main_loop::Error> {
    let mut main_loop = MainLoop::new()?;
    // Before anything can start a thread: a thread started earlier would still die of these signals.
    main_loop.handle_signals()?;
    log.detach();
    main_loop.control_log(log.control());
    main_loop.reload_from(Source {
        file: arguments.config.file.clone(),
        plugin_dirs: arguments.plugins.clone(),
        overridden: Arc::new(move |settings| overridden(settings, &arguments)),
    });
    main_loop.watch(watchdog);
    main_loop.start(settings)?;
    // Who waits for `ready` finds in the log what led to it.
    main_loop.run(log.flusher())
}
