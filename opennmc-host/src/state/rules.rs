//! By which rules a UPS is judged: how long something must last until it is believed, and what is known beforehand.
//!
//! Every default stands here with its reason, and docs/events.md shows them to people; a test keeps the two alike.
//! Nothing here decides anything: the state engine does, by these numbers.

use std::collections::BTreeMap;
use std::time::Duration;

/// The rules for one UPS.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rules {
    /// Silence of this length makes the data stale.
    pub stale_after: Duration,
    /// A port that hangs up and is back with a confirmed status within this time is no event. The data keeps its age, and
    /// [`Rules::stale_after`] holds all the same.
    pub hang_up_grace: Duration,
    /// How long the UPS must be on battery until that is told. A low battery is told at once, whatever this says.
    pub on_battery_delay: Duration,
    /// How long it must be on line again until that is told.
    pub on_line_delay: Duration,
    /// How long it must say that it is neither on line nor on battery until it counts as off.
    pub off_delay: Duration,
    /// How long a low battery must last until it is told.
    pub low_battery_delay: Duration,
    /// How long a low battery must last during a self test or a calibration until that is an outage.
    pub low_battery_test_delay: Duration,
    /// How long the wish for a new battery must last until it is told.
    pub replace_battery_delay: Duration,
    /// After a passed self test or a new battery date the UPS's wish for a new battery is not believed for so long.
    pub replace_battery_overrule: Duration,
    /// How long an overload must last until it is told.
    pub overload_delay: Duration,
    /// How long trim, boost and bypass must last, and be gone, until that is told.
    pub regulation_delay: Duration,
    /// A self test that keeps the load on battery for longer is an outage.
    pub self_test_limit: Duration,
    /// A calibration that lasts longer is a flag that the UPS forgot to take back.
    pub calibration_limit: Duration,
    /// The UPS's own word about a low battery does not count; only the two limits below do.
    pub ignore_low_battery: bool,
    /// On battery, a charge below so many per cent is a low battery.
    pub low_battery_charge: Option<u8>,
    /// On battery, a runtime below this is a low battery.
    pub low_battery_runtime: Option<Duration>,
    /// A forced shutdown is set when contact is lost in an outage and not back for so long; never when none.
    pub forced_shutdown_after_lost: Option<Duration>,
    /// A forced shutdown is taken back when mains has been back for so long after an outage; never when none.
    pub clear_forced_shutdown_after: Option<Duration>,
    /// Whether `ups.status` also says `CHRG` and `DISCHRG`.
    pub charger_tokens: bool,
    /// How to read dates such as `03/04/07`.
    pub date_order: DateOrder,
    /// Values that hold whatever the UPS says, by NUT name.
    pub overrides: BTreeMap<String, String>,
}

/// What stands first in a date that is written with slashes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DateOrder {
    /// `03/04/07` is the 4th of March: what the manuals say.
    #[default]
    MonthFirst,
    /// `03/04/07` is the 3rd of April: what some people write into their UPS.
    DayFirst,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            // NUT's MAXAGE, which clients are tuned to.
            stale_after: Duration::from_secs(15),
            // A re-plugged adapter is back within a second; the first status takes less than two.
            hang_up_grace: Duration::from_secs(3),
            // An outage is what everybody waits for; the UPS itself has judged the line already.
            on_battery_delay: Duration::ZERO,
            // UPSes wait before they return to mains; a second wait would only make the log wrong.
            on_line_delay: Duration::ZERO,
            // Units say so while they switch over, some for seconds; nobody can save anything in that state.
            off_delay: Duration::from_secs(5),
            // Bursts of a second or two are known of several units; the least warning that a UPS gives is 2 minutes.
            low_battery_delay: Duration::from_secs(3),
            // Under the load of a test the voltage of an old battery dips; tests last 8 to 15 seconds.
            low_battery_test_delay: Duration::from_secs(15),
            // Nothing is lost by a minute, and bursts that last seconds are common.
            replace_battery_delay: Duration::from_secs(60),
            // A day to run the self test that makes the UPS forget the old battery.
            replace_battery_overrule: Duration::from_secs(24 * 3600),
            // Motors and power supplies draw more than they are rated for when they start.
            overload_delay: Duration::from_secs(2),
            // A transformer that steps back and forth is one event, not a hundred.
            regulation_delay: Duration::from_secs(5),
            // Several times what any known self test takes, and well within what a sound battery carries.
            self_test_limit: Duration::from_secs(60),
            // The largest battery cabinets run for some hours; a forgotten flag stands for days.
            calibration_limit: Duration::from_secs(6 * 3600),
            ignore_low_battery: false,
            low_battery_charge: None,
            low_battery_runtime: None,
            // A pulled cable must not shut machines down that a sound UPS carries, unless somebody prefers that.
            forced_shutdown_after_lost: None,
            // Whoever forced the shutdown knows best when it is over.
            clear_forced_shutdown_after: None,
            // NUT's apcsmart does not say them, and clients compare the whole text.
            charger_tokens: false,
            date_order: DateOrder::MonthFirst,
            overrides: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_defaults_are_these() {
        let rules = Rules::default();
        let documented = include_str!("../../../docs/events.md");
        let (_, table) = documented.split_once("## Rules").unwrap();
        let (table, _) = table.split_once("```").unwrap();
        let seconds = |duration: Duration| duration.as_secs().to_string();
        let optional = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
        let order = match rules.date_order {
            DateOrder::MonthFirst => "`month-first`",
            DateOrder::DayFirst => "`day-first`",
        };
        let expected = [
            ("hang-up-grace", seconds(rules.hang_up_grace)),
            ("on-battery-delay", seconds(rules.on_battery_delay)),
            ("on-line-delay", seconds(rules.on_line_delay)),
            ("off-delay", seconds(rules.off_delay)),
            ("low-battery-delay", seconds(rules.low_battery_delay)),
            ("low-battery-test-delay", seconds(rules.low_battery_test_delay)),
            ("replace-battery-delay", seconds(rules.replace_battery_delay)),
            ("replace-battery-overrule", seconds(rules.replace_battery_overrule)),
            ("overload-delay", seconds(rules.overload_delay)),
            ("regulation-delay", seconds(rules.regulation_delay)),
            ("self-test-limit", seconds(rules.self_test_limit)),
            ("calibration-limit", seconds(rules.calibration_limit)),
            ("ignore-low-battery", rules.ignore_low_battery.to_string()),
            ("low-battery-charge", optional(rules.low_battery_charge.map(|charge| charge.to_string()))),
            ("low-battery-runtime", optional(rules.low_battery_runtime.map(seconds))),
            (
                "forced-shutdown-after-lost-on-battery",
                optional(rules.forced_shutdown_after_lost.map(seconds)),
            ),
            ("clear-forced-shutdown-after", optional(rules.clear_forced_shutdown_after.map(seconds))),
            ("charger-tokens", rules.charger_tokens.to_string()),
            ("date-order", order.to_owned()),
        ];
        let rows: Vec<(&str, &str)> = table
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                (cells[1].trim_matches('`'), cells[2])
            })
            .collect();
        let expected: Vec<(&str, &str)> =
            expected.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(rows, expected);
    }
}
