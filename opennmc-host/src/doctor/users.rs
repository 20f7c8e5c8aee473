//! Users and passwords.

use super::{Area, Facts, Finding, Severity};
use crate::users::Finding as UserFinding;

/// The name that the first start gives to the administrator it makes.
const FIRST_NAME: &str = "admin";

pub(super) fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    for finding in facts.user_findings.iter().flatten() {
        let severity = match finding {
            UserFinding::Unreadable(_) | UserFinding::Permissions(_) | UserFinding::WeakPassword(_) => {
                Severity::Critical
            }
            UserFinding::NoAdministrator => Severity::Warning,
            _ => Severity::Info,
        };
        findings.push(Finding::new(severity, Area::Users, finding.to_string(), finding.fix()));
    }
    for user in &facts.users {
        if user.name == FIRST_NAME && user.password_ms == Some(user.made_ms) {
            let message = format!("{FIRST_NAME} still has the password that it was made with");
            let fix = format!(
                "`opennmc user password {FIRST_NAME}`: whoever saw the first start's screen knows the old one"
            );
            findings.push(Finding::new(Severity::Info, Area::Users, message, fix));
        }
    }
}
