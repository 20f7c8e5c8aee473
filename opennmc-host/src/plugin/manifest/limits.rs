//! `[limits]`: how much a plugin may use. The manifest asks, the operator may say otherwise, and neither gets past the
//! ceilings.

use serde::{Deserialize, Serialize};

use super::ByteSize;

/// More than any plugin in sight needs; a card has 128 MiB in all.
const MEMORY_CEILING: ByteSize = ByteSize::mib(64);
/// A call blocks only its own plugin, but a person waits for the answer.
const CALL_CEILING_MS: u64 = 5_000;
/// An id of a connection has 16 bits for its slot.
const CONNECTIONS_CEILING: u32 = 16_384;
/// Each costs an entry in a map; what needs more wants a queue of its own.
const TIMERS_CEILING: u32 = 1_024;
/// Events are shared by all mailboxes; what waits costs a pointer.
const MAILBOX_CEILING: u32 = 4_096;
/// What all peers together may leave unread; it is the host's memory.
const UNSENT_CEILING: ByteSize = ByteSize::mib(64);
/// A hundred a second for people who look for a fault; the log's size is limited elsewhere.
const LOG_LINES_CEILING: u32 = 6_000;
/// Each has a thread while it is under way.
const REQUESTS_CEILING: u32 = 64;
/// A hundred a second: each is told to every plugin that listens, and written down.
const MESSAGES_CEILING: u32 = 6_000;
/// Sent and received, each.
const DATAGRAMS_CEILING: u32 = 10_000;

/// What a plugin may use. The defaults suit a small plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct Limits {
    /// Linear memory.
    pub memory: ByteSize,
    /// Milliseconds of one call into the plugin.
    pub call_ms: u64,
    /// Open connections at one time, those that it makes included.
    pub connections: u32,
    /// Running timers at one time.
    pub timers: u32,
    /// Events that wait for it while it is busy.
    pub mailbox: u32,
    /// Bytes that wait to be sent, on all its connections.
    pub unsent: ByteSize,
    /// Lines in the log, a minute.
    pub log_lines: u32,
    /// HTTP requests of its own under way at one time.
    pub requests: u32,
    /// Messages on the bus and notices, a minute.
    pub messages: u32,
    /// Datagrams a second, in each direction.
    pub datagrams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: ByteSize::mib(4),
            call_ms: 250,
            connections: 1_024,
            timers: 64,
            mailbox: 256,
            unsent: ByteSize::mib(16),
            log_lines: 600,
            requests: 8,
            messages: 120,
            datagrams: 200,
        }
    }
}

impl Limits {
    /// The first limit that is out of its bounds, as key and problem.
    pub(in crate::plugin) fn check(&self) -> Result<(), (&'static str, String)> {
        let sizes = [("memory", self.memory, MEMORY_CEILING), ("unsent", self.unsent, UNSENT_CEILING)];
        if let Some((key, asked, ceiling)) = sizes.into_iter().find(|(_, asked, ceiling)| asked > ceiling) {
            return Err((key, format!("asks for {asked}; the most is {ceiling}")));
        }
        let counts = [
            ("call-ms", self.call_ms, CALL_CEILING_MS),
            ("connections", self.connections.into(), CONNECTIONS_CEILING.into()),
            ("timers", self.timers.into(), TIMERS_CEILING.into()),
            ("mailbox", self.mailbox.into(), MAILBOX_CEILING.into()),
            ("log-lines", self.log_lines.into(), LOG_LINES_CEILING.into()),
            ("requests", self.requests.into(), REQUESTS_CEILING.into()),
            ("messages", self.messages.into(), MESSAGES_CEILING.into()),
            ("datagrams", self.datagrams.into(), DATAGRAMS_CEILING.into()),
        ];
        match counts.into_iter().find(|(_, asked, ceiling)| !(1..=*ceiling).contains(asked)) {
            Some((key, asked, ceiling)) => Err((key, format!("is {asked}; it must be from 1 to {ceiling}"))),
            None => Ok(()),
        }
    }
}

/// The limits that the operator has set for one plugin; what is not set stays as the manifest has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is told at the field of the same name in `Limits`")]
pub struct LimitsOverride {
    pub memory: Option<ByteSize>,
    pub call_ms: Option<u64>,
    pub connections: Option<u32>,
    pub timers: Option<u32>,
    pub mailbox: Option<u32>,
    pub unsent: Option<ByteSize>,
    pub log_lines: Option<u32>,
    pub requests: Option<u32>,
    pub messages: Option<u32>,
    pub datagrams: Option<u32>,
}

impl LimitsOverride {
    /// The manifest's limits with the operator's in their place; the first that is out of bounds, as key and problem.
    pub fn apply(&self, asked: Limits) -> Result<Limits, (&'static str, String)> {
        let limits = Limits {
            memory: self.memory.unwrap_or(asked.memory),
            call_ms: self.call_ms.unwrap_or(asked.call_ms),
            connections: self.connections.unwrap_or(asked.connections),
            timers: self.timers.unwrap_or(asked.timers),
            mailbox: self.mailbox.unwrap_or(asked.mailbox),
            unsent: self.unsent.unwrap_or(asked.unsent),
            log_lines: self.log_lines.unwrap_or(asked.log_lines),
            requests: self.requests.unwrap_or(asked.requests),
            messages: self.messages.unwrap_or(asked.messages),
            datagrams: self.datagrams.unwrap_or(asked.datagrams),
        };
        limits.check()?;
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_sets_stands_in_the_place_of_what_the_manifest_asks_for() {
        let set: LimitsOverride = toml::from_str("memory = \"1 MiB\"\ntimers = 3").unwrap();
        let limits = set.apply(Limits::default()).unwrap();
        assert_eq!((limits.memory, limits.timers), (ByteSize::mib(1), 3));
        assert_eq!(limits.call_ms, Limits::default().call_ms);
    }

    #[test]
    fn the_operator_does_not_get_past_the_ceilings_either() {
        for (set, key) in
            [("memory = \"1 GiB\"", "memory"), ("requests = 0", "requests"), ("mailbox = 5000", "mailbox")]
        {
            let set: LimitsOverride = toml::from_str(set).unwrap();
            assert_eq!(set.apply(Limits::default()).unwrap_err().0, key);
        }
    }
}
