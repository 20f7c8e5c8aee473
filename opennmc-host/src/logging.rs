//! The log: one line per happening, on standard error.
//!
//! systemd's journal stamps lines itself and reads a priority from a `<N>` in front, so under it lines carry that
//! instead of a time. Control characters are escaped: no text that came over a wire can forge a line.

use std::fmt;

use rustix::fs::fstat;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::config::LogFilter;

/// Sends the log of the whole process to standard error. Later calls change nothing.
pub fn init(filter: &LogFilter) {
    let style = if journal_reads_stderr() { Style::Journal } else { Style::Plain };
    let result = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter.directives()))
        .with_writer(std::io::stderr)
        .event_format(style)
        .try_init();
    if let Err(error) = result {
        tracing::debug!("the log was set up before: {error}");
    }
}

/// How a line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// With the time, in UTC.
    Plain,
    /// With the priority, for systemd's journal.
    Journal,
}

impl<S, N> FormatEvent<S, N> for Style
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = *event.metadata().level();
        match self {
            Style::Plain => {
                SystemTime.format_time(&mut out)?;
                write!(out, " {level:>5} ")?;
            }
            Style::Journal => write!(out, "<{}>", syslog_priority(level))?,
        }
        let mut line = Line::default();
        event.record(&mut line);
        for letter in line.message.chars().chain(line.fields.chars()) {
            if letter.is_control() {
                write!(out, "{}", letter.escape_default())?
            } else {
                out.write_char(letter)?
            }
        }
        writeln!(out)
    }
}

/// The numbers of syslog(3).
fn syslog_priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// The message, and the fields as ` name=value`.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        // Writing to a String does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

/// systemd says in JOURNAL_STREAM which file its journal reads; only when that is ours does the journal see the line.
fn journal_reads_stderr() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    fstat(std::io::stderr()).is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(style: Style, log: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber =
            tracing_subscriber::fmt().event_format(style).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_journal_gets_a_priority_and_no_time() {
        let line = logged(Style::Journal, || tracing::warn!(ups = "main", "gone"));
        assert_eq!(line, "<4>gone ups=main\n");
    }

    #[test]
    fn a_terminal_gets_the_time_in_utc() {
        let line = logged(Style::Plain, || tracing::info!("here"));
        assert!(line.ends_with("Z  INFO here\n"), "{line}");
        assert_eq!(line.as_bytes()[4], b'-', "{line}");
    }

    #[test]
    fn text_from_the_wire_can_not_forge_a_line() {
        let line = logged(Style::Journal, || tracing::info!("model {}", "X\n<3>on fire\x1b[31m"));
        assert_eq!(line, "<6>model X\\n<3>on fire\\u{1b}[31m\n");
    }
}
