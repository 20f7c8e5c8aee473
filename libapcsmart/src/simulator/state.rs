//! The physical truth of a UPS: mains, battery, load, output, and what its firmware is doing with them.
//!
//! Invariant: the state moves on a fixed grid of ticks, so that it does not depend on how often anyone looks. Nothing
//! here knows the serial line; alerts are handed out as bytes, in the order in which the UPS would send them.

mod alerts;
mod output;

use core::time::Duration;

use super::eeprom::Eeprom;
use super::model::{Output as Supply, Spec};
use crate::Time;
use alerts::Alerts;
use output::Grace;
pub(super) use output::{OffBy, Output};

/// How often the firmware looks at the world.
const TICK: Duration = Duration::from_millis(100);
/// A UPS reports overload from here, in per cent.
const OVERLOAD: f64 = 105.0;
/// What `overload on` connects, in per cent.
const OVERLOADING_LOAD: f64 = 120.0;
/// Calibration runs the battery down to this charge, in per cent.
const CALIBRATION_ENDS: f64 = 25.0;
/// A self-test keeps the load on the battery for so long.
const SELF_TEST: Duration = Duration::from_secs(8);
/// A simulated outage (`U`) must outlast the longest pause before an `S` that readers use (9.9 s).
const SIMULATED_OUTAGE: Duration = Duration::from_secs(12);
/// A test's result is told for so long, then there is none.
const RESULT_KEPT: Duration = Duration::from_secs(5 * 60);
/// Over-temperature trips here, in degrees Celsius.
const TOO_HOT: f64 = 70.0;
/// The warning ends when the runtime is so many minutes above where it began.
const WARNING_HYSTERESIS: f64 = 0.5;
/// Full is not exactly 100: a sum of small steps.
const FULL: f64 = 99.999;

/// Mains as it is at the socket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mains {
    pub(super) present: bool,
    pub(super) volts: f64,
    pub(super) hertz: f64,
}

/// What takes the load off mains although mains may be good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Activity {
    None,
    SelfTest { until: Time },
    SimulatedOutage { until: Time },
    Calibration,
}

/// The way around the inverter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bypass {
    None,
    Command,
    Switch,
    Fault,
}

pub(super) struct Ups {
    pub(super) spec: &'static Spec,
    pub(super) mains: Mains,
    /// Load that is connected, in per cent; it draws nothing while the output is off.
    pub(super) connected_load: f64,
    /// In per cent.
    pub(super) charge: f64,
    pub(super) temperature: f64,
    /// Time factor of the battery.
    pub(super) speed: f64,
    pub(super) replace_battery: bool,
    pub(super) charger_failed: bool,
    pub(super) relay_failed: bool,
    pub(super) bypass: Bypass,
    pub(super) activity: Activity,
    pub(super) output: Output,
    pub(super) transfer_cause: u8,
    /// Times the load lost its supply.
    pub(super) load_drops: u64,
    /// Shutdowns that were accepted.
    pub(super) shutdowns: u64,
    /// Highest and lowest mains since somebody asked for them.
    pub(super) volts_seen: (f64, f64),
    load_before_overload: Option<f64>,
    battery_low: bool,
    test_result: Option<(Time, &'static str)>,
    last_test: Time,
    started: Time,
    grace: Option<Grace>,
    alerts: Alerts,
    settings: Settings,
    now: Time,
    /// Something changes by itself, so that time is cut into ticks.
    moves: bool,
    next_tick: Time,
}

/// The EEPROM's settings as numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Settings {
    transfer: (f64, f64),
    nominal_output: f64,
    warning_minutes: f64,
    restart_charge: f64,
    grace: Duration,
    wake_delay: Duration,
}

impl Settings {
    pub(super) fn read(spec: &Spec, eeprom: &Eeprom) -> Settings {
        let or = |command, fallback: f64| eeprom.number(command).unwrap_or(fallback);
        /// Without a setting, a unit gives the computer this long.
        const GRACE: f64 = 20.0;
        Settings {
            transfer: (or(b'l', spec.electrics.window.0), or(b'u', spec.electrics.window.1)),
            nominal_output: or(b'o', spec.electrics.nominal),
            warning_minutes: or(b'q', spec.battery.warning_minutes),
            restart_charge: or(b'e', 0.0),
            grace: Duration::from_secs_f64(or(b'p', GRACE)),
            wake_delay: Duration::from_secs_f64(or(b'r', 0.0)),
        }
    }
}

