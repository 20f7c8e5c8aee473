//! Where a plugin's listeners listen: on an address with a port, or on a socket in the file system.
//!
//! A socket in the file system is the operator's word only: no manifest may ask for one, since a plugin has no files.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the path of a socket begins with.
const UNIX: &str = "unix:";
/// The kernel takes no longer path of a socket (`sun_path` without its last byte).
const LONGEST_PATH: usize = 107;

/// Where a listener listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ListenAddress {
    /// TCP, such as `127.0.0.1:3493`; port 0 is any that is free.
    Tcp(SocketAddr),
    /// A stream socket in the file system, such as `unix:/run/nut/opennmc-main`.
    Unix(PathBuf),
}

impl ListenAddress {
    /// The address and port; none for a socket in the file system.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// Whether nobody else can have it at the same time.
    pub fn is_exclusive(&self) -> bool {
        self.tcp().is_none_or(|address| address.port() != 0)
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(path) = text.strip_prefix(UNIX) else {
            return text.parse().map(Self::Tcp).map_err(|_| {
                format!(
                    "`{text}` is not an address with a port; write for example `127.0.0.1:3493`, `[::1]:3493`, `0.0.0.0:3493`, or \
                     `unix:/run/nut/opennmc-main` for a socket in the file system"
                )
            });
        };
        if path.len() > LONGEST_PATH {
            return Err(format!(
                "the path in `{text}` has {} bytes; that of a socket may have {LONGEST_PATH}",
                path.len()
            ));
        }
        let names = path.strip_prefix('/').unwrap_or_default();
        if names.split('/').any(|name| matches!(name, "" | "." | "..")) || path.contains('\0') {
            return Err(format!(
                "`{text}` has no plain absolute path after `{UNIX}`, such as in `unix:/run/nut/opennmc-main`"
            ));
        }
        Ok(Self::Unix(path.into()))
    }
}

impl TryFrom<String> for ListenAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ListenAddress> for String {
    fn from(address: ListenAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_sockets_are_told_apart_and_read_back() {
        for text in ["127.0.0.1:3493", "[::1]:0", "unix:/run/nut/opennmc-main"] {
            let address: ListenAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(address.tcp().is_none(), text.starts_with(UNIX));
        }
    }

    #[test]
    fn what_is_neither_is_refused_with_an_example() {
        let long = format!("unix:/{}", "x".repeat(LONGEST_PATH));
        for text in
            ["3493", "localhost:3493", "unix:run/x", "unix:", "unix:/", "unix:/a/../b", "unix:/a//b", &long]
        {
            let problem = text.parse::<ListenAddress>().unwrap_err();
            assert!(problem.contains("unix:/") && problem.contains(text), "{text}: {problem}");
        }
    }
}
