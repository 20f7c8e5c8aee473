//! Scripts: a plugin that an operator writes as a text file, in the same bounds as a component.
//!
//! ```text
//! source (file, secrets, grant) ─ engine (limits, no way out) ─ instance (its functions are called) ─ api (what it can do)
//! ```
//!
//! The invariant: a script has no host function of its own. Everything in [`api`] goes through the `Host` implementations of
//! `plugin::capability`, so that checks, limits and the audit are those of components. Nothing here blocks.

mod api;
mod check;
#[cfg(feature = "author")]
mod definitions;
mod engine;
mod hooks;
mod instance;
mod memory;
#[cfg(feature = "author")]
mod reference;
#[cfg(feature = "author")]
mod rehearsed;
mod schedule;
mod source;
mod value;
mod web;

pub(crate) use self::check::{Checked, check};
#[cfg(feature = "author")]
pub(crate) use self::definitions::definitions;
pub(crate) use self::hooks::hook_list;
pub(super) use self::instance::ScriptInstance;
pub(super) use self::memory::STACK;
#[cfg(feature = "author")]
pub(crate) use self::rehearsed::ScriptActor;
pub use self::source::{ScriptAllow, ScriptSettings};
pub(super) use self::source::{Source, config, grant};
pub(super) use self::web::LARGEST_BODY;

/// What the ids of scripts begin with, among those of plugins.
pub(crate) const PREFIX: &str = "script.";

/// A duration as scripts write it, in milliseconds.
#[cfg(feature = "author")]
pub(crate) fn duration_ms(text: &str) -> Result<u64, String> {
    value::duration_ms(&text.into()).map_err(|error| value::plain(&error))
}

/// Whether a script can have this name.
pub fn is_script_name(name: &str) -> bool {
    super::manifest::is_id(name)
}

/// The kind of what happens to a script, made of that of what happens to a plugin.
pub(super) fn event_kind(of_plugin: &str) -> String {
    match of_plugin {
        "plugin.reload-failed" => "script.failed".to_owned(),
        kind => kind.replacen("plugin.", PREFIX, 1),
    }
}
