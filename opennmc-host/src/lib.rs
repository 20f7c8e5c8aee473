//! The OpenNMC daemon as a library, so that its tests reach every part.

pub mod config;
pub mod logging;
pub mod plugin;
pub mod state;
