//! The store and the bus of the simulated host.

use core::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::SimulatedHost;
use crate::{Bus, Clock, Error, Severity, Store};

/// The longest key, in bytes.
const MAX_KEY: usize = 256;
const MINUTE_MS: u64 = 60_000;

#[derive(Debug, Default)]
pub(super) struct Keeping {
    values: RefCell<BTreeMap<String, Vec<u8>>>,
    share: Cell<Option<usize>>,
    announced: RefCell<Vec<Announced>>,
    topics: RefCell<Option<Vec<String>>>,
    /// Messages in a minute, how many there were in this one, and when it began.
    most_said: Cell<Option<u32>>,
    said: Cell<u32>,
    minute_began_ms: Cell<u64>,
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

    /// From now on only these topics are granted: `bus` under `[needs]` in plugin.toml. Before, all are.
    pub fn grant_topics(&self, topics: &[&str]) {
        self.keeping.topics.replace(Some(topics.iter().map(|topic| (*topic).to_owned()).collect()));
    }

    /// So many messages on the bus and notices are taken in a minute: `messages` under `[limits]` in plugin.toml. Before, any
    /// number.
    pub fn limit_messages(&self, a_minute: u32) {
        self.keeping.most_said.set(Some(a_minute));
    }

    /// Counts a message of now, or refuses it.
    pub(super) fn say(&self) -> Result<(), Error> {
        let keeping = &self.keeping;
        let now = self.uptime_ms();
        if now.saturating_sub(keeping.minute_began_ms.get()) >= MINUTE_MS {
            keeping.minute_began_ms.set(now);
            keeping.said.set(0);
        }
        if keeping.most_said.get().is_some_and(|most| keeping.said.get() >= most) {
            return Err(Error::Limit("no more messages may be sent in this minute".to_owned()));
        }
        keeping.said.set(keeping.said.get() + 1);
        Ok(())
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
        let topics = self.keeping.topics.borrow();
        if topics.as_ref().is_some_and(|topics| !topics.iter().any(|granted| granted == topic)) {
            return Err(Error::Denied(format!("the topic `{topic}` is not granted")));
        }
        self.say()?;
        let (topic, device, fields) = (topic.to_owned(), device.to_owned(), fields.to_vec());
        self.keeping.announced.borrow_mut().push(Announced { topic, severity, device, fields });
        Ok(())
    }
}
