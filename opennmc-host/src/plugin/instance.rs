//! One running instance of a plugin: its store, and every call into it.
//!
//! All calls go through [`Instance::call`], which sets the deadline, pins nothing from the call before, counts, and turns
//! whatever went wrong into an epitaph. After an epitaph the instance must not be entered again: drop it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use calloop::channel::Sender;
use wasmtime::Store;
use wasmtime::component::{Component, InstancePre};

use super::bindings::{
    admin, auth, base, connection, control, datagrams, events, fetching, notifier, pages, past, tcp, timers,
    wit,
};
use super::capability::{
    self, AdminState, AuthState, BusState, Clock, ClockState, ConnectState, ControlState, DeliveryState,
    HistoryState, HttpClientState, LogState, MemoryLimit, PagesState, SpeechState, StoreState, TimersState,
    UdpState, UpsState,
};
use super::deadline::Deadline;
use super::epitaph::Bounds;
use super::messages::{Delivery, Notice};
use super::outbound::{Network, Reply};
use super::past::{Answer, Problem};
use super::services::{Outcome, Services};
use super::thread::budget::Budget;
use super::thread::connections::Connections;
use super::thread::datagrams::{Datagrams, Received};
use super::watch::Watch;
use super::{Epitaph, Grant, Lines, Mark, Usage};
use crate::door::OrderResult;
use crate::history::Series;
use crate::state::{Event, Severity, SnapshotCell};

pub(super) use pages::exports::opennmc::plugin::http_handler::Request as PageRequest;
use past::exports::opennmc::plugin::history_events::Sample;
pub(super) use tcp::exports::opennmc::plugin::tcp_events::{Inbound, Outbound};

/// `start` may do more than a call while serving: read its configuration, build tables.
const START: Duration = Duration::from_secs(2);
/// Bytes that one host call, or one result, may carry out of the guest.
const HOST_CALL_BYTES: usize = 16 << 20;

/// What host functions work on; everything of it belongs to one instance and ends with it.
pub(super) struct InstanceState {
    pub(super) log: LogState,
    pub(super) clock: ClockState,
    pub(super) ups: UpsState,
    pub(super) timers: TimersState,
    pub(super) auth: AuthState,
    pub(super) control: ControlState,
    pub(super) store: StoreState,
    pub(super) speech: SpeechState,
    pub(super) bus: BusState,
    pub(super) delivery: DeliveryState,
    pub(super) history: HistoryState,
    pub(super) admin: AdminState,
    pub(super) pages: PagesState,
    pub(super) connections: Connections,
    pub(super) connect: ConnectState,
    pub(super) datagrams: Datagrams,
    pub(super) udp: UdpState,
    pub(super) http: HttpClientState,
    pub(super) memory: MemoryLimit,
    deadline: Deadline,
    /// Of calls, but `start`.
    calls: Mark,
}

/// What an instance is made from, besides the component.
pub(super) struct Origin<'a> {
    pub(super) plugin: Arc<str>,
    pub(super) grant: &'a Grant,
    pub(super) started: Instant,
    /// What tells it the time.
    pub(super) clock: Clock,
    pub(super) snapshots: SnapshotCell,
    pub(super) connections: Connections,
    pub(super) datagrams: Datagrams,
    /// What it reaches beyond the state; none in a host that has nothing else.
    pub(super) services: Option<Services>,
    /// Its way to the network.
    pub(super) outbound: Network,
    /// Sockets that all plugins may have.
    pub(super) budget: Budget,
    /// Where the outcomes of checks and orders go.
    pub(super) outcomes: Sender<Outcome>,
    pub(super) watch: Arc<Watch>,
    /// Set when even a call that is within its time has to end.
    pub(super) abort: Arc<AtomicBool>,
    pub(super) gauges: Arc<Gauges>,
    pub(super) lines: Arc<Lines>,
}

