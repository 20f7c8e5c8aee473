//! The one door through which commands and settings reach a UPS.
//!
//! Whoever asks (command line, NUT, web, script, the host's own rules) hands in an [`OrderRequest`] with a principal. The
//! door checks the right, gives the order a number, hands it to the UPS's link, and tells how it ended; every order is
//! audited, the refused ones too.

pub mod order;

pub use order::{Order, OrderId, OrderRequest, OrderResult, Progress};
