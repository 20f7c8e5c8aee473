//! Signals, as events of the loop.

use calloop::LoopHandle;
use calloop::signals::{Signal, Signals};

use super::{Ending, State};
use crate::users::Principal;

pub(super) fn init(handle: &LoopHandle<'static, State>) -> calloop::Result<()> {
    let signals = Signals::new(&[Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP])?;
    let inserted = handle.insert_source(signals, |event, (), state| match event.signal() {
        Signal::SIGHUP => {
            // Who sends a signal waits for no answer; it is in the log.
            let by = Principal { name: "SIGHUP".to_owned(), ..Principal::host() };
            state.reload(by, Box::new(drop));
        }
        signal => {
            tracing::info!("ending on {signal:?}");
            state.ending = Some(Ending::Asked);
        }
    });
    inserted.map(|_| ()).map_err(|error| error.error)
}
