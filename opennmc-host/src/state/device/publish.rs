//! What clients read of a device.
//!
//! Put together from the UPS's readings, the fixed values of the configuration, what is judged, and what follows. A fixed
//! value wins over the UPS, the UPS wins over what is derived; only the status, the alarm and the result of the last test
//! are always the engine's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use apcsmart::Time;

use super::derive::{self, Readings, Supply};
use super::{ALARM, DeviceState, STATUS, self_test};
use crate::state::snapshot::{Availability, Device, Kind, Variable};

const TEST_RESULT: &str = "ups.test.result";
/// What is said instead of the result while a test runs, in the words of NUT's drivers.
const IN_PROGRESS: &str = "In progress";
/// Readings that NUT clients also look for under the name of the device.
const DEVICE_COPIES: [(&str, &str); 3] =
    [("ups.mfr", "device.mfr"), ("ups.model", "device.model"), ("ups.serial", "device.serial")];
/// What goes on by itself, such as the length of an outage, is brought up to date as often.
const REFRESH: Duration = Duration::from_secs(1);

impl DeviceState {
    /// The device as the next snapshot shows it.
    pub fn device(&self, generation: u64, heard_at_ms: Option<u64>) -> Device {
        let availability = self.availability();
        let heard = matches!(availability, Availability::Live | Availability::Stale);
        Device {
            name: self.identity.name.clone(),
            description: self.identity.description.clone(),
            availability,
            generation,
            heard_at_ms,
            variables: if heard { self.all_variables() } else { BTreeMap::new() },
            commands: if heard { self.commands.clone() } else { BTreeSet::new() },
        }
    }

    /// The tokens of `ups.status` as they are judged now.
    pub(super) fn published_tokens(&self) -> Vec<String> {
        let judged = self.judge.tokens();
        if judged.is_empty() {
            return judged;
        }
        let mut tokens = Vec::new();
        if self.forced.set || self.judge.says("FSD") {
            tokens.push("FSD".to_owned());
        }
        if self.own_alarm().is_some() || self.judge.says("ALARM") {
            tokens.push("ALARM".to_owned());
        }
        let charger = match self.value("battery.charger.status").as_deref() {
            Some("charging") => Some("CHRG"),
            Some("discharging") => Some("DISCHRG"),
            _ => None,
        };
        let own = judged.iter().any(|token| token == "CHRG" || token == "DISCHRG");
        tokens.extend(judged);
        tokens.extend(charger.filter(|_| self.rules.charger_tokens && !own).map(str::to_owned));
        tokens
    }

