//! The `random` interface: bytes that nobody can guess.

use wasmtime::component::{HasSelf, Linker};

use crate::plugin::bindings::wit::random;
use crate::plugin::instance::InstanceState;

/// Keys and boundaries are a few dozen bytes.
const MOST: usize = 1_024;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    random::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

impl random::Host for InstanceState {
    fn bytes(&mut self, count: u32) -> Vec<u8> {
        let mut bytes = vec![0; (count as usize).min(MOST)];
        if let Err(error) = getrandom::fill(&mut bytes) {
            // Fewer bytes than asked for can't be taken for random ones.
            tracing::error!("the system has no random bytes: {error}");
            bytes.clear();
        }
        bytes
    }
}
