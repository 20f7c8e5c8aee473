//! The plugin supervisor on the main loop: its reports, its deadlines, its events.
//!
//! The supervisor does the work; this gives it turns. Nothing here waits for a plugin.

use std::sync::Arc;
use std::time::Instant;

use calloop::timer::{TimeoutAction, Timer};
use calloop::{LoopHandle, RegistrationToken, channel};

use super::{Error, State};
use crate::config::Settings;
use crate::plugin::{PluginSettings, PluginStatus, Report, Supervisor, SupervisorOptions};
use crate::state::Event;

/// The supervisor and its timer.
pub(super) struct Plugins {
    supervisor: Supervisor,
    timer: Option<(RegistrationToken, Instant)>,
    /// What happened to plugins since it was last taken. The supervisor has logged it.
    events: Vec<Event>,
}

/// Starts every enabled plugin of `settings`, without waiting for any.
pub(super) fn init(state: &State, settings: &Settings) -> Result<Plugins, Error> {
    let (reports, receiver) = channel::channel::<Report>();
    let options = SupervisorOptions {
        package_dirs: settings.plugin_dirs.clone(),
        state_dir: settings.state_dir.clone(),
        started: state.clock.started,
    };
    let enabled = settings.plugins.iter().filter(|plugin| plugin.enabled);
    let plugins = enabled.map(|plugin| PluginSettings {
        id: plugin.id.clone(),
        package: plugin.package.clone(),
        listen: plugin.listen.clone(),
        config: plugin.config.clone(),
    });
    let mut supervisor = Supervisor::new(options, plugins.collect(), state.publisher.snapshots(), reports)?;
    let inserted = state.handle.insert_source(receiver, |message, (), state: &mut State| {
        if let (channel::Event::Msg(report), Some(plugins)) = (message, &mut state.plugins) {
            let events = plugins.supervisor.handle_report(report);
            plugins.events.extend(events);
        }
    });
    inserted.map_err(|error| error.error)?;
    supervisor.start_all();
    Ok(Plugins { supervisor, timer: None, events: Vec::new() })
}

impl Plugins {
    pub(super) fn settled(&self) -> bool {
        self.supervisor.settled()
    }

    pub(super) fn stop(&mut self) {
        self.supervisor.stop();
    }

    pub(super) fn status(&self) -> Vec<PluginStatus> {
        self.supervisor.status()
    }

    /// What happened to plugins since this was last asked.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// To every plugin that listens; never waits.
    pub(super) fn publish(&mut self, event: &Arc<Event>) {
        self.supervisor.publish(event);
    }

    /// Sets the timer for the supervisor's next deadline. Cheap when that has not moved.
    pub(super) fn arm(&mut self, handle: &LoopHandle<'static, State>) {
        let Some(deadline) = self.supervisor.next_deadline() else { return };
        if let Some((token, armed)) = self.timer {
            if armed <= deadline {
                return;
            }
            handle.remove(token);
            self.timer = None;
        }
        let inserted = handle.insert_source(Timer::from_deadline(deadline), |_, (), state: &mut State| {
            if let Some(plugins) = &mut state.plugins {
                plugins.timer = None;
                let events = plugins.supervisor.handle_deadline(Instant::now());
                plugins.events.extend(events);
            }
            TimeoutAction::Drop
        });
        match inserted {
            Ok(token) => self.timer = Some((token, deadline)),
            Err(error) => tracing::error!("can't set the supervisor's timer: {error}"),
        }
    }
}
