//! The `store` interface: what one plugin keeps over restarts.
//!
//! Everything here is memory; [`PluginStore`](crate::plugin::PluginStore) writes behind.

use wasmtime::component::{HasSelf, Linker};

use crate::plugin::Mark;
use crate::plugin::bindings::wit::{store, types::Error};
use crate::plugin::instance::InstanceState;
use crate::plugin::store::{Full, Shelf};

/// Bytes of a key.
const LONGEST_KEY: usize = 256;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    store::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// What one plugin keeps; none in a host that keeps nothing.
pub(in crate::plugin) struct State {
    shelf: Option<Shelf>,
    pub(in crate::plugin) mark: Mark,
}

impl State {
    pub(in crate::plugin) fn new(shelf: Option<Shelf>) -> Self {
        let mut mark = Mark::default();
        mark.see(shelf.as_ref().map_or(0, Shelf::bytes));
        Self { shelf, mark }
    }
}

impl store::Host for InstanceState {
    fn get(&mut self, key: String) -> Option<Vec<u8>> {
        self.store.shelf.as_ref()?.get(&key).map(|value| value.to_vec())
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), Error> {
        if !(1..=LONGEST_KEY).contains(&key.len()) {
            return Err(Error::Invalid(format!("a key of {} bytes; keys are 1 to {LONGEST_KEY}", key.len())));
        }
        let shelf = self.store.shelf.as_ref();
        let shelf = shelf.ok_or_else(|| Error::Unavailable("this host keeps nothing".to_owned()))?;
        match shelf.set(&key, value) {
            Ok(()) => {
                let bytes = shelf.bytes();
                self.store.mark.see(bytes);
                Ok(())
            }
            Err(Full { wanted, share }) => {
                self.store.mark.hit();
                Err(Error::Limit(format!(
                    "with this, {wanted} bytes would be kept; the plugin's share is {share}"
                )))
            }
        }
    }

    fn delete(&mut self, key: String) {
        if let Some(shelf) = &self.store.shelf {
            shelf.delete(&key);
        }
    }

    fn keys(&mut self, prefix: String) -> Vec<String> {
        self.store.shelf.as_ref().map_or_else(Vec::new, |shelf| shelf.keys(&prefix))
    }
}
