//! A new instance of a plugin that runs: made beside the old one, which serves until the new one has started.
//!
//! ```text
//! old:  serves ───────────────────────── stops listening, answers what has arrived, stops ─ gone
//! new:          read, compile, `start` ─ ready, waits ───────────────────────────────────── listens
//! ```
//!
//! Both have the listening sockets, and exactly one accepts from them: in between connections wait in the kernel's queue,
//! so no client is refused. When the new one fails the old one goes on. For that moment both have their memory: the host
//! needs room for twice the plugin's memory limit.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Instant;

use super::{
    Announcement, Gauges, News, Next, Plugin, PluginSettings, Progress, Running, STOP_PATIENCE, Supervisor,
};
use crate::plugin::Epitaph;
use crate::state::{Event, Severity};

/// How a start has ended: the version that runs, or why it does not.
pub type Outcome = Result<String, String>;
/// Hears how a start has ended, on the main loop: it must not block.
pub type OnOutcome = Box<dyn FnOnce(Outcome) + Send>;

/// The instance that is to take the place of the one that runs.
pub(super) struct Successor {
    pub(super) attempt: u64,
    pub(super) running: Running,
    settings: Arc<PluginSettings>,
    gauges: Arc<Gauges>,
    /// There when its `start` has succeeded; the old one has been asked to stop since.
    pub(super) announcement: Option<Announcement>,
}

impl Successor {
    /// Its thread ends by itself, and what it says is not heard any more.
    pub(super) fn give_up(self) {
        self.running.abort.store(true, SeqCst);
        self.running.ask_to_stop();
    }
}

impl Supervisor {
    /// Starts a plugin anew with the settings that it has, its strikes forgotten, and says how that ended. `false`: there is
    /// none of this id.
    pub fn restart(&mut self, id: &str, on_outcome: OnOutcome) -> bool {
        let Some(index) = self.find(id) else { return false };
        let plugin = &mut self.plugins[index];
        let settings = match &plugin.next {
            Some(Next::Again(settings)) => (**settings).clone(),
            _ => plugin.successor.as_ref().map_or(&plugin.settings, |next| &next.settings).as_ref().clone(),
        };
        plugin.waiting.push(on_outcome);
        self.renew(index, settings);
        true
    }

    /// As [`Supervisor::replace`], and says how it ended.
    pub fn replace_and_tell(&mut self, settings: PluginSettings, on_outcome: OnOutcome) {
        let index = match self.find(&settings.id) {
            Some(index) => index,
            None => {
                let index = self.insert(settings);
                self.plugins[index].waiting.push(on_outcome);
                self.start(index);
                return;
            }
        };
        self.plugins[index].waiting.push(on_outcome);
        self.renew(index, settings);
    }

    /// Puts a new instance in the place of whatever there is.
    pub(super) fn renew(&mut self, index: usize, settings: PluginSettings) {
        let plugin = &mut self.plugins[index];
        let serves = plugin.running.is_some() && plugin.life.is_running() && plugin.next.is_none();
        let is_ending = plugin.successor.as_ref().is_some_and(|successor| successor.announcement.is_some());
        if !serves || is_ending {
            self.leave(index, Next::Again(Box::new(settings)));
            return;
        }
        if let Some(overtaken) = plugin.successor.take() {
            overtaken.give_up();
        }
        plugin.attempts += 1;
        let attempt = plugin.attempts;
        let (settings, gauges) = (Arc::new(settings), Arc::<Gauges>::default());
        let inherited =
            plugin.announcement.as_ref().map_or_else(Vec::new, |announcement| announcement.sockets.clone());
        match self.spawn(index, attempt, Arc::clone(&settings), Arc::clone(&gauges), inherited) {
            Ok(running) => {
                let successor = Successor { attempt, running, settings, gauges, announcement: None };
                self.plugins[index].successor = Some(successor);
            }
            // There may be no descriptor to spare for a second instance.
            Err(_) => self.leave(index, Next::Again(Box::new(settings.as_ref().clone()))),
        }
    }

    /// What the successor's thread says.
    pub(super) fn hear_successor(&mut self, index: usize, news: News) -> Vec<Event> {
        let plugin = &mut self.plugins[index];
        match news {
            News::Progress(Progress::Ready(announcement)) => {
                if let Some(successor) = &mut plugin.successor {
                    successor.announcement = Some(*announcement);
                }
                if let Some(running) = &plugin.running {
                    running.ask_to_stop();
                    plugin.patience.get_or_insert(Instant::now() + STOP_PATIENCE);
                }
                Vec::new()
            }
            // Of a hook that failed before its time: told when it happens again.
            News::Progress(Progress::Erred(_)) => Vec::new(),
            // It was not told to go.
            News::Progress(Progress::Open { .. }) => Vec::new(),
            News::Ended(result) => {
                let Some(failed) = plugin.successor.take() else { return Vec::new() };
                let epitaph = result.err().unwrap_or_else(|| Epitaph::new("it has ended"));
                if failed.announcement.is_some() {
                    // The old one is ending already: the new settings are tried once more, from the beginning.
                    plugin.next = Some(Next::Again(Box::new(failed.settings.as_ref().clone())));
                }
                vec![plugin.keep(&epitaph)]
            }
        }
    }

    /// The old instance is gone: its successor is the plugin now.
    pub(super) fn promote(&mut self, index: usize) {
        let plugin = &mut self.plugins[index];
        let Some(successor) = plugin.successor.take() else { return };
        plugin.past_calls += plugin.gauges.calls.load(Relaxed);
        plugin.past_missed += plugin.gauges.missed_events.load(Relaxed);
        plugin.past_dropped += plugin.gauges.dropped_datagrams.load(Relaxed);
        successor.gauges.add_usage(&plugin.gauges.usage());
        plugin.gauges = successor.gauges;
        plugin.settings = successor.settings;
        plugin.attempt = successor.attempt;
        plugin.announcement = successor.announcement;
        plugin.life.renewed();
        successor.running.go.store(true, SeqCst);
        successor.running.wake.ping();
        plugin.running = Some(successor.running);
    }
}

impl Plugin {
    /// The new instance has failed, and the old one stays.
    fn keep(&mut self, epitaph: &Epitaph) -> Event {
        let reason = epitaph.text.clone();
        tracing::error!(plugin = %self.id, "the new instance failed: {reason}; the one that runs goes on");
        self.trouble = Some(epitaph.clone());
        self.lines.add("error", &format!("the new instance failed: {reason}"));
        self.tell(&Err(format!("{reason}; the instance that ran before goes on")));
        self.event("plugin.reload-failed", Severity::Warning, vec![("reason", reason)])
    }
}
