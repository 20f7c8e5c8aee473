//! What goes into a backup: everything that makes this installation this one, as of now.
//!
//! The folder for state goes in whole, so that a later part of OpenNMC does not have to be listed here to be saved; left
//! out is what is made anew (locks, sockets, caches) and what is work in progress (hidden files). The history is copied by
//! SQLite, because its file alone is not the database.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

use super::places::{CONFIG, LONGEST_NAME, PLUGINS, is_plain};
use super::{BackupError, MOST_BYTES, Places};
use crate::config::{DEFAULT_PLUGIN_DIR, Settings};

/// The history's database, by its name in the folder for state.
const HISTORY: &str = "history.db";
/// What SQLite, locks and compiled plugins leave: of no use elsewhere.
const ENDINGS: [&str; 4] = ["-wal", "-shm", "-journal", ".lock"];
const CACHES: [&str; 1] = ["cache"];
/// State is two or three folders deep.
const DEEPEST: usize = 8;

/// A file for a backup.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) name: String,
    pub(super) mode: u32,
    pub(super) bytes: Vec<u8>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Collection {
    pub(super) files: Vec<Collected>,
    pub(super) skipped: Vec<String>,
    with_contents: bool,
    bytes: u64,
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
    collection.history(&places.state_dir)?;
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
            if made_anew || (top && part == HISTORY) {
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

    fn history(&mut self, state_dir: &Path) -> Result<(), BackupError> {
        let path = state_dir.join(HISTORY);
        let mode = match fs::metadata(&path) {
            Ok(metadata) => metadata.mode(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(BackupError::File { action: "look at", path, source }),
        };
        if !self.with_contents {
            return self.file(format!("state/{HISTORY}"), &path);
        }
        let copy = state_dir.join(format!(".history.copy-{}", std::process::id()));
        let copied = copy_database(&path, &copy)
            .map_err(|problem| BackupError::History { path: path.clone(), problem })
            .and_then(|()| self.file(format!("state/{HISTORY}"), &copy));
        // Half a copy is of no use either.
        let _ = fs::remove_file(&copy);
        copied?;
        if let Some(history) = self.files.last_mut() {
            history.mode = mode & 0o777;
        }
        Ok(())
    }

    fn file(&mut self, name: String, path: &Path) -> Result<(), BackupError> {
        let failed = |source| BackupError::File { action: "read", path: path.to_owned(), source };
        // Never through a link, except for the configuration itself, which may be one.
        let flags = if name == CONFIG { OFlags::empty() } else { OFlags::NOFOLLOW };
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.mode() & 0o777;
        let mut bytes = Vec::new();
        if !self.with_contents {
            self.files.push(Collected { name, mode, bytes });
            return Ok(());
        }
        file.take(MOST_BYTES - self.bytes + 1).read_to_end(&mut bytes).map_err(failed)?;
        self.bytes += bytes.len() as u64;
        if self.bytes > MOST_BYTES {
            let problem = format!("a backup holds at most {} MiB", MOST_BYTES >> 20);
            return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, problem)));
        }
        self.files.push(Collected { name, mode, bytes });
        Ok(())
    }
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
