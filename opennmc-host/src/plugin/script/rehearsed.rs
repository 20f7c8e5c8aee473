//! A script as the actor of a rehearsal: the same instance, capabilities, grants and limits as in the daemon, with simulated
//! time, web answers that are made up, and a store and users in a folder of its own.

use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use calloop::EventLoop;
use calloop::channel::{Channel, Sender, channel};
use http::HeaderMap;
use jiff::tz::TimeZone;

use super::instance::ScriptInstance;
use super::{PREFIX, ScriptSettings, Source, grant};
use crate::door::OrderRequest;
use crate::history::{SamplePoint, Series};
use crate::host::Progressing;
use crate::plugin::capability::{Clock, RehearsedClock};
use crate::plugin::instance::{Gauges, Origin};
use crate::plugin::messages::{Messages, Said};
use crate::plugin::outbound::{Network, Reply};
use crate::plugin::past::{Answer, Past, Question, Reply as PastReply};
use crate::plugin::services::{Outcome, Services};
use crate::plugin::store::PluginStore;
use crate::plugin::thread::Inbox;
use crate::plugin::thread::budget::Budget;
use crate::plugin::thread::connections::Connections;
use crate::plugin::thread::datagrams::Datagrams;
use crate::plugin::watch::Watch;
use crate::plugin::{Epitaph, Grant, Lines, PluginSettings};
use crate::rehearsal::{Actor, Web};
use crate::state::{Device, Event, Severity, Snapshot, SnapshotCell};
use crate::users::UserBase;

/// What a web server far away takes.
const WEB_TAKES: Duration = Duration::from_millis(100);
/// Samples are taken this often, as in the daemon's history for a month.
const SAMPLE_EVERY: Duration = Duration::from_secs(60);
/// What stands in the place of each secret.
const SECRET: &str = "the-secret-";

/// A script and all that it reaches.
pub(crate) struct ScriptActor {
    source: Source,
    settings: PluginSettings,
    grant: Grant,
    services: Services,
    network: Network,
    clock: Rc<RehearsedClock>,
    snapshots: SnapshotCell,
    generation: u64,
    event_loop: EventLoop<'static, Inbox>,
    outcomes: (Sender<Outcome>, Channel<Outcome>),
    lines: Arc<Lines>,
    seen_line: u64,
    gauges: Arc<Gauges>,
    figures: std::collections::BTreeMap<String, f64>,
    surroundings: Arc<Surroundings>,
    passed: Duration,
    next_sample: Duration,
    web: Web,
    /// Web requests that are not answered.
    open: Vec<(Duration, WebAnswer)>,
    running: Option<ScriptInstance>,
    acts: Vec<String>,
}

type WebAnswer = Box<dyn FnOnce(Result<Reply, String>) + Send>;

/// What the capabilities put down, for the actor to pick up. One thread in truth; the types are made for more.
#[derive(Default)]
struct Surroundings {
    orders: Mutex<Vec<(OrderRequest, Progressing)>>,
    said: Mutex<Vec<Said>>,
    asked: Mutex<Vec<(crate::plugin::outbound::Request, WebAnswer)>>,
    record: Mutex<Record>,
}

/// What was: in the place of the history.
#[derive(Default)]
struct Record {
    events: Vec<Event>,
    /// When, and every number of the UPS.
    samples: Vec<(u64, Arc<Device>)>,
}

impl ScriptActor {
    /// A script that has not started. `folder` is where it keeps things.
    pub(crate) fn new(
        file: &Path,
        text: String,
        settings: &PluginSettings,
        folder: &Path,
        zone: TimeZone,
    ) -> Result<Self, String> {
        let script = settings
            .script
            .clone()
            .unwrap_or_else(|| ScriptSettings { file: file.to_owned(), ..ScriptSettings::default() });
        let secret = |name: &String| (name.clone(), format!("{SECRET}{name}").into());
        let source = Source::of_text(file, text, script.secrets.keys().map(secret).collect());
        let grant = grant(settings, &script).map_err(|error| error.to_string())?;
        let surroundings = Arc::<Surroundings>::default();
        let event_loop = EventLoop::try_new().map_err(|error| error.to_string())?;
        Ok(Self {
            source,
            settings: settings.clone(),
            grant,
            services: services(folder, &surroundings)?,
            network: network(&surroundings),
            clock: Rc::new(RehearsedClock::new(zone)),
            snapshots: SnapshotCell::default(),
            generation: 0,
            event_loop,
            outcomes: channel(),
            lines: Arc::default(),
            seen_line: 0,
            gauges: Arc::default(),
            figures: Default::default(),
            surroundings,
            passed: Duration::ZERO,
            next_sample: Duration::ZERO,
            web: Web::Answers(200, String::new()),
            open: Vec::new(),
            running: None,
            acts: Vec::new(),
        })
    }

