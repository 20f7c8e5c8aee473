//! Another configuration for the running daemon.
//!
//! The file is read and checked on a thread of its own; only a file without errors reaches the main loop, and from there
//! on nothing can fail: it is applied as a whole or not at all. What is not different is not touched: a UPS keeps its
//! line and its state, a plugin its clients.

use std::path::PathBuf;
use std::sync::Arc;

use calloop::{LoopHandle, channel};

use super::front::secrecy;
use super::{State, tell_systemd};
use crate::config::{Change, Changes, Settings, UpsChange, UpsSettings, What, difference, inspect};
use crate::host::{ReloadReport, Reply};
use crate::http::Secrecy;
use crate::link::{Link, LinkId};
use crate::plugin::TlsMaterial;
use crate::state::Severity;
use crate::users::Principal;

const NO_FILE: &str = "this daemon was not started from a file";

/// Where the configuration comes from, to be read again.
#[derive(Clone)]
pub struct Source {
    /// The file.
    pub file: PathBuf,
    /// Folders with plugin packages that go before the configured ones.
    pub plugin_dirs: Vec<PathBuf>,
    /// Puts what the command line says in the place of what the file says.
    pub overridden: Arc<dyn Fn(Settings) -> Settings + Send + Sync>,
}

impl Source {
    /// Reads and checks everything. The error has a line for each problem.
    fn load(&self) -> Result<Loaded, String> {
        let settings = Settings::load(&self.file).map_err(|error| error.to_string())?;
        let inspection = inspect(&self.file, &self.plugin_dirs).map_err(|error| error.to_string())?;
        if inspection.has_errors() {
            return Err(inspection.to_string());
        }
        let settings = (self.overridden)(settings);
        let tls = TlsMaterial::load(&settings.tls)
            .map_err(|flaws| flaws.into_iter().map(|flaw| flaw.to_string()).collect::<Vec<_>>().join("\n"))?;
        let secrecy = secrecy(&settings.http, &settings.state_dir)?;
        Ok(Loaded { settings, tls, secrecy })
    }
}

/// What a file says, and what the files say that it names.
struct Loaded {
    settings: Settings,
    tls: TlsMaterial,
    secrecy: Secrecy,
}

/// Reloads on the main loop.
pub(super) struct Reloads {
    source: Option<Source>,
    loaded: channel::Sender<Result<Loaded, String>>,
    /// Who waits for the one under way.
    waiting: Option<Vec<Waiting>>,
    /// Who came after its file may have been read.
    next: Vec<Waiting>,
}

struct Waiting {
    by: Principal,
    reply: Reply<Result<ReloadReport, String>>,
}

impl Reloads {
    pub(super) fn init(handle: &LoopHandle<'static, State>) -> Result<Reloads, calloop::Error> {
        let (loaded, receiver) = channel::channel();
        let inserted = handle.insert_source(receiver, |message, (), state: &mut State| {
            if let channel::Event::Msg(loaded) = message {
                state.finish_reload(loaded);
            }
        });
        inserted.map_err(|error| error.error)?;
        Ok(Reloads { source: None, loaded, waiting: None, next: Vec::new() })
    }

    pub(super) fn set_source(&mut self, source: Source) {
        self.source = Some(source);
    }
}

impl State {
    /// Begins to read the configuration anew. `by` is for the log and the audit.
    pub(super) fn reload(&mut self, by: Principal, reply: Reply<Result<ReloadReport, String>>) {
        let waiting = Waiting { by, reply };
        if self.reloads.waiting.is_some() {
            self.reloads.next.push(waiting);
            return;
        }
        self.begin_reload(vec![waiting]);
    }

    fn begin_reload(&mut self, waiting: Vec<Waiting>) {
        let Some(source) = self.reloads.source.clone() else {
            self.fail_reload(waiting, NO_FILE.to_owned());
            return;
        };
        self.tell_systemd_of_reload();
        let loaded = self.reloads.loaded.clone();
        // The loop does not end while it is waited for, and if it does, nobody listens any more.
        let load = move || drop(loaded.send(source.load()));
        match std::thread::Builder::new().name("reload".to_owned()).spawn(load) {
            Ok(_) => self.reloads.waiting = Some(waiting),
            Err(error) => {
                self.fail_reload(waiting, format!("can't start a thread to read it: {error}"));
                self.tell_systemd_of_readiness();
            }
        }
    }

    fn finish_reload(&mut self, loaded: Result<Loaded, String>) {
        let waiting = self.reloads.waiting.take().unwrap_or_default();
        match loaded {
            Ok(Loaded { settings, tls, secrecy }) => {
                // Certificates are renewed in place, so they are taken whatever else is different.
                self.tls.set(tls);
                self.apply_to_front(&settings.http, secrecy);
                let report = self.apply(settings);
                self.tell_reload(&waiting, &report);
                waiting.into_iter().for_each(|waiting| (waiting.reply)(Ok(report.clone())));
            }
            Err(problems) => self.fail_reload(waiting, problems),
        }
        self.tell_systemd_of_readiness();
        let next = std::mem::take(&mut self.reloads.next);
        if !next.is_empty() {
            self.begin_reload(next);
        }
    }

    fn fail_reload(&mut self, waiting: Vec<Waiting>, problems: String) {
        tracing::error!("the configuration was not loaded anew for {}, all stays as it is:", names(&waiting));
        problems.lines().for_each(|line| tracing::error!("{line}"));
        let fields = vec![("reason", problems.clone()), ("by", names(&waiting))];
        self.happen("host.reload-failed", Severity::Warning, fields);
        self.audit_reload(&waiting, "failed");
        waiting.into_iter().for_each(|waiting| (waiting.reply)(Err(problems.clone())));
    }

