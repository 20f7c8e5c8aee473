//! The control socket: how the command line reaches the daemon.
//!
//! `protocol` and `report` say what is said, `peer` who says it, `server` keeps the connections, `answer` does what is
//! asked, for them and for plugins (`inside`), `client` is the other end. Every request is checked with [`Principal::may`](crate::users::Principal::may) in
//! `answer` and nowhere else. Connections have threads of their own: nothing here runs on the main loop or waits for it
//! without a limit.

mod answer;
pub mod backup;
pub mod client;
mod connection;
pub mod history;
mod inside;
pub(crate) mod now;
mod peer;
mod plugins;
pub mod protocol;
mod replies;
pub mod report;
mod server;
mod socket;
pub mod users;

pub use answer::Host;
pub use client::{Client, ClientError};
pub use inside::administration;
pub use server::{ControlError, ControlServer};
pub use socket::SocketError;
