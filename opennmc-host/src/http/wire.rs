//! A client's socket, in the clear or through TLS, as hyper reads and writes it.
//!
//! The socket is watched for both directions, and only for changes: what is asked for is tried first, and only when the
//! socket has nothing does the task wait for one. Nothing here blocks.

use std::cell::RefCell;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use calloop::generic::Generic;
use calloop::{Interest, LoopHandle, Mode, PostAction, RegistrationToken};
use hyper::rt::{Read, ReadBufCursor, Write};
use rustls::{ServerConfig, ServerConnection};

use super::front::State;
use super::pace::Pace;

/// Read at one time; a request is rarely longer.
const READ: usize = 8 << 10;
/// Plain bytes that TLS may hold, encrypted, when the socket takes no more: a few records.
const ENCRYPTED: usize = 64 << 10;

/// One client's bytes.
pub(super) struct Wire {
    socket: Rc<TcpStream>,
    tls: Option<Box<Tls>>,
    pace: Rc<Pace>,
    /// Who waits for a change of the socket.
    waker: Rc<RefCell<Option<Waker>>>,
    handle: LoopHandle<'static, State>,
    token: RegistrationToken,
}

struct Tls {
    connection: ServerConnection,
    closed: bool,
}

impl Wire {
    /// The socket must not block.
    pub(super) fn new(
        socket: Rc<TcpStream>,
        tls: Option<Arc<ServerConfig>>,
        pace: Rc<Pace>,
        handle: LoopHandle<'static, State>,
    ) -> io::Result<Wire> {
        let tls = match tls {
            Some(config) => {
                let mut connection = ServerConnection::new(config).map_err(io::Error::other)?;
                connection.set_buffer_limit(Some(ENCRYPTED));
                Some(Box::new(Tls { connection, closed: false }))
            }
            None => None,
        };
        let waker = Rc::<RefCell<Option<Waker>>>::default();
        let waiting = Rc::clone(&waker);
        let source = Generic::new(Rc::clone(&socket), Interest::BOTH, Mode::Edge);
        let token = handle.insert_source(source, move |_, _, _| {
            if let Some(waker) = &*waiting.borrow() {
                waker.wake_by_ref();
            }
            Ok(PostAction::Continue)
        });
        let token = token.map_err(|error| io::Error::other(error.error))?;
        Ok(Wire { socket, tls, pace, waker, handle, token })
    }

    fn wait<T>(&self, context: &Context<'_>) -> Poll<T> {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// One try: bytes, the end, or an error, which may be that there is nothing now.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut socket = &*self.socket;
        let Some(tls) = &mut self.tls else { return retried(|| socket.read(buffer)) };
        loop {
            match tls.connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Cut off without a farewell: the request says itself how long it is.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            tls.push(socket)?;
            retried(|| tls.connection.read_tls(&mut socket))?;
            if let Err(error) = tls.connection.process_new_packets() {
                // The peer is told why, if it still listens.
                let _ = tls.push(socket);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut socket = &*self.socket;
        let Some(tls) = &mut self.tls else { return retried(|| socket.write(bytes)) };
        loop {
            let taken = tls.connection.writer().write(bytes)?;
            let all_out = tls.push(socket)?;
            if taken > 0 || bytes.is_empty() {
                return Ok(taken);
            }
            if !all_out {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls
            && !tls.push(&self.socket)?
        {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.pace.flushed();
        Ok(())
    }

    fn shut_down(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            if !tls.closed {
                tls.closed = true;
                tls.connection.send_close_notify();
            }
            if !tls.push(&self.socket)? {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
        self.socket.shutdown(Shutdown::Write)
    }

    fn tried<T>(&self, context: &Context<'_>, result: io::Result<T>) -> Poll<io::Result<T>> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(context),
            result => Poll::Ready(result),
        }
    }
}

impl Tls {
    /// Sends what is encrypted; whether that was all.
    fn push(&mut self, mut socket: &TcpStream) -> io::Result<bool> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

fn retried<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut buffer = [0; READ];
        let length = into.remaining().min(READ);
        let read = self.read(&mut buffer[..length]);
        self.tried(context, read).map_ok(|count| {
            if count > 0 {
                self.pace.arrived();
            }
            into.put_slice(&buffer[..count]);
        })
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.write(bytes);
        self.tried(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.flush();
        self.tried(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut_down = self.shut_down();
        self.tried(context, shut_down)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.handle.remove(self.token);
    }
}
