//! A simulated UPS at the pace of a real line, and the moments at which it has said something.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::START_LIMIT;
use crate::services::Services;
use crate::workspace::{Profile, Workspace};

/// What the UPS says when it goes on battery; no answer of this model has it in it.
const ON_BATTERY: &str = "21";

pub(super) struct Line {
    pub(super) port: PathBuf,
    control: PathBuf,
    trace: PathBuf,
    /// How much of the trace was looked at.
    seen: usize,
}

impl Line {
    pub(super) fn start(
        services: &mut Services,
        workspace: &Workspace,
        folder: &Path,
        name: &str,
    ) -> Result<Line> {
        let place = |what: &str| folder.join(format!("{name}.{what}"));
        let line = Line { port: place("port"), control: place("control"), trace: place("trace"), seen: 0 };
        let arguments: [OsString; 7] = [
            "--pace".into(),
            "--pty".into(),
            line.port.clone().into(),
            "--control".into(),
            line.control.clone().into(),
            "--trace".into(),
            line.trace.clone().into(),
        ];
        let program = workspace.program("apcsmart-sim", Profile::Release);
        services.start("apcsmart-sim", program.as_os_str(), &arguments)?;
        services
            .wait_until("a simulated UPS", START_LIMIT, || line.port.exists() && line.control.exists())?;
        Ok(line)
    }

    /// A line to the simulator.
    pub(super) fn steer(&self, words: &str) -> Result<()> {
        let mut stream = UnixStream::connect(&self.control).context("the simulated UPS can't be steered")?;
        stream.set_read_timeout(Some(START_LIMIT))?;
        writeln!(stream, "{words}")?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        ensure!(answer == "ok\n", "`{words}`: {answer}");
        Ok(())
    }

    /// When it has said that it is on battery, since this was last asked.
    pub(super) fn alert(&mut self) -> Result<Duration> {
        let trace = fs::read_to_string(&self.trace).context("no trace of the simulated UPS")?;
        let new = trace.get(self.seen..).unwrap_or_default();
        let found = new.lines().find_map(alert_in);
        self.seen = trace.len();
        found.with_context(|| {
            format!("the UPS has raised no alert; {} has what it said", self.trace.display())
        })
    }
}

/// The moment of this line of a trace, when the alert is in it.
fn alert_in(line: &str) -> Option<Duration> {
    let mut words = line.split(' ');
    let (seconds, nanoseconds) = words.next()?.split_once('.')?;
    let is_alert = words.next()? == "ups" && words.any(|byte| byte == ON_BATTERY);
    let moment = Duration::new(seconds.parse().ok()?, nanoseconds.parse().ok()?);
    is_alert.then_some(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_found_in_what_the_ups_says_only() {
        assert_eq!(alert_in("12.000000034 ups 21"), Some(Duration::new(12, 34)));
        assert_eq!(alert_in("12.000000034 ups 30 21"), Some(Duration::new(12, 34)));
        assert_eq!(alert_in("12.000000034 ups 30"), None);
        assert_eq!(alert_in("12.000000034 host 21"), None);
    }
}
