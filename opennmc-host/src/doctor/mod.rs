//! `opennmc doctor`: is this installation healthy, and is it safe?
//!
//! [`Facts`] are gathered by the command line: what the daemon tells, and what the files show. Every check is a function from
//! facts to findings and looks at nothing else that changes, so that tests can show it any installation. A finding always
//! says what to do.

mod battery;
mod certificate;
mod clock;
mod data;
mod disk;
mod files;
mod network;
mod plugins;
mod users;

use std::path::PathBuf;

use serde::Serialize;

use crate::config::{Inspection, Settings};
use crate::control::report::{HealthReport, PluginReport, StatusReport};
use crate::users::{Finding as UserFinding, UserInfo};

pub use self::certificate::{CertificateFacts, certificate_facts};
pub use self::clock::{ClockFacts, clock_facts};
pub use self::disk::{DiskFacts, disk_facts};
pub use self::files::{FileFacts, Trusted, file_facts};

/// What is known about an installation.
#[derive(Debug, Default)]
pub struct Facts {
    /// What `opennmc check` says about the configuration; none when it can't be read.
    pub inspection: Option<Inspection>,
    /// The configuration, when it is right.
    pub settings: Option<Settings>,
    /// What the daemon tells; none when it does not run.
    pub daemon: Option<DaemonFacts>,
    /// Permissions and owners.
    pub files: Vec<FileFacts>,
    /// What the user base complains about; none when it could not be looked at.
    pub user_findings: Option<Vec<UserFinding>>,
    /// The users; empty when they could not be looked at.
    pub users: Vec<UserInfo>,
    /// The disk under the state folder.
    pub disk: Option<DiskFacts>,
    /// The certificates of `[tls]`.
    pub certificates: Vec<CertificateFacts>,
    /// This machine's clock.
    pub clock: ClockFacts,
    /// What could not be looked at, and why.
    pub not_examined: Vec<NotExamined>,
}

/// What a running daemon tells.
#[derive(Debug)]
pub struct DaemonFacts {
    /// Every UPS.
    pub status: StatusReport,
    /// Every plugin.
    pub plugins: Vec<PluginReport>,
    /// The main loop and the lines.
    pub health: HealthReport,
}

/// Something that nobody could look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotExamined {
    /// What.
    pub what: String,
    /// Why not.
    pub reason: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look.
    Warning,
    /// Data or power is at risk.
    Critical,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// The daemon itself.
    Daemon,
    /// `opennmc.toml`.
    Configuration,
    /// Contact with the UPSes.
    Data,
    /// Batteries.
    Battery,
    /// Plugins.
    Plugins,
    /// Who can reach what over the network.
    Network,
    /// Users and passwords.
    Users,
    /// Permissions.
    Files,
    /// Room and health of the disk.
    Disk,
    /// The machine's time.
    Clock,
}

/// One thing to know, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub area: Area,
    /// What is the matter.
    pub message: String,
    /// What to do.
    pub fix: String,
}

impl Finding {
    pub(crate) fn new(
        severity: Severity,
        area: Area,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Finding {
        Finding { severity, area, message: message.into(), fix: fix.into() }
    }
}

/// Everything that is to be said about these facts, the worst first.
pub fn examine(facts: &Facts) -> Vec<Finding> {
    let checks: [fn(&Facts, &mut Vec<Finding>); 10] = [
        configuration,
        data::check,
        battery::check,
        plugins::check,
        network::check,
        certificate::check,
        users::check,
        files::check,
        disk::check,
        clock::check,
    ];
    let mut findings = Vec::new();
    for check in checks {
        check(facts, &mut findings);
    }
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.area));
    findings
}

/// Where the things are that [`Facts`] are about.
#[derive(Debug, Clone)]
pub struct Places {
    /// The configuration.
    pub config: PathBuf,
    /// The state folder.
    pub state: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
    /// Where plugin packages are looked for.
    pub plugin_dirs: Vec<PathBuf>,
}

fn configuration(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(inspection) = &facts.inspection else { return };
    for problem in &inspection.problems {
        let severity = match problem.severity {
            crate::config::Severity::Error => Severity::Critical,
            _ => Severity::Warning,
        };
        let message =
            format!("{}:{}: {}: {}", inspection.file.display(), problem.line, problem.key, problem.message);
        let fix = format!("edit {}, then `opennmc check` and `opennmc reload`", inspection.file.display());
        findings.push(Finding::new(severity, Area::Configuration, message, fix));
    }
}
