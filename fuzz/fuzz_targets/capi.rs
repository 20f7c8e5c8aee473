//! Any calls of the C interface, in any order, with any text and numbers.
//!
//! Whatever comes: no call panics, a NULL pointer is an error and no crash, every text that is lent can be read to its end
//! until the next changing call, and what the calls give fits together.

#![no_main]

use std::ffi::{CStr, CString, c_char};
use std::ptr::{null, null_mut};

use apcsmart::capi::command::*;
use apcsmart::capi::config::*;
use apcsmart::capi::quality::*;
use apcsmart::capi::reading::*;
use apcsmart::capi::result::apcsmart_result;
use apcsmart::capi::session::*;
use apcsmart::capi::setting::*;
use apcsmart::capi::status::*;
use libfuzzer_sys::fuzz_target;

use apcsmart_result::{NOT_FOUND, NULL_POINTER, OK, PANIC, WRONG_HANDLE};

/// More outputs without time passing is spinning.
const MOST_OUTPUTS: usize = 10_000;
/// Names that calls are made with beside those in the input.
const NAMES: [&str; 8] = [
    "ups.delay.shutdown",
    "ups.id",
    "input.sensitivity",
    "shutdown.return",
    "load.off",
    "test.battery.start",
    "beeper.enable",
    "battery.charge",
];

/// What a UPS answers, so that calls meet a session that knows one.
const ANSWERS: [(u8, &[u8]); 16] = [
    (b'Y', b"SM"),
    (b'Q', b"08"),
    (b'a', b"3.!$%+?=#|.\x01\x1a'+-78@ABCDEFGKLOPQSUWXYZabcefgjklnopqrsux~\x7f"),
    (b'b', b"60.11.I"),
    (0x01, b"Smart-UPS 1500 "),
    (b'B', b"27.60"),
    (b'c', b"RACK_A  "),
    (b'f', b"100.0"),
    (b'j', b"0042:"),
    (b'k', b"0"),
    (b'n', b"NS9842\0\0"),
    (b'p', b"020"),
    (b's', b"H"),
    (b'x', b"11/17/98"),
    (b'-', b"OK"),
    (0x1A, b"#s441HMLLp443020180300600k4410TLN"),
];

/// What a call gave, if it is one that calls may give.
fn given(code: apcsmart_result) -> apcsmart_result {
    assert_ne!(code, PANIC, "a call panicked");
    assert_ne!(code, WRONG_HANDLE, "the handle is a good one");
    code
}

/// The length of a lent text, which must end and be UTF-8.
fn read(text: *const c_char) -> usize {
    assert!(!text.is_null(), "lent texts are never NULL");
    // SAFETY: the header promises a text that ends with NUL and lives until the next changing call; none was made since.
    unsafe { CStr::from_ptr(text) }.to_str().expect("lent texts are UTF-8").len()
}

fn check(texts: impl IntoIterator<Item = *const c_char>) {
    for text in texts {
        read(text);
    }
}

/// A value that a call fills in.
fn filled<T>(call: impl FnOnce(*mut T) -> apcsmart_result) -> Result<T, apcsmart_result> {
    let mut place = std::mem::MaybeUninit::<T>::uninit();
    match given(call(place.as_mut_ptr())) {
        // SAFETY: the header promises that the value is written when the call gives OK.
        OK => Ok(unsafe { place.assume_init() }),
        code => Err(code),
    }
}

struct Caller {
    session: *mut apcsmart_session,
    now: u64,
    deadline: u64,
    /// The byte that was sent last.
    asked: Option<u8>,
}

impl Caller {
    fn new(spacing: u32) -> Caller {
        let config = filled(|out| apcsmart_config_new(out)).expect("a configuration can be made");
        given(apcsmart_config_set_spacing(config, spacing));
        let session = filled(|out| apcsmart_session_new(config, out)).expect("a session can be made");
        apcsmart_config_free(config);
        Caller { session, now: 1000, deadline: APCSMART_NEVER, asked: None }
    }

