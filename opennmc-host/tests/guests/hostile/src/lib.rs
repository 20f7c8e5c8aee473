//! A guest that does all the harm that it can, again and again: every ten milliseconds what its configuration names.
//!
//! `mode` is searched for and not parsed. Modes that end the instance are resumed by the next one; modes that stay within
//! the limits go on for ever, and those are the worse ones.

use std::cell::{Cell, RefCell};
use std::hint::black_box;

wit_bindgen::generate!({
    inline: "package fixture:hostile; world hostile {
        import opennmc:plugin/log@0.1.0;
        import opennmc:plugin/clock@0.1.0;
        import opennmc:plugin/ups@0.1.0;
        import opennmc:plugin/ups-control@0.1.0;
        import opennmc:plugin/timers@0.1.0;
        import opennmc:plugin/store@0.1.0;
        import opennmc:plugin/bus@0.1.0;
        import opennmc:plugin/tcp@0.1.0;
        import opennmc:plugin/tcp-connect@0.1.0;
        export opennmc:plugin/lifecycle@0.1.0;
        export opennmc:plugin/events@0.1.0;
        export opennmc:plugin/timer-events@0.1.0;
        export opennmc:plugin/control-events@0.1.0;
        export opennmc:plugin/connection-events@0.1.0;
        export opennmc:plugin/tcp-events@0.1.0;
    }",
    path: "../../../wit",
    world: "fixture:hostile/hostile",
    generate_all,
});

use exports::opennmc::plugin::tcp_events::{Inbound, Outbound};
use exports::opennmc::plugin::{
    connection_events, control_events, events, lifecycle, tcp_events, timer_events,
};
use opennmc::plugin::types::Severity;
use opennmc::plugin::{bus, clock, log, store, tcp, tcp_connect, timers, ups, ups_control};

/// Within the time of a call, and most of it.
const BUSY_MS: u64 = 200;

thread_local! {
    static MODE: RefCell<String> = const { RefCell::new(String::new()) };
    static PORT: Cell<u16> = const { Cell::new(0) };
    static HOARD: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static TURN: Cell<u64> = const { Cell::new(0) };
}

struct Hostile;

impl lifecycle::Guest for Hostile {
    fn start(config: String) -> Result<(), String> {
        let after =
            |key: &str| config.split(key).nth(1).unwrap_or("").trim_start_matches(['"', ':', ' ']).to_owned();
        MODE.set(after("\"mode\"").split('"').next().unwrap_or("").to_owned());
        let digits: String = after("\"port\"").chars().take_while(char::is_ascii_digit).collect();
        PORT.set(digits.parse().unwrap_or(0));
        let storm = MODE.with_borrow(|mode| mode == "timers");
        for _ in 0..if storm { 1_000 } else { 1 } {
            if timers::every(10).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn stop() {}
}

impl timer_events::Guest for Hostile {
    fn on_timer(_timer: u64) {
        TURN.set(TURN.get() + 1);
        MODE.with_borrow(|mode| harm(mode));
    }
}

fn harm(mode: &str) {
    match mode {
        "spin" => loop {
            black_box(0);
        },
        "busy" => {
            let end = clock::uptime_ms() + BUSY_MS;
            while clock::uptime_ms() < end {
                for _ in 0..1_000 {
                    black_box(0);
                }
            }
        }
        "host-calls" => loop {
            black_box(ups::devices());
        },
        "memory-bomb" => loop {
            HOARD.with_borrow_mut(|hoard| hoard.push(black_box(Vec::with_capacity(64 << 10))));
        },
        "memory-full" => {
            // All that it may have, and some of it touched again and again.
            HOARD.with_borrow_mut(|hoard| {
                if hoard.is_empty() {
                    hoard.push(vec![0; 256 << 10]);
                    // The engine may move the memory each time: in few steps it stays within a call.
                    for pages in [64, 16, 4, 1] {
                        while core::arch::wasm32::memory_grow(0, pages) != usize::MAX {}
                    }
                }
                for chunk in hoard.iter_mut() {
                    for byte in chunk.iter_mut().step_by(64) {
                        *byte = byte.wrapping_add(1);
                    }
                    black_box(&chunk);
                }
            });
        }
        "stack" => {
            black_box(descend(black_box(u64::MAX)));
        }
        "trap" => core::arch::wasm32::unreachable(),
        "log-flood" => within_the_call(|| log::write(log::Level::Error, &"flood ".repeat(1_000))),
        "event-storm" => within_the_call(|| {
            let fields = [("a".to_owned(), "b".repeat(1_000))];
            let _ = bus::publish("storm", Severity::Critical, "main", &fields);
        }),
        "store-fill" => within_the_call(|| {
            let key = format!("key-{}", clock::uptime_ms() % 1_000);
            let _ = store::set(&key, &vec![7; 8 << 10]);
            let _ = store::set(&key, &vec![7; 1 << 20]);
        }),
        "sockets" => within_the_call(|| {
            let _ = tcp_connect::connect("127.0.0.1", PORT.get(), tcp_connect::Security::Plain);
        }),
        "orders" => within_the_call(|| {
            let _ = ups_control::run(0, "bench", "beeper.mute", None, true);
            let _ = ups_control::run(TURN.get(), "bench", "load.off", None, true);
        }),
        _ => {}
    }
}

/// As often as it can without being stopped for it.
fn within_the_call(mut harm: impl FnMut()) {
    let end = clock::uptime_ms() + BUSY_MS / 2;
    while clock::uptime_ms() < end {
        harm();
    }
}

/// Overflows the engine's stack.
#[inline(never)]
fn descend(depth: u64) -> u64 {
    if depth == 0 { 0 } else { descend(depth - 1).rotate_left(1) ^ depth }
}

impl events::Guest for Hostile {
    fn on_event(_event: events::Event) {}
}

impl control_events::Guest for Hostile {
    fn on_ended(_ticket: u64, _success: bool, _outcome: String, _detail: String) {}
}

impl connection_events::Guest for Hostile {
    fn on_connected(connection: u64) {
        let _ = tcp::send(connection, &vec![b'x'; 64 << 10]);
    }

    fn on_secured(_connection: u64) {}
}

impl tcp_events::Guest for Hostile {
    fn on_accept(_listener: String, _connection: u64, _peer: String) -> Result<(), String> {
        Ok(())
    }

    fn on_data(batch: Vec<Inbound>) -> Vec<Outbound> {
        // Whoever asks gets more than it can take.
        let answer = |inbound: Inbound| Outbound {
            connection: inbound.connection,
            bytes: vec![b'y'; 512 << 10],
            close: false,
        };
        batch.into_iter().map(answer).collect()
    }

    fn on_closed(_connection: u64, _reason: String) {}
}

export!(Hostile);
