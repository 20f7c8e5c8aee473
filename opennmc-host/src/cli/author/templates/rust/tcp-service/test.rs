//! The plugin against a simulated host.

use opennmc_plugin::export::Slot;
use opennmc_plugin::{Inbound, Kind, Outbound, SimulatedHost, SimulatedUps, Variable};
use {{crate}}::Service;

#[test]
fn each_line_is_answered_with_the_status_of_every_ups() {
    let (host, plugin) = (SimulatedHost::new(), Slot::<Service>::empty());
    let status = Variable {
        name: "ups.status".to_owned(),
        value: "OL".to_owned(),
        settable: false,
        kind: Kind::Text,
        max_length: 0,
    };
    host.publish(SimulatedUps { variables: vec![status], ..SimulatedUps::new("main", "Rack A") });
    plugin.start(&host, r#"{"longest-line":200}"#).unwrap();
    plugin.on_accept(&host, "status", 7, "192.0.2.1:40000").unwrap();
    let send = |bytes: &[u8]| plugin.on_data(&host, vec![Inbound { connection: 7, bytes: bytes.to_vec() }]);
    assert_eq!(send(b"hel"), [Outbound { connection: 7, bytes: Vec::new(), close: false }]);
    assert_eq!(send(b"lo\n"), [Outbound { connection: 7, bytes: b"main=OL\n".to_vec(), close: false }]);
    assert!(send(&[b'x'; 201])[0].close);
}
