//! Batteries that should be replaced, before they have to be.

use jiff::civil::Date;

use super::{Area, Facts, Finding, Severity};
use crate::control::report::UpsReport;

/// APC's sealed lead-acid batteries last three to five years.
const OLD_YEARS: f64 = 4.0;
const VERY_OLD_YEARS: f64 = 5.0;
const DAYS_PER_YEAR: f64 = 365.25;

pub(super) fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(daemon) = &facts.daemon else { return };
    for ups in &daemon.status.upses {
        findings.extend(judge(ups, facts.clock.today));
    }
}

fn judge(ups: &UpsReport, today: Option<Date>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = &ups.name;
    let replace =
        format!("replace the battery, then set its date: `opennmc set {name} battery.date MM/DD/YY`");
    if ups.value("ups.status").is_some_and(|status| status.split(' ').any(|token| token == "RB")) {
        let message = format!("{name} asks for a new battery");
        findings.push(Finding::new(Severity::Critical, Area::Battery, message, replace.clone()));
    }
    if let Some(result) = ups.value("ups.test.result").filter(|result| is_failure(result)) {
        let message = format!("the last self test of {name} failed: {result}");
        let fix = format!(
            "`opennmc cmd {name} test.battery.start` once it is charged; if it fails again, {replace}"
        );
        findings.push(Finding::new(Severity::Critical, Area::Battery, message, fix));
    }
    let date = ups.value("battery.date").or(ups.value("battery.mfr.date"));
    let age = date.and_then(parse_date).zip(today).map(|(made, today)| years(made, today));
    if let (Some(date), Some(age)) = (date, age.filter(|age| *age >= OLD_YEARS)) {
        let severity = if age >= VERY_OLD_YEARS { Severity::Warning } else { Severity::Info };
        let message = format!("the battery of {name} is from {date}: {age:.0} years old");
        findings.push(Finding::new(severity, Area::Battery, message, replace));
    }
    findings
}

/// APC's two letters for a battery that is too small and for an overload, or words.
fn is_failure(result: &str) -> bool {
    matches!(result, "BT" | "NG") || result.to_ascii_lowercase().contains("fail")
}

fn years(made: Date, today: Date) -> f64 {
    today.since(made).map_or(0.0, |span| f64::from(span.get_days()) / DAYS_PER_YEAR)
}

/// As APC writes dates, month first with a year of two digits, or as everybody else does.
fn parse_date(text: &str) -> Option<Date> {
    let parts: Vec<i16> =
        text.trim().split(['/', '-', '.']).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (year, month, day) = match parts.as_slice() {
        [year, month, day] if *year > 31 => (*year, *month, *day),
        [month, day, year] => (*year, *month, *day),
        _ => return None,
    };
    // The oldest units with the protocol are of 1990.
    let year = match year {
        0..90 => year + 2000,
        90..100 => year + 1900,
        year => year,
    };
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_understood_as_apc_and_as_others_write_them() {
        let date = |year, month, day| Some(Date::new(year, month, day).unwrap());
        assert_eq!(parse_date("07/31/08"), date(2008, 7, 31));
        assert_eq!(parse_date("12/01/97"), date(1997, 12, 1));
        assert_eq!(parse_date("2019/02/03"), date(2019, 2, 3));
        assert_eq!(parse_date("2019-02-03"), date(2019, 2, 3));
        for wrong in ["", "soon", "13/40/08", "1/2", "//"] {
            assert_eq!(parse_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn age_is_counted_in_years() {
        assert!((years(Date::constant(2020, 1, 1), Date::constant(2024, 1, 1)) - 4.0).abs() < 0.01);
        assert!(years(Date::constant(2030, 1, 1), Date::constant(2024, 1, 1)) < 0.0);
    }
}
