//! The OpenNMC daemon as a library, so that its tests reach every part.

mod allocation;
pub mod backup;
pub mod cli;
pub mod config;
pub mod control;
pub mod doctor;
pub mod door;
pub mod driver;
pub mod history;
pub mod host;
pub mod http;
#[cfg(feature = "import-nut")]
pub mod import_nut;
mod link;
pub mod logging;
pub mod main_loop;
pub mod plugin;
mod printable;
#[cfg(feature = "author")]
pub mod rehearsal;
pub mod service;
mod socket_file;
pub mod state;
pub mod users;
