//! Plugins' questions to the history, answered on one thread of the host: reading may wait for the disk.
//!
//! Only events and samples can be asked for; the audit is nobody's business here. Questions wait in a bounded queue.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use crate::history::{EventFilter, HistoryHandle, HistoryReader, Resolution, Series};
use crate::state::Event;

/// Questions that wait, of all plugins.
const WAITING: usize = 64;

/// The way of questions to the history. Clones share it; the thread ends with the last.
#[derive(Clone)]
pub struct Past(Ask);

/// Takes a question, and answers it later; false when too many wait. Must not block.
type Ask = Arc<dyn Fn(Question, Reply) -> bool + Send + Sync>;
/// Called with the answer; must not block.
pub(in crate::plugin) type Reply = Box<dyn FnOnce(Answer) + Send>;

pub(in crate::plugin) enum Question {
    /// The newest that fit; bytes of all of them together.
    Events(EventFilter, usize),
    Samples {
        device: String,
        variable: String,
        span: Range<u64>,
        points: usize,
    },
}

/// What came of it.
pub(in crate::plugin) enum Answer {
    /// The oldest first.
    Events(Result<Vec<Event>, Problem>),
    Samples(Result<Series, Problem>),
}

pub(in crate::plugin) enum Problem {
    /// The answer would be longer than so many bytes.
    TooLong(usize),
    /// The history can't be read.
    Unreadable(String),
}

struct Asked {
    question: Question,
    reply: Reply,
}

impl Past {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the system has no thread.
    pub fn start(history: &HistoryHandle) -> io::Result<Past> {
        let (sender, asked) = sync_channel(WAITING);
        let history = history.clone();
        std::thread::Builder::new()
            .name("plugin-history".to_owned())
            .spawn(move || serve(&history.reader(), &asked))?;
        let ask = move |question, reply| sender.try_send(Asked { question, reply }).is_ok();
        Ok(Past(Arc::new(ask)))
    }

    /// One that somebody else answers.
    #[cfg(feature = "author")]
    pub(in crate::plugin) fn rehearsed(
        ask: impl Fn(Question, Reply) -> bool + Send + Sync + 'static,
    ) -> Past {
        Past(Arc::new(ask))
    }

    /// Puts a question into the queue; false when it is full. `reply` is called on the thread and must not block.
    pub(in crate::plugin) fn ask(
        &self,
        question: Question,
        reply: impl FnOnce(Answer) + Send + 'static,
    ) -> bool {
        (self.0)(question, Box::new(reply))
    }
}

impl std::fmt::Debug for Past {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Past").finish_non_exhaustive()
    }
}

fn serve(reader: &HistoryReader, asked: &Receiver<Asked>) {
    for Asked { question, reply } in asked {
        reply(match question {
            Question::Events(filter, most) => Answer::Events(events(reader, &filter, most)),
            Question::Samples { device, variable, span, points } => {
                let series = reader.samples(&device, &variable, span, Resolution::Points(points));
                Answer::Samples(series.map_err(|error| Problem::Unreadable(error.to_string())))
            }
        });
    }
}

fn events(reader: &HistoryReader, filter: &EventFilter, most: usize) -> Result<Vec<Event>, Problem> {
    let (mut events, mut bytes) = (Vec::new(), 0);
    for event in reader.events(filter) {
        let event = event.map_err(|error| Problem::Unreadable(error.to_string()))?;
        let fields: usize = event.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        bytes += event.kind.len() + event.device.len() + fields;
        if bytes > most {
            return Err(Problem::TooLong(most));
        }
        events.push(event);
    }
    events.reverse();
    Ok(events)
}
