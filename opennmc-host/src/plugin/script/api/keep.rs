//! What a script keeps over restarts, and the figures that it publishes.

use std::rc::Rc;
use std::sync::PoisonError;

use rhai::{Array, Dynamic, Engine, ImmutableString};

use super::super::instance::Shared;
use super::super::value;
use super::Given;
use crate::plugin::bindings::wit::store;

/// Figures of one script; each is a column in whatever shows them.
const METRICS: usize = 32;
const METRIC_NAME: usize = 64;

pub(super) fn register(engine: &mut Engine, shared: &Rc<Shared>) {
    let host = Rc::clone(shared);
    engine.register_fn("store", move |key: ImmutableString, kept: Dynamic| -> Given<()> {
        let json = value::to_json(&kept, false)?.to_string();
        if let Some(noted) = &host.dry {
            noted.borrow_mut().push(format!("store({key:?}, {json})"));
            return Ok(());
        }
        host.with(|state| store::Host::set(state, key.to_string(), json.into_bytes()))?
            .map_err(|error| host.refused(error))
    });
    let host = Rc::clone(shared);
    engine.register_fn("recall", move |key: ImmutableString| recall(&host, &key));
    let host = Rc::clone(shared);
    engine.register_fn("recall", move |key: ImmutableString, otherwise: Dynamic| -> Given<Dynamic> {
        let kept = recall(&host, &key)?;
        Ok(if kept.is_unit() { otherwise } else { kept })
    });
    let host = Rc::clone(shared);
    engine.register_fn("forget", move |key: ImmutableString| -> Given<()> {
        host.with(|state| store::Host::delete(state, key.to_string()))
    });
    let host = Rc::clone(shared);
    engine.register_fn("stored", move |prefix: ImmutableString| -> Given<Array> {
        let keys = host.with(|state| store::Host::keys(state, prefix.to_string()))?;
        Ok(keys.into_iter().map(Dynamic::from).collect())
    });
    let host = Rc::clone(shared);
    engine.register_fn("metric", move |name: ImmutableString, figure: Dynamic| metric(&host, &name, &figure));
}

fn recall(shared: &Shared, key: &str) -> Given<Dynamic> {
    let kept = shared.with(|state| store::Host::get(state, key.to_owned()))?;
    let json = kept.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    Ok(json.as_ref().map_or(Dynamic::UNIT, value::of_json))
}

/// `()` takes the figure away.
fn metric(shared: &Shared, name: &str, figure: &Dynamic) -> Given<()> {
    let is_name = (1..=METRIC_NAME).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b));
    if !is_name {
        return Err(format!(
            "`{name}` is no name of a figure; it has lower-case letters, digits, `.`, `-` and `_`"
        )
        .into());
    }
    let mut metrics = shared.gauges.metrics.lock().unwrap_or_else(PoisonError::into_inner);
    if figure.is_unit() {
        metrics.remove(name);
        return Ok(());
    }
    let as_float = figure.as_float().or_else(|_| figure.as_int().map(|whole| whole as f64));
    let number = as_float.ok().filter(|number| number.is_finite());
    let number = number.ok_or_else(|| format!("a figure must be a number, not {}", figure.type_name()))?;
    if !metrics.contains_key(name) && metrics.len() >= METRICS {
        return Err(format!("{METRICS} figures are published, which is the most").into());
    }
    metrics.insert(name.to_owned(), number);
    Ok(())
}
