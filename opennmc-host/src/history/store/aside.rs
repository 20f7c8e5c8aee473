//! A damaged database gives way to a new one, and is kept for whoever can make something of it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

/// So many damaged ones are kept, the newest: a failing disk must not fill itself with them.
const KEPT: usize = 2;

/// Moves the database and its companions aside, and tells where to.
pub(crate) fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let now = Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH);
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    let mut target = with_suffix(path, &format!(".damaged-{stamp}"));
    for number in 2.. {
        if !target.try_exists()? {
            break;
        }
        target = with_suffix(path, &format!(".damaged-{stamp}-{number}"));
    }
    // The log first: a new database must never meet an old one's.
    for companion in ["-wal", "-shm"] {
        rename_if_there(&with_suffix(path, companion), &with_suffix(&target, companion))?;
    }
    rename_if_there(path, &target)?;
    forget_old(path)?;
    Ok(target)
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn forget_old(path: &Path) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let start = format!("{}.damaged-", name.to_string_lossy());
    let mut names: Vec<String> = std::fs::read_dir(folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(&start) && !name.ends_with("-wal") && !name.ends_with("-shm"))
        .collect();
    // Their names are times.
    names.sort();
    for name in names.iter().rev().skip(KEPT) {
        for companion in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(folder.join(format!("{name}{companion}")));
        }
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
