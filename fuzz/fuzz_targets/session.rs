//! Any bytes at any times, any orders between them.
//!
//! Whatever comes: nothing that can ruin a unit is sent, nothing that takes power from the load is sent without being
//! ordered, every order ends once, and the session never spins.

#![no_main]

use std::collections::BTreeSet;
use std::time::Duration;

use apcsmart::table::{COMMANDS, Code, Hazard, INSTANT_COMMANDS, VARIABLES};
use apcsmart::{Danger, Event, Output, Session, SessionConfig, Ticket, Time};
use libfuzzer_sys::fuzz_target;

/// More outputs without time passing is spinning.
const MOST_OUTPUTS: usize = 10_000;
/// Deadlines at one moment in a row.
const MOST_AT_ONCE: usize = 64;

struct Watched {
    session: Session,
    now: Time,
    deadline: Time,
    at_once: usize,
    open: BTreeSet<Ticket>,
    /// An order with danger was given: its bytes, and the digits and letters of its argument, may be sent.
    ordered: bool,
}

impl Watched {
    fn drain(&mut self) {
        for _ in 0..MOST_OUTPUTS {
            match self.session.poll_output() {
                Output::Transmit(bytes) => self.sent(&bytes),
                Output::Event(Event::Done { ticket, .. }) => {
                    assert!(self.open.remove(&ticket), "an order ends once");
                }
                Output::Event(_) => {}
                Output::Timeout(at) => {
                    self.deadline = at;
                    return;
                }
            }
        }
        panic!("the session never comes to rest");
    }

    fn sent(&self, bytes: &[u8]) {
        assert!(!bytes.is_empty());
        if self.ordered {
            return;
        }
        let code = match bytes {
            [byte] => Code::one(*byte),
            [prefix, sub] => Code::two(*prefix, *sub),
            _ => panic!("{bytes:02X?} is no command"),
        };
        let row = COMMANDS.iter().find(|row| row.code == code);
        let hazard = row.unwrap_or_else(|| panic!("{code} is not in the table")).hazard;
        assert!(matches!(hazard, Hazard::ReadOnly | Hazard::Link), "{code} was sent and nobody ordered it");
        assert_ne!(code, Code::one(b'R'), "smart mode is never left");
    }

    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.deadline <= end {
            self.at_once = if self.deadline <= self.now { self.at_once + 1 } else { 0 };
            assert!(self.at_once < MOST_AT_ONCE, "the session spins");
            self.now = self.now.max(self.deadline);
            self.session.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }
}

fuzz_target!(|data: &[u8]| {
    let mut watched = Watched {
        session: Session::new(SessionConfig::default()),
        now: Time::from_millis(1000),
        deadline: Time::NEVER,
        at_once: 0,
        open: BTreeSet::new(),
        ordered: false,
    };
    watched.session.handle_open(watched.now);
    watched.drain();
    let mut rest = data;
    while let [what, much, after @ ..] = rest {
        let take = usize::from(*much).min(after.len());
        rest = after;
        match what % 8 {
            // Most of the time: bytes, as many as `much` says.
            0..=3 => {
                watched.session.handle_input(watched.now, &after[..take]);
                rest = &after[take..];
            }
            4 => watched.pass(Duration::from_millis(u64::from(*much) * 4)),
            5 => {
                let command = &INSTANT_COMMANDS[usize::from(*much) % INSTANT_COMMANDS.len()];
                let danger = if what & 8 == 0 { Danger::None } else { Danger::Confirmed };
                if let Ok(ticket) = watched.session.run(watched.now, command.name, None, danger) {
                    watched.ordered = true;
                    assert!(watched.open.insert(ticket));
                }
            }
            6 => {
                let row = &VARIABLES[usize::from(*much) % VARIABLES.len()];
                let info = watched.session.variable_info(row.names[0]);
                let value = info.and_then(|info| info.choices.last().cloned()).unwrap_or_else(|| "7".into());
                if let Ok(ticket) = watched.session.set(watched.now, row.names[0], &value) {
                    watched.ordered = true;
                    assert!(watched.open.insert(ticket));
                }
            }
            _ => {
                watched.session.handle_close(watched.now);
                watched.drain();
                watched.session.handle_open(watched.now);
            }
        }
        watched.drain();
        // 2400 baud: time passes with every byte.
        watched.pass(Duration::from_millis(5 * take as u64));
    }
    watched.session.handle_close(watched.now);
    watched.drain();
    assert!(watched.open.is_empty(), "every order ends");
});
