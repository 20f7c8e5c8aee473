//! The C interface: what `include/apcsmart.h` declares.
//!
//! Two ways to use it: [`session`] for programs with a loop of their own, [`port`] for programs that wait. Everything that
//! comes from C is checked before the library sees it: NULL, lengths, text that is no UTF-8, handles of another kind, a
//! handle that another thread is using. No panic leaves a function; a handle in which one happened only answers
//! `APCSMART_RESULT_PANIC` from then on.
//!
//! Pointers are believed in two places, `boundary` and `text`; the rest of these files has no `unsafe`. Doc comments of
//! what C sees are written for C programmers: they are the text of the header, which `cargo xtask headers` makes.
//! Numbers that C sees are never used again for something else.

#![allow(unsafe_code)] // pointers from C, in `boundary` and `text` alone, and the exported names
#![allow(non_camel_case_types)] // the names are C's

pub mod command;
pub mod config;
pub mod event;
pub mod kind;
pub mod port;
pub mod quality;
pub mod reading;
pub mod result;
pub mod session;
pub mod setting;
pub mod status;
pub mod version;

mod boundary;
mod text;
