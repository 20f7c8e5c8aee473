//! Does what a client asks for.
//!
//! The one place where a request meets the right that it needs: [`right`] names it for each, and nothing is done before
//! [`Principal::may`] has said yes. Orders are checked a second time by the door, which also audits them.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;
use serde_json::Value;

use super::backup;
use super::history;
use super::now;
use super::plugins;
use super::protocol::{Code, EventQuery, Greeting, Problem, Request, VERSION};
use super::replies::{HungUp, Replies, item};
use super::report::{EventReport, HealthReport, OrderReport, PluginReport, ReloadReport};
use super::users;
use crate::config::LogFilter;
use crate::door::{Order, OrderRequest, Progress};
use crate::history::{HistoryHandle, HistoryReader};
use crate::host::{Fed, Gone, HostHandle, Silence};
use crate::logging::LogControl;
use crate::state::Severity;
use crate::users::{Principal, Right, UserBase};

/// The slowest order: a shutdown whose delay the UPS counts down, ten minutes in the longest setting, and the door's own limit on top.
const ORDER: Duration = Duration::from_secs(20 * 60);
/// The main loop answers within a turn; one that does not, hangs.
const LOOP: Duration = Duration::from_secs(10);
/// A reload may have to read packages and open ports.
const RELOAD: Duration = Duration::from_secs(60);
/// How often a connection that waits for events looks whether its client is still there.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// What the connections work on.
#[derive(Clone)]
pub struct Host {
    /// The daemon.
    pub handle: HostHandle,
    /// Who may log in over the network.
    pub users: Arc<UserBase>,
    /// How much it logs.
    pub log: LogControl,
    /// Whether it can start anew by itself, as a restore needs.
    pub restarts: bool,
}

/// How a request ended; the outer error ends the connection.
pub(super) type Answered = Result<Result<Value, Problem>, HungUp>;

/// The daemon's first line.
pub(super) fn greeting(host: &Host, principal: &Principal) -> Greeting {
    Greeting {
        v: VERSION,
        opennmc: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        user: principal.name.clone(),
        role: principal.role.to_string(),
        upses: host.handle.snapshots.load().devices.iter().map(|device| device.name.clone()).collect(),
    }
}

/// Does it, if `principal` may.
pub(super) fn answer(
    host: &Host,
    principal: &Principal,
    request: Request,
    replies: &mut dyn Replies,
) -> Answered {
    let right = right(&request);
    if !principal.may(&right) {
        let message = format!("{} is {} here and may not do this", principal.name, with_article(principal));
        return Ok(Err(Problem::new(Code::Denied, message)));
    }
    let by = |device: String, order: Order, danger_confirmed: bool| OrderRequest {
        device,
        order,
        principal: principal.clone(),
        danger_confirmed,
    };
    match request {
        Request::Status { ups } => Ok(status(host, ups.as_deref())),
        Request::Run { ups, command, argument, danger_confirmed } => {
            order(host, by(ups, Order::Run { command, argument }, danger_confirmed), replies)
        }
        Request::Set { ups, variable, value } => {
            order(host, by(ups, Order::Set { variable, value }, false), replies)
        }
        Request::ForcedShutdown { ups, on, danger_confirmed } => {
            order(host, by(ups, Order::ForcedShutdown(on), danger_confirmed), replies)
        }
        Request::Simulate { ups, line } => {
            let told = host.handle.simulator_and_wait(principal.clone(), &ups, &line, LOOP);
            Ok(told.map_err(no_answer).and_then(|told| told.map_err(failed)).and_then(|said| json(&said)))
        }
        Request::Plugins => {
            Ok(host.handle.plugins_and_wait(LOOP).map_err(no_answer).and_then(|plugins| {
                json(&plugins.iter().map(PluginReport::of).collect::<Vec<PluginReport>>())
            }))
        }
        Request::Health => {
            let health = host.handle.loop_health_and_wait(LOOP);
            Ok(health
                .map_err(no_answer)
                .and_then(|health| json(&HealthReport::of(&health, history_problem(host)))))
        }
        Request::Reload => {
            let report = host.handle.reload_and_wait(principal.clone(), RELOAD);
            Ok(report.map_err(no_answer).and_then(|report| report.map_err(failed)).and_then(|report| {
                json(&ReloadReport { changed: report.changed, needs_restart: report.needs_restart })
            }))
        }
        Request::LogLevel { filter } => Ok(log_level(host, principal, filter)),
        Request::Samples(query) => Ok(reader(host)
            .and_then(|reader| history::samples(&reader, &query))
            .and_then(|series| json(&series))),
        Request::Series { ups } => {
            Ok(reader(host).and_then(|reader| history::series(&reader, &ups)).and_then(|names| json(&names)))
        }
        Request::Audit(query) => {
            Ok(reader(host).and_then(|reader| history::audit(&reader, &query)).and_then(|lines| json(&lines)))
        }
        Request::BackUp { file } => backup::make(host, principal, &file, replies),
        Request::Restore { file } => backup::restore(host, principal, &file, replies),
        Request::Plugin { plugin } => plugins::carry_out(host, principal, plugin, replies),
        Request::User { user } => Ok(users::carry_out(&host.users, user, principal)),
        Request::Events(query) => events(host, &query, replies),
    }
}

