//! A socket in the file system: born with its permissions, taken over only from the dead, removed at the end.

use std::fs::{self, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Mode, chown, fchmod};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};

/// Owner and group may connect, others may not even try.
pub(crate) const MODE: u32 = 0o660;

/// The file of a socket that is listened on; it goes when this goes.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketFileError {
    /// Somebody listens on it.
    #[error("somebody else listens there")]
    Taken,
    /// Something that is no socket.
    #[error("there is something that is not a socket")]
    Foreign,
    /// The system refused.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl SocketFile {
    /// Makes the file and listens on it, for its owner and `group`. What nobody listens on any more is replaced.
    pub(crate) fn listen(
        path: &Path,
        group: Option<u32>,
        flags: SocketFlags,
        backlog: i32,
    ) -> Result<(OwnedFd, SocketFile), SocketFileError> {
        remove_stale(path)?;
        let socket = make(path, group, flags, backlog)?;
        Ok((socket, SocketFile { path: path.to_owned(), identity: identity(path) }))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody may have removed the file and made another there.
        if self.identity.is_some() && identity(&self.path) == self.identity {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes what somebody left who was killed.
fn remove_stale(path: &Path) -> Result<(), SocketFileError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(SocketFileError::Foreign),
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(fs::remove_file(path)?),
        Ok(_) => Err(SocketFileError::Taken),
        Err(error) => Err(error.into()),
    }
}

fn make(path: &Path, group: Option<u32>, flags: SocketFlags, backlog: i32) -> io::Result<OwnedFd> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags | SocketFlags::CLOEXEC, None)?;
    // The file is born with what the socket has: there is no moment in which others may connect.
    fchmod(&socket, Mode::from_raw_mode(MODE))?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    if let Some(group) = group
        && let Err(error) = chown(path, None, Some(Gid::from_raw(group)))
    {
        tracing::warn!(
            "can't give the socket {} to its group: {error}; only root and the daemon's own user reach it",
            path.display()
        );
    }
    // The umask may have taken the group's bits.
    fs::set_permissions(path, PermissionsExt::from_mode(MODE))?;
    listen(&socket, backlog)?;
    Ok(socket)
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    fs::symlink_metadata(path).ok().map(identity)
}
