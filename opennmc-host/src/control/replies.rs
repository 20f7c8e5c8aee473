//! Where the answers to a request go: to a client of the socket, or to somebody inside of the daemon.
//!
//! Whatever carries a request out says things here and knows nothing of who listens.

use std::os::fd::OwnedFd;

use serde::Serialize;
use serde_json::Value;

/// Whoever asked does not take what is said, or is gone.
#[derive(Debug)]
pub(super) struct HungUp;

/// Takes what is said before a request is answered.
pub(super) trait Replies {
    /// One of many.
    fn take(&mut self, item: Value) -> Result<(), HungUp>;
    /// The file that came with the request.
    fn attached(&mut self) -> Option<OwnedFd>;
    /// Once the request is answered, the daemon is to start anew.
    fn start_anew_after(&mut self);
    /// Whether whoever asked has hung up. One that only closed its side for writing still listens.
    fn is_gone(&self) -> bool;
}

/// Says one of many.
pub(super) fn item(replies: &mut dyn Replies, item: &impl Serialize) -> Result<(), HungUp> {
    let item = serde_json::to_value(item).map_err(|error| {
        tracing::error!("an answer can't be written as JSON: {error}");
        HungUp
    })?;
    replies.take(item)
}
