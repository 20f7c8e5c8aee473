//! The blocking port, for programs that wait.
//!
//! It is a session and a serial line in one; what can be asked of a session can be asked of it, in the files of those things.

use std::ffi::c_char;
use std::time::Duration;

use super::boundary::{Checked, Handle, Lends, Opaque, Out, beside, change, free, handle_of, look, shield};
use super::config::{self, apcsmart_config};
use super::event::{self, apcsmart_event};
use super::kind::{apcsmart_danger, apcsmart_link, apcsmart_outcome};
use super::result::apcsmart_result;
use super::text::{self, Texts, Topic};
use crate::serial::{Interrupter, Port, PortError, PortOptions};
use crate::{Outcome, Session};

/// A UPS on a serial port, or on a serial server in the network, for programs that wait.
///
/// The line is served only while a call waits (`apcsmart_port_wait_event`, `_serve`, `_run`, `_set`, `_wait_ready`); between
/// calls readings get old, and `apcsmart_port_silence` tells how old.
///
/// Threads: one at a time for each port, `const` or not; a second one gets `APCSMART_RESULT_HANDLE_IN_USE`. Only
/// `apcsmart_port_interrupt` is for other threads, and for signal handlers. Different ports are independent; nothing is shared.
///
/// Lent texts live until the next call that takes the port without `const`. After every failure `apcsmart_port_error` has
/// a sentence for a person.
///
/// A port is of the process that opened it. After a fork the child gets OTHER_PROCESS from what uses the line; it may close its
/// copy, which does the parent no harm.
///
/// Errors of every handle: NULL_POINTER, WRONG_HANDLE, HANDLE_IN_USE, PANIC; of a port that was never opened also NOT_OPEN.
/// Of every call that waits: INTERRUPTED, after `apcsmart_port_interrupt`; OTHER_PROCESS.
pub struct apcsmart_port(Handle<Line, Option<Interrupter>>);

/// What is behind `apcsmart_port`.
pub(super) struct Line {
    /// None when it could not be opened.
    port: Option<Port>,
    texts: Texts,
    problem: Option<String>,
}

impl Opaque for apcsmart_port {
    type Content = Line;
    /// None when it could not be opened.
    type Beside = Option<Interrupter>;
    const MAGIC: u32 = 0x4150_7074;
    fn beside(line: &Line) -> Option<Interrupter> {
        line.port.as_ref().map(Port::interrupter)
    }
    fn wrap(handle: Handle<Line, Option<Interrupter>>) -> apcsmart_port {
        apcsmart_port(handle)
    }
    fn handle(&self) -> &Handle<Line, Option<Interrupter>> {
        &self.0
    }
}

impl Lends for Line {
    fn forget_lent(&mut self) {
        self.texts.forget();
    }
}

/// Opens a port and waits until the UPS was recognised and everything was read once. `address` is a path such as
/// "/dev/ttyS0", or "tcp://host:port" for a serial server. `config` may be NULL. 30000 milliseconds fit every known UPS; with
/// `timeout_ms` 0 it only opens, and `apcsmart_port_wait_ready` waits.
///
/// `*port` is set on failure too, so that `apcsmart_port_error` can tell the reason: close it in every case. It is NULL only
/// after PANIC. After NO_ANSWER and TIMED_OUT the port is open and can be waited for on.
///
/// Errors: INVALID_ADDRESS, NO_SUCH_PORT, NO_PERMISSION, PORT_IN_USE, NOT_A_PORT, CANNOT_OPEN, HUNG_UP, NO_ANSWER,
/// TIMED_OUT; NULL_POINTER, TOO_LONG, INVALID_UTF8; those of the configuration's handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_open(
    address: *const c_char,
    config: *const apcsmart_config,
    timeout_ms: u64,
    port: *mut *mut apcsmart_port,
) -> apcsmart_result {
    let out = match Out::new(port) {
        Ok(out) => out,
        Err(code) => return code,
    };
    let opened = shield(None, || {
        let mut line = Line { port: None, texts: Texts::default(), problem: None };
        let code = line.open(address, config, timeout_ms);
        Some((handle_of(line), code))
    });
    let (handle, code) = opened.unwrap_or((std::ptr::null_mut(), apcsmart_result::PANIC));
    out.put(handle);
    code
}