impl Ups {
    pub(super) fn new(spec: &'static Spec, settings: Settings) -> Ups {
        let electrics = &spec.electrics;
        Ups {
            spec,
            mains: Mains { present: true, volts: electrics.volts, hertz: electrics.hertz },
            connected_load: electrics.load,
            charge: 100.0,
            temperature: 27.4,
            speed: 1.0,
            replace_battery: false,
            charger_failed: false,
            relay_failed: false,
            bypass: Bypass::None,
            activity: Activity::None,
            output: Output::On,
            transfer_cause: b'O',
            load_drops: 0,
            shutdowns: 0,
            volts_seen: (electrics.volts, electrics.volts),
            load_before_overload: None,
            battery_low: false,
            test_result: None,
            last_test: Time::ZERO,
            started: Time::ZERO,
            grace: None,
            alerts: Alerts::default(),
            settings,
            now: Time::ZERO,
            moves: false,
            next_tick: Time::NEVER,
        }
    }

    /// Lets time pass until `now`.
    pub(super) fn advance(&mut self, now: Time) {
        while self.next_tick <= now {
            let tick = self.next_tick;
            self.integrate(tick);
            self.settle();
        }
        if !self.moves {
            self.now = self.now.max(now);
        }
    }

    /// When the UPS has something to do next.
    pub(super) fn next_tick(&self) -> Time {
        self.next_tick
    }

    /// Alert bytes that are due, oldest first.
    pub(super) fn take_alerts(&mut self) -> Vec<u8> {
        self.alerts.take(self.spec.alerts)
    }

