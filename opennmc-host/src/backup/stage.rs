//! Writing what is in a backup beside the places where it belongs.
//!
//! Every file gets a hidden name and reaches the disk before it counts. Nothing that exists is touched, and all that was made
//! goes with [`Staging::abandon`].

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Mode, Uid, fchmod, fchown};
use rustix::process::geteuid;

use super::archive::Taker;
use super::journal::{Journal, STAGED, Step, Steps, may_write};
use super::manifest::Hashing;
use super::places::{CONFIG, DATABASES, USERS};
use super::{BackupError, Manifest, Member, Places, room};

/// The configuration and the users are looked at in memory; real ones have some KiB.
const LOOKED_AT: u64 = 4 << 20;

/// Asked with the manifest before anything is written.
type Permit<'a> = Box<dyn Fn(&Manifest) -> Result<(), BackupError> + 'a>;

/// What was written so far.
pub(super) struct Staging<'a> {
    places: &'a Places,
    permit: Permit<'a>,
    steps: &'a mut Steps,
    mark: u64,
    journal: Journal,
    made_folders: Vec<PathBuf>,
    /// Where every member belongs, also those that are there already.
    targets: Vec<PathBuf>,
    current: Current,
    /// The configuration in the backup.
    pub(super) config: Option<Vec<u8>>,
    /// The users in the backup.
    pub(super) users: Option<Vec<u8>>,
    /// Where databases wait, by their names.
    pub(super) databases: Vec<(&'static str, PathBuf)>,
}

/// The file that is being taken.
#[derive(Default)]
struct Current {
    name: String,
    mode: u32,
    /// None when what is there already is the same.
    file: Option<File>,
    /// What is looked at later.
    bytes: Option<Vec<u8>>,
}

impl Taker for Staging<'_> {
    fn announce(&mut self, manifest: &Manifest) -> Result<(), BackupError> {
        (self.permit)(manifest)?;
        let sum = |state: bool| {
            let members = manifest.members.iter();
            let members = members.filter(|member| is_state(&member.name) == state);
            members.fold(0_u64, |sum, member| sum.saturating_add(member.size))
        };
        room::check(&self.places.state_dir, sum(true))?;
        room::check(self.places.config_dir(), sum(false))
    }

    fn begin(&mut self, member: &Member) -> Result<(), BackupError> {
        let looked_at = member.name == CONFIG || member.name == USERS;
        if looked_at && member.size > LOOKED_AT {
            let problem = "it is larger than any such file".to_owned();
            return Err(BackupError::Unusable { path: member.name.clone().into(), problem });
        }
        let target = self.places.target(&member.name).ok_or_else(|| BackupError::Unusable {
            path: member.name.clone().into(),
            problem: "no name for a file in a backup".to_owned(),
        })?;
        // What a link points to is what is replaced.
        let target = fs::canonicalize(&target).unwrap_or(target);
        self.targets.push(target.clone());
        let file = match !is_state(&member.name) && is_there(&target, member) {
            true => None,
            false => Some(self.open(target, member)?),
        };
        self.current = Current {
            name: member.name.clone(),
            mode: member.mode & 0o777,
            file,
            bytes: looked_at.then(Vec::new),
        };
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        if let Some(held) = &mut self.current.bytes {
            held.extend_from_slice(bytes);
        }
        let written = match &mut self.current.file {
            Some(file) => file.write_all(bytes),
            None => Ok(()),
        };
        written.map_err(|source| self.failed(source))
    }

    fn end(&mut self) -> Result<(), BackupError> {
        let Current { name, mode, file, bytes } = std::mem::take(&mut self.current);
        if let (Some(file), Some(step)) = (file, self.journal.steps.last()) {
            let ended = finish(&file, step, mode);
            if let Some(database) = DATABASES.into_iter().find(|known| name == format!("state/{known}")) {
                self.databases.push((database, step.staged.clone()));
            }
            ended.map_err(|source| self.failed(source))?;
        }
        match name.as_str() {
            CONFIG => self.config = bytes,
            USERS => self.users = bytes,
            _ => {}
        }
        Ok(())
    }
}

