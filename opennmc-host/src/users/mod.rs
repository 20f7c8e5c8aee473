//! Who may do what: users, their roles and scopes, and who acts right now.
//!
//! One base for every service: the command line, NUT, the web and the API ask here and nowhere else.

pub mod principal;
pub mod role;

pub use principal::{Origin, Principal};
pub use role::{Right, Role, Scope};
