//! The `bus` interface: what a plugin tells everybody who listens.
//!
//! Only granted topics get out, and always under the plugin's own id: no plugin can speak as another, or as the host.

use std::collections::BTreeSet;

use wasmtime::component::{HasSelf, Linker};

use super::speech;
use crate::plugin::bindings::wit::bus;
use crate::plugin::bindings::wit::types::{Error, Severity};
use crate::plugin::instance::InstanceState;
use crate::plugin::messages::Said;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    bus::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// The topics that are granted to one plugin.
pub(in crate::plugin) struct State {
    topics: BTreeSet<String>,
}

impl State {
    pub(in crate::plugin) fn new(topics: BTreeSet<String>) -> Self {
        Self { topics }
    }
}

impl bus::Host for InstanceState {
    fn publish(
        &mut self,
        topic: String,
        severity: Severity,
        device: String,
        fields: Vec<(String, String)>,
    ) -> Result<(), Error> {
        if !self.bus.topics.contains(&topic) {
            let granted = self.bus.topics.iter().map(|topic| format!("`{topic}`")).collect::<Vec<_>>();
            return Err(Error::Denied(format!("the granted topics are {}", granted.join(", "))));
        }
        speech::check_device(&device)?;
        speech::check_fields(&fields)?;
        let severity = speech::severity(severity);
        self.speech.say(self.clock.now(), Said::Publish { topic, severity, device, fields })
    }
}