/// Closes a port and frees its handle and every text that it lent. NULL is right. Closing twice is undefined.
///
/// A port that another thread is using is left alone, open: call `apcsmart_port_interrupt`, join the thread, close then.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_close(port: *mut apcsmart_port) {
    free(port)
}

/// What went wrong in the last call that could fail with this port, as a sentence in English that says what to do; empty
/// when nothing did. Never NULL, also for NULL. It is lent: it lives until the next call that takes the port without
/// `const`.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_error(port: *const apcsmart_port) -> *const c_char {
    let mut found = c"".as_ptr();
    let code = look(port, |line| {
        if let Some(problem) = &line.problem {
            found = line.texts.passing(Topic::Problem, || problem.clone());
        }
        Ok(())
    });
    match code {
        apcsmart_result::OK => found,
        code => super::result::apcsmart_result_text(code as u32),
    }
}

/// Waits until the UPS was recognised and everything was read once, `timeout_ms` at most.
///
/// Errors: NO_ANSWER, TIMED_OUT, HUNG_UP; those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_wait_ready(port: *mut apcsmart_port, timeout_ms: u64) -> apcsmart_result {
    change(port, |line| line.attempt(|port| port.wait_ready(Duration::from_millis(timeout_ms))))
}

/// Serves the line for `duration_ms`, so that readings are read anew. Events are kept for `apcsmart_port_wait_event`, the
/// newest 4096.
///
/// Errors: HUNG_UP; those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_serve(port: *mut apcsmart_port, duration_ms: u64) -> apcsmart_result {
    change(port, |line| line.attempt(|port| port.serve(Duration::from_millis(duration_ms))))
}

/// The next event, the oldest first; waits for one for `timeout_ms` at most, `APCSMART_NEVER` for as long as it takes.
///
/// Errors: TIMED_OUT when none came, and then `event` is empty; HUNG_UP, after the events that came before it;
/// NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_wait_event(
    port: *mut apcsmart_port,
    timeout_ms: u64,
    event: *mut apcsmart_event,
) -> apcsmart_result {
    change(port, |line| {
        let out = Out::new(event)?;
        let mut next = None;
        line.attempt(|port| port.next_event(Duration::from_millis(timeout_ms)).map(|event| next = event))?;
        let (session, texts) = line.parts()?;
        match next {
            Some(event) => out.put(event::show(&event, session, texts)),
            None => {
                out.put(event::empty(texts));
                line.problem = Some("nothing happened in the time that was given".to_owned());
                return Err(apcsmart_result::TIMED_OUT);
            }
        }
        Ok(())
    })
}

/// Runs a command by its name and waits for its outcome: seconds for most, and up to the UPS's shutdown delay for those
/// that switch the load. `argument` and `danger` are those of `apcsmart_session_run`.
///
/// `*outcome` tells what was seen, `APCSMART_OUTCOME_NONE` when nothing was sent.
///
/// Errors: ORDER_FAILED when the outcome is no success; those of `apcsmart_session_run`; HUNG_UP; NULL_POINTER and those
/// of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_run(
    port: *mut apcsmart_port,
    name: *const c_char,
    argument: *const c_char,
    danger: u32,
    outcome: *mut apcsmart_outcome,
) -> apcsmart_result {
    change(port, |line| {
        line.order(outcome, |port| {
            let (name, argument) = (text::read(name)?, text::read_optional(argument)?);
            let danger = apcsmart_danger::read(danger)?;
            Ok(port.run(name, argument, danger))
        })
    })
}

/// Starts a command and returns at once: its outcome comes as `APCSMART_EVENT_DONE` with `*ticket`, while the line is
/// served.
///
/// Errors: those of `apcsmart_port_run` without ORDER_FAILED and INTERRUPTED.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_start(
    port: *mut apcsmart_port,
    name: *const c_char,
    argument: *const c_char,
    danger: u32,
    ticket: *mut u64,
) -> apcsmart_result {
    change(port, |line| {
        let out = Out::new(ticket)?;
        let (name, argument) = (text::read(name)?, text::read_optional(argument)?);
        let danger = apcsmart_danger::read(danger)?;
        let mut number = 0;
        line.attempt(|port| port.start(name, argument, danger).map(|ticket| number = ticket.number()))?;
        out.put(number);
        Ok(())
    })
}

