//! One running script: its text compiled, its variables, and every call into it.
//!
//! An error in a function ends that call and nothing else: the script goes on, and the error is told. What uses up what one
//! call may use ends the script, which is started anew like any plugin.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

use jiff::Zoned;
use rhai::{AST, CallFnOptions, Dynamic, Engine, EvalAltResult, FnPtr, Position, Scope};
use zeroize::Zeroizing;

use super::engine::{self, Failure};
use super::memory::{CALL_BYTES, Held};
use super::schedule::Calendar;
use super::{Source, api, hooks, value};
use crate::allocation;
use crate::door::OrderResult;
use crate::plugin::Epitaph;
use crate::plugin::bindings::wit::timers::Host as _;
use crate::plugin::bindings::wit::types::Error;
use crate::plugin::capability::Clock;
use crate::plugin::deadline::thread_time;
use crate::plugin::instance::{Gauges, InstanceState, Origin};
use crate::plugin::outbound::Reply;
use crate::plugin::past::Answer;
use crate::state::Event;

/// However starved of the processor: so many times its allowed time, and a call ends.
const PATIENCE: u32 = 40;
/// The top level and `on_start` may do more than a call while serving.
const START_MS: u64 = 2_000;
/// Errors that are told in a minute; those beyond are in the log only, as far as that takes them.
const ERRORS_A_MINUTE: u32 = 6;
/// Looked at the calendar again at the latest: clocks are set, and machines sleep.
const LONGEST_WAIT_MS: u64 = 3_600_000;

/// What has a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    Order,
    Http,
    Past,
}

/// What a timer does when it is due.
pub(super) struct Timer {
    pub(super) function: FnPtr,
    pub(super) when: When,
}

pub(super) enum When {
    Once,
    Again,
    /// Due at this moment, in milliseconds since 1970.
    Calendar(Calendar, u64),
}

/// What the functions of the host work on, while the script runs.
pub(super) struct Shared {
    file: String,
    pub(super) plugin: Arc<str>,
    /// There during calls only; between them the plugin's thread works on it.
    lent: RefCell<Option<Box<InstanceState>>>,
    globals: RefCell<HashMap<String, Dynamic>>,
    pub(super) secrets: BTreeMap<String, Zeroizing<String>>,
    /// By the script's number for it, which stays when the timer beneath changes.
    pub(super) timers: RefCell<HashMap<u64, Timer>>,
    /// The script's numbers by those of the timers beneath.
    pub(super) due: RefCell<HashMap<u64, u64>>,
    pub(super) last_timer: Cell<u64>,
    pub(super) waiting: RefCell<HashMap<(Asked, u64), FnPtr>>,
    pub(super) gauges: Arc<Gauges>,
    pub(super) clock: Clock,
    /// Instead of doing anything: what would be done.
    pub(super) dry: Option<RefCell<Vec<String>>>,
    abort: Arc<AtomicBool>,
    call_ms: Cell<u64>,
    began: Cell<(Instant, Duration)>,
    /// What the thread had taken of memory when the call began.
    taken: Cell<isize>,
}

impl Shared {
    /// Lets a function of the host work.
    pub(super) fn with<R>(
        &self,
        work: impl FnOnce(&mut InstanceState) -> R,
    ) -> Result<R, Box<EvalAltResult>> {
        match self.lent.borrow_mut().as_mut() {
            Some(state) => Ok(work(state)),
            None => Err("this can't be used here".into()),
        }
    }

    /// What every function of the script sees under this name.
    pub(super) fn global(&self, name: &str) -> Option<Dynamic> {
        self.globals.borrow().get(name).cloned()
    }

    pub(super) fn set_global(&self, name: &str, value: Dynamic) {
        self.globals.borrow_mut().insert(name.to_owned(), value);
    }

    /// Whether the call under way has taken its time. A script that gets no processor is not at fault.
    pub(super) fn is_over(&self) -> bool {
        if self.abort.load(SeqCst) {
            return true;
        }
        let ((began, computed), most) = (self.began.get(), Duration::from_millis(self.call_ms.get()));
        let elapsed = began.elapsed();
        elapsed > most * PATIENCE || elapsed > most && thread_time().saturating_sub(computed) > most
    }

    /// Whether the call under way has taken more memory than one may.
    pub(super) fn is_too_large(&self) -> bool {
        allocation::taken().wrapping_sub(self.taken.get()) > CALL_BYTES
    }

