//! `opennmc plugin run`: one plugin in the real host, beside a simulated UPS. Everything it makes goes away with it.
//!
//! Standard output says in lines for programs where it is reached: `socket PATH`, `listens NAME ADDRESS` and, once the plugin
//! runs, `running`; with `--json` each of them is a document, and so is what was used, at the end. The log is on standard
//! error.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::used::{RunReport, Seen};
use super::{BUILT, read, wrong};
use crate::cli::demo::{Folder, parse_model};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::cli::run::serve_control;
use crate::config::{LogFilter, Settings};
use crate::host::HostHandle;
use crate::logging;
use crate::main_loop::{MainLoop, Source};
use crate::plugin::ListenAddress;
use crate::plugin::{Manifest, Package};

/// What the simulated UPS is called.
const UPS: &str = "demo";
/// Between two looks at the plugin. What it uses is counted where it is used: no peak is too short to be seen.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(in crate::cli) struct RunArguments {
    /// A package, or the folder of a plugin that was built
    plugin: PathBuf,

    /// The simulated UPS
    #[arg(long, value_name = "MODEL", default_value = "smart-ups-1500", value_parser = parse_model)]
    simulate: String,

    /// Another address for a listener of the plugin; port 0 lets the system choose (may be given several times)
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = parse_pair)]
    listen: Vec<(String, String)>,

    /// A key of the plugin's configuration, its value as TOML (may be given several times)
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    set: Vec<(String, String)>,

    /// End after so many seconds instead of at Ctrl-C
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,

    /// How much to log, as `opennmc run --log`
    #[arg(long, value_name = "LEVEL", env = "OPENNMC_LOG")]
    log: Option<LogFilter>,
}

pub(super) fn run(arguments: &RunArguments, output: Output) -> Result<Exit, Failure> {
    let path = package(&arguments.plugin)?;
    let package = Package::open(&path).map_err(|error| wrong(error.to_string()))?;
    let folder = Folder::make("run")?;
    let file = folder.path().join("opennmc.toml");
    let text = configuration(folder.path(), &package, arguments);
    let settings = Settings::parse(&file, &text).map_err(|error| wrong(error.to_string()))?;
    std::fs::write(&file, &text)
        .map_err(|error| Failure::system(format!("can't write {}", file.display()), error))?;

    let broken = |error: crate::main_loop::Error| Failure::new(Exit::Broken, error.to_string());
    let mut log = logging::init(&arguments.log.clone().unwrap_or_default(), None);
    let mut main_loop = MainLoop::new().map_err(broken)?;
    main_loop.handle_signals().map_err(broken)?;
    if output.json {
        main_loop.announce_to_nobody();
    }
    log.detach();
    main_loop.reload_from(Source {
        file,
        plugin_dirs: Vec::new(),
        overridden: Arc::new(|settings| settings),
    });
    let control = settings.control.clone();
    main_loop.start(settings).map_err(broken)?;
    let served = serve_control(&control, main_loop.handle(), main_loop.users(), &log, false);
    tell(&Told::Socket { path: &control.socket }, output)?;
    let (ended, end) = channel::<()>();
    let (handle, limit) = (main_loop.handle(), arguments.seconds.map(Duration::from_secs));
    let watcher = thread::spawn(move || watch(&handle, limit, output, &end));
    let ran = main_loop.run(log.flusher());
    drop((ended, served));
    let mut seen = watcher.join().unwrap_or_default();
    ran.map_err(broken)?;
    // What it did last, when nobody could be asked any more.
    main_loop.plugins().iter().for_each(|status| seen.look_back(status));
    let report = seen.report(&package.manifest);
    tell(&Told::Ended(&report), output)?;
    Ok(if report.ran { Exit::Done } else { Exit::Failed })
}

