//! Which events follow from what is published.
//!
//! The only place that makes happenings of statuses, alarms, tests and contact. An event about a token is made when the
//! token appears in, or goes from, `ups.status` as clients read it; between two `ups.on-battery` there is always an
//! `ups.on-line`.

use std::time::Duration;

use apcsmart::Time;

use super::contact::Change;
use super::self_test::News;
use super::{ALARM, DeviceState, Happening, STATUS};
use crate::state::event::Severity;
use crate::state::kinds::{self, EventKind, TOKENS};

/// Readings that every event about the power carries along, when they are known. Nothing that would still be that of the
/// last time, such as the reason of a transfer, which the UPS is asked for later.
const EVENT_FIELDS: [&str; 3] = [STATUS, "battery.charge", "battery.runtime"];
/// The alert that the battery took over comes before the flag that tells a calibration.
const FLAG_ARRIVES: Duration = Duration::from_secs(10);

impl DeviceState {
    /// Publishes the status as it is judged now, and tells what that means.
    pub(super) fn tell(&mut self, now: Time) {
        let news = self.judge.take_test_news();
        for news in &news {
            match news {
                News::Passed(_) => self.judge.trust_battery(now, &self.rules),
                News::Failed(_) => self.judge.distrust_battery(),
                News::WasTest => self.outages.strike(),
                News::Started(_) | News::NoResult => {}
            }
            self.touch();
            self.memory_changed = true;
        }
        let stale_calibration = self.judge.take_stale_calibration();
        let status = self.published_tokens();
        if self.status != status {
            self.status = status;
            self.touch();
        }
        for news in news {
            self.tell_test(news);
        }
        if stale_calibration {
            self.happen(&kinds::CALIBRATION_STALE);
        }
        if self.judge.is_known() {
            self.tell_source(now);
            self.tell_tokens();
        } else {
            self.tell_forced();
        }
        self.tell_alarm();
    }

    /// The event about a change of the contact goes to the place `first`.
    pub(super) fn tell_contact(&mut self, first: usize, change: Option<Change>) {
        let Some(change) = change else { return };
        self.touch();
        let (kind, mut fields) = match change {
            Change::Established => (&kinds::COMM_ESTABLISHED, Vec::new()),
            Change::Restored { lost } => {
                let away = self.now.since(lost).as_secs().to_string();
                (&kinds::COMM_RESTORED, vec![("away-s".to_owned(), away)])
            }
            Change::Lost(reason) => (&kinds::COMM_LOST, self.absence_fields(reason)),
            Change::Absent(reason) => (&kinds::NO_COMM, self.absence_fields(reason)),
        };
        let mut severity = kind.severity;
        if kind == &kinds::COMM_LOST || kind == &kinds::NO_COMM {
            fields.extend(self.power_fields());
            // On battery and out of sight is the worst case: nobody will hear of the low battery.
            if self.on_battery || self.judge.on_battery() {
                severity = Severity::Critical;
            }
        }
        self.happenings.insert(first, Happening { kind, severity, fields });
    }

    /// An event with `details` before those about the power.
    pub(super) fn happen_with(&mut self, kind: &'static EventKind, details: &[(&str, String)]) {
        let mut fields: Vec<(String, String)> =
            details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        fields.extend(self.power_fields());
        self.happenings.push_back(Happening { kind, severity: kind.severity, fields });
    }

    fn happen(&mut self, kind: &'static EventKind) {
        self.happen_with(kind, &[]);
    }

    /// `OL` and `OB` are two ends of one thing, and a calibration is on battery by its own will.
    fn tell_source(&mut self, now: Time) {
        let outage = self.has("OB") && !self.has("CAL");
        if outage && !self.on_battery {
            self.on_battery = true;
            self.memory_changed = true;
            self.outages.begin(now);
            self.happen(&kinds::ON_BATTERY);
        }
        if self.on_battery && self.has("CAL") && self.outages.is_younger_than(now, FLAG_ARRIVES) {
            self.outages.strike();
        }
        if self.on_battery && self.has("OL") {
            self.on_battery = false;
            self.memory_changed = true;
            let lasted = self.outages.end(now);
            self.outage_ended = Some(now);
            let mut details = Vec::new();
            details.extend(lasted.map(|lasted| ("lasted-s", lasted.as_secs().to_string())));
            if self.judge.test().masks() {
                self.outages.strike();
                details.push(("cause", "self-test".to_owned()));
            }
            self.happen_with(&kinds::ON_LINE, &details);
        }
    }

    fn tell_tokens(&mut self) {
        for (token, came, went) in TOKENS {
            let kind = match (self.told.contains(token), self.has(token)) {
                (false, true) => {
                    self.told.insert(token);
                    came
                }
                (true, false) => {
                    self.told.remove(token);
                    went
                }
                _ => continue,
            };
            self.memory_changed = true;
            self.happen_to_token(kind);
        }
    }

    fn happen_to_token(&mut self, kind: &'static EventKind) {
        match self.forced.lost_for {
            Some(lost) if kind == &kinds::FORCED_SHUTDOWN => {
                let cause = format!("no contact for {} s in an outage", lost.as_secs());
                self.happen_with(kind, &[("cause", cause)]);
            }
            _ => self.happen(kind),
        }
    }

    /// A forced shutdown is an order, which does not wait for the UPS to be heard.
    fn tell_forced(&mut self) {
        let kind = match (self.told.contains("FSD"), self.forced.set) {
            (false, true) => &kinds::FORCED_SHUTDOWN,
            (true, false) => &kinds::FORCED_SHUTDOWN_CLEARED,
            _ => return,
        };
        if self.forced.set {
            self.told.insert("FSD");
        } else {
            self.told.remove("FSD");
        }
        self.happen_to_token(kind);
    }

    fn tell_test(&mut self, news: News) {
        match news {
            News::Started(origin) => {
                self.happen_with(&kinds::TEST_STARTED, &[("origin", origin.text().to_owned())]);
            }
            News::Passed(result) => self.happen_with(&kinds::TEST_PASSED, &[("result", result)]),
            News::Failed(result) => self.happen_with(&kinds::TEST_FAILED, &[("result", result)]),
            News::NoResult => self.happen(&kinds::TEST_ENDED),
            News::WasTest => {}
        }
    }

    /// The UPS's own complaint. What it says in its status has events of its own.
    fn tell_alarm(&mut self) {
        let alarm = self.own_alarm().map(str::to_owned);
        if !self.alarm_known || alarm == self.alarm {
            return;
        }
        let before = std::mem::replace(&mut self.alarm, alarm.clone());
        self.memory_changed = true;
        let kind = if alarm.is_some() { &kinds::ALARM } else { &kinds::ALARM_CLEARED };
        self.happen_with(kind, &[(ALARM_FIELD, alarm.or(before).unwrap_or_default())]);
    }

    /// What the UPS itself complains of.
    pub(super) fn own_alarm(&self) -> Option<&str> {
        self.readings.get(ALARM).map(|alarm| alarm.value.as_str()).filter(|alarm| !alarm.is_empty())
    }

    fn has(&self, wanted: &str) -> bool {
        self.status.iter().any(|token| token == wanted)
    }

    fn absence_fields(&self, reason: String) -> Vec<(String, String)> {
        vec![("reason".to_owned(), reason), ("port".to_owned(), self.identity.port.clone())]
    }

    fn power_fields(&self) -> Vec<(String, String)> {
        let known = |name: &&str| self.value(name).map(|value| ((*name).to_owned(), value));
        EVENT_FIELDS.iter().filter_map(known).collect()
    }
}

/// The field with the complaint.
const ALARM_FIELD: &str = "alarm";
