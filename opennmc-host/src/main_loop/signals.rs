//! Signals, as events of the loop.

use calloop::LoopHandle;
use calloop::signals::{Signal, Signals};

use super::State;

pub(super) fn init(handle: &LoopHandle<'static, State>) -> calloop::Result<()> {
    let signals = Signals::new(&[Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP])?;
    let inserted = handle.insert_source(signals, |event, (), state| match event.signal() {
        Signal::SIGHUP => {
            tracing::warn!("SIGHUP: this version can't reload its configuration; restart it instead");
        }
        signal => {
            tracing::info!("ending on {signal:?}");
            state.stopping = true;
        }
    });
    inserted.map(|_| ()).map_err(|error| error.error)
}
