//! The plugin supervisor on the main loop: its reports, its deadlines, its events.
//!
//! The supervisor does the work; this gives it turns. Nothing here waits for a plugin.

use std::sync::Arc;
use std::time::{Duration, Instant};

use calloop::timer::{TimeoutAction, Timer};
use calloop::{LoopHandle, RegistrationToken, channel};

use super::scripts::{Scripts, Seen};
use super::{Error, State, messages};
use crate::config::{Change, Changes, PluginSection, Settings, What};
use crate::control::{Host, administration};
use crate::host::{ReloadReport, Reply};
use crate::plugin::{
    Compiling, Grants, GrantsFile, Installer, Messages, Network, Outcome, Past, PluginError, PluginSettings,
    PluginStatus, PluginStore, Report, Services, Standing, Supervisor, SupervisorOptions, Target,
};
use crate::state::Event;

/// How long the end of the daemon waits for what plugins set last.
const LAST_WRITES: Duration = Duration::from_millis(500);

/// The supervisor and its timer.
pub(super) struct Plugins {
    supervisor: Supervisor,
    store: PluginStore,
    timer: Option<(RegistrationToken, Instant)>,
    /// What happened to plugins since it was last taken. The supervisor has logged it.
    events: Vec<Event>,
    /// What was granted, and what is switched off, as it was last read.
    standing: GrantsFile,
    scripts: Scripts,
}

/// Starts every enabled plugin of `settings`, without waiting for any.
pub(super) fn init(state: &State, settings: &Settings) -> Result<Plugins, Error> {
    let (reports, receiver) = channel::channel::<Report>();
    let compiling = Compiling::here(settings.state_dir.clone());
    let compiling = match &state.compiler {
        None => compiling,
        Some(program) => compiling.with(Some(program.clone()), Target::of_this_host()),
    };
    let options = SupervisorOptions {
        package_dirs: settings.plugin_dirs.clone(),
        state_dir: settings.state_dir.clone(),
        compiling,
        trust: settings.trust(),
        started: state.clock.started,
    };
    let standing = standing(settings);
    if let Err(error) = Installer::new(&settings.state_dir, settings.trust()).sweep_all() {
        tracing::warn!("can't tidy the installed plugins up: {error}");
    }
    let plugins = all_wanted(settings, &standing);
    let mut supervisor = Supervisor::new(options, plugins, state.publisher.snapshots(), reports)?;
    let inserted = state.handle.insert_source(receiver, |message, (), state: &mut State| {
        if let (channel::Event::Msg(report), Some(plugins)) = (message, &mut state.plugins) {
            let events = plugins.supervisor.handle_report(report);
            plugins.events.extend(events);
        }
    });
    inserted.map_err(|error| error.error)?;
    let store = messages::open_store(&state.handle, &settings.state_dir)?;
    if let Some(users) = state.users.clone() {
        let host = state.host_handle();
        let orders = Arc::new(move |request, progress| host.order(request, progress));
        let messages = {
            let host = state.host_handle();
            Messages::new(move |message| host.plugin_says(message), state.messaging.full_flag())
                .knowing(state.messaging.notifiers())
        };
        let past = state.records.as_ref().map(|records| Past::start(&records.history)).transpose();
        let past = past.map_err(PluginError::Past)?;
        let administration = administration(Host {
            handle: state.host_handle(),
            users: Arc::clone(&users),
            log: state.log.clone().unwrap_or_default(),
            // A restore is not asked for this way.
            restarts: false,
        });
        supervisor.offer(Services {
            administration: Some(administration),
            mounts: Some(state.mounts.clone()),
            store: Some(store.clone()),
            messages: Some(messages),
            past,
            ..Services::new(users, orders)
        });
    }
    supervisor.reach_through(Network::new(state.tls.clone()));
    supervisor.start_all();
    let scripts = Scripts::default();
    let mut plugins = Plugins { supervisor, store, timer: None, events: Vec::new(), standing, scripts };
    plugins.look_at_scripts(settings);
    Ok(plugins)
}

/// The grants; none when they can't be read. Then nothing that was installed runs, and the plugins of the system do.
fn standing(settings: &Settings) -> GrantsFile {
    Grants::of(&settings.state_dir).read().unwrap_or_else(|error| {
        tracing::error!("no installed plugin is started: {error}");
        GrantsFile::default()
    })
}

/// Every plugin that is to run: those of the configuration in its order, then those that are only installed.
fn all_wanted(settings: &Settings, standing: &GrantsFile) -> Vec<PluginSettings> {
    let configured = settings.plugins.iter().map(|plugin| plugin.id.as_str());
    let installed = standing.plugin.keys().map(String::as_str);
    let is_configured = |id: &&str| settings.plugins.iter().any(|plugin| plugin.id == *id);
    let ids = configured.chain(installed.filter(|id| !is_configured(id)));
    ids.filter_map(|id| wanted_as(id, settings, standing)).collect()
}

/// How a plugin is to run; none: not at all.
fn wanted_as(id: &str, settings: &Settings, standing: &GrantsFile) -> Option<PluginSettings> {
    if standing.disabled.contains(id) {
        return None;
    }
    match settings.plugins.iter().find(|plugin| plugin.id == id) {
        Some(section) => section.enabled.then(|| wanted(section)),
        None => standing
            .plugin
            .contains_key(id)
            .then(|| PluginSettings { id: id.to_owned(), ..PluginSettings::default() }),
    }
}

