//! The daemon among the others on its machine: whose rights it has, and who watches over it.

pub(crate) mod folder;
pub mod privileges;
pub mod start_anew;
pub(crate) mod state_lock;
pub mod watchdog;
