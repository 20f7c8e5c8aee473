//! `[ups.NAME.rules]` and `[ups.NAME.override]`: by which rules a UPS is judged, and what is known better than it knows.
//!
//! The defaults and their reasons are those of [`Rules`]; here are the bounds, each one wide enough for every UPS that
//! exists and narrow enough that a slip of the pen can't switch a protection off.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

use super::section::{Reader, Section};
use crate::state::rules::{DateOrder, Rules};

/// Longer than any disturbance of a few seconds; beyond it a real change would be kept from people.
const DELAY_S: RangeInclusive<u64> = 0..=300;
/// The least warning that a UPS gives of an empty battery is two minutes: half of that must be left.
const LOW_BATTERY_S: RangeInclusive<u64> = 0..=60;
/// As above, for a battery that is being tested.
const LOW_BATTERY_TEST_S: RangeInclusive<u64> = 0..=120;
/// Wishes for a new battery may wait a day.
const REPLACE_BATTERY_S: RangeInclusive<u64> = 0..=86_400;
/// From never to a month.
const OVERRULE_S: RangeInclusive<u64> = 0..=2_592_000;
/// A short test takes 8 seconds, a deep one some minutes.
const SELF_TEST_S: RangeInclusive<u64> = 10..=600;
/// Ten minutes to two days.
const CALIBRATION_S: RangeInclusive<u64> = 600..=172_800;
/// A runtime below a minute is no warning; above a day the battery would count as low when it is full.
const RUNTIME_S: RangeInclusive<u64> = 60..=86_400;
/// A charge of nothing is no warning, and a full battery is not low.
const CHARGE: RangeInclusive<u64> = 1..=95;
/// From at once to an hour: few batteries last longer.
const LOST_S: RangeInclusive<u64> = 0..=3600;
/// From at once to a day.
const CLEAR_FSD_S: RangeInclusive<u64> = 0..=86_400;
/// Names and values as NUT's protocol carries them in one line.
const LONGEST_VALUE: usize = 256;
/// What the daemon itself says; a fixed value would be a lie, or switch the protection off.
const NOT_FIXED: [&str; 2] = ["ups.status", "ups.alarm"];
const NOT_FIXED_UNDER: [&str; 2] = ["driver.", "server."];

/// `date-order` as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WrittenOrder {
    MonthFirst,
    DayFirst,
}

/// Reads both tables of one UPS. Whatever is missing has its default.
pub(super) fn read(reader: &mut Reader<'_>, ups: &mut Section<'_>, stale_after: Duration) -> Rules {
    let mut rules = Rules { stale_after, ..Rules::default() };
    if let Some(section) = ups.section(reader, "rules") {
        read_rules(reader, section, &mut rules);
    }
    if let Some(section) = ups.section(reader, "override") {
        rules.overrides = read_overrides(reader, section);
    }
    rules
}

fn read_rules(reader: &mut Reader<'_>, mut section: Section<'_>, rules: &mut Rules) {
    let mut seconds = |key, bounds, rule: &mut Duration| {
        if let Some(seconds) = section.number_within(reader, key, bounds, "seconds") {
            *rule = Duration::from_secs(seconds);
        }
    };
    seconds("hang-up-grace", 0..=60, &mut rules.hang_up_grace);
    seconds("on-battery-delay", DELAY_S, &mut rules.on_battery_delay);
    seconds("on-line-delay", DELAY_S, &mut rules.on_line_delay);
    seconds("off-delay", DELAY_S, &mut rules.off_delay);
    seconds("low-battery-delay", LOW_BATTERY_S, &mut rules.low_battery_delay);
    seconds("low-battery-test-delay", LOW_BATTERY_TEST_S, &mut rules.low_battery_test_delay);
    seconds("replace-battery-delay", REPLACE_BATTERY_S, &mut rules.replace_battery_delay);
    seconds("replace-battery-overrule", OVERRULE_S, &mut rules.replace_battery_overrule);
    seconds("overload-delay", LOW_BATTERY_S, &mut rules.overload_delay);
    seconds("regulation-delay", DELAY_S, &mut rules.regulation_delay);
    seconds("self-test-limit", SELF_TEST_S, &mut rules.self_test_limit);
    seconds("calibration-limit", CALIBRATION_S, &mut rules.calibration_limit);
    let runtime = section.number_within(reader, "low-battery-runtime", RUNTIME_S, "seconds");
    rules.low_battery_runtime = runtime.map(Duration::from_secs);
    let charge = section.number_within(reader, "low-battery-charge", CHARGE, "per cent");
    rules.low_battery_charge = charge.and_then(|charge| u8::try_from(charge).ok());
    let lost = section.number_within(reader, "forced-shutdown-after-lost-on-battery", LOST_S, "seconds");
    rules.forced_shutdown_after_lost = lost.map(Duration::from_secs);
    let clear = section.number_within(reader, "clear-forced-shutdown-after", CLEAR_FSD_S, "seconds");
    rules.clear_forced_shutdown_after = clear.map(Duration::from_secs);
    rules.ignore_low_battery = section.optional(reader, "ignore-low-battery").unwrap_or(false);
    rules.charger_tokens = section.optional(reader, "charger-tokens").unwrap_or(rules.charger_tokens);
    if let Some(order) = section.optional(reader, "date-order") {
        rules.date_order = match order {
            WrittenOrder::MonthFirst => DateOrder::MonthFirst,
            WrittenOrder::DayFirst => DateOrder::DayFirst,
        };
    }
    if rules.ignore_low_battery && runtime.is_none() && charge.is_none() {
        reader.problem(
            section.value_span("ignore-low-battery"),
            section.path_of("ignore-low-battery"),
            "then a low battery would never be noticed; give `low-battery-charge` or `low-battery-runtime` as well",
        );
    }
    section.finish(reader);
}

