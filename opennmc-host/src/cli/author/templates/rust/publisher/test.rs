//! The plugin against a simulated host.

use opennmc_plugin::export::Slot;
use opennmc_plugin::{Severity, SimulatedHost};
use {{crate}}::Publisher;

#[test]
fn a_summary_is_published_every_so_often() {
    let (host, plugin) = (SimulatedHost::new(), Slot::<Publisher>::empty());
    host.grant_topics(&["summary"]);
    plugin.start(&host, r#"{"every-s":60}"#).unwrap();
    plugin.on_event(&host, host.event("ups.on-battery", Severity::Warning, "main", &[]));
    plugin.on_event(&host, host.event("ups.on-line", Severity::Info, "main", &[]));
    host.advance(120_000, |timer| plugin.on_timer(&host, timer));
    let said = host.announced();
    assert_eq!(said.len(), 2);
    let counts: Vec<&str> = said[0].fields.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!((said[0].topic.as_str(), counts), ("summary", vec!["2", "1"]));
}
