//! What can be wrong with a plugin before any of its code runs.

use std::io;
use std::path::PathBuf;

/// Why a package can't be used, or a plugin can't be set up. Each message says what was tried and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// The package file could not be read.
    #[error("{path}: {source}", path = .path.display())]
    Read {
        /// The package.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The package is not the tar that OpenNMC expects.
    #[error("{path}: {problem}", path = .path.display())]
    Package {
        /// The package.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// `plugin.toml` in the package is wrong.
    #[error("{path}: plugin.toml{place}: {problem}", path = .path.display(), place = .line.map(|line| format!(" line {line}")).unwrap_or_default())]
    Manifest {
        /// The package.
        path: PathBuf,
        /// Where, counted from 1, when known.
        line: Option<usize>,
        /// Which key, what is wrong with it, and what to do.
        problem: String,
    },
    /// No package with this id is in any of the folders.
    #[error(
        "no package {id}-VERSION.onmc in {folders}; install the plugin, or name its file with `package = \"…\"`"
    )]
    NotFound {
        /// The plugin's id.
        id: String,
        /// The folders that were searched.
        folders: String,
    },
    /// An installed package is not what somebody has granted.
    #[error("{path}: {problem}; look at it and grant it with `opennmc plugin grant {id}`", path = .path.display())]
    NotGranted {
        /// The plugin's id.
        id: String,
        /// The package.
        path: PathBuf,
        /// What is different.
        problem: String,
    },
    /// The grants could not be read or written.
    #[error("{path}: {problem}", path = .path.display())]
    Grants {
        /// The file.
        path: PathBuf,
        /// What was tried, and what came of it.
        problem: String,
    },
    /// The operator's settings don't fit the plugin.
    #[error("[plugin.{id}] {problem}")]
    Settings {
        /// The plugin's id.
        id: String,
        /// Which key, what is wrong with it, and what to do.
        problem: String,
    },
    /// What plugins keep can't be written.
    #[error("can't start the thread that writes what plugins keep: {0}")]
    Store(#[source] io::Error),
    /// The history can't be read for plugins.
    #[error("can't start the thread that reads the history for plugins: {0}")]
    Past(#[source] io::Error),
    /// The WebAssembly engine could not be set up on this machine.
    #[error("the WebAssembly engine can't start: {0}")]
    Engine(String),
    /// `plugin.wasm` is not a component that this host can run.
    #[error("{path}: plugin.wasm: {problem}", path = .path.display())]
    Component {
        /// The package.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}