    fn origin(&self) -> Origin<'_> {
        let name = self.settings.id.strip_prefix(PREFIX).unwrap_or(&self.settings.id);
        Origin {
            plugin: Arc::from(format!("{PREFIX}{name}")),
            grant: &self.grant,
            started: Instant::now(),
            clock: Clock::Rehearsed(Rc::clone(&self.clock)),
            snapshots: self.snapshots.clone(),
            connections: Connections::new(self.event_loop.handle(), &self.grant.limits),
            datagrams: Datagrams::new(self.event_loop.handle(), &self.grant),
            services: Some(self.services.clone()),
            outbound: self.network.clone(),
            budget: Budget::of_process(),
            outcomes: self.outcomes.0.clone(),
            watch: Watch::new(|| ()),
            abort: Arc::<AtomicBool>::default(),
            gauges: Arc::clone(&self.gauges),
            lines: Arc::clone(&self.lines),
        }
    }

    /// Does something with the script while it runs; what ends it is an act like another.
    fn with(&mut self, work: impl FnOnce(&mut ScriptInstance) -> Result<(), Epitaph>) {
        let Some(script) = &mut self.running else { return };
        if let Err(epitaph) = work(script) {
            self.acts.push(format!("failed: {}", epitaph.text));
            self.running = None;
        }
        self.collect();
    }

    /// Makes acts of what the capabilities put down.
    fn collect(&mut self) {
        for line in self.lines.after(self.seen_line) {
            self.seen_line = line.number;
            self.acts.push(format!("log {}: {}", line.level, line.text));
        }
        // They are in the log, too.
        if let Some(script) = &mut self.running {
            script.take_errors();
        }
        for said in take(&self.surroundings.said) {
            self.acts.extend(in_words(said));
        }
        for (request, answer) in take(&self.surroundings.asked) {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let words =
                format!("{} {} {}{body}", request.method, request.url, shown_headers(&request.headers));
            self.acts.push(self.without_secrets(words.trim_end()));
            self.open.push((self.passed + WEB_TAKES, answer));
        }
        let figures = lock(&self.gauges.metrics).clone();
        for (name, figure) in &figures {
            if self.figures.get(name) != Some(figure) {
                self.acts.push(format!("metric {name} = {figure}"));
            }
        }
        for name in self.figures.keys().filter(|name| !figures.contains_key(*name)) {
            self.acts.push(format!("metric {name} goes"));
        }
        self.figures = figures;
    }

    fn without_secrets(&self, words: &str) -> String {
        let mut words = words.replace('\n', "\\n");
        for secret in self.source.secrets.values() {
            words = words.replace(secret.as_str(), super::value::HIDDEN);
        }
        words
    }

    fn answer_web(&mut self) {
        let (due, open) =
            std::mem::take(&mut self.open).into_iter().partition(|(due, _)| *due <= self.passed);
        self.open = open;
        for (_, answer) in due {
            answer(match &self.web {
                Web::Answers(status, body) => {
                    Ok(Reply { status: *status, headers: Vec::new(), body: body.clone().into_bytes() })
                }
                Web::Fails(reason) => Err(reason.clone()),
            });
        }
    }

    fn tell_outcomes(&mut self) {
        while let Ok(outcome) = self.outcomes.1.try_recv() {
            self.with(|script| {
                let state = script.state();
                match outcome {
                    Outcome::Ended { ticket, result } => {
                        state.control.ended(ticket);
                        script.on_ended(ticket, &result)
                    }
                    Outcome::Fetched { ticket, result } => match state.http.ended(ticket) {
                        true => script.on_reply(ticket, result),
                        false => Ok(()),
                    },
                    Outcome::Past { ticket, answer } => {
                        state.history.answered();
                        script.on_past(ticket, answer)
                    }
                    // Nothing else is granted to scripts.
                    _ => Ok(()),
                }
            });
        }
    }

    fn run_timers(&mut self) {
        let now = Clock::Rehearsed(Rc::clone(&self.clock)).now();
        while let Some(timer) = self.running.as_mut().and_then(|script| script.state().timers.pop_due(now)) {
            self.with(|script| script.on_timer(timer));
        }
    }

    fn sample(&mut self, wall_ms: u64) {
        if self.passed >= self.next_sample {
            self.next_sample = self.passed + SAMPLE_EVERY;
            let snapshot = self.snapshots.load();
            let device = snapshot.devices.first().filter(|device| !device.variables.is_empty());
            let sample = device.map(|device| (wall_ms, Arc::clone(device)));
            lock(&self.surroundings.record).samples.extend(sample);
        }
    }
}

