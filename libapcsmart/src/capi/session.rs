//! The session without input and output, for programs with a loop of their own.

use std::ffi::c_char;

use super::boundary::{Checked, Handle, Lends, Opaque, Out, change, free, look, make};
use super::config::{self, apcsmart_config};
use super::event::{self, apcsmart_event};
use super::kind::{apcsmart_danger, apcsmart_link};
use super::result::apcsmart_result;
use super::text::{self, Texts, Topic};
use crate::operation::{Refusal, Ticket};
use crate::{Output, Session, Time};

/// The conversation with one UPS. It opens nothing, reads no clock and never waits: you carry its bytes and tell it the time.
///
/// After every call that takes it without `const`, call `apcsmart_session_poll_output` until it gives
/// `APCSMART_OUTPUT_TIMEOUT`; then wait for bytes from the port or for that moment, whichever comes first.
///
/// Times are milliseconds since any origin of yours. They must not go back, and should go on while the machine sleeps
/// (`CLOCK_BOOTTIME` on Linux).
///
/// Threads: one at a time for each session, `const` or not; a second one gets `APCSMART_RESULT_HANDLE_IN_USE`. Different
/// sessions are independent; nothing is shared.
///
/// Lent texts live until the next call that takes the session without `const`.
///
/// Errors of every handle: NULL_POINTER, WRONG_HANDLE, HANDLE_IN_USE, PANIC.
pub struct apcsmart_session(Handle<Conversation>);

/// What is behind `apcsmart_session`.
pub(super) struct Conversation {
    pub(super) session: Session,
    pub(super) texts: Texts,
    /// Bytes for which the caller's buffer had no room.
    unsent: Option<Vec<u8>>,
    refusal: Option<String>,
}

impl Opaque for apcsmart_session {
    type Content = Conversation;
    type Beside = ();
    const MAGIC: u32 = 0x4150_7368;
    fn beside(_: &Conversation) {}
    fn wrap(handle: Handle<Conversation>) -> apcsmart_session {
        apcsmart_session(handle)
    }
    fn handle(&self) -> &Handle<Conversation> {
        &self.0
    }
}

impl Lends for Conversation {
    fn forget_lent(&mut self) {
        self.texts.forget();
    }
}

/// A moment that never comes: the deadline of a session that waits for nothing, and a time to wait without end.
pub const APCSMART_NEVER: u64 = u64::MAX;

/// No transmission is longer, in bytes.
pub const APCSMART_TRANSMIT_MAX: usize = 64;

/// What to do next.
///
/// cbindgen:rename-all=None
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum apcsmart_output_kind {
    /// Write the first `length` bytes of your buffer to the port, all of them, now.
    APCSMART_OUTPUT_TRANSMIT = 1,
    /// Something was learnt: `event`.
    APCSMART_OUTPUT_EVENT = 2,
    /// Nothing more for now: call `apcsmart_session_handle_timeout` at `deadline_ms` at the latest.
    APCSMART_OUTPUT_TIMEOUT = 3,
}

/// What a session wants of you.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct apcsmart_output {
    /// What to do next.
    pub kind: apcsmart_output_kind,
    /// How many bytes to write; zero for the other kinds.
    pub length: usize,
    /// On your clock; `APCSMART_NEVER` when the session waits for nothing, and for the other kinds.
    pub deadline_ms: u64,
    /// What was learnt; empty for the other kinds.
    pub event: apcsmart_event,
}

/// Makes a session without a port. `config` may be NULL. Free it with `apcsmart_session_free`.
///
/// Errors: NULL_POINTER; those of the configuration's handle. `*session` is NULL then.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_new(
    config: *const apcsmart_config,
    session: *mut *mut apcsmart_session,
) -> apcsmart_result {
    make(session, || {
        let config = config::of(config, |config| config.session())?;
        Ok(Conversation {
            session: Session::new(config),
            texts: Texts::default(),
            unsent: None,
            refusal: None,
        })
    })
}