    /// One variable as clients read it.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        if name == STATUS {
            return (!self.status.is_empty()).then(|| self.status.join(" "));
        }
        self.text(name).or_else(|| self.derived.get(name).map(String::as_str)).map(str::to_owned)
    }

    /// Brings what is derived up to date.
    pub(super) fn refresh(&mut self, now: Time) {
        if !self.dirty && now.since(self.refreshed) < REFRESH {
            return;
        }
        (self.dirty, self.refreshed) = (false, now);
        let live = self.availability() == Availability::Live;
        let supply = self.supply();
        let watts = derive::real_power(self).filter(|_| live);
        // A UPS whose output is off feeds nothing, whatever it says of its load.
        self.energy.see(
            now,
            watts.map(|watts| if supply == Supply::Off { 0.0 } else { watts }),
            self.rules.stale_after,
        );
        let (charge, runtime) = (self.number("battery.charge"), self.number("battery.runtime"));
        if self.judge.on_battery() != self.trend_on_battery {
            self.trend_on_battery = self.judge.on_battery();
            self.charge_trend.restart();
            self.runtime_trend.restart();
        }
        self.charge_trend.see(now, charge.filter(|_| live));
        self.runtime_trend.see(now, runtime.filter(|_| live));
        let derived = self.derive(now, supply);
        if derived != self.derived {
            self.derived = derived;
            self.changed = true;
            let status = self.published_tokens();
            if status != self.status {
                self.status = status;
            }
        }
    }

    fn derive(&self, now: Time, supply: Supply) -> BTreeMap<&'static str, String> {
        let test = self.judge.test();
        let mut all = BTreeMap::new();
        let mut put = |name, value: Option<String>| {
            if let Some(value) = value {
                all.insert(name, value);
            }
        };
        let discharging = self.judge.on_battery() && supply != Supply::Off;
        let charger = derive::charger_status(self, discharging, supply);
        put("battery.charger.status", charger.map(str::to_owned));
        put("ups.mode", self.judge.is_known().then(|| derive::mode(supply, test.masks()).to_owned()));
        put("ups.realpower", derive::real_power(self).map(|watts| rounded(watts, 0)));
        put("ups.power", derive::apparent_power(self).map(|va| rounded(va, 0)));
        put("ups.energy", self.energy.kwh().map(|kwh| rounded(kwh, 3)));
        put("battery.charge.trend", self.charge_trend.per_minute().map(|slope| rounded(slope, 2)));
        put("battery.runtime.trend", self.runtime_trend.per_minute().map(|slope| rounded(slope, 0)));
        put("battery.charge.low", self.rules.low_battery_charge.map(|charge| charge.to_string()));
        let date = self.text("battery.date").or_else(|| self.text("battery.mfr.date"));
        let age = date.and_then(|date| self.calendar.days_since(now, date, self.rules.date_order));
        put("battery.age", age.map(|days| days.to_string()));
        let result = test.latched().map(|latched| latched.text.as_str());
        put(ALARM, derive::alarm(self.own_alarm(), &self.status, result));
        put(TEST_RESULT, self.test_result());
        let tested = test.latched().and_then(|latched| latched.at_ms).and_then(super::Calendar::text);
        put("ups.test.date", tested);
        all.extend(self.outages.variables(now, &self.calendar));
        all
    }

    /// The last result there was, which the UPS itself forgets after minutes.
    fn test_result(&self) -> Option<String> {
        let said = self.text(TEST_RESULT);
        let test = self.judge.test();
        if test.masks() {
            return Some(IN_PROGRESS.to_owned());
        }
        let latched = test.latched().map(|latched| latched.text.clone());
        latched.filter(|_| !said.is_some_and(self_test::is_result)).or_else(|| said.map(str::to_owned))
    }

    fn supply(&self) -> Supply {
        let has = |wanted: &str| self.status.iter().any(|token| token == wanted);
        match () {
            () if has("OFF") => Supply::Off,
            () if has("BYPASS") => Supply::Bypass,
            () if has("OB") => Supply::Battery,
            () => Supply::Line,
        }
    }

    /// What the UPS said, and what NUT clients expect of a driver besides.
    fn all_variables(&self) -> BTreeMap<String, Variable> {
        let mut all = self.readings.clone();
        all.remove(ALARM);
        for (name, value) in &self.derived {
            if [ALARM, TEST_RESULT].contains(name) {
                all.insert((*name).to_owned(), fixed(value));
            } else {
                all.entry((*name).to_owned()).or_insert_with(|| fixed(value));
            }
        }
        if let Some(status) = all.get_mut(STATUS) {
            status.value = self.status.join(" ");
        }
        all.extend(self.rules.overrides.iter().map(|(name, value)| (name.clone(), fixed(value))));
        for (from, to) in DEVICE_COPIES {
            if let Some(variable) = all.get(from) {
                let copy = fixed(&variable.value);
                all.entry(to.to_owned()).or_insert(copy);
            }
        }
        // Words that NUT's own drivers use for the same.
        let state = if self.availability() == Availability::Live { "quiet" } else { "reconnect.trying" };
        let own = [
            ("device.type", "ups"),
            ("driver.name", self.identity.driver),
            ("driver.version", env!("CARGO_PKG_VERSION")),
            ("driver.state", state),
            ("driver.parameter.port", &self.identity.port),
        ];
        all.extend(own.map(|(name, value)| (name.to_owned(), text(value))));
        all
    }
}

impl Readings for DeviceState {
    fn text(&self, name: &str) -> Option<&str> {
        let fixed = self.rules.overrides.get(name);
        fixed.or_else(|| self.readings.get(name).map(|variable| &variable.value)).map(String::as_str)
    }
}

/// What can't be set: a number when it looks like one.
fn fixed(value: &str) -> Variable {
    let kind = if value.parse::<f64>().is_ok_and(f64::is_finite) { Kind::Number } else { Kind::Text(0) };
    Variable { value: value.to_owned(), kind, settable: false }
}

fn text(value: &str) -> Variable {
    Variable { value: value.to_owned(), kind: Kind::Text(0), settable: false }
}

/// Without the sign of a zero.
fn rounded(number: f64, places: usize) -> String {
    let text = format!("{number:.places$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|digit| matches!(digit, '0' | '.')) => rest.to_owned(),
        _ => text,
    }
}
