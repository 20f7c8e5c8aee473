//! Whether a calibration runs.
//!
//! During a calibration the UPS is on battery by its own will, and clients take a low battery for part of it. So the
//! flag is dangerous when it is stale: it is believed for a limited time, not after a low battery that lasts, and not in
//! an outage that began long after it. Once dropped it stays so until the UPS takes it back.

use std::time::Duration;

use apcsmart::Time;

/// The flag comes with the battery or soon after the order; a UPS that goes on battery later than this has another reason.
const BEGINS_WITHIN: Duration = Duration::from_secs(60);
/// After an order, the time on battery is taken for the calibration until the flag was read.
const FLAG_AFTER_ORDER: Duration = Duration::from_secs(10);
/// How long an order counts.
const ORDER_HOLDS: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct Calibration {
    /// Since when the UPS says so.
    said: Option<Time>,
    dropped: bool,
    ordered: Option<Time>,
    /// On battery after an order, and the flag is not there yet.
    awaited_until: Option<Time>,
    on_battery: bool,
    news: bool,
}

impl Calibration {
    pub(super) fn shown(&self) -> bool {
        (self.said.is_some() && !self.dropped) || self.awaited_until.is_some()
    }

    /// Whether the flag was found stale since this was last asked.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    pub(super) fn take_order(&mut self, now: Time, command: &str) {
        match command {
            "calibrate.start" => self.ordered = Some(now),
            "calibrate.stop" => self.ordered = None,
            _ => {}
        }
    }

    /// What the UPS says now, and what time it is.
    pub(super) fn see(&mut self, now: Time, said: bool, on_battery: bool, limit: Duration) {
        let went_on_battery = on_battery && !self.on_battery;
        self.on_battery = on_battery;
        match (self.said, said) {
            (None, true) => self.said = Some(now),
            (Some(_), false) => (self.said, self.dropped) = (None, false),
            _ => {}
        }
        let ordered = self.ordered.is_some_and(|at| now.since(at) < ORDER_HOLDS);
        if went_on_battery && ordered && !said {
            self.awaited_until = Some(now + FLAG_AFTER_ORDER);
        }
        if said || !on_battery || self.awaited_until.is_some_and(|until| now >= until) {
            self.awaited_until = None;
        }
        let late = went_on_battery && self.said.is_some_and(|since| now.since(since) > BEGINS_WITHIN);
        if late || self.said.is_some_and(|since| now >= since + limit) {
            self.drop();
        }
    }

    /// Whatever the flag says, this is no calibration.
    pub(super) fn drop(&mut self) {
        self.awaited_until = None;
        if self.said.is_some() && !self.dropped {
            self.dropped = true;
            self.news = true;
        }
    }

    pub(super) fn deadline(&self, limit: Duration) -> Time {
        let stale = match self.said {
            Some(since) if !self.dropped => since + limit,
            _ => Time::NEVER,
        };
        stale.min(self.awaited_until.unwrap_or(Time::NEVER))
    }
}
