//! Days in the life of a UPS, played in simulated time: a day takes a second.
//!
//! ```text
//! play (what happens, line by line) ─► stage ─► state engine, door ─► lines: events, status, what was asked for
//!                     world (hand-fed, or a simulated UPS) ◄┘   └► actor: whoever hears it and does something
//! ```
//!
//! The state engine and the door are the daemon's own, and so is the protocol of a simulated UPS. Nothing here reads a clock,
//! opens anything or waits: the same play goes the same way every time.

mod compare;
mod play;
mod stage;
mod world;

pub use self::compare::difference;
pub use self::play::{Action, Cast, Line, Play, Web, What};
pub use self::stage::{Actor, perform};
