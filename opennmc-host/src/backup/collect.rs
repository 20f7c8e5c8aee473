//! What goes into a backup: everything that makes this installation this one, as of now.
//!
//! The folder for state goes in whole, so that a later part of OpenNMC does not have to be listed here to be saved; left
//! out is what is made anew (locks, sockets, caches) and what is work in progress (hidden files). Databases are copied by
//! SQLite, because their files alone are not the databases.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::manifest::{Hashing, sha256};
use super::places::{CONFIG, DATABASES, LONGEST_NAME, PLUGINS, is_plain};
use super::{BackupError, Places, room};
use crate::config::{DEFAULT_PLUGIN_DIR, Settings};

/// What SQLite, locks and compiled plugins leave: of no use elsewhere.
const ENDINGS: [&str; 4] = ["-wal", "-shm", "-journal", ".lock"];
const CACHES: [&str; 1] = ["cache"];
/// State is two or three folders deep.
const DEEPEST: usize = 8;
/// Files up to this size are kept in memory from the moment at which they are hashed: users and grants may change at any.
/// Larger ones are read a second time, and must not have changed.
const HELD_BYTES: u64 = 256 << 10;
/// What is kept in memory of all files together.
const HELD_IN_ALL: u64 = 4 << 20;
/// A database's copy while the backup is made ends so. One at a time: see [`Exclusive`](super::exclusive::Exclusive).
const COPY: &str = ".copy";

/// A file for a backup.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) name: String,
    pub(super) mode: u32,
    pub(super) size: u64,
    /// In hexadecimal digits.
    pub(super) sha256: String,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Held(Vec<u8>),
    At(PathBuf),
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Collection {
    pub(super) files: Vec<Collected>,
    pub(super) skipped: Vec<String>,
    with_contents: bool,
    held: u64,
    copies: Vec<Passing>,
}

/// A file that goes when it is not needed any more.
#[derive(Debug)]
struct Passing(PathBuf);

impl Drop for Passing {
    fn drop(&mut self) {
        // The next backup removes what this one could not.
        let _ = fs::remove_file(&self.0);
    }
}

impl Collected {
    /// A file with these bytes.
    pub(super) fn held(name: String, mode: u32, bytes: Vec<u8>) -> Collected {
        let (size, sha256) = (bytes.len() as u64, sha256(&bytes));
        Collected { name, mode, size, sha256, content: Content::Held(bytes) }
    }

    /// What is in it, from the beginning.
    pub(super) fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match &self.content {
            Content::Held(bytes) => Box::new(bytes.as_slice()),
            Content::At(path) => Box::new(open(path, &self.name)?),
        })
    }
}

/// The files of an installation with what is in them.
pub(super) fn collect(places: &Places) -> Result<Collection, BackupError> {
    gather(places, Collection { with_contents: true, ..Collection::default() })
}

/// Their names only.
pub(super) fn names(places: &Places) -> Result<Vec<String>, BackupError> {
    Ok(gather(places, Collection::default())?.files.into_iter().map(|file| file.name).collect())
}

fn gather(places: &Places, mut collection: Collection) -> Result<Collection, BackupError> {
    collection.file(CONFIG.to_owned(), &places.config)?;
    collection.folder("scripts", &places.scripts(), 0)?;
    collection.packages(places)?;
    collection.folder("state", &places.state_dir, 0)?;
    for name in DATABASES {
        collection.database(&places.state_dir, name)?;
    }
    Ok(collection)
}