/// Frees a session and every text that it lent. NULL is right. Freeing twice is undefined.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_free(session: *mut apcsmart_session) {
    free(session)
}

/// The port was opened, or opened again: 2400 baud, 8 bits, no parity, one stop bit, no flow control.
///
/// Errors: INVALID_ARGUMENT when `now_ms` is `APCSMART_NEVER`, here and in all that take it; those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_handle_open(
    session: *mut apcsmart_session,
    now_ms: u64,
) -> apcsmart_result {
    change(session, |content| {
        content.session.handle_open(moment(now_ms)?);
        Ok(())
    })
}

/// The port is gone. Readings and status keep their last values; orders end as interrupted.
///
/// Errors: INVALID_ARGUMENT; those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_handle_close(
    session: *mut apcsmart_session,
    now_ms: u64,
) -> apcsmart_result {
    change(session, |content| {
        let now = moment(now_ms)?;
        content.unsent = None;
        content.session.handle_close(now);
        Ok(())
    })
}

/// `length` bytes arrived from the port, in one piece or in many. They are copied.
///
/// Errors: NULL_POINTER when `length` is not zero; TOO_LONG beyond 1 MiB; INVALID_ARGUMENT; those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_handle_input(
    session: *mut apcsmart_session,
    now_ms: u64,
    bytes: *const u8,
    length: usize,
) -> apcsmart_result {
    change(session, |content| {
        let now = moment(now_ms)?;
        content.session.handle_input(now, text::read_bytes(bytes, length)?);
        Ok(())
    })
}

/// The deadline was reached. Calling it early or late is harmless.
///
/// Errors: INVALID_ARGUMENT; those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_handle_timeout(
    session: *mut apcsmart_session,
    now_ms: u64,
) -> apcsmart_result {
    change(session, |content| {
        content.session.handle_timeout(moment(now_ms)?);
        Ok(())
    })
}

/// The next thing to do. `buffer` of `capacity` bytes takes what is to be written; `APCSMART_TRANSMIT_MAX` bytes are always
/// enough. Call it until it gives `APCSMART_OUTPUT_TIMEOUT`.
///
/// Errors: BUFFER_TOO_SMALL, with the missing room in `output->length`: the bytes wait for the next call; NULL_POINTER
/// and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_poll_output(
    session: *mut apcsmart_session,
    buffer: *mut u8,
    capacity: usize,
    output: *mut apcsmart_output,
) -> apcsmart_result {
    change(session, |content| {
        let out = Out::new(output)?;
        if buffer.is_null() {
            return Err(apcsmart_result::NULL_POINTER);
        }
        let mut shown = apcsmart_output {
            kind: apcsmart_output_kind::APCSMART_OUTPUT_TIMEOUT,
            length: 0,
            deadline_ms: APCSMART_NEVER,
            event: event::empty(&mut content.texts),
        };
        let mut written = Ok(());
        match content.unsent.take().map_or_else(|| content.session.poll_output(), Output::Transmit) {
            Output::Transmit(bytes) => {
                shown.kind = apcsmart_output_kind::APCSMART_OUTPUT_TRANSMIT;
                shown.length = bytes.len();
                written = text::write_bytes(&bytes, buffer, capacity);
                content.unsent = written.is_err().then_some(bytes);
            }
            Output::Event(event) => {
                shown.kind = apcsmart_output_kind::APCSMART_OUTPUT_EVENT;
                shown.event = event::show(&event, &content.session, &mut content.texts);
            }
            Output::Timeout(time) => shown.deadline_ms = time.as_millis(),
        }
        out.put(shown);
        written
    })
}

/// How the link is.
///
/// Errors: NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_link(
    session: *const apcsmart_session,
    link: *mut apcsmart_link,
) -> apcsmart_result {
    look(session, |content| {
        Out::new(link)?.put(content.session.link().into());
        Ok(())
    })
}