    fn drain(&mut self, capacity: usize) {
        let mut buffer = [0; APCSMART_TRANSMIT_MAX];
        let capacity = capacity.min(buffer.len());
        for _ in 0..MOST_OUTPUTS {
            let polled =
                filled(|out| apcsmart_session_poll_output(self.session, buffer.as_mut_ptr(), capacity, out));
            let Ok(output) = polled else { return };
            match output.kind {
                apcsmart_output_kind::APCSMART_OUTPUT_TRANSMIT => {
                    assert!((1..=capacity).contains(&output.length));
                    self.asked = Some(buffer[output.length - 1]);
                }
                apcsmart_output_kind::APCSMART_OUTPUT_EVENT => {
                    check([output.event.name, output.event.text, output.event.unit]);
                }
                apcsmart_output_kind::APCSMART_OUTPUT_TIMEOUT => {
                    self.deadline = output.deadline_ms;
                    return;
                }
            }
        }
        panic!("the session never comes to rest");
    }

    /// The UPS answers so many questions: `NA` to what it does not know.
    fn answer(&mut self, questions: u8) {
        for _ in 0..questions {
            if let Some(asked) = self.asked.take() {
                let known = ANSWERS.iter().find(|(byte, _)| *byte == asked);
                let line = [known.map_or(b"NA".as_slice(), |(_, answer)| answer), b"\r\n"].concat();
                let (bytes, length) = (line.as_ptr(), line.len());
                given(apcsmart_session_handle_input(self.session, self.now, bytes, length));
                self.drain(APCSMART_TRANSMIT_MAX);
            } else {
                self.pass(self.deadline.saturating_sub(self.now).min(1000));
            }
        }
    }

    fn pass(&mut self, milliseconds: u64) {
        let end = self.now + milliseconds;
        for _ in 0..MOST_OUTPUTS {
            if self.deadline > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(self.deadline);
            given(apcsmart_session_handle_timeout(self.session, self.now));
            self.drain(APCSMART_TRANSMIT_MAX);
        }
        panic!("the session spins");
    }

    /// Whatever can be asked. The texts of all answers live side by side: asking changes nothing.
    fn look(&self) {
        let session = self.session;
        let mut lent = Vec::new();
        let count = filled(|out| apcsmart_session_reading_count(session, out)).expect("it can be counted");
        for index in 0..=count {
            match filled(|out| apcsmart_session_reading_at(session, index, out)) {
                Ok(reading) => {
                    assert_eq!(reading.is_number, !reading.number.is_nan());
                    lent.extend([reading.name, reading.text, reading.unit]);
                }
                Err(code) => assert_eq!((code, index), (NOT_FOUND, count)),
            }
        }
        let count = filled(|out| apcsmart_session_command_count(session, out)).expect("it can be counted");
        for index in 0..=count {
            match filled(|out| apcsmart_session_command_at(session, index, out)) {
                Ok(command) => lent.extend([command.name, command.meaning]),
                Err(code) => assert_eq!((code, index), (NOT_FOUND, count)),
            }
        }
        let count = filled(|out| apcsmart_session_setting_count(session, out)).expect("it can be counted");
        for index in 0..=count {
            match filled(|out| apcsmart_session_setting_at(session, index, out)) {
                Ok(setting) => {
                    lent.extend([setting.name, setting.unit]);
                    for choice in 0..setting.choice_count {
                        let text =
                            filled(|out| apcsmart_session_choice_at(session, setting.name, choice, out));
                        lent.push(text.expect("as many as it says"));
                    }
                }
                Err(code) => assert_eq!((code, index), (NOT_FOUND, count)),
            }
        }
        check(lent);
        filled(|out| apcsmart_session_quality(session, out)).expect("it is always known");
        filled(|out| apcsmart_session_link(session, out)).expect("it is always known");
        let _ = filled(|out| apcsmart_session_status(session, out)).inspect(|status| {
            let mut text = [0; 16];
            given(apcsmart_status_text(*status, text.as_mut_ptr(), text.len()));
        });
        if let Ok(heard) = filled(|out| apcsmart_session_last_heard(session, out)) {
            assert!(heard <= self.now);
        }
    }

