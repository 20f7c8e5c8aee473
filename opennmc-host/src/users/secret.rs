//! Text that must not be seen: passwords and tokens.
//!
//! A [`Secret`] can't be printed, logged or serialised by accident, and its memory is wiped when it is dropped. Whoever
//! needs the text calls [`Secret::reveal`], so that a search for that word finds every such place.

use std::fmt;

use serde::Deserialize;
use zeroize::Zeroizing;

/// A password or a token.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself: to be shown once to its owner, or to be checked.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        assert!(!format!("{:?}", Secret::from("open sesame")).contains("sesame"));
    }
}
