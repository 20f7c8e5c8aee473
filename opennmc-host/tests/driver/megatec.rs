//! A UPS that speaks the Megatec protocol, on a TCP port and a thread of its own.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct State {
    heard: Vec<String>,
    on_battery: bool,
    tests: bool,
    silent: bool,
    deaf_to: &'static str,
}

/// It serves one connection, until that closes.
pub(crate) struct Megatec {
    address: std::net::SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Megatec {
    pub(crate) fn start() -> Megatec {
        Megatec::deaf_to("nothing")
    }

    /// Takes this order and does nothing.
    pub(crate) fn deaf_to(order: &'static str) -> Megatec {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { deaf_to: order, ..State::default() }));
        let own = Arc::clone(&state);
        std::thread::spawn(move || {
            if let Ok((stream, _)) = listener.accept() {
                serve(stream, &own);
            }
        });
        Megatec { address, state }
    }

    pub(crate) fn port(&self) -> String {
        format!("tcp://{}", self.address)
    }

    pub(crate) fn heard(&self) -> Vec<String> {
        self.state.lock().unwrap().heard.clone()
    }

    pub(crate) fn fail_mains(&self) {
        self.state.lock().unwrap().on_battery = true;
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let mut line = String::new();
    let mut byte = [0];
    while let Ok(1) = stream.read(&mut byte) {
        if byte[0] != b'\r' {
            line.push(char::from(byte[0]));
            continue;
        }
        let order = std::mem::take(&mut line);
        let mut state = state.lock().unwrap();
        if order != state.deaf_to {
            match order.as_str() {
                "T" => state.tests = true,
                "CT" => state.tests = false,
                "Q" => state.silent = !state.silent,
                _ => {}
            }
        }
        let bit = |set: bool| if set { '1' } else { '0' };
        let answer = format!(
            "({} 000.0 230.1 034 50.1 13.6 25.0 {}0000{}0{}\r",
            if state.on_battery { "000.0" } else { "229.5" },
            bit(state.on_battery),
            bit(state.tests),
            bit(!state.silent),
        );
        let asked = order == "Q1";
        state.heard.push(order);
        drop(state);
        if asked && stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
