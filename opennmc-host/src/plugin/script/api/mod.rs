//! What scripts can do: every function that is registered, each over the host function that components use.
//!
//! docs/scripts.md is the reference. A function that is refused throws, with the reason in words.

mod act;
mod keep;
mod people;
mod read;
mod time;
mod web;

use std::rc::Rc;

use rhai::{Dynamic, Engine, EvalAltResult};

pub(super) use self::read::ups;
pub(super) use self::web::of_value;
use super::instance::Shared;
use crate::plugin::bindings::wit::types::Error;

/// What a function of the host gives.
type Given<T> = Result<T, Box<EvalAltResult>>;

/// Registers everything.
pub(super) fn register(engine: &mut Engine, shared: &Rc<Shared>) {
    read::register(engine, shared);
    act::register(engine, shared);
    keep::register(engine, shared);
    people::register(engine, shared);
    time::register(engine, shared);
    web::register(engine);
}

/// The names that every function of the script sees.
pub(super) fn set_globals(shared: &Rc<Shared>, config: Dynamic) {
    for severity in ["info", "warning", "critical"] {
        shared.set_global(severity, severity.into());
    }
    shared.set_global("config", config);
    shared.set_global("ups", read::upses());
}

/// Why the host refused, in words.
pub(super) fn words(error: Error) -> String {
    match error {
        Error::Denied(why) => format!("not allowed: {why}"),
        Error::NotFound => "there is no such thing".to_owned(),
        Error::Invalid(why) | Error::Limit(why) | Error::Unavailable(why) => why,
        Error::Busy => "busy; the same may succeed later".to_owned(),
    }
}
