//! Requests as clients send them, and the answers byte for byte.

#![allow(
    clippy::unwrap_used,
    reason = "all of this is test code, of which clippy only knows the `#[test]` functions"
)]

use modbus_tcp::{Config, ModbusServer};
use opennmc_plugin::{
    Availability, Inbound, Kind, Outbound, Plugin, SimulatedHost, SimulatedUps, TcpService, Variable,
};

const CLIENT: u64 = 7;

fn ups(name: &str, variables: &[(&str, &str)]) -> SimulatedUps {
    let variable = |(name, value): &(&str, &str)| Variable {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
        settable: false,
        kind: Kind::Text,
        max_length: 0,
    };
    SimulatedUps { variables: variables.iter().map(variable).collect(), ..SimulatedUps::new(name, "") }
}

/// Two UPSes, the second of them gone.
fn server() -> (SimulatedHost, ModbusServer) {
    let host = SimulatedHost::new();
    let variables = [
        ("ups.status", "OB LB"),
        ("battery.charge", "87.5"),
        ("battery.runtime", "70000"),
        ("input.voltage", "0.0"),
        ("input.frequency", "50.02"),
        ("ups.temperature", "-3.5"),
    ];
    host.publish(ups("main", &variables));
    let mut gone = ups("gone", &[("ups.status", "OL"), ("battery.charge", "100")]);
    gone.device.availability = Availability::Disconnected;
    gone.device.age_ms = u64::MAX;
    host.publish(gone);
    let mut server = ModbusServer::start(&host, Config { max_connections: 2 }).unwrap();
    server.on_accept(&host, "modbus", CLIENT, "192.0.2.1:40000").unwrap();
    (host, server)
}

fn send((host, server): &mut (SimulatedHost, ModbusServer), bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut answers = server.on_data(host, vec![Inbound { connection: CLIENT, bytes: bytes.to_vec() }]);
    let Outbound { bytes, close, .. } = answers.remove(0);
    (bytes, close)
}

/// Transaction 0102 to this unit.
fn frame(unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut frame = vec![1, 2, 0, 0, 0, 1 + pdu.len() as u8, unit];
    frame.extend_from_slice(pdu);
    frame
}

#[test]
fn both_functions_read_the_whole_map() {
    for function in [3, 4] {
        let (answer, close) = send(&mut server(), &frame(1, &[function, 0, 0, 0, 13]));
        let registers = [
            [0, 1],
            [0, 0b110],
            [0x03, 0x6B],
            [0, 1],
            [0x11, 0x70],
            [0xFF, 0xFF],
            [0, 0],
            [0xFF, 0xFF],
            [0xFF, 0xFF],
            [0xFF, 0xDD],
            [0x13, 0x8A],
            [0xFF, 0xFF],
            [0, 0],
        ];
        let mut expected = vec![1, 2, 0, 0, 0, 29, 1, function, 26];
        expected.extend(registers.concat());
        assert_eq!((answer, close), (expected, false));
    }
}

#[test]
fn what_is_not_live_is_not_known() {
    let (answer, _) = send(&mut server(), &frame(2, &[3, 0, 0, 0, 3]));
    assert_eq!(answer[9..], [0, 3, 0, 0, 0xFF, 0xFF]);
    let (answer, _) = send(&mut server(), &frame(2, &[3, 0, 12, 0, 1]));
    assert_eq!(answer[9..], [0xFF, 0xFE]);
}

#[test]
fn what_can_not_be_answered_is_an_exception() {
    let cases: [(u8, &[u8], u8); 8] = [
        (1, &[6, 0, 0, 0, 1], 1),
        (1, &[0x2B, 0x0E, 1, 0], 1),
        (1, &[3, 0, 13, 0, 1], 2),
        (1, &[3, 0xFF, 0xFF, 0, 1], 2),
        (1, &[3, 0, 0, 0, 0], 3),
        (1, &[3, 0, 0, 0, 126], 3),
        (1, &[3, 0, 0], 3),
        (3, &[3, 0, 0, 0, 1], 11),
    ];
    for (unit, pdu, exception) in cases {
        let (answer, close) = send(&mut server(), &frame(unit, pdu));
        assert_eq!(
            (answer, close),
            (vec![1, 2, 0, 0, 0, 3, unit, pdu[0] | 0x80, exception], false),
            "{pdu:?}"
        );
    }
}

#[test]
fn clients_that_address_the_server_itself_mean_the_first_ups() {
    for unit in [0, 255] {
        let (answer, _) = send(&mut server(), &frame(unit, &[4, 0, 0, 0, 1]));
        assert_eq!(answer, [1, 2, 0, 0, 0, 5, unit, 4, 2, 0, 1]);
    }
}

#[test]
fn frames_are_found_however_they_arrive() {
    let request = frame(1, &[4, 0, 0, 0, 1]);
    let twice = [request.clone(), request].concat();
    let whole = send(&mut server(), &twice).0;
    let mut server = server();
    let pieces: Vec<u8> = twice.iter().flat_map(|byte| send(&mut server, &[*byte]).0).collect();
    assert_eq!(whole.len(), 22);
    assert_eq!(pieces, whole);
}

#[test]
fn what_is_not_modbus_closes_the_connection() {
    for bytes in [b"GET / HTTP/1.1\r\n".as_slice(), &[0, 0, 0, 0, 0, 1, 1], &[0, 0, 0, 0, 1, 0, 1]] {
        assert_eq!(send(&mut server(), bytes), (Vec::new(), true));
    }
}

#[test]
fn a_full_house_turns_the_next_away_until_somebody_goes() {
    let (host, mut server) = server();
    server.on_accept(&host, "modbus", 8, "peer").unwrap();
    assert!(server.on_accept(&host, "modbus", 9, "peer").is_err());
    server.on_closed(&host, 8, "gone");
    server.on_accept(&host, "modbus", 9, "peer").unwrap();
}

#[test]
fn the_manifest_s_defaults_are_a_configuration_that_the_plugin_can_use() {
    #[derive(serde::Deserialize)]
    struct Manifest {
        limits: Limits,
        config: Config,
    }
    #[derive(serde::Deserialize)]
    struct Limits {
        connections: usize,
    }
    let manifest: Manifest = toml::from_str(include_str!("../plugin.toml")).unwrap();
    assert_eq!(manifest.config.max_connections, manifest.limits.connections);
}
