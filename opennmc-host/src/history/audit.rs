//! One line of the audit: who did what, from where, and what came of it.
//!
//! Nothing that anybody could log in with gets in: see [`secrets`](super::secrets).

use super::secrets;
use crate::backup::Recovered;
use crate::control::report;
use crate::door::{Order, OrderRequest, OrderResult};
use crate::users::Principal;

/// Who did what.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditRecord {
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// Who.
    pub principal: String,
    /// In which role; empty for somebody who could not prove who they are.
    pub role: String,
    /// From where.
    pub origin: String,
    /// To which UPS; empty when to none.
    pub device: String,
    /// What was asked for, such as `set ups.id = "rack"`.
    pub what: String,
    /// How it ended, such as `verified`.
    pub result: String,
}

impl AuditRecord {
    /// A line about anything. Secrets in `what` and `result` are masked when their names tell that they are some.
    pub fn new(
        at_ms: u64,
        principal: &Principal,
        device: impl Into<String>,
        what: &str,
        result: &str,
    ) -> AuditRecord {
        AuditRecord {
            at_ms,
            principal: principal.name.clone(),
            role: principal.role.name().to_owned(),
            origin: principal.origin.to_string(),
            device: device.into(),
            what: secrets::masked_text(what),
            result: secrets::masked_text(result),
        }
    }

    /// A line about a backup that was restored.
    pub fn of_restore(at_ms: u64, Recovered { restored, removed, note }: &Recovered) -> AuditRecord {
        AuditRecord {
            at_ms,
            principal: note.by.clone(),
            role: note.role.clone(),
            origin: note.origin.clone(),
            device: String::new(),
            what: format!("restore a backup of {} from {}", note.host, report::time(note.made_ms)),
            result: format!("done: {restored} files restored, {removed} removed"),
        }
    }

    /// A line about an order and how it ended.
    pub fn of_order(at_ms: u64, request: &OrderRequest, result: &OrderResult) -> AuditRecord {
        let (what, secret) = shown_order(&request.order);
        let mut result = shown_result(result);
        if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
            result = result.replace(secret, secrets::MASK);
        }
        let mut record = AuditRecord::new(at_ms, &request.principal, request.device.as_str(), "", &result);
        // Not as free text: a value may look like a secret's name and is none.
        record.what = what;
        record
    }
}

/// The order as text, and the part of it that must not be shown anywhere.
fn shown_order(order: &Order) -> (String, Option<&str>) {
    match order {
        Order::Set { variable, value } if secrets::is_secret_name(variable) => {
            (format!("set {variable} = {}", secrets::MASK), Some(value))
        }
        Order::Set { variable, value } => (format!("set {variable} = {value:?}"), None),
        Order::Run { command, argument: None } => (command.clone(), None),
        Order::Run { command, argument: Some(argument) } if secrets::is_secret_name(command) => {
            (format!("{command} {}", secrets::MASK), Some(argument))
        }
        Order::Run { command, argument: Some(argument) } => (format!("{command} {argument:?}"), None),
        Order::ForcedShutdown(true) => ("set forced shutdown".to_owned(), None),
        Order::ForcedShutdown(false) => ("clear forced shutdown".to_owned(), None),
    }
}

fn shown_result(result: &OrderResult) -> String {
    match result {
        OrderResult::Verified => "verified".to_owned(),
        OrderResult::Executed => "executed".to_owned(),
        OrderResult::Accepted => "accepted".to_owned(),
        OrderResult::Unchanged => "unchanged".to_owned(),
        OrderResult::Refused(why) => format!("refused: {why}"),
        OrderResult::Denied(why) => format!("denied: {why}"),
        OrderResult::Unsupported(why) => format!("unsupported: {why}"),
        OrderResult::Invalid(why) => format!("invalid: {why}"),
        OrderResult::Unconfirmed(why) => format!("unconfirmed: {why}"),
        OrderResult::NoEffect => "no effect".to_owned(),
        OrderResult::TimedOut => "timed out".to_owned(),
        OrderResult::Stale => "stale".to_owned(),
    }
}
