//! Requests that need rights: logging in, forced shutdowns, settings, commands.
//!
//! The protocol's own checks come first and in its own order, since clients tell them apart. The password is checked when
//! the first such request comes, as NUT has it: who only reads may give a wrong one. Whether somebody may is the host's
//! decision, each time anew.

use opennmc_plugin::{Error, Host, Kind, Principal};

use crate::connection::{Connection, Identity, Next};
use crate::desk::{Alarm, Desk, Order, OrderKind};
use crate::get::is_number;
use crate::mirror::{Entry, Mirror};
use crate::refusal::Refusal;
use crate::request::Request;

/// How long a client waits for the outcome of an order, in milliseconds. NUT's clients give up after five seconds; one
/// that is answered before the end is told `OK`, which in NUT means that the order was taken.
const ANSWER_MS: u64 = 3_000;
/// Until a check is asked for again that the host could not take, in milliseconds.
const RETRY_MS: u64 = 250;
/// How often; together less than the five seconds that clients wait.
const RETRIES: u32 = 12;

/// Answers one request that needs rights.
pub fn answer(
    connection: &mut Connection,
    desk: &mut Desk,
    host: &impl Host,
    request: Request<'_>,
    out: &mut Vec<u8>,
) -> Result<Next, Refusal> {
    match request {
        Request::Login { ups } => {
            if desk.logins.has(connection.id) {
                return Err(Refusal::AlreadyLoggedIn);
            }
            let device = desk.mirror.device(ups)?.name.clone();
            let Some(principal) = identify(connection, desk, host, "LOGIN")? else { return Ok(Next::Wait) };
            permit(connection, host, principal, "LOGIN", "login")?;
            desk.logins.add(connection.id, &device, connection.address());
            out.extend_from_slice(b"OK\n");
        }
        Request::Primary { granted, ups } => {
            desk.mirror.device(ups)?;
            let Some(principal) = identify(connection, desk, host, "PRIMARY")? else { return Ok(Next::Wait) };
            permit(connection, host, principal, "PRIMARY", "fsd")?;
            out.extend_from_slice(granted);
        }
        Request::ForcedShutdown { ups } => {
            let device = desk.mirror.device(ups)?.name.clone();
            let Some(principal) = identify(connection, desk, host, "FSD")? else { return Ok(Next::Wait) };
            permit(connection, host, principal, "FSD", "fsd")?;
            let ticket = host.forced_shutdown(principal, &device, true);
            return given(connection, desk, host, OrderKind::ForcedShutdown, ticket, out);
        }
        Request::SetVar { ups, variable, value } => {
            let device = desk.mirror.available(ups)?.name.clone();
            let Some(principal) = identify(connection, desk, host, "SET VAR")? else { return Ok(Next::Wait) };
            permit(connection, host, principal, "SET VAR", &format!("set:{variable}"))?;
            let entry = settable(&mut desk.mirror, host, &device, variable, value)?;
            let ticket = host.set(principal, &device, &entry, value);
            return given(connection, desk, host, OrderKind::SetVar, ticket, out);
        }
        Request::InstCmd { ups, command, value } => {
            let device = desk.mirror.available(ups)?.name.clone();
            let commands = host.commands(&device).unwrap_or_default();
            if commands.is_empty() {
                // First contact is some seconds ago: what the UPS takes is not known yet.
                return Err(Refusal::DriverNotConnected);
            }
            let known = commands.iter().find(|known| known.eq_ignore_ascii_case(command));
            let command = known.ok_or(Refusal::CmdNotSupported)?;
            let Some(principal) = identify(connection, desk, host, "INSTCMD")? else { return Ok(Next::Wait) };
            permit(connection, host, principal, "INSTCMD", &format!("command:{command}"))?;
            // The protocol has no word for it; who names the command and may run it means it.
            let ticket = host.run(principal, &device, command, value, true);
            return given(connection, desk, host, OrderKind::InstCmd, ticket, out);
        }
        // Every other request is answered elsewhere.
        _ => return Err(Refusal::UnknownCommand),
    }
    Ok(Next::Continue)
}

/// Whether the client may read; false: the host is being asked who it is.
pub fn may_read(connection: &mut Connection, desk: &mut Desk, host: &impl Host) -> Result<bool, Refusal> {
    connection.check_credentials(true)?;
    let Some(principal) = identify(connection, desk, host, "reading")? else { return Ok(false) };
    permit(connection, host, principal, "reading", "read")?;
    Ok(true)
}