    fn tell_reload(&mut self, waiting: &[Waiting], report: &ReloadReport) {
        if report.changed.is_empty() {
            tracing::info!("the configuration was loaded anew for {}; nothing is different", names(waiting));
        }
        report.changed.iter().for_each(|change| tracing::info!("configuration: {change}"));
        report.needs_restart.iter().for_each(|key| tracing::warn!("configuration: {key}"));
        let mut fields = vec![("changed", report.changed.join("; ")), ("by", names(waiting))];
        if !report.needs_restart.is_empty() {
            fields.push(("needs-restart", report.needs_restart.join("; ")));
        }
        self.happen("host.reloaded", Severity::Info, fields);
        self.audit_reload(waiting, "done");
    }

    fn audit_reload(&self, waiting: &[Waiting], result: &str) {
        let Some(records) = &self.records else { return };
        for Waiting { by, .. } in waiting {
            records.audit(self.clock.wall_ms(), by, "", "reload the configuration", result);
        }
    }

    /// Makes the daemon what `new` says. Nothing here can fail, so that it is never done by half.
    fn apply(&mut self, new: Settings) -> ReloadReport {
        let mut report = ReloadReport::default();
        let Some(old) = &self.settings else { return report };
        let changes = difference(old, &new);
        State::report_front(&old.http, &new.http, &mut report);
        self.apply_to_links(&changes, &new, &mut report);
        if let Some(plugins) = &mut self.plugins {
            plugins.apply(&changes, &new, &mut report);
        }
        if changes.log {
            self.set_log(&new, &mut report);
        }
        let restart = |key: &&str| format!("`{key}` takes effect when OpenNMC is started again");
        report.needs_restart.extend(changes.needs_restart.iter().map(restart));
        self.settings = Some(new);
        report
    }

    fn apply_to_links(&mut self, changes: &Changes, new: &Settings, report: &mut ReloadReport) {
        // First everything that goes: one UPS may take over the port of another.
        for Change { name, what } in &changes.upses {
            match what {
                What::Removed => {
                    self.remove_link(name);
                    report.changed.push(format!("UPS `{name}` is no longer watched"));
                }
                What::Changed(UpsChange { reopen: true, .. }) => self.remove_link(name),
                What::Changed(_) | What::Added => {}
            }
        }
        for Change { name, what } in &changes.upses {
            let Some(ups) = new.upses.iter().find(|ups| ups.name.as_str() == name) else { continue };
            match what {
                What::Removed => {}
                What::Added => {
                    self.add_link(ups);
                    report.changed.push(format!("UPS `{name}` on {} is watched from now on", ups.port));
                }
                What::Changed(UpsChange { reopen: true, .. }) => {
                    self.add_link(ups);
                    report.changed.push(format!("UPS `{name}`: contact is made anew on {}", ups.port));
                }
                What::Changed(change) => {
                    let State { handle, clock, links, .. } = self;
                    if let Some(link) = links.named(name).and_then(|id| links.touch(id)) {
                        link.change(handle, clock.now(), ups);
                    }
                    let what = if change.rules { "other rules" } else { "another description" };
                    report.changed.push(format!("UPS `{name}` has {what}"));
                }
            }
        }
        if changes.ups_order {
            report.changed.push("the UPSes are listed in another order".to_owned());
        }
        self.links.arrange(|link| new.upses.iter().position(|ups| ups.name.as_str() == link.name()));
    }

    /// Begins to watch a UPS, at the end of the list.
    pub(super) fn add_link(&mut self, ups: &UpsSettings) -> LinkId {
        let State { handle, clock, links, resolved, records, .. } = self;
        let id = links.next_id();
        let mut link = Link::new(id, ups.clone(), resolved.clone(), clock.now());
        if let Some(memory) = records.as_ref().and_then(|records| records.recall(ups.name.as_str())) {
            link.device().restore(memory);
        }
        link.open(handle, clock.now());
        links.add(link);
        id
    }

    fn remove_link(&mut self, name: &str) {
        let State { handle, links, door, records, .. } = self;
        if let Some(mut link) = links.named(name).and_then(|id| links.remove(id)) {
            if let Some(records) = records {
                records.remember(&mut link);
            }
            link.close(handle);
            door.abandon(link.id());
        }
    }

    fn set_log(&mut self, new: &Settings, report: &mut ReloadReport) {
        let filter = new.log.clone().unwrap_or_default();
        let set = self.log.as_ref().map(|log| log.set_filter(&filter));
        match set {
            Some(Ok(())) => report.changed.push(format!("the log's level is {filter}")),
            Some(Err(_)) | None => report.needs_restart.push("`log.level` can't be changed here".to_owned()),
        }
    }

    pub(super) fn tell_systemd_of_reload(&self) {
        if !self.announced {
            return;
        }
        match sd_notify::NotifyState::monotonic_usec_now() {
            Ok(now) => tell_systemd(&[sd_notify::NotifyState::Reloading, now]),
            Err(error) => tracing::warn!("can't read the monotonic clock for systemd: {error}"),
        }
    }

    fn tell_systemd_of_readiness(&self) {
        // Before the first time, `ready` is not this function's to say.
        if self.announced {
            tell_systemd(&[sd_notify::NotifyState::Ready]);
        }
    }
}

fn names(waiting: &[Waiting]) -> String {
    waiting.iter().map(|waiting| waiting.by.name.as_str()).collect::<Vec<_>>().join(", ")
}
