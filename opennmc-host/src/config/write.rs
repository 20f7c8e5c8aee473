//! Writing a file so that there is always a whole one: the old, or the new.
//!
//! The new file is written beside the old one, reaches the disk, and takes its name in one step. Whoever reads at any
//! moment, or after the power failed at any byte, finds one of the two. Nothing else may write configurations.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Gid, Mode, RenameFlags, Uid, fchmod, fchown, renameat_with};
use rustix::io::Errno;

/// What to do with a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// The new one takes its place, with the old one's owner and mode. A symbolic link stays one: what it points to is
    /// replaced.
    Replace,
    /// The new one takes its place, with the mode that was asked for, whatever the old one's was.
    Supersede,
    /// It stays, and writing fails with [`io::ErrorKind::AlreadyExists`].
    Keep,
}

/// Writes `contents` to `path`. A file that was not there before gets `mode`.
pub fn write_file(path: &Path, contents: &[u8], mode: u32, existing: Existing) -> io::Result<()> {
    write_with(path, mode, existing, |mut file| file.write_all(contents))
}

/// Lets `write` fill the file that becomes `path`, as [`write_file`] does. When `write` fails, nothing has changed.
pub fn write_with<T, E: From<io::Error>>(
    path: &Path,
    mode: u32,
    existing: Existing,
    write: impl FnOnce(&File) -> Result<T, E>,
) -> Result<T, E> {
    let path = match existing {
        Existing::Replace | Existing::Supersede => fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
        Existing::Keep if fs::symlink_metadata(path).is_ok() => {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists).into());
        }
        Existing::Keep => path.to_owned(),
    };
    let beside = Beside::create(&path)?;
    let written = write(&beside.file)?;
    let file = &beside.file;
    match fs::symlink_metadata(&path) {
        Ok(old) if existing == Existing::Replace => {
            take_over(file, &old)?;
        }
        _ => fchmod(file, Mode::from_raw_mode(mode)).map_err(io::Error::from)?,
    }
    file.sync_all()?;
    beside.rename_to(&path, existing)?;
    File::open(folder_of(&path)).and_then(|folder| folder.sync_all())?;
    Ok(written)
}

/// Owner and mode of the file that is replaced. Only root may give a file away; anybody else is its owner already, or
/// becomes it.
fn take_over(file: &File, old: &fs::Metadata) -> io::Result<()> {
    let same = file.metadata().is_ok_and(|new| (new.uid(), new.gid()) == (old.uid(), old.gid()));
    if !same {
        match fchown(file, Some(Uid::from_raw(old.uid())), Some(Gid::from_raw(old.gid()))) {
            Ok(()) => {}
            // The group at least, which its members may set; without it, a wider mode would open it to others.
            Err(Errno::PERM) => fchown(file, None, Some(Gid::from_raw(old.gid())))?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(fchmod(file, Mode::from_raw_mode(old.mode() & 0o7777))?)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The new file under its passing name; removed unless it was renamed.
struct Beside {
    path: PathBuf,
    file: File,
}

impl Beside {
    fn create(path: &Path) -> io::Result<Beside> {
        let name = path
            .file_name()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "this is a folder, not a file"))?;
        let mut passing = std::ffi::OsString::from(".");
        passing.push(name);
        passing.push(format!(".new-{}", std::process::id()));
        let path = folder_of(path).join(passing);
        // Left by a process of the same number that was killed.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // For nobody else until it has its final mode.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Beside { path, file })
    }

    fn rename_to(&self, path: &Path, existing: Existing) -> io::Result<()> {
        match existing {
            Existing::Replace | Existing::Supersede => fs::rename(&self.path, path),
            Existing::Keep => match renameat_with(CWD, &self.path, CWD, path, RenameFlags::NOREPLACE) {
                // A file system without this kind of renaming: a second name fails too when the first is taken.
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => fs::hard_link(&self.path, path),
                result => Ok(result?),
            },
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // Gone when it was renamed.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_has_the_mode_that_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_file(&path, b"one", 0o640, Existing::Keep).unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (&b"one"[..], 0o640));
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_its_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        std::os::unix::fs::symlink("real", &link).unwrap();
        write_file(&link, b"new", 0o600, Existing::Replace).unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (&b"new"[..], 0o604));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(names(folder.path()), ["link", "real"]);
    }

    #[test]
    fn a_file_that_is_to_be_kept_is_untouched_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        let error = write_file(&path, b"new", 0o600, Existing::Keep).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn what_can_not_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::create_dir(&path).unwrap();
        assert!(write_file(&path, b"new", 0o600, Existing::Replace).is_err());
        assert_eq!(names(folder.path()), ["a"]);
    }
}
