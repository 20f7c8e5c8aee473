//! What every function of the C interface answers.

use std::ffi::{CStr, c_char};

use super::boundary::shield;
use crate::operation::Refusal;

/// What became of a call. `APCSMART_RESULT_OK` is zero; everything else means that the call did nothing, or not all.
///
/// Numbers never change their meaning and new ones may be added: treat a number that you do not know as a failure and
/// show `apcsmart_result_text`.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::upper_case_acronyms)] // C's way
pub enum apcsmart_result {
    /// Done.
    OK = 0,
    /// A pointer is NULL where it must not be.
    NULL_POINTER = 1,
    /// A handle is none of this type, or was freed. Found out where it can be; do not rely on it.
    WRONG_HANDLE = 2,
    /// Another thread is inside a call with this handle.
    HANDLE_IN_USE = 3,
    /// The library failed on this handle, by a bug: it can only be freed. The reason was written to standard error.
    PANIC = 4,
    /// A text is not UTF-8.
    INVALID_UTF8 = 5,
    /// A text is longer than 4096 bytes, or a piece of input longer than 1 MiB.
    TOO_LONG = 6,
    /// A buffer has not enough room.
    BUFFER_TOO_SMALL = 7,
    /// A number is out of its range.
    INVALID_ARGUMENT = 8,
    /// There is no such thing, or it is not known yet.
    NOT_FOUND = 9,
    /// The reading is text.
    NOT_A_NUMBER = 10,

    /// No such command exists.
    UNKNOWN_COMMAND = 100,
    /// The command exists, but not on this UPS, or the UPS is not discovered yet.
    NOT_ON_THIS_UPS = 101,
    /// The command can take power from the load: repeat it with `APCSMART_DANGER_CONFIRMED` if that is wanted.
    NEEDS_CONFIRMATION = 102,
    /// The command does not take this argument.
    INVALID_COMMAND_ARGUMENT = 103,
    /// This UPS has no such setting.
    UNKNOWN_SETTING = 104,
    /// It can not be set.
    READ_ONLY = 105,
    /// The setting does not take this value.
    INVALID_VALUE = 106,
    /// Another order is under way: wait for its `APCSMART_EVENT_DONE`.
    BUSY = 107,
    /// No UPS answers.
    NOT_CONNECTED = 108,
    /// The UPS answers, and what it can do is not known yet: wait for `APCSMART_EVENT_DISCOVERED`.
    NOT_DISCOVERED = 109,

    /// The address of a port is malformed.
    INVALID_ADDRESS = 200,
    /// There is no such port.
    NO_SUCH_PORT = 201,
    /// This user may not open the port.
    NO_PERMISSION = 202,
    /// Another program uses the port.
    PORT_IN_USE = 203,
    /// That is no serial port.
    NOT_A_PORT = 204,
    /// The port can not be opened, or its server not be reached, for another reason.
    CANNOT_OPEN = 205,
    /// The port was open and is gone. Close it and open it again.
    HUNG_UP = 206,
    /// The port is open, and no UPS answered in time.
    NO_ANSWER = 207,
    /// The UPS answers, and not everything that was waited for came in time.
    TIMED_OUT = 208,
    /// The order ended, and not well: see its outcome.
    ORDER_FAILED = 209,
    /// The port was never opened.
    NOT_OPEN = 210,
    /// `apcsmart_port_interrupt` ended the wait. Nothing is lost.
    INTERRUPTED = 211,
    /// The port was opened in another process, before a fork, and is used there.
    OTHER_PROCESS = 212,
}

/// What a result means, as a sentence in English. Never NULL; lives for ever. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_result_text(result: u32) -> *const c_char {
    shield(UNKNOWN.as_ptr(), || text_of(result).as_ptr())
}

impl apcsmart_result {
    /// Its sentence.
    pub(super) fn text(self) -> &'static CStr {
        text_of(self as u32)
    }
}

fn text_of(result: u32) -> &'static CStr {
    ALL.iter().find(|(known, _)| *known as u32 == result).map_or(UNKNOWN, |(_, text)| text)
}

const UNKNOWN: &CStr = c"a result that this version of the library does not know";

use apcsmart_result as R;

/// Every result with its text.
const ALL: &[(apcsmart_result, &CStr)] = &[
    (R::OK, c"done"),
    (R::NULL_POINTER, c"a pointer is NULL that must not be"),
    (R::WRONG_HANDLE, c"the handle is of another kind, or was freed"),
    (R::HANDLE_IN_USE, c"another thread is using this handle"),
    (R::PANIC, c"the library failed by a bug; free the handle"),
    (R::INVALID_UTF8, c"a text is not UTF-8"),
    (R::TOO_LONG, c"a text or a piece of input is too long"),
    (R::BUFFER_TOO_SMALL, c"the buffer has not enough room"),
    (R::INVALID_ARGUMENT, c"a number is out of its range"),
    (R::NOT_FOUND, c"there is no such thing, or it is not known yet"),
    (R::NOT_A_NUMBER, c"the reading is text"),
    (R::UNKNOWN_COMMAND, c"there is no such command"),
    (R::NOT_ON_THIS_UPS, c"this UPS does not have the command, or is not discovered yet"),
    (R::NEEDS_CONFIRMATION, c"the command can take power from the load and was not confirmed"),
    (R::INVALID_COMMAND_ARGUMENT, c"the command does not take this argument"),
    (R::UNKNOWN_SETTING, c"this UPS has no such setting"),
    (R::READ_ONLY, c"it can not be set"),
    (R::INVALID_VALUE, c"the setting does not take this value"),
    (R::BUSY, c"another order is under way"),
    (R::NOT_CONNECTED, c"the UPS does not answer"),
    (R::NOT_DISCOVERED, c"what the UPS can do is not known yet"),
    (R::INVALID_ADDRESS, c"the address of the port is malformed"),
    (R::NO_SUCH_PORT, c"there is no such port"),
    (R::NO_PERMISSION, c"no permission to open the port"),
    (R::PORT_IN_USE, c"another program uses the port"),
    (R::NOT_A_PORT, c"that is no serial port"),
    (R::CANNOT_OPEN, c"the port can not be opened"),
    (R::HUNG_UP, c"the port is gone; open it again"),
    (R::NO_ANSWER, c"no UPS answered in time"),
    (R::TIMED_OUT, c"it did not come in time"),
    (R::ORDER_FAILED, c"the order ended, and not well"),
    (R::NOT_OPEN, c"the port was never opened"),
    (R::INTERRUPTED, c"waiting was interrupted"),
    (R::OTHER_PROCESS, c"the port belongs to the process that opened it"),
];

impl From<&Refusal> for apcsmart_result {
    fn from(refusal: &Refusal) -> apcsmart_result {
        match refusal {
            Refusal::UnknownCommand(_) => R::UNKNOWN_COMMAND,
            Refusal::NotOnThisUnit(_) => R::NOT_ON_THIS_UPS,
            Refusal::NeedsConfirmation(_) => R::NEEDS_CONFIRMATION,
            Refusal::InvalidArgument { .. } => R::INVALID_COMMAND_ARGUMENT,
            Refusal::UnknownVariable(_) => R::UNKNOWN_SETTING,
            Refusal::ReadOnly(_) => R::READ_ONLY,
            Refusal::InvalidValue { .. } => R::INVALID_VALUE,
            Refusal::Busy => R::BUSY,
            Refusal::NotConnected => R::NOT_CONNECTED,
            Refusal::NotDiscovered => R::NOT_DISCOVERED,
        }
    }
}
