//! The `history` interface: what was. Answers come from a thread of the host, as outcomes.

use std::ops::Range;

use calloop::channel::Sender;
use wasmtime::component::{HasSelf, Linker};

use crate::history::EventFilter;
use crate::plugin::ByteSize;
use crate::plugin::bindings::wit::{history, types::Error};
use crate::plugin::instance::InstanceState;
use crate::plugin::past::{Past, Question};
use crate::plugin::services::Outcome;

/// Questions of one plugin that are not answered.
const MOST_OPEN: u32 = 4;
const MOST_EVENTS: u32 = 1_000;
const MOST_POINTS: u32 = 2_000;
/// An answer may take this part of the plugin's memory.
const SHARE_OF_MEMORY: u64 = 8;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    history::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// The questions of one instance.
pub(in crate::plugin) struct State {
    past: Option<Past>,
    outcomes: Sender<Outcome>,
    answer_bytes: usize,
    open: u32,
    last: u64,
}

impl State {
    pub(in crate::plugin) fn new(past: Option<Past>, outcomes: Sender<Outcome>, memory: ByteSize) -> Self {
        let answer_bytes = usize::try_from(memory.0 / SHARE_OF_MEMORY).unwrap_or(usize::MAX);
        Self { past, outcomes, answer_bytes, open: 0, last: 0 }
    }

    /// A question was answered.
    pub(in crate::plugin) fn answered(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    fn ask(&mut self, question: Question) -> Result<u64, Error> {
        let past = self.past.as_ref();
        let past = past.ok_or_else(|| Error::Unavailable("this host keeps no history".to_owned()))?;
        if self.open >= MOST_OPEN {
            return Err(Error::Limit(format!("{MOST_OPEN} questions are not answered, which is the most")));
        }
        let (ticket, outcomes) = (self.last + 1, self.outcomes.clone());
        // The plugin may have ended; then nobody waits.
        let reply = move |answer| drop(outcomes.send(Outcome::Past { ticket, answer }));
        if !past.ask(question, reply) {
            return Err(Error::Busy);
        }
        self.last = ticket;
        self.open += 1;
        Ok(ticket)
    }
}

impl history::Host for InstanceState {
    fn events(&mut self, query: history::EventQuery) -> Result<u64, Error> {
        let history::EventQuery { from_ms, until_ms, device, kind, limit } = query;
        if kind.strip_suffix(".*").unwrap_or(&kind).contains('*') {
            return Err(Error::Invalid(format!("`{}` is no kind", kind.escape_default())));
        }
        let span = span(self.clock.wall_ms(), from_ms, until_ms)?;
        let filter = EventFilter {
            device: Some(device).filter(|device| !device.is_empty()),
            kinds: Some(kind).filter(|kind| !kind.is_empty()).into_iter().collect(),
            from_ms: Some(span.start),
            to_ms: Some(span.end),
            limit: Some(at_most(limit, MOST_EVENTS)),
            newest_first: true,
            ..EventFilter::default()
        };
        let most = self.history.answer_bytes;
        self.history.ask(Question::Events(filter, most))
    }

    fn samples(&mut self, query: history::SampleQuery) -> Result<u64, Error> {
        let history::SampleQuery { device, variable, from_ms, until_ms, points } = query;
        let span = span(self.clock.wall_ms(), from_ms, until_ms)?;
        self.history.ask(Question::Samples { device, variable, span, points: at_most(points, MOST_POINTS) })
    }
}

fn at_most(wanted: u32, most: u32) -> usize {
    (if wanted == 0 { most } else { wanted.min(most) }) as usize
}

/// 0 as the end: until now.
fn span(now_ms: u64, from_ms: u64, until_ms: u64) -> Result<Range<u64>, Error> {
    let until_ms = if until_ms == 0 { now_ms + 1 } else { until_ms.min(i64::MAX as u64) };
    if from_ms >= until_ms {
        return Err(Error::Invalid(format!("a time from {from_ms} until {until_ms}")));
    }
    Ok(from_ms..until_ms)
}
