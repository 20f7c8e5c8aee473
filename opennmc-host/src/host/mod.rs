//! What every other thread holds of the daemon.
//!
//! A [`HostHandle`] is cheap to clone and may be sent anywhere. Reading is lock-free; whatever changes something becomes a
//! [`Request`] that the main loop carries out. Callbacks that are handed in run **on the main loop** and must not block:
//! put the answer into a channel. The functions that end in `_and_wait` do that, for threads that may wait; the main loop
//! must never call them.

pub mod feed;
pub mod health;
pub mod notices;
mod request;

use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant, SystemTime};

use calloop::channel::Sender;

pub use self::feed::{EventFeed, Fed, Silence, Subscription};
pub use self::health::{Lateness, LinkHealth, LoopHealth};
pub(crate) use self::request::Request;
pub use self::request::{Gone, Progressing, ReloadReport, Reply};

use crate::config::{DEFAULT_FILE, DEFAULT_STATE_DIR};
use crate::door::{OrderId, OrderRequest, OrderResult, Progress};
use crate::history::HistoryHandle;
use crate::plugin::{Message, PluginStatus, Standing};
use crate::state::{Heartbeat, SnapshotCell};
use crate::users::Principal;

/// Where the command line finds the daemon, unless the configuration says otherwise.
pub const DEFAULT_SOCKET: &str = "/run/opennmc/opennmc.sock";

/// Where things are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The configuration that was loaded, and is loaded again on request.
    pub config: PathBuf,
    /// The folder for everything that must survive a restart.
    pub state_dir: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
}

impl Default for Paths {
    fn default() -> Paths {
        Paths {
            config: DEFAULT_FILE.into(),
            state_dir: DEFAULT_STATE_DIR.into(),
            socket: DEFAULT_SOCKET.into(),
        }
    }
}

/// The daemon, as every other thread sees it.
#[derive(Clone)]
pub struct HostHandle {
    /// The state of every UPS.
    pub snapshots: SnapshotCell,
    /// What happens.
    pub feed: EventFeed,
    /// Whether the main loop is alive.
    pub heartbeat: Heartbeat,
    /// What happened, what was measured, who did what; there from the start of the main loop on.
    pub history: Option<HistoryHandle>,
    /// Where things are.
    pub paths: Paths,
    /// When the daemon was started.
    pub started: SystemTime,
    pub(crate) requests: Sender<Request>,
}

impl HostHandle {
    /// Orders something of a UPS. `progress` hears [`Progress::Begun`] when the UPS is being asked, and in every case
    /// exactly one [`Progress::Ended`].
    pub fn order(&self, request: OrderRequest, progress: Progressing) {
        if let Err(unsent) = self.requests.send(Request::Order(request, progress))
            && let Request::Order(_, mut progress) = unsent.0
        {
            progress(Progress::Ended(OrderId(0), OrderResult::Refused("the daemon ends".to_owned())));
        }
    }

    /// Loads the configuration anew and applies what is different, all of it or nothing. For administrators.
    pub fn reload(&self, principal: Principal, reply: Reply<Result<ReloadReport, String>>) {
        self.send(Request::Reload(principal, reply));
    }

    /// How every plugin is.
    pub fn plugins(&self, reply: Reply<Vec<PluginStatus>>) {
        self.send(Request::Plugins(reply));
    }

    /// Takes in what a plugin says to everybody.
    pub(crate) fn plugin_says(&self, message: Message) {
        self.send(Request::PluginSays(message));
    }

    /// How well the main loop and the lines to the UPSes do.
    pub fn loop_health(&self, reply: Reply<LoopHealth>) {
        self.send(Request::LoopHealth(reply));
    }

    /// Says a line of the simulator's control language, such as `line off`, to a UPS whose port is `sim:`. For
    /// administrators; any other port refuses.
    pub fn simulator(
        &self,
        principal: Principal,
        device: impl Into<String>,
        line: impl Into<String>,
        reply: Reply<Result<String, String>>,
    ) {
        let (device, line) = (device.into(), line.into());
        self.send(Request::Simulator { principal, device, line, reply });
    }

    /// [`HostHandle::order`], and the result. What has not ended after `limit` is given as [`OrderResult::TimedOut`], and
    /// goes on.
    pub fn order_and_wait(&self, request: OrderRequest, limit: Duration) -> OrderResult {
        let (sender, progress) = sync_channel(2);
        // A waiting thread that gave up is no concern of the loop's.
        self.order(request, Box::new(move |step| drop(sender.try_send(step))));
        let until = Instant::now() + limit;
        loop {
            match progress.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Progress::Ended(_, result)) => return result,
                Ok(_) => {}
                Err(_) => return OrderResult::TimedOut,
            }
        }
    }

    /// [`HostHandle::reload`], and the result.
    pub fn reload_and_wait(
        &self,
        principal: Principal,
        limit: Duration,
    ) -> Result<Result<ReloadReport, String>, Gone> {
        wait(limit, |reply| self.reload(principal, reply))
    }

    /// [`HostHandle::plugins`], and the answer.
    pub fn plugins_and_wait(&self, limit: Duration) -> Result<Vec<PluginStatus>, Gone> {
        wait(limit, |reply| self.plugins(reply))
    }

    /// Lets a plugin run as it now stands with the grants, and tells what came of it in words. For administrators.
    pub fn plugin_and_wait(
        &self,
        principal: Principal,
        id: &str,
        standing: Standing,
        limit: Duration,
    ) -> Result<Result<String, String>, Gone> {
        let id = id.to_owned();
        wait(limit, |reply| self.send(Request::Plugin { principal, id, standing, reply }))
    }

    /// Drops all that a plugin which is not to run any more has kept, once it has ended, and tells how many keys that were.
    /// For administrators.
    pub fn purge_plugin_and_wait(
        &self,
        principal: Principal,
        id: &str,
        limit: Duration,
    ) -> Result<Result<usize, String>, Gone> {
        let id = id.to_owned();
        wait(limit, |reply| self.send(Request::PurgePlugin { principal, id, reply }))
    }

    /// [`HostHandle::loop_health`], and the answer.
    pub fn loop_health_and_wait(&self, limit: Duration) -> Result<LoopHealth, Gone> {
        wait(limit, |reply| self.loop_health(reply))
    }

    /// [`HostHandle::simulator`], and the answer.
    pub fn simulator_and_wait(
        &self,
        principal: Principal,
        device: &str,
        line: &str,
        limit: Duration,
    ) -> Result<Result<String, String>, Gone> {
        wait(limit, |reply| self.simulator(principal, device, line, reply))
    }

    /// Ends everything in order and starts the daemon anew, in the same process. For what must not be done while it runs.
    pub(crate) fn start_anew(&self) {
        self.send(Request::StartAnew);
    }

    /// A request that can't be sent any more is dropped with its reply, and who waits for that hears so.
    fn send(&self, request: Request) {
        if self.requests.send(request).is_err() {
            tracing::debug!("a request came after the main loop's end");
        }
    }
}

fn wait<Answer: Send + 'static>(limit: Duration, ask: impl FnOnce(Reply<Answer>)) -> Result<Answer, Gone> {
    let (sender, answer) = sync_channel(1);
    ask(Box::new(move |given| drop(sender.try_send(given))));
    answer.recv_timeout(limit).map_err(|_| Gone)
}
