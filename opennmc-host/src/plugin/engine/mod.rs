//! The WebAssembly engine that all plugins share, and where compiled plugins come from.
//!
//! A component is compiled by a child process, on the waiting plugin's own thread and never on the main loop, and kept by
//! the hash of its bytes: in memory, and sealed on disk. A host without a compiler runs what is in its cache or came
//! compiled in a package whose signer may do that. Only [`Compiler::load`] turns bytes into code.

mod cache;
mod child;
mod target;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::Component;

#[cfg(feature = "compiler")]
pub(crate) use self::child::serve;
pub use self::target::Target;

use self::cache::Cache;
use super::{Digest, Package, PluginError};

/// Components that are kept in memory: every plugin's, and those of a few versions that were replaced.
const KEPT: usize = 64;
/// How often a wait for the compiler looks whether the plugin is to stop.
const LOOK: Duration = Duration::from_millis(50);

/// How plugins become code here.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Compiling {
    /// A program with a subcommand `compile`; none: nothing is compiled here.
    pub program: Option<PathBuf>,
    /// What for.
    pub target: Target,
    /// The folder for state, where compiled plugins are kept; none: nowhere.
    pub state_dir: Option<PathBuf>,
}

impl Compiling {
    /// With this very program, if it has a compiler.
    pub fn here(state_dir: PathBuf) -> Self {
        Self { program: Self::program_here(), target: Target::of_this_host(), state_dir: Some(state_dir) }
    }

    /// The program as it runs: an upgrade may have put another in its place.
    fn program_here() -> Option<PathBuf> {
        cfg!(feature = "compiler").then(|| PathBuf::from("/proc/self/exe"))
    }

    /// With another program, or for another target.
    pub fn with(self, program: Option<PathBuf>, target: Target) -> Self {
        Self { program, target, ..self }
    }
}

/// The form of the component `wasm` for `target`, made by a child of this very program. `Err` is a sentence.
#[cfg(feature = "author")]
pub(crate) fn precompile(wasm: &[u8], target: Target) -> Result<Vec<u8>, String> {
    let Some(program) = Compiling::program_here() else {
        return Err(
            "this OpenNMC has no compiler; one that was built with it makes compiled forms".to_owned()
        );
    };
    child::compile(&program, target, wasm, &AtomicBool::new(false))
}

/// Removes every compiled form of the component with this hash from the cache of a state folder. Tells how many that were.
pub(super) fn drop_forms(state_dir: &Path, digest: Digest) -> std::io::Result<usize> {
    Cache::drop_forms(state_dir, digest)
}

/// The engine and what it has compiled.
pub(super) struct Compiler {
    engine: Engine,
    compiling: Compiling,
    cache: Option<Cache>,
    compiled: Mutex<HashMap<Digest, Component>>,
    /// A child compiles. One at a time: each takes a lot of memory, and the first start of a host has many.
    busy: Mutex<bool>,
    free: Condvar,
}

impl Compiler {
    pub(super) fn new(compiling: Compiling) -> Result<Arc<Self>, PluginError> {
        let no_engine = |error: wasmtime::Error| PluginError::Engine(format!("{error:#}"));
        let config = compiling.target.config().map_err(no_engine)?;
        let engine = Engine::new(&config).map_err(no_engine)?;
        let cache = compiling.state_dir.as_deref().and_then(|folder| {
            let opened = Cache::open(folder);
            opened
                .inspect_err(|error| {
                    tracing::warn!("compiled plugins can't be kept in {}: {error}", folder.display());
                })
                .ok()
        });
        Ok(Arc::new(Self {
            engine,
            compiling,
            cache,
            compiled: Mutex::default(),
            busy: Mutex::new(false),
            free: Condvar::new(),
        }))
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The package's component as code. Takes long when it has to be compiled; breaks off when `stop` is set.
    pub(super) fn compile(&self, package: &Package, stop: &AtomicBool) -> Result<Component, PluginError> {
        if let Some(component) = lock(&self.compiled).get(&package.digest) {
            return Ok(component.clone());
        }
        let component = self
            .find_or_make(package, stop)
            .map_err(|problem| PluginError::Component { path: package.path.clone(), problem })?;
        let mut compiled = lock(&self.compiled);
        if compiled.len() >= KEPT {
            // What runs holds its own.
            compiled.clear();
        }
        compiled.insert(package.digest, component.clone());
        Ok(component)
    }

    fn find_or_make(&self, package: &Package, stop: &AtomicBool) -> Result<Component, String> {
        let target = self.compiling.target;
        if let Some(bytes) = package.precompiled.get(target.name()) {
            match self.load(bytes) {
                Ok(component) => return Ok(component),
                Err(error) => tracing::warn!(
                    package = %package.path.display(),
                    "its form for {target} can't be used here: {error:#}"
                ),
            }
        }
        let kept = self.cache.as_ref().and_then(|cache| cache.read(package.digest, target));
        if let Some(component) = kept.and_then(|bytes| self.load(&bytes).ok()) {
            return Ok(component);
        }
        let Some(program) = &self.compiling.program else {
            return Err(format!(
                "has no form for {target} that may be used here, and this OpenNMC has no compiler: get a package that is \
                 compiled for it, signed by somebody whose `[signer.NAME]` says `precompile = true`"
            ));
        };
        let turn = self.turn(stop)?;
        let bytes = child::compile(program, target, &package.wasm, stop)?;
        drop(turn);
        let component = self.load(&bytes).map_err(|error| format!("{error:#}"))?;
        if let Some(Err(error)) = self.cache.as_ref().map(|cache| cache.write(package.digest, target, &bytes))
        {
            tracing::warn!(
                "a compiled plugin can't be kept: {error}; it is compiled again at the next start"
            );
        }
        Ok(component)
    }

    /// Makes code of bytes that were compiled before. Only for bytes that the cache has vouched for, that our own child has
    /// made just now, or whose signer may do this.
    #[expect(unsafe_code, reason = "wasmtime trusts compiled code as it trusts the program")]
    fn load(&self, bytes: &[u8]) -> wasmtime::Result<Component> {
        // SAFETY: see above for where the bytes come from: none of them is a stranger's. wasmtime itself checks its
        // version, the target and the settings.
        unsafe { Component::deserialize(&self.engine, bytes) }
    }

    /// Waits for the compiler to be free.
    fn turn(&self, stop: &AtomicBool) -> Result<Turn<'_>, String> {
        let mut busy = lock(&self.busy);
        while *busy {
            if stop.load(SeqCst) {
                return Err("compiling was broken off".to_owned());
            }
            busy = self.free.wait_timeout(busy, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        *busy = true;
        Ok(Turn(self))
    }
}

/// Whoever has this compiles.
struct Turn<'a>(&'a Compiler);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.0.busy) = false;
        self.0.free.notify_one();
    }
}

/// What is guarded here is whole whatever a thread that panicked was doing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
