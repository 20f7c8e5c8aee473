//! The web interface: its pages are files that the host sends; this is the API under `/api/v1`.
//!
//! A request is found in one table ([`router`]), checked ([`call`]), and becomes questions to the daemon's administration in
//! the name of whoever asks ([`desk`]), or an order to a UPS ([`orders`]). Nothing is decided here about rights: the host
//! does that, with the very code of the control socket. What answers look like is in openapi.json.

pub mod call;
pub mod desk;
pub mod history;
pub mod lookup;
pub mod orders;
pub mod people;
pub mod plugins;
pub mod problem;
pub mod router;
pub mod server;
pub mod status;
pub mod step;
pub mod system;
pub mod time;

pub use server::WebUi;

opennmc_plugin::export!(WebUi: lifecycle, http_handler, admin_events, control_events, timer_events);