    fn look_up(&self, name: *const c_char) {
        let session = self.session;
        if let Ok(reading) = filled(|out| apcsmart_session_reading(session, name, out)) {
            check([reading.name, reading.text, reading.unit]);
        }
        let _ = filled(|out| apcsmart_session_number(session, name, out));
        let _ = filled(|out| apcsmart_session_text(session, name, out)).map(read);
        let _ = filled(|out| apcsmart_session_command(session, name, out)).map(|found| read(found.meaning));
        let _ = filled(|out| apcsmart_session_setting(session, name, out)).map(|found| read(found.unit));
    }

    fn order(&mut self, name: *const c_char, argument: *const c_char, danger: u32, sets: bool) {
        let taken = filled(|out| match sets {
            true => apcsmart_session_set(self.session, self.now, name, argument, out),
            false => apcsmart_session_run(self.session, self.now, name, argument, danger, out),
        });
        let refusal = apcsmart_session_last_refusal(self.session);
        match taken {
            Ok(ticket) => assert!(ticket > 0 && refusal.is_null(), "a taken order has no refusal"),
            Err(_) if refusal.is_null() => {}
            Err(_) => assert!(read(refusal) > 0),
        }
    }

    /// NULL where none may be.
    fn misuse(&mut self) {
        let (session, now) = (self.session, self.now);
        let codes = [
            apcsmart_session_new(null(), null_mut()),
            apcsmart_session_handle_open(null_mut(), now),
            apcsmart_session_handle_input(session, now, null(), 1),
            apcsmart_session_poll_output(session, null_mut(), 0, null_mut()),
            apcsmart_session_run(session, now, null(), null(), 0, null_mut()),
            apcsmart_session_set(session, now, null(), null(), null_mut()),
            apcsmart_session_reading(session, null(), null_mut()),
            apcsmart_session_quality(session, null_mut()),
            apcsmart_session_status(null(), null_mut()),
        ];
        assert!(codes.into_iter().all(|code| code == NULL_POINTER), "{codes:?}");
        apcsmart_session_free(null_mut());
    }
}

/// The bytes before the first NUL, as C would pass them: UTF-8 or not.
fn c_text(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    CString::new(&bytes[..end]).expect("it has no NUL")
}

fuzz_target!(|data: &[u8]| {
    let [first, data @ ..] = data else { return };
    let mut caller = Caller::new(u32::from(*first >> 4) * 100);
    given(apcsmart_session_handle_open(caller.session, caller.now));
    caller.drain(APCSMART_TRANSMIT_MAX);
    let mut rest = data;
    while let [what, much, after @ ..] = rest {
        let take = usize::from(*much).min(after.len());
        rest = after;
        match what % 10 {
            // Most of the time: bytes, as many as `much` says.
            0..=2 => {
                given(apcsmart_session_handle_input(caller.session, caller.now, after.as_ptr(), take));
                rest = &after[take..];
                caller.drain(APCSMART_TRANSMIT_MAX);
                // 2400 baud: time passes with every byte.
                caller.pass(5 * take as u64);
            }
            3 => caller.answer(*much),
            4 => caller.pass(u64::from(*much) * 4),
            5 => {
                let text = c_text(&after[..take]);
                rest = &after[take..];
                caller.look_up(text.as_ptr());
                caller.order(text.as_ptr(), text.as_ptr(), 1, what & 16 == 0);
            }
            6 => {
                let name = CString::new(NAMES[usize::from(*much) % NAMES.len()]).expect("it has no NUL");
                let text = c_text(&after[..after.len().min(3)]);
                let argument = if what & 32 == 0 { null() } else { text.as_ptr() };
                let sets = what & 16 == 0 && !argument.is_null();
                caller.order(name.as_ptr(), argument, u32::from(what & 64 == 0), sets);
            }
            7 => caller.look(),
            8 => caller.drain(usize::from(*much)),
            _ if what & 16 == 0 => caller.misuse(),
            _ => {
                given(apcsmart_session_handle_close(caller.session, caller.now));
                caller.drain(APCSMART_TRANSMIT_MAX);
                given(apcsmart_session_handle_open(caller.session, caller.now));
            }
        }
        caller.drain(APCSMART_TRANSMIT_MAX);
    }
    caller.look();
    apcsmart_session_free(caller.session);
});
