//! What other threads ask of the main loop.

use crate::door::{OrderRequest, Progress};
use crate::host::health::LoopHealth;
use crate::plugin::{Message, PluginStatus, Standing};
use crate::users::Principal;

/// Takes an answer, on the main loop: it must not block.
pub type Reply<Answer> = Box<dyn FnOnce(Answer) + Send>;
/// Hears how an order goes, on the main loop: it must not block.
pub type Progressing = Box<dyn FnMut(Progress) + Send>;

/// Something for the main loop to do.
pub(crate) enum Request {
    Order(OrderRequest, Progressing),
    Reload(Principal, Reply<Result<ReloadReport, String>>),
    Plugins(Reply<Vec<PluginStatus>>),
    Plugin { principal: Principal, id: String, standing: Standing, reply: Reply<Result<String, String>> },
    PurgePlugin { principal: Principal, id: String, reply: Reply<Result<usize, String>> },
    PluginSays(Message),
    LoopHealth(Reply<LoopHealth>),
    StartAnew,
    Simulator { principal: Principal, device: String, line: String, reply: Reply<Result<String, String>> },
}

/// What a reload has changed. Empty lists: the file says what it said before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReloadReport {
    /// One sentence for each thing that was changed.
    pub changed: Vec<String>,
    /// One sentence for each difference that takes effect at the next start only.
    pub needs_restart: Vec<String>,
}

/// The main loop has not answered in time, or has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the daemon's main loop does not answer")]
pub struct Gone;
