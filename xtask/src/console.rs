//! What people see: headings, remarks, failures.
//!
//! Headings and failures go to standard error, so that what a task prints as its result can be piped.

use std::io::IsTerminal;
use std::time::Duration;

/// The start of a piece of work that may take a while.
pub(crate) fn heading(text: &str) {
    eprintln!("{}", paint(BOLD, &format!("==> {text}")));
}

/// A line worth knowing, below a heading.
pub(crate) fn remark(text: &str) {
    eprintln!("    {text}");
}

/// Something that did not happen and should be known.
pub(crate) fn notice(text: &str) {
    eprintln!("{}", paint(YELLOW, &format!("NOTICE: {text}")));
}

/// Why a task ended without success, with its causes.
pub(crate) fn failure(error: &anyhow::Error) {
    eprintln!("{} {error:#}", paint(RED, "error:"));
}

/// A duration as a person would say it.
pub(crate) fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:.0} s", duration.as_secs() / 60, seconds % 60.0)
    }
}

const BOLD: &str = "1";
const RED: &str = "1;31";
const YELLOW: &str = "1;33";

fn paint(style: &str, text: &str) -> String {
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\u{1b}[{style}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_spoken_in_seconds_below_a_minute_and_in_minutes_above() {
        assert_eq!(spoken(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(spoken(Duration::from_secs(125)), "2 min 5 s");
    }
}
