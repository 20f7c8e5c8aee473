//! The socket's file: made with the right permissions, taken over only from the dead, removed at the end.
//!
//! A lock beside it belongs to whoever made the file. Without it, two daemons that start at once could each find the other's
//! fresh socket silent and remove it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Mode, chown, fchmod};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};

use super::peer;
use crate::config::ControlSettings;

/// Owner and group may connect, others may not even try.
const MODE: u32 = 0o660;
/// Connections that wait to be accepted; the kernel lets more clients wait in `connect`.
const BACKLOG: i32 = 64;

/// A socket that is listened on. Its file goes with it.
#[derive(Debug)]
pub(super) struct ControlSocket {
    pub(super) listener: UnixListener,
    path: PathBuf,
    identity: Option<(u64, u64)>,
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
        remove_stale(path)?;
        let listener = make(path, settings).map_err(system)?;
        let identity = identity(path);
        Ok(ControlSocket { listener, path: path.to_owned(), identity, _lock: lock })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // Somebody may have removed the file and made another there.
        if self.identity.is_some() && identity(&self.path) == self.identity {
            let _ = std::fs::remove_file(&self.path);
        }
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

/// Removes what a daemon left that was killed.
fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let system = |source: io::Error| SocketError::System { path: path.to_owned(), source };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(system(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(SocketError::Foreign(path.to_owned()));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(system)
        }
        Ok(_) => Err(SocketError::Taken(path.to_owned())),
        Err(error) => Err(system(error)),
    }
}

fn make(path: &Path, settings: &ControlSettings) -> io::Result<UnixListener> {
    let socket: OwnedFd = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // The file is born with what the socket has: there is no moment in which others may connect.
    fchmod(&socket, Mode::from_raw_mode(MODE))?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    if let Some(group) = file_group(settings)
        && let Err(error) = chown(path, None, Some(Gid::from_raw(group)))
    {
        tracing::warn!(
            "can't give the control socket {} to its group: {error}; only root and the daemon's own user reach it",
            path.display()
        );
    }
    // The umask may have taken the group's bits.
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(MODE))?;
    listen(&socket, BACKLOG)?;
    Ok(UnixListener::from(socket))
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

fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
