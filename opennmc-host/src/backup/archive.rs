//! The file itself: a tar of plain files, the manifest first, in gzip.
//!
//! Reading trusts nothing: sizes are bounded before bytes are kept, only plain files with permitted names are taken, and
//! what the manifest says and what the archive holds must agree in every name, size and hash.

use std::io::{self, Read, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tar::EntryType;

use super::collect::Collected;
use super::manifest::{FORMAT, sha256};
use super::{BackupError, MOST_BYTES, Manifest, Places};

const MANIFEST: &str = "manifest.json";
/// Thousands of members fit.
const MANIFEST_BYTES: u64 = 4 << 20;

pub(super) fn pack(manifest: &Manifest, files: &[Collected]) -> Result<Vec<u8>, BackupError> {
    let failed = |source| BackupError::File { action: "pack", path: MANIFEST.into(), source };
    let text = serde_json::to_vec_pretty(manifest).map_err(|error| failed(error.into()))?;
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let seconds = manifest.made_ms / 1000;
    let mut append = |name: &str, mode: u32, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        header.set_mtime(seconds);
        tar.append_data(&mut header, name, bytes)
    };
    append(MANIFEST, 0o600, &text).map_err(failed)?;
    for file in files {
        append(&file.name, file.mode, &file.bytes).map_err(failed)?;
    }
    let mut gzip = tar.into_inner().map_err(failed)?;
    gzip.flush().map_err(failed)?;
    gzip.finish().map_err(failed)
}

/// Everything in the backup, checked; or what is wrong with it.
pub(super) fn unpack(reader: impl Read, places: &Places) -> Result<(Manifest, Vec<Collected>), String> {
    // One byte more than permitted, so that too much is told from just enough.
    let bounded = GzDecoder::new(reader).take(MOST_BYTES + MANIFEST_BYTES);
    let mut archive = tar::Archive::new(bounded);
    // Raw: extension records (long names, links, sparse maps) show up as entries and are refused.
    let mut entries = archive.entries().map_err(not_a_backup)?.raw(true);
    let first = entries.next().ok_or("it is empty")?;
    let (name, text) = read_entry(first, MANIFEST_BYTES)?;
    if name != MANIFEST {
        return Err(format!("it is not a backup of OpenNMC: it begins with `{name}`"));
    }
    let manifest = parse_manifest(&text)?;
    check_names(&manifest, places)?;
    let mut files = Vec::new();
    for member in &manifest.members {
        let entry = entries.next().ok_or_else(|| format!("it ends before `{}`", member.name))?;
        let (name, bytes) = read_entry(entry, member.size)?;
        if name != member.name {
            return Err(format!("it has `{name}` where its manifest has `{}`", member.name));
        }
        if bytes.len() as u64 != member.size || sha256(&bytes) != member.sha256 {
            return Err(format!("`{name}` is damaged: it is not what was saved"));
        }
        files.push(Collected { name, mode: member.mode & 0o777, bytes });
    }
    if entries.next().is_some() {
        return Err("it holds more than its manifest says".to_owned());
    }
    // To the very end, where gzip's own checksum is.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(not_a_backup)?;
    if rest.limit() == 0 {
        return Err(format!("it holds more than {} MiB", MOST_BYTES >> 20));
    }
    Ok((manifest, files))
}

fn parse_manifest(text: &[u8]) -> Result<Manifest, String> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    // The number first: a later format may have other fields.
    let Format { format } =
        serde_json::from_slice(text).map_err(|error| format!("its manifest is damaged: {error}"))?;
    if format != FORMAT {
        return Err(format!("it has format {format}, and this OpenNMC reads format {FORMAT}"));
    }
    serde_json::from_slice(text).map_err(|error| format!("its manifest is damaged: {error}"))
}

/// Every name is one that a backup may have, once.
fn check_names(manifest: &Manifest, places: &Places) -> Result<(), String> {
    let mut targets = Vec::new();
    let mut bytes = 0_u64;
    for member in &manifest.members {
        let shown = member.name.escape_debug();
        let target = places
            .target(&member.name)
            .ok_or_else(|| format!("`{shown}` is no name for a file in a backup"))?;
        if targets.contains(&target) {
            return Err(format!("it has `{shown}` twice"));
        }
        // A file can't be a folder as well.
        if targets.iter().any(|other| other.starts_with(&target) || target.starts_with(other)) {
            return Err(format!("`{shown}` is both a file and a folder"));
        }
        targets.push(target);
        bytes = bytes.saturating_add(member.size);
    }
    if bytes > MOST_BYTES {
        return Err(format!("it holds more than {} MiB", MOST_BYTES >> 20));
    }
    Ok(())
}

fn read_entry<R: Read>(entry: io::Result<tar::Entry<'_, R>>, most: u64) -> Result<(String, Vec<u8>), String> {
    let entry = entry.map_err(not_a_backup)?;
    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    if entry.header().entry_type() != EntryType::Regular {
        return Err(format!("`{}` is not a plain file", name.escape_debug()));
    }
    let size = entry.header().size().map_err(not_a_backup)?;
    if size > most {
        return Err(format!("`{}` is larger than it should be", name.escape_debug()));
    }
    let mut bytes = Vec::new();
    entry.take(most).read_to_end(&mut bytes).map_err(not_a_backup)?;
    Ok((name, bytes))
}

fn not_a_backup(error: io::Error) -> String {
    format!("it is not a backup, or not a whole one: {error}")
}
