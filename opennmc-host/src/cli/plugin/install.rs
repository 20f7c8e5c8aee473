//! `opennmc plugin install`, `grant` and `inspect`: what a package is and may do, and whether that is wanted.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use super::super::confirm::Confirm;
use super::super::connect::Connect;
use super::super::exit::{Exit, Failure};
use super::super::output::Output;
use super::super::terminal::{Screen, Tone, clean};
use super::download::download;
use crate::config::Settings;
use crate::control::protocol::{PluginRequest, Request};
use crate::plugin::{Concern, Installed, Package, Sentence, Trust, describe};

#[derive(Debug, Args)]
pub(super) struct InstallArguments {
    /// The package, or where it is: https://HOST/PATH#sha256=HEX, with the SHA-256 of the whole file
    #[arg(value_name = "FILE|URL")]
    package: String,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Args)]
pub(super) struct GrantArguments {
    /// Its id
    id: String,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Args)]
pub(super) struct InspectArguments {
    /// The package
    file: PathBuf,
    /// The configuration whose signers count
    #[arg(long, value_name = "FILE", default_value = crate::config::DEFAULT_FILE)]
    config: PathBuf,
}

pub(super) fn install(arguments: &InstallArguments, output: Output) -> Result<Exit, Failure> {
    let mut client = arguments.connect.open()?;
    let (mut file, shown) = opened(&arguments.package, &arguments.connect.config)?;
    let look = Request::Plugin { plugin: PluginRequest::LookAt { file: shown.clone() } };
    let seen: Installed = client.ask_with(look, &file)?;
    if !seen.trusted_update {
        decide(&seen, arguments.confirm, output)?;
    }
    // The daemon reads from where the descriptor stands, and it has read it once.
    file.rewind().map_err(|error| Failure::system(&shown, error))?;
    let request = PluginRequest::Install { file: shown, contents: seen.contents };
    let done: Installed = client.ask_with(Request::Plugin { plugin: request }, &file)?;
    tell(&done, "installed", output)
}

pub(super) fn grant(arguments: &GrantArguments, output: Output) -> Result<Exit, Failure> {
    let mut client = arguments.connect.open()?;
    let id = arguments.id.clone();
    let look = Request::Plugin { plugin: PluginRequest::Granting { id: id.clone() } };
    let seen: Installed = client.ask(look)?;
    decide(&seen, arguments.confirm, output)?;
    let request = PluginRequest::Grant { id, contents: seen.contents };
    let done: Installed = client.ask(Request::Plugin { plugin: request })?;
    tell(&done, "granted", output)
}

/// Needs no daemon: everything is in the file.
pub(super) fn inspect(arguments: &InspectArguments, output: Output) -> Result<Exit, Failure> {
    let refused = |error: crate::plugin::PluginError| Failure::new(Exit::Refused, error.to_string());
    let mut package = Package::open(&arguments.file).map_err(refused)?;
    // Without a configuration nobody's signature counts, and that is what is told.
    let trust =
        Settings::load(&arguments.config).map_or_else(|_| Trust::default(), |settings| settings.trust());
    package.check_signature(&trust.signers, false).map_err(refused)?;
    let seen = describe(&package, None, &trust).map_err(refused)?;
    if output.json {
        output.document(&seen)?;
    } else {
        output.text(&shown(&seen, output.screen()))?;
        let list = |label: &str, names: &[String]| format!("  {label:<9} {}\n", names.join(" "));
        output.text(&(list("imports", &seen.imports) + list("exports", &seen.exports).as_str()))?;
    }
    Ok(Exit::Done)
}

fn tell(done: &Installed, what: &str, output: Output) -> Result<Exit, Failure> {
    if output.json {
        output.document(done)?;
    } else {
        let instead = match &done.replaces {
            Some(old) if *old != done.version => format!(" in the place of {old}"),
            _ => String::new(),
        };
        output.text(&format!("{} {} is {what}{instead} and runs\n", done.id, done.version))?;
    }
    Ok(Exit::Done)
}

fn decide(seen: &Installed, confirm: Confirm, output: Output) -> Result<(), Failure> {
    // Where nobody is asked it goes into a log, or into the reason of the refusal: plain in both.
    let screen = if Confirm::can_ask() && !confirm.yes { output.screen() } else { Screen::plain(None) };
    let text = shown(seen, screen);
    if confirm.yes {
        // For the log of the script; what it asked for stands on standard output.
        let _ = std::io::stderr().write_all(text.as_bytes());
        return Ok(());
    }
    confirm.ask(text.trim_end())
}

/// What a person reads before deciding.
fn shown(seen: &Installed, screen: Screen) -> String {
    let mut out = format!(
        "{} {}: {}\n",
        screen.paint(Tone::Bold, &clean(&seen.id)),
        seen.version,
        clean(&seen.summary)
    );
    if let Some(old) = &seen.replaces {
        let newer = if seen.older { ", which is newer" } else { "" };
        out.push_str(&format!("  replaces  {} {}{newer}\n", clean(&seen.id), clean(old)));
    }
    let signer = match (&seen.signer, seen.signed) {
        (Some(signer), _) => format!("signed by {}", clean(&signer.0)),
        (None, true) => "signed by somebody who is not configured here".to_owned(),
        (None, false) => "nobody has signed it".to_owned(),
    };
    out.push_str(&format!("  {signer}\n  SHA-256   {}\n", seen.sha256));
    if let Some(license) = &seen.license {
        out.push_str(&format!("  license   {}\n", clean(license)));
    }
    if !seen.precompiled.is_empty() {
        let note = if seen.precompiled_used {
            "native code that nothing checks; its signer may bring it"
        } else {
            "not used: its signer has no `precompile = true` here"
        };
        out.push_str(&format!("  compiled  for {} ({note})\n", clean(&seen.precompiled.join(", "))));
    }
    if seen.may.is_empty() {
        out.push_str("It may do nothing but compute, log, and set timers.\n");
    } else {
        out.push_str("It may:\n");
    }
    for Sentence { concern, text, need } in &seen.may {
        let tone = match concern {
            Concern::High => Tone::Critical,
            Concern::Some => Tone::Warning,
            Concern::Low => Tone::Plain,
        };
        let mut notes = Vec::new();
        if seen.replaces.is_some() && seen.new.iter().any(|new| new.text == *text) {
            notes.push("new");
        }
        if seen.unused.contains(need) {
            notes.push("not used by this version");
        }
        let notes = if notes.is_empty() { String::new() } else { format!("  ({})", notes.join(", ")) };
        out.push_str(&format!("  - {}{notes}\n", screen.paint(tone, &clean(text))));
    }
    out.push_str(&format!("It may use {}.\n", seen.limits));
    out
}

/// The package as an open file, and how it is called.
fn opened(package: &str, config: &Path) -> Result<(File, String), Failure> {
    if package.starts_with("https://") {
        let file = download(package, config)?;
        return Ok((file, package.split('#').next().unwrap_or(package).to_owned()));
    }
    if package.contains("://") {
        let message = format!("`{}` is no package: give a file, or https://…#sha256=HEX", clean(package));
        return Err(Failure::new(Exit::BadUsage, message));
    }
    let path = Path::new(package);
    // Here, so that a file that is no package is told of without the daemon, and a FIFO is not waited for.
    Package::open(path).map_err(|error| Failure::new(Exit::Refused, error.to_string()))?;
    let file = File::open(path).map_err(|error| Failure::system(path.display(), error))?;
    Ok((file, package.to_owned()))
}