impl Collection {
    /// Everything below `folder`, under `name`, in the order of the names.
    fn folder(&mut self, name: &str, folder: &Path, depth: usize) -> Result<(), BackupError> {
        let failed = |source| BackupError::File { action: "read", path: folder.to_owned(), source };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        let mut entries = entries.collect::<io::Result<Vec<_>>>().map_err(failed)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let file_name = entry.file_name();
            let Some(part) = file_name.to_str().filter(|part| is_plain(part)) else {
                if !file_name.as_encoded_bytes().starts_with(b".") {
                    self.skipped.push(format!("{}: such a name can't be in a backup", path.display()));
                }
                continue;
            };
            let top = depth == 0 && name == "state";
            let made_anew =
                ENDINGS.iter().any(|ending| part.ends_with(ending)) || (top && CACHES.contains(&part));
            if made_anew || (top && DATABASES.contains(&part)) {
                continue;
            }
            let name = format!("{name}/{part}");
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() && depth < DEEPEST {
                self.folder(&name, &path, depth + 1)?;
            } else if kind.is_file() && name.len() <= LONGEST_NAME {
                self.file(name, &path)?;
            } else if !kind.is_file() {
                self.skipped.push(format!("{}: not a plain file", path.display()));
            } else {
                self.skipped.push(format!("{}: its path is too long for a backup", path.display()));
            }
        }
        Ok(())
    }

    /// The packages that the configuration uses and that neither come with the system nor are in the folder for state.
    fn packages(&mut self, places: &Places) -> Result<(), BackupError> {
        // A configuration that can't be read now is saved all the same; which packages it uses is not known then.
        let Ok(settings) = Settings::load(&places.config) else { return Ok(()) };
        let elsewhere =
            |path: &Path| !path.starts_with(DEFAULT_PLUGIN_DIR) && !path.starts_with(&places.state_dir);
        for plugin in &settings.plugins {
            let package = match &plugin.package {
                Some(path) => Some(path.clone()),
                None => crate::plugin::find_package(&plugin.id, &settings.plugin_dirs)
                    .ok()
                    .map(|package| package.path),
            };
            let Some(path) = package.filter(|path| elsewhere(path)) else { continue };
            match path.file_name().and_then(|name| name.to_str()).filter(|name| is_plain(name)) {
                Some(name) => {
                    let there = places.state_dir.join(PLUGINS).join(name).exists();
                    let name = format!("{PLUGINS}/{name}");
                    if there || self.files.iter().any(|file| file.name == name) {
                        self.skipped.push(format!(
                            "{}: another package of this name is in the backup",
                            path.display()
                        ));
                    } else {
                        self.file(name, &path)?;
                    }
                }
                None => self.skipped.push(format!("{}: such a name can't be in a backup", path.display())),
            }
        }
        Ok(())
    }

    fn database(&mut self, state_dir: &Path, name: &str) -> Result<(), BackupError> {
        let path = state_dir.join(name);
        let mode = match fs::metadata(&path) {
            Ok(metadata) => metadata.mode(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(BackupError::File { action: "look at", path, source }),
        };
        if !self.with_contents {
            return self.file(format!("state/{name}"), &path);
        }
        // With what is in the write-ahead log; the file may be a little larger than its copy.
        let wal = fs::metadata(state_dir.join(format!("{name}-wal"))).map_or(0, |wal| wal.len());
        let size = fs::metadata(&path).map_or(0, |database| database.len());
        room::check(state_dir, size + wal)?;
        let copy = Passing(state_dir.join(format!(".{name}{COPY}")));
        copy_database(&path, &copy.0)
            .map_err(|problem| BackupError::Database { path: path.clone(), problem })?;
        self.file(format!("state/{name}"), &copy.0)?;
        self.copies.push(copy);
        if let Some(database) = self.files.last_mut() {
            database.mode = mode & 0o777;
        }
        Ok(())
    }

    fn file(&mut self, name: String, path: &Path) -> Result<(), BackupError> {
        let failed = |source| BackupError::File { action: "read", path: path.to_owned(), source };
        let file = open(path, &name).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let mode = metadata.mode() & 0o777;
        if !self.with_contents {
            self.files.push(Collected::held(name, mode, Vec::new()));
        } else if metadata.len() <= HELD_BYTES && self.held + metadata.len() <= HELD_IN_ALL {
            let mut bytes = Vec::new();
            // It may have grown since.
            file.take(HELD_BYTES).read_to_end(&mut bytes).map_err(failed)?;
            self.held += bytes.len() as u64;
            self.files.push(Collected::held(name, mode, bytes));
        } else {
            let mut file = Hashing::new(file);
            let size = io::copy(&mut file, &mut io::sink()).map_err(failed)?;
            let (sha256, content) = (file.sha256(), Content::At(path.to_owned()));
            self.files.push(Collected { name, mode, size, sha256, content });
        }
        Ok(())
    }
}

/// Never through a link, except for the configuration itself, which may be one.
fn open(path: &Path, name: &str) -> io::Result<File> {
    let flags = if name == CONFIG { OFlags::empty() } else { OFlags::NOFOLLOW };
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    fs::OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// A whole database of one moment, while the daemon goes on writing to it.
fn copy_database(from: &Path, to: &Path) -> Result<(), String> {
    let _ = fs::remove_file(to);
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = rusqlite::Connection::open_with_flags(from, flags).map_err(|error| error.to_string())?;
    let target = to.to_str().ok_or("its path is not UTF-8")?;
    database.busy_timeout(std::time::Duration::from_secs(10)).map_err(|error| error.to_string())?;
    database.execute("VACUUM INTO ?1", [target]).map(|_| ()).map_err(|error| error.to_string())
}
