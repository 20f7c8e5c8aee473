//! A plugin's web pages: a place in the host's server from its start on, and requests from its opening to its end.

use std::sync::Arc;

use calloop::channel::Sender;

use crate::http::{Asked, Assets, Mount, Mounts, Served};
use crate::plugin::services::Outcome;
use crate::plugin::{Epitaph, Grant};

/// Requests handed to the guest in one turn.
const REQUESTS_A_TURN: usize = 16;

/// What is at a plugin's mount.
pub(super) struct Pages {
    pub(super) assets: Assets,
    /// Bytes of a request's body that the plugin can take.
    pub(super) largest_body: usize,
    /// The mount is one address, and no folder.
    pub(super) is_address: bool,
}

/// A plugin's place among the pages of this host; a plugin without pages has none.
pub(super) struct Web {
    mounts: Mounts,
    plugin: Arc<str>,
    mount: Option<Mount>,
    outcomes: Sender<Outcome>,
    /// From its opening on.
    served: Option<Served>,
}

impl Web {
    /// Keeps the plugin's place, so that who asks meanwhile hears that it does not run yet.
    pub(super) fn reserve(
        mounts: Mounts,
        plugin: Arc<str>,
        grant: &Grant,
        pages: Pages,
        outcomes: Sender<Outcome>,
    ) -> Result<Web, Epitaph> {
        let mount = grant.needs.http.as_ref().map(|need| Mount {
            plugin: Arc::clone(&plugin),
            path: need.mount.clone(),
            is_address: pages.is_address,
            public: need.public,
            assets: Arc::new(pages.assets),
            largest_body: pages.largest_body,
        });
        if let Some(mount) = &mount {
            mounts.reserve(mount.clone()).map_err(|other| taken(&mount.path, &other))?;
        }
        Ok(Web { mounts, plugin, mount, outcomes, served: None })
    }

    /// From now on requests come here.
    pub(super) fn open(&mut self) -> Result<(), Epitaph> {
        let Some(mount) = self.mount.take() else {
            self.mounts.remove(&self.plugin);
            return Ok(());
        };
        let path = mount.path.clone();
        let line = self.mounts.put(mount).map_err(|other| taken(&path, &other))?;
        let outcomes = self.outcomes.clone();
        // One that has ended meanwhile takes nothing; the line knows.
        self.served = Some(line.serve(Box::new(move || drop(outcomes.send(Outcome::Asked)))));
        Ok(())
    }

    /// Requests that wait. When there are more, another turn follows.
    pub(super) fn take(&self) -> Vec<Asked> {
        let Some(served) = &self.served else { return Vec::new() };
        let (asked, more) = served.take(REQUESTS_A_TURN);
        if more {
            let _ = self.outcomes.send(Outcome::Asked);
        }
        asked
    }

    /// What comes from now on waits for the next instance.
    pub(super) fn close(&self) {
        if let Some(served) = &self.served {
            served.pause();
        }
    }
}

fn taken(path: &str, other: &str) -> Epitaph {
    Epitaph::of_surroundings(format!(
        "can't have its web pages under {path}: the plugin `{other}` has that; disable one of the two"
    ))
}
