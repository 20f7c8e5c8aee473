//! The plugin against a simulated host.

use opennmc_plugin::export::Slot;
use opennmc_plugin::{Event, Severity, SimulatedHost};
use {{crate}}::Listener;

#[test]
fn an_outage_is_written_down_with_its_number() {
    let (host, plugin) = (SimulatedHost::new(), Slot::<Listener>::empty());
    plugin.start(&host, r#"{"greeting":"hello"}"#).unwrap();
    let charge = ("battery.charge".to_owned(), "99.0".to_owned());
    // Not every UPS knows its charge.
    for fields in [vec![charge], Vec::new()] {
        plugin.on_event(
            &host,
            Event {
                kind: "ups.on-battery".to_owned(),
                severity: Severity::Warning,
                device: "main".to_owned(),
                at_ms: 0,
                fields,
            },
        );
    }
    let said: Vec<String> = host.logged().into_iter().map(|line| line.message).collect();
    assert_eq!(said, ["hello", "main: outage 1, charge 99.0 %", "main: outage 2, charge unknown"]);
}
