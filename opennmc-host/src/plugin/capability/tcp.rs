//! The `tcp` interface: what a plugin may do with its own connections.
//!
//! The functions only queue; the plugin's loop writes once per connection after the guest has returned.

use wasmtime::component::{HasSelf, Linker};

use crate::plugin::bindings::wit::{tcp, types::Error};
use crate::plugin::instance::InstanceState;
use crate::plugin::thread::connections::QueueError;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    tcp::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

impl tcp::Host for InstanceState {
    fn send(&mut self, connection: u64, bytes: Vec<u8>) -> Result<(), Error> {
        self.connections.queue(connection, bytes).map_err(|error| match error {
            QueueError::Gone => Error::NotFound,
            QueueError::Full(reason) => Error::Limit(reason),
        })
    }

    fn close(&mut self, connection: u64) {
        self.connections.close_when_sent(connection);
    }
}
