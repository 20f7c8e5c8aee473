//! What follows from what the UPS says, for clients that want it ready-made.
//!
//! A value is only derived where the UPS gives none of that name, and only from what is known: no nominal power, no
//! watts. Pure functions of the readings.

use super::self_test;

/// From here on a battery counts as full; the last per cent of a floating one comes and goes.
const FULL: f64 = 99.0;

/// Readings by name.
pub(super) trait Readings {
    /// The value of `name` as clients read it.
    fn text(&self, name: &str) -> Option<&str>;

    /// The same as a number.
    fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

/// Where the load gets its power from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Supply {
    Line,
    Battery,
    Bypass,
    Off,
}

/// NUT's `battery.charger.status`.
pub(super) fn charger_status(
    readings: &impl Readings,
    discharging: bool,
    supply: Supply,
) -> Option<&'static str> {
    if discharging {
        return Some("discharging");
    }
    let charge = readings.number("battery.charge")?;
    Some(match supply {
        Supply::Off => "resting",
        _ if charge >= FULL => "floating",
        _ => "charging",
    })
}

/// NUT's `ups.mode`, in the words that units have that tell it themselves.
pub(super) fn mode(supply: Supply, testing: bool) -> &'static str {
    match supply {
        Supply::Line if testing => "battery test",
        Supply::Line => "line",
        Supply::Battery => "battery",
        Supply::Bypass => "bypass",
        Supply::Off => "off",
    }
}

/// Watts: the load is in per cent of the nominal watts.
pub(super) fn real_power(readings: &impl Readings) -> Option<f64> {
    readings
        .number("ups.realpower")
        .or_else(|| Some(readings.number("ups.realpower.nominal")? * readings.number("ups.load")? / 100.0))
        .filter(|watts| *watts >= 0.0)
}

/// Volt-amperes: measured where there is an ammeter, else from the nominal value.
pub(super) fn apparent_power(readings: &impl Readings) -> Option<f64> {
    let measured = || Some(readings.number("output.voltage")? * readings.number("output.current")?);
    let load = || readings.number("experimental.ups.load.apparent").or_else(|| readings.number("ups.load"));
    let rated = || Some(readings.number("ups.power.nominal")? * load()? / 100.0);
    measured().or_else(rated).filter(|va| *va >= 0.0)
}

/// What there is to complain about: the UPS's own words first.
pub(super) fn alarm(own: Option<&str>, tokens: &[String], test: Option<&str>) -> Option<String> {
    let has = |wanted: &str| tokens.iter().any(|token| token == wanted);
    let mut complaints: Vec<&str> = own.into_iter().filter(|own| !own.is_empty()).collect();
    for (token, complaint) in [
        ("FSD", "Forced shutdown in progress"),
        ("OFF", "Output is off"),
        ("OVER", "Overload"),
        ("LB", "Battery is low"),
        ("RB", "Battery needs to be replaced"),
        ("BYPASS", "Load is on bypass, unprotected"),
    ] {
        if has(token) {
            complaints.push(complaint);
        }
    }
    if test.is_some_and(self_test::has_failed) {
        complaints.push("Last self test failed");
    }
    (!complaints.is_empty()).then(|| complaints.join("; "))
}
