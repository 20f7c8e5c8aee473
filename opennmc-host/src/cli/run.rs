//! `opennmc run`.

use std::io::Write as _;
use std::sync::Arc;

use super::{Exit, RunArguments};
use crate::config::Settings;
use crate::logging::{self, Log};
use crate::main_loop::{self, MainLoop, Source};

pub(super) fn run(arguments: RunArguments) -> Exit {
    let settings = match arguments.config.load() {
        Ok(settings) => overridden(settings, &arguments),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            return Exit::BadConfiguration;
        }
    };
    let mut log = logging::init(&settings.log.clone().unwrap_or_default(), settings.log_file.as_ref());
    match serve(settings, arguments, &mut log) {
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

fn serve(settings: Settings, arguments: RunArguments, log: &mut Log) -> Result<(), main_loop::Error> {
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
    main_loop.start(settings)?;
    // Who waits for `ready` finds in the log what led to it.
    main_loop.run(log.flusher())
}
