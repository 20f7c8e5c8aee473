//! `opennmc plugin new|build|pack|keygen|run`: for people who write plugins.
//!
//! Nothing here asks a daemon for anything, and nothing of it is in a build without the feature `author`.

mod compile;
mod component;
mod module;
mod new;
mod pack;
mod run;
mod sign;
mod used;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::exit::{Exit, Failure};
use super::output::Output;

/// What `build` leaves, below a plugin's folder.
const BUILT: &str = "target/opennmc";

#[derive(Debug, Subcommand)]
pub(super) enum Author {
    /// Make a folder with a new plugin that builds
    New(new::NewArguments),
    /// Compile the plugin in a folder, and pack it
    ///
    /// Rust needs the target wasm32-unknown-unknown, C needs clang and lld.
    Build(compile::BuildArguments),
    /// Pack what was built, and sign it
    ///
    /// The same inputs give the same bytes, whenever and wherever they are packed.
    Pack(pack::PackArguments),
    /// Make a key pair that packages are signed with
    Keygen(sign::KeygenArguments),
    /// Run a plugin beside a simulated UPS, in the foreground
    ///
    /// The host is the real one, with sandbox and limits. Its log goes to standard error; at the end it says how much of every
    /// limit was used, and which were hit. Fails when the plugin has not run.
    Run(run::RunArguments),
}

pub(super) fn author(what: &Author, output: Output) -> Result<Exit, Failure> {
    match what {
        Author::New(arguments) => new::new(arguments, output),
        Author::Build(arguments) => compile::build(arguments, output),
        Author::Pack(arguments) => pack::pack(arguments, output),
        Author::Keygen(arguments) => sign::keygen(arguments, output),
        Author::Run(arguments) => run::run(arguments, output),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::system(format!("can't read {}", path.display()), error))
}

/// A reader sees the old file or the new one, never half of it.
fn replace(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    let failed = |error| Failure::system(format!("can't write {}", path.display()), error);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    std::fs::write(&unfinished, contents).map_err(failed)?;
    std::fs::rename(&unfinished, path).map_err(failed)
}

fn wrong(message: impl Into<String>) -> Failure {
    Failure::new(Exit::Failed, message)
}
