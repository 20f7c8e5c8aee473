//! What a running daemon says of itself, and what the system says of it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The daemon's answer to one request of the control protocol.
pub(crate) fn ask(socket: &Path, what: &str) -> Result<Value> {
    let mut stream = UnixStream::connect(socket).context("could not reach the daemon's control socket")?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    stream.write_all(format!("{{\"v\":1,\"id\":1,\"do\":\"{what}\"}}\n").as_bytes())?;
    line.clear();
    reader.read_line(&mut line)?;
    let answer: Value = serde_json::from_str(&line)?;
    answer.get("ok").cloned().with_context(|| format!("the daemon does not tell `{what}`: {answer}"))
}

/// How one plugin is.
pub(crate) fn plugin(socket: &Path, id: &str) -> Result<Value> {
    let plugins = ask(socket, "plugins")?;
    let mut all = plugins.as_array().into_iter().flatten();
    all.find(|plugin| plugin["id"] == id).cloned().with_context(|| format!("{id} is not listed"))
}

/// Resident memory of a process.
pub(crate) fn resident_mib(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = resident.trim().trim_end_matches("kB").trim().parse().context("VmRSS is no number")?;
    Ok(kib / 1024.0)
}
