//! Finding out what is on a port: the smart protocol first, then what else APC's units speak.
//!
//! This asks questions that a running session never asks, at another speed. It is for a person who looks for the reason why
//! nothing works. Nothing that it sends is a command that acts, on no unit, at no speed.

use std::fmt;
use std::time::Duration;

use super::clock;
use super::error::PortError;
use super::modbus;
use super::options::PortOptions;
use super::port::Port;
use super::wire::{Gone, Received, Wire};
use crate::diagnosis::{Classifier, Diagnosis};
use crate::session::{Event, LinkState};
use crate::time::Time;

/// The session judges a silent line after five tries, in ten seconds; a noisy one takes it three times as long.
const SMART_LIMIT: Duration = Duration::from_secs(40);
/// A unit that answers tells its model within its first scan.
const MODEL_LIMIT: Duration = Duration::from_secs(20);
/// A unit with Microlink repeats its messages many times a second.
const STREAM_LIMIT: Duration = Duration::from_secs(2);
/// A Modbus unit answers in a tenth of this, line time included.
const MODBUS_LIMIT: Duration = Duration::from_secs(1);

/// What is on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// A UPS that speaks the smart protocol.
    SmartUps {
        /// Its model; none when it does not tell it.
        model: Option<String>,
    },
    /// Anything else, or nothing.
    NoSmartUps {
        /// What it is.
        diagnosis: Diagnosis,
        /// Its model, when it told that in another protocol.
        model: Option<String>,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::SmartUps { model: Some(model) } => {
                write!(f, "a UPS that speaks the smart protocol: {model}")
            }
            Finding::SmartUps { model: None } => f.write_str("a UPS that speaks the smart protocol"),
            Finding::NoSmartUps { diagnosis, model: Some(model) } => {
                write!(f, "{diagnosis} (it says it is {model})")
            }
            Finding::NoSmartUps { diagnosis, model: None } => diagnosis.fmt(f),
        }
    }
}

/// Finds out what is on a port: asks for smart mode at 2400 baud; when that fails, listens at 9600 for Microlink; when that
/// is silent, asks in Modbus; looks at the signal lines last. Takes 13 seconds when nothing answers. A serial
/// port is left with the settings that it had; of a serial server only the first question can be asked.
///
/// # Errors
/// Those of [`Port::open`], and [`PortError::HungUp`].
pub fn classify(address: &str, options: &PortOptions) -> Result<Finding, PortError> {
    let mut port = Port::open(address, &options.clone().reconnect(false))?;
    let found = ask_smart(&mut port).and_then(|found| match (found, port.wire()) {
        (Finding::NoSmartUps { diagnosis: Diagnosis::Silent | Diagnosis::Garbage, .. }, Some(wire)) => {
            ask_others(wire, options, port.diagnosis()).map_err(|gone| port.gone(&gone))
        }
        (found, _) => Ok(found),
    });
    if let Some(wire) = port.wire() {
        wire.restore();
    }
    found
}

/// Talks as ever, until the session has a verdict.
fn ask_smart(port: &mut Port) -> Result<Finding, PortError> {
    let judged_until = clock::now() + SMART_LIMIT;
    loop {
        match port.next_event(judged_until.since(clock::now()))? {
            Some(Event::Link(LinkState::Up)) => break,
            Some(Event::Diagnosis(diagnosis)) => return Ok(Finding::NoSmartUps { diagnosis, model: None }),
            Some(_) => {}
            None => return Ok(Finding::NoSmartUps { diagnosis: port.diagnosis(), model: None }),
        }
    }
    let told_until = clock::now() + MODEL_LIMIT;
    while port.get("ups.model").is_none()
        && let Some(event) = port.next_event(told_until.since(clock::now()))?
    {
        if event == Event::ScanComplete {
            break;
        }
    }
    Ok(Finding::SmartUps { model: port.get("ups.model").map(|model| model.to_string()) })
}

/// Tries what newer units speak. `so_far` is the judgement at 2400 baud.
fn ask_others(wire: &Wire, options: &PortOptions, so_far: Diagnosis) -> Result<Finding, Gone> {
    let found = |diagnosis, model| Ok(Finding::NoSmartUps { diagnosis, model });
    if wire.set_speed(modbus::BAUD)? {
        let mut stream = Classifier::default();
        for byte in listen(wire, clock::now() + STREAM_LIMIT)? {
            stream.take(byte);
        }
        if stream.judge() == Diagnosis::Microlink {
            return found(Diagnosis::Microlink, None);
        }
        if ask_modbus(wire, modbus::PROBE)?.is_some() {
            let model = ask_modbus(wire, modbus::MODEL)?;
            return found(Diagnosis::Modbus, model.as_deref().and_then(modbus::text));
        }
    }
    match so_far {
        Diagnosis::Silent if wire.is_signalled(options.cable) => found(Diagnosis::SimpleSignalling, None),
        diagnosis => found(diagnosis, None),
    }
}

fn ask_modbus(wire: &Wire, question: modbus::Question) -> Result<Option<Vec<u8>>, Gone> {
    wire.send(&question.frame())?;
    let heard = listen(wire, clock::now() + MODBUS_LIMIT)?;
    Ok(question.answer(&heard).map(<[u8]>::to_vec))
}

/// Everything that comes until then.
fn listen(wire: &Wire, until: Time) -> Result<Vec<u8>, Gone> {
    let mut heard = Vec::new();
    while let Received::Bytes(bytes) = wire.receive(until, None)? {
        heard.extend(bytes);
    }
    Ok(heard)
}
