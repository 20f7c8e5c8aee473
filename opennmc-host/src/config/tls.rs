//! `[tls]`: where this host's certificates are.
//!
//! Only the paths are read here; what is in the files is looked at by `opennmc check` and by whoever uses them.

use std::path::PathBuf;

use super::section::{Reader, Section};
use crate::plugin::TlsFiles;

pub(super) fn read(reader: &mut Reader<'_>, file: &mut Section<'_>) -> TlsFiles {
    let Some(mut section) = file.section(reader, "tls") else { return TlsFiles::default() };
    let mut path = |key: &'static str| {
        let path: PathBuf = section.optional(reader, key)?;
        if !path.is_absolute() {
            let message = format!("`{}` is not an absolute path", path.display());
            reader.problem(section.value_span(key), section.path_of(key), message);
        }
        Some(path)
    };
    let files = TlsFiles { ca: path("ca"), certificate: path("certificate"), key: path("key") };
    for (here, missing) in [("certificate", "key"), ("key", "certificate")] {
        if section.contains(here) && !section.contains(missing) {
            let message = format!("`{here}` needs `{missing}` beside it");
            reader.problem(section.value_span(here), section.path_of(here), message);
        }
    }
    section.finish(reader);
    files
}
