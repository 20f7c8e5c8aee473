//! The protocol as data: what each command byte asks, how its answer looks, and what it means.
//!
//! The session, the C constants, the documentation and the tests all come from these tables. Facts that belong to one
//! command are in its row and nowhere else; code that switches on a command byte is a row that is missing a column.

pub mod code;
pub mod command;
pub mod firmware;
pub mod instant;
pub mod quirk;
pub mod variable;

pub use code::{Code, CodeSet};
pub use command::{COMMANDS, Command, Hazard, Timing};
pub use firmware::{FIRMWARE_ROWS, FirmwareRow};
pub use instant::{Danger, INSTANT_COMMANDS, InstantCommand, Procedure};
pub use quirk::{QUIRKS, Quirk};
pub use variable::{Poll, VARIABLES, Variable, Writable};
