//! From a backup to files that wait beside their places.
//!
//! Everything is verified in memory first; then each file is written under a hidden name in the folder where it belongs,
//! so that a rename within one file system finishes the work. Nothing that exists is touched here.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Mode, Uid, fchmod, fchown};
use rustix::process::geteuid;

use super::archive::unpack;
use super::collect::Collected;
use super::journal::{Journal, STAGED, Step, Steps, clear_stale};
use super::places::CONFIG;
use super::{BackupError, MOST_BYTES, Manifest, Places, seal};
use crate::config::Settings;
use crate::users::{Principal, Right, UserBase};

/// A backup that was found good and waits beside the files that it will replace.
///
/// [`Staged::commit`] or [`Staged::discard`] ends it; when neither happens, the next recovery clears it away.
#[derive(Debug)]
pub struct Staged {
    places: Places,
    manifest: Manifest,
    journal: Journal,
}

impl Staged {
    /// Verifies the backup in `file` and stages it. A principal who is no administrator may only restore what this host
    /// sealed. A restore that was interrupted earlier must have been recovered.
    pub fn read(file: &Path, places: &Places, by: &Principal) -> Result<Staged, BackupError> {
        Staged::read_with(file, places, by, &mut Steps::default())
    }

    pub(super) fn read_with(
        file: &Path,
        places: &Places,
        by: &Principal,
        steps: &mut Steps,
    ) -> Result<Staged, BackupError> {
        let denied = |what: &str| BackupError::Denied { who: by.name.clone(), what: what.to_owned() };
        if !by.may(&Right::BackUp) {
            return Err(denied("restore backups"));
        }
        clear_stale(places)?;
        let unusable = |problem| BackupError::Unusable { path: file.to_owned(), problem };
        let opened = File::open(file)
            .and_then(|opened| {
                let size = opened.metadata()?.len();
                if size > MOST_BYTES { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(opened) }
            })
            .map_err(|source| BackupError::File { action: "read", path: file.to_owned(), source })?;
        let (manifest, files) = unpack(io::BufReader::new(opened), places).map_err(unusable)?;
        let sealed = seal::existing_key(&places.state_dir)?.is_some_and(|key| manifest.is_sealed_with(&key));
        if !sealed && !by.may(&Right::Administer) {
            return Err(denied(
                "restore a backup that was not made on this machine: that needs an administrator",
            ));
        }
        check_configuration(&files, places).map_err(unusable)?;
        check_contents(&files).map_err(unusable)?;
        let journal = stage(&files, places, steps)?;
        Ok(Staged { places: places.clone(), manifest, journal })
    }

    /// What is in the backup.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Makes the restore certain: from here on it is finished by [`recover`](super::recover), however often the power
    /// fails. To be called by the daemon as its last act before it starts anew, or followed by
    /// [`recover`](super::recover) when none runs.
    pub fn commit(self) -> Result<(), BackupError> {
        self.commit_with(&mut Steps::default())
    }

    pub(super) fn commit_with(self, steps: &mut Steps) -> Result<(), BackupError> {
        self.journal.write(&self.places, steps)
    }

    /// Forgets about it.
    pub fn discard(self) {
        self.journal.clear_staged();
    }
}

fn check_configuration(files: &[Collected], places: &Places) -> Result<(), String> {
    let file = files.iter().find(|file| file.name == CONFIG).ok_or("there is no configuration in it")?;
    let text = std::str::from_utf8(&file.bytes).map_err(|_| "its configuration is not text")?;
    Settings::parse(&places.config, text)
        .map(|_| ())
        .map_err(|error| format!("its configuration is not valid:\n{error}"))
}

/// The users can be read and the history is a sound database: looked at in a folder of its own.
fn check_contents(files: &[Collected]) -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("opennmc-restore-{}-{:x}", std::process::id(), random()?));
    let cannot = |error: io::Error| format!("it can't be checked in {}: {error}", folder.display());
    fs::DirBuilder::new().mode(0o700).create(&folder).map_err(cannot)?;
    let checked =
        check_in(&folder, files).map_err(|problem| problem.replace(&folder.display().to_string(), "backup"));
    fs::remove_dir_all(&folder).map_err(cannot)?;
    checked
}

