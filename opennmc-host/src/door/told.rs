//! An order in words, and what everybody hears when one has ended.

use super::{Ended, Order};
use crate::state::kinds::{self, EventKind};
use crate::state::{Event, Severity};

impl Order {
    /// For the log.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Order::Run { command, argument: None } => command.clone(),
            Order::Run { command, argument: Some(argument) } => format!("{command} {argument}"),
            Order::Set { variable, value } => format!("{variable} = {value:?}"),
            Order::ForcedShutdown(true) => "forced shutdown".to_owned(),
            Order::ForcedShutdown(false) => "end of the forced shutdown".to_owned(),
        }
    }

    /// What its end is; none for what the state itself tells of.
    fn kind(&self) -> Option<&'static EventKind> {
        match self {
            Order::Run { .. } => Some(&kinds::COMMAND_ENDED),
            Order::Set { .. } => Some(&kinds::SETTING_ENDED),
            Order::ForcedShutdown(_) => None,
        }
    }
}

impl Ended {
    /// What happened to the UPS, which has this name in the configuration; none when the order never reached it.
    pub(crate) fn event(&self, at_ms: u64, device: String) -> Option<Event> {
        let Ended { id, request, result, begun } = self;
        let kind = request.order.kind().filter(|_| *begun)?;
        let who = &request.principal;
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
        Some(Event { id: 0, kind: kind.name.to_owned(), severity, device, at_ms, fields })
    }
}
