//! The log: one line per happening, on standard error or in a file that is kept small.
//!
//! Whoever reads the log may stop reading: a pipe that is full, a disk without room, a dead `tee`. Nothing here may make the
//! main loop wait for it or fail because of it: once [`Log::detach`] was called lines go through a bounded queue to a thread of
//! their own, what does not fit is dropped and counted, and a failed write is forgotten.
//!
//! systemd's journal stamps lines itself and reads a priority from a `<N>` in front, so under it lines carry that
//! instead of a time. How much is logged can be changed while the daemon runs, through [`LogControl`]. Control characters are escaped: no text that came over a wire can forge a line.

mod file;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::fstat;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, layer::SubscriberExt as _, reload};

use self::file::RotatedFile;
use crate::config::{LogFile, LogFilter};
use crate::printable::write_letter;

/// Lines that wait for a reader; about 100 KiB of text.
const QUEUE: usize = 1024;
/// How long the end of the process waits for the last lines to be read.
const LAST_LINES: Duration = Duration::from_millis(200);

/// The log of the whole process. Dropping it waits a moment for its last lines.
#[derive(Debug)]
pub struct Log {
    queue: Arc<Queue>,
    ended: Option<Receiver<()>>,
    control: LogControl,
}

/// Changes how much is logged, from any thread. The default is of a log that somebody else has set up.
#[derive(Debug, Clone, Default)]
pub struct LogControl {
    current: Arc<Mutex<LogFilter>>,
    handle: Option<reload::Handle<Targets, Registry>>,
}

/// The filter can't be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("how much is logged can't be changed: the log was set up by another part of this process")]
pub struct NotOurs;

impl LogControl {
    /// How much is logged now.
    pub fn filter(&self) -> LogFilter {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on as much as `filter` says, until it is set again.
    pub fn set_filter(&self, filter: &LogFilter) -> Result<(), NotOurs> {
        let handle = self.handle.as_ref().ok_or(NotOurs)?;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        handle.reload(targets(filter)).map_err(|_| NotOurs)?;
        *current = filter.clone();
        Ok(())
    }
}

/// Sends the log of the whole process to `file`, or without one to standard error. Later calls change nothing.
///
/// A file that can't be opened is no reason not to start: its lines go to standard error until it can, and the first says
/// why.
pub fn init(filter: &LogFilter, file: Option<&LogFile>) -> Log {
    let style = if file.is_none() && journal_reads_stderr() { Style::Journal } else { Style::Plain };
    let queue = Arc::new(Queue::with(file));
    let writer = Arc::clone(&queue);
    let (filtered, handle) = reload::Layer::new(targets(filter));
    let lines = tracing_subscriber::fmt::layer()
        // It would report a failed write with a print that panics.
        .log_internal_errors(false)
        .with_writer(move || LineWriter(Arc::clone(&writer)))
        .event_format(style);
    let result = Registry::default().with(filtered).with(lines).try_init();
    let handle = match result {
        Ok(()) => Some(handle),
        Err(error) => {
            tracing::debug!("the log was set up before: {error}");
            None
        }
    };
    let control = LogControl { current: Arc::new(Mutex::new(filter.clone())), handle };
    Log { queue, ended: None, control }
}

/// The filter as the log library has it. A [`LogFilter`] was checked when it was read.
fn targets(filter: &LogFilter) -> Targets {
    filter.directives().parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO))
}

impl Log {
    /// From now on no reader of the log can hold up whoever writes to it. Call it when the main loop has taken the signals:
    /// the thread that this starts must not receive them.
    pub fn detach(&mut self) {
        let (sender, lines) = sync_channel::<Item>(QUEUE);
        let (end, ended) = sync_channel(1);
        let queue = Arc::clone(&self.queue);
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            for item in lines {
                let lost = queue.lost.swap(0, Relaxed);
                if lost > 0 {
                    let line = format!("{lost} lines of the log were lost: nobody read them in time\n");
                    queue.write(line.as_bytes());
                }
                match item {
                    Item::Line(line) => queue.write(&line),
                    Item::Mark(reached) => drop(reached.send(())),
                }
            }
            let _ = end.send(());
        });
        match thread {
            Ok(_) => {
                *self.queue.sender() = Some(sender);
                self.ended = Some(ended);
            }
            Err(error) => tracing::warn!("the log has no thread of its own: {error}"),
        }
    }
}

impl Log {
    /// What changes how much is logged.
    pub fn control(&self) -> LogControl {
        self.control.clone()
    }

    /// Something that waits until everything logged so far was written, but not for long.
    pub fn flusher(&self) -> impl Fn() + use<> {
        let queue = Arc::clone(&self.queue);
        move || {
            let (mark, reached) = sync_channel(1);
            let sent = queue.sender().as_ref().is_some_and(|queue| queue.try_send(Item::Mark(mark)).is_ok());
            if sent {
                let _ = reached.recv_timeout(LAST_LINES);
            }
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.queue.sender().take();
        if let Some(ended) = &self.ended {
            let _ = ended.recv_timeout(LAST_LINES);
        }
    }
}

enum Item {
    Line(Vec<u8>),
    /// Everything before it was written when it is answered.
    Mark(SyncSender<()>),
}

#[derive(Debug, Default)]
struct Queue {
    sender: Mutex<Option<SyncSender<Item>>>,
    lost: AtomicU64,
    /// None: standard error.
    file: Option<Mutex<RotatedFile>>,
}

impl Queue {
    fn with(file: Option<&LogFile>) -> Queue {
        let file = file.map(|file| Mutex::new(RotatedFile::new(file.clone())));
        Queue { file, ..Queue::default() }
    }

    /// There is nowhere to tell of a log that can't be written at all.
    fn write(&self, line: &[u8]) {
        let written = self
            .file
            .as_ref()
            .map(|file| file.lock().unwrap_or_else(PoisonError::into_inner).write_line(line));
        match written {
            Some(Ok(())) => {}
            Some(Err(_)) | None => drop(io::Write::write_all(&mut io::stderr(), line)),
        }
    }

    fn sender(&self) -> MutexGuard<'_, Option<SyncSender<Item>>> {
        // A thread that panicked with the lock held left a whole sender behind.
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes one line at a time: the formatter writes each in one piece.
struct LineWriter(Arc<Queue>);

impl io::Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &*self.0.sender() {
            Some(queue) => {
                if let Err(TrySendError::Full(_)) = queue.try_send(Item::Line(line.to_vec())) {
                    self.0.lost.fetch_add(1, Relaxed);
                }
            }
            None => self.0.write(line),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
            write_letter(&mut out, letter)?;
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
