//! An open connection: a file that is read when the loop says so and written at once.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;

use calloop::generic::Generic;
use calloop::{Interest, LoopHandle, Mode, PostAction, RegistrationToken};

use super::LinkId;
use crate::main_loop::State;

/// Several lines of the protocol; what does not fit is read in the next turn.
const READ_BYTES: usize = 512;

/// A tty or a socket, registered with the loop.
#[derive(Debug)]
pub(super) struct Wire {
    file: Rc<File>,
    token: RegistrationToken,
}

/// What reading gave.
#[derive(Debug)]
pub(super) enum Received {
    Bytes(Vec<u8>),
    /// A false alarm.
    Nothing,
    /// It will never give anything again: the text says why.
    Closed(String),
}

impl Wire {
    pub(super) fn open(handle: &LoopHandle<'static, State>, link: LinkId, file: File) -> io::Result<Wire> {
        let file = Rc::new(file);
        let source = Generic::new(Rc::clone(&file), Interest::READ, Mode::Level);
        let token = handle
            .insert_source(source, move |_, _, state: &mut State| {
                state.link_readable(link);
                // A link that gives up removes its source itself; an error here would end the loop's turn.
                Ok(PostAction::Continue)
            })
            .map_err(|error| io::Error::other(error.error))?;
        Ok(Wire { file, token })
    }

    /// Reads once. A hung-up terminal stays readable for ever, with nothing in it: that must end the connection, or the
    /// loop would spin.
    pub(super) fn receive(&self) -> Received {
        let mut buffer = [0; READ_BYTES];
        match (&*self.file).read(&mut buffer) {
            Ok(0) => Received::Closed("it was closed from the other side".to_owned()),
            Ok(count) => Received::Bytes(buffer[..count].to_vec()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                Received::Nothing
            }
            Err(error) => Received::Closed(error.to_string()),
        }
    }

    /// Writes all of `bytes`. They are few and the buffers are large: what does not fit is a fault, not a reason to wait.
    pub(super) fn send(&self, bytes: &[u8]) -> Result<(), String> {
        match (&*self.file).write(bytes) {
            Ok(count) if count == bytes.len() => Ok(()),
            Ok(_) => Err("it takes no more bytes".to_owned()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err("it takes no more bytes".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) fn close(self, handle: &LoopHandle<'static, State>) {
        handle.remove(self.token);
        apcsmart::serial::release(&self.file);
    }
}
