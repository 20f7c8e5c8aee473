//! What plugins keep, as the main loop sees it: it opens the file and tells how the disk is.

use std::path::Path;

use calloop::{LoopHandle, channel};

use crate::main_loop::{Error, State};
use crate::plugin::{PluginError, PluginStore, StoreNotice};
use crate::state::Severity;

/// What the file is called in the state folder.
const FILE_NAME: &str = "store.db";

/// Opens what plugins keep. A disk that is bad is no reason not to start.
pub(in crate::main_loop) fn open(
    handle: &LoopHandle<'static, State>,
    state_dir: &Path,
) -> Result<PluginStore, Error> {
    let (sender, notices) = channel::channel();
    let inserted = handle.insert_source(notices, |message, (), state: &mut State| {
        if let channel::Event::Msg(notice) = message {
            state.tell_store_notice(&notice);
        }
    });
    inserted.map_err(|error| error.error)?;
    // The loop is gone only when the daemon ends.
    let store = PluginStore::open(&state_dir.join(FILE_NAME), move |notice| drop(sender.send(notice)));
    store.map_err(|error| Error::Plugins(PluginError::Store(error)))
}

impl State {
    fn tell_store_notice(&mut self, notice: &StoreNotice) {
        match notice {
            StoreNotice::Failed(reason) => {
                let reason = reason.to_string();
                tracing::error!("what plugins keep is in memory only for now: {reason}");
                self.happen("plugin.store-failed", Severity::Warning, vec![("reason", reason)]);
            }
            StoreNotice::Recovered => {
                tracing::info!("what plugins keep is on disk again");
                self.happen("plugin.store-recovered", Severity::Info, Vec::new());
            }
            StoreNotice::MovedAside { to, reason } => {
                let to = to.display().to_string();
                tracing::error!(to, "what plugins kept was broken and a new file was begun: {reason}");
                let fields = vec![("kept-as", to), ("reason", reason.clone())];
                self.happen("plugin.store-failed", Severity::Warning, fields);
            }
        }
    }
}
