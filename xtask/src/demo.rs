//! `cargo xtask demo`: a simulated UPS (or a real one), the host, and a NUT server, in one terminal.
//!
//! Everything it makes is in one temporary folder that goes away with it. `cargo xtask demo-control` finds the running
//! demo through a small file under `target/`.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::services::{Interrupted, Services};
use crate::workspace::{Profile, Workspace};
use crate::{build, command, console, port_owner};

/// The name NUT clients see.
const UPS: &str = "demo";
const MODEL: &str = "smart-ups-1500";
/// NUT's registered port.
const NUT_PORT: u16 = 3493;
const WEB_PORT: u16 = 8080;
/// The first start compiles the plugins; a debug build on a small machine takes some seconds for it.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// A simulator that runs answers at once.
const CONTROL_LIMIT: Duration = Duration::from_secs(5);

/// What `cargo xtask demo` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Serve NUT clients on this port of 127.0.0.1.
    #[arg(long, default_value_t = NUT_PORT)]
    nut_port: u16,
    /// Show the web pages on this port of 127.0.0.1.
    #[arg(long, default_value_t = WEB_PORT)]
    web_port: u16,
    /// Use a real UPS on this port (a tty, or tcp://HOST:PORT) instead of the simulated one.
    #[arg(long)]
    port: Option<String>,
    /// Run the optimised programs.
    #[arg(long)]
    release: bool,
}

/// What `cargo xtask demo-control` takes.
#[derive(clap::Args)]
pub(crate) struct ControlOptions {
    /// A line of the simulator's language: `line off`, `line on`, `charge 42`, `load 55`, `unplug 2`, …
    #[arg(required = true)]
    words: Vec<String>,
}

/// Builds and runs until Ctrl-C.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    port_owner::require_free(options.nut_port, |free| {
        format!("Use another port: cargo xtask demo --nut-port {free}")
    })?;
    port_owner::require_free(options.web_port, |free| {
        format!("Use another port: cargo xtask demo --web-port {free}")
    })?;
    let profile = if options.release { Profile::Release } else { Profile::Dev };
    build::everything(workspace, profile)?;

    let folder = tempfile::Builder::new().prefix("opennmc-demo-").tempdir().context("no temporary folder")?;
    let demo = Demo { folder: folder.path(), workspace, profile, options };
    let mut services = Services::new(true)?;
    let outcome = demo.serve(&mut services);
    console::heading("Stopping");
    services.stop();
    // Absent when the demo failed before it was ready, or is another demo's by now.
    let _ = fs::remove_file(whereabouts(workspace));
    match outcome {
        Err(error) if error.is::<Interrupted>() => Ok(()),
        other => other,
    }
}

/// Says one line to the running demo's simulator and prints its answer.
pub(crate) fn control(workspace: &Workspace, options: &ControlOptions) -> Result<()> {
    let Ok(socket) = fs::read_to_string(whereabouts(workspace)) else {
        bail!("no demo with a simulated UPS is running; start one with: cargo xtask demo");
    };
    let socket = PathBuf::from(socket);
    let stream = UnixStream::connect(&socket)
        .with_context(|| format!("the demo's simulator does not answer on {}", socket.display()))?;
    stream.set_read_timeout(Some(CONTROL_LIMIT))?;
    let answer =
        say(&stream, &options.words.join(" ")).context("the simulator took the line but did not answer")?;
    match answer.strip_prefix("error: ") {
        Some(refusal) => bail!("{refusal}"),
        None => {
            println!("{answer}");
            Ok(())
        }
    }
}

fn say(mut stream: &UnixStream, line: &str) -> Result<String> {
    stream.write_all(format!("{line}\n").as_bytes())?;
    let mut answer = String::new();
    if BufReader::new(stream).read_line(&mut answer)? == 0 {
        bail!("it closed the connection");
    }
    Ok(answer.trim_end().to_owned())
}

/// The file that holds the path of the running demo's control socket.
fn whereabouts(workspace: &Workspace) -> PathBuf {
    workspace.target().join("demo-control")
}

struct Demo<'a> {
    folder: &'a Path,
    workspace: &'a Workspace,
    profile: Profile,
    options: &'a Options,
}

