//! A NUT client that asks at a fixed pace, so that waiting is measured and not load.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::nut::UPS;

/// Between two questions: a monitoring system with a hundred UPSes.
const PACE: Duration = Duration::from_millis(3);
/// It comes first where it may: elsewhere it would have a machine to itself, and its own wait for a processor is not the
/// server's doing.
const FIRST: i32 = -20;
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// How long it waited for its answers.
pub(crate) struct Waits {
    /// Sorted.
    pub(crate) waits_ms: Vec<f64>,
    /// Answers that were not what the UPS says.
    pub(crate) wrong: usize,
}

impl Waits {
    /// What this share (0 to 1) of the answers did not exceed, in milliseconds.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let index = (self.waits_ms.len() as f64 * share) as usize;
        self.waits_ms.get(index.min(self.waits_ms.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}

/// Asks as long as it is to go on; a late answer does not shift the questions after it.
pub(crate) fn ask(server: SocketAddr, goes_on: impl Fn() -> bool) -> Result<Waits> {
    // Only root may. Without it the figures are worse, and nothing else is wrong.
    let _ = rustix::process::nice(FIRST);
    let mut stream = TcpStream::connect(server).context("the NUT server takes no connection")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut next = Instant::now();
    let mut waits = Waits { waits_ms: Vec::new(), wrong: 0 };
    let mut line = String::new();
    while goes_on() {
        thread::sleep(next.saturating_duration_since(Instant::now()));
        next += PACE;
        let asked = Instant::now();
        stream.write_all(format!("GET VAR {UPS} ups.status\n").as_bytes())?;
        line.clear();
        reader.read_line(&mut line).context("the NUT server does not answer")?;
        waits.waits_ms.push(asked.elapsed().as_secs_f64() * 1000.0);
        waits.wrong += usize::from(!line.starts_with(&format!("VAR {UPS} ups.status \"OL")));
    }
    waits.waits_ms.sort_unstable_by(f64::total_cmp);
    Ok(waits)
}
