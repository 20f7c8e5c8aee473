//! From what the UPS says of its status to what is believed of it.
//!
//! The one place where tokens are held back, held on to, or set by rule. What comes out is what clients read in
//! `ups.status`, and events follow from exactly that. The invariant: nothing that protects data is held back without a
//! limit. On battery with a low battery is told after the delay of the low battery, whatever else is going on.

use std::time::Duration;

use apcsmart::Time;

use super::calibration::Calibration;
use super::debounce::Debounce;
use super::self_test::{News, SelfTest};
use crate::state::rules::Rules;

/// How long an alarm must be gone until that is believed: clients act on the first word, so that a flicker can only
/// confuse the log.
const RELEASE: Duration = Duration::from_secs(5);
/// An output that goes off on order does so after the UPS's grace, ten minutes at most.
const OFF_FOLLOWS: Duration = Duration::from_secs(900);
/// An input voltage below this share of the lower transfer point is no mains at all.
const DEAD_MAINS: f64 = 0.5;
/// The same where no transfer point is known: below half of the lowest mains there is.
const DEAD_MAINS_VOLTS: f64 = 50.0;
/// What this file judges. Whatever else a driver says is passed on as it is.
const JUDGED: [&str; 12] =
    ["CAL", "TRIM", "BOOST", "OL", "OB", "OVER", "LB", "RB", "BYPASS", "OFF", "FSD", "ALARM"];

/// What is believed of the status.
#[derive(Debug)]
pub(super) struct Judge {
    /// As the UPS last said it.
    said: Vec<String>,
    /// A status was seen.
    known: bool,
    /// The last of on line and on battery that was said: while switching over, units say neither.
    on_battery: bool,
    battery: Debounce,
    off: Debounce,
    low: Debounce,
    /// Low on battery during what looks like a test.
    low_in_test: Debounce,
    /// An outage with a low battery is on show: nothing can turn it into a test any more.
    critical: bool,
    replace: Debounce,
    overload: Debounce,
    trim: Debounce,
    boost: Debounce,
    bypass: Debounce,
    calibration: Calibration,
    test: SelfTest,
    /// Somebody ordered that the output goes off.
    off_ordered: Option<Time>,
    /// The UPS's wish for a new battery does not count until then.
    overruled: Option<Time>,
    charge: Option<f64>,
    runtime: Option<f64>,
    transfer_low: Option<f64>,
}

impl Judge {
    pub(super) fn new(now: Time) -> Judge {
        let never = Debounce::new(now);
        Judge {
            said: Vec::new(),
            known: false,
            on_battery: false,
            battery: never,
            off: never,
            low: never,
            low_in_test: never,
            critical: false,
            replace: never,
            overload: never,
            trim: never,
            boost: never,
            bypass: never,
            calibration: Calibration::default(),
            test: SelfTest::new(),
            off_ordered: None,
            overruled: None,
            charge: None,
            runtime: None,
            transfer_low: None,
        }
    }

    /// The UPS says this status.
    pub(super) fn take_status(&mut self, now: Time, status: &str, rules: &Rules) {
        self.said = status.split_ascii_whitespace().map(str::to_owned).collect();
        if !self.known {
            self.known = true;
            self.believe_at_once(now);
        }
        self.judge(now, rules);
    }

    /// A reading that bears on the status. `at_ms` is now by the calendar.
    pub(super) fn take_reading(&mut self, now: Time, name: &str, value: &str, at_ms: Option<u64>) {
        let number = value.parse().ok().filter(|number: &f64| number.is_finite());
        match name {
            "battery.charge" => self.charge = number,
            "battery.runtime" => self.runtime = number,
            "input.transfer.low" => self.transfer_low = number,
            "input.transfer.reason" => self.test.take_reason(now, value),
            "ups.mode" => self.test.take_mode(value),
            "ups.test.result" => self.test.take_result(now, value, at_ms),
            "input.voltage" => {
                let dead = self.transfer_low.map_or(DEAD_MAINS_VOLTS, |low| low * DEAD_MAINS);
                if number.is_some_and(|volts| volts < dead) && self.test.masks() {
                    self.test.be_outage();
                }
            }
            _ => {}
        }
    }

    /// A reading is known no more.
    pub(super) fn forget_reading(&mut self, name: &str) {
        match name {
            "battery.charge" => self.charge = None,
            "battery.runtime" => self.runtime = None,
            "input.transfer.low" => self.transfer_low = None,
            _ => {}
        }
    }