fn read_overrides(reader: &mut Reader<'_>, section: Section<'_>) -> BTreeMap<String, String> {
    let mut overrides = BTreeMap::new();
    for (name, span, value) in section.leaves() {
        let path = section.path_of(&name);
        let Some(value) = value else {
            reader.problem(span, path, "expected a text or a number");
            continue;
        };
        let spelled =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || ".-_".contains(letter);
        if !name.chars().all(spelled) || !name.contains('.') {
            let message = format!(
                "`{name}` is not the name of a variable; they look like `battery.charge.low`, in small letters"
            );
            reader.problem(span, path, message);
        } else if NOT_FIXED.contains(&name.as_str())
            || NOT_FIXED_UNDER.iter().any(|above| name.starts_with(above))
        {
            reader.problem(span, path, format!("`{name}` can't be fixed: it is found out while running"));
        } else if value.is_empty() || value.len() > LONGEST_VALUE || value.chars().any(char::is_control) {
            let message = format!("a value is 1 to {LONGEST_VALUE} bytes of text without control characters");
            reader.problem(span, path, message);
        } else {
            overrides.insert(name, value);
        }
    }
    overrides
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Settings;

    fn parse(tables: &str) -> Result<Rules, String> {
        let text = format!("[ups.a]\nport = \"/dev/ttyS0\"\nstale-after = 20\n{tables}");
        let settings = Settings::parse(Path::new("o.toml"), &text).map_err(|error| error.to_string())?;
        Ok(settings.upses[0].rules.clone())
    }

    #[test]
    fn without_the_tables_the_defaults_hold() {
        let expected = Rules { stale_after: Duration::from_secs(20), ..Rules::default() };
        assert_eq!(parse("").unwrap(), expected);
        assert_eq!(parse("[ups.a.rules]\n[ups.a.override]").unwrap(), expected);
    }

    #[test]
    fn every_rule_can_be_given() {
        let rules = parse(
            r#"
            [ups.a.rules]
            hang-up-grace = 1
            on-battery-delay = 2
            on-line-delay = 3
            off-delay = 4
            low-battery-delay = 5
            low-battery-test-delay = 6
            replace-battery-delay = 7
            replace-battery-overrule = 8
            overload-delay = 9
            regulation-delay = 10
            self-test-limit = 11
            calibration-limit = 1200
            ignore-low-battery = true
            low-battery-charge = 30
            low-battery-runtime = 240
            forced-shutdown-after-lost-on-battery = 90
            clear-forced-shutdown-after = 60
            charger-tokens = true
            date-order = "day-first"

            [ups.a.override]
            "ups.realpower.nominal" = 865
            battery.charge.low = "30"
            ups.mfr = "American Power"
            "#,
        )
        .unwrap();
        let seconds = Duration::from_secs;
        let overrides =
            [("battery.charge.low", "30"), ("ups.mfr", "American Power"), ("ups.realpower.nominal", "865")];
        let expected = Rules {
            stale_after: seconds(20),
            hang_up_grace: seconds(1),
            on_battery_delay: seconds(2),
            on_line_delay: seconds(3),
            off_delay: seconds(4),
            low_battery_delay: seconds(5),
            low_battery_test_delay: seconds(6),
            replace_battery_delay: seconds(7),
            replace_battery_overrule: seconds(8),
            overload_delay: seconds(9),
            regulation_delay: seconds(10),
            self_test_limit: seconds(11),
            calibration_limit: seconds(1200),
            ignore_low_battery: true,
            low_battery_charge: Some(30),
            low_battery_runtime: Some(seconds(240)),
            forced_shutdown_after_lost: Some(seconds(90)),
            clear_forced_shutdown_after: Some(seconds(60)),
            charger_tokens: true,
            date_order: DateOrder::DayFirst,
            overrides: overrides.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        };
        assert_eq!(rules, expected);
    }

    #[test]
    fn what_would_switch_a_protection_off_is_refused_with_its_place() {
        for (tables, expected) in [
            (
                "[ups.a.rules]\nlow-battery-delay = 600",
                "o.toml:5:21: ups.a.rules.low-battery-delay: 600 is out of range: 0 to 60 seconds",
            ),
            (
                "[ups.a.rules]\nignore-low-battery = true",
                "o.toml:5:22: ups.a.rules.ignore-low-battery: then a low battery would never be noticed; \
                 give `low-battery-charge` or `low-battery-runtime` as well",
            ),
            (
                "[ups.a.rules]\non-batery-delay = 1",
                "o.toml:5:1: ups.a.rules.on-batery-delay: there is no such key here; did you mean `on-battery-delay`?",
            ),
            (
                "[ups.a.rules]\ndate-order = \"month\"",
                "o.toml:5:14: ups.a.rules.date-order: unknown variant `month`, expected `month-first` or `day-first`",
            ),
            (
                "[ups.a.override]\nups.status = \"OL\"",
                "o.toml:5:5: ups.a.override.ups.status: `ups.status` can't be fixed: it is found out while running",
            ),
            (
                "[ups.a.override]\n\"Battery.Date\" = \"x\"",
                "o.toml:5:1: ups.a.override.Battery.Date: `Battery.Date` is not the name of a variable; \
                 they look like `battery.charge.low`, in small letters",
            ),
            (
                "[ups.a.override]\n\"battery.packs\" = [1]",
                "o.toml:5:1: ups.a.override.battery.packs: expected a text or a number",
            ),
            (
                "[ups.a.override]\n\"ups.id\" = \"\"",
                "o.toml:5:1: ups.a.override.ups.id: a value is 1 to 256 bytes of text without control characters",
            ),
        ] {
            assert_eq!(parse(tables).unwrap_err(), expected);
        }
    }
}
