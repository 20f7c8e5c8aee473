//! The program `opennmc`, run as people and scripts run it.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod asking;
mod daemon;
mod keeping;
mod lines;
mod made;
#[path = "../bench/peer.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod peer;
mod place;
mod schema;
mod scripts;