/// Starts a setting and returns at once: its outcome comes as `APCSMART_EVENT_DONE` with `*ticket`, while the line is
/// served.
///
/// Errors: those of `apcsmart_port_set` without ORDER_FAILED and INTERRUPTED.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_start_set(
    port: *mut apcsmart_port,
    name: *const c_char,
    value: *const c_char,
    ticket: *mut u64,
) -> apcsmart_result {
    change(port, |line| {
        let out = Out::new(ticket)?;
        let (name, value) = (text::read(name)?, text::read(value)?);
        let mut number = 0;
        line.attempt(|port| port.start_set(name, value).map(|ticket| number = ticket.number()))?;
        out.put(number);
        Ok(())
    })
}

/// Sets a setting to a value as its reading shows it, and waits for the outcome, some seconds at most.
///
/// `*outcome` tells what was seen, `APCSMART_OUTCOME_NONE` when nothing was sent.
///
/// Errors: ORDER_FAILED when the outcome is no success; those of `apcsmart_session_set`; HUNG_UP; NULL_POINTER and those
/// of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_set(
    port: *mut apcsmart_port,
    name: *const c_char,
    value: *const c_char,
    outcome: *mut apcsmart_outcome,
) -> apcsmart_result {
    change(port, |line| {
        line.order(outcome, |port| {
            let (name, value) = (text::read(name)?, text::read(value)?);
            Ok(port.set(name, value))
        })
    })
}

/// Makes the call that waits with this port, in any thread, end with INTERRUPTED; when none waits, the next one that would.
/// Asking twice before that is asking once. Nothing is lost by it: wait again, or close the port. An order that was waited for
/// goes on, and its `APCSMART_EVENT_DONE` comes out of `apcsmart_port_wait_event`.
///
/// Any thread, while another one is inside a call with this port, and any signal handler: signals alone end no wait, a handler
/// that calls this does. It takes no lock and asks for no memory. The port must not be closed meanwhile.
///
/// Opening is not interrupted, `apcsmart_port_open` with `timeout_ms` 0 and `apcsmart_port_reopen` included: a serial port
/// opens at once, a serial server in five seconds for each of its addresses, after the system looked its name up.
///
/// Errors: NULL_POINTER, WRONG_HANDLE, PANIC, NOT_OPEN.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_interrupt(port: *const apcsmart_port) -> apcsmart_result {
    beside(port, |interrupter| {
        interrupter.as_ref().ok_or(apcsmart_result::NOT_OPEN)?.interrupt();
        Ok(())
    })
}

/// Opens the port again, whether it hung up or not. The UPS is recognised anew: `apcsmart_port_wait_ready` waits for it.
///
/// Errors: those of `apcsmart_port_open` that tell of opening; those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_reopen(port: *mut apcsmart_port) -> apcsmart_result {
    change(port, |line| line.attempt(Port::reopen))
}

/// How the link is, as it was when the line was last served.
///
/// Errors: NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_link(
    port: *const apcsmart_port,
    link: *mut apcsmart_link,
) -> apcsmart_result {
    look(port, |line| {
        let out = Out::new(link)?;
        out.put(line.session()?.link().into());
        Ok(())
    })
}

/// How many milliseconds ago the UPS gave its last valid answer. No reading is newer.
///
/// Errors: NOT_FOUND when it never did; NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_silence(port: *const apcsmart_port, silence_ms: *mut u64) -> apcsmart_result {
    look(port, |line| {
        let out = Out::new(silence_ms)?;
        let port = line.port.as_ref().ok_or(apcsmart_result::NOT_OPEN)?;
        let silence = port.silence().ok_or(apcsmart_result::NOT_FOUND)?;
        out.put(u64::try_from(silence.as_millis()).unwrap_or(u64::MAX));
        Ok(())
    })
}