/// What somebody must be allowed to do for this.
fn right(request: &Request) -> Right {
    match request {
        Request::Audit(_) => Right::Audit,
        Request::BackUp { .. } | Request::Restore { .. } => Right::BackUp,
        Request::Samples(_) | Request::Series { .. } => Right::Read,
        Request::Status { .. } | Request::Events(_) | Request::Plugins | Request::Health => Right::Read,
        Request::LogLevel { filter: None } => Right::Read,
        Request::Plugin { .. } => Right::Administer,
        Request::User { .. } | Request::Simulate { .. } | Request::Reload => Right::Administer,
        Request::LogLevel { filter: Some(_) } => Right::Administer,
        Request::Run { command, .. } => Right::Command(command.clone()),
        Request::Set { variable, .. } => Right::Set(variable.clone()),
        Request::ForcedShutdown { .. } => Right::ForcedShutdown,
    }
}

fn with_article(principal: &Principal) -> String {
    let role = principal.role;
    if role.name().starts_with(['a', 'o']) { format!("an {role}") } else { format!("a {role}") }
}

fn status(host: &Host, ups: Option<&str>) -> Result<Value, Problem> {
    let report = now::status(&host.handle, &host.handle.snapshots.load(), ups);
    match ups {
        Some(ups) if report.upses.is_empty() => Err(no_such_ups(host, ups)),
        _ => json(&report),
    }
}

fn no_such_ups(host: &Host, ups: &str) -> Problem {
    let snapshot = host.handle.snapshots.load();
    let names: Vec<&str> = snapshot.devices.iter().map(|device| device.name.as_str()).collect();
    Problem::new(Code::NotFound, format!("there is no UPS `{ups}`; there is {}", names.join(", ")))
}

fn order(host: &Host, request: OrderRequest, replies: &mut dyn Replies) -> Answered {
    if host.handle.snapshots.load().device(&request.device).is_none() {
        return Ok(Err(no_such_ups(host, &request.device)));
    }
    // Begun and ended: nothing else is ever told, and both fit.
    let (sender, progress) = sync_channel(2);
    host.handle.order(request, Box::new(move |step| drop(sender.try_send(step))));
    let until = Instant::now() + ORDER;
    loop {
        // A client that hangs up takes nothing back: the order goes on, and the audit tells how it ended.
        let Ok(step) = progress.recv_timeout(until.saturating_duration_since(Instant::now())) else {
            let report = OrderReport { order: None, result: "timed-out".to_owned(), message: None };
            return Ok(json(&report));
        };
        let report = OrderReport::of(&step);
        if matches!(step, Progress::Ended(..)) {
            return Ok(json(&report));
        }
        item(replies, &report)?;
    }
}

