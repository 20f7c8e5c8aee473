//! The daemon, and how well it hears the UPSes.

use super::{Area, DaemonFacts, Facts, Finding, Severity};
use crate::control::report::LineReport;

/// Below this many questions a line has not been used long enough to be judged.
const ENOUGH: u64 = 100;
/// Faults per question from which a line is bad, and from which it is hardly usable. A good one has none in a million.
const BAD: f64 = 0.01;
const HARDLY_USABLE: f64 = 0.1;
/// A port that was opened so often has a loose plug.
const OPENED_OFTEN: u64 = 10;
/// The main loop's timers are this late only on a machine that does too much.
const LATE_MS: f64 = 50.0;

pub(super) fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(daemon) = &facts.daemon else {
        let fix =
            "`systemctl start opennmc`, or `opennmc run`; the log says why it ended: `journalctl -u opennmc`";
        findings.push(Finding::new(
            Severity::Critical,
            Area::Daemon,
            "the daemon does not run: nobody watches the UPSes",
            fix,
        ));
        return;
    };
    version(daemon, findings);
    contact(daemon, findings);
    for line in &daemon.health.lines {
        findings.extend(judge(line));
    }
    findings.extend(daemon.health.history_problem.as_deref().map(history));
    if daemon.health.late_p99_ms > LATE_MS {
        let message = format!(
            "the daemon's timers fire {:.0} ms late: this machine does too much",
            daemon.health.late_p99_ms
        );
        findings.push(Finding::new(
            Severity::Warning,
            Area::Daemon,
            message,
            "see with `top` what takes the processor",
        ));
    }
}

/// What happens meanwhile is kept in memory, as far as that reaches, and lost with the power.
fn history(problem: &str) -> Finding {
    let message = format!("the history can't be written: {problem}");
    let fix = "mend that; what happens until then is kept in memory only, and the daemon writes it as soon as it can";
    Finding::new(Severity::Warning, Area::Disk, message, fix)
}

fn version(daemon: &DaemonFacts, findings: &mut Vec<Finding>) {
    let own = env!("CARGO_PKG_VERSION");
    let running = &daemon.status.daemon.version;
    if running != own {
        let message = format!("the daemon that runs is version {running}, the installed one is {own}");
        findings.push(Finding::new(Severity::Warning, Area::Daemon, message, "`systemctl restart opennmc`"));
    }
}

fn contact(daemon: &DaemonFacts, findings: &mut Vec<Finding>) {
    for ups in &daemon.status.upses {
        let port = daemon
            .health
            .lines
            .iter()
            .find(|line| line.ups == ups.name)
            .map_or("its port", |line| &line.port);
        let age = ups.age_s.map_or_else(|| "never".to_owned(), |age| format!("{age:.0} s ago"));
        let message = match ups.availability.as_str() {
            "live" => continue,
            "waiting" => format!("{} has not answered yet", ups.name),
            "stale" => format!("{} has fallen silent; it was last heard {age}", ups.name),
            _ => format!("{} can't be reached on {port}", ups.name),
        };
        let severity = if ups.availability == "waiting" { Severity::Warning } else { Severity::Critical };
        let fix = format!(
            "check its cable and power; with the daemon stopped, `opennmc probe {port}` says what is there"
        );
        findings.push(Finding::new(severity, Area::Data, message, fix));
    }
}

fn judge(line: &LineReport) -> Vec<Finding> {
    let mut findings = Vec::new();
    let rate = line.faults as f64 / line.sent.max(1) as f64;
    if line.sent >= ENOUGH && rate >= BAD {
        let severity = if rate >= HARDLY_USABLE { Severity::Critical } else { Severity::Warning };
        let message = format!(
            "the line to {} is disturbed: {} faults in {} questions ({} without an answer, {} garbled)",
            line.ups, line.faults, line.sent, line.timeouts, line.mismatches
        );
        findings.push(Finding::new(
            severity,
            Area::Data,
            message,
            "use a short cable of the right kind, away from power cables",
        ));
    }
    if line.opened >= OPENED_OFTEN {
        let message = format!("the port of {} was opened {} times: it comes and goes", line.ups, line.opened);
        findings.push(Finding::new(
            Severity::Warning,
            Area::Data,
            message,
            "look for a loose plug or a failing USB converter",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_that_can_not_be_written_is_found_with_its_reason() {
        let finding = history("the disk is full; free some space on it");
        assert_eq!((finding.severity, finding.area), (Severity::Warning, Area::Disk));
        assert!(finding.message.contains("the disk is full"), "{}", finding.message);
    }
}
