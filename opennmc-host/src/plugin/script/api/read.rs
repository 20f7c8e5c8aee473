//! The UPSes, as they are now.

use std::rc::Rc;

use rhai::{Array, Dynamic, Engine, ImmutableString};

use super::super::instance::Shared;
use super::super::value;
use super::Given;
use crate::state::{Availability, Device};

/// All UPSes, for `ups["main"]`.
#[derive(Clone)]
struct Upses;

/// One UPS, by its name.
#[derive(Clone)]
pub(super) struct Ups(pub(super) ImmutableString);

/// The UPS of this name.
pub(in crate::plugin::script) fn ups(name: &str) -> Dynamic {
    Dynamic::from(Ups(name.into()))
}

/// What scripts see as `ups`.
pub(super) fn upses() -> Dynamic {
    Dynamic::from(Upses)
}

pub(super) fn register(engine: &mut Engine, shared: &Rc<Shared>) {
    engine.register_type_with_name::<Upses>("Upses").register_type_with_name::<Ups>("Ups");
    let host = Rc::clone(shared);
    engine.register_indexer_get(move |_: &mut Upses, name: ImmutableString| -> Given<Ups> {
        find(&host, &name)
    });
    let host = Rc::clone(shared);
    engine.register_fn("upses", move || -> Given<Array> {
        host.with(|state| {
            state
                .ups
                .snapshot()
                .devices
                .iter()
                .map(|device| Dynamic::from(Ups(device.name.as_str().into())))
                .collect()
        })
    });
    let host = Rc::clone(shared);
    engine.register_indexer_get(move |ups: &mut Ups, name: ImmutableString| variable(&host, ups, &name));
    engine.register_get("name", |ups: &mut Ups| ups.0.clone());
    let host = Rc::clone(shared);
    engine.register_get("status", move |ups: &mut Ups| variable(&host, ups, "ups.status"));
    let host = Rc::clone(shared);
    engine.register_get("description", move |ups: &mut Ups| {
        look(&host, ups, |device| device.description.as_deref().map_or(Dynamic::UNIT, Into::into))
    });
    let host = Rc::clone(shared);
    engine.register_get("is_live", move |ups: &mut Ups| {
        look(&host, ups, |device| (device.availability == Availability::Live).into())
    });
    let host = Rc::clone(shared);
    engine.register_get("variables", move |ups: &mut Ups| {
        look(&host, ups, |device| {
            let entry =
                |(name, variable): (&String, &_)| (name.as_str().into(), value::of_variable(variable));
            device.variables.iter().map(entry).collect::<rhai::Map>().into()
        })
    });
    let host = Rc::clone(shared);
    engine.register_get("commands", move |ups: &mut Ups| {
        look(&host, ups, |device| {
            device.commands.iter().map(|name| name.as_str().into()).collect::<Array>().into()
        })
    });
    let host = Rc::clone(shared);
    engine.register_fn("has", move |ups: &mut Ups, token: ImmutableString| {
        look(&host, ups, |device| {
            let status = device.variables.get("ups.status").map_or("", |status| status.value.as_str());
            status.split_whitespace().any(|known| known.eq_ignore_ascii_case(&token)).into()
        })
    });
    engine.register_fn("to_string", |ups: &mut Ups| ups.0.clone());
    engine.register_fn("to_debug", |ups: &mut Ups| ups.0.clone());
    engine.register_fn("==", |one: Ups, other: Ups| one.0 == other.0);
}

fn find(shared: &Shared, name: &str) -> Given<Ups> {
    shared.with(|state| {
        let snapshot = state.ups.snapshot();
        match snapshot.device(name) {
            Some(device) => Ok(Ups(device.name.as_str().into())),
            None => {
                let known: Vec<&str> = snapshot.devices.iter().map(|device| device.name.as_str()).collect();
                Err(format!("there is no UPS `{name}`; there is {}", known.join(", ")).into())
            }
        }
    })?
}

/// What a UPS does not have, or no longer is, is `()`.
fn look(shared: &Shared, ups: &Ups, work: impl FnOnce(&Device) -> Dynamic) -> Given<Dynamic> {
    shared.with(|state| state.ups.snapshot().device(&ups.0).map_or(Dynamic::UNIT, |device| work(device)))
}

fn variable(shared: &Shared, ups: &Ups, name: &str) -> Given<Dynamic> {
    look(shared, ups, |device| device.variables.get(name).map_or(Dynamic::UNIT, value::of_variable))
}
