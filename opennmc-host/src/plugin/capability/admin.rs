//! The `admin` interface: the daemon's administration, in the name of somebody who has logged in.
//!
//! Nothing is decided here but who asks. What is asked is carried out by the code of the control socket, on threads of the
//! host; answers come as outcomes.

use calloop::channel::Sender;
use wasmtime::component::{HasSelf, Linker};

use crate::plugin::bindings::wit::{admin, types::Error};
use crate::plugin::instance::InstanceState;
use crate::plugin::services::{AdminRequest, Administration, Outcome};
use crate::plugin::{ByteSize, ControlAccess};

/// Requests of one plugin that are not answered.
const MOST_OPEN: u32 = 4;
/// As on the control socket.
const LONGEST_REQUEST: usize = 64 << 10;
/// An answer may take this part of the plugin's memory.
const SHARE_OF_MEMORY: u64 = 8;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    admin::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// The requests of one instance.
pub(in crate::plugin) struct State {
    administration: Option<Administration>,
    outcomes: Sender<Outcome>,
    /// Whether orders to UPSes may be among them.
    orders: bool,
    answer_bytes: usize,
    open: u32,
    last: u64,
}

impl State {
    pub(in crate::plugin) fn new(
        administration: Option<Administration>,
        outcomes: Sender<Outcome>,
        control: Option<&ControlAccess>,
        memory: ByteSize,
    ) -> Self {
        let answer_bytes = usize::try_from(memory.0 / SHARE_OF_MEMORY).unwrap_or(usize::MAX);
        let orders = control.is_some_and(|control| control.as_principal);
        Self { administration, outcomes, orders, answer_bytes, open: 0, last: 0 }
    }

    /// A request was answered.
    pub(in crate::plugin) fn answered(&mut self) {
        self.open = self.open.saturating_sub(1);
    }
}

impl admin::Host for InstanceState {
    fn ask(&mut self, principal: u64, request: String) -> Result<u64, Error> {
        if principal == 0 {
            let problem = "nothing is administered in the plugin's own name; somebody has to have logged in";
            return Err(Error::Denied(problem.to_owned()));
        }
        let principal = self.auth.principal(principal)?;
        let state = &mut self.admin;
        let administration = state.administration.as_ref();
        let administration =
            administration.ok_or_else(|| Error::Unavailable("this host has no administration".to_owned()))?;
        if request.len() > LONGEST_REQUEST {
            return Err(Error::Invalid(format!("a request is at most {LONGEST_REQUEST} bytes long")));
        }
        if state.open >= MOST_OPEN {
            return Err(Error::Limit(format!("{MOST_OPEN} requests are not answered, which is the most")));
        }
        let (ticket, outcomes) = (state.last + 1, state.outcomes.clone());
        // The plugin may have ended; then nobody waits.
        let reply = move |answer| drop(outcomes.send(Outcome::Administered { ticket, answer }));
        let (orders, answer_bytes) = (state.orders, state.answer_bytes);
        if !administration(AdminRequest { principal, request, orders, answer_bytes }, Box::new(reply)) {
            return Err(Error::Busy);
        }
        state.last = ticket;
        state.open += 1;
        Ok(ticket)
    }
}
