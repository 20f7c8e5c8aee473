//! The C interface of native drivers: what `include/opennmc_driver.h` declares.
//!
//! Types only. Doc comments are written for C programmers: they are the text of the header, which `cargo xtask headers`
//! makes. Numbers that C sees are never used again for something else; structures grow at their end, and carry their
//! size so that each side knows what the other has.

#![allow(non_camel_case_types)] // the names are C's

use std::ffi::{c_char, c_void};

/// The version of this interface. A driver built for another one is refused.
pub const OPENNMC_DRIVER_ABI: u32 = 1;

/// "No deadline", in milliseconds.
pub const OPENNMC_NEVER: u64 = u64::MAX;

/// How an order ended, or that it has not yet.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum opennmc_result {
    /// It was begun; its end will be told with opennmc_host.done.
    Pending = 0,
    /// A setting was written and reads back as ordered.
    Verified = 1,
    /// The UPS accepted it and its effect was seen.
    Executed = 2,
    /// The UPS accepted it; its effect can't be seen, or not yet.
    Accepted = 3,
    /// The setting had this value already.
    Unchanged = 4,
    /// The UPS, or its state, forbids it.
    Refused = 5,
    /// This UPS has no such command or variable.
    Unsupported = 6,
    /// The value or the argument does not fit.
    Invalid = 7,
    /// It interrupts the load and was not confirmed.
    Unconfirmed = 8,
    /// The UPS accepted it and no effect was seen in the time it should have taken.
    NoEffect = 9,
    /// No answer came: whether it was done is not known.
    TimedOut = 10,
    /// There is no contact with the UPS; nothing was sent.
    Stale = 11,
}

/// Which values a variable takes.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum opennmc_kind {
    /// Text; opennmc_reading.max_length bytes at most when it is set.
    Text = 0,
    /// A decimal number.
    Number = 1,
    /// One of opennmc_reading.choices.
    Choice = 2,
}

/// How important a line of the log is.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum opennmc_level {
    /// Something failed.
    Error = 0,
    /// Something is odd.
    Warn = 1,
    /// For the record.
    Info = 2,
    /// For whoever looks for a fault.
    Debug = 3,
}

/// A variable and its value.
#[repr(C)]
#[derive(Debug)]
pub struct opennmc_reading {
    /// sizeof(opennmc_reading).
    pub size: usize,
    /// NUT's name, such as "battery.charge". Not NULL.
    pub name: *const c_char,
    /// As NUT clients read it, such as "87.5". UTF-8. Not NULL.
    pub value: *const c_char,
    /// An opennmc_kind.
    pub kind: u32,
    /// Whether opennmc_driver.set takes it: 0 or 1.
    pub settable: u32,
    /// The longest text that can be set, in bytes; 0 when it can't be set or is no text.
    pub max_length: u32,
    /// How many choices there are; 0 unless kind is OPENNMC_KIND_CHOICE.
    pub choice_count: u32,
    /// The choices, in the UPS's own order. May be NULL when there are none.
    pub choices: *const *const c_char,
}

/// What the host does for a driver. It is valid from opennmc_driver.create until opennmc_driver.destroy returned.
///
/// Its functions may be called only from within a call of the driver, on the thread of that call: the host does what they
/// ask for when the driver has returned. They copy what they are given and never fail.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct opennmc_host {
    /// sizeof(opennmc_host) of the host, at least that of this header.
    pub size: usize,
    /// The first argument of every function below.
    pub context: *mut c_void,
    /// Sends bytes to the UPS, all of them, in order.
    pub transmit: unsafe extern "C" fn(context: *mut c_void, bytes: *const u8, length: usize),
    /// The UPS gave a valid answer. Call it before the readings that came with the answer; without it the data becomes
    /// stale.
    pub heard: unsafe extern "C" fn(context: *mut c_void),
    /// A variable has this value now. "ups.status", with NUT's tokens such as "OL CHRG", is the one that counts: nothing is
    /// shown before it is known.
    pub reading: unsafe extern "C" fn(context: *mut c_void, reading: *const opennmc_reading),
    /// A variable is no longer known.
    pub withdrawn: unsafe extern "C" fn(context: *mut c_void, name: *const c_char),
    /// These are the commands that opennmc_driver.run takes, by NUT's names.
    pub commands: unsafe extern "C" fn(context: *mut c_void, names: *const *const c_char, count: usize),
    /// Every variable was read since opennmc_driver.handle_open: what was not is forgotten.
    pub complete: unsafe extern "C" fn(context: *mut c_void),
    /// What seems to be on the line instead of a UPS: a sentence for a person.
    pub diagnosis: unsafe extern "C" fn(context: *mut c_void, text: *const c_char),
    /// An order that opennmc_driver.run or .set left pending has ended with this opennmc_result. The text says more,
    /// or is NULL.
    pub done: unsafe extern "C" fn(context: *mut c_void, ticket: u64, result: u32, text: *const c_char),
    /// A line for the host's log, with an opennmc_level.
    pub log: unsafe extern "C" fn(context: *mut c_void, level: u32, text: *const c_char),
}

