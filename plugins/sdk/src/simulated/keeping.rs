//! The store and the bus of the simulated host.

use core::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::SimulatedHost;
use crate::{Bus, Error, Severity, Store};

/// The longest key, in bytes.
const MAX_KEY: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Keeping {
    values: RefCell<BTreeMap<String, Vec<u8>>>,
    share: Cell<Option<usize>>,
    announced: RefCell<Vec<Announced>>,
}

/// What the plugin said on the bus.
#[derive(Debug, Clone, PartialEq)]
pub struct Announced {
    /// About what.
    pub topic: String,
    /// How important.
    pub severity: Severity,
    /// The UPS it concerns; empty when none.
    pub device: String,
    /// Details by name.
    pub fields: Vec<(String, String)>,
}

impl SimulatedHost {
    /// The store takes so many bytes of keys and values together. Before, it takes all.
    pub fn limit_store(&self, bytes: usize) {
        self.keeping.share.set(Some(bytes));
    }

    /// What the plugin said on the bus so far.
    pub fn announced(&self) -> Vec<Announced> {
        self.keeping.announced.borrow().clone()
    }
}

impl Store for SimulatedHost {
    fn load(&self, key: &str) -> Option<Vec<u8>> {
        self.keeping.values.borrow().get(key).cloned()
    }

    fn keep(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        if key.is_empty() || key.len() > MAX_KEY {
            return Err(Error::Invalid(format!("a key has 1 to {MAX_KEY} bytes")));
        }
        let mut values = self.keeping.values.borrow_mut();
        let others = values.iter().filter(|(known, _)| *known != key);
        let used: usize = others.map(|(key, value)| key.len() + value.len()).sum();
        if self.keeping.share.get().is_some_and(|share| used + key.len() + value.len() > share) {
            return Err(Error::Limit("the store is full".to_owned()));
        }
        values.insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    fn forget(&self, key: &str) {
        self.keeping.values.borrow_mut().remove(key);
    }

    fn kept_keys(&self, prefix: &str) -> Vec<String> {
        self.keeping.values.borrow().keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }
}

impl Bus for SimulatedHost {
    fn announce(
        &self,
        topic: &str,
        severity: Severity,
        device: &str,
        fields: &[(String, String)],
    ) -> Result<(), Error> {
        let (topic, device, fields) = (topic.to_owned(), device.to_owned(), fields.to_vec());
        self.keeping.announced.borrow_mut().push(Announced { topic, severity, device, fields });
        Ok(())
    }
}
