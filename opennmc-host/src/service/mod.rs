//! The daemon among the others on its machine: whose rights it has, and who watches over it.

pub mod privileges;
pub mod start_anew;
pub mod watchdog;