/// A driver: what opennmc_driver_entry gives a pointer to. It must be there, unchanged, for as long as the process lives:
/// a library is never unloaded.
///
/// All functions are called on the host's main thread, one at a time, and none may be NULL. None may wait for anything: every
/// UPS of the host waits with it. Times are milliseconds of a clock that never goes back. A driver in C++ or Rust must let no
/// exception and no panic out of its functions.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct opennmc_driver {
    /// OPENNMC_DRIVER_ABI.
    pub abi: u32,
    /// sizeof(opennmc_driver), of the header that the driver was built with.
    pub size: u32,
    /// What NUT clients read as driver.name: letters, digits and "-". Not NULL.
    pub name: Option<unsafe extern "C" fn() -> *const c_char>,
    /// Makes the state of one UPS. `options` is a JSON object: `driver-options` of the UPS in the configuration. Gives NULL when
    /// an option is wrong, after saying in the log which.
    pub create:
        Option<unsafe extern "C" fn(host: *const opennmc_host, options: *const c_char) -> *mut c_void>,
    /// Frees what create made.
    pub destroy: Option<unsafe extern "C" fn(driver: *mut c_void)>,
    /// The port has just been opened: 2400 baud, 8 bits, no parity, raw.
    pub handle_open: Option<unsafe extern "C" fn(driver: *mut c_void, now_ms: u64)>,
    /// The port is gone. Orders that are pending end as OPENNMC_RESULT_TIMED_OUT; do not report them.
    pub handle_close: Option<unsafe extern "C" fn(driver: *mut c_void, now_ms: u64)>,
    /// These bytes came in: any number of them, not lines.
    pub handle_input:
        Option<unsafe extern "C" fn(driver: *mut c_void, now_ms: u64, bytes: *const u8, length: usize)>,
    /// The deadline was reached. It may also be called earlier or later.
    pub handle_timeout: Option<unsafe extern "C" fn(driver: *mut c_void, now_ms: u64)>,
    /// When handle_timeout has to be called, or OPENNMC_NEVER. Asked for after each of the calls above and below.
    pub deadline: Option<unsafe extern "C" fn(driver: *const c_void) -> u64>,
    /// Begins a command. `argument` may be NULL. `danger_confirmed` is 1 when a person wants the load to be interrupted. Gives
    /// an opennmc_result; with OPENNMC_RESULT_PENDING the end is told with the ticket.
    pub run: Option<
        unsafe extern "C" fn(
            driver: *mut c_void,
            now_ms: u64,
            ticket: u64,
            command: *const c_char,
            argument: *const c_char,
            danger_confirmed: u32,
        ) -> u32,
    >,
    /// Begins to set a variable, as run does a command.
    pub set: Option<
        unsafe extern "C" fn(
            driver: *mut c_void,
            now_ms: u64,
            ticket: u64,
            variable: *const c_char,
            value: *const c_char,
        ) -> u32,
    >,
}

/// What a driver's library exports under the name `opennmc_driver_entry`.
pub type opennmc_driver_entry_function = Option<unsafe extern "C" fn() -> *const opennmc_driver>;
