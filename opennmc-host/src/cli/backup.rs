//! `opennmc backup` and `opennmc restore`.
//!
//! A daemon that runs does the work, with a file that is opened here, with the rights of whoever asks: it knows what it is
//! writing itself, and starts anew after a restore. Without a daemon it is done here.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde::Serialize;

use super::confirm::Confirm;
use super::connect::Connect;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::terminal::clean;
use super::words;
use crate::backup::{BackupError, Manifest, Places, Recovered, Staged, back_up, recover, recover_state};
use crate::config::{Existing, write_with};
use crate::control::backup::{MadeReport, RestoredReport};
use crate::control::protocol::Request;
use crate::control::{Client, ClientError};
use crate::history::{AuditRecord, History};
use crate::service::state_lock::StateLock;
use crate::users::Principal;

/// Only for whoever made it: there are password hashes in it.
const MODE: u32 = 0o600;
/// A daemon that has not come back by then has a problem; the slowest disks take seconds.
const RETURN: Duration = Duration::from_secs(60);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(50);
/// How long one line of the audit may take.
const AUDIT: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(super) struct BackupArguments {
    /// The file to write
    file: PathBuf,

    /// Overwrite a file that exists
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// The backup
    file: PathBuf,

    #[command(flatten)]
    confirm: Confirm,

    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Place {
    #[command(flatten)]
    connect: Connect,

    /// The daemon's state folder [default: the configuration's]
    #[arg(long, value_name = "DIR", help_heading = "Connection")]
    state: Option<PathBuf>,
}

/// What `--json` tells of both.
#[derive(Serialize)]
struct Document {
    file: PathBuf,
    made_at: String,
    opennmc: String,
    host: String,
    members: Vec<MemberDocument>,
    skipped: Vec<String>,
}

#[derive(Serialize)]
struct MemberDocument {
    name: String,
    size: u64,
}

pub(super) fn backup(arguments: &BackupArguments, output: Output) -> Result<Exit, Failure> {
    let BackupArguments { file, force, place } = arguments;
    let MadeReport { manifest, skipped } = match place.connect.open_if_running()? {
        Some(client) => through_daemon(client, file, *force)?,
        None => {
            let report = back_up(&place.places()?, file, *force, &Principal::host()).map_err(failure)?;
            MadeReport { manifest: report.manifest, skipped: report.skipped }
        }
    };
    if output.json {
        output.document(&document(file, &manifest, skipped))?;
        return Ok(Exit::Done);
    }
    let size: u64 = manifest.members.iter().map(|member| member.size).sum();
    let mut text = format!("{}: {} files, {}\n", file.display(), manifest.members.len(), words::bytes(size));
    for skipped in &skipped {
        text.push_str(&format!("left out: {}\n", clean(skipped)));
    }
    output.text(&text)?;
    Ok(Exit::Done)
}

/// Lets the daemon write it, into a file that is opened with the rights of whoever asks.
fn through_daemon(mut client: Client, file: &Path, force: bool) -> Result<MadeReport, Failure> {
    let existing = if force { Existing::Supersede } else { Existing::Keep };
    let request = Request::BackUp { file: file.display().to_string() };
    let mut refused = None;
    let written = write_with(file, MODE, existing, |target| {
        client.ask_with(request, target).map_err(|error| {
            refused = Some(error);
            io::Error::other("the daemon has not made it")
        })
    });
    written.map_err(|error| match refused {
        Some(refused) => Failure::from(refused),
        None => Failure::system(format!("can't write {}", file.display()), error),
    })
}

pub(super) fn restore(arguments: &RestoreArguments, output: Output) -> Result<Exit, Failure> {
    let RestoreArguments { file, confirm, place } = arguments;
    let report = match place.connect.open_if_running()? {
        Some(client) => restore_through_daemon(client, file, *confirm, place)?,
        None => restore_offline(file, *confirm, place)?,
    };
    if output.json {
        output.document(&document(file, &report.manifest, Vec::new()))?;
    } else {
        let RestoredReport { restored, removed, .. } = report;
        output.text(&format!(
            "{restored} files are restored, {removed} that were not in the backup are gone\n"
        ))?;
    }
    Ok(Exit::Done)
}

fn restore_through_daemon(
    mut client: Client,
    file: &Path,
    confirm: Confirm,
    place: &Place,
) -> Result<RestoredReport, Failure> {
    let opened =
        File::open(file).map_err(|error| Failure::system(format!("can't read {}", file.display()), error))?;
    confirm.ask(&format!(
        "What is in {} replaces configuration, users, scripts, plugins and history of the daemon, which then starts anew.",
        file.display()
    ))?;
    let report = client.ask_with(Request::Restore { file: file.display().to_string() }, &opened)?;
    client.wait_for_end();
    // The configuration that comes back may name another socket.
    let until = Instant::now() + RETURN;
    loop {
        match Client::connect(&place.connect.socket()) {
            Ok(_) => return Ok(report),
            // It runs, and this user may not use it any more.
            Err(ClientError::NotPermitted { .. } | ClientError::Refused(_)) => return Ok(report),
            Err(_) if Instant::now() < until => std::thread::sleep(LOOK),
            Err(error) => {
                let message = "everything is restored, but the daemon has not come back; see its log";
                return Err(Failure::system(message, error));
            }
        }
    }
}

fn restore_offline(file: &Path, confirm: Confirm, place: &Place) -> Result<RestoredReport, Failure> {
    let places = place.places()?;
    // The daemon of this folder may listen where nobody looked for it.
    let _lock = StateLock::take_made(&places.state_dir)
        .map_err(|taken| Failure::new(Exit::Refused, taken.to_string()))?;
    // One that was interrupted goes first: its files may be what is asked to be replaced.
    recover(&places.config).map_err(failure)?;
    recover_state(&places.state_dir).map_err(failure)?;
    let staged = Staged::read(file, &places, &Principal::host()).map_err(failure)?;
    let manifest = staged.manifest().clone();
    let question = format!(
        "The backup of {} from {} replaces the configuration {} and everything in {}.",
        clean(&manifest.host),
        words::local_time(&crate::control::report::time(manifest.made_ms)),
        places.config.display(),
        places.state_dir.display()
    );
    if let Err(refused) = confirm.ask(&question) {
        staged.discard();
        return Err(refused);
    }
    let (restored, removed) = staged.changes();
    staged.commit().map_err(failure)?;
    let recovered = match recover(&places.config).map_err(failure)? {
        Some(recovered) => Some(recovered),
        None => recover_state(&places.state_dir).map_err(failure)?,
    };
    if let Some(recovered) = recovered {
        audit(place, &places, &recovered);
    }
    Ok(RestoredReport { manifest, restored, removed })
}

/// Into the history that came out of the backup. A restore without a history has nowhere to tell it.
fn audit(place: &Place, places: &Places, recovered: &Recovered) {
    let path = places.state_dir.join(crate::history::FILE_NAME);
    let options = place.connect.settings().map(|settings| settings.history).unwrap_or_default();
    if !path.exists() {
        return;
    }
    if let Ok(history) = History::open(&path, options, |_| {}) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        history.audit(AuditRecord::of_restore(at_ms, recovered));
        history.close(AUDIT);
    }
}

