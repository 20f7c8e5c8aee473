//! Things that happen, as every part of the host and every plugin hears them.

/// One occurrence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Counts up over restarts, without a gap while the daemon runs; 0 until the main loop has given it a number.
    pub id: u64,
    /// An open set of dotted names that follow NUT's notify types, such as `ups.on-battery`. docs/events.md lists them.
    pub kind: String,
    /// How much a person should care.
    pub severity: Severity,
    /// The UPS it concerns; empty when none.
    pub device: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// Details by name.
    pub fields: Vec<(String, String)>,
}

/// How much a person should care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For the record.
    Info,
    /// Somebody should look.
    Warning,
    /// Data or power is at risk.
    Critical,
}