impl Actor for ScriptActor {
    fn start(&mut self, passed: Duration, wall_ms: u64) -> Result<(), String> {
        self.clock.set(passed, wall_ms);
        self.passed = passed;
        let mut script = ScriptInstance::new(&self.source, self.origin());
        script.start(&super::config(&self.settings.config)).map_err(|epitaph| epitaph.text)?;
        self.running = Some(script);
        self.collect();
        Ok(())
    }

    fn stop(&mut self) {
        self.with(ScriptInstance::stop);
        self.running = None;
        self.open.clear();
        while self.outcomes.1.try_recv().is_ok() {}
        self.figures.clear();
        lock(&self.gauges.metrics).clear();
    }

    fn see(&mut self, device: Device) {
        self.generation += 1;
        let devices = vec![Arc::new(Device { generation: self.generation, ..device })];
        self.snapshots.store(Snapshot { generation: self.generation, devices });
    }

    fn hear(&mut self, event: &Event) {
        lock(&self.surroundings.record).events.push(event.clone());
        self.with(|script| script.on_event(event));
    }

    fn answer(&mut self, web: &Web) {
        self.web = web.clone();
    }

    fn turn(&mut self, passed: Duration, wall_ms: u64) {
        self.clock.set(passed, wall_ms);
        self.passed = passed;
        self.sample(wall_ms);
        self.answer_web();
        self.tell_outcomes();
        self.run_timers();
    }

    fn deadline(&mut self) -> Option<Duration> {
        let timer = self.running.as_mut().and_then(|script| script.state().timers.next_due());
        let timer = timer.map(|due| self.clock.passed_at(due));
        let web = self.open.iter().map(|(due, _)| *due).min();
        [timer, web, Some(self.next_sample)].into_iter().flatten().min()
    }

    fn take_orders(&mut self) -> Vec<(OrderRequest, Progressing)> {
        take(&self.surroundings.orders)
    }

