//! Events as C sees them.

use std::ffi::c_char;

use super::kind::{apcsmart_alert, apcsmart_diagnosis, apcsmart_link, apcsmart_outcome};
use super::reading;
use super::status;
use super::text::{Texts, Topic};
use crate::{Event, Session};

/// What was learnt.
///
/// cbindgen:rename-all=None
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum apcsmart_event_kind {
    /// No event.
    APCSMART_EVENT_NONE = 0,
    /// The link changed its state: `link`, `text`.
    APCSMART_EVENT_LINK = 1,
    /// The UPS announced something: `alert`, `text`.
    APCSMART_EVENT_ALERT = 2,
    /// The status changed, or is known for the first time: `status`, `text` with NUT's tokens.
    APCSMART_EVENT_STATUS = 3,
    /// A reading changed, or is known for the first time: `name`, `text`, `number`, `unit`.
    APCSMART_EVENT_READING = 4,
    /// A reading is no longer known: `name`.
    APCSMART_EVENT_WITHDRAWN = 5,
    /// What the UPS can do is known: its settings and commands can be listed.
    APCSMART_EVENT_DISCOVERED = 6,
    /// Everything was read once since the link came up.
    APCSMART_EVENT_SCAN_COMPLETE = 7,
    /// No UPS answers: `diagnosis`, and `text` for a person.
    APCSMART_EVENT_DIAGNOSIS = 8,
    /// The UPS accepted an order and its effect is watched for: `ticket`.
    APCSMART_EVENT_ACCEPTED = 9,
    /// An order ended; comes exactly once for every ticket: `ticket`, `outcome`, `text`.
    APCSMART_EVENT_DONE = 10,
}

/// What was learnt, with what belongs to its kind; the rest is zero, NaN or an empty text. Kinds may be added: pass over
/// those that you do not know.
///
/// The texts are UTF-8, never NULL, and lent: they live until the next call that takes the handle without `const`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct apcsmart_event {
    /// What kind of event this is.
    pub kind: apcsmart_event_kind,
    /// The state of the link.
    pub link: apcsmart_link,
    /// What the UPS announced.
    pub alert: apcsmart_alert,
    /// `APCSMART_STATUS_...` bits.
    pub status: u32,
    /// What is on the line instead of a UPS.
    pub diagnosis: apcsmart_diagnosis,
    /// How the order ended.
    pub outcome: apcsmart_outcome,
    /// The order; never zero for one.
    pub ticket: u64,
    /// The value of a reading when it is a number; else NaN.
    pub number: f64,
    /// The name of a reading.
    pub name: *const c_char,
    /// The event for a log, or the value of a reading.
    pub text: *const c_char,
    /// The unit of a reading, such as "V"; empty for none.
    pub unit: *const c_char,
    /// Zero. Room for later.
    pub reserved: [u64; 4],
}

/// The event as C sees it, with its texts in `texts`.
pub(super) fn show(event: &Event, session: &Session, texts: &mut Texts) -> apcsmart_event {
    let mut shown = empty(texts);
    let mut text = None;
    match event {
        Event::Link(link) => {
            shown.kind = apcsmart_event_kind::APCSMART_EVENT_LINK;
            shown.link = (*link).into();
            text = apcsmart_link::text(shown.link as u32).map(|text| text.to_string_lossy().into_owned());
        }
        Event::Alert(alert) => {
            shown.kind = apcsmart_event_kind::APCSMART_EVENT_ALERT;
            shown.alert = (*alert).into();
            text = Some(alert.to_string());
        }
        Event::Status(status) => {
            shown.kind = apcsmart_event_kind::APCSMART_EVENT_STATUS;
            shown.status = status::bits(status);
            text = Some(status.tokens());
        }
        Event::Reading { name, value } => {
            shown.kind = apcsmart_event_kind::APCSMART_EVENT_READING;
            shown.name = texts.fixed(name);
            shown.unit = reading::unit(session, name, value, texts);
            shown.number = value.as_f64().unwrap_or(f64::NAN);
            text = Some(value.to_string());
        }
        Event::Withdrawn { name } => {
            shown.kind = apcsmart_event_kind::APCSMART_EVENT_WITHDRAWN;
            shown.name = texts.fixed(name);
        }
        Event::Discovered => shown.kind = apcsmart_event_kind::APCSMART_EVENT_DISCOVERED,
        Event::ScanComplete => shown.kind = apcsmart_event_kind::APCSMART_EVENT_SCAN_COMPLETE,
        Event::Diagnosis(diagnosis) => {
            shown.kind = apcsmart_event_kind::APCSMART_EVENT_DIAGNOSIS;
            shown.diagnosis = (*diagnosis).into();
            text = Some(diagnosis.to_string());
        }
        Event::Accepted { ticket } => {
            shown.kind = apcsmart_event_kind::APCSMART_EVENT_ACCEPTED;
            shown.ticket = ticket.number();
        }
        Event::Done { ticket, outcome } => {
            shown.kind = apcsmart_event_kind::APCSMART_EVENT_DONE;
            shown.ticket = ticket.number();
            shown.outcome = outcome.into();
            text = Some(outcome.to_string());
        }
    }
    if let Some(text) = text {
        shown.text = texts.passing(Topic::Event, || text);
    }
    shown
}

/// No event.
pub(super) fn empty(texts: &mut Texts) -> apcsmart_event {
    let nothing = texts.fixed("");
    apcsmart_event {
        kind: apcsmart_event_kind::APCSMART_EVENT_NONE,
        link: apcsmart_link::CLOSED,
        alert: apcsmart_alert::NONE,
        status: 0,
        diagnosis: apcsmart_diagnosis::NONE,
        outcome: apcsmart_outcome::NONE,
        ticket: 0,
        number: f64::NAN,
        name: nothing,
        text: nothing,
        unit: nothing,
        reserved: [0; 4],
    }
}