    /// Words with the script's file, and the place in it when that is known.
    pub(super) fn place(&self, position: Position, words: &str) -> String {
        match (position.line(), position.position()) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}: {words}", self.file),
            (Some(line), None) => format!("{}:{line}: {words}", self.file),
            _ => format!("{}: {words}", self.file),
        }
    }

    /// Words of others may quote what was sent to them, and change the case of the name of a host.
    pub(super) fn without_secrets(&self, words: &str) -> String {
        let mut words = words.to_owned();
        for secret in self.secrets.values().filter(|secret| !secret.is_empty()) {
            let secret = Zeroizing::new(secret.to_ascii_lowercase());
            let mut from = 0;
            // Lower case of ASCII has as many bytes, so that places agree.
            while let Some(at) = words[from..].to_ascii_lowercase().find(secret.as_str()) {
                words.replace_range(from + at..from + at + secret.len(), value::HIDDEN);
                from += at + value::HIDDEN.len();
            }
        }
        words
    }

    /// Why the host refused, without any secret.
    pub(super) fn refused(&self, error: Error) -> Box<EvalAltResult> {
        self.without_secrets(&api::words(error)).into()
    }

    /// Sets the timer beneath for the script's timer `number`.
    pub(super) fn arm(&self, number: u64, ms: u64, again: bool) -> Result<(), Box<EvalAltResult>> {
        let set = self.with(|state| if again { state.every(ms) } else { state.after(ms) })?;
        let beneath = set.map_err(|error| self.refused(error))?;
        self.due.borrow_mut().insert(beneath, number);
        Ok(())
    }
}

/// How long to wait for a moment of the calendar, and which.
pub(super) fn wait_for(calendar: &Calendar, now: &Zoned) -> Option<(u64, u64)> {
    let due = calendar.next(now)?;
    let due_ms = u64::try_from(due.as_millisecond()).ok()?;
    let now_ms = u64::try_from(now.timestamp().as_millisecond()).unwrap_or(0);
    Some((due_ms.saturating_sub(now_ms).min(LONGEST_WAIT_MS), due_ms))
}

/// A running script.
pub(in crate::plugin) struct ScriptInstance {
    engine: Engine,
    text: String,
    ast: AST,
    scope: Scope<'static>,
    /// The parameters of every function, by name.
    functions: HashMap<String, Vec<usize>>,
    shared: Rc<Shared>,
    /// None during calls only.
    state: Option<Box<InstanceState>>,
    call_ms: u64,
    errors: Vec<String>,
    /// Errors told in the minute that began then.
    told: (Instant, u32),
}

impl ScriptInstance {
    /// Sets it up; nothing of it runs yet.
    pub(in crate::plugin) fn new(source: &Source, origin: Origin<'_>) -> Self {
        Self::with(source, origin, false)
    }

    /// As [`ScriptInstance::new`]; a dry one notes what it would do and does nothing.
    pub(super) fn with(source: &Source, origin: Origin<'_>, dry: bool) -> Self {
        let call_ms = origin.grant.limits.call_ms;
        let shared = Rc::new(Shared {
            file: source.file.clone(),
            plugin: Arc::clone(&origin.plugin),
            lent: RefCell::default(),
            globals: RefCell::default(),
            secrets: source.secrets.clone(),
            timers: RefCell::default(),
            due: RefCell::default(),
            last_timer: Cell::new(0),
            waiting: RefCell::default(),
            gauges: Arc::clone(&origin.gauges),
            clock: origin.clock.clone(),
            dry: dry.then(RefCell::default),
            abort: Arc::clone(&origin.abort),
            call_ms: Cell::new(call_ms),
            began: Cell::new((Instant::now(), Duration::ZERO)),
            taken: Cell::new(0),
        });
        let mut engine = engine::engine(&shared);
        api::register(&mut engine, &shared);
        Self {
            engine,
            text: source.text.clone(),
            ast: AST::empty(),
            scope: Scope::new(),
            functions: HashMap::new(),
            shared,
            state: Some(Box::new(InstanceState::new(origin))),
            call_ms,
            errors: Vec::new(),
            told: (Instant::now(), 0),
        }
    }

    /// What host functions work on.
    pub(in crate::plugin) fn state(&mut self) -> &mut InstanceState {
        // Only a panic during a call could have kept it, and that ends the plugin.
        self.state.as_mut().expect("the state is here between calls")
    }

    #[cfg(feature = "author")]
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What every function of the script sees under this name.
    #[cfg(feature = "author")]
    pub(super) fn global(&self, name: &str) -> Option<Dynamic> {
        self.shared.global(name)
    }

