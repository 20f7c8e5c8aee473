//! The file itself: a tar of plain files, the manifest first, in gzip.
//!
//! Both ways it goes through in pieces: what is in a backup may be larger than the memory of the machine. Reading trusts
//! nothing: only plain files with permitted names are handed on, none longer than the manifest says, and what the manifest
//! says and what the archive holds must agree in every name, size and hash.

use std::io::{self, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tar::EntryType;

use super::collect::Collected;
use super::manifest::{FORMAT, Hashing};
use super::{BackupError, Manifest, Member, Places};

const MANIFEST: &str = "manifest.json";
/// Thousands of members fit.
const MANIFEST_BYTES: u64 = 4 << 20;
/// What may follow the last member: tar fills up its last record.
const TRAILING_BYTES: u64 = 1 << 20;
/// What is in memory of a file at any time.
const PIECE: usize = 64 << 10;

/// Who takes what is read from a backup. Nothing that it was given counts until [`unpack`] has succeeded.
pub(super) trait Taker {
    /// What the backup says of itself; its names are good ones.
    fn announce(&mut self, manifest: &Manifest) -> Result<(), BackupError>;
    /// The next file begins.
    fn begin(&mut self, member: &Member) -> Result<(), BackupError>;
    /// The next piece of it.
    fn take(&mut self, bytes: &[u8]) -> Result<(), BackupError>;
    /// It was whole, and is what was saved.
    fn end(&mut self) -> Result<(), BackupError>;
}

pub(super) fn pack<W: Write>(manifest: &Manifest, files: &[Collected], out: W) -> Result<W, BackupError> {
    let failed = |source| BackupError::File { action: "pack", path: MANIFEST.into(), source };
    let text = serde_json::to_vec_pretty(manifest).map_err(|error| failed(error.into()))?;
    if text.len() as u64 > MANIFEST_BYTES {
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "there are too many files")));
    }
    let mut tar = tar::Builder::new(GzEncoder::new(out, Compression::default()));
    let seconds = manifest.made_ms / 1000;
    let mut append = |name: &str, mode: u32, size: u64, reader: &mut dyn Read| {
        let mut header = tar::Header::new_ustar();
        header.set_size(size);
        header.set_mode(mode);
        header.set_mtime(seconds);
        tar.append_data(&mut header, name, reader)
    };
    append(MANIFEST, 0o600, text.len() as u64, &mut text.as_slice()).map_err(failed)?;
    for file in files {
        let failed = |source| BackupError::File { action: "pack", path: file.name.clone().into(), source };
        let mut reader = Hashing::new(file.open().map_err(failed)?);
        append(&file.name, file.mode, file.size, &mut (&mut reader).take(file.size)).map_err(failed)?;
        // What was read now must be what was hashed for the manifest.
        let more = reader.read(&mut [0]).map_err(failed)?;
        if more > 0 || reader.sha256() != file.sha256 {
            return Err(failed(io::Error::other("it changed meanwhile; try again")));
        }
    }
    let mut gzip = tar.into_inner().map_err(failed)?;
    gzip.flush().map_err(failed)?;
    gzip.finish().map_err(failed)
}

/// Hands everything in the backup to `taker`, and gives the manifest when all of it was good. `shown` is how the backup is
/// called in errors.
pub(super) fn unpack(
    reader: impl Read,
    shown: &Path,
    places: &Places,
    taker: &mut dyn Taker,
) -> Result<Manifest, BackupError> {
    let unusable = |problem: String| BackupError::Unusable { path: shown.to_owned(), problem };
    let mut archive = tar::Archive::new(GzDecoder::new(reader));
    // Raw: extension records (long names, links, sparse maps) show up as entries and are refused.
    let mut entries = archive.entries().map_err(not_a_backup).map_err(unusable)?.raw(true);
    let manifest = read_manifest(entries.next()).map_err(unusable)?;
    check_names(&manifest, places).map_err(unusable)?;
    taker.announce(&manifest)?;
    for member in &manifest.members {
        let entry = entries.next().ok_or_else(|| unusable(format!("it ends before `{}`", member.name)))?;
        let (name, entry) = plain(entry, member.size).map_err(unusable)?;
        if name != member.name {
            return Err(unusable(format!("it has `{name}` where its manifest has `{}`", member.name)));
        }
        taker.begin(member)?;
        let mut reader = Hashing::new(entry);
        let mut size = 0;
        let mut piece = vec![0; PIECE];
        loop {
            match reader.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => {
                    size += count as u64;
                    taker.take(&piece[..count])?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unusable(not_a_backup(error))),
            }
        }
        if size != member.size || reader.sha256() != member.sha256 {
            return Err(unusable(format!("`{name}` is damaged: it is not what was saved")));
        }
        taker.end()?;
    }
    if entries.next().is_some() {
        return Err(unusable("it holds more than its manifest says".to_owned()));
    }
    // To the very end, where gzip's own checksum is.
    let mut rest = archive.into_inner().take(TRAILING_BYTES);
    io::copy(&mut rest, &mut io::sink()).map_err(not_a_backup).map_err(unusable)?;
    if rest.limit() == 0 {
        return Err(unusable("it holds more than its manifest says".to_owned()));
    }
    Ok(manifest)
}

fn read_manifest<R: Read>(first: Option<io::Result<tar::Entry<'_, R>>>) -> Result<Manifest, String> {
    let (name, mut entry) = plain(first.ok_or("it is empty")?, MANIFEST_BYTES)?;
    if name != MANIFEST {
        return Err(format!("it is not a backup of OpenNMC: it begins with `{name}`"));
    }
    let mut text = Vec::new();
    entry.read_to_end(&mut text).map_err(not_a_backup)?;
    parse_manifest(&text)
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
    let mut targets = std::collections::BTreeSet::new();
    for member in &manifest.members {
        let shown = member.name.escape_debug();
        let target = places
            .target(&member.name)
            .ok_or_else(|| format!("`{shown}` is no name for a file in a backup"))?;
        if !targets.insert(target) {
            return Err(format!("it has `{shown}` twice"));
        }
    }
    // A file can't be a folder as well.
    for target in &targets {
        if target.ancestors().skip(1).any(|above| targets.contains(above)) {
            return Err(format!("`{}` is below a file: that is both a file and a folder", target.display()));
        }
    }
    Ok(())
}

/// The name of an entry, when it is a plain file of at most `most` bytes; and the entry.
fn plain<R: Read>(
    entry: io::Result<tar::Entry<'_, R>>,
    most: u64,
) -> Result<(String, tar::Entry<'_, R>), String> {
    let entry = entry.map_err(not_a_backup)?;
    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    if entry.header().entry_type() != EntryType::Regular {
        return Err(format!("`{}` is not a plain file", name.escape_debug()));
    }
    let size = entry.header().size().map_err(not_a_backup)?;
    if size > most {
        return Err(format!("`{}` is larger than it should be", name.escape_debug()));
    }
    Ok((name, entry))
}

fn not_a_backup(error: io::Error) -> String {
    format!("it is not a backup, or not a whole one: {error}")
}
