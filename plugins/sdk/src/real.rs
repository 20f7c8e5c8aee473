//! A packed plugin in the real host, for tests that want the sandbox, the sockets and the limits as they are.
//!
//! It drives `opennmc plugin run`, which runs one package beside a simulated UPS. `opennmc` is taken from the variable
//! `OPENNMC`, else from `PATH`. The host ends with the value.

use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

/// How a host is started.
#[derive(Debug)]
pub struct RealHostOptions {
    command: Command,
}

/// A host with one plugin.
#[derive(Debug)]
pub struct RealHost {
    child: Child,
    listening: Vec<(String, SocketAddr)>,
    log: Option<JoinHandle<String>>,
}

impl RealHostOptions {
    /// `package` is an `.onmc` file, or a plugin's folder that was built.
    pub fn new(package: &Path) -> Self {
        let program = std::env::var_os("OPENNMC").unwrap_or_else(|| "opennmc".into());
        let mut command = Command::new(program);
        command.args(["plugin", "run"]).arg(package).env("NO_COLOR", "1");
        Self { command }
    }

    /// The simulated UPS.
    pub fn simulate(mut self, model: &str) -> Self {
        self.command.args(["--simulate", model]);
        self
    }

    /// Another address for a listener; port 0 lets the system choose.
    pub fn listen(mut self, name: &str, address: &str) -> Self {
        self.command.arg("--listen").arg(format!("{name}={address}"));
        self
    }

    /// A key of the plugin's configuration, its value as TOML.
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.command.arg("--set").arg(format!("{key}={value}"));
        self
    }

    /// Starts it, and waits until the plugin runs.
    ///
    /// # Errors
    ///
    /// When `opennmc` can't be started, or ends before the plugin runs; the error has its log.
    pub fn start(mut self) -> io::Result<RealHost> {
        let mut child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        // Read all the time: a full pipe would stop the host.
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            if let Some(mut err) = err {
                // What is not text is not the log.
                let _ = err.read_to_string(&mut text);
            }
            text
        });
        let mut host = RealHost { child, listening: Vec::new(), log: Some(log) };
        for line in out.map(BufReader::new).into_iter().flat_map(BufRead::lines) {
            let line = line?;
            if line == "running" {
                return Ok(host);
            }
            let listener = line.strip_prefix("listens ").and_then(|rest| rest.split_once(' '));
            if let Some((name, address)) = listener
                && let Ok(address) = address.parse()
            {
                host.listening.push((name.to_owned(), address));
            }
        }
        let log = host.end();
        Err(io::Error::other(format!("the plugin does not run:\n{log}")))
    }
}

impl RealHost {
    /// Where the plugin listens under this name.
    pub fn address(&self, listener: &str) -> Option<SocketAddr> {
        self.listening.iter().find(|(name, _)| name == listener).map(|(_, address)| *address)
    }

    /// Ends the host, and gives its log.
    pub fn stop(mut self) -> String {
        self.end()
    }

    fn end(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.log.take().and_then(|log| log.join().ok()).unwrap_or_default()
    }
}

impl Drop for RealHost {
    fn drop(&mut self) {
        self.end();
    }
}