impl Place {
    fn places(&self) -> Result<Places, Failure> {
        let config = self.connect.config.clone();
        let state_dir = match &self.state {
            Some(state) => state.clone(),
            None => match self.connect.settings() {
                Ok(settings) => settings.state_dir,
                // A restore brings the configuration back that is gone.
                Err(_) if !config.exists() => crate::config::DEFAULT_STATE_DIR.into(),
                Err(failure) => return Err(failure),
            },
        };
        Ok(Places { config, state_dir })
    }
}

fn document(file: &Path, manifest: &Manifest, skipped: Vec<String>) -> Document {
    let members = manifest.members.iter();
    Document {
        file: file.to_owned(),
        made_at: crate::control::report::time(manifest.made_ms),
        opennmc: manifest.opennmc.clone(),
        host: manifest.host.clone(),
        members: members
            .map(|member| MemberDocument { name: member.name.clone(), size: member.size })
            .collect(),
        skipped,
    }
}

fn failure(error: BackupError) -> Failure {
    let exit = match &error {
        BackupError::Denied { .. } => Exit::NotPermitted,
        BackupError::Unusable { .. } | BackupError::ReadOnly(_) | BackupError::Busy => Exit::Refused,
        _ => Exit::Failed,
    };
    Failure::new(exit, error.to_string())
}
