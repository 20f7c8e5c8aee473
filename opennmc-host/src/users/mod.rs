//! Who may do what: users, their roles and scopes, and who acts right now.
//!
//! One base for every service: the command line, NUT, the web and the API ask here and nowhere else.

mod base;
mod basis;
mod change;
mod checks;
mod error;
mod file;
mod finding;
mod hash;
mod info;
mod lockout;
mod name;
mod notice;
pub mod principal;
mod proof;
mod record;
pub mod role;
mod rules;
mod secret;
#[cfg(test)]
mod tests;
mod time;
mod token;

pub use base::UserBase;
pub use basis::Basis;
pub use checks::{Check, Reply};
pub use error::{AuthError, UserError};
pub use finding::Finding;
pub use info::{FirstAdministrator, NewToken, NewUser, PasswordRules, TokenInfo, UserInfo};
pub use name::is_name;
pub use notice::{Happening, Notice};
pub use principal::{Origin, Principal};
pub use role::{Right, Role, Scope};
pub use secret::Secret;