impl Demo<'_> {
    fn serve(&self, services: &mut Services) -> Result<()> {
        console::heading("Starting");
        let port = match &self.options.port {
            Some(port) => port.clone(),
            None => self.start_simulator(services)?,
        };
        self.start_host(services, &port)?;
        self.say_what_to_try();
        services.run_until_interrupted()
    }

    fn start_simulator(&self, services: &mut Services) -> Result<String> {
        let (link, socket) = (self.folder.join("ups"), self.folder.join("control"));
        let arguments: [OsString; 6] = [
            "--model".into(),
            MODEL.into(),
            "--pty".into(),
            link.clone().into(),
            "--control".into(),
            socket.clone().into(),
        ];
        let program = self.workspace.program("apcsmart-sim", self.profile);
        services.start("apcsmart-sim", program.as_os_str(), &arguments)?;
        services.wait_until_ready("apcsmart-sim", READY_LIMIT)?;
        let socket = socket.to_str().context("the temporary folder's name is not UTF-8")?;
        fs::write(whereabouts(self.workspace), socket).context("could not note where the demo runs")?;
        Ok(link.to_str().context("the temporary folder's name is not UTF-8")?.to_owned())
    }

    fn start_host(&self, services: &mut Services, port: &str) -> Result<()> {
        let state = self.folder.join("state");
        fs::create_dir(&state).context("could not make the state folder")?;
        let config = self.folder.join("opennmc.toml");
        fs::write(&config, configuration(port, self.options.nut_port, self.options.web_port)?)
            .context("could not write the configuration")?;
        let arguments: [OsString; 7] = [
            "run".into(),
            "--config".into(),
            config.into(),
            "--state".into(),
            state.into(),
            "--plugins".into(),
            self.workspace.packages().into(),
        ];
        services.start("opennmc", self.workspace.program("opennmc", self.profile).as_os_str(), &arguments)?;
        services.wait_until_ready("opennmc", READY_LIMIT)
    }

    /// Of the first administrator, whom the daemon has made.
    fn password(&self) -> Option<String> {
        let told = fs::read_to_string(self.folder.join("state/initial-password")).ok()?;
        Some(told.lines().find_map(|line| line.strip_prefix("password: "))?.to_owned())
    }

    fn say_what_to_try(&self) {
        let server = match self.options.nut_port {
            NUT_PORT => "localhost".to_owned(),
            other => format!("localhost:{other}"),
        };
        println!("\nOpenNMC serves the UPS `{UPS}` to NUT clients. Try, in another terminal:\n");
        let attempt = |command: &str, effect: &str| println!("  {command:40} {effect}");
        attempt(&format!("upsc {UPS}@{server}"), "all that is known of the UPS");
        if command::find_program("upsc").is_none() {
            attempt("", "(upsc comes with: apt-get install nut-client)");
        }
        match &self.options.port {
            None => {
                attempt("cargo xtask demo-control line off", "cut the mains: ups.status becomes OB");
                attempt("cargo xtask demo-control line on", "and bring them back");
                attempt("cargo xtask demo-control charge 15", "an empty battery");
                println!(
                    "\nA real UPS instead of this simulated {MODEL}: cargo xtask demo --port /dev/ttyS0"
                );
            }
            Some(port) => println!("\nThe UPS is the one on {port}."),
        }
        println!("\nThe web pages are on http://127.0.0.1:{}/", self.options.web_port);
        if let Some(password) = self.password() {
            println!("Log in as `admin` with the password {password}");
        }
        println!("Ctrl-C ends the demo.\n");
    }
}

fn configuration(port: &str, nut_port: u16, web_port: u16) -> Result<String> {
    let description = if port.starts_with("/dev/") { "The UPS on this machine" } else { "A demonstration" };
    let ups = toml::toml! { port = port  description = description };
    let ups = toml::Table::from_iter([(UPS.to_owned(), toml::Value::Table(ups))]);
    let listen = toml::Table::from_iter([("nut".to_owned(), vec![format!("127.0.0.1:{nut_port}")].into())]);
    let nut = toml::Table::from_iter([("listen".to_owned(), listen.into())]);
    let plugin = [("nut-server".to_owned(), nut.into()), ("web-ui".to_owned(), toml::Table::new().into())];
    let listen = vec![format!("127.0.0.1:{web_port}")];
    let http = toml::Table::from_iter([("listen".to_owned(), listen.into())]);
    let all = toml::Table::from_iter([
        ("ups".to_owned(), ups.into()),
        ("http".to_owned(), http.into()),
        ("plugin".to_owned(), toml::Table::from_iter(plugin).into()),
    ]);
    Ok(toml::to_string(&all)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_names_the_port_even_with_quotes_in_its_path() {
        let text = configuration("/tmp/a \"b\"/ups", 13493, 18080).unwrap();
        let parsed: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(parsed["ups"]["demo"]["port"].as_str(), Some("/tmp/a \"b\"/ups"));
        assert_eq!(parsed["plugin"]["nut-server"]["listen"]["nut"][0].as_str(), Some("127.0.0.1:13493"));
        assert_eq!(parsed["http"]["listen"][0].as_str(), Some("127.0.0.1:18080"));
        assert!(parsed["plugin"]["web-ui"].is_table());
    }
}
