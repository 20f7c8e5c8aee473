//! Who can reach the plugins' listeners.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::plugin::ListenAddress;

use super::{Area, Facts, Finding, Severity};

pub(super) fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let mut open: BTreeSet<(String, String, SocketAddr)> = BTreeSet::new();
    let configured =
        facts.settings.iter().flat_map(|settings| &settings.plugins).filter(|plugin| plugin.enabled);
    for plugin in configured {
        for (listener, addresses) in &plugin.listen {
            let addresses = addresses.iter().filter_map(ListenAddress::tcp);
            open.extend(addresses.map(|address| (plugin.id.clone(), listener.clone(), address)));
        }
    }
    // What runs may be something else than what is configured now.
    for plugin in facts.daemon.iter().flat_map(|daemon| &daemon.plugins) {
        for (listener, addresses) in &plugin.listening {
            let addresses = addresses.iter().filter_map(|address| address.parse().ok());
            open.extend(addresses.map(|address| (plugin.id.clone(), listener.clone(), address)));
        }
    }
    for (plugin, listener, address) in open.iter().filter(|(.., address)| address.ip().is_unspecified()) {
        let message = format!(
            "{plugin} listens on {address}, which is every address of this machine; what goes over it is not encrypted"
        );
        let fix = format!(
            "name the addresses that need it: `listen = {{ {listener} = [\"192.0.2.1:{}\"] }}` under `[plugin.{plugin}]`, \
             or keep others out with a firewall",
            address.port()
        );
        findings.push(Finding::new(Severity::Warning, Area::Network, message, fix));
    }
}
