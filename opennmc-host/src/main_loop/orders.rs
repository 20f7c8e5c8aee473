//! Orders on the main loop: from the door to the links, and from the links' answers to whoever gave them.

use std::sync::Arc;

use super::State;
use crate::door::{Ended, OrderRequest};
use crate::host::Progressing;
use crate::state::Event;

impl State {
    /// Somebody wants something of a UPS.
    pub(super) fn hand_in(&mut self, request: OrderRequest, progress: Progressing) {
        let link = self.links.named(&request.device);
        let device = link.and_then(|link| self.publisher.device(link));
        self.door.hand_in(self.clock.now(), request, progress, link.zip(device.as_deref()));
    }

    /// Brings orders to their links and their ends back. An order that ends at once makes room for the next.
    pub(super) fn run_door(&mut self) {
        let now = self.clock.now();
        let State { handle, links, door, .. } = self;
        if door.deadline() <= now {
            door.handle_timeout(now);
        }
        loop {
            let mut ended = Vec::new();
            for id in door.links_with_orders() {
                let Some(link) = links.touch(id) else {
                    door.abandon(id);
                    continue;
                };
                let begin = |request: &OrderRequest| {
                    link.begin_order(handle, now, &request.order, request.danger_confirmed)
                };
                door.begin_next(now, id, begin);
                ended.extend(link.take_ended_orders().map(|(ticket, result)| (id, ticket, result)));
            }
            if ended.is_empty() {
                return;
            }
            for (id, ticket, result) in ended {
                door.ended(id, ticket, result);
            }
        }
    }

    /// The events of the orders that have ended, logged.
    pub(super) fn tell_ended_orders(&mut self) -> Vec<Arc<Event>> {
        let ended = self.door.take_ended();
        ended.into_iter().filter_map(|ended| self.tell_ended_order(&ended)).collect()
    }

    fn tell_ended_order(&mut self, ended: &Ended) -> Option<Arc<Event>> {
        let Ended { request, result, .. } = ended;
        if let Some(records) = &self.records {
            records.audit_order(self.clock.wall_ms(), ended);
        }
        let who = &request.principal;
        let what = request.order.in_words();
        let line = format_args!(
            "UPS {}: {what}: {result} by={:?} from={:?}",
            request.device,
            who.name,
            who.origin.to_string()
        );
        if result.is_success() {
            tracing::info!("{line}")
        } else {
            tracing::warn!("{line}")
        }
        // As configured, whatever letters the order was written in.
        let device = self.links.configured_name(&request.device);
        ended.event(self.clock.wall_ms(), device).map(|event| self.publisher.number(event))
    }
}
