//! A plugin's life as the exported functions lead it.

use opennmc_plugin::export::Slot;
use opennmc_plugin::{Host, Inbound, Outbound, Plugin, SimulatedHost, TcpService};
use serde::Deserialize;

struct Echo;

#[derive(Deserialize)]
struct Config {
    fail: bool,
}

impl Plugin for Echo {
    type Config = Config;

    fn start(_host: &impl Host, config: Config) -> Result<Self, String> {
        if config.fail { Err("told to fail".to_owned()) } else { Ok(Echo) }
    }

    fn stop(self, host: &impl Host) {
        host.info("stopped");
    }
}

impl TcpService for Echo {
    fn on_accept(&mut self, _: &impl Host, _: &str, _: u64, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn on_data(&mut self, _host: &impl Host, batch: Vec<Inbound>) -> Vec<Outbound> {
        let echo = |inbound: Inbound| Outbound {
            connection: inbound.connection,
            bytes: inbound.bytes,
            close: false,
        };
        batch.into_iter().map(echo).collect()
    }

    fn on_closed(&mut self, _: &impl Host, _: u64, _: &str) {}
}

fn batch() -> Vec<Inbound> {
    vec![Inbound { connection: 1, bytes: b"x".to_vec() }]
}

#[test]
fn calls_reach_the_plugin_between_start_and_stop_only() {
    let (host, slot) = (SimulatedHost::new(), Slot::<Echo>::empty());
    assert!(slot.on_accept(&host, "echo", 1, "peer").is_err());
    assert_eq!(slot.on_data(&host, batch()), []);

    slot.start(&host, r#"{"fail":false}"#).unwrap();
    assert!(slot.on_accept(&host, "echo", 1, "peer").is_ok());
    assert_eq!(slot.on_data(&host, batch()).len(), 1);

    slot.stop(&host);
    assert_eq!(host.logged().len(), 1);
    assert_eq!(slot.on_data(&host, batch()), []);
}

#[test]
fn a_start_that_fails_says_why_and_leaves_no_plugin() {
    let (host, slot) = (SimulatedHost::new(), Slot::<Echo>::empty());
    assert_eq!(slot.start(&host, r#"{"fail":true}"#), Err("told to fail".to_owned()));
    assert!(slot.start(&host, r#"{"fail":"yes"}"#).is_err_and(|error| error.contains("configuration")));
    assert!(slot.on_accept(&host, "echo", 1, "peer").is_err());
}