fn wanted(section: &PluginSection) -> PluginSettings {
    PluginSettings {
        id: section.id.clone(),
        package: section.package.clone(),
        sha256: section.sha256,
        listen: section.listen.clone(),
        listen_udp: section.listen_udp.clone(),
        limits: section.limits,
        allow: section.allow.clone(),
        config: section.config.clone(),
        script: None,
    }
}

impl Plugins {
    pub(super) fn settled(&self) -> bool {
        self.supervisor.settled()
    }

    pub(super) fn stop(&mut self) {
        self.supervisor.stop();
        if !self.store.close(LAST_WRITES) {
            tracing::warn!("what plugins set last was not written before the end");
        }
    }

    pub(super) fn status(&self) -> Vec<PluginStatus> {
        let mut all = self.supervisor.status();
        let off = self.standing.disabled.iter().filter(|id| !all.iter().any(|plugin| plugin.id == **id));
        let off: Vec<PluginStatus> = off.map(|id| PluginStatus::switched_off(id)).collect();
        all.extend(off);
        all
    }

    /// Stops a plugin that is not to run any more, drops all that it has kept, and tells how many keys that were.
    pub(super) fn purge(&mut self, id: &str, settings: &Settings, reply: Reply<Result<usize, String>>) {
        self.standing = standing(settings);
        if self.wanted_now(id, settings).is_some() {
            return reply(Err(format!("`{id}` is still to run, so that what it has stored stays")));
        }
        let (store, name) = (self.store.clone(), id.to_owned());
        let then = move || {
            let told = move |purged: Result<usize, _>| {
                reply(purged.map_err(|reason| {
                    format!("what it had stored goes from the disk as soon as that takes anything: {reason}")
                }));
            };
            store.purge(&name, Box::new(told));
        };
        self.supervisor.remove_and_then(id, Box::new(then));
    }

    fn wanted_now(&self, id: &str, settings: &Settings) -> Option<PluginSettings> {
        let script = self.scripts.settings(id).filter(|_| !self.standing.disabled.contains(id));
        script.or_else(|| wanted_as(id, settings, &self.standing))
    }

    /// Makes one plugin what the grants, which may have changed, say of it, and tells how that ended.
    pub(super) fn stand(
        &mut self,
        id: &str,
        why: Standing,
        settings: &Settings,
        reply: Reply<Result<String, String>>,
    ) {
        self.standing = standing(settings);
        let Some(wanted) = self.wanted_now(id, settings) else {
            self.supervisor.remove(id);
            return reply(match why {
                Standing::Restart => Err(format!("`{id}` is not to run: it is not there, or disabled")),
                Standing::Changed | Standing::Known => Ok(format!("{id} is stopped")),
            });
        };
        let runs = self.supervisor.status().iter().any(|plugin| plugin.id == id && plugin.is_running());
        if why == Standing::Known && runs {
            return reply(Ok(format!("{id} goes on")));
        }
        let id = id.to_owned();
        let told = move |outcome: Outcome| reply(outcome.map(|version| format!("{id} {version} runs")));
        self.supervisor.replace_and_tell(wanted, Box::new(told));
    }

    /// Starts scripts that came or were changed, and stops those that went; says how many that were.
    pub(super) fn look_at_scripts(&mut self, settings: &Settings) -> usize {
        let seen = self.scripts.look(settings);
        let count = seen.len();
        for seen in seen {
            match seen {
                Seen::Run(settings) if self.standing.disabled.contains(&settings.id) => {}
                Seen::Run(settings) => self.supervisor.replace(*settings),
                Seen::Stop(id) => self.supervisor.remove(&id),
            }
        }
        count
    }

    /// What happened to plugins, for the caller to take out.
    pub(super) fn take_events(&mut self) -> &mut Vec<Event> {
        &mut self.events
    }

    /// Makes the plugins what `new` says, without waiting for any.
    pub(super) fn apply(&mut self, changes: &Changes, new: &Settings, report: &mut ReloadReport) {
        if changes.plugin_dirs {
            self.supervisor.set_package_dirs(new.plugin_dirs.clone());
            report.changed.push("plugin packages are looked for in other folders".to_owned());
        }
        if changes.trust {
            self.supervisor.set_trust(new.trust());
            report.changed.push("other signatures of plugin packages count from now on".to_owned());
        }
        for Change { name, what } in &changes.plugins {
            match (what, wanted_as(name, new, &self.standing)) {
                (What::Added, Some(settings)) => {
                    self.supervisor.add(settings);
                    report.changed.push(format!("plugin `{name}` is started"));
                }
                (_, Some(settings)) => {
                    self.supervisor.replace(settings);
                    report.changed.push(format!("plugin `{name}` is started anew with other settings"));
                }
                (What::Added, None) => {
                    report.changed.push(format!("plugin `{name}` is there and switched off"));
                }
                (_, None) => {
                    self.supervisor.remove(name);
                    report.changed.push(format!("plugin `{name}` is stopped"));
                }
            }
        }
        if changes.scripts {
            let count = self.look_at_scripts(new);
            report.changed.push(format!("{count} scripts are started anew or stopped"));
        }
        self.supervisor.arrange(&new.plugins.iter().map(|plugin| plugin.id.clone()).collect::<Vec<_>>());
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
