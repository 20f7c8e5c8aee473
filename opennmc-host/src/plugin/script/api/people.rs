//! Words for certain people: mail.
//!
//! A mail is a notice for the notifier `mail`, which knows the server, the sender and whom it may write to.

use std::rc::Rc;

use rhai::{Array, Dynamic, Engine, ImmutableString};

use super::super::instance::Shared;
use super::super::value;
use super::Given;
use crate::plugin::bindings::wit::types::{Notice, Severity};

/// The id of the plugin that sends mail.
const NOTIFIER: &str = "mail";

pub(super) fn register(engine: &mut Engine, shared: &Rc<Shared>) {
    let host = Rc::clone(shared);
    engine.register_fn("mail", move |to: Dynamic, subject: ImmutableString, text: Dynamic| -> Given<()> {
        mail(&host, &addresses(&to)?, &subject, value::to_text(&text)?)
    });
}

/// One address or some, divided by commas.
fn addresses(to: &Dynamic) -> Given<String> {
    let all: Vec<String> = match to.clone().try_cast::<Array>() {
        Some(list) => list.iter().map(value::to_text).collect::<Given<_>>()?,
        None => vec![value::to_text(to)?],
    };
    let list = all.join(",");
    let addresses: Vec<&str> = list.split(',').map(str::trim).collect();
    let is_address = |address: &str| {
        address.contains('@') && !address.contains(|c: char| c.is_control() || c.is_whitespace())
    };
    match addresses.iter().find(|address| !is_address(address)) {
        Some(wrong) => Err(format!("`{}` is no mail address", wrong.escape_debug()).into()),
        None => Ok(addresses.join(", ")),
    }
}

fn mail(shared: &Shared, to: &str, subject: &str, text: String) -> Given<()> {
    let notice = Notice {
        severity: Severity::Info,
        device: String::new(),
        title: subject.to_owned(),
        body: text,
        fields: vec![("to".to_owned(), to.to_owned())],
    };
    match &shared.dry {
        Some(noted) => noted.borrow_mut().push(format!("mail({to:?}, {subject:?})")),
        None => {
            let sent = shared.with(|state| state.tell(notice, Some(NOTIFIER)))?;
            sent.map_err(|error| shared.refused(error))?;
        }
    }
    Ok(())
}