fn log_level(host: &Host, principal: &Principal, filter: Option<String>) -> Result<Value, Problem> {
    if let Some(filter) = filter {
        let filter: LogFilter =
            filter.parse().map_err(|error| Problem::new(Code::BadRequest, format!("{error}")))?;
        host.log.set_filter(&filter).map_err(failed)?;
        tracing::info!("{} has set the log level to {filter}", principal.name);
    }
    json(&host.log.filter().as_str())
}

fn events(host: &Host, query: &EventQuery, replies: &mut dyn Replies) -> Answered {
    let wanted = match Wanted::from(query) {
        Ok(wanted) => wanted,
        Err(problem) => return Ok(Err(problem)),
    };
    // Before the past is read: what happens meanwhile must not be missed.
    let subscription = query.follow.then(|| host.handle.feed.subscribe());
    let mut told = 0;
    if !query.follow || query.last.is_some() {
        let past = match reader(host).and_then(|reader| history::events(&reader, query)) {
            Ok(past) => past,
            Err(problem) => return Ok(Err(problem)),
        };
        for event in past {
            item(replies, &EventReport::of(&event))?;
            told = event.id;
        }
    }
    let Some(subscription) = subscription else { return Ok(Ok(Value::Null)) };
    loop {
        match subscription.next(LOOK) {
            Ok(Fed::Event(event)) if event.id > told && wanted.takes(&event) => {
                item(replies, &EventReport::of(&event))?;
            }
            Ok(Fed::Event(_)) => {}
            Ok(Fed::Missed(count)) => {
                let message =
                    format!("{count} events came faster than they were taken; ask the history for them");
                return Ok(Err(Problem::new(Code::Failed, message)));
            }
            Err(Silence::Quiet) if replies.is_gone() => return Err(HungUp),
            Err(Silence::Quiet) => {}
            Err(Silence::Ended) => return Ok(Ok(Value::Null)),
        }
    }
}

/// Which events a client wants.
struct Wanted<'a> {
    query: &'a EventQuery,
    least: Severity,
}

impl<'a> Wanted<'a> {
    fn from(query: &'a EventQuery) -> Result<Wanted<'a>, Problem> {
        Ok(Wanted { query, least: history::severity(query.severity.as_deref())? })
    }

    fn takes(&self, event: &crate::state::Event) -> bool {
        let EventQuery { ups, kind, since_ms, until_ms, before, .. } = self.query;
        event.severity >= self.least
            && ups.as_ref().is_none_or(|ups| event.device.eq_ignore_ascii_case(ups))
            && kind.as_ref().is_none_or(|kind| event.kind.starts_with(kind.as_str()))
            && since_ms.is_none_or(|since| event.at_ms >= since)
            && until_ms.is_none_or(|until| event.at_ms < until)
            && before.is_none_or(|before| event.id < before)
    }
}

fn history_problem(host: &Host) -> Option<String> {
    match &host.handle.history {
        Some(history) => history.degraded().map(|problem| problem.to_string()),
        None => Some("there is none".to_owned()),
    }
}

/// A view of the history of this thread's own.
fn reader(host: &Host) -> Result<HistoryReader, Problem> {
    let none = || failed("this daemon keeps no history; its log says why");
    host.handle.history.as_ref().map(HistoryHandle::reader).ok_or_else(none)
}

fn failed(error: impl ToString) -> Problem {
    Problem::new(Code::Failed, error.to_string())
}

fn no_answer(gone: Gone) -> Problem {
    failed(gone)
}

fn json(value: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(value)
        .map_err(|error| Problem::new(Code::Failed, format!("the answer can't be written as JSON: {error}")))
}

/// Milliseconds since 1970 UTC.
pub(super) fn now_ms() -> u64 {
    now::wall_ms(SystemTime::now())
}
