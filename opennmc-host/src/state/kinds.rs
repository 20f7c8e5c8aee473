//! The kinds of event that the state engine makes, in one table.
//!
//! docs/events.md shows this table to people, and a test keeps the two alike. Names never change their meaning; plugins
//! and scripts are written against them.

use super::event::Severity;

/// One kind of event.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventKind {
    /// Dotted, such as `ups.on-battery`.
    pub name: &'static str,
    /// Usually; `ups.comm-lost` is critical when the UPS was last seen on battery.
    pub severity: Severity,
    /// The notify type of NUT's `upsmon` for the same thing.
    pub nut: &'static str,
    /// What the log says behind the name of the UPS.
    pub message: &'static str,
}

macro_rules! kinds {
    ($($constant:ident = $name:literal, $severity:ident, $nut:literal, $message:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: the UPS ", $message, ".")]
            pub const $constant: EventKind =
                EventKind { name: $name, severity: Severity::$severity, nut: $nut, message: $message };
        )*
        /// All of them, in the order of docs/events.md.
        pub const ALL: &[&EventKind] = &[$(&$constant),*];
    };
}

kinds! {
    ON_BATTERY = "ups.on-battery", Warning, "ONBATT", "is on battery";
    ON_LINE = "ups.on-line", Info, "ONLINE", "is on line power again";
    LOW_BATTERY = "ups.low-battery", Critical, "LOWBATT", "has a low battery";
    LOW_BATTERY_CLEARED = "ups.low-battery-cleared", Info, "OTHER", "no longer has a low battery";
    REPLACE_BATTERY = "ups.replace-battery", Warning, "REPLBATT", "needs a new battery";
    REPLACE_BATTERY_CLEARED = "ups.replace-battery-cleared", Info, "OTHER", "no longer needs a new battery";
    OVERLOAD = "ups.overload", Critical, "OVER", "is overloaded";
    OVERLOAD_CLEARED = "ups.overload-cleared", Info, "NOTOVER", "is no longer overloaded";
    OFF = "ups.off", Critical, "OFF", "has switched its outlets off";
    OFF_CLEARED = "ups.off-cleared", Info, "NOTOFF", "has switched its outlets on";
    CALIBRATION = "ups.calibration", Info, "CAL", "calibrates its runtime";
    CALIBRATION_CLEARED = "ups.calibration-cleared", Info, "NOTCAL", "no longer calibrates its runtime";
    BYPASS = "ups.bypass", Warning, "BYPASS", "is on bypass: its load is not protected";
    BYPASS_CLEARED = "ups.bypass-cleared", Info, "NOTBYPASS", "is no longer on bypass";
    TRIM = "ups.trim", Info, "TRIM", "trims a high input voltage";
    TRIM_CLEARED = "ups.trim-cleared", Info, "NOTTRIM", "no longer trims the input voltage";
    BOOST = "ups.boost", Info, "BOOST", "boosts a low input voltage";
    BOOST_CLEARED = "ups.boost-cleared", Info, "NOTBOOST", "no longer boosts the input voltage";
    FORCED_SHUTDOWN = "ups.forced-shutdown", Critical, "FSD", "is to be shut down: everything on it must stop now";
    FORCED_SHUTDOWN_CLEARED = "ups.forced-shutdown-cleared", Info, "OTHER", "is no longer to be shut down";
    CALIBRATION_STALE = "ups.calibration-stale", Warning, "OTHER", "still says that it calibrates; that is no longer believed";
    TEST_STARTED = "ups.test-started", Info, "OTHER", "tests its battery";
    TEST_PASSED = "ups.test-passed", Info, "OTHER", "has passed its self test";
    TEST_FAILED = "ups.test-failed", Warning, "OTHER", "has failed its self test";
    TEST_ENDED = "ups.test-ended", Info, "OTHER", "has ended a self test without a result";
    REPLACED = "ups.replaced", Warning, "OTHER", "is another unit than before";
    BATTERY_REPLACED = "ups.battery-replaced", Info, "OTHER", "has a new battery date";
    ALARM = "ups.alarm", Warning, "ALARM", "raises an alarm";
    ALARM_CLEARED = "ups.alarm-cleared", Info, "NOTALARM", "no longer raises an alarm";
    COMM_ESTABLISHED = "ups.comm-established", Info, "COMMOK", "answers";
    NO_COMM = "ups.no-comm", Warning, "NOCOMM", "has not been reached yet; still trying";
    COMM_LOST = "ups.comm-lost", Warning, "COMMBAD", "can no longer be reached; trying again";
    COMM_RESTORED = "ups.comm-restored", Info, "COMMOK", "answers again";
    COMMAND_ENDED = "ups.command-ended", Info, "OTHER", "was given a command, which has ended";
    SETTING_ENDED = "ups.setting-ended", Info, "OTHER", "was given a setting, which has ended";
}

/// What it means that a token appears in `ups.status`, and that it goes. `OL` and `OB` are not here: they are two ends
/// of one thing.
pub(super) const TOKENS: [(&str, &EventKind, &EventKind); 9] = [
    ("FSD", &FORCED_SHUTDOWN, &FORCED_SHUTDOWN_CLEARED),
    ("LB", &LOW_BATTERY, &LOW_BATTERY_CLEARED),
    ("OFF", &OFF, &OFF_CLEARED),
    ("OVER", &OVERLOAD, &OVERLOAD_CLEARED),
    ("BYPASS", &BYPASS, &BYPASS_CLEARED),
    ("RB", &REPLACE_BATTERY, &REPLACE_BATTERY_CLEARED),
    ("CAL", &CALIBRATION, &CALIBRATION_CLEARED),
    ("TRIM", &TRIM, &TRIM_CLEARED),
    ("BOOST", &BOOST, &BOOST_CLEARED),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_table_is_this_table() {
        let documented = include_str!("../../../docs/events.md");
        let (_, documented) = documented.split_once("## Kinds").unwrap();
        let rows: Vec<&str> = documented.lines().filter(|line| line.starts_with("| `ups.")).collect();
        assert_eq!(rows.len(), ALL.len());
        for (row, kind) in rows.iter().zip(ALL) {
            let severity = format!("{:?}", kind.severity).to_lowercase();
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            assert_eq!(cells[1], format!("`{}`", kind.name));
            assert!(cells[2].starts_with(&severity), "{row}");
            assert_eq!(cells[3], kind.nut, "{row}");
        }
    }
}
