//! `[driver.NAME]`: native drivers, and which UPS uses one.
//!
//! Only what is written is checked here; whether the library may be loaded is found out by the driver loader.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::section::{Reader, Section, suggestion};

/// The driver that needs no section.
const BUILT_IN: &str = "apcsmart";
/// A SHA-256 in hexadecimal.
const HASH_LETTERS: usize = 64;

/// A native driver's library, and the file that is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DriverLibrary {
    /// What UPSes call it in the configuration.
    pub name: String,
    /// The whole path of the library.
    pub path: PathBuf,
    /// The SHA-256 of the library, in lower-case hexadecimal.
    pub sha256: String,
}

/// The driver of one UPS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DriverChoice {
    /// APC's smart protocol.
    #[default]
    ApcSmart,
    /// A native driver, with its options.
    Native(DriverLibrary, BTreeMap<String, String>),
}

/// The libraries by name.
pub(super) fn read_all(reader: &mut Reader<'_>, file: &mut Section<'_>) -> Vec<DriverLibrary> {
    let mut all = Vec::new();
    for (name, mut section) in file.named_sections(reader, "driver") {
        if name.get_ref() == BUILT_IN {
            let message = format!("`{BUILT_IN}` is the built-in driver; give this one another name");
            reader.problem(name.span(), "driver", message);
        }
        let path: Option<PathBuf> = section.required(reader, "library", "\"/usr/lib/opennmc/drivers/x.so\"");
        if path.as_ref().is_some_and(|path| !path.is_absolute()) {
            let message = "a native driver needs its whole path, such as `/usr/lib/opennmc/drivers/x.so`";
            reader.problem(section.value_span("library"), section.path_of("library"), message);
        }
        let sha256: Option<String> = section.required(reader, "sha256", "\"(what sha256sum prints)\"");
        let is_hash = |text: &String| {
            text.len() == HASH_LETTERS && text.chars().all(|letter| letter.is_ascii_hexdigit())
        };
        if sha256.as_ref().is_some_and(|sha256| !is_hash(sha256)) {
            let message = "a SHA-256 is 64 hexadecimal digits: run `sha256sum` on the library";
            reader.problem(section.value_span("sha256"), section.path_of("sha256"), message);
        }
        section.finish(reader);
        if let (Some(path), Some(sha256)) = (path, sha256) {
            all.push(DriverLibrary { name: name.into_inner(), path, sha256: sha256.to_ascii_lowercase() });
        }
    }
    all
}

/// `driver` and `driver-options` of one UPS.
pub(super) fn read_choice(
    reader: &mut Reader<'_>,
    ups: &mut Section<'_>,
    libraries: &[DriverLibrary],
) -> DriverChoice {
    let name: Option<String> = ups.optional(reader, "driver");
    let options: Option<BTreeMap<String, toml::Value>> = ups.optional(reader, "driver-options");
    let name = name.unwrap_or_else(|| BUILT_IN.to_owned());
    if name == BUILT_IN {
        if options.is_some() {
            let message = "only native drivers have options";
            reader.problem(ups.value_span("driver-options"), ups.path_of("driver-options"), message);
        }
        return DriverChoice::ApcSmart;
    }
    let Some(library) = libraries.iter().find(|library| library.name == name) else {
        let mut known: Vec<&str> = libraries.iter().map(|library| library.name.as_str()).collect();
        known.push(BUILT_IN);
        let message = format!(
            "there is no driver `{name}`; {}, or add a section `[driver.{name}]`",
            suggestion(&name, &known).trim_end_matches('?')
        );
        reader.problem(ups.value_span("driver"), ups.path_of("driver"), message);
        return DriverChoice::ApcSmart;
    };
    let as_text = |value: toml::Value| match value {
        toml::Value::String(text) => text,
        other => other.to_string(),
    };
    let options = options.unwrap_or_default().into_iter().map(|(key, value)| (key, as_text(value)));
    DriverChoice::Native(library.clone(), options.collect())
}
