//! The plugin platform with real guests, real sockets and real threads.

mod guests;
mod host;
mod packages;
mod serving;
mod supervision;
