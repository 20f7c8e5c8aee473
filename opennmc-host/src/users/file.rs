//! `users.toml` on the disk: one writer at a time, and at any instant the old file or the new one.
//!
//! A change takes the lock file, reads what is there now, writes a new file beside it, makes that durable, puts it in the
//! place of the old one and makes the folder durable. Power may fail between any two of these steps. Nothing here knows
//! what the file means.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Gid, Uid, fchown, flock};
use rustix::process::geteuid;

use super::error::UserError;
use crate::service::folder::make_private;

const NAME: &str = "users.toml";
const NEW: &str = ".users.toml.new";
const LOCK: &str = "users.lock";
/// Only the daemon's user: the hashes in it can be guessed at.
const MODE: u32 = 0o600;
/// Ten thousand users would fit; what is larger is not ours.
const MOST_BYTES: u64 = 4 << 20;

/// Where the users are.
#[derive(Debug)]
pub(super) struct UserFile {
    folder: PathBuf,
    #[cfg(test)]
    pub(super) fails_at: std::sync::Mutex<Option<Step>>,
}

/// What tells one state of the file from another without reading it: every change makes a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// What is in the file, if there is one.
pub(super) type Content = Option<(String, Stamp)>;

/// The steps of a change, between which everything may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code))]
pub(super) enum Step {
    Create,
    Write,
    Sync,
    Rename,
    SyncFolder,
}

/// The right to change the file; ends when it is dropped, and with the process.
pub(super) struct Lock(#[allow(dead_code)] File);

impl UserFile {
    pub(super) fn new(folder: &Path) -> UserFile {
        UserFile {
            folder: folder.to_owned(),
            #[cfg(test)]
            fails_at: std::sync::Mutex::default(),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    /// What tells whether the file has changed; none: there is no file.
    pub(super) fn stamp(&self) -> Result<Option<Stamp>, UserError> {
        match fs::metadata(self.path()) {
            Ok(metadata) => Ok(Some(Stamp::of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(UserError::File { action: "look at", path: self.path(), source }),
        }
    }

    /// The file's permission bits.
    pub(super) fn mode(&self) -> Option<u32> {
        fs::metadata(self.path()).ok().map(|metadata| metadata.mode() & 0o7777)
    }

    /// Reads the file, which may be replaced at the same time.
    pub(super) fn read(&self) -> Result<Content, UserError> {
        let failed = |source| UserError::File { action: "read", path: self.path(), source };
        let file = match File::open(self.path()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let stamp = Stamp::of(&file.metadata().map_err(failed)?);
        let mut bytes = Vec::new();
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        let damaged = |problem: &str| UserError::Damaged { path: self.path(), problem: problem.to_owned() };
        if bytes.len() as u64 > MOST_BYTES {
            return Err(damaged("it is larger than any such file"));
        }
        let text = String::from_utf8(bytes).map_err(|_| damaged("it is not UTF-8 text"))?;
        Ok(Some((text, stamp)))
    }

    /// Waits for its turn to change the file.
    pub(super) fn lock(&self) -> Result<Lock, UserError> {
        let path = self.folder.join(LOCK);
        let failed = |source| UserError::File { action: "lock", path: path.clone(), source };
        let open =
            || OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(MODE).open(&path);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_private(&self.folder).map_err(failed)?;
                open().map_err(failed)?
            }
            result => result.map_err(failed)?,
        };
        self.hand_over(&file).map_err(failed)?;
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Err(rustix::io::Errno::INTR) => {}
                result => break result.map_err(|error| failed(error.into()))?,
            }
        }
        Ok(Lock(file))
    }

    /// Puts `text` in the place of the file.
    pub(super) fn replace(&self, _lock: &Lock, text: &str) -> Result<Stamp, UserError> {
        let path = self.folder.join(NEW);
        let failed = |action: &'static str| {
            let path = path.clone();
            move |source| UserError::File { action, path, source }
        };
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove")(error)),
            _ => {}
        }
        let written = self.write(&path, text);
        if written.is_err() {
            // What is half written is of no use; a full disk is glad of it.
            let _ = fs::remove_file(&path);
        }
        let stamp = written.map_err(failed("write"))?;
        self.before(Step::Rename).and_then(|()| fs::rename(&path, self.path())).map_err(failed("rename"))?;
        // The new file is in its place. If the folder can't be made durable, a power failure now may bring the old one
        // back; that is to be told as a failure, although readers see the new one.
        self.before(Step::SyncFolder)
            .and_then(|()| File::open(&self.folder)?.sync_all())
            .map_err(failed("make durable the folder of"))?;
        Ok(stamp)
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<Stamp> {
        self.before(Step::Create)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
        // The umask may have taken from the mode, never added; an exact mode is checked for by `doctor`.
        rustix::fs::fchmod(&file, MODE.into())?;
        self.hand_over(&file)?;
        self.before(Step::Write)?;
        file.write_all(text.as_bytes())?;
        self.before(Step::Sync)?;
        file.sync_all()?;
        Ok(Stamp::of(&file.metadata()?))
    }

    /// What root makes here belongs to whoever owns the folder, or the daemon could not read it.
    fn hand_over(&self, file: impl AsFd) -> io::Result<()> {
        if geteuid().is_root() {
            let folder = fs::metadata(&self.folder)?;
            fchown(file, Some(Uid::from_raw(folder.uid())), Some(Gid::from_raw(folder.gid())))?;
        }
        Ok(())
    }

    #[cfg(test)]
    fn before(&self, step: Step) -> io::Result<()> {
        if *self.fails_at.lock().unwrap() == Some(step) {
            return Err(io::Error::other(format!("made to fail before {step:?}")));
        }
        Ok(())
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    fn before(&self, _: Step) -> io::Result<()> {
        Ok(())
    }
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Stamp {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}
