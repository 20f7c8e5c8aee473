//! The plugin against a simulated host.

use opennmc_plugin::export::Slot;
use opennmc_plugin::{Delivered, Notice, Reply, Severity, SimulatedHost};
use {{crate}}::Messenger;

#[test]
fn a_notice_is_posted_and_its_end_is_told() {
    let (host, plugin) = (SimulatedHost::new(), Slot::<Messenger>::empty());
    host.grant_hosts(&["ntfy.sh"]);
    plugin.start(&host, r#"{"url":"https://ntfy.sh/my-ups"}"#).unwrap();
    let notice = Notice {
        severity: Severity::Warning,
        device: "main".to_owned(),
        title: "main is on battery".to_owned(),
        body: "charge 99 %".to_owned(),
        fields: Vec::new(),
    };
    for (status, number) in [(200, 1), (503, 2)] {
        plugin.deliver(&host, number, notice.clone(), 0, 1);
        let (ticket, request) = host.next_fetch().unwrap();
        assert_eq!(request.body, b"main is on battery\ncharge 99 %");
        plugin.on_reply(&host, ticket, Ok(Reply { status, headers: Vec::new(), body: Vec::new() }));
    }
    let failed = Delivered::No { notice: 2, reason: "the service answered 503".to_owned(), again: true };
    assert_eq!(host.deliveries(), [Delivered::Yes(1), failed]);
}
