//! This machine's time: the event log is worth little with a wrong one, and TLS does not work.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Area, Facts, Finding, Severity};

/// A clock this far behind a file that this very program was written to is wrong; less may be a slow file server.
const BEHIND_S: i64 = 24 * 3600;
/// Made by systemd-timesyncd once it has the time.
const TIMESYNCD: &str = "/run/systemd/timesync/synchronized";

/// What is known about the time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClockFacts {
    /// Today, as far as this machine knows.
    pub today: Option<Date>,
    /// Whether a time service says that it has the time; none when there is none to ask.
    pub synchronised: Option<bool>,
    /// By how much this program's file is younger than the clock's time, in seconds; negative as it should be.
    pub behind_s: Option<i64>,
}

/// Asks this machine.
pub fn clock_facts() -> ClockFacts {
    let now = Timestamp::now();
    let written = std::env::current_exe().ok().and_then(|path| path.metadata().ok()?.modified().ok());
    ClockFacts {
        today: Some(now.to_zoned(TimeZone::system()).date()),
        synchronised: synchronised(),
        behind_s: written.map(|written| seconds_between(SystemTime::now(), written)),
    }
}

/// From `from` to `to`.
fn seconds_between(from: SystemTime, to: SystemTime) -> i64 {
    let whole = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match to.duration_since(from) {
        Ok(ahead) => whole(ahead),
        Err(error) => -whole(error.duration()),
    }
}

fn synchronised() -> Option<bool> {
    if Path::new(TIMESYNCD).exists() {
        return Some(true);
    }
    let output = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    match output.stdout.trim_ascii() {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

pub(super) fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let ClockFacts { synchronised, behind_s, .. } = facts.clock;
    let fix = "set the time, and let a time service keep it: `timedatectl set-ntp true`, or chrony";
    if let Some(behind) = behind_s.filter(|behind| *behind > BEHIND_S) {
        let message = format!("this machine's clock is at least {} days behind", behind / 86_400);
        findings.push(Finding::new(Severity::Critical, Area::Clock, message, fix));
    } else if synchronised == Some(false) {
        let message = "this machine's clock is not kept right by a time service";
        findings.push(Finding::new(Severity::Warning, Area::Clock, message, fix));
    }
}
