//! Sizes as people write them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number of bytes, written with a unit: `"4 MiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(pub u64);

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl ByteSize {
    /// So many mebibytes.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }
}

impl TryFrom<String> for ByteSize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong =
            || format!("\"{text}\" is no size; write a whole number and KiB or MiB, such as \"4 MiB\"");
        let (unit, bytes) = UNITS.iter().find(|(unit, _)| text.ends_with(unit)).ok_or_else(wrong)?;
        let count: u64 = text[..text.len() - unit.len()].trim().parse().map_err(|_| wrong())?;
        count.checked_mul(*bytes).map(ByteSize).ok_or_else(wrong)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, bytes): &&(&str, u64)| self.0 >= *bytes && self.0.is_multiple_of(*bytes);
        let (unit, bytes) = UNITS.iter().find(fits).unwrap_or(&("B", 1));
        write!(f, "{} {unit}", self.0 / bytes)
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> String {
        size.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_back_as_they_are_shown() {
        for (text, bytes) in [("4 MiB", 4 << 20), ("64KiB", 64 << 10), ("17 B", 17)] {
            let size = ByteSize::try_from(text.to_owned()).unwrap();
            assert_eq!(size.0, bytes);
            assert_eq!(ByteSize::try_from(size.to_string()), Ok(size));
        }
        assert!(ByteSize::try_from("4".to_owned()).is_err());
        assert!(ByteSize::try_from("99999999999999 GiB".to_owned()).is_err());
    }
}