impl<'a> Staging<'a> {
    /// Nothing yet. `permit` is asked with the manifest before anything is written.
    pub(super) fn begin(
        places: &'a Places,
        permit: impl Fn(&Manifest) -> Result<(), BackupError> + 'a,
        steps: &'a mut Steps,
    ) -> Result<Staging<'a>, BackupError> {
        Ok(Staging {
            places,
            permit: Box::new(permit),
            steps,
            mark: random().map_err(BackupError::Key)?,
            journal: Journal::default(),
            made_folders: Vec::new(),
            targets: Vec::new(),
            current: Current::default(),
            config: None,
            users: None,
            databases: Vec::new(),
        })
    }

    /// All files are there: names what goes, and makes the folders durable.
    pub(super) fn complete(&mut self) -> Result<(), BackupError> {
        self.journal.remove = self.leftovers();
        // Side files belong to the database that goes; a daemon may make them at any moment.
        for name in DATABASES {
            let side_files = ["-wal", "-shm", "-journal"].map(|ending| format!("{name}{ending}"));
            self.journal.side_files.extend(side_files.map(|name| self.places.state_dir.join(name)));
        }
        for path in &self.journal.remove {
            let folder = path.parent().unwrap_or(Path::new("/"));
            if folder.is_dir() && !may_write(folder) {
                return Err(BackupError::ReadOnly(folder.to_owned()));
            }
        }
        for folder in self.journal.folders() {
            let synced = self.steps.before("sync folder").and_then(|()| File::open(&folder)?.sync_all());
            synced.map_err(|source| BackupError::File { action: "make durable", path: folder, source })?;
        }
        Ok(())
    }

    pub(super) fn into_journal(self) -> Journal {
        self.journal
    }

    /// Removes all that was made.
    pub(super) fn abandon(self) {
        if self.steps.crashed() {
            return;
        }
        self.journal.clear_staged();
        for folder in self.made_folders.iter().rev() {
            // One that somebody has put something into stays.
            let _ = fs::remove_dir(folder);
        }
    }

    /// Makes the file that will become `target`.
    fn open(&mut self, target: PathBuf, member: &Member) -> Result<File, BackupError> {
        let folder = target.parent().unwrap_or(Path::new("/")).to_owned();
        let staged = folder.join(format!("{STAGED}{:016x}-{}", self.mark, self.journal.steps.len()));
        let made = self
            .steps
            .before("stage")
            .and_then(|()| self.make_folder(&folder))
            .and_then(|()| OpenOptions::new().write(true).create_new(true).mode(0o600).open(&staged));
        let refused = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
        };
        match made {
            Ok(file) => {
                self.journal.steps.push(Step { staged, target });
                Ok(file)
            }
            Err(error) if refused(&error) && !is_state(&member.name) => Err(BackupError::ReadOnly(folder)),
            Err(source) => Err(BackupError::File { action: "write", path: staged, source }),
        }
    }

    fn make_folder(&mut self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        let above = folder.parent().ok_or(io::ErrorKind::NotFound)?;
        self.make_folder(above)?;
        match DirBuilder::new().mode(0o750).create(folder) {
            Ok(()) => self.made_folders.push(folder.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        hand_over(File::open(folder)?, &fs::metadata(above)?)?;
        File::open(above)?.sync_all()
    }

    fn failed(&self, source: io::Error) -> BackupError {
        let path = self.journal.steps.last().map_or_else(PathBuf::new, |step| step.target.clone());
        BackupError::File { action: "write what will be", path, source }
    }

    /// What exists, would have been in a backup, and is not in this one: a script that was written since, for one.
    fn leftovers(&self) -> Vec<PathBuf> {
        let mut leftovers: Vec<PathBuf> = Vec::new();
        if let Ok(now) = super::collect::names(self.places) {
            leftovers.extend(now.iter().filter_map(|name| self.places.target(name)));
        }
        leftovers.retain(|path| {
            let real = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
            path.exists() && !self.targets.contains(&real)
        });
        leftovers
    }
}

fn is_state(name: &str) -> bool {
    name != CONFIG && !name.starts_with("scripts/")
}

/// Whether what is at `target` is this member already.
fn is_there(target: &Path, member: &Member) -> bool {
    let hash = |file: File| {
        let mut file = Hashing::new(file.take(member.size.saturating_add(1)));
        io::copy(&mut file, &mut io::sink()).map(|_| file.sha256())
    };
    let same_mode =
        |file: &File| file.metadata().is_ok_and(|there| there.mode() & 0o777 == member.mode & 0o777);
    File::open(target)
        .is_ok_and(|file| same_mode(&file) && hash(file).is_ok_and(|hash| hash == member.sha256))
}

fn finish(file: &File, Step { staged, target }: &Step, mode: u32) -> io::Result<()> {
    // As what it replaces; else as its folder.
    let like = match fs::metadata(target) {
        Ok(metadata) => metadata,
        Err(_) => fs::metadata(staged.parent().unwrap_or(Path::new("/")))?,
    };
    hand_over(file, &like)?;
    fchmod(file, Mode::from_raw_mode(mode))?;
    file.sync_all()
}

/// Gives `file` to whom `like` belongs, if this process may.
pub(super) fn hand_over(file: impl AsFd, like: &fs::Metadata) -> io::Result<()> {
    if geteuid().is_root() {
        fchown(file, Some(Uid::from_raw(like.uid())), Some(Gid::from_raw(like.gid())))?;
    }
    Ok(())
}

fn random() -> Result<u64, String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(u64::from_ne_bytes(bytes))
}
