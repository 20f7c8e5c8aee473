//! The plugin platform with real guests, real sockets and real threads.

#![allow(
    clippy::unwrap_used,
    reason = "all of this is test code, of which clippy only knows the `#[test]` functions"
)]

mod administering;
mod authority;
mod compiling;
mod connecting;
mod daemon;
mod datagrams;
mod fetching;
mod guests;
mod host;
mod hostile;
mod keeping;
mod outside;
mod packages;
mod people;
mod reloading;
mod securing;
mod serving;
mod speaking;
mod supervision;
mod web;
