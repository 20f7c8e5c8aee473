//! Which events a plugin hears: patterns of kinds.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind such as `ups.on-battery`, a family of kinds such as `ups.*`, or `*` for all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventPattern(String);

impl EventPattern {
    /// Whether events of this kind are meant.
    pub fn matches(&self, kind: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(family) => kind.starts_with(family),
            None => kind == self.0,
        }
    }
}

impl TryFrom<String> for EventPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let kind = text.strip_suffix(".*").unwrap_or(&text);
        if text == "*" || kind.split('.').all(is_part) {
            return Ok(Self(text));
        }
        Err(format!(
            "\"{text}\" is no kind of event; write for example \"ups.on-battery\", \"ups.*\" or \"*\""
        ))
    }
}

impl From<EventPattern> for String {
    fn from(pattern: EventPattern) -> String {
        pattern.0
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> EventPattern {
        EventPattern::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_family_is_what_begins_with_its_name_and_a_dot() {
        assert!(pattern("ups.*").matches("ups.on-battery"));
        assert!(!pattern("ups.*").matches("upside.down"));
        assert!(!pattern("ups.*").matches("ups"));
        assert!(pattern("*").matches("bus.thermo.reading"));
        assert!(pattern("ups.on-line").matches("ups.on-line"));
        assert!(!pattern("ups.on-line").matches("ups.on-line-again"));
    }

    #[test]
    fn other_wildcards_and_empty_parts_are_refused() {
        for text in ["", "ups.", ".ups", "ups*", "*.ups", "ups.*.x", "UPS.x", "ups on"] {
            assert!(EventPattern::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
