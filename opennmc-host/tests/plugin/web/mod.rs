//! Web pages of plugins, with real clients.

mod files;
mod limits;
mod pages;
mod people;
mod reloading;
mod scene;
mod secure;
mod sessions;