fn package(plugin: &Path) -> Result<PathBuf, Failure> {
    if !plugin.is_dir() {
        return Ok(plugin.to_owned());
    }
    let text = String::from_utf8_lossy(&read(&plugin.join("plugin.toml"))?).into_owned();
    let manifest = Manifest::parse(plugin, &text).map_err(|error| wrong(error.to_string()))?;
    let name = format!("{}-{}.onmc", manifest.plugin.id, manifest.plugin.version);
    let path = plugin.join(BUILT).join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(wrong(format!("there is no {}; `opennmc plugin build` makes it", path.display())))
    }
}

fn configuration(folder: &Path, package: &Package, arguments: &RunArguments) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let path = |path: &Path| quoted(&path.to_string_lossy());
    let absolute = package.path.canonicalize().unwrap_or_else(|_| package.path.clone());
    let mut text = format!(
        "[state]\ndir = {}\n\n[control]\nsocket = {}\n\n[ups.{UPS}]\nport = \"sim:{}\"\n\n[plugin.{}]\npackage = {}\n",
        path(&folder.join("state")),
        path(&folder.join("opennmc.sock")),
        arguments.simulate,
        package.manifest.plugin.id,
        path(&absolute),
    );
    let needs = &package.manifest.needs;
    for key in ["listen", "listen-udp"] {
        // A name that is neither is told by the host, in its own words.
        let given = arguments.listen.iter().filter(|(name, _)| {
            let is_udp = needs.listen_udp.contains_key(name);
            if key == "listen-udp" { is_udp } else { !is_udp || needs.listen.contains_key(name) }
        });
        let given: Vec<String> =
            given.map(|(name, address)| format!("{} = [{}]", quoted(name), quoted(address))).collect();
        if !given.is_empty() {
            text.push_str(&format!("{key} = {{ {} }}\n", given.join(", ")));
        }
    }
    let set: Vec<String> = arguments
        .set
        .iter()
        .map(|(key, value)| {
            let is_toml = toml::from_str::<toml::Table>(&format!("v = {value}")).is_ok();
            format!("{} = {}", quoted(key), if is_toml { value.clone() } else { quoted(value) })
        })
        .collect();
    if !set.is_empty() {
        text.push_str(&format!("config = {{ {} }}\n", set.join(", ")));
    }
    text
}

/// Looks at the plugin until the main loop ends, and ends it after `limit`.
fn watch(
    handle: &HostHandle,
    limit: Option<Duration>,
    output: Output,
    end: &std::sync::mpsc::Receiver<()>,
) -> Seen {
    let began = Instant::now();
    let mut seen = Seen::default();
    let mut asked = false;
    loop {
        if let Ok(plugins) = handle.plugins_and_wait(Duration::from_secs(1))
            && let Some(status) = plugins.first()
        {
            if status.is_running() && !seen.ran {
                // Nobody reads it: no reason to end.
                for (name, address) in &status.listening {
                    let _ = tell(&Told::Listens { name, address }, output);
                }
                let _ = tell(&Told::Running, output);
            }
            seen.look(status);
        }
        if limit.is_some_and(|limit| began.elapsed() >= limit) && !asked {
            asked = true;
            // The way that every end of the daemon takes.
            if let Err(error) =
                rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM)
            {
                tracing::error!("can't end after the time that was asked for: {error}");
            }
        }
        if end.recv_timeout(LOOK) == Err(RecvTimeoutError::Disconnected) {
            return seen;
        }
    }
}

/// Tells where it is reached: in lines of words, or of JSON.
fn tell(told: &Told<'_>, output: Output) -> Result<(), Failure> {
    if output.json {
        return output.line(told);
    }
    output.text(&match told {
        Told::Socket { path } => format!("socket {}\n", path.display()),
        Told::Listens { name, address } => format!("listens {name} {address}\n"),
        Told::Running => "running\n".to_owned(),
        Told::Ended(report) => report.text(output),
    })
}

#[derive(Debug, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
enum Told<'a> {
    Socket { path: &'a Path },
    Listens { name: &'a str, address: &'a ListenAddress },
    Running,
    Ended(&'a RunReport),
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
