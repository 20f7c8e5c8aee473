//! `[service]`: whose rights the daemon has, and who watches over it.

use std::path::PathBuf;

use super::section::{Reader, Section};

/// The daemon among the others on its machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ServiceSettings {
    /// Whom the daemon becomes when root starts it; none: it stays who it is.
    pub user: Option<String>,
    /// The machine's watchdog device; none: it is left alone.
    pub watchdog: Option<PathBuf>,
}

pub(super) fn read(reader: &mut Reader<'_>, file: &mut Section<'_>) -> ServiceSettings {
    let Some(mut section) = file.section(reader, "service") else { return ServiceSettings::default() };
    let user = section.optional(reader, "user");
    let watchdog: Option<PathBuf> = section.optional(reader, "watchdog");
    if watchdog.as_ref().is_some_and(|path| !path.is_absolute()) {
        let message = "a watchdog is a device with its whole path, such as `/dev/watchdog`";
        reader.problem(section.value_span("watchdog"), section.path_of("watchdog"), message);
    }
    section.finish(reader);
    ServiceSettings { user, watchdog }
}
