//! `upsmon.conf` and `upssched.conf`: what NUT's clients do. They go on doing it; what is checked is whether they will
//! find here what they look for.

use std::net::IpAddr;

use super::draft::Draft;
use super::lexer::{Statement, ascii};
use super::report::Judgement;
use super::upsd_conf::NUT_PORT;

/// Directives of `upsmon.conf` besides MONITOR.
#[rustfmt::skip]
const DIRECTIVES: [&str; 26] = [
    "ALARMCRITICAL", "CERTHOST", "CERTIDENT", "CERTPATH", "CERTVERIFY", "DEADTIME", "DEBUG_MIN", "FINALDELAY", "FORCESSL",
    "HOSTSYNC", "MINSUPPLIES", "NOCOMMWARNTIME", "NOTIFYCMD", "NOTIFYFLAG", "NOTIFYMSG", "OBLBDURATION", "OFFDURATION",
    "OVERDURATION", "POLLFAIL_LOG_THROTTLE_MAX", "POLLFREQ", "POLLFREQALERT", "POWERDOWNFLAG", "RBWARNTIME", "RUN_AS_USER",
    "SHUTDOWNCMD", "SHUTDOWNEXIT",
];

/// Directives of `upssched.conf`.
const SCHEDULER: [&str; 5] = ["AT", "CMDSCRIPT", "PIPEFN", "LOCKFN", "DEBUG_MIN"];

/// Judges all statements of `upsmon.conf`; the UPSes and users must be known by now.
pub(super) fn read(statements: &[Statement], draft: &Draft) -> Vec<Judgement> {
    statements.iter().map(|statement| judge(statement, draft)).collect()
}

/// Judges all statements of `upssched.conf`.
pub(super) fn read_scheduler(statements: &[Statement]) -> Vec<Judgement> {
    let judge = |statement: &Statement| match (statement.fault, statement.word(0)) {
        (Some(fault), _) => Judgement::not_carried(format!("NUT skips this line: {fault}")),
        (None, word) if SCHEDULER.contains(&word) => Judgement::client("upssched goes on doing this"),
        (None, other) => Judgement::not_carried(format!("NUT has no `{other}` in upssched.conf")),
    };
    statements.iter().map(judge).collect()
}

/// Which positions of a statement hold secrets. Of a directive that NUT does not have, nothing is shown: it may be a
/// mistyped MONITOR.
pub(super) fn is_secret(statement: &Statement, position: usize) -> bool {
    let known = DIRECTIVES.contains(&statement.word(0)) || SCHEDULER.contains(&statement.word(0));
    match statement.word(0) {
        "MONITOR" => {
            position >= 4 && !matches!(statement.word(position), "master" | "slave" | "primary" | "secondary")
        }
        "CERTIDENT" => position >= 2,
        _ => position > 0 && !known,
    }
}

/// As [`is_secret`], for `upsd.conf`.
pub(super) fn is_certificate_secret(statement: &Statement, position: usize) -> bool {
    statement.word(0) == "CERTIDENT" && position >= 2
}

fn judge(statement: &Statement, draft: &Draft) -> Judgement {
    if let Some(fault) = statement.fault {
        return Judgement::not_carried(format!("NUT skips this line: {fault}"));
    }
    match (statement.word(0), statement.word(1)) {
        ("MONITOR", _) => judge_monitor(statement, draft),
        ("FORCESSL" | "CERTVERIFY", "1") => Judgement::not_carried(
            "OpenNMC's NUT server does not speak TLS yet: upsmon will not connect until this is 0",
        ),
        ("POWERDOWNFLAG", _) => Judgement::client(
            "upsmon goes on making this file; what switches the UPS off at the end of a shutdown is in docs/import-nut.md",
        ),
        (known, _) if DIRECTIVES.contains(&known) => Judgement::client("upsmon goes on doing this"),
        (known, _) if SCHEDULER.contains(&known) => Judgement::not_carried(format!(
            "`{known}` belongs into upssched.conf: upsmon has always skipped this line, and nothing was done about it"
        )),
        (other, _) => {
            Judgement::not_carried(format!("NUT has no `{other}` in upsmon.conf, and skips this line"))
        }
    }
}

fn judge_monitor(statement: &Statement, draft: &Draft) -> Judgement {
    let [_, system, _, user, password, kind, ..] = statement.words.as_slice() else {
        return Judgement::not_carried("NUT requires `MONITOR SYSTEM POWERVALUE USER PASSWORD TYPE`");
    };
    let (ups, host) = system.split_once('@').unwrap_or((system, "localhost"));
    let (host, port) = split_host(host);
    if !is_here(&host) {
        return Judgement::client(format!("this is about {host}, another machine"));
    }
    if !draft.upses.iter().any(|known| known.name.eq_ignore_ascii_case(ups)) {
        return Judgement::not_carried(format!("upsmon will not find `{ups}` here: it was not carried over"));
    }
    if !draft.listen.iter().any(|address| address.port() == port) {
        return Judgement::not_carried(format!("upsmon will not connect: nothing listens on port {port}"));
    }
    let Some(known) = draft.users.iter().find(|known| known.name == ascii(user)) else {
        return Judgement::not_carried(format!(
            "upsmon can't log in: there is no user `{user}` in upsd.users"
        ));
    };
    if known.password != ascii(password) {
        return Judgement::not_carried(format!(
            "upsmon can't log in: upsd.users has another password for `{user}`"
        ));
    }
    let may = |wanted: &str| known.scopes.iter().any(|scope| scope.as_str() == wanted);
    let primary = matches!(kind.as_str(), "primary" | "master");
    if !may("login") || (primary && !may("fsd")) {
        return Judgement::not_carried(format!(
            "`{user}` may not do what a {kind} does: see `upsmon` in upsd.users"
        ));
    }
    Judgement::client(format!("upsmon goes on doing this, and logs in here as `{user}`"))
}

fn split_host(host: &str) -> (String, u16) {
    if let Some((address, rest)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        let port = rest.strip_prefix(':').and_then(|port| port.parse().ok());
        return (address.to_owned(), port.unwrap_or(NUT_PORT));
    }
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => (name.to_owned(), port.parse().unwrap_or(NUT_PORT)),
        _ => (host.to_owned(), NUT_PORT),
    }
}

fn is_here(host: &str) -> bool {
    let own_name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let is_own_name = own_name.is_ok_and(|own| own.trim().eq_ignore_ascii_case(host));
    is_own_name
        || host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
