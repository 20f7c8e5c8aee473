//! `opennmc demo`: the daemon with a simulated UPS, to try things out. Everything it makes goes away with it.

use std::fs::DirBuilder;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use apcsmart::simulator::Model;
use clap::Args;

use super::exit::{Exit, Failure};
use super::output::Output;
use super::run;
use super::terminal::Tone;
use crate::config::{DEFAULT_PLUGIN_DIR, LogFilter, Settings};
use crate::main_loop::Source;
use crate::plugin::find_package;

/// What the demonstration calls its UPS.
const UPS: &str = "demo";
const NUT_SERVER: &str = "nut-server";

#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// The simulated UPS
    #[arg(long, default_value = "smart-ups-1500", value_parser = parse_model)]
    model: String,

    /// Where NUT clients reach it, on this machine alone
    #[arg(long, value_name = "PORT", default_value_t = 3493)]
    nut_port: u16,

    /// Look for plugin packages in this folder before the usual one (may be given several times)
    #[arg(long, value_name = "DIR")]
    plugins: Vec<PathBuf>,

    /// How much to log, as `opennmc run --log`
    #[arg(long, value_name = "LEVEL", env = "OPENNMC_LOG")]
    log: Option<LogFilter>,
}

pub(super) fn demo(arguments: &DemoArguments, output: Output) -> Result<Exit, Failure> {
    let folder = Folder::make("demo")?;
    let plugin_dirs: Vec<PathBuf> =
        arguments.plugins.iter().cloned().chain([DEFAULT_PLUGIN_DIR.into()]).collect();
    let serves_nut = find_package(NUT_SERVER, &plugin_dirs).is_ok();
    let nut = serves_nut.then_some(arguments.nut_port);
    if let Some(port) = nut {
        TcpListener::bind(("127.0.0.1", port)).map_err(|error| {
            let message =
                format!("can't serve NUT clients on port {port}: {error}; take another one with --nut-port");
            Failure::new(Exit::Failed, message)
        })?;
    }
    let file = folder.0.join("opennmc.toml");
    let text = configuration(&folder.0, &arguments.model, nut);
    let settings = Settings::parse(&file, &text).map_err(|error| {
        Failure::new(Exit::Failed, format!("the demonstration's configuration is wrong: {error}"))
    })?;
    std::fs::write(&file, text)
        .map_err(|error| Failure::system(format!("can't write {}", file.display()), error))?;
    let log = arguments.log.clone();
    let dirs = plugin_dirs.clone();
    let overridden = move |settings: Settings| overridden(settings, &dirs, log.as_ref());
    let settings = overridden(settings);
    say_what_to_try(&settings, nut, output)?;
    let exit = run::run_with(
        settings,
        Source { file, plugin_dirs, overridden: Arc::new(overridden) },
        run::Start::Demonstration,
    );
    drop(folder);
    Ok(exit)
}

fn overridden(mut settings: Settings, plugin_dirs: &[PathBuf], log: Option<&LogFilter>) -> Settings {
    settings.plugin_dirs = plugin_dirs.to_vec();
    settings.log = log.cloned();
    settings
}

fn configuration(folder: &Path, model: &str, nut: Option<u16>) -> String {
    let quoted = |path: PathBuf| toml::Value::String(path.to_string_lossy().into_owned());
    let mut text = format!(
        "[state]\ndir = {}\n\n[control]\nsocket = {}\n\n[ups.{UPS}]\nport = \"sim:{model}\"\ndescription = \"A demonstration\"\n",
        quoted(folder.join("state")),
        quoted(folder.join("opennmc.sock")),
    );
    if let Some(port) = nut {
        text.push_str(&format!("\n[plugin.{NUT_SERVER}]\nlisten = {{ nut = [\"127.0.0.1:{port}\"] }}\n"));
    }
    text
}

fn say_what_to_try(settings: &Settings, nut: Option<u16>, output: Output) -> Result<(), Failure> {
    let screen = output.screen();
    let mut text = format!(
        "A simulated UPS. In another terminal:\n\n  export OPENNMC_SOCKET={}\n",
        settings.control.socket.display()
    );
    let mut attempt = |command: &str, what: &str| {
        text.push_str(&format!(
            "  {}{}\n",
            super::terminal::pad(command, 34),
            screen.paint(Tone::Faint, what)
        ));
    };
    attempt("opennmc status", "how it is");
    attempt("opennmc events --follow", "what happens, as it happens");
    attempt("opennmc simulate line off", "cut the mains");
    attempt("opennmc simulate line on", "and bring them back");
    attempt("opennmc cmd test.battery.start", "a self test");
    match nut {
        Some(3493) => attempt(&format!("upsc {UPS}"), "as NUT's clients see it"),
        Some(port) => attempt(&format!("upsc {UPS}@localhost:{port}"), "as NUT's clients see it"),
        None => attempt("", "NUT's clients find nothing: there is no package of nut-server; see --plugins"),
    }
    text.push_str("\nCtrl-C ends it.\n\n");
    output.text(&text)
}

pub(super) fn parse_model(model: &str) -> Result<String, String> {
    let names: Vec<&str> = Model::all().map(Model::name).collect();
    if names.contains(&model) {
        return Ok(model.to_owned());
    }
    Err(format!("there is no such simulated UPS; there is {}", names.join(", ")))
}

/// A folder for this process alone.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn make(purpose: &str) -> Result<Folder, Failure> {
        let path = std::env::temp_dir().join(format!("opennmc-{purpose}-{}", std::process::id()));
        // Fails when somebody else has made it.
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| Failure::system(format!("can't make the folder {}", path.display()), error))?;
        Ok(Folder(path))
    }

    #[cfg(feature = "author")]
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
