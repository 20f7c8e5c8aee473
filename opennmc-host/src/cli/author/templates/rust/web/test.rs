//! The plugin against a simulated host.

use opennmc_plugin::{Plugin, SimulatedHost, SimulatedUps, WebRequest, WebService};
use {{crate}}::{Config, Pages};

#[test]
fn the_page_shows_every_ups_and_no_text_becomes_markup() {
    let host = SimulatedHost::new();
    host.publish(SimulatedUps::new("main", "<b>Rack A"));
    let config: Config = opennmc_plugin::parse_config(r#"{"title":"Our UPSes"}"#).unwrap();
    let mut pages = Pages::start(&host, config).unwrap();
    let page = pages.handle(&host, WebRequest::new("GET", "/")).unwrap();
    let text = String::from_utf8(page.body).unwrap();
    assert_eq!(page.status, 200);
    assert!(text.contains("main: &lt;b&gt;Rack A (live)"), "{text}");
    assert_eq!(pages.handle(&host, WebRequest::new("POST", "/")).unwrap().status, 405);
}