/// A running instance.
pub(super) struct Instance {
    store: Store<InstanceState>,
    lifecycle: base::Plugin,
    events: Option<events::Facet>,
    timers: Option<timers::Facet>,
    tcp: Option<tcp::Facet>,
    connection: Option<connection::Facet>,
    fetching: Option<fetching::Facet>,
    datagrams: Option<datagrams::Facet>,
    auth: Option<auth::Facet>,
    control: Option<control::Facet>,
    notifier: Option<notifier::Facet>,
    past: Option<past::Facet>,
    admin: Option<admin::Facet>,
    pages: Option<pages::Facet>,
    call_ms: u64,
    memory: super::ByteSize,
    watch: Arc<Watch>,
    gauges: Arc<Gauges>,
}

/// Figures that the plugin's thread writes and the main loop shows.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    pub(super) calls: AtomicU64,
    pub(super) slowest_call_us: AtomicU64,
    pub(super) memory: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) missed_events: AtomicU64,
    pub(super) dropped_datagrams: AtomicU64,
    /// Its code is being made.
    pub(super) compiling: AtomicBool,
    /// Of each limit, by all instances.
    usage: Mutex<Usage>,
    /// What a script publishes by name.
    pub(super) metrics: Mutex<BTreeMap<String, f64>>,
}

