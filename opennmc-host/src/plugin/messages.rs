//! What plugins say to everybody: on the bus, to people, and about what they delivered.
//!
//! Plugin threads send [`Message`]s to the main loop and never wait for it. What a guest can send at will counts in its
//! [`Places`] until the main loop has dealt with it, so that a storm of one plugin fills its own places and not the loop.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};

use arc_swap::ArcSwap;

use crate::state::Severity;

/// Messages of one plugin that the main loop has not seen. It works on all that wait in one turn; so many take it far less
/// than a millisecond.
const MOST_UNDER_WAY: u32 = 64;

/// What a person is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How much the person should care.
    pub severity: Severity,
    /// The UPS it concerns; empty when none.
    pub device: String,
    /// One line.
    pub title: String,
    /// More lines.
    pub body: String,
    /// More for those that can show it.
    pub fields: Vec<(String, String)>,
}

/// A notice for one notifier to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// By which the notifier says how it ended.
    pub number: u64,
    /// What to deliver.
    pub notice: Arc<Notice>,
    /// When it was sent, in milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// Counted from 1.
    pub attempt: u32,
}

/// One message.
#[derive(Debug)]
#[non_exhaustive]
pub struct Message {
    /// The plugin's id.
    pub from: Arc<str>,
    /// What it says.
    pub said: Said,
    /// Given back when the message has been dealt with.
    _place: Option<Place>,
}

/// What a plugin says.
#[non_exhaustive]
pub enum Said {
    /// To everybody who listens.
    Publish {
        /// A topic that is granted.
        topic: String,
        /// How much a person should care.
        severity: Severity,
        /// The UPS it concerns; empty when none.
        device: String,
        /// Details by name.
        fields: Vec<(String, String)>,
    },
    /// To people.
    Notice {
        /// Names it from now on.
        ticket: u64,
        /// What.
        notice: Notice,
        /// The id of the only plugin that is to deliver it; none: every notifier does.
        to: Option<Arc<str>>,
    },
    /// It delivers notices from now on.
    NotifierCame {
        /// Names this run of it.
        run: u64,
        /// Takes what it has to deliver; must not block.
        deliver: Box<dyn Fn(Delivery) + Send>,
    },
    /// It does no longer.
    NotifierWent {
        /// Which run of it.
        run: u64,
    },
    /// It has delivered something.
    Delivered {
        /// The delivery.
        number: u64,
    },
    /// It has not.
    NotDelivered {
        /// The delivery.
        number: u64,
        /// Why.
        reason: String,
        /// Trying later makes sense.
        again: bool,
    },
}

impl std::fmt::Debug for Said {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Said::Publish { topic, .. } => write!(out, "Publish({topic})"),
            Said::Notice { ticket, .. } => write!(out, "Notice({ticket})"),
            Said::NotifierCame { run, .. } => write!(out, "NotifierCame({run})"),
            Said::NotifierWent { run } => write!(out, "NotifierWent({run})"),
            Said::Delivered { number } => write!(out, "Delivered({number})"),
            Said::NotDelivered { number, reason, .. } => write!(out, "NotDelivered({number}, {reason})"),
        }
    }
}

/// Who delivers notices, as the main loop last said: those that run, and those that are expected back. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Notifiers(Arc<ArcSwap<Vec<Arc<str>>>>);

impl Notifiers {
    /// From now on these deliver.
    pub(crate) fn set(&self, names: Vec<Arc<str>>) {
        self.0.store(Arc::new(names));
    }

    /// Their ids, in the order of the alphabet.
    pub(crate) fn names(&self) -> Arc<Vec<Arc<str>>> {
        self.0.load_full()
    }
}

/// The way of messages to the main loop. Clones share it.
#[derive(Clone)]
pub struct Messages {
    send: Arc<dyn Fn(Message) + Send + Sync>,
    last_number: Arc<AtomicU64>,
    is_full: Arc<AtomicBool>,
    /// None: it is not known who delivers.
    notifiers: Option<Notifiers>,
}

impl std::fmt::Debug for Messages {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Messages").field("is_full", &self.is_full).finish_non_exhaustive()
    }
}

impl Messages {
    /// `send` takes a message and must not block; `is_full` is set while no notices are taken.
    pub fn new(send: impl Fn(Message) + Send + Sync + 'static, is_full: Arc<AtomicBool>) -> Messages {
        Messages { send: Arc::new(send), last_number: Arc::default(), is_full, notifiers: None }
    }

    /// Whoever names a notifier that is not among these is refused.
    pub fn knowing(self, notifiers: Notifiers) -> Messages {
        Messages { notifiers: Some(notifiers), ..self }
    }

    /// The notifier of this name; the error says who there is.
    pub(in crate::plugin) fn notifier(&self, name: &str) -> Result<Arc<str>, String> {
        let Some(notifiers) = &self.notifiers else { return Ok(Arc::from(name)) };
        let names = notifiers.names();
        names.iter().find(|known| ***known == *name).cloned().ok_or_else(|| match &names[..] {
            [] => format!("there is no notifier `{name}`, and no other"),
            names => format!("there is no notifier `{name}`; there is {}", names.join(", ")),
        })
    }

    /// A number that nothing else has: for notices and for runs of notifiers.
    pub(in crate::plugin) fn number(&self) -> u64 {
        self.last_number.fetch_add(1, Relaxed) + 1
    }

    /// Whether no more notices are taken at present.
    pub(in crate::plugin) fn is_full(&self) -> bool {
        self.is_full.load(Relaxed)
    }

    /// Something that a guest can say at will: it needs a place.
    pub(in crate::plugin) fn say(&self, from: &Arc<str>, said: Said, place: Place) {
        (self.send)(Message { from: Arc::clone(from), said, _place: Some(place) });
    }

    /// Something that the host itself gives rise to, and that is bounded by that.
    pub(in crate::plugin) fn report(&self, from: &Arc<str>, said: Said) {
        (self.send)(Message { from: Arc::clone(from), said, _place: None });
    }
}

/// How many messages of one plugin are under way.
#[derive(Debug, Default)]
pub(in crate::plugin) struct Places(Arc<AtomicU32>);

impl Places {
    pub(in crate::plugin) fn take(&self) -> Option<Place> {
        let taken = self.0.fetch_update(SeqCst, SeqCst, |used| (used < MOST_UNDER_WAY).then_some(used + 1));
        taken.ok().map(|_| Place(Arc::clone(&self.0)))
    }
}

/// One message's place; dropping it gives it back.
#[derive(Debug)]
pub(in crate::plugin) struct Place(Arc<AtomicU32>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}
