//! How a blocking port behaves.

use super::cable::Cable;
use crate::session::SessionConfig;

/// How a [`Port`](super::Port) behaves. The default fits a UPS on the smart cable.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PortOptions {
    /// What connects the UPS. Ignored for serial servers, which have settings of their own.
    pub cable: Cable,
    /// Open a port that hung up again, with pauses of half a second to ten, instead of reporting
    /// [`PortError::HungUp`](super::PortError::HungUp). The first opening must succeed all the same.
    pub reconnect: bool,
    /// How the session behaves.
    pub session: SessionConfig,
}

impl PortOptions {
    /// With another cable.
    pub fn cable(mut self, cable: Cable) -> PortOptions {
        self.cable = cable;
        self
    }

    /// With or without opening a lost port again.
    pub fn reconnect(mut self, reconnect: bool) -> PortOptions {
        self.reconnect = reconnect;
        self
    }

    /// With another behaviour of the session.
    pub fn session(mut self, session: SessionConfig) -> PortOptions {
        self.session = session;
        self
    }
}