    /// A command was given to the UPS at `at`.
    pub(super) fn take_order(&mut self, now: Time, command: &str, at: Time) {
        if command == "load.off" || (command.starts_with("shutdown.") && command != "shutdown.stop") {
            self.off_ordered = Some(now);
        } else if command == "shutdown.stop" || command == "load.on" {
            self.off_ordered = None;
        }
        self.test.take_order(now, command, at);
        self.calibration.take_order(now, command);
    }

    /// The battery was tested and is sound, or is another one: the UPS's word against it is of the past.
    pub(super) fn trust_battery(&mut self, now: Time, rules: &Rules) {
        if self.says("RB") && !rules.replace_battery_overrule.is_zero() {
            self.overruled = Some(now + rules.replace_battery_overrule);
        }
        self.replace.force(now, false);
        self.judge(now, rules);
    }

    /// The battery was tested and is bad.
    pub(super) fn distrust_battery(&mut self) {
        self.overruled = None;
    }

    /// Another UPS is on the port.
    pub(super) fn forget_unit(&mut self) {
        self.overruled = None;
        self.test.forget();
    }

    /// Brings everything up to `now`.
    pub(super) fn judge(&mut self, now: Time, rules: &Rules) {
        if !self.known {
            return;
        }
        let neither = !self.says("OB") && !self.says("OL");
        if !neither {
            self.on_battery = self.says("OB");
        }
        self.test.take_battery(now, self.on_battery);
        self.calibration.see(now, self.says("CAL"), self.on_battery, rules.calibration_limit);
        if self.calibration.shown() {
            self.test.be_calibration();
        }
        let low = self.is_low(rules);
        if self.critical && self.on_battery {
            self.test.be_outage();
            self.calibration.drop();
        }
        let in_test = self.test.masks() || self.calibration.shown();
        let low_in_test = in_test && self.on_battery && low;
        self.low_in_test.see(now, low_in_test, rules.low_battery_test_delay, Duration::ZERO);
        if self.low_in_test.shown() {
            self.test.be_outage();
            self.calibration.drop();
            self.low.force(now, true);
            self.low_in_test.force(now, false);
        }
        self.judge_source(now, neither, rules);
        self.judge_battery(now, low, rules);
        self.judge_rest(now, rules);
        self.critical = self.battery.shown() && self.low.shown() && !self.calibration.shown();
    }

    /// When a belief changes unless something is learned before.
    pub(super) fn deadline(&self, rules: &Rules) -> Time {
        let debounced = [
            self.battery,
            self.off,
            self.low,
            self.low_in_test,
            self.replace,
            self.overload,
            self.trim,
            self.boost,
            self.bypass,
        ];
        let debounced = debounced.iter().map(Debounce::deadline).min().unwrap_or(Time::NEVER);
        let others = [
            self.test.deadline(rules.self_test_limit, rules.calibration_limit),
            self.calibration.deadline(rules.calibration_limit),
            self.overruled.unwrap_or(Time::NEVER),
        ];
        others.into_iter().fold(debounced, Time::min)
    }

    /// Time has passed; `at_ms` is now by the calendar.
    pub(super) fn pass(&mut self, now: Time, rules: &Rules, at_ms: Option<u64>) {
        self.test.pass(now, rules.self_test_limit, rules.calibration_limit, at_ms);
        self.judge(now, rules);
    }

    /// The tokens that are believed, in the order in which clients read them.
    pub(super) fn tokens(&self) -> Vec<String> {
        if !self.known {
            return Vec::new();
        }
        let (off, battery) = (self.off.shown(), self.battery.shown());
        let around = self.says("BYPASS") && !self.says("OL") && !self.says("OB");
        let judged = [
            ("CAL", self.calibration.shown()),
            ("TRIM", self.trim.shown()),
            ("BOOST", self.boost.shown()),
            ("OL", !off && !battery && !around),
            ("OB", !off && battery),
            ("OVER", self.overload.shown()),
            ("LB", self.low.shown()),
            ("RB", self.replace.shown()),
            ("BYPASS", self.bypass.shown()),
            ("OFF", off),
        ];
        let judged = judged.into_iter().filter(|(_, shown)| *shown).map(|(token, _)| token.to_owned());
        let others = self.said.iter().filter(|token| !JUDGED.contains(&token.as_str())).cloned();
        judged.chain(others).collect()
    }

    /// Whether the UPS itself says `token`.
    pub(super) fn says(&self, token: &str) -> bool {
        self.said.iter().any(|said| said == token)
    }

    /// Whether a status was seen.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// Whether the load hangs on the battery, for whatever reason.
    pub(super) fn on_battery(&self) -> bool {
        self.known && self.on_battery
    }

