//! Carries out what is asked about plugins: installing, granting, removing, switching.
//!
//! Files are read and written here, on the connection's thread; the main loop only hears what is to run from now on.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::answer::{Answered, Host, LOOK};
use super::backup::attached;
use super::protocol::{Code, PluginRequest, Problem};
use super::replies::{HungUp, Replies, item};
use super::report::DoneReport;
use crate::config::Settings;
use crate::history::AuditRecord;
use crate::plugin::{Digest, GrantRecord, Grants, Installed, Installer, PluginError, Standing};
use crate::users::Principal;

/// A plugin may be compiled for some seconds, on a card for a minute, and wait for another's turn.
const START: Duration = Duration::from_secs(180);
/// No package is larger; one byte more shows that this one is.
const PACKAGE: u64 = 32 << 20;

/// Does it for `by`, whose right was looked at.
pub(super) fn carry_out(
    host: &Host,
    by: &Principal,
    request: PluginRequest,
    replies: &mut dyn Replies,
) -> Answered {
    Ok(match request {
        PluginRequest::LookAt { file } => attached(replies, &file)
            .and_then(|opened| read(opened, &file))
            .and_then(|bytes| json(&looked_at(host, &file, &bytes)?)),
        PluginRequest::Install { file, contents } => {
            let installed = attached(replies, &file)
                .and_then(|opened| read(opened, &file))
                .and_then(|bytes| install(host, by, &file, &bytes, contents));
            audited(host, by, &format!("install the plugin {file}"), installed)
        }
        PluginRequest::Granting { id } => installer(host)
            .and_then(|installer| installer.find(&id).map_err(problem))
            .and_then(|(bytes, path)| json(&looked_at(host, &path.display().to_string(), &bytes)?)),
        PluginRequest::Grant { id, contents } => {
            let granted = installer(host)
                .and_then(|installer| installer.find(&id).map_err(problem))
                .and_then(|(bytes, path)| install(host, by, &path.display().to_string(), &bytes, contents));
            audited(host, by, &format!("grant the plugin {id} what it needs"), granted)
        }
        PluginRequest::Remove { id, purge: false } => {
            let removed = remove(host, by, &id);
            audited(host, by, &format!("remove the plugin {id}"), removed)
        }
        PluginRequest::Remove { id, purge: true } => {
            let purged = purge(host, by, &id);
            audited(host, by, &format!("remove the plugin {id} and what it has stored"), purged)
        }
        PluginRequest::Enable { id } => {
            let enabled = switch(host, by, &id, true);
            audited(host, by, &format!("enable the plugin {id}"), enabled)
        }
        PluginRequest::Disable { id } => {
            let disabled = switch(host, by, &id, false);
            audited(host, by, &format!("disable the plugin {id}"), disabled)
        }
        PluginRequest::Restart { id } => {
            let started = known(host, &id).and_then(|()| apply(host, by, &id, Standing::Restart));
            audited(host, by, &format!("restart the plugin {id}"), started)
        }
        PluginRequest::Logs { id, follow } => return logs(host, &id, follow, replies),
    })
}

/// As it is now: a signer may have been added since the daemon has read it.
fn settings(host: &Host) -> Result<Settings, Problem> {
    Settings::load(&host.handle.paths.config).map_err(|error| {
        Problem::new(
            Code::Refused,
            format!("the configuration is wrong, so that nothing is installed: {error}"),
        )
    })
}

fn installer(host: &Host) -> Result<Installer, Problem> {
    let paths = &host.handle.paths;
    let settings = settings(host)?;
    let mut trust = settings.trust();
    trust.state_dir = Some(paths.state_dir.clone());
    Ok(Installer::new(&paths.state_dir, trust))
}

fn read(file: File, shown: &str) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let read = file.take(PACKAGE + 1).read_to_end(&mut bytes);
    read.map_err(|error| Problem::new(Code::Failed, format!("{shown}: {error}")))?;
    if bytes.len() as u64 > PACKAGE {
        let message = format!("{shown} is larger than {} MiB, which no package is", PACKAGE >> 20);
        return Err(Problem::new(Code::Refused, message));
    }
    Ok(bytes)
}

fn looked_at(host: &Host, shown: &str, bytes: &[u8]) -> Result<Installed, Problem> {
    installer(host)?.look_at(Path::new(shown), bytes).map(|(_, installed)| installed).map_err(problem)
}

fn install(
    host: &Host,
    by: &Principal,
    shown: &str,
    bytes: &[u8],
    contents: Digest,
) -> Result<Value, Problem> {
    let installer = installer(host)?;
    let (package, installed) = installer.look_at(Path::new(shown), bytes).map_err(problem)?;
    if installed.contents != contents {
        let message = format!("{shown} is not any more what was looked at; look at it again");
        return Err(Problem::new(Code::Refused, message));
    }
    let old = installer.install(&package, bytes, &by.name).map_err(problem)?;
    let id = &installed.id;
    tracing::info!("{} has installed the plugin {id} {}", by.name, installed.version);
    match apply(host, by, id, Standing::Changed) {
        Ok(_) => {
            installer.sweep(id).map_err(problem)?;
            json(&installed)
        }
        Err(failed) => match old.filter(|old| old.contents != installed.contents) {
            Some(old) => Err(go_back(host, by, &installer, id, old, &failed)),
            None => {
                let message = format!(
                    "{id} {} is installed and does not run: {}; `opennmc plugin remove {id}` takes it away",
                    installed.version, failed.message
                );
                Err(Problem::new(Code::Failed, message))
            }
        },
    }
}

