//! A guest that behaves as its configuration says.
//!
//! `on-start` of the configuration is the behaviour at start; over TCP each line is a command that is echoed, obeyed or
//! answered. The configuration is searched for words and not parsed: these guests stay small.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hint::black_box;

wit_bindgen::generate!({
    inline: "package fixture:actor; world actor {
        import opennmc:plugin/log@0.1.0;
        import opennmc:plugin/clock@0.1.0;
        import opennmc:plugin/ups@0.1.0;
        import opennmc:plugin/timers@0.1.0;
        import opennmc:plugin/tcp@0.1.0;
        export opennmc:plugin/lifecycle@0.1.0;
        export opennmc:plugin/events@0.1.0;
        export opennmc:plugin/timer-events@0.1.0;
        export opennmc:plugin/tcp-events@0.1.0;
    }",
    path: "../../../wit",
    world: "fixture:actor/actor",
    generate_all,
});

use exports::opennmc::plugin::tcp_events::{Inbound, Outbound};
use exports::opennmc::plugin::{events, lifecycle, tcp_events, timer_events};
use opennmc::plugin::{clock, log, tcp, timers, ups};

thread_local! {
    static CONFIG: RefCell<String> = const { RefCell::new(String::new()) };
    static PARTIAL: RefCell<HashMap<u64, Vec<u8>>> = RefCell::default();
    static EVENTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static TIMED: RefCell<HashMap<u64, u64>> = RefCell::default();
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static CLOSED: Cell<u64> = const { Cell::new(0) };
}

struct Actor;

impl lifecycle::Guest for Actor {
    fn start(config: String) -> Result<(), String> {
        log::write(log::Level::Info, &format!("starting with {config}"));
        let behaviour = config.clone();
        CONFIG.set(config);
        if behaviour.contains("\"refuse\"") {
            return Err("no reason\nto start".to_owned());
        }
        for word in ["trap", "spin", "allocate", "recurse", "descend"] {
            if behaviour.contains(&format!("\"{word}\"")) {
                misbehave(word);
            }
        }
        Ok(())
    }

    fn stop() {}
}

impl events::Guest for Actor {
    fn on_event(event: events::Event) {
        EVENTS.with_borrow_mut(|events| events.push(event.kind));
    }
}

impl timer_events::Guest for Actor {
    fn on_timer(timer: u64) {
        if let Some(connection) = TIMED.with_borrow_mut(|timed| timed.remove(&timer)) {
            let _ = tcp::send(connection, b"rang\n");
        }
    }
}

impl tcp_events::Guest for Actor {
    fn on_accept(listener: String, connection: u64, peer: String) -> Result<(), String> {
        if listener == "shut" {
            return Err(format!("nobody comes in, not even {peer}"));
        }
        PARTIAL.with_borrow_mut(|partial| partial.insert(connection, Vec::new()));
        Ok(())
    }

    fn on_data(batch: Vec<Inbound>) -> Vec<Outbound> {
        CALLS.set(CALLS.get() + 1);
        batch.into_iter().map(answer).collect()
    }

    fn on_closed(connection: u64, _reason: String) {
        CLOSED.set(CLOSED.get() + 1);
        PARTIAL.with_borrow_mut(|partial| partial.remove(&connection));
    }
}

fn answer(inbound: Inbound) -> Outbound {
    let connection = inbound.connection;
    let mut pending = PARTIAL.with_borrow_mut(|partial| partial.remove(&connection)).unwrap_or_default();
    pending.extend(inbound.bytes);
    let mut bytes = Vec::new();
    let mut close = false;
    while let Some(end) = pending.iter().position(|&byte| byte == b'\n') {
        let line = String::from_utf8_lossy(&pending[..end]).into_owned();
        pending.drain(..=end);
        close |= obey(connection, &line, &mut bytes);
    }
    PARTIAL.with_borrow_mut(|partial| partial.insert(connection, pending));
    Outbound { connection, bytes, close }
}

/// Answers one line; whether the connection ends with it.
fn obey(connection: u64, line: &str, bytes: &mut Vec<u8>) -> bool {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let text = match word {
        "quit" => return true,
        "trap" | "spin" | "allocate" | "recurse" | "descend" => {
            misbehave(word);
            return false;
        }
        "flood" => {
            let count = rest.parse::<usize>().unwrap_or(0);
            // Exactly, with the newline: doubling would need more memory than the guest has.
            bytes.reserve_exact(count + 1);
            bytes.resize(bytes.len() + count, b'x');
            String::new()
        }
        "send" => match tcp::send(connection, &vec![b'y'; rest.parse().unwrap_or(0)]) {
            Ok(()) => "sent".to_owned(),
            Err(error) => format!("{error:?}"),
        },
        "grow" => match core::arch::wasm32::memory_grow(0, rest.parse().unwrap_or(0)) {
            usize::MAX => "refused".to_owned(),
            _ => "grown".to_owned(),
        },
        "timer" => match timers::after(rest.parse().unwrap_or(0)) {
            Ok(timer) => {
                TIMED.with_borrow_mut(|timed| timed.insert(timer, connection));
                "set".to_owned()
            }
            Err(error) => format!("{error:?}"),
        },
        "uptime" => clock::uptime_ms().to_string(),
        "generation" => ups::generation().to_string(),
        "devices" => format!("{:?}", ups::devices()),
        "get" => match ups::variables(rest) {
            None => "none".to_owned(),
            Some(all) => all.iter().map(|v| format!("{}={} ", v.name, v.value)).collect(),
        },
        "describe" => format!("{:?}", ups::describe_variable(rest)),
        "config" => CONFIG.with_borrow(String::clone),
        "events" => EVENTS.with_borrow(|events| events.join(" ")),
        "calls" => CALLS.get().to_string(),
        "closed" => CLOSED.get().to_string(),
        "log" => {
            log::write(log::Level::Warn, rest);
            "logged".to_owned()
        }
        _ => line.to_owned(),
    };
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(b'\n');
    false
}

fn misbehave(how: &str) {
    match how {
        "trap" => deliberate_trap(),
        "spin" => loop {
            black_box(0);
        },
        "allocate" => {
            let mut all = Vec::new();
            loop {
                all.push(black_box(vec![1u8; 64 << 10]));
            }
        }
        "recurse" => {
            black_box(recurse(black_box(1)));
        }
        _ => {
            black_box(descend(black_box(u64::MAX)));
        }
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
fn deliberate_trap() {
    core::arch::wasm32::unreachable()
}

/// Overflows the guest's own stack, which is a part of its memory: `black_box` needs an address.
#[allow(unconditional_recursion, reason = "the overflow is what is wanted")]
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    recurse(black_box(depth + 1)) + black_box(depth)
}

/// Overflows the engine's stack: all it has is in registers.
#[inline(never)]
fn descend(depth: u64) -> u64 {
    if depth == 0 { 0 } else { descend(depth - 1).rotate_left(1) ^ depth }
}

export!(Actor);