fn check_in(folder: &Path, files: &[Collected]) -> Result<(), String> {
    let find = |name: &str| files.iter().find(|file| file.name == name);
    let write = |name: &str, bytes: &[u8]| {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(name));
        file.and_then(|mut file| file.write_all(bytes))
            .map_err(|error| format!("it can't be checked: {error}"))
    };
    if let Some(users) = find("state/users.toml") {
        write("users.toml", &users.bytes)?;
        let problem =
            UserBase::open(folder).map_or_else(|error| Some(error.to_string()), |base| base.problem());
        if let Some(problem) = problem {
            return Err(format!("its users can't be read: {problem}"));
        }
    }
    if let Some(history) = find("state/history.db") {
        write("history.db", &history.bytes)?;
        let sound = rusqlite::Connection::open(folder.join("history.db")).and_then(|database| {
            database.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0))
        });
        match sound.as_deref() {
            Ok("ok") => {}
            Ok(problem) => return Err(format!("its history is damaged: {problem}")),
            Err(error) => return Err(format!("its history is damaged: {error}")),
        }
    }
    Ok(())
}

/// Writes every file beside its place; gives the steps that remain.
fn stage(files: &[Collected], places: &Places, steps: &mut Steps) -> Result<Journal, BackupError> {
    let mark = random().map_err(BackupError::Key)?;
    let mut journal = Journal::default();
    for (index, file) in files.iter().enumerate() {
        let target = places.target(&file.name).ok_or_else(|| BackupError::Unusable {
            path: file.name.clone().into(),
            problem: "no name for a file in a backup".to_owned(),
        })?;
        // What a link points to is what is replaced.
        let target = fs::canonicalize(&target).unwrap_or(target);
        let folder = target.parent().unwrap_or(Path::new("/")).to_owned();
        let staged = folder.join(format!("{}{mark:016x}-{index}", STAGED));
        let failed = |source| BackupError::File { action: "write", path: staged.clone(), source };
        let written = steps
            .before("stage")
            .and_then(|()| make_folder(&folder))
            .and_then(|()| write_staged(&staged, &target, file));
        if let Err(error) = written {
            if !steps.crashed() {
                journal.clear_staged();
                let _ = fs::remove_file(&staged);
            }
            return Err(failed(error));
        }
        journal.steps.push(Step { staged, target });
    }
    journal.remove = leftovers(&journal, places);
    for folder in journal.folders() {
        let synced = steps.before("sync folder").and_then(|()| File::open(&folder)?.sync_all());
        synced.map_err(|source| BackupError::File { action: "make durable", path: folder, source })?;
    }
    Ok(journal)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().ok_or(io::ErrorKind::NotFound)?;
    make_folder(above)?;
    match fs::DirBuilder::new().mode(0o750).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    hand_over(File::open(folder)?, &fs::metadata(above)?)?;
    File::open(above)?.sync_all()
}

fn write_staged(staged: &Path, target: &Path, file: &Collected) -> io::Result<()> {
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(staged)?;
    out.write_all(&file.bytes)?;
    // As what it replaces; else as its folder.
    let like = match fs::metadata(target) {
        Ok(metadata) => metadata,
        Err(_) => fs::metadata(staged.parent().unwrap_or(Path::new("/")))?,
    };
    hand_over(&out, &like)?;
    fchmod(&out, Mode::from_raw_mode(file.mode))?;
    out.sync_all()
}

fn hand_over(file: impl AsFd, like: &fs::Metadata) -> io::Result<()> {
    if geteuid().is_root() {
        fchown(file, Some(Uid::from_raw(like.uid())), Some(Gid::from_raw(like.gid())))?;
    }
    Ok(())
}

/// What exists, would have been in a backup, and is not in this one: a script that was written since, for one. And the
/// history's side files, which belong to the database that goes.
fn leftovers(journal: &Journal, places: &Places) -> Vec<PathBuf> {
    let mut leftovers: Vec<PathBuf> = Vec::new();
    if let Ok(now) = super::collect::names(places) {
        leftovers.extend(now.iter().filter_map(|name| places.target(name)));
    }
    for ending in ["-wal", "-shm", "-journal"] {
        leftovers.push(places.state_dir.join(format!("history.db{ending}")));
    }
    leftovers.retain(|path| {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        path.exists() && journal.steps.iter().all(|step| step.target != real)
    });
    leftovers
}

fn random() -> Result<u64, String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(u64::from_ne_bytes(bytes))
}