    fn take_acts(&mut self) -> Vec<String> {
        std::mem::take(&mut self.acts)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take<T>(shared: &Mutex<Vec<T>>) -> Vec<T> {
    std::mem::take(&mut lock(shared))
}

/// The users are nobody's; orders, messages and questions are put down.
fn services(folder: &Path, surroundings: &Arc<Surroundings>) -> Result<Services, String> {
    let users = UserBase::open(folder).map_err(|error| error.to_string())?;
    let here = Arc::clone(surroundings);
    let orders = move |request, progress| lock(&here.orders).push((request, progress));
    let store = PluginStore::open(&folder.join("plugins.db"), |_| ()).map_err(|error| error.to_string())?;
    let here = Arc::clone(surroundings);
    let messages =
        Messages::new(move |message| lock(&here.said).push(message.said), Arc::<AtomicBool>::default());
    let here = Arc::clone(surroundings);
    let past = Past::rehearsed(move |question, reply: PastReply| {
        reply(lock(&here.record).answer(question));
        true
    });
    Ok(Services {
        store: Some(store),
        messages: Some(messages),
        past: Some(past),
        ..Services::new(users, Arc::new(orders))
    })
}

fn network(surroundings: &Arc<Surroundings>) -> Network {
    let here = Arc::clone(surroundings);
    Network::rehearsed(Arc::new(move |request, answer| lock(&here.asked).push((request, answer))))
}

/// Headers that say something; those of a secret are hidden with it.
fn shown_headers(headers: &HeaderMap) -> String {
    let shown = headers.iter().filter(|(name, _)| *name != "content-type");
    let shown = shown.map(|(name, value)| format!("{name}: {}; ", String::from_utf8_lossy(value.as_bytes())));
    let all: String = shown.collect();
    if all.is_empty() { all } else { format!("[{}] ", all.trim_end_matches("; ")) }
}

fn in_words(said: Said) -> Option<String> {
    let details = |fields: &[(String, String)]| {
        fields.iter().map(|(name, value)| format!(" {name}={value:?}")).collect::<String>()
    };
    match said {
        Said::Notice { notice, to, .. } => {
            let severity = match notice.severity {
                Severity::Info => "info",
                Severity::Warning => "warning",
                Severity::Critical => "critical",
            };
            let device = if notice.device.is_empty() { "-" } else { notice.device.as_str() };
            let to = to.map_or_else(String::new, |to| format!(" to {to}"));
            let mut text = format!("notify{to} {severity} {device}: {}", notice.title);
            if !notice.body.is_empty() {
                text += &format!(" / {}", notice.body.replace('\n', "\\n"));
            }
            text.push_str(&details(&notice.fields));
            Some(text)
        }
        Said::Publish { topic, fields, .. } => Some(format!("publish {topic}{}", details(&fields))),
        _ => None,
    }
}

impl Record {
    fn answer(&self, question: Question) -> Answer {
        match question {
            Question::Events(filter, _) => {
                let from = filter.from_ms.unwrap_or(0)..filter.to_ms.unwrap_or(u64::MAX);
                let is_kind = |kind: &str| {
                    filter.kinds.is_empty()
                        || filter.kinds.iter().any(|wanted| match wanted.strip_suffix('*') {
                            Some(family) => kind.starts_with(family),
                            None => kind == wanted,
                        })
                };
                let is_wanted = |event: &&Event| {
                    from.contains(&event.at_ms)
                        && is_kind(&event.kind)
                        && filter.device.as_ref().is_none_or(|device| *device == event.device)
                };
                let newest = self.events.iter().rev().filter(is_wanted);
                let mut events: Vec<Event> =
                    newest.take(filter.limit.unwrap_or(usize::MAX)).cloned().collect();
                events.reverse();
                Answer::Events(Ok(events))
            }
            Question::Samples { device, variable, span, points } => {
                let number = |device: &Device| device.variables.get(&variable)?.value.parse::<f64>().ok();
                let all =
                    self.samples.iter().filter(|(at, sampled)| span.contains(at) && sampled.name == device);
                let all: Vec<(u64, f64)> =
                    all.filter_map(|(at, sampled)| Some((*at, number(sampled)?))).collect();
                Answer::Samples(Ok(series(&all, span.start, span.end, points)))
            }
        }
    }
}

/// At most so many points; each stands for the same time.
fn series(all: &[(u64, f64)], from: u64, until: u64, most: usize) -> Series {
    if all.len() <= most {
        let point = |(at_ms, value): &(u64, f64)| SamplePoint {
            at_ms: *at_ms,
            min: *value,
            avg: *value,
            max: *value,
            count: 1,
        };
        return Series { step_ms: 0, points: all.iter().map(point).collect() };
    }
    let from = all.first().map_or(from, |(at, _)| *at);
    let step_ms = ((until - from) / most.max(1) as u64 + 1).max(1);
    let mut points: Vec<SamplePoint> = Vec::new();
    for (at, value) in all {
        let begin = from + (at - from) / step_ms * step_ms;
        match points.last_mut().filter(|point| point.at_ms == begin) {
            Some(point) => {
                point.min = point.min.min(*value);
                point.max = point.max.max(*value);
                point.avg += (value - point.avg) / (point.count + 1) as f64;
                point.count += 1;
            }
            None => {
                points.push(SamplePoint { at_ms: begin, min: *value, avg: *value, max: *value, count: 1 })
            }
        }
    }
    Series { step_ms, points }
}
