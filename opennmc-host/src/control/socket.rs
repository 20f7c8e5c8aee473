//! The socket's file: made with the right permissions, taken over only from the dead, removed at the end.
//!
//! A lock beside it belongs to whoever made the file. Without it, two daemons that start at once could each find the other's
//! fresh socket silent and remove it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::net::SocketFlags;

use super::peer;
use crate::config::ControlSettings;
use crate::socket_file::{SocketFile, SocketFileError};

/// Connections that wait to be accepted; the kernel lets more clients wait in `connect`.
const BACKLOG: i32 = 64;

/// A socket that is listened on. Its file goes with it.
#[derive(Debug)]
pub(super) struct ControlSocket {
    pub(super) listener: UnixListener,
    // Removed before the lock is let go.
    _file: SocketFile,
    _lock: File,
}

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Another daemon has it.
    #[error("another opennmc already listens on {}; stop it, or give this one another `[control] socket`", .0.display())]
    Taken(PathBuf),
    /// Something that is no socket.
    #[error("{} exists and is not a socket; remove it, or set another `[control] socket`", .0.display())]
    Foreign(PathBuf),
    /// The system refused.
    #[error("can't make the control socket {}: {source}", path.display())]
    System {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ControlSocket {
    pub(super) fn bind(settings: &ControlSettings) -> Result<ControlSocket, SocketError> {
        let path = settings.socket.as_path();
        let system = |source: io::Error| SocketError::System { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(system)?;
        }
        let lock = take_lock(path).map_err(system)?.ok_or_else(|| SocketError::Taken(path.to_owned()))?;
        let made = SocketFile::listen(path, file_group(settings), SocketFlags::empty(), BACKLOG);
        let (socket, file) = made.map_err(|error| match error {
            SocketFileError::Taken => SocketError::Taken(path.to_owned()),
            SocketFileError::Foreign => SocketError::Foreign(path.to_owned()),
            SocketFileError::System(source) => system(source),
        })?;
        Ok(ControlSocket { listener: UnixListener::from(socket), _file: file, _lock: lock })
    }
}

/// The lock beside the socket; none when somebody else holds it.
fn take_lock(path: &Path) -> io::Result<Option<File>> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(name)?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The group that the file is given to; none leaves it to the daemon's.
fn file_group(settings: &ControlSettings) -> Option<u32> {
    let ControlSettings { group, administrators, operators, monitors, backups, .. } = settings;
    if let Some(account) = group {
        let found = peer::group(account);
        if found.is_none() {
            tracing::warn!("there is no group `{}`: `[control] group` has no effect", account.as_str());
        }
        return found.map(|group| group.as_raw());
    }
    operators
        .iter()
        .chain(monitors)
        .chain(administrators)
        .chain(backups)
        .find_map(peer::group)
        .map(|group| group.as_raw())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::socket_file::MODE;

    fn at(path: &Path) -> ControlSettings {
        ControlSettings { socket: path.to_owned(), ..ControlSettings::default() }
    }

    #[test]
    fn the_file_is_for_owner_and_group_only_and_goes_with_the_daemon() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/opennmc.sock");
        let socket = ControlSocket::bind(&at(&path)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, MODE);
        UnixStream::connect(&path).unwrap();
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn a_socket_that_nobody_listens_on_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a killed daemon leaves its file");
        let _socket = ControlSocket::bind(&at(&path)).unwrap();
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_socket_that_somebody_listens_on_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sock");
        let foreign = UnixListener::bind(&path).unwrap();
        assert!(matches!(ControlSocket::bind(&at(&path)), Err(SocketError::Taken(_))));
        UnixStream::connect(&path).unwrap();
        drop(foreign);
        let first = ControlSocket::bind(&at(&path)).unwrap();
        // Even when its file is gone, its place is not free.
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(ControlSocket::bind(&at(&path)), Err(SocketError::Taken(_))));
        drop(first);
        ControlSocket::bind(&at(&path)).unwrap();
    }

    #[test]
    fn a_file_of_another_kind_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sock");
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(ControlSocket::bind(&at(&path)), Err(SocketError::Foreign(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn the_end_of_a_daemon_does_not_remove_the_file_of_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sock");
        let socket = ControlSocket::bind(&at(&path)).unwrap();
        std::fs::remove_file(&path).unwrap();
        let _next = UnixListener::bind(&path).unwrap();
        drop(socket);
        assert!(path.exists());
    }
}
