//! `opennmc backup` and `opennmc restore`.
//!
//! A backup is made from the files by whoever may read them, and asked of the daemon by everybody else. Restoring swaps
//! the files under a daemon's feet: it has to be stopped first.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize as _, Serialize};

use super::confirm::Confirm;
use super::connect::Connect;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::terminal::clean;
use super::words;
use crate::backup::{BackupError, Manifest, Places, Staged, back_up, recover};
use crate::control::backup::Piece;
use crate::control::protocol::Request;
use crate::users::Principal;

/// Only for whoever made it: there are password hashes in it.
const MODE: u32 = 0o600;

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
    let (manifest, skipped) = match place.places().ok().filter(may_read) {
        Some(places) => {
            let report = back_up(&places, file, *force, &Principal::host()).map_err(failure)?;
            (report.manifest, report.skipped)
        }
        None => fetch(place, file, *force)?,
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

/// Lets the daemon make it, for somebody who may not read its files.
fn fetch(place: &Place, file: &Path, force: bool) -> Result<(Manifest, Vec<String>), Failure> {
    let mut client = place.connect.open()?;
    let failed = |error: std::io::Error| Failure::system(format!("can't write {}", file.display()), error);
    let mut options = OpenOptions::new();
    options.write(true).mode(MODE);
    // What is there already is only taken when that is wanted; its mode is narrowed before anything is in it.
    let options = if force { options.create(true).truncate(true) } else { options.create_new(true) };
    let mut written = options.open(file).map_err(failed)?;
    written.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(MODE)).map_err(failed)?;
    let made = client.stream(Request::BackUp, |item| {
        let piece = Piece::deserialize(item).map_err(not_understood)?;
        let bytes = piece
            .bytes()
            .ok_or_else(|| Failure::new(Exit::Failed, "the daemon sent something else than a backup"))?;
        written.write_all(&bytes).map_err(failed)
    });
    let made = made.and_then(|answer| written.sync_all().map_err(failed).map(|()| answer));
    let answer = made.inspect_err(|_| {
        // Half a backup is worse than none.
        let _ = std::fs::remove_file(file);
    })?;
    let manifest = serde_json::from_value(answer["manifest"].clone()).map_err(not_understood)?;
    let skipped = serde_json::from_value(answer["skipped"].clone()).map_err(not_understood)?;
    Ok((manifest, skipped))
}

pub(super) fn restore(arguments: &RestoreArguments, output: Output) -> Result<Exit, Failure> {
    let RestoreArguments { file, confirm, place } = arguments;
    if place.connect.open_if_running()?.is_some() {
        let message =
            "the daemon runs: stop it first with `systemctl stop opennmc`, restore, and start it again";
        return Err(Failure::new(Exit::Refused, message));
    }
    let places = place.places()?;
    // One that was interrupted goes first: its files may be what is asked to be replaced.
    recover(&places.config).map_err(failure)?;
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
    staged.commit().map_err(failure)?;
    let recovered = recover(&places.config).map_err(failure)?;
    if output.json {
        output.document(&document(file, &manifest, Vec::new()))?;
    } else {
        let (restored, removed) =
            recovered.map_or((0, 0), |recovered| (recovered.restored, recovered.removed));
        output.text(&format!(
            "{restored} files are restored, {removed} that were not in the backup are gone\n"
        ))?;
    }
    Ok(Exit::Done)
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

/// Whether this user can read, and make files in, the folder for state.
fn may_read(places: &Places) -> bool {
    use rustix::fs::{Access, access};
    access(&places.state_dir, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_ok()
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

fn not_understood(error: serde_json::Error) -> Failure {
    Failure::system("the daemon's answer is not understood", error)
}

fn failure(error: BackupError) -> Failure {
    let exit = match &error {
        BackupError::Denied { .. } => Exit::NotPermitted,
        BackupError::Unusable { .. } => Exit::Refused,
        _ => Exit::Failed,
    };
    Failure::new(exit, error.to_string())
}