/// When the UPS last gave a valid answer, on your clock. No reading is newer.
///
/// Errors: NOT_FOUND when it never did; NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_last_heard(
    session: *const apcsmart_session,
    heard_ms: *mut u64,
) -> apcsmart_result {
    look(session, |content| {
        let out = Out::new(heard_ms)?;
        out.put(content.session.last_heard().ok_or(apcsmart_result::NOT_FOUND)?.as_millis());
        Ok(())
    })
}

/// Orders a command by its name, such as "test.battery.start"; letter case does not matter. `*ticket` names the order in
/// its `APCSMART_EVENT_DONE`. One order at a time.
///
/// `argument` is NULL, but for "shutdown.return": how many times six minutes to stay off in addition, "0" to "999".
/// `danger` is `APCSMART_DANGER_NONE`, or `APCSMART_DANGER_CONFIRMED` for commands that can take power from the load.
///
/// Errors, after which nothing was sent and `apcsmart_session_last_refusal` has a sentence for a person: UNKNOWN_COMMAND,
/// NOT_ON_THIS_UPS, NEEDS_CONFIRMATION, INVALID_COMMAND_ARGUMENT, BUSY, NOT_CONNECTED, NOT_DISCOVERED. Also INVALID_ARGUMENT,
/// NULL_POINTER, TOO_LONG, INVALID_UTF8 and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_run(
    session: *mut apcsmart_session,
    now_ms: u64,
    name: *const c_char,
    argument: *const c_char,
    danger: u32,
    ticket: *mut u64,
) -> apcsmart_result {
    change(session, |content| {
        let out = Out::new(ticket)?;
        let (now, danger) = (moment(now_ms)?, apcsmart_danger::read(danger)?);
        let (name, argument) = (text::read(name)?, text::read_optional(argument)?);
        let taken = content.session.run(now, name, argument, danger);
        out.put(content.note(taken)?);
        Ok(())
    })
}

/// Orders a setting by its name, with a value as its reading shows it. `*ticket` names the order in its
/// `APCSMART_EVENT_DONE`. One order at a time.
///
/// Errors, after which nothing was sent and `apcsmart_session_last_refusal` has a sentence for a person: UNKNOWN_SETTING,
/// READ_ONLY, INVALID_VALUE, BUSY, NOT_CONNECTED, NOT_DISCOVERED. Also INVALID_ARGUMENT, NULL_POINTER, TOO_LONG, INVALID_UTF8 and those
/// of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_set(
    session: *mut apcsmart_session,
    now_ms: u64,
    name: *const c_char,
    value: *const c_char,
    ticket: *mut u64,
) -> apcsmart_result {
    change(session, |content| {
        let out = Out::new(ticket)?;
        let now = moment(now_ms)?;
        let taken = content.session.set(now, text::read(name)?, text::read(value)?);
        out.put(content.note(taken)?);
        Ok(())
    })
}

/// Why the last order was not taken, as a sentence in English; NULL when the last order was taken or there was none, and
/// for a handle that can not be used. It is lent: it lives until the next call that takes the session without `const`.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_last_refusal(session: *const apcsmart_session) -> *const c_char {
    let mut found = std::ptr::null();
    look(session, |content| {
        if let Some(refusal) = &content.refusal {
            found = content.texts.passing(Topic::Problem, || refusal.clone());
        }
        Ok(())
    });
    found
}

impl Conversation {
    fn note(&mut self, taken: Result<Ticket, Refusal>) -> Checked<u64> {
        self.refusal = taken.as_ref().err().map(Refusal::to_string);
        match taken {
            Ok(ticket) => Ok(ticket.number()),
            Err(refusal) => Err((&refusal).into()),
        }
    }
}

/// The caller's clock. The end of time is no moment: a session that was told so could never wait again.
fn moment(ms: u64) -> Checked<Time> {
    if ms == APCSMART_NEVER { Err(apcsmart_result::INVALID_ARGUMENT) } else { Ok(Time::from_millis(ms)) }
}
