//! What runs in a plugin's thread: a component or a script. The thread does not care which.
//!
//! Here calls are only passed on; what a script has no use for, such as connections of its own, it is never granted.

use super::Epitaph;
use super::instance::{Inbound, Instance, InstanceState, Outbound, PageRequest};
use super::messages::Delivery;
use super::outbound::Reply;
use super::past::Answer;
use super::script::ScriptInstance;
use super::thread::datagrams::Received;
use crate::door::OrderResult;
use crate::plugin::bindings::wit;
use crate::state::Event;

/// A component or a script.
pub(super) enum Runnable {
    Component(Box<Instance>),
    Script(Box<ScriptInstance>),
}

impl Runnable {
    /// What host functions work on.
    pub(super) fn state(&mut self) -> &mut InstanceState {
        match self {
            Runnable::Component(instance) => instance.state(),
            Runnable::Script(script) => script.state(),
        }
    }

    /// Whether the plugin hears events.
    pub(super) fn hears_events(&self) -> bool {
        match self {
            Runnable::Component(instance) => instance.hears_events(),
            Runnable::Script(_) => true,
        }
    }

    /// The first call.
    pub(super) fn start(&mut self, config: &str) -> Result<(), Epitaph> {
        match self {
            Runnable::Component(instance) => instance.start(config),
            Runnable::Script(script) => script.start(config),
        }
    }

    /// The last call.
    pub(super) fn stop(&mut self) -> Result<(), Epitaph> {
        match self {
            Runnable::Component(instance) => instance.stop(),
            Runnable::Script(script) => script.stop(),
        }
    }

    /// Errors that did not end it, since they were last taken.
    pub(super) fn take_errors(&mut self) -> Vec<String> {
        match self {
            Runnable::Component(_) => Vec::new(),
            Runnable::Script(script) => script.take_errors(),
        }
    }

    pub(super) fn on_event(&mut self, event: &Event) -> Result<(), Epitaph> {
        match self {
            Runnable::Component(instance) => instance.on_event(event),
            Runnable::Script(script) => script.on_event(event),
        }
    }

    pub(super) fn on_timer(&mut self, timer: u64) -> Result<(), Epitaph> {
        match self {
            Runnable::Component(instance) => instance.on_timer(timer),
            Runnable::Script(script) => script.on_timer(timer),
        }
    }

    pub(super) fn on_accept(
        &mut self,
        listener: &str,
        connection: u64,
        peer: &str,
    ) -> Result<Result<(), String>, Epitaph> {
        match self {
            Runnable::Component(instance) => instance.on_accept(listener, connection, peer),
            Runnable::Script(_) => Ok(Err("a script serves no TCP".to_owned())),
        }
    }

    pub(super) fn on_data(&mut self, batch: &[Inbound]) -> Result<Vec<Outbound>, Epitaph> {
        match self {
            Runnable::Component(instance) => instance.on_data(batch),
            Runnable::Script(_) => Ok(Vec::new()),
        }
    }

    pub(super) fn on_closed(&mut self, connection: u64, reason: &str) -> Result<(), Epitaph> {
        match self {
            Runnable::Component(instance) => instance.on_closed(connection, reason),
            Runnable::Script(_) => Ok(()),
        }
    }

    pub(super) fn on_datagrams(&mut self, received: Vec<Received>) -> Result<(), Epitaph> {
        match self {
            Runnable::Component(instance) => instance.on_datagrams(received),
            Runnable::Script(_) => Ok(()),
        }
    }

    pub(super) fn on_reply(&mut self, ticket: u64, result: Result<Reply, String>) -> Result<(), Epitaph> {
        match self {
            Runnable::Component(instance) => instance.on_reply(ticket, result),
            Runnable::Script(script) => script.on_reply(ticket, result),
        }
    }

    pub(super) fn on_connected(&mut self, connection: u64) -> Result<(), Epitaph> {
        match self {
            Runnable::Component(instance) => instance.on_connected(connection),
            Runnable::Script(_) => Ok(()),
        }
    }

    pub(super) fn on_secured(&mut self, connection: u64) -> Result<(), Epitaph> {
        match self {
            Runnable::Component(instance) => instance.on_secured(connection),
            Runnable::Script(_) => Ok(()),
        }
    }

    pub(super) fn on_checked(
        &mut self,
        ticket: u64,
        outcome: Result<u64, wit::types::Error>,
    ) -> Result<(), Epitaph> {
        match self {
            Runnable::Component(instance) => instance.on_checked(ticket, outcome),
            Runnable::Script(_) => Ok(()),
        }
    }

    pub(super) fn on_ended(&mut self, ticket: u64, result: &OrderResult) -> Result<(), Epitaph> {
        match self {
            Runnable::Component(instance) => instance.on_ended(ticket, result),
            Runnable::Script(script) => script.on_ended(ticket, result),
        }
    }

    pub(super) fn on_past(&mut self, ticket: u64, answer: Answer) -> Result<(), Epitaph> {
        match self {
            Runnable::Component(instance) => instance.on_past(ticket, answer),
            Runnable::Script(script) => script.on_past(ticket, answer),
        }
    }

    pub(super) fn on_administered(
        &mut self,
        ticket: u64,
        answer: &Result<String, String>,
    ) -> Result<(), Epitaph> {
        match self {
            Runnable::Component(instance) => instance.on_administered(ticket, answer),
            Runnable::Script(_) => Ok(()),
        }
    }

    pub(super) fn handle(&mut self, request: &PageRequest) -> Result<Option<wit::types::Response>, Epitaph> {
        match self {
            Runnable::Component(instance) => instance.handle(request),
            Runnable::Script(script) => script.on_http(request).map(Some),
        }
    }

    pub(super) fn deliver(&mut self, delivery: &Delivery) -> Result<(), Epitaph> {
        match self {
            Runnable::Component(instance) => instance.deliver(delivery),
            Runnable::Script(_) => Ok(()),
        }
    }
}
