//! The history, from outside: what is put in comes out, whatever happens to the disk and the daemon.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod bad_disks;
mod caps;
mod exports;
mod kill;
mod measure;
mod power;
mod records;
mod samples;
mod scene;