impl Line {
    /// What the port knows.
    pub(super) fn session(&self) -> Checked<&Session> {
        self.port.as_ref().map(Port::session).ok_or(apcsmart_result::NOT_OPEN)
    }

    /// What the port knows, and where its texts are lent from.
    pub(super) fn parts(&mut self) -> Checked<(&Session, &mut Texts)> {
        let port = self.port.as_ref().ok_or(apcsmart_result::NOT_OPEN)?;
        Ok((port.session(), &mut self.texts))
    }

    fn open(
        &mut self,
        address: *const c_char,
        config: *const apcsmart_config,
        timeout_ms: u64,
    ) -> apcsmart_result {
        let prepared = text::read(address)
            .and_then(|address| Ok((address, config::of(config, |config| config.port())?)));
        let outcome = prepared.and_then(|(address, options)| self.open_with(address, &options, timeout_ms));
        match outcome {
            Ok(()) => apcsmart_result::OK,
            Err(code) => {
                let said = self.problem.take();
                self.problem = Some(said.unwrap_or_else(|| described(code)));
                code
            }
        }
    }

    fn open_with(&mut self, address: &str, options: &PortOptions, timeout_ms: u64) -> Checked {
        match Port::open(address, options) {
            Ok(port) => self.port = Some(port),
            Err(error) => return Err(self.fail(&error)),
        }
        if timeout_ms == 0 {
            return Ok(());
        }
        self.attempt(|port| port.wait_ready(Duration::from_millis(timeout_ms)))
    }

    /// Does what can fail, and keeps what went wrong.
    fn attempt(&mut self, work: impl FnOnce(&mut Port) -> Result<(), PortError>) -> Checked {
        // A port that was never opened keeps telling why.
        let port = self.port.as_mut().ok_or(apcsmart_result::NOT_OPEN)?;
        self.problem = None;
        work(port).map_err(|error| self.fail(&error))
    }

    /// Gives an order and waits for its outcome.
    fn order(
        &mut self,
        out: *mut apcsmart_outcome,
        order: impl FnOnce(&mut Port) -> Checked<Result<Outcome, PortError>>,
    ) -> Checked {
        let out = Out::new(out)?;
        let port = self.port.as_mut().ok_or(apcsmart_result::NOT_OPEN)?;
        self.problem = None;
        let ended = order(port).inspect_err(|code| self.problem = Some(described(*code)));
        let (shown, result) = match ended {
            Ok(Ok(outcome)) if outcome.is_success() => ((&outcome).into(), Ok(())),
            Ok(Ok(outcome)) => {
                self.problem = Some(outcome.to_string());
                ((&outcome).into(), Err(apcsmart_result::ORDER_FAILED))
            }
            Ok(Err(error)) => (apcsmart_outcome::NONE, Err(self.fail(&error))),
            Err(code) => (apcsmart_outcome::NONE, Err(code)),
        };
        out.put(shown);
        result
    }

    fn fail(&mut self, error: &PortError) -> apcsmart_result {
        self.problem = Some(error.to_string());
        match error {
            PortError::InvalidAddress { .. } => apcsmart_result::INVALID_ADDRESS,
            PortError::Absent { .. } => apcsmart_result::NO_SUCH_PORT,
            PortError::Permission { .. } => apcsmart_result::NO_PERMISSION,
            PortError::Busy { .. } => apcsmart_result::PORT_IN_USE,
            PortError::NotSerial { .. } => apcsmart_result::NOT_A_PORT,
            PortError::Open { .. } | PortError::Unreachable { .. } => apcsmart_result::CANNOT_OPEN,
            PortError::HungUp { .. } => apcsmart_result::HUNG_UP,
            PortError::NoAnswer { .. } => apcsmart_result::NO_ANSWER,
            PortError::NotReady { .. } => apcsmart_result::TIMED_OUT,
            PortError::Interrupted { .. } => apcsmart_result::INTERRUPTED,
            PortError::OtherProcess { .. } => apcsmart_result::OTHER_PROCESS,
            PortError::Refused(refusal) => refusal.into(),
        }
    }
}

/// A result as a sentence, for what the library did not get to see.
fn described(code: apcsmart_result) -> String {
    code.text().to_string_lossy().into_owned()
}
