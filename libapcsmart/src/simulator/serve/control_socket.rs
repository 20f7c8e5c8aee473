//! The control socket: a line comes in, an answer goes out.
//!
//! A client that sends an endless line, or does not read its answers, is dropped; the loop waits for nobody.

use std::cell::RefCell;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use calloop::generic::Generic;
use calloop::{Interest, LoopHandle, Mode, PostAction};

use super::{ServeError, Server};

/// No control line is nearly as long.
const LONGEST_LINE: usize = 4096;

/// Removes its file at the end.
pub(super) struct ControlSocket {
    path: PathBuf,
}

impl ControlSocket {
    pub(super) fn bind(
        path: &Path,
        handle: &LoopHandle<'static, Server>,
    ) -> Result<ControlSocket, ServeError> {
        make_room(path)?;
        let system = |error: io::Error| ServeError::system(format!("listen on {}", path.display()), error);
        let listener = UnixListener::bind(path).map_err(system)?;
        let socket = ControlSocket { path: path.to_owned() };
        listener.set_nonblocking(true).map_err(system)?;
        handle
            .insert_source(Generic::new(listener, Interest::READ, Mode::Level), |_, listener, server| {
                match listener.accept() {
                    Ok((stream, _)) => {
                        if let Err(error) = watch(stream, &server.handle) {
                            eprintln!("apcsmart-sim: a control connection cannot be served: {error}");
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => eprintln!("apcsmart-sim: a control connection was lost: {error}"),
                }
                Ok(PostAction::Continue)
            })
            .map_err(|error| system(io::Error::other(error.error)))?;
        Ok(socket)
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes the socket of a simulator that was killed, and nothing else.
fn make_room(path: &Path) -> Result<(), ServeError> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(ServeError::SocketTaken { path: path.to_owned(), why: "it is not a socket" });
    }
    if UnixStream::connect(path).is_ok() {
        return Err(ServeError::SocketTaken { path: path.to_owned(), why: "somebody listens on it" });
    }
    fs::remove_file(path).map_err(|error| ServeError::system(format!("replace {}", path.display()), error))
}

fn watch(stream: UnixStream, handle: &LoopHandle<'static, Server>) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let received = RefCell::new(Vec::new());
    handle
        .insert_source(Generic::new(stream, Interest::READ, Mode::Level), move |_, stream, server| {
            let mut stream: &UnixStream = stream;
            Ok(match exchange(&mut stream, &mut received.borrow_mut(), server) {
                Ok(true) => PostAction::Continue,
                Ok(false) | Err(_) => PostAction::Remove,
            })
        })
        .map_err(|error| io::Error::other(error.error))?;
    Ok(())
}

/// Reads what there is and answers whole lines. False when the client is done.
fn exchange(stream: &mut &UnixStream, received: &mut Vec<u8>, server: &mut Server) -> io::Result<bool> {
    let mut buffer = [0; 1024];
    match stream.read(&mut buffer) {
        Ok(0) => return Ok(false),
        Ok(length) => received.extend_from_slice(&buffer[..length]),
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
        Err(error) => return Err(error),
    }
    while let Some(end) = received.iter().position(|byte| *byte == b'\n') {
        let line: Vec<u8> = received.drain(..=end).collect();
        let answer = server.control_line(&String::from_utf8_lossy(&line));
        stream.write_all(answer.as_bytes())?;
    }
    Ok(received.len() <= LONGEST_LINE)
}
