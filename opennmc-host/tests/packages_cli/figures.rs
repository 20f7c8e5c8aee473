//! What is told of a plugin besides its state.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::guests::{guests, manifest};
use super::place::PATIENCE;
use super::schema::assert_valid;
use super::{Lines, Scene};

#[test]
fn datagrams_that_were_dropped_are_counted_where_operators_look() {
    let scene = Scene::new();
    let needs = "listen = { main = [\"127.0.0.1:0\"], mail = [\"127.0.0.1:0\"] }\n\
        listen-udp = { snmp = [\"127.0.0.1:0\"] }\n\
        connect = [\"udp://127.0.0.1:*\", \"tcp://unused.test:1\", \"http://unused.test\"]";
    let manifest = manifest("caller", needs);
    let members: [(&str, &[u8]); 2] =
        [("plugin.toml", manifest.as_bytes()), ("plugin.wasm", &guests().caller)];
    scene.installs(&scene.file("c.onmc", &members));
    let plugin = scene.until_of("caller", "running");
    assert_eq!(plugin["dropped_datagrams"], 0);
    assert!(!scene.says(&["plugin", "info", "caller"]).contains("lost datagrams"));
    let mut orders = Lines::to(&plugin, "main");
    let dropped = |orders: &mut Lines| {
        // A new one each time: what an earlier flood has left would be taken for the answer.
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        // Its first datagram has the address looked up; others would wait for that.
        assert_eq!(orders.ask(&format!("datagram 127.0.0.1 {port} x")), "done");
        server.recv(&mut [0; 8]).unwrap();
        // Far beyond its rate of 200 a second.
        let answer = orders.ask(&format!("flood 127.0.0.1 {port} 5000"));
        let sent: u64 = answer.split(' ').next().unwrap().parse().unwrap();
        5_000 - sent
    };
    let mut expected = dropped(&mut orders);
    assert!(expected > 0);
    until_told(&scene, expected);
    // A new instance counts on.
    scene.says(&["plugin", "restart", "caller"]);
    until_told(&scene, expected);
    expected += dropped(&mut Lines::to(&scene.until_of("caller", "running"), "main"));
    until_told(&scene, expected);
    let info = scene.says(&["plugin", "info", "caller"]);
    assert!(info.lines().any(|line| line.trim() == format!("lost datagrams {expected}")), "{info}");
}

/// Waits until it is told: the plugin's thread counts after it has answered.
fn until_told(scene: &Scene, expected: u64) {
    let began = Instant::now();
    loop {
        let info: Value = serde_json::from_str(&scene.says(&["--json", "plugin", "info", "caller"])).unwrap();
        assert_valid("plugin", &info);
        let listed = scene.plugin_of("caller").unwrap();
        if info["dropped_datagrams"] == expected && listed["dropped_datagrams"] == expected {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "never {expected}: {info}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
