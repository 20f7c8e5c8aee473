//! Native drivers: shared libraries that an administrator chose to trust.
//!
//! They are the only native extensions there are, and they run unsandboxed, in the daemon, on its main loop. So a library
//! is loaded only when the configuration names it by its whole path and its SHA-256, and when nobody but root (or whoever
//! the daemon runs as) could have written it. It is never unloaded: code of it may be on a stack.

pub mod abi;
mod instance;
mod library;

pub use self::instance::NativeDriver;
pub use self::library::{LoadError, NativeLibrary};
