//! What the engine must not forget over a restart, and how it is written down.
//!
//! The rest is asked of the UPS again. What is read may be old, cut off or of another version: each part is taken for
//! itself, and a part that makes no sense is left out, because a broken figure must not cost a forced shutdown.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Goes up when a part changes its meaning. A part that is new needs no new version.
const VERSION: u32 = 1;

/// What is remembered of one UPS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Memory {
    /// A forced shutdown is set.
    pub forced_shutdown: bool,
    /// An outage was seen since it was set.
    pub forced_shutdown_outage: bool,
    /// `ups.on-battery` was told, and `ups.on-line` was not.
    pub on_battery: bool,
    /// The tokens whose coming was told, and whose going was not.
    pub told: Vec<String>,
    /// What `ups.alarm` last said.
    pub alarm: Option<String>,
    /// Outages.
    pub outages: OutageMemory,
    /// The energy that went through the UPS.
    pub milliwatt_seconds: u64,
    /// The result of the last self test.
    pub test: Option<TestMemory>,
    /// The serial number of the UPS.
    pub serial: Option<String>,
    /// The date of its battery.
    pub battery_date: Option<String>,
    /// For how many milliseconds more the UPS's wish for a new battery does not count.
    pub overruled_ms: Option<u64>,
}

/// What is remembered of outages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutageMemory {
    /// How many there were, the one that goes on included.
    pub count: u64,
    /// How long all that have ended took together.
    pub total_ms: u64,
    /// The longest that has ended.
    pub longest_ms: u64,
    /// How long the one that goes on has taken; none when none does.
    pub going_on_ms: Option<u64>,
    /// The last, or the one that goes on.
    pub last: Option<LastOutage>,
}

/// One outage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastOutage {
    /// Its beginning in milliseconds since 1970; none when the clock was not set.
    pub start_ms: Option<u64>,
    /// How long it took, when it has ended.
    pub duration_ms: u64,
    /// As the UPS gives it.
    pub reason: Option<String>,
}

/// The result of a self test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TestMemory {
    /// As the UPS gives it.
    pub result: String,
    /// When it was seen, in milliseconds since 1970; none when that is not known.
    pub at_ms: Option<u64>,
}

impl Memory {
    /// As text to be stored.
    pub fn to_json(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Value::Object(parts) = &mut value {
            parts.insert("version".to_owned(), VERSION.into());
        }
        value.to_string()
    }

    /// From stored text; what can't be made out of it is as if it had never been.
    pub fn from_json(text: &str) -> Memory {
        let Ok(Value::Object(mut parts)) = serde_json::from_str(text) else { return Memory::default() };
        // A version that does not exist yet may mean anything, but a forced shutdown is a forced shutdown.
        if take::<u32>(&mut parts, "version") != Some(VERSION) {
            parts.retain(|name, _| name.starts_with("forced_shutdown"));
        }
        Memory {
            forced_shutdown: take(&mut parts, "forced_shutdown").unwrap_or_default(),
            forced_shutdown_outage: take(&mut parts, "forced_shutdown_outage").unwrap_or_default(),
            on_battery: take(&mut parts, "on_battery").unwrap_or_default(),
            told: take(&mut parts, "told").unwrap_or_default(),
            alarm: take(&mut parts, "alarm"),
            outages: take(&mut parts, "outages").unwrap_or_default(),
            milliwatt_seconds: take(&mut parts, "milliwatt_seconds").unwrap_or_default(),
            test: take(&mut parts, "test"),
            serial: take(&mut parts, "serial"),
            battery_date: take(&mut parts, "battery_date"),
            overruled_ms: take(&mut parts, "overruled_ms"),
        }
    }
}

fn take<T: DeserializeOwned>(parts: &mut Map<String, Value>, name: &str) -> Option<T> {
    parts.remove(name).and_then(|value| serde_json::from_value(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Memory {
        Memory {
            forced_shutdown: true,
            forced_shutdown_outage: true,
            on_battery: true,
            told: vec!["LB".into(), "RB".into()],
            alarm: Some("fan".into()),
            outages: OutageMemory {
                count: 3,
                total_ms: 12_000,
                longest_ms: 8000,
                going_on_ms: Some(500),
                last: Some(LastOutage { start_ms: Some(1), duration_ms: 0, reason: Some("notch".into()) }),
            },
            milliwatt_seconds: 123_456,
            test: Some(TestMemory { result: "OK".into(), at_ms: None }),
            serial: Some("AS01".into()),
            battery_date: Some("03/14/07".into()),
            overruled_ms: Some(5),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Memory::from_json(&full().to_json()), full());
        assert_eq!(Memory::from_json(&Memory::default().to_json()), Memory::default());
    }

    #[test]
    fn a_broken_part_costs_that_part_only() {
        for (part, broken) in [
            ("outages", "\"x\""),
            ("told", "[1, 2]"),
            ("milliwatt_seconds", "-1"),
            ("serial", "{}"),
            ("overruled_ms", "-3"),
            ("test", "[]"),
        ] {
            let mut json: Map<String, Value> = serde_json::from_str(&full().to_json()).unwrap();
            json.insert(part.to_owned(), serde_json::from_str(broken).unwrap());
            let read = Memory::from_json(&Value::Object(json).to_string());
            assert!(read.forced_shutdown && read.on_battery, "{part}");
            assert_ne!(read, full(), "{part}");
        }
    }

    #[test]
    fn junk_and_other_versions_are_as_if_nothing_was_stored() {
        let text = full().to_json();
        for junk in ["", "null", "[]", "7", "{", &text[..text.len() / 2], "\u{0}\u{1}"] {
            assert_eq!(Memory::from_json(junk), Memory::default(), "{junk}");
        }
        let newer = text.replace("\"version\":1", "\"version\":2");
        let kept = Memory { forced_shutdown: true, forced_shutdown_outage: true, ..Memory::default() };
        assert_eq!(Memory::from_json(&newer), kept);
    }
}