/// What a client is told of an order that has ended.
pub fn outcome(kind: OrderKind, success: bool, word: &str) -> Result<&'static [u8], Refusal> {
    match (kind, success, word) {
        (OrderKind::ForcedShutdown, true, _) => Ok(b"OK FSD-SET\n"),
        (_, true, _) => Ok(b"OK\n"),
        (_, _, "denied") => Err(Refusal::AccessDenied),
        (_, _, "stale") => Err(Refusal::DataStale),
        (OrderKind::InstCmd, _, "unsupported") => Err(Refusal::CmdNotSupported),
        (OrderKind::InstCmd, _, "invalid") => Err(Refusal::InvalidArgument),
        (OrderKind::SetVar, _, "unsupported") => Err(Refusal::VarNotSupported),
        (OrderKind::SetVar, _, "invalid") => Err(Refusal::InvalidValue),
        (OrderKind::SetVar, ..) => Err(Refusal::SetFailed),
        (OrderKind::InstCmd | OrderKind::ForcedShutdown, ..) => Err(Refusal::InstCmdFailed),
    }
}

/// Who the client is; none: the host is being asked, and the request is to be answered again when it has said so.
fn identify(
    connection: &mut Connection,
    desk: &mut Desk,
    host: &impl Host,
    what: &str,
) -> Result<Option<Principal>, Refusal> {
    match &connection.identity {
        Identity::Known(principal) => return Ok(Some(*principal)),
        Identity::Refused(reason) => {
            let reason = reason.clone();
            return Err(connection.deny(host, what, &reason));
        }
        Identity::Given => {}
    }
    let name = connection.username.as_deref().unwrap_or_default();
    let password = connection.password.as_deref().unwrap_or_default();
    match host.check_password(connection.id, name, password) {
        Ok(ticket) => {
            desk.checks.insert(ticket, connection.id);
            Ok(None)
        }
        Err(Error::Busy | Error::Limit(_)) if connection.retries < RETRIES => {
            connection.retries += 1;
            let timer = host.after(RETRY_MS).map_err(|_| Refusal::AccessDenied)?;
            desk.timers.insert(timer, Alarm::Retry(connection.id));
            Ok(None)
        }
        Err(error) => Err(connection.deny(host, what, &in_words(&error))),
    }
}

fn permit(
    connection: &mut Connection,
    host: &impl Host,
    principal: Principal,
    what: &str,
    right: &str,
) -> Result<(), Refusal> {
    match host.may(principal, right) {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err(connection.deny(host, what, &format!("this user does not have the right `{right}`")))
        }
        Err(error) => Err(connection.deny(host, what, &in_words(&error))),
    }
}

/// The host's name of a variable that takes this value.
fn settable(
    mirror: &mut Mirror,
    host: &impl Host,
    device: &str,
    variable: &str,
    value: &str,
) -> Result<String, Refusal> {
    let entry: &Entry = mirror.contents(host, device)?.entry(variable)?;
    if !entry.settable {
        return Err(Refusal::ReadOnly);
    }
    match entry.kind {
        Kind::Text if value.len() > entry.max_length as usize => Err(Refusal::TooLong),
        Kind::Choice if !host.choices(device, &entry.name).iter().any(|choice| choice == value) => {
            Err(Refusal::InvalidValue)
        }
        Kind::Range if !in_range(&host.ranges(device, &entry.name), value) => Err(Refusal::InvalidValue),
        Kind::Number if !is_number(value) => Err(Refusal::InvalidValue),
        _ => Ok(entry.name.clone()),
    }
}

fn in_range(ranges: &[(i64, i64)], value: &str) -> bool {
    value.parse::<i64>().is_ok_and(|number| ranges.iter().any(|(low, high)| (*low..=*high).contains(&number)))
}

/// The host has taken an order, or not.
fn given(
    connection: &Connection,
    desk: &mut Desk,
    host: &impl Host,
    kind: OrderKind,
    ticket: Result<u64, Error>,
    out: &mut Vec<u8>,
) -> Result<Next, Refusal> {
    let ticket = match ticket {
        Ok(ticket) => ticket,
        Err(Error::Denied(_)) => return Err(Refusal::AccessDenied),
        Err(_) if kind == OrderKind::SetVar => return Err(Refusal::SetFailed),
        Err(_) => return Err(Refusal::InstCmdFailed),
    };
    let mut order = Order { kind, connection: None, timer: None };
    let tracked = connection.tracking && kind != OrderKind::ForcedShutdown;
    if tracked {
        let id = desk.tracking.add(ticket, host.uptime_ms(), host.wall_ms());
        out.extend_from_slice(format!("OK TRACKING {id}\n").as_bytes());
    } else {
        order.connection = Some(connection.id);
        order.timer = host.after(ANSWER_MS).ok();
        if let Some(timer) = order.timer {
            desk.timers.insert(timer, Alarm::AnswerOrder(ticket));
        }
    }
    desk.orders.insert(ticket, order);
    Ok(if tracked { Next::Continue } else { Next::WaitForOrder })
}

/// For the host's log.
pub fn in_words(error: &Error) -> String {
    match error {
        Error::Denied(text) | Error::Invalid(text) | Error::Limit(text) | Error::Unavailable(text) => {
            text.clone()
        }
        Error::NotFound => "it is gone".to_owned(),
        Error::Busy => "too many log-ins are being checked".to_owned(),
    }
}
