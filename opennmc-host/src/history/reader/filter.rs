//! Which rows are wanted.

use crate::state::Severity;

/// Which events are wanted, and how many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of this UPS only; an empty name for events that concern none.
    pub device: Option<String>,
    /// Of one of these kinds; `ups.*` stands for all that begin with `ups.`. Any kind when empty.
    pub kinds: Vec<String>,
    /// At least this severe.
    pub severity: Option<Severity>,
    /// Not earlier, in milliseconds since 1970-01-01 UTC.
    pub from_ms: Option<u64>,
    /// Earlier than this.
    pub to_ms: Option<u64>,
    /// With a greater number: to go on where one left off.
    pub after_id: Option<u64>,
    /// With a smaller number: to go back from where one left off.
    pub before_id: Option<u64>,
    /// At most so many.
    pub limit: Option<usize>,
    /// From the newest to the oldest. Else in the order of their numbers, which is that of their happening whatever the
    /// clock did.
    pub newest_first: bool,
}

/// Which lines of the audit are wanted, and how many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// About this UPS only.
    pub device: Option<String>,
    /// By this user only.
    pub principal: Option<String>,
    /// Not earlier, in milliseconds since 1970-01-01 UTC.
    pub from_ms: Option<u64>,
    /// Earlier than this.
    pub to_ms: Option<u64>,
    /// With a greater number. Lines that are not on disk yet have none and are left out.
    pub after_id: Option<u64>,
    /// At most so many.
    pub limit: Option<usize>,
    /// From the newest to the oldest.
    pub newest_first: bool,
}

impl EventFilter {
    /// Whether an event with these properties is wanted, its number and the limit aside.
    pub(super) fn wants(&self, at_ms: u64, kind: &str, severity: Severity, device: &str) -> bool {
        let of_kind = |wanted: &String| match wanted.strip_suffix('*') {
            Some(start) => kind.starts_with(start),
            None => kind == wanted,
        };
        is_between(at_ms, self.from_ms, self.to_ms)
            && self.device.as_ref().is_none_or(|wanted| wanted == device)
            && self.severity.is_none_or(|least| severity >= least)
            && (self.kinds.is_empty() || self.kinds.iter().any(of_kind))
    }
}

impl AuditFilter {
    pub(super) fn wants(&self, at_ms: u64, principal: &str, device: &str) -> bool {
        is_between(at_ms, self.from_ms, self.to_ms)
            && self.device.as_ref().is_none_or(|wanted| wanted == device)
            && self.principal.as_ref().is_none_or(|wanted| wanted == principal)
    }
}

fn is_between(at_ms: u64, from_ms: Option<u64>, to_ms: Option<u64>) -> bool {
    from_ms.is_none_or(|from| at_ms >= from) && to_ms.is_none_or(|to| at_ms < to)
}
