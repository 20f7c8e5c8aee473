//! Orders on the main loop: from the door to the links, and from the links' answers to whoever gave them.

use std::sync::Arc;

use super::State;
use crate::door::{Ended, Order, OrderRequest};
use crate::host::Progressing;
use crate::state::kinds::{self, EventKind};
use crate::state::{Event, Severity};

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
        let Ended { id, request, result, begun } = ended;
        if let Some(records) = &self.records {
            records.audit_order(self.clock.wall_ms(), ended);
        }
        let who = &request.principal;
        let (what, kind) = in_words(&request.order);
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
        // What never reached the UPS is nothing that happened to it. And a forced shutdown is told by the state itself.
        let kind = kind.filter(|_| *begun)?;
        let mut fields = vec![
            ("order".to_owned(), id.0.to_string()),
            ("result".to_owned(), result.name().to_owned()),
            ("detail".to_owned(), result.to_string()),
            ("by".to_owned(), who.name.clone()),
            ("from".to_owned(), who.origin.to_string()),
        ];
        match &request.order {
            Order::Run { command, argument } => {
                fields.insert(0, ("command".to_owned(), command.clone()));
                fields.extend(argument.clone().map(|argument| ("argument".to_owned(), argument)));
            }
            Order::Set { variable, value } => {
                fields.insert(0, ("variable".to_owned(), variable.clone()));
                fields.push(("value".to_owned(), value.clone()));
            }
            Order::ForcedShutdown(_) => {}
        }
        let severity = if result.is_success() { kind.severity } else { Severity::Warning };
        Some(self.publisher.number(Event {
            id: 0,
            kind: kind.name.to_owned(),
            severity,
            // As configured, whatever letters the order was written in.
            device: self.links.configured_name(&request.device),
            at_ms: self.clock.wall_ms(),
            fields,
        }))
    }
}

fn in_words(order: &Order) -> (String, Option<&'static EventKind>) {
    match order {
        Order::Run { command, argument: None } => (command.clone(), Some(&kinds::COMMAND_ENDED)),
        Order::Run { command, argument: Some(argument) } => {
            (format!("{command} {argument}"), Some(&kinds::COMMAND_ENDED))
        }
        Order::Set { variable, value } => (format!("{variable} = {value:?}"), Some(&kinds::SETTING_ENDED)),
        Order::ForcedShutdown(true) => ("forced shutdown".to_owned(), None),
        Order::ForcedShutdown(false) => ("end of the forced shutdown".to_owned(), None),
    }
}
