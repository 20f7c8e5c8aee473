//! Times: milliseconds since 1970 UTC within the plugin, RFC 3339 outside of it.

use jiff::Timestamp;

/// As RFC 3339 in UTC, with milliseconds.
pub(crate) fn shown(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok());
    at.map_or_else(String::new, |at| format!("{at:.3}"))
}

/// RFC 3339, or milliseconds.
pub(crate) fn read(text: &str) -> Option<u64> {
    if let Ok(at_ms) = text.parse() {
        return Some(at_ms);
    }
    let at: Timestamp = text.parse().ok()?;
    Some(u64::try_from(at.as_millisecond()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_shown() {
        assert_eq!(shown(1_790_000_000_123), "2026-09-21T14:13:20.123Z");
        for text in ["2026-09-21T14:13:20.123Z", "2026-09-21T16:13:20.123+02:00", "1790000000123"] {
            assert_eq!(read(text), Some(1_790_000_000_123), "{text}");
        }
        assert_eq!(read("1969-01-01T00:00:00Z"), Some(0));
        for text in ["", "yesterday", "2026-09-21", "-1", "1e9"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
