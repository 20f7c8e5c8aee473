//! In whose name something is ordered.
//!
//! Invariant: a plugin can't make up a principal. It has [`Principal::PLUGIN`] and those that the host handed in with
//! [`crate::AuthHandler::on_checked`] or a [`crate::WebRequest`]; the host checks the number again on every use.

/// Somebody in whose name the plugin asks the host for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal(u64);

impl Principal {
    /// The plugin itself: what its grant names by command and variable, and nothing else.
    pub const PLUGIN: Principal = Principal(0);

    /// Only for what the host says.
    pub(crate) const fn from_host(number: u64) -> Principal {
        Principal(number)
    }

    /// The host's number.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}
