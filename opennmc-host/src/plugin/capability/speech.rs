//! What one plugin says to others: how often, how much, and on which way. The bus and the notices share it.
//!
//! Whatever is said is checked here before it leaves the plugin's thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::plugin::Mark;
use crate::plugin::bindings::wit::types::{self, Error};
use crate::plugin::messages::{Messages, Places, Said};
use crate::state::Severity;

const WINDOW: Duration = Duration::from_secs(60);
/// The longest name of a UPS is shorter.
const LONGEST_DEVICE: usize = 64;
const MOST_FIELDS: usize = 32;
const LONGEST_FIELD_NAME: usize = 64;
/// Names and values of all fields together. An event lies in the mailbox of everybody who listens, and may be written down.
const FIELDS_BYTES: usize = 4 << 10;

/// What one instance needs to say something.
pub(in crate::plugin) struct State {
    plugin: Arc<str>,
    messages: Option<Messages>,
    places: Places,
    pace: Pace,
    pub(in crate::plugin) mark: Mark,
}

impl State {
    pub(in crate::plugin) fn new(plugin: Arc<str>, messages: Option<Messages>, a_minute: u32) -> Self {
        Self { plugin, messages, places: Places::default(), pace: Pace::new(a_minute), mark: Mark::default() }
    }

    /// The way out, if there is one.
    pub(super) fn messages(&self) -> Result<&Messages, Error> {
        self.messages.as_ref().ok_or_else(|| Error::Unavailable("nobody listens on this host".to_owned()))
    }

    /// Says what was checked already.
    pub(super) fn say(&mut self, now: Instant, said: Said) -> Result<(), Error> {
        let messages = self.messages()?.clone();
        let place = self.places.take().ok_or(Error::Busy)?;
        self.pace.admit(now).map_err(|most| {
            self.mark.hit();
            Error::Limit(format!("{most} messages were sent in this minute, which is the most"))
        })?;
        self.mark.see(self.pace.said.into());
        messages.say(&self.plugin, said, place);
        Ok(())
    }

    /// Says what the host itself asked for.
    pub(super) fn report(&self, said: Said) -> Result<(), Error> {
        self.messages()?.report(&self.plugin, said);
        Ok(())
    }
}

/// Messages in the minute that runs.
struct Pace {
    most: u32,
    /// None before the first message.
    window_began: Option<Instant>,
    said: u32,
}

impl Pace {
    fn new(most: u32) -> Self {
        Self { most, window_began: None, said: 0 }
    }

    /// Counts one more message, or says how many there may be.
    fn admit(&mut self, now: Instant) -> Result<(), u32> {
        let began = *self.window_began.get_or_insert(now);
        if now.saturating_duration_since(began) >= WINDOW {
            self.window_began = Some(now);
            self.said = 0;
        }
        if self.said >= self.most {
            return Err(self.most);
        }
        self.said += 1;
        Ok(())
    }
}

pub(super) fn severity(severity: types::Severity) -> Severity {
    match severity {
        types::Severity::Info => Severity::Info,
        types::Severity::Warning => Severity::Warning,
        types::Severity::Critical => Severity::Critical,
    }
}

pub(super) fn check_device(device: &str) -> Result<(), Error> {
    if device.len() > LONGEST_DEVICE || device.chars().any(char::is_control) {
        let problem = format!("a device is at most {LONGEST_DEVICE} bytes without control characters");
        return Err(Error::Invalid(problem));
    }
    Ok(())
}

pub(super) fn check_fields(fields: &[(String, String)]) -> Result<(), Error> {
    let is_name = |name: &str| {
        (1..=LONGEST_FIELD_NAME).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b))
    };
    if fields.len() > MOST_FIELDS {
        return Err(Error::Invalid(format!("{} fields; the most is {MOST_FIELDS}", fields.len())));
    }
    if let Some((name, _)) = fields.iter().find(|(name, _)| !is_name(name)) {
        let name = name.escape_default().take(LONGEST_FIELD_NAME).collect::<String>();
        return Err(Error::Invalid(format!(
            "the field `{name}`; a name is 1 to {LONGEST_FIELD_NAME} lower-case letters, digits, `.`, `-` and `_`"
        )));
    }
    let bytes: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > FIELDS_BYTES {
        return Err(Error::Invalid(format!("fields of {bytes} bytes; the most is {FIELDS_BYTES}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_its_limit_and_the_next_one_has_it_again() {
        let mut pace = Pace::new(2);
        let now = Instant::now();
        assert_eq!([pace.admit(now), pace.admit(now), pace.admit(now)], [Ok(()), Ok(()), Err(2)]);
        assert_eq!(pace.admit(now + WINDOW), Ok(()));
    }

    #[test]
    fn what_nobody_would_say_honestly_is_refused() {
        let fields = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert!(check_fields(&fields("ambient.temperature", "21.5 °C")).is_ok());
        for wrong in [fields("", "x"), fields("A", "x"), fields("a\n", "x"), fields(&"a".repeat(65), "x")] {
            assert!(check_fields(&wrong).is_err(), "{wrong:?}");
        }
        assert!(check_fields(&fields("a", &"x".repeat(FIELDS_BYTES))).is_err());
        assert!(check_fields(&vec![("a".to_owned(), String::new()); MOST_FIELDS + 1]).is_err());
        assert!(check_device("rack a").is_ok() && check_device(&"x".repeat(65)).is_err());
    }
}
