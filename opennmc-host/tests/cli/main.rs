//! The program `opennmc`, run as people and scripts run it.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod asking;
mod daemon;
mod place;