    pub(super) fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
        self.settle();
    }

    // What it is.

    /// The load hangs on the battery.
    pub(super) fn on_battery(&self) -> bool {
        self.output == Output::On && self.bypass == Bypass::None && self.mains_lost()
    }

    pub(super) fn output_is_on(&self) -> bool {
        self.output == Output::On
    }

    /// The processor runs: mains or battery feeds it.
    pub(super) fn is_alive(&self) -> bool {
        !matches!(self.output, Output::Off { by: OffBy::EmptyBattery { dead: true }, .. })
    }

    /// Mains is inside the transfer points, whatever a test does.
    pub(super) fn mains_good(&self) -> bool {
        let (low, high) = self.settings.transfer;
        self.mains.present && (low..=high).contains(&self.mains.volts)
    }

    pub(super) fn battery_low(&self) -> bool {
        self.battery_low
    }

    pub(super) fn overloaded(&self) -> bool {
        self.load() > OVERLOAD
    }

    pub(super) fn boosting(&self) -> bool {
        /// Below this share of the nominal voltage the transformer lifts.
        const LIFT_BELOW: f64 = 0.93;
        matches!(self.spec.electrics.output, Supply::Boost | Supply::BoostAndTrim)
            && self.output_follows_mains()
            && self.mains.volts < LIFT_BELOW * self.settings.nominal_output
    }

    pub(super) fn trimming(&self) -> bool {
        /// Above this share of the nominal voltage the transformer lowers.
        const LOWER_ABOVE: f64 = 1.07;
        self.spec.electrics.output == Supply::BoostAndTrim
            && self.output_follows_mains()
            && self.mains.volts > LOWER_ABOVE * self.settings.nominal_output
    }

    /// What the load draws, in per cent.
    pub(super) fn load(&self) -> f64 {
        if self.output_is_on() { self.connected_load } else { 0.0 }
    }

    pub(super) fn mains_volts(&self) -> f64 {
        if self.mains.present { self.mains.volts } else { 0.0 }
    }

    pub(super) fn hertz(&self) -> f64 {
        if self.mains.present { self.mains.hertz } else { self.spec.electrics.hertz.round() }
    }

    pub(super) fn output_volts(&self) -> f64 {
        /// What the transformer's tap adds or takes.
        const TAP: f64 = 0.12;
        match (self.output_is_on(), self.on_battery(), self.spec.electrics.output, self.bypass) {
            (false, ..) => 0.0,
            (true, true, ..) => self.settings.nominal_output,
            (true, false, Supply::Inverter, Bypass::None) => self.settings.nominal_output,
            _ if self.boosting() => self.mains.volts * (1.0 + TAP),
            _ if self.trimming() => self.mains.volts * (1.0 - TAP),
            _ => self.mains_volts(),
        }
    }

    /// Amperes, true RMS.
    pub(super) fn output_current(&self) -> f64 {
        self.load() / 100.0 * self.spec.electrics.volt_amperes / self.settings.nominal_output
    }

    /// Amperes out of the battery.
    pub(super) fn battery_current(&self) -> f64 {
        let watts = self.load() / 100.0 * self.spec.electrics.volt_amperes;
        if self.on_battery() { watts / self.spec.battery.volts } else { 0.0 }
    }

    /// Float and discharge both fall with the charge, float from above.
    pub(super) fn battery_volts(&self) -> f64 {
        let share = self.charge / 100.0;
        let per_nominal =
            if self.on_battery() { 0.875 + 0.17 * share - 0.0002 * self.load() } else { 1.0 + 0.134 * share };
        self.spec.battery.volts * per_nominal
    }

    /// Minutes until the battery is empty at this load.
    pub(super) fn runtime_minutes(&self) -> f64 {
        self.charge / 100.0 * self.full_runtime_minutes()
    }

    /// The self-test's result, `NO` when there is none or it is old.
    pub(super) fn test_result(&self) -> &'static str {
        match self.test_result {
            Some((at, result)) if self.now.since(at) <= RESULT_KEPT => result,
            _ => "NO",
        }
    }

    pub(super) fn hours_since_test(&self) -> u64 {
        self.now.since(self.last_test).as_secs() / 3600
    }

    pub(super) fn uptime_hours(&self) -> f64 {
        self.now.since(self.started).as_secs_f64() / 3600.0
    }

    pub(super) fn now(&self) -> Time {
        self.now
    }

    pub(super) fn is_full(&self) -> bool {
        self.charge >= FULL
    }

    // What happens to it.

    pub(super) fn set_mains(&mut self, mains: Mains) {
        let was_good = self.mains_good();
        self.mains = mains;
        if was_good && !self.mains_good() {
            let (low, high) = self.settings.transfer;
            self.transfer_cause = match mains {
                Mains { present: false, .. } => b'T',
                Mains { volts, .. } if volts < low => b'L',
                Mains { volts, .. } if volts > high => b'H',
                _ => b'R',
            };
        }
        let volts = self.mains_volts();
        self.volts_seen = (self.volts_seen.0.max(volts), self.volts_seen.1.min(volts));
        self.settle();
    }

    /// Somebody read the highest or the lowest mains voltage, which starts that memory anew.
    pub(super) fn forget_highest_volts(&mut self) {
        self.volts_seen.0 = self.mains_volts();
    }

    pub(super) fn forget_lowest_volts(&mut self) {
        self.volts_seen.1 = self.mains_volts();
    }

    pub(super) fn set_overload(&mut self, on: bool) {
        match (on, self.load_before_overload.take()) {
            (true, before) => {
                self.load_before_overload = Some(before.unwrap_or(self.connected_load));
                self.connected_load = OVERLOADING_LOAD;
            }
            (false, Some(before)) => self.connected_load = before,
            (false, None) if self.connected_load > OVERLOAD => {
                self.connected_load = self.spec.electrics.load;
            }
            (false, None) => {}
        }
        self.settle();
    }

    /// The charge falls to just under the warning.
    pub(super) fn drain_to_warning(&mut self) {
        let share = self.settings.warning_minutes / self.full_runtime_minutes();
        self.charge = self.charge.min((share * 100.0 * 0.98).clamp(0.1, 100.0));
        self.settle();
    }

    pub(super) fn set_replace_battery(&mut self, on: bool) {
        self.replace_battery = on;
        self.settle();
    }

    /// `W`, or the button. False when a test cannot start now.
    pub(super) fn start_self_test(&mut self) -> bool {
        if self.activity != Activity::None || !self.output_is_on() || !self.mains_good() {
            return false;
        }
        self.start_activity(Activity::SelfTest { until: self.now + SELF_TEST });
        true
    }

    /// `W` while a test runs. False when none does.
    pub(super) fn stop_self_test(&mut self) -> bool {
        let running = matches!(self.activity, Activity::SelfTest { .. });
        if running {
            self.activity = Activity::None;
            self.test_result = None;
            self.settle();
        }
        running
    }

    /// `U`. False when mains is away anyhow.
    pub(super) fn simulate_outage(&mut self) -> bool {
        if self.activity != Activity::None || !self.output_is_on() || !self.mains_good() {
            return false;
        }
        self.start_activity(Activity::SimulatedOutage { until: self.now + SIMULATED_OUTAGE });
        true
    }

    /// `D` while none runs. False without a full battery.
    pub(super) fn start_calibration(&mut self) -> bool {
        let possible = self.is_full() && self.mains_good() && self.output_is_on();
        if self.activity != Activity::None || !possible {
            return false;
        }
        self.start_activity(Activity::Calibration);
        true
    }

    /// `D` while one runs.
    pub(super) fn stop_calibration(&mut self) {
        self.activity = Activity::None;
        self.settle();
    }

    /// Derives everything that follows from the last change, at this moment.
    pub(super) fn settle(&mut self) {
        self.finish_activity();
        self.settle_output();
        let minutes = self.runtime_minutes();
        let warning = self.settings.warning_minutes;
        self.battery_low = match self.battery_low {
            true => minutes <= warning + WARNING_HYSTERESIS,
            false => minutes <= warning,
        };
        let seen = alerts::Seen {
            outage: self.mains_lost() && self.bypass == Bypass::None,
            output_on: self.output_is_on(),
            battery_low: self.battery_low,
            replace_battery: self.replace_battery,
            abnormal: self.abnormal(),
        };
        self.alerts.observe(self.now, seen);
        self.schedule();
    }

    /// Register 3, `8`.
    pub(super) fn trip_register(&self) -> u8 {
        let off = match self.output {
            Output::Off { by: OffBy::EmptyBattery { .. }, .. } => 0x01,
            Output::Off { by: OffBy::HardHibernate, .. } => 0x08,
            Output::Off { by: OffBy::SoftHibernate, .. } => 0x10,
            _ => 0,
        };
        let charger = if self.charger_failed { 0x20 } else { 0 };
        let hot = if self.temperature > TOO_HOT { 0x80 } else { 0 };
        off | charger | hot
    }

    /// The next alert of the Measure-UPS, or of the EEPROM, or any other that has no state here.
    pub(super) fn raise(&mut self, alert: u8) {
        self.alerts.raise(alert);
    }

    fn start_activity(&mut self, activity: Activity) {
        self.activity = activity;
        self.transfer_cause = b'S';
        self.settle();
    }

    fn finish_activity(&mut self) {
        let now = self.now;
        match self.activity {
            Activity::SelfTest { until } if until <= now => {
                let result = if self.overloaded() {
                    "NG"
                } else if self.replace_battery {
                    "BT"
                } else {
                    "OK"
                };
                self.test_result = Some((now, result));
                self.last_test = now;
                self.activity = Activity::None;
            }
            Activity::SimulatedOutage { until } if until <= now => self.activity = Activity::None,
            Activity::Calibration if self.charge <= CALIBRATION_ENDS => self.activity = Activity::None,
            // A real outage during a test ends the test; the outage goes on.
            Activity::SelfTest { .. } | Activity::Calibration if !self.mains_good() => {
                self.activity = Activity::None;
            }
            _ => {}
        }
    }

    fn mains_lost(&self) -> bool {
        !self.mains_good() || self.activity != Activity::None
    }

    fn output_follows_mains(&self) -> bool {
        self.output_is_on() && !self.on_battery() && self.bypass == Bypass::None
    }

    /// Overload in bit 8, under it the bits of register 3 whose changes are announced.
    fn abnormal(&self) -> u16 {
        const ANNOUNCED: u8 = 0b1110_0110;
        u16::from(self.trip_register() & ANNOUNCED) | u16::from(self.overloaded()) << 8
    }

    /// By the load that is connected, also while it is off: an estimate that jumps at shutdown helps nobody.
    fn full_runtime_minutes(&self) -> f64 {
        /// Halving the load gives more than double the time.
        const EXPONENT: f64 = 1.4;
        /// The electronics draw this much without any load, in per cent.
        const OWN: f64 = 5.0;
        self.spec.battery.minutes * (100.0 / self.connected_load.max(OWN)).powf(EXPONENT)
    }

    /// Charges or discharges until `until`.
    fn integrate(&mut self, until: Time) {
        let minutes = until.since(self.now).as_secs_f64() / 60.0 * self.speed;
        self.now = until;
        if self.on_battery() {
            self.charge -= minutes * 100.0 / self.full_runtime_minutes();
        } else if self.charger_runs() {
            /// The last tenth goes in at a third of the speed.
            const SLOW_FROM: f64 = 90.0;
            let fast = SLOW_FROM / (self.spec.battery.charge_hours * 60.0);
            let rate = if self.charge < SLOW_FROM { fast } else { fast / 3.0 };
            self.charge += minutes * rate;
        }
        self.charge = self.charge.clamp(0.0, 100.0);
    }

    fn charger_runs(&self) -> bool {
        self.mains_good() && self.activity == Activity::None && !self.charger_failed && !self.is_full()
    }

    /// Ticks are needed while anything moves; otherwise the UPS waits for the next repeated alert or for a command.
    fn schedule(&mut self) {
        self.moves = self.on_battery()
            || self.charger_runs()
            || self.activity != Activity::None
            || self.output_waits();
        self.next_tick = if self.moves { self.now + TICK } else { self.alerts.next_repeat() };
    }
}
