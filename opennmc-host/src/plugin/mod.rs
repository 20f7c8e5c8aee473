//! Sandboxed plugins: WebAssembly components, one thread each, under a supervisor.
//!
//! ```text
//! package (tar) ─ manifest ─ grant ─ engine (compile) ─ instance ─ thread (its loop, its sockets)
//!                                                                     ▲ mailbox      │ reports
//!                                                                  supervisor on the main loop
//! ```
//!
//! The invariant: no guest code ever runs on the main loop, and the main loop never waits for a plugin thread
//! (but for at most a second in [`Supervisor::stop`]). A plugin that fails loses its own memory and its own sockets,
//! nothing else.

mod address;
mod bindings;
mod capability;
mod config;
mod deadline;
mod engine;
mod epitaph;
mod error;
mod grant;
mod grants;
mod imports;
mod install;
mod instance;
mod library;
mod lifecycle;
mod lines;
mod manifest;
mod messages;
mod outbound;
mod package;
mod past;
mod runnable;
pub(crate) mod script;
mod services;
mod signature;
mod store;
mod supervisor;
mod thread;
mod tls;
mod trust;
mod usage;
mod watch;
mod words;

pub use address::ListenAddress;
pub use config::{Misfit, effective_config, misfits};
#[cfg(feature = "author")]
pub(crate) use engine::precompile;
#[cfg(feature = "compiler")]
pub(crate) use engine::serve as compile;
pub use engine::{Compiling, Target};
pub use epitaph::Epitaph;
pub use error::PluginError;
pub use grant::{Allow, AllowUps, Grant};
pub use grants::{GrantRecord, Grants, GrantsFile, Standing};
pub use imports::{Interfaces, interfaces, misses};
pub use install::{Installed, Installer, Removed, describe};
pub use library::find_package;
pub use lifecycle::State;
pub use lines::{Line, Lines};
pub use manifest::{
    AdminAccess, ByteSize, ControlAccess, Destination, EventPattern, HistoryAccess, HostPattern, HttpNeed,
    Identity, Limits, LimitsOverride, Manifest, Needs, Scheme, UpsAccess,
};
pub use messages::{Delivery, Message, Messages, Notice, Notifiers, Said};
pub use outbound::{Lookup, Network};
pub use package::{Digest, Package};
pub use past::Past;
pub use script::{ScriptAllow, ScriptSettings, is_script_name};
pub use services::{AdminReply, AdminRequest, Administration, Orders, Services};
pub use signature::{Members, Signer, SignerKey, SignerName};
pub use store::{OnPurged, PluginStore, StoreNotice};
pub use supervisor::{
    OnGone, OnOutcome, Outcome, PluginSettings, PluginStatus, Report, Supervisor, SupervisorOptions,
};
pub(crate) use tls::server_config_of;
pub use tls::{Tls, TlsFiles, TlsFlaw, TlsMaterial, authorities, server_config};
pub use trust::Trust;
pub use usage::{Mark, Usage};
pub use words::{Concern, Sentence, sentences};
