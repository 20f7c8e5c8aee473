//! What other threads ask of the main loop, carried out on it.

use std::time::Instant;

use calloop::{LoopHandle, channel};

use super::{Ending, State};
use crate::host::{LoopHealth, Request};
use crate::link::Link;
use crate::users::{Principal, Right};

/// Whatever an administrator alone may do.
const DENIED: &str = "this takes an administrator";

pub(super) fn init(
    handle: &LoopHandle<'static, State>,
    requests: channel::Channel<Request>,
) -> Result<(), calloop::Error> {
    let inserted = handle.insert_source(requests, |message, (), state: &mut State| {
        if let channel::Event::Msg(request) = message {
            state.handle_request(request);
        }
    });
    inserted.map(|_| ()).map_err(|error| error.error)
}

impl State {
    fn handle_request(&mut self, request: Request) {
        match request {
            Request::Order(request, progress) => self.hand_in(request, progress),
            Request::Reload(principal, reply) if !principal.may(&Right::Administer) => {
                reply(Err(DENIED.to_owned()));
            }
            Request::Reload(principal, reply) => {
                self.reload(principal, reply);
            }
            Request::Plugins(reply) => {
                reply(self.plugins.as_ref().map_or_else(Vec::new, |plugins| plugins.status()));
            }
            Request::Plugin { principal, reply, .. } if !principal.may(&Right::Administer) => {
                reply(Err(DENIED.to_owned()));
            }
            Request::Plugin { id, standing, reply, .. } => match (&mut self.plugins, &self.settings) {
                (Some(plugins), Some(settings)) => plugins.stand(&id, standing, settings, reply),
                _ => reply(Err("this daemon runs no plugins".to_owned())),
            },
            Request::PurgePlugin { principal, reply, .. } if !principal.may(&Right::Administer) => {
                reply(Err(DENIED.to_owned()));
            }
            Request::PurgePlugin { id, reply, .. } => match (&mut self.plugins, &self.settings) {
                (Some(plugins), Some(settings)) => plugins.purge(&id, settings, reply),
                _ => reply(Err("this daemon runs no plugins".to_owned())),
            },
            Request::PluginSays(message) => {
                self.messaging.hear(Instant::now(), self.clock.wall_ms(), message);
            }
            Request::LoopHealth(reply) => reply(self.health()),
            Request::StartAnew => {
                tracing::info!("ending, to start anew");
                // Somebody who wants the end gets it.
                self.ending.get_or_insert(Ending::StartAnew);
            }
            Request::Simulator { principal, device, line, reply } => {
                reply(self.steer_simulator(&principal, &device, &line));
            }
        }
    }

    fn health(&self) -> LoopHealth {
        LoopHealth {
            lateness: self.lateness.summary(),
            turns: self.turns,
            links: self.links.iter().map(Link::health).collect(),
        }
    }

    fn steer_simulator(&mut self, principal: &Principal, device: &str, line: &str) -> Result<String, String> {
        if !principal.may(&Right::Administer) {
            return Err(DENIED.to_owned());
        }
        let State { handle, clock, links, records, .. } = self;
        let link = links.named(device).and_then(|id| links.touch(id));
        let link = link.ok_or_else(|| format!("there is no UPS `{device}`"))?;
        tracing::info!(ups = link.name(), by = principal.name, "the simulator is told `{line}`");
        let answer = link.steer_simulator(handle, clock.now(), line);
        if let Some(records) = records {
            let result = if answer.is_ok() { "done" } else { "refused" };
            records.audit(clock.wall_ms(), principal, link.name(), &format!("simulator: {line}"), result);
        }
        answer
    }
}