impl Gauges {
    /// Adds what was used since.
    pub(super) fn add_usage(&self, seen: &Usage) {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner).add(seen);
    }

    pub(super) fn usage(&self) -> Usage {
        *self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InstanceState {
    /// What was used of each limit since this was last asked; the mailbox is not of this side.
    pub(super) fn take_usage(&mut self) -> Usage {
        let (connections, unsent) = self.connections.take_marks();
        Usage {
            memory: self.memory.mark.take(),
            call_us: self.calls.take(),
            connections,
            timers: self.timers.mark.take(),
            mailbox: Mark::default(),
            unsent,
            log_lines: self.log.mark.take(),
            requests: self.http.mark.take(),
            messages: self.speech.mark.take(),
            datagrams: self.datagrams.take_mark(),
            store: self.store.mark.take(),
        }
    }

    /// What an instance made from this begins with. It may wait for the disk: the plugin does not run yet.
    pub(super) fn new(origin: Origin<'_>) -> Self {
        let limits = origin.grant.limits;
        let services = origin.services.as_ref();
        let kept = services.and_then(|services| services.store.as_ref()).zip(origin.grant.needs.store);
        Self {
            log: LogState::new(Arc::clone(&origin.plugin), limits.log_lines, origin.lines),
            clock: ClockState::new(origin.started, origin.clock),
            ups: UpsState::new(origin.snapshots),
            timers: TimersState::new(limits.timers),
            auth: AuthState::new(
                Arc::clone(&origin.plugin),
                limits.connections,
                origin.services.as_ref().map(|services| Arc::clone(&services.users)),
                origin.outcomes.clone(),
            ),
            control: ControlState::new(
                &origin.plugin,
                origin.grant.needs.control.as_ref(),
                origin.services.as_ref().map(|services| Arc::clone(&services.orders)),
                origin.outcomes.clone(),
            ),
            // It may wait for the disk: the plugin does not run yet.
            store: StoreState::new(kept.map(|(store, share)| store.shelf(&origin.plugin, share.0))),
            speech: SpeechState::new(
                Arc::clone(&origin.plugin),
                services.and_then(|services| services.messages.clone()),
                limits.messages,
            ),
            bus: BusState::new(origin.grant.needs.bus.clone()),
            delivery: DeliveryState::default(),
            history: HistoryState::new(
                services.and_then(|services| services.past.clone()),
                origin.outcomes.clone(),
                limits.memory,
            ),
            admin: AdminState::new(
                services.and_then(|services| services.administration.clone()),
                origin.outcomes.clone(),
                origin.grant.needs.control.as_ref(),
                limits.memory,
            ),
            pages: PagesState::default(),
            connections: origin.connections,
            http: HttpClientState::new(
                &origin.plugin,
                &origin.grant.needs.connect,
                origin.outbound.clone(),
                origin.budget.clone(),
                origin.outcomes.clone(),
                limits.requests,
            ),
            datagrams: origin.datagrams,
            udp: UdpState::new(
                &origin.plugin,
                &origin.grant.needs.connect,
                origin.outbound.clone(),
                origin.budget.clone(),
                origin.outcomes.clone(),
            ),
            connect: ConnectState::new(
                &origin.plugin,
                &origin.grant.needs.connect,
                origin.outbound.clone(),
                origin.budget.clone(),
                origin.outcomes.clone(),
            ),
            memory: MemoryLimit::new(limits.memory),
            deadline: Deadline::new(origin.abort),
            calls: Mark::default(),
        }
    }
}

impl Instance {
    /// Instantiates the component; `start` is not called yet. No guest code runs when an import is not granted.
    pub(super) fn new(component: &Component, origin: Origin<'_>) -> Result<Self, Epitaph> {
        let engine = component.engine();
        if let Some(problem) = capability::ungranted(engine, component, origin.grant) {
            return Err(Epitaph::new(format!("refused: plugin.wasm {problem}")));
        }
        let (grant, limits) = (origin.grant, origin.grant.limits);
        let (watch, gauges) = (Arc::clone(&origin.watch), Arc::clone(&origin.gauges));
        let mut store = Store::new(engine, InstanceState::new(origin));
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(HOST_CALL_BYTES);
        store.epoch_deadline_callback(|mut store| Ok(store.data_mut().deadline.look()));
        let epochs = store.data_mut().deadline.begin(START.as_millis() as u64);
        store.set_epoch_deadline(epochs);
        let _in_flight = watch.enter();
        let refused = |error: wasmtime::Error| Epitaph::new(format!("refused: plugin.wasm: {error:#}"));
        let pre = capability::linker(engine, grant)
            .and_then(|linker| linker.instantiate_pre(component))
            .map_err(refused)?;
        let facets = Facets::probe(&pre, grant)?;
        let instance = pre.instantiate(&mut store).map_err(|error| {
            gauges.add_usage(&store.data_mut().take_usage());
            let memory = store.data().memory.refused;
            let memory = memory.map_or(String::new(), |_| format!("; its memory limit is {}", limits.memory));
            Epitaph::new(format!("refused: plugin.wasm: {error:#}{memory}"))
        })?;
        Ok(Self {
            lifecycle: facets.lifecycle.load(&mut store, &instance).map_err(refused)?,
            events: facets
                .events
                .map(|facet| facet.load(&mut store, &instance))
                .transpose()
                .map_err(refused)?,
            timers: facets
                .timers
                .map(|facet| facet.load(&mut store, &instance))
                .transpose()
                .map_err(refused)?,
            tcp: facets.tcp.map(|facet| facet.load(&mut store, &instance)).transpose().map_err(refused)?,
            connection: facets
                .connection
                .map(|facet| facet.load(&mut store, &instance))
                .transpose()
                .map_err(refused)?,
            fetching: facets
                .fetching
                .map(|facet| facet.load(&mut store, &instance))
                .transpose()
                .map_err(refused)?,
            datagrams: facets
                .datagrams
                .map(|facet| facet.load(&mut store, &instance))
                .transpose()
                .map_err(refused)?,
            auth: facets.auth.map(|facet| facet.load(&mut store, &instance)).transpose().map_err(refused)?,
            control: facets
                .control
                .map(|facet| facet.load(&mut store, &instance))
                .transpose()
                .map_err(refused)?,
            admin: facets
                .admin
                .map(|facet| facet.load(&mut store, &instance))
                .transpose()
                .map_err(refused)?,
            pages: facets
                .pages
                .map(|facet| facet.load(&mut store, &instance))
                .transpose()
                .map_err(refused)?,
            past: facets.past.map(|facet| facet.load(&mut store, &instance)).transpose().map_err(refused)?,
            notifier: facets
                .notifier
                .map(|facet| facet.load(&mut store, &instance))
                .transpose()
                .map_err(refused)?,
            store,
            call_ms: limits.call_ms,
            memory: limits.memory,
            watch: Arc::clone(&watch),
            gauges,
        })
    }

    /// What host functions work on.
    pub(super) fn state(&mut self) -> &mut InstanceState {
        self.store.data_mut()
    }

    /// Whether the plugin hears events.
    pub(super) fn hears_events(&self) -> bool {
        self.events.is_some()
    }

    /// The first call. An error of the guest is a refused start.
    pub(super) fn start(&mut self, config: &str) -> Result<(), Epitaph> {
        let call_ms = self.call_ms.max(START.as_millis() as u64);
        self.timed("start", call_ms, |this| {
            this.lifecycle.opennmc_plugin_lifecycle().call_start(&mut this.store, config)
        })?
        .map_err(|reason| Epitaph::new(format!("`start` refused: {}", first_line(&reason))))
    }

    /// The last call.
    pub(super) fn stop(&mut self) -> Result<(), Epitaph> {
        self.call("stop", |this| this.lifecycle.opennmc_plugin_lifecycle().call_stop(&mut this.store))
    }

    pub(super) fn on_event(&mut self, event: &Event) -> Result<(), Epitaph> {
        let event = shown(event);
        self.call("on-event", |this| match &this.events {
            Some(facet) => facet.opennmc_plugin_events().call_on_event(&mut this.store, &event),
            None => Ok(()),
        })
    }

    pub(super) fn on_timer(&mut self, timer: u64) -> Result<(), Epitaph> {
        self.call("on-timer", |this| match &this.timers {
            Some(facet) => facet.opennmc_plugin_timer_events().call_on_timer(&mut this.store, timer),
            None => Ok(()),
        })
    }

    /// The inner result is the guest's: it does not want this connection, and why.
    pub(super) fn on_accept(
        &mut self,
        listener: &str,
        connection: u64,
        peer: &str,
    ) -> Result<Result<(), String>, Epitaph> {
        self.call("on-accept", |this| match &this.tcp {
            Some(facet) => {
                facet.opennmc_plugin_tcp_events().call_on_accept(&mut this.store, listener, connection, peer)
            }
            None => Ok(Err("the plugin serves no TCP".to_owned())),
        })
    }

    pub(super) fn on_data(&mut self, batch: &[Inbound]) -> Result<Vec<Outbound>, Epitaph> {
        self.call("on-data", |this| match &this.tcp {
            Some(facet) => facet.opennmc_plugin_tcp_events().call_on_data(&mut this.store, batch),
            None => Ok(Vec::new()),
        })
    }

    pub(super) fn on_closed(&mut self, connection: u64, reason: &str) -> Result<(), Epitaph> {
        self.call("on-closed", |this| match &this.tcp {
            Some(facet) => {
                facet.opennmc_plugin_tcp_events().call_on_closed(&mut this.store, connection, reason)
            }
            None => Ok(()),
        })
    }

    pub(super) fn on_datagrams(&mut self, received: Vec<Received>) -> Result<(), Epitaph> {
        use datagrams::exports::opennmc::plugin::udp_events::Datagram;
        let batch: Vec<Datagram> = received
            .into_iter()
            .map(|Received { socket, peer, bytes }| Datagram { socket, peer: peer.to_string(), bytes })
            .collect();
        self.call("on-datagrams", |this| match &this.datagrams {
            Some(facet) => facet.opennmc_plugin_udp_events().call_on_datagrams(&mut this.store, &batch),
            None => Ok(()),
        })
    }

    pub(super) fn on_reply(&mut self, ticket: u64, result: Result<Reply, String>) -> Result<(), Epitaph> {
        use fetching::exports::opennmc::plugin::http_events;
        let result =
            result.map(|Reply { status, headers, body }| http_events::Reply { status, headers, body });
        self.call("on-reply", |this| match &this.fetching {
            Some(facet) => facet.opennmc_plugin_http_events().call_on_reply(
                &mut this.store,
                ticket,
                result.as_ref().map_err(String::as_str),
            ),
            None => Ok(()),
        })
    }

    pub(super) fn on_connected(&mut self, connection: u64) -> Result<(), Epitaph> {
        self.call("on-connected", |this| match &this.connection {
            Some(facet) => {
                facet.opennmc_plugin_connection_events().call_on_connected(&mut this.store, connection)
            }
            None => Ok(()),
        })
    }

    pub(super) fn on_secured(&mut self, connection: u64) -> Result<(), Epitaph> {
        self.call("on-secured", |this| match &this.connection {
            Some(facet) => {
                facet.opennmc_plugin_connection_events().call_on_secured(&mut this.store, connection)
            }
            None => Ok(()),
        })
    }

    pub(super) fn on_checked(
        &mut self,
        ticket: u64,
        outcome: Result<u64, wit::types::Error>,
    ) -> Result<(), Epitaph> {
        self.call("on-checked", |this| match &this.auth {
            Some(facet) => facet.opennmc_plugin_auth_events().call_on_checked(
                &mut this.store,
                ticket,
                outcome.as_ref().copied(),
            ),
            None => Ok(()),
        })
    }

    pub(super) fn on_ended(&mut self, ticket: u64, result: &OrderResult) -> Result<(), Epitaph> {
        self.call("on-ended", |this| match &this.control {
            Some(facet) => facet.opennmc_plugin_control_events().call_on_ended(
                &mut this.store,
                ticket,
                result.is_success(),
                result.name(),
                &result.to_string(),
            ),
            None => Ok(()),
        })
    }

    /// The answer to a question to the history.
    pub(super) fn on_past(&mut self, ticket: u64, answer: Answer) -> Result<(), Epitaph> {
        self.call("on-events or on-samples", |this| {
            let Some(facet) = &this.past else { return Ok(()) };
            let guest = facet.opennmc_plugin_history_events();
            match answer {
                Answer::Events(events) => {
                    let events = events.map(|events| events.iter().map(shown).collect::<Vec<_>>());
                    let events = events.map_err(shown_problem);
                    guest.call_on_events(&mut this.store, ticket, events.as_deref())
                }
                Answer::Samples(series) => {
                    let samples = series.map(|series| shown_samples(&series)).map_err(shown_problem);
                    guest.call_on_samples(&mut this.store, ticket, samples.as_deref())
                }
            }
        })
    }

    /// What came of a request for administration.
    pub(super) fn on_administered(
        &mut self,
        ticket: u64,
        answer: &Result<String, String>,
    ) -> Result<(), Epitaph> {
        let answer = answer.as_ref().map(String::as_str).map_err(String::as_str);
        self.call("on-answer", |this| match &this.admin {
            Some(facet) => {
                facet.opennmc_plugin_admin_events().call_on_answer(&mut this.store, ticket, answer)
            }
            None => Ok(()),
        })
    }

    /// A request for one of its pages. The guest may leave it open.
    pub(super) fn handle(&mut self, request: &PageRequest) -> Result<Option<wit::types::Response>, Epitaph> {
        self.call("handle", |this| match &this.pages {
            Some(facet) => facet.opennmc_plugin_http_handler().call_handle(&mut this.store, request),
            None => Ok(None),
        })
    }

    /// Something to deliver; how it ended is said through `delivery`.
    pub(super) fn deliver(&mut self, delivery: &Delivery) -> Result<(), Epitaph> {
        let notice = shown_notice(&delivery.notice);
        let Delivery { number, at_ms, attempt, .. } = *delivery;
        self.state().delivery.given(number);
        self.call("deliver", |this| match &this.notifier {
            Some(facet) => {
                facet.opennmc_plugin_notifier().call_deliver(&mut this.store, number, &notice, at_ms, attempt)
            }
            None => Ok(()),
        })
    }

    fn call<R>(
        &mut self,
        name: &str,
        enter: impl FnOnce(&mut Self) -> wasmtime::Result<R>,
    ) -> Result<R, Epitaph> {
        self.timed(name, self.call_ms, enter)
    }

    fn timed<R>(
        &mut self,
        name: &str,
        call_ms: u64,
        enter: impl FnOnce(&mut Self) -> wasmtime::Result<R>,
    ) -> Result<R, Epitaph> {
        let epochs = self.store.data_mut().deadline.begin(call_ms);
        self.store.set_epoch_deadline(epochs);
        let state = self.store.data_mut();
        state.ups.begin_call();
        state.memory.refused = None;
        let began = Instant::now();
        let watch = Arc::clone(&self.watch);
        let in_flight = watch.enter();
        let result = enter(self);
        drop(in_flight);
        let took = began.elapsed();
        self.count(took);
        if name != "start" {
            let is_late = result.as_ref().is_err_and(is_interrupt);
            let calls = &mut self.store.data_mut().calls;
            calls.see(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
            if is_late {
                calls.hit();
            }
        }
        result.map_err(|error| {
            let refused_memory = self.store.data().memory.refused;
            Epitaph::of_trap(name, &error, &Bounds { call_ms, memory: self.memory, refused_memory })
        })
    }

    /// This thread is the only one that writes the gauges, so plain loads and stores do.
    fn count(&self, took: Duration) {
        let gauges = &self.gauges;
        gauges.calls.store(gauges.calls.load(Relaxed) + 1, Relaxed);
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if took > gauges.slowest_call_us.load(Relaxed) {
            gauges.slowest_call_us.store(took, Relaxed);
        }
        gauges.memory.store(self.store.data().memory.used(), Relaxed);
    }
}

/// It was ended for the time that it took.
fn is_interrupt(error: &wasmtime::Error) -> bool {
    matches!(error.downcast_ref::<wasmtime::Trap>(), Some(wasmtime::Trap::Interrupt))
}

/// Which exports a component has.
struct Facets {
    lifecycle: base::PluginIndices,
    events: Option<events::FacetIndices>,
    timers: Option<timers::FacetIndices>,
    tcp: Option<tcp::FacetIndices>,
    connection: Option<connection::FacetIndices>,
    fetching: Option<fetching::FacetIndices>,
    datagrams: Option<datagrams::FacetIndices>,
    auth: Option<auth::FacetIndices>,
    control: Option<control::FacetIndices>,
    notifier: Option<notifier::FacetIndices>,
    past: Option<past::FacetIndices>,
    admin: Option<admin::FacetIndices>,
    pages: Option<pages::FacetIndices>,
}

impl Facets {
    fn probe(pre: &InstancePre<InstanceState>, grant: &Grant) -> Result<Self, Epitaph> {
        let lifecycle = base::PluginIndices::new(pre).map_err(|error| {
            Epitaph::new(format!("refused: plugin.wasm has no opennmc:plugin/lifecycle that fits: {error:#}"))
        })?;
        let tcp = tcp::FacetIndices::new(pre).ok();
        if grant.listens() && tcp.is_none() {
            let text = "refused: plugin.toml asks for listeners, but plugin.wasm exports no opennmc:plugin/tcp-events";
            return Err(Epitaph::new(text));
        }
        if grant.connects() && tcp.is_none() {
            let text = "refused: plugin.toml asks for connections (tcp:// or tls://), but plugin.wasm exports no opennmc:plugin/tcp-events";
            return Err(Epitaph::new(text));
        }
        let connection = connection::FacetIndices::new(pre).ok();
        if connection.is_none() && (grant.connects() || imports(pre, "tls-server")) {
            let text = "refused: plugin.wasm makes connections or begins TLS, but exports no opennmc:plugin/connection-events";
            return Err(Epitaph::new(text));
        }
        let fetching = fetching::FacetIndices::new(pre).ok();
        if grant.fetches() && fetching.is_none() {
            let text = "refused: plugin.toml asks for HTTP (http:// or https://), but plugin.wasm exports no opennmc:plugin/http-events";
            return Err(Epitaph::new(text));
        }
        let datagrams = datagrams::FacetIndices::new(pre).ok();
        if grant.has_datagrams() && datagrams.is_none() {
            let text = "refused: plugin.toml asks for datagrams (listen-udp or udp://), but plugin.wasm exports no opennmc:plugin/udp-events";
            return Err(Epitaph::new(text));
        }
        let auth = auth::FacetIndices::new(pre).ok();
        if grant.needs.auth && auth.is_none() {
            let text =
                "refused: plugin.toml asks for auth, but plugin.wasm exports no opennmc:plugin/auth-events";
            return Err(Epitaph::new(text));
        }
        let events = events::FacetIndices::new(pre).ok();
        if events.is_some() && grant.needs.events.is_empty() {
            let text = "refused: plugin.wasm exports opennmc:plugin/events, but plugin.toml does not say under [needs] which it hears: events = [\"ups.*\"]";
            return Err(Epitaph::new(text));
        }
        let control = control::FacetIndices::new(pre).ok();
        if grant.needs.control.is_some() && control.is_none() {
            let text = "refused: plugin.toml asks for control, but plugin.wasm exports no opennmc:plugin/control-events";
            return Err(Epitaph::new(text));
        }
        let notifier = notifier::FacetIndices::new(pre).ok();
        let past = past::FacetIndices::new(pre).ok();
        agree("history-events", "history = \"read\"", grant.needs.history.is_some(), past.is_some())?;
        let admin = admin::FacetIndices::new(pre).ok();
        agree("admin-events", "admin = \"as-principal\"", grant.needs.admin.is_some(), admin.is_some())?;
        let pages = pages::FacetIndices::new(pre).ok();
        agree("http-handler", "http = { mount = \"/NAME\" }", grant.needs.http.is_some(), pages.is_some())?;
        agree("notifier", "notifier = true", grant.needs.notifier, notifier.is_some())?;
        Ok(Self {
            lifecycle,
            events,
            timers: timers::FacetIndices::new(pre).ok(),
            tcp,
            connection,
            fetching,
            datagrams,
            auth,
            control,
            notifier,
            past,
            admin,
            pages,
        })
    }
}

/// Whether an export is there exactly when the manifest asks for what goes with it.
fn agree(export: &str, need: &str, asked: bool, exported: bool) -> Result<(), Epitaph> {
    match (asked, exported) {
        (true, false) => Err(Epitaph::new(format!(
            "refused: plugin.toml asks for `{need}`, but plugin.wasm exports no opennmc:plugin/{export}"
        ))),
        (false, true) => Err(Epitaph::new(format!(
            "refused: plugin.wasm exports opennmc:plugin/{export}, but plugin.toml does not ask for it under [needs]: \
             {need}"
        ))),
        _ => Ok(()),
    }
}

fn shown_problem(problem: Problem) -> wit::types::Error {
    match problem {
        Problem::TooLong(most) => wit::types::Error::Limit(format!(
            "the answer is longer than {most} bytes, which a plugin of this memory can take; ask for less"
        )),
        Problem::Unreadable(reason) => wit::types::Error::Unavailable(reason),
    }
}

fn shown_samples(series: &Series) -> Vec<Sample> {
    let points = series.points.iter().map(|point| Sample {
        at_ms: point.at_ms + series.step_ms / 2,
        mean: point.avg,
        least: point.min,
        greatest: point.max,
    });
    points.collect()
}

fn shown_notice(notice: &Notice) -> wit::types::Notice {
    wit::types::Notice {
        severity: shown_severity(notice.severity),
        device: notice.device.clone(),
        title: notice.title.clone(),
        body: notice.body.clone(),
        fields: notice.fields.clone(),
    }
}

fn shown_severity(severity: Severity) -> wit::types::Severity {
    match severity {
        Severity::Info => wit::types::Severity::Info,
        Severity::Warning => wit::types::Severity::Warning,
        Severity::Critical => wit::types::Severity::Critical,
    }
}

fn imports(pre: &InstancePre<InstanceState>, interface: &str) -> bool {
    let prefix = format!("opennmc:plugin/{interface}@");
    let component = pre.component();
    component.component_type().imports(component.engine()).any(|(import, _)| import.starts_with(&prefix))
}

fn shown(event: &Event) -> wit::types::Event {
    wit::types::Event {
        kind: event.kind.clone(),
        severity: shown_severity(event.severity),
        device: event.device.clone(),
        at_ms: event.at_ms,
        fields: event.fields.clone(),
    }
}

/// A guest's reason, short and without control characters: it goes into the log and into events.
pub(super) fn first_line(reason: &str) -> String {
    /// Enough for a sentence.
    const MOST: usize = 300;
    let line = reason.lines().next().unwrap_or("");
    line[..line.floor_char_boundary(MOST)].chars().filter(|c| !c.is_control()).collect()
}
