//! The numbered kinds that events and orders are told with.

use std::ffi::{CStr, c_char};

use super::boundary::{Checked, shield};
use super::result::apcsmart_result;
use crate::table::{Danger, Writable};
use crate::{Alert, Diagnosis, LinkState, Outcome};

/// How the link to the UPS is.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum apcsmart_link {
    /// The port is not open.
    CLOSED = 0,
    /// The port is open; no UPS has answered yet.
    CONNECTING = 1,
    /// The UPS answers.
    UP = 2,
    /// The UPS answered and does no more. It is asked again and again; readings are as old as the time it was last heard.
    LOST = 3,
}

impl From<LinkState> for apcsmart_link {
    fn from(link: LinkState) -> apcsmart_link {
        match link {
            LinkState::Closed => apcsmart_link::CLOSED,
            LinkState::Connecting => apcsmart_link::CONNECTING,
            LinkState::Up => apcsmart_link::UP,
            LinkState::Lost => apcsmart_link::LOST,
        }
    }
}

impl apcsmart_link {
    const ALL: [(apcsmart_link, &CStr); 4] = [
        (apcsmart_link::CLOSED, c"closed"),
        (apcsmart_link::CONNECTING, c"connecting"),
        (apcsmart_link::UP, c"up"),
        (apcsmart_link::LOST, c"lost"),
    ];

    /// One word for a log; none for a number that is no link state.
    pub(super) fn text(link: u32) -> Option<&'static CStr> {
        apcsmart_link::ALL.iter().find(|(known, _)| *known as u32 == link).map(|(_, text)| *text)
    }
}

/// What a UPS announces unasked. For logs: what it means for the status comes as a status.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum apcsmart_alert {
    /// The event is no alert.
    NONE = 0,
    /// The UPS goes on battery.
    LINE_FAIL = 1,
    /// Mains is back.
    LINE_RETURNED = 2,
    /// The battery is low.
    LOW_BATTERY = 3,
    /// The battery is no longer low.
    BATTERY_RECOVERED = 4,
    /// Something is abnormal: the status tells what.
    ABNORMAL = 5,
    /// What was abnormal has ended.
    ABNORMAL_ENDED = 6,
    /// The load goes off now.
    LOAD_OFF = 7,
    /// The battery should be replaced.
    REPLACE_BATTERY = 8,
    /// An environment probe's limit is exceeded, or a contact changed.
    ENVIRONMENT = 9,
    /// A setting was changed in the UPS.
    SETTING_CHANGED = 10,
}

impl From<Alert> for apcsmart_alert {
    fn from(alert: Alert) -> apcsmart_alert {
        match alert {
            Alert::LineFail => apcsmart_alert::LINE_FAIL,
            Alert::LineReturned => apcsmart_alert::LINE_RETURNED,
            Alert::LowBattery => apcsmart_alert::LOW_BATTERY,
            Alert::BatteryRecovered => apcsmart_alert::BATTERY_RECOVERED,
            Alert::Abnormal => apcsmart_alert::ABNORMAL,
            Alert::AbnormalEnded => apcsmart_alert::ABNORMAL_ENDED,
            Alert::LoadOff => apcsmart_alert::LOAD_OFF,
            Alert::ReplaceBattery => apcsmart_alert::REPLACE_BATTERY,
            Alert::MeasureUps => apcsmart_alert::ENVIRONMENT,
            Alert::EepromChanged => apcsmart_alert::SETTING_CHANGED,
        }
    }
}

/// What is on the line when no UPS answers.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum apcsmart_diagnosis {
    /// The event is no diagnosis.
    NONE = 0,
    /// No byte came back.
    SILENT = 1,
    /// What was sent came back.
    ECHO = 2,
    /// A stream of binary data: newer Smart-UPS speak Microlink.
    MICROLINK = 3,
    /// Bytes that are no answers.
    GARBAGE = 4,
    /// A binary frame: the port is set to Modbus.
    MODBUS = 5,
    /// The UPS speaks by levels of its wires, not by bytes.
    SIMPLE_SIGNALLING = 6,
    /// Text that is no answer: another device.
    OTHER_DEVICE = 7,
    /// A UPS answers and does not tell its status.
    NO_STATUS = 8,
}

impl From<Diagnosis> for apcsmart_diagnosis {
    fn from(diagnosis: Diagnosis) -> apcsmart_diagnosis {
        match diagnosis {
            Diagnosis::Silent => apcsmart_diagnosis::SILENT,
            Diagnosis::Echo => apcsmart_diagnosis::ECHO,
            Diagnosis::Microlink => apcsmart_diagnosis::MICROLINK,
            Diagnosis::Garbage => apcsmart_diagnosis::GARBAGE,
            Diagnosis::Modbus => apcsmart_diagnosis::MODBUS,
            Diagnosis::SimpleSignalling => apcsmart_diagnosis::SIMPLE_SIGNALLING,
            Diagnosis::OtherDevice => apcsmart_diagnosis::OTHER_DEVICE,
            Diagnosis::NoStatus => apcsmart_diagnosis::NO_STATUS,
        }
    }
}

