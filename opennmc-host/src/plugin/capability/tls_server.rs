//! The `tls-server` interface: TLS on connections that peers made in the clear.

use wasmtime::component::{HasSelf, Linker};

use super::tcp_connect::refusal;
use crate::plugin::bindings::wit::{tls_server, types::Error};
use crate::plugin::instance::InstanceState;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    tls_server::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

impl tls_server::Host for InstanceState {
    fn accept_tls(&mut self, connection: u64) -> Result<(), Error> {
        let config = self.connect.tls().server().ok_or_else(|| {
            Error::Unavailable(
                "this host has no certificate; set `certificate` and `key` under [tls]".to_owned(),
            )
        })?;
        self.connections.accept_tls(connection, config).map_err(refusal)
    }
}
