//! How much of each of its limits a plugin has used: the most that it had at one time, and how often it wanted more.
//!
//! What enforces a limit keeps the mark beside it, on the plugin's own thread; the marks are collected once a turn. Nothing
//! here refuses anything.

/// Of one limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    /// The most at one time, or in one of the limit's windows of time.
    pub most: u64,
    /// How often the limit was hit: something was refused, dropped or ended.
    pub hits: u64,
}

impl Mark {
    /// So much is used now.
    pub(super) fn see(&mut self, used: u64) {
        self.most = self.most.max(used);
    }

    /// The limit was hit.
    pub(super) fn hit(&mut self) {
        self.hits += 1;
    }

    /// What it says, counting hits from 0 again.
    pub(super) fn take(&mut self) -> Mark {
        Mark { hits: std::mem::take(&mut self.hits), ..*self }
    }

    /// Adds what another part of the plugin, or an earlier time, has seen.
    pub(super) fn add(&mut self, other: Mark) {
        self.see(other.most);
        self.hits += other.hits;
    }
}

/// Of every limit, by the names that manifests have for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is told at the field of the same name in `Limits`")]
pub struct Usage {
    /// Bytes.
    pub memory: Mark,
    /// Microseconds of the longest call but `start`, which has more time.
    pub call_us: Mark,
    pub connections: Mark,
    pub timers: Mark,
    pub mailbox: Mark,
    /// Bytes.
    pub unsent: Mark,
    pub log_lines: Mark,
    pub requests: Mark,
    pub messages: Mark,
    pub datagrams: Mark,
    /// Bytes of keys and values.
    pub store: Mark,
}

impl Usage {
    /// Adds what was seen since.
    pub(super) fn add(&mut self, other: &Usage) {
        self.memory.add(other.memory);
        self.call_us.add(other.call_us);
        self.connections.add(other.connections);
        self.timers.add(other.timers);
        self.mailbox.add(other.mailbox);
        self.unsent.add(other.unsent);
        self.log_lines.add(other.log_lines);
        self.requests.add(other.requests);
        self.messages.add(other.messages);
        self.datagrams.add(other.datagrams);
        self.store.add(other.store);
    }
}
