//! Crowds that mean no good, and one client among them that must not notice. Seeded: the same crowd comes each time.

mod rack;

use nut_server::NutServer;
use nut_server::lexer::MAX_LINE;
use opennmc_plugin::{Inbound, Plugin, SimulatedHost, TcpService};
use rack::{CLIENT, config, rack};

/// What all clients together may make the server hold.
const MOST_HELD: usize = 512 * 1024;
/// Abusers that are here at a time.
const CROWD: u64 = 400;
/// Kinds of abuser; the last few are alike, so that their lines are together more than the server holds.
const KINDS: u64 = 12;
const TURNS: u64 = 6_000;
const HONEST: &[u8] = b"GET VAR main ups.status\n";
const RIGHT: &[u8] = b"VAR main ups.status \"OL\"\n";

/// xorshift64
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 8) % end
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most)).map(|_| self.below(256) as u8).collect()
    }
}

/// What one abuser sends at one time, by the kind of abuser that it is.
fn abuse(random: &mut Random, kind: u64) -> Vec<u8> {
    match kind {
        // Comes and goes.
        0 => Vec::new(),
        // Within a line for ever, or until it is as long as no line is: words, of which none is left out.
        1 => b"GET VAR main \"ups.sta".to_vec(),
        2 | 8.. => format!("{} ", "x".repeat(500)).repeat(random.below(5) as usize).into_bytes(),
        3 => random.bytes(2_048),
        4 => b"STARTTLS\n\x16\x03\x01\x02\x00\x01".to_vec(),
        5 => b"LIST VAR main\n".repeat(random.below(140) as usize),
        // Logs in with a name and a password that are kept until they are needed.
        6 => format!("USERNAME {0}\nPASSWORD {0}\nLOGIN main\n", "y".repeat(400)).into_bytes(),
        7 => b"!@ # \\ \"\" \n=\n\"\n".repeat(random.below(140) as usize),
    }
}

#[test]
fn a_crowd_of_abusers_is_kept_within_bounds_and_an_honest_client_is_answered_each_time() {
    for seed in 1..=4 {
        let host: SimulatedHost = rack();
        let mut server = NutServer::start(&host, config()).expect("a server");
        server.on_accept(&host, "nut", CLIENT, "192.0.2.1:40000").expect("room");
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seed);
        let mut here: Vec<(u64, u64)> = Vec::new();
        let (mut next, mut most_held, mut dropped) = (1_000, 0, 0);
        for _ in 0..TURNS {
            if (here.len() as u64) < CROWD {
                server.on_accept(&host, "nut", next, "192.0.2.66:1").expect("room");
                here.push((next, random.below(KINDS)));
                next += 1;
            }
            let place = random.below(here.len() as u64) as usize;
            let (abuser, kind) = here[place];
            let batch = vec![
                Inbound { connection: abuser, bytes: abuse(&mut random, kind) },
                Inbound { connection: CLIENT, bytes: HONEST.to_vec() },
            ];
            let answers = server.on_data(&host, batch);
            let mut honest = host.take_sent(CLIENT);
            for answer in &answers {
                if answer.connection == CLIENT {
                    honest.extend_from_slice(&answer.bytes);
                    assert!(!answer.close, "the honest client was dropped");
                }
            }
            assert_eq!(honest, RIGHT, "{}", String::from_utf8_lossy(&honest));
            host.take_sent(abuser);
            most_held = most_held.max(server.unfinished_bytes());
            let closes = answers.iter().any(|answer| answer.connection == abuser && answer.close);
            dropped += usize::from(closes);
            if closes || kind == 0 || random.below(64) == 0 {
                server.on_closed(&host, abuser, "gone");
                here.swap_remove(place);
            }
        }
        assert!(most_held <= MOST_HELD, "seed {seed}: {most_held} bytes were held");
        assert!(most_held > MOST_HELD - MAX_LINE, "seed {seed}: only {most_held} bytes, this is no crowd");
        assert!(dropped > 0, "seed {seed}: nobody was dropped");
        for (abuser, _) in here {
            server.on_closed(&host, abuser, "gone");
        }
        assert_eq!(server.unfinished_bytes(), 0, "seed {seed}: something is kept of those that are gone");
        for place in 0..config().max_connections_per_address as u64 {
            server
                .on_accept(&host, "nut", next + place, "192.0.2.66:1")
                .expect("their places are free again");
        }
    }
}