/// The new version does not run: the old one is what is installed again, and mostly never stopped.
fn go_back(
    host: &Host,
    by: &Principal,
    installer: &Installer,
    id: &str,
    old: GrantRecord,
    failed: &Problem,
) -> Problem {
    let version = old.version.clone();
    if let Err(error) = installer.undo(id, old) {
        return problem(error);
    }
    // What is installed now is what runs, unless the old one has ended meanwhile: then this starts it.
    let _ = apply(host, by, id, Standing::Known);
    let message = format!("the new version does not run: {}; {version} stays", failed.message);
    Problem::new(Code::Failed, message)
}

fn remove(host: &Host, by: &Principal, id: &str) -> Result<Value, Problem> {
    if installer(host)?.remove(id).map_err(problem)?.is_none() {
        let message = format!("no plugin `{id}` is installed; one that is configured is removed there");
        return Err(Problem::new(Code::NotFound, message));
    }
    tracing::info!("{} has removed the plugin {id}", by.name);
    apply(host, by, id, Standing::Changed)?;
    let kept = format!("what it has stored stays, until `opennmc plugin remove --purge {id}`");
    json(&DoneReport { done: format!("{id} is removed; {kept}") })
}

/// Also of one that was removed before: what it has stored is still there.
fn purge(host: &Host, by: &Principal, id: &str) -> Result<Value, Problem> {
    if settings(host)?.plugins.iter().any(|plugin| plugin.id == id && plugin.enabled) {
        let message = format!(
            "the configuration has a `[plugin.{id}]`, which would go on with what is stored: take it out, or say \
             `enabled = false` there, and reload; nothing was done"
        );
        return Err(Problem::new(Code::Refused, message));
    }
    let installer = installer(host)?;
    let removed = installer.remove(id).map_err(problem)?;
    let purged = host.handle.purge_plugin_and_wait(by.clone(), id, START).map_err(|gone| failed(&gone))?;
    let keys = purged.map_err(|message| Problem::new(Code::Failed, message))?;
    if let Some(removed) = &removed {
        installer.drop_compiled(removed).map_err(problem)?;
    }
    let done = match (removed, keys) {
        (None, 0) => {
            let message = format!("no plugin `{id}` is installed, and none has stored anything");
            return Err(Problem::new(Code::NotFound, message));
        }
        (None, keys) => format!("{id} was not installed; what it had stored is deleted: {keys} keys"),
        (Some(_), 0) => format!("{id} is removed; it had stored nothing"),
        (Some(_), keys) => format!("{id} is removed, and what it had stored is deleted: {keys} keys"),
    };
    tracing::info!("{} has removed the plugin {id} and what it had stored: {keys} keys", by.name);
    json(&DoneReport { done })
}

/// That the daemon has such a plugin.
fn known(host: &Host, id: &str) -> Result<(), Problem> {
    let all = host.handle.plugins_and_wait(START).map_err(|gone| failed(&gone))?;
    let none = || Problem::new(Code::NotFound, format!("no plugin `{id}` is running or configured"));
    if all.iter().any(|plugin| plugin.id == id) { Ok(()) } else { Err(none()) }
}

fn switch(host: &Host, by: &Principal, id: &str, on: bool) -> Result<Value, Problem> {
    let known = host.handle.plugins_and_wait(START).map_err(|gone| failed(&gone))?;
    let grants = Grants::of(&host.handle.paths.state_dir);
    let file = grants.read().map_err(problem)?;
    if !known.iter().any(|plugin| plugin.id == id) && !file.plugin.contains_key(id) {
        let message = format!("there is no plugin `{id}`, neither installed nor configured");
        return Err(Problem::new(Code::NotFound, message));
    }
    let changed = grants.change(|file| match on {
        true => file.disabled.remove(id),
        false => file.disabled.insert(id.to_owned()),
    });
    changed.map_err(problem)?;
    apply(host, by, id, Standing::Changed)
}

fn apply(host: &Host, by: &Principal, id: &str, standing: Standing) -> Result<Value, Problem> {
    let told = host.handle.plugin_and_wait(by.clone(), id, standing, START).map_err(|gone| failed(&gone))?;
    told.map_err(|message| Problem::new(Code::Failed, message)).and_then(|done| json(&DoneReport { done }))
}

fn logs(host: &Host, id: &str, follow: bool, replies: &mut dyn Replies) -> Answered {
    let plugins = match host.handle.plugins_and_wait(START) {
        Ok(plugins) => plugins,
        Err(gone) => return Ok(Err(failed(&gone))),
    };
    let Some(plugin) = plugins.into_iter().find(|plugin| plugin.id == id) else {
        return Ok(Err(Problem::new(Code::NotFound, format!("no plugin `{id}` is running or configured"))));
    };
    let mut told = 0;
    loop {
        for line in plugin.lines.after(told) {
            item(replies, &line)?;
            told = line.number;
        }
        if !follow {
            return Ok(Ok(Value::Null));
        }
        if replies.is_gone() {
            return Err(HungUp);
        }
        std::thread::sleep(LOOK);
    }
}

fn audited(
    host: &Host,
    by: &Principal,
    what: &str,
    result: Result<Value, Problem>,
) -> Result<Value, Problem> {
    let came_of_it = match &result {
        Ok(_) => "done".to_owned(),
        Err(problem) => format!("failed: {problem}"),
    };
    if let Some(history) = &host.handle.history {
        history.audit(AuditRecord::new(super::answer::now_ms(), by, "", what, &came_of_it));
    }
    result
}

fn problem(error: PluginError) -> Problem {
    let code = match &error {
        PluginError::NotFound { .. } => Code::NotFound,
        PluginError::Read { .. } | PluginError::Grants { .. } => Code::Failed,
        _ => Code::Refused,
    };
    Problem::new(code, error.to_string())
}

fn failed(error: &impl ToString) -> Problem {
    Problem::new(Code::Failed, error.to_string())
}

fn json(value: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(value).map_err(|error| failed(&error))
}
