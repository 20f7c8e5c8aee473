//! The host's HTTP server: files and pages of plugins, under their mounts.
//!
//! ```text
//! client ─ wire (TLS) ─ connection (hyper) ─ answer ─┬─ asset          sent without entering the guest
//!                                                    └─ line ─ plugin  taken by the plugin's own loop
//! ```
//!
//! The server has a thread of its own. It owns sockets, TLS, log-ins, limits and the headers that protect people; a plugin
//! sees requests that are complete and gives answers. Nothing here enters a guest, and no guest can hold it up: a request
//! that its plugin does not answer is answered here.

mod allowance;
mod answer;
mod asset;
mod base64;
mod clock;
mod connection;
mod cookie;
mod front;
mod line;
mod login;
mod mounts;
mod own;
mod pace;
mod reply;
mod room;
mod self_made;
mod sessions;
mod slot;
mod stream;
mod target;
mod wire;

pub use allowance::Allowance;
pub(crate) use asset::Assets;
pub use clock::Clock;
pub use front::{Front, FrontSettings, Secrecy};
pub(crate) use line::{Answered, Asked, Served};
pub(crate) use mounts::Mount;
pub use mounts::Mounts;
pub use pace::Patience;
pub(crate) use reply::check;
pub use self_made::{FILE_NAME as SELF_MADE, SelfMade};
pub(crate) use slot::Giver;
pub(crate) use target::query;