/// How an order ended. It says what was seen, no more.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum apcsmart_outcome {
    /// No order ended.
    NONE = 0,
    /// The UPS accepted it. Its effect can not be seen from here, or not yet.
    ACCEPTED = 1,
    /// The UPS accepted it and its effect was seen.
    EXECUTED = 2,
    /// The setting was written and reads back as ordered.
    VERIFIED = 3,
    /// The setting had this value already; nothing was written.
    UNCHANGED = 4,
    /// The UPS refused, or its state forbids it; the event's text says which.
    REFUSED = 5,
    /// This UPS does not know the command.
    UNSUPPORTED = 6,
    /// The UPS accepted it, and no effect was seen in the time it should have taken.
    NO_EFFECT = 7,
    /// No answer came. Whether the UPS did it is not known.
    TIMED_OUT = 8,
    /// The link was lost on the way. Whether the UPS did it is not known.
    INTERRUPTED = 9,
}

impl From<&Outcome> for apcsmart_outcome {
    fn from(outcome: &Outcome) -> apcsmart_outcome {
        match outcome {
            Outcome::Accepted => apcsmart_outcome::ACCEPTED,
            Outcome::Executed => apcsmart_outcome::EXECUTED,
            Outcome::Verified => apcsmart_outcome::VERIFIED,
            Outcome::Unchanged => apcsmart_outcome::UNCHANGED,
            Outcome::Refused(_) => apcsmart_outcome::REFUSED,
            Outcome::Unsupported => apcsmart_outcome::UNSUPPORTED,
            Outcome::NoEffect => apcsmart_outcome::NO_EFFECT,
            Outcome::TimedOut => apcsmart_outcome::TIMED_OUT,
            Outcome::Interrupted => apcsmart_outcome::INTERRUPTED,
        }
    }
}

impl apcsmart_outcome {
    const ALL: [(apcsmart_outcome, &CStr); 10] = [
        (apcsmart_outcome::NONE, c"no order ended"),
        (apcsmart_outcome::ACCEPTED, c"accepted by the UPS"),
        (apcsmart_outcome::EXECUTED, c"done: its effect was seen"),
        (apcsmart_outcome::VERIFIED, c"written and read back"),
        (apcsmart_outcome::UNCHANGED, c"unchanged: the value was so already"),
        (apcsmart_outcome::REFUSED, c"refused"),
        (apcsmart_outcome::UNSUPPORTED, c"not supported by this UPS"),
        (apcsmart_outcome::NO_EFFECT, c"accepted, but no effect was seen"),
        (apcsmart_outcome::TIMED_OUT, c"no answer: whether it was done is not known"),
        (apcsmart_outcome::INTERRUPTED, c"interrupted: whether it was done is not known"),
    ];
}

/// What an `apcsmart_outcome` means, as a sentence in English; an order's own `APCSMART_EVENT_DONE` also says why the UPS
/// refused. Never NULL; lives for ever. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_outcome_text(outcome: u32) -> *const c_char {
    let unknown = c"an outcome that this version of the library does not know";
    let text_of = || {
        let known = apcsmart_outcome::ALL.iter().find(|(known, _)| *known as u32 == outcome);
        known.map_or(unknown, |(_, text)| text).as_ptr()
    };
    shield(unknown.as_ptr(), text_of)
}

/// Whether an `apcsmart_outcome` means that the order was carried out, as far as can be known. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_outcome_is_success(outcome: u32) -> bool {
    (apcsmart_outcome::ACCEPTED as u32..=apcsmart_outcome::UNCHANGED as u32).contains(&outcome)
}

/// The name of an `apcsmart_link` in one word, such as "up". Never NULL; lives for ever. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_link_text(link: u32) -> *const c_char {
    let unknown = c"unknown";
    shield(unknown.as_ptr(), || apcsmart_link::text(link).unwrap_or(unknown).as_ptr())
}

/// What a command can do to the load.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum apcsmart_danger {
    /// Nothing.
    NONE = 0,
    /// It may take power from the load or run the battery down. Passing it says that this is wanted.
    CONFIRMED = 1,
}

impl From<Danger> for apcsmart_danger {
    fn from(danger: Danger) -> apcsmart_danger {
        match danger {
            Danger::None => apcsmart_danger::NONE,
            Danger::Confirmed => apcsmart_danger::CONFIRMED,
        }
    }
}

impl apcsmart_danger {
    /// What C passed.
    pub(super) fn read(danger: u32) -> Checked<Danger> {
        match danger {
            0 => Ok(Danger::None),
            1 => Ok(Danger::Confirmed),
            _ => Err(apcsmart_result::INVALID_ARGUMENT),
        }
    }
}

/// How a setting is set.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum apcsmart_writable {
    /// Not at all.
    NO = 0,
    /// To one of its choices.
    CHOICE = 1,
    /// To a text of at most `text_max` printable ASCII characters.
    TEXT = 2,
    /// To a whole number; of limits also to "off".
    NUMBER = 3,
}

impl From<Writable> for apcsmart_writable {
    fn from(writable: Writable) -> apcsmart_writable {
        match writable {
            Writable::No => apcsmart_writable::NO,
            Writable::Choice => apcsmart_writable::CHOICE,
            Writable::Text8 => apcsmart_writable::TEXT,
            Writable::Step => apcsmart_writable::NUMBER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_of_an_outcome_is_the_one_that_rust_programs_read() {
        use Outcome as O;
        for outcome in [
            O::Accepted,
            O::Executed,
            O::Verified,
            O::Unchanged,
            O::Refused("why"),
            O::Unsupported,
            O::NoEffect,
            O::TimedOut,
            O::Interrupted,
        ] {
            let numbered = apcsmart_outcome::from(&outcome);
            let (_, text) = apcsmart_outcome::ALL.iter().find(|(known, _)| *known == numbered).unwrap();
            let said = outcome.to_string();
            assert_eq!(text.to_str().unwrap(), said.trim_end_matches(": why"), "{outcome:?}");
        }
    }
}
