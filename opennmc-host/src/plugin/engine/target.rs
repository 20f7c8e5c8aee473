//! What machine plugins are compiled for, and every setting of the WebAssembly engine.
//!
//! The settings are part of what a compiled form is checked against: who compiles and who runs must have the same, so there is
//! one function that makes them, and it depends on the target alone.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use wasmtime::Config;

use crate::plugin::epitaph::BACKTRACE_FRAMES;

/// Stack of guest code on the plugin's thread. A guest's own data lives in its memory; this holds frames only.
const WASM_STACK: usize = 256 << 10;

/// The machine that a compiled plugin runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// The processor itself.
    Native,
    /// The interpreter of a host with 32-bit addresses.
    Pulley32,
    /// The interpreter of a host with 64-bit addresses.
    Pulley64,
}

impl Target {
    /// What this host runs unless it is told otherwise: the processor's own code where this build can make it.
    pub const fn of_this_host() -> Self {
        match (cfg!(target_pointer_width = "64"), cfg!(feature = "compiler")) {
            (true, true) => Target::Native,
            (true, false) => Target::Pulley64,
            (false, _) => Target::Pulley32,
        }
    }

    /// As it is written on the command line and in packages (`precompiled/NAME.cwasm`).
    pub const fn name(self) -> &'static str {
        match self {
            Target::Native => std::env::consts::ARCH,
            Target::Pulley32 => "pulley32",
            Target::Pulley64 => "pulley64",
        }
    }

    /// The engine's settings.
    pub(super) fn config(self) -> wasmtime::Result<Config> {
        let mut config = Config::new();
        config
            .wasm_component_model(true)
            // A guest has one memory, of 32 bits, not shared: what the memory limit counts.
            .wasm_memory64(false)
            .wasm_multi_memory(false)
            .epoch_interruption(true)
            .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES))
            .max_wasm_stack(WASM_STACK);
        #[cfg(feature = "compiler")]
        config.cranelift_opt_level(wasmtime::OptLevel::Speed);
        if self != Target::Native {
            config.target(self.name())?;
            // Cards have no address space to spare: memory is allocated as it is used, and moved when it grows.
            config.memory_reservation(0).memory_guard_size(0).memory_reservation_for_growth(0);
        }
        Ok(config)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Target::Native, Target::Pulley32, Target::Pulley64];
        all.into_iter().find(|target| target.name() == text).ok_or_else(|| {
            format!(
                "`{text}` is no target; this OpenNMC compiles for {}, pulley32 and pulley64",
                Target::Native.name()
            )
        })
    }
}
