//! The WebAssembly engine that all plugins share, and the compiler.
//!
//! Compiling an unknown plugin takes time and memory, so it happens on the plugin's own thread, never on the main loop.
//! A compiled component is kept by the hash of its bytes: a restart does not compile again.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::component::Component;
use wasmtime::{Config, Engine, OptLevel};

use super::epitaph::BACKTRACE_FRAMES;
use super::{Digest, Package, PluginError};

/// Stack of guest code on the plugin's thread. A guest's own data lives in its memory; this holds frames only.
const WASM_STACK: usize = 256 << 10;

/// The engine and what it has compiled.
pub(super) struct Compiler {
    engine: Engine,
    compiled: Mutex<HashMap<Digest, Component>>,
}

impl Compiler {
    pub(super) fn new() -> Result<Arc<Self>, PluginError> {
        let engine = Engine::new(&config()).map_err(|error| PluginError::Engine(format!("{error:#}")))?;
        Ok(Arc::new(Self { engine, compiled: Mutex::default() }))
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The package's component, compiled now or before.
    pub(super) fn compile(&self, package: &Package) -> Result<Component, PluginError> {
        if let Some(component) = self.lock().get(&package.digest) {
            return Ok(component.clone());
        }
        let component = Component::new(&self.engine, &package.wasm).map_err(|error| {
            PluginError::Component { path: package.path.clone(), problem: format!("{error:#}") }
        })?;
        self.lock().insert(package.digest, component.clone());
        Ok(component)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Component>> {
        // A map of finished components is whole whatever the thread that panicked was doing.
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // A guest has one memory, of 32 bits, not shared: what the memory limit counts.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .epoch_interruption(true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES))
        .max_wasm_stack(WASM_STACK)
        .cranelift_opt_level(OptLevel::Speed);
    if cfg!(target_pointer_width = "32") {
        // Without address space to spare, memory is allocated as it is used, and moved when it grows.
        config.memory_reservation(0).memory_guard_size(0).memory_reservation_for_growth(0);
    }
    config
}
