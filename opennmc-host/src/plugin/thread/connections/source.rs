//! A socket's place in the plugin's loop.

use std::cell::Cell;
use std::io;
use std::net::TcpStream;
use std::rc::Rc;

use calloop::generic::Generic;
use calloop::{
    EventSource, Interest, LoopHandle, Mode, Poll, PostAction, Readiness, RegistrationToken, Token,
    TokenFactory,
};

use super::super::Inbox;

/// Where a socket is registered, and what for.
pub(super) struct Registration {
    token: RegistrationToken,
    interest: Rc<Cell<Interest>>,
}

impl Registration {
    /// Has the loop note under `number` when the socket is ready.
    pub(super) fn new(
        handle: &LoopHandle<'static, Inbox>,
        number: u64,
        socket: &Rc<TcpStream>,
        interest: Interest,
    ) -> io::Result<Self> {
        let cell = Rc::new(Cell::new(interest));
        let source = Source {
            generic: Generic::new(Rc::clone(socket), interest, Mode::Level),
            interest: Rc::clone(&cell),
        };
        let token = handle
            .insert_source(source, move |readiness, (), inbox: &mut Inbox| {
                inbox.ready.push((number, readiness))
            })
            .map_err(|error| io::Error::other(error.error))?;
        Ok(Self { token, interest: cell })
    }

    /// Waits for something else from now on. Cheap when it is the same.
    pub(super) fn want(
        &self,
        handle: &LoopHandle<'static, Inbox>,
        interest: Interest,
    ) -> calloop::Result<()> {
        let now = self.interest.get();
        if (now.readable, now.writable) == (interest.readable, interest.writable) {
            return Ok(());
        }
        self.interest.set(interest);
        handle.update(&self.token)
    }

    /// Takes the socket off the loop.
    pub(super) fn end(self, handle: &LoopHandle<'static, Inbox>) {
        handle.remove(self.token);
    }
}

/// Its interest is set from outside of its callback, through the shared cell.
struct Source {
    generic: Generic<Rc<TcpStream>>,
    interest: Rc<Cell<Interest>>,
}

impl EventSource for Source {
    type Event = Readiness;
    type Metadata = ();
    type Ret = ();
    type Error = io::Error;

    fn process_events<C>(
        &mut self,
        readiness: Readiness,
        token: Token,
        mut callback: C,
    ) -> io::Result<PostAction>
    where
        C: FnMut(Readiness, &mut ()),
    {
        self.generic.process_events(readiness, token, |readiness, _| {
            callback(readiness, &mut ());
            Ok(PostAction::Continue)
        })
    }

    fn register(&mut self, poll: &mut Poll, tokens: &mut TokenFactory) -> calloop::Result<()> {
        self.generic.interest = self.interest.get();
        self.generic.register(poll, tokens)
    }

    fn reregister(&mut self, poll: &mut Poll, tokens: &mut TokenFactory) -> calloop::Result<()> {
        self.generic.interest = self.interest.get();
        self.generic.reregister(poll, tokens)
    }

    fn unregister(&mut self, poll: &mut Poll) -> calloop::Result<()> {
        self.generic.unregister(poll)
    }
}
