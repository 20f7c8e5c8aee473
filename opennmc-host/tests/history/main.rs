//! The history, from outside: what is put in comes out, whatever happens to the disk and the daemon.

mod records;
mod scene;
