//! `opennmc check`.

use super::{CheckArguments, Exit};

pub(super) fn check(arguments: CheckArguments) -> Exit {
    match arguments.config.load() {
        Ok(settings) => {
            let plugins = settings.plugins.iter().filter(|plugin| plugin.enabled).count();
            println!(
                "{}: no problems; UPSes: {}, plugins: {plugins}",
                arguments.config.file.display(),
                settings.upses.len()
            );
            Exit::Done
        }
        Err(error) => {
            println!("{error}");
            Exit::BadConfiguration
        }
    }
}