    pub(super) fn test(&self) -> &SelfTest {
        &self.test
    }

    pub(super) fn restore_test(&mut self, latched: Option<super::self_test::Latched>) {
        self.test.restore(latched);
    }

    pub(super) fn take_test_news(&mut self) -> Vec<News> {
        self.test.take_news()
    }

    /// Whether a calibration turned out to be none since this was last asked.
    pub(super) fn take_stale_calibration(&mut self) -> bool {
        self.calibration.take_news()
    }

    /// How long the wish for a new battery will not count, from `now`.
    pub(super) fn overrule_left(&self, now: Time) -> Option<Duration> {
        self.overruled.map(|until| until.since(now)).filter(|left| !left.is_zero())
    }

    /// What was believed before a restart.
    pub(super) fn restore(&mut self, now: Time, tokens: &[String], overrule: Option<Duration>) {
        self.overruled = overrule.map(|left| now + left);
        // Only what the first status does not settle at once.
        self.replace.force(now, tokens.iter().any(|token| token == "RB"));
    }

    /// Before the first status nothing was believed that could be held on to, and a guess would be worse.
    fn believe_at_once(&mut self, now: Time) {
        self.on_battery = self.says("OB");
        let neither = !self.says("OB") && !self.says("OL") && !self.says("BYPASS");
        self.battery.force(now, self.on_battery);
        self.off.force(now, neither);
        self.low.force(now, self.says("LB") && !self.says("CAL"));
        self.overload.force(now, self.says("OVER"));
        self.trim.force(now, self.says("TRIM"));
        self.boost.force(now, self.says("BOOST"));
        self.bypass.force(now, self.says("BYPASS"));
    }

    fn is_low(&self, rules: &Rules) -> bool {
        let below = |value: Option<f64>, limit: Option<f64>| match (value, limit) {
            (Some(value), Some(limit)) => value < limit,
            _ => false,
        };
        let charge = below(self.charge, rules.low_battery_charge.map(f64::from));
        let runtime = below(self.runtime, rules.low_battery_runtime.map(|limit| limit.as_secs_f64()));
        (self.says("LB") && !rules.ignore_low_battery) || (self.on_battery && (charge || runtime))
    }

    fn judge_source(&mut self, now: Time, neither: bool, rules: &Rules) {
        if self.test.masks() {
            self.battery.force(now, false);
        } else if self.on_battery && self.test.is_genuine() {
            self.battery.force(now, true);
        } else {
            self.battery.see(now, self.on_battery, rules.on_battery_delay, rules.on_line_delay);
        }
        let ordered = self.off_ordered.is_some_and(|at| now.since(at) < OFF_FOLLOWS);
        let off_delay = match self.test.is_active() {
            // The load is cycled within seconds when mains is back already.
            _ if ordered => Duration::ZERO,
            true => rules.off_delay.max(rules.self_test_limit),
            false => rules.off_delay,
        };
        self.off.see(now, neither && !self.says("BYPASS"), off_delay, Duration::ZERO);
    }

    fn judge_battery(&mut self, now: Time, low: bool, rules: &Rules) {
        let in_test = self.test.is_active() || (self.calibration.shown() && self.on_battery);
        let counts = low && (!in_test || self.low.shown());
        self.low.see(now, counts, rules.low_battery_delay, RELEASE);
        if self.low.shown() && low && self.on_battery && !self.test.masks() {
            self.battery.force(now, true);
        }
        if self.overruled.is_some_and(|until| now >= until) || !self.says("RB") {
            self.overruled = None;
        }
        let tested = self.test.is_active() && !self.replace.shown();
        let replace = self.says("RB") && self.overruled.is_none() && !tested;
        self.replace.see(now, replace, rules.replace_battery_delay, RELEASE);
    }

    fn judge_rest(&mut self, now: Time, rules: &Rules) {
        self.overload.see(now, self.says("OVER"), rules.overload_delay, RELEASE);
        let delay = rules.regulation_delay;
        // Bypass is told at once: the load is unprotected.
        let bypass = self.says("BYPASS");
        self.bypass.see(now, bypass, Duration::ZERO, delay);
        let (trim, boost) = (self.says("TRIM"), self.says("BOOST"));
        if self.battery.shown() || self.off.shown() {
            self.trim.force(now, false);
            self.boost.force(now, false);
        } else {
            self.trim.see(now, trim, delay, delay);
            self.boost.see(now, boost, delay, delay);
        }
    }
}
