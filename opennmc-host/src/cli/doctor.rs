//! `opennmc doctor`: gathers the facts, shows the findings.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::connect::Connect;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::terminal::{Screen, Tone, clean};
use crate::config::{DEFAULT_PLUGIN_DIR, DEFAULT_STATE_DIR, Settings, inspect};
use crate::control::protocol::Request;
use crate::doctor::{
    DaemonFacts, Facts, Finding, NotExamined, Places, Severity, Trusted, certificate_facts, clock_facts,
    disk_facts, examine, file_facts,
};
use crate::users::UserBase;

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    #[command(flatten)]
    connect: Connect,

    /// The daemon's state folder [default: the configuration's]
    #[arg(long, value_name = "DIR", help_heading = "Connection")]
    state: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document {
    /// The worst severity; none without findings.
    worst: Option<Severity>,
    findings: Vec<Finding>,
    not_examined: Vec<NotExamined>,
}

pub(super) fn doctor(arguments: &DoctorArguments, output: Output) -> Result<Exit, Failure> {
    let facts = gather(arguments)?;
    let findings = examine(&facts);
    let worst = findings.iter().map(|finding| finding.severity).max();
    if output.json {
        output.document(&Document { worst, findings, not_examined: facts.not_examined })?;
    } else {
        output.text(&words(&findings, &facts.not_examined, output.screen()))?;
    }
    Ok(match worst {
        None | Some(Severity::Info) => Exit::Done,
        Some(Severity::Warning) => Exit::SomebodyShouldLook,
        Some(Severity::Critical) => Exit::AtRisk,
    })
}

fn gather(arguments: &DoctorArguments) -> Result<Facts, Failure> {
    let mut facts = Facts { clock: clock_facts(), ..Facts::default() };
    let config = &arguments.connect.config;
    let mut cannot = |what: &str, reason: String| {
        facts.not_examined.push(NotExamined { what: what.to_owned(), reason });
    };
    facts.inspection =
        inspect(config, &[]).map_err(|error| cannot("the configuration", error.to_string())).ok();
    facts.settings = Settings::load(config).ok();
    facts.daemon = match arguments.connect.open_if_running() {
        Ok(None) => None,
        Ok(Some(mut client)) => Some(DaemonFacts {
            status: client.ask(Request::Status { ups: None })?,
            plugins: client.ask(Request::Plugins)?,
            health: client.ask(Request::Health)?,
        }),
        // Whether it runs is not known to somebody whom it does not let in.
        Err(failure) => return Err(failure),
    };
    let places = places(arguments, facts.settings.as_ref());
    let look_at = [
        (&places.config, Trusted::Configuration),
        (&places.state, Trusted::State),
        (&places.socket, Trusted::Socket),
    ];
    let packages = places.plugin_dirs.iter().map(|dir| (dir, Trusted::Packages));
    facts.files =
        look_at.into_iter().chain(packages).filter_map(|(path, what)| file_facts(path, what)).collect();
    let tls = facts.settings.as_ref().map(|settings| settings.tls.clone()).unwrap_or_default();
    // One that the host has made renews itself.
    let of_pages = facts.settings.as_ref().and_then(|settings| settings.http.certificate.clone());
    for path in tls.certificate.iter().chain(&tls.ca).chain(&of_pages) {
        match certificate_facts(path) {
            Ok(certificate) => facts.certificates.push(certificate),
            Err(error) => cannot("a certificate", error),
        }
    }
    facts.disk = disk_facts(&places.state);
    if facts.disk.is_none() {
        cannot(
            "the disk under the state folder",
            format!("{} is not there, or not for this user", places.state.display()),
        );
    }
    match UserBase::open(&places.state) {
        // A file that this user can't read is no damage.
        Ok(base) if may_read(&base.path()) => {
            facts.user_findings = Some(base.findings());
            facts.users = base.list().unwrap_or_default();
        }
        Ok(base) => cannot(
            "the users",
            format!("{} is not for this user; try it as root (sudo)", base.path().display()),
        ),
        Err(error) => cannot("the users", error.to_string()),
    }
    Ok(facts)
}

fn may_read(path: &std::path::Path) -> bool {
    !matches!(std::fs::File::open(path), Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied)
}

fn places(arguments: &DoctorArguments, settings: Option<&Settings>) -> Places {
    let configured = settings.map(|settings| settings.state_dir.clone());
    Places {
        config: arguments.connect.config.clone(),
        state: arguments.state.clone().or(configured).unwrap_or_else(|| DEFAULT_STATE_DIR.into()),
        socket: arguments.connect.socket(),
        plugin_dirs: settings
            .map_or_else(|| vec![DEFAULT_PLUGIN_DIR.into()], |settings| settings.plugin_dirs.clone()),
    }
}

fn words(findings: &[Finding], not_examined: &[NotExamined], screen: Screen) -> String {
    let mut out = String::new();
    for finding in findings {
        let (name, tone) = match finding.severity {
            Severity::Critical => ("critical", Tone::Critical),
            Severity::Warning => ("warning", Tone::Warning),
            Severity::Info => ("info", Tone::Bold),
        };
        out.push_str(&format!("{}: {}\n", screen.paint(tone, name), clean(&finding.message)));
        out.push_str(&format!("    {}\n", screen.paint(Tone::Faint, &clean(&finding.fix))));
    }
    for it in not_examined {
        out.push_str(&format!(
            "{}: {}: {}\n",
            screen.paint(Tone::Bold, "not examined"),
            it.what,
            clean(&it.reason)
        ));
    }
    if findings.is_empty() {
        let all = if not_examined.is_empty() {
            "everything is as it should be"
        } else {
            "the rest is as it should be"
        };
        out.push_str(&format!("{}\n", screen.paint(Tone::Good, all)));
    }
    out
}