    /// The names that every function of the script sees, in the order of the alphabet.
    #[cfg(all(test, feature = "author"))]
    pub(super) fn global_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.shared.globals.borrow().keys().cloned().collect();
        names.sort();
        names
    }

    /// Compiles it, runs its top level and `on_start`.
    pub(in crate::plugin) fn start(&mut self, config: &str) -> Result<(), Epitaph> {
        let config = serde_json::from_str::<serde_json::Value>(config).unwrap_or_default();
        api::set_globals(&self.shared, value::of_json(&config));
        let start_ms = self.call_ms.max(START_MS);
        let ast = self.engine.compile(&self.text);
        self.ast = ast.map_err(|error| self.refused(&error.into()))?;
        if let Some((name, problem)) = hooks::misfit(&self.ast) {
            return Err(Epitaph::new(self.shared.place(self.line_of(&name), &problem)));
        }
        for function in self.ast.iter_functions() {
            self.functions.entry(function.name.to_owned()).or_default().push(function.params.len());
        }
        self.enter(start_ms, |engine, ast, scope| engine.run_ast_with_scope(scope, ast))
            .map_err(|error| self.refused(&error))?;
        self.check_names()?;
        for (name, is_constant, value) in self.scope.iter() {
            if is_constant {
                self.shared.set_global(name, value);
            }
        }
        match self.run("on_start", Vec::new(), start_ms) {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(self.refused(&error)),
        }
    }

    /// A name that nothing has is an error now, and not in the night.
    fn check_names(&mut self) -> Result<(), Epitaph> {
        let mut known = Scope::new();
        let own: HashSet<String> = self.scope.iter().map(|(name, ..)| name.to_owned()).collect();
        let hosts: Vec<String> = self.shared.globals.borrow().keys().cloned().collect();
        for name in own.into_iter().chain(hosts) {
            known.push_constant(name, ());
        }
        self.engine.set_strict_variables(true);
        let checked = self.engine.compile_with_scope(&known, &self.text);
        self.engine.set_strict_variables(false);
        checked.map(|_| ()).map_err(|error| self.refused(&error.into()))
    }

    fn refused(&self, error: &EvalAltResult) -> Epitaph {
        Epitaph::new(engine::failure(&self.shared, error, self.shared.call_ms.get()).text)
    }

    /// Where this function begins.
    pub(super) fn line_of(&self, function: &str) -> Position {
        let begins = |line: &str| {
            let rest = line.trim_start().trim_start_matches("private ").trim_start().strip_prefix("fn ");
            rest.is_some_and(|rest| {
                rest.trim_start()
                    .strip_prefix(function)
                    .is_some_and(|rest| rest.trim_start().starts_with('('))
            })
        };
        let line = self.text.lines().position(begins).and_then(|line| u16::try_from(line + 1).ok());
        line.map_or(Position::NONE, |line| Position::new(line, 1))
    }

    /// The last call.
    pub(in crate::plugin) fn stop(&mut self) -> Result<(), Epitaph> {
        self.call("on_stop", Vec::new()).map(|_| ())
    }

    /// Errors that did not end it, since they were last taken.
    pub(in crate::plugin) fn take_errors(&mut self) -> Vec<String> {
        std::mem::take(&mut self.errors)
    }

    /// Calls the hook for what happened.
    pub(in crate::plugin) fn on_event(&mut self, event: &Event) -> Result<(), Epitaph> {
        // What befalls the script itself would only befall it again.
        let is_own = |(name, value): &(String, String)| name == "plugin" && **value == *self.shared.plugin;
        if event.kind.starts_with(super::PREFIX) && event.fields.iter().any(is_own) {
            return Ok(());
        }
        if let Some(rest) = event.kind.strip_prefix("bus.")
            && self.functions.contains_key("on_message")
        {
            let (plugin, topic) = value::sender(rest);
            let message = value::message(&event.fields);
            return self.call("on_message", vec![plugin.into(), topic.into(), message]).map(|_| ());
        }
        let shown = value::of_event(event);
        let ups = if event.device.is_empty() { Dynamic::UNIT } else { api::ups(&event.device) };
        let name = hooks::name_of(&event.kind);
        let comes = ["ups.comm-established", "ups.comm-restored"].contains(&event.kind.as_str());
        let names = [Some(name.as_str()), comes.then_some("on_comm_ok")];
        for name in names.into_iter().flatten().filter(|name| !hooks::is_called_otherwise(name)) {
            if self.call(name, vec![ups.clone(), shown.clone()])? {
                return Ok(());
            }
        }
        self.call("on_event", vec![shown]).map(|_| ())
    }

    /// A timer beneath is due.
    pub(in crate::plugin) fn on_timer(&mut self, beneath: u64) -> Result<(), Epitaph> {
        let number = self.shared.due.borrow().get(&beneath).copied();
        let Some(number) = number else { return Ok(()) };
        let mut timers = self.shared.timers.borrow_mut();
        let Some(timer) = timers.get_mut(&number) else { return Ok(()) };
        let function = timer.function.clone();
        let mut rearm = None;
        let is_due = match &mut timer.when {
            When::Again => true,
            When::Once => {
                timers.remove(&number);
                self.shared.due.borrow_mut().remove(&beneath);
                true
            }
            When::Calendar(calendar, due_ms) => {
                self.shared.due.borrow_mut().remove(&beneath);
                let is_due = self.shared.clock.wall_ms() >= *due_ms;
                if is_due {
                    let next = wait_for(calendar, &self.shared.clock.local());
                    *due_ms = next.map_or(u64::MAX, |(_, due_ms)| due_ms);
                }
                rearm = (*due_ms != u64::MAX)
                    .then(|| due_ms.saturating_sub(self.shared.clock.wall_ms()).min(LONGEST_WAIT_MS));
                is_due
            }
        };
        drop(timers);
        if let Some(ms) = rearm {
            self.lend();
            let set = self.shared.arm(number, ms, false);
            self.take_back();
            if let Err(error) = set {
                self.tell(&error)?;
            }
        }
        if is_due { self.call_pointer(&function, Vec::new()) } else { Ok(()) }
    }

    /// The answer to an HTTP request.
    pub(in crate::plugin) fn on_reply(
        &mut self,
        ticket: u64,
        result: Result<Reply, String>,
    ) -> Result<(), Epitaph> {
        let result = result.map_err(|words| self.shared.without_secrets(&words));
        self.ended(Asked::Http, ticket, value::of_reply(result))
    }

    /// How a command or a setting ended.
    pub(in crate::plugin) fn on_ended(&mut self, ticket: u64, result: &OrderResult) -> Result<(), Epitaph> {
        self.ended(Asked::Order, ticket, value::of_order(result))
    }

    /// The answer to a question to the history.
    pub(in crate::plugin) fn on_past(&mut self, ticket: u64, answer: Answer) -> Result<(), Epitaph> {
        self.ended(Asked::Past, ticket, value::of_answer(answer))
    }

    fn ended(&mut self, asked: Asked, ticket: u64, mut result: rhai::Map) -> Result<(), Epitaph> {
        result.insert("ticket".into(), Dynamic::from_int(i64::try_from(ticket).unwrap_or(i64::MAX)));
        let waiting = self.shared.waiting.borrow_mut().remove(&(asked, ticket));
        match waiting {
            Some(function) => self.call_pointer(&function, vec![result.into()]),
            None => self.call("on_result", vec![result.into()]).map(|_| ()),
        }
    }

    fn call_pointer(&mut self, function: &FnPtr, arguments: Vec<Dynamic>) -> Result<(), Epitaph> {
        let captured: Vec<Dynamic> = function.curry().to_vec();
        let (name, count) = (function.fn_name().to_owned(), captured.len());
        let all: Vec<Dynamic> = captured.into_iter().chain(arguments).collect();
        // A function that does not care for the result need not take it.
        let takes = self.functions.get(&name).map_or(all.len(), |counts| {
            counts
                .iter()
                .copied()
                .filter(|takes| (count..=all.len()).contains(takes))
                .max()
                .unwrap_or(all.len())
        });
        let all: Vec<Dynamic> = all.into_iter().take(takes).collect();
        let options = CallFnOptions::new().eval_ast(false).rewind_scope(true);
        let called = self.enter(self.call_ms, |engine, ast, scope| {
            engine.call_fn_with_options::<Dynamic>(options, scope, ast, &name, all).map(|_| ())
        });
        called.or_else(|error| self.tell(&error))
    }

    /// Calls a hook; false: there is none.
    fn call(&mut self, name: &str, arguments: Vec<Dynamic>) -> Result<bool, Epitaph> {
        match self.run(name, arguments, self.call_ms) {
            None => Ok(false),
            Some(Ok(_)) => Ok(true),
            Some(Err(error)) => self.tell(&error).map(|()| true),
        }
    }

    pub(super) fn has_function(&self, name: &str) -> bool {
        self.functions.contains_key(name)
    }

    /// What the function gives, within the limits of one call; none: there is no such function.
    pub(super) fn ask(
        &mut self,
        name: &str,
        arguments: Vec<Dynamic>,
    ) -> Option<Result<Dynamic, Box<EvalAltResult>>> {
        self.run(name, arguments, self.call_ms)
    }

    /// As many of the arguments as the function takes.
    fn run(
        &mut self,
        name: &str,
        mut arguments: Vec<Dynamic>,
        call_ms: u64,
    ) -> Option<Result<Dynamic, Box<EvalAltResult>>> {
        let takes =
            self.functions.get(name)?.iter().copied().filter(|takes| *takes <= arguments.len()).max()?;
        arguments.truncate(takes);
        let options = CallFnOptions::new().eval_ast(false).rewind_scope(true);
        Some(self.enter(call_ms, |engine, ast, scope| {
            engine.call_fn_with_options::<Dynamic>(options, scope, ast, name, arguments)
        }))
    }

    /// Ends the script when it can't go on; otherwise the error is noted.
    pub(super) fn tell(&mut self, error: &EvalAltResult) -> Result<(), Epitaph> {
        let Failure { text, is_fatal } = engine::failure(&self.shared, error, self.shared.call_ms.get());
        if is_fatal {
            return Err(Epitaph::new(text));
        }
        use crate::plugin::bindings::wit::log::{Host as _, Level};
        self.state().write(Level::Error, text.clone());
        if self.told.0.elapsed() >= Duration::from_secs(60) {
            self.told = (Instant::now(), 0);
        }
        self.told.1 += 1;
        if self.told.1 <= ERRORS_A_MINUTE {
            self.errors.push(text);
        }
        Ok(())
    }

    fn enter<R>(
        &mut self,
        call_ms: u64,
        call: impl FnOnce(&Engine, &AST, &mut Scope<'static>) -> Result<R, Box<EvalAltResult>>,
    ) -> Result<R, Box<EvalAltResult>> {
        self.state().ups.begin_call();
        self.lend();
        let began = Instant::now();
        self.shared.call_ms.set(call_ms);
        self.shared.began.set((began, thread_time()));
        self.shared.taken.set(allocation::taken());
        let result = call(&self.engine, &self.ast, &mut self.scope);
        self.take_back();
        self.count(began.elapsed());
        match self.outgrown() {
            Some(words) => Err(EvalAltResult::ErrorTerminated(words.into(), Position::NONE).into()),
            None => result,
        }
    }

    /// What is wrong with all that is kept until the next call, if anything is.
    fn outgrown(&self) -> Option<String> {
        let mut held = Held::default();
        for (name, _, value) in self.scope.iter_raw() {
            held.variable(&format!("`{name}`"), value);
        }
        for timer in self.shared.timers.borrow().values() {
            held.closure("a timer's closure", &timer.function);
        }
        for function in self.shared.waiting.borrow().values() {
            held.closure("the closure of a `then`", function);
        }
        held.problem()
    }

    fn lend(&mut self) {
        *self.shared.lent.borrow_mut() = self.state.take();
    }

    fn take_back(&mut self) {
        self.state = self.shared.lent.borrow_mut().take();
    }

    /// This thread is the only one that writes the gauges, so plain loads and stores do.
    fn count(&self, took: Duration) {
        let gauges = &self.shared.gauges;
        gauges.calls.store(gauges.calls.load(Relaxed) + 1, Relaxed);
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        gauges.slowest_call_us.fetch_max(took, Relaxed);
    }

    /// What a dry one would have done since this was last taken.
    pub(super) fn take_noted(&mut self) -> Vec<String> {
        self.shared.dry.as_ref().map(|noted| std::mem::take(&mut *noted.borrow_mut())).unwrap_or_default()
    }

    /// Timers and `then`s of a dry one, run once each.
    pub(super) fn run_pending(&mut self) -> Result<(), Epitaph> {
        let timers: Vec<FnPtr> =
            self.shared.timers.borrow_mut().drain().map(|(_, timer)| timer.function).collect();
        for function in timers {
            self.call_pointer(&function, Vec::new())?;
        }
        let waiting: Vec<((Asked, u64), FnPtr)> = self.shared.waiting.borrow_mut().drain().collect();
        for ((asked, _), function) in waiting {
            self.call_pointer(&function, vec![value::canned(asked).into()])?;
        }
        Ok(())
    }
}
