//! Why a plugin's last instance ended: the one sentence that the log, the events and `opennmc plugin list` show.

use std::time::{SystemTime, UNIX_EPOCH};

use wasmtime::{Trap, WasmBacktrace};

use super::manifest::ByteSize;

/// Why an instance ended, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epitaph {
    /// One sentence without a full stop.
    pub text: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// Something outside the plugin was in its way, such as an address in use. It passes; quarantine would outlast it.
    pub surroundings: bool,
}

impl Epitaph {
    /// An epitaph of now.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), at_ms: wall_ms(), surroundings: false }
    }

    /// An epitaph of now, where something outside the plugin was in its way.
    pub(super) fn of_surroundings(text: impl Into<String>) -> Self {
        Self { surroundings: true, ..Self::new(text) }
    }

    /// Of an instance that trapped, or overran its time, in `call`.
    pub(super) fn of_trap(call: &str, error: &wasmtime::Error, bounds: &Bounds) -> Self {
        let cause = match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => {
                format!("took longer than the {} ms that a call may take", bounds.call_ms)
            }
            Some(Trap::StackOverflow) => "overflowed its stack".to_owned(),
            // A Rust or C guest's own stack lies at the bottom of its memory: running out of it looks like this.
            Some(Trap::MemoryOutOfBounds) if frames(error) >= BACKTRACE_FRAMES => {
                "reached out of its memory, and probably overflowed its stack,".to_owned()
            }
            Some(trap) => format!("trapped: {}", trap.to_string().trim_start_matches("wasm trap: ")),
            None => format!("failed: {}", error.root_cause()),
        };
        let memory = match bounds.refused_memory {
            Some(wanted) => {
                format!(
                    ", after {} of memory were refused (its limit is {})",
                    ByteSize(wanted),
                    bounds.memory
                )
            }
            None => String::new(),
        };
        let place = match top_function(error) {
            Some(name) => format!(" in function {name}"),
            None => String::new(),
        };
        Self::new(format!("`{call}` {cause}{place}{memory}"))
    }
}

/// How many frames of a guest's stack are looked at; more calls deep than this is a recursion without end.
pub(super) const BACKTRACE_FRAMES: usize = 64;

/// The limits that an instance ran under, for the sentence that tells which was hit.
#[derive(Debug)]
pub(super) struct Bounds {
    /// How long the call might take.
    pub(super) call_ms: u64,
    /// How much memory the instance may have.
    pub(super) memory: ByteSize,
    /// The size that the instance wanted to grow to during this call, and did not get.
    pub(super) refused_memory: Option<u64>,
}

/// The innermost function of the guest: its name, or its index when names were stripped.
fn top_function(error: &wasmtime::Error) -> Option<String> {
    let backtrace = error.downcast_ref::<WasmBacktrace>()?;
    let frame = backtrace.frames().first()?;
    Some(frame.func_name().map_or_else(|| frame.func_index().to_string(), |name| format!("`{name}`")))
}

fn frames(error: &wasmtime::Error) -> usize {
    error.downcast_ref::<WasmBacktrace>().map_or(0, |backtrace| backtrace.frames().len())
}

/// The system clock in milliseconds since 1970-01-01 UTC.
pub(super) fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis().try_into().unwrap_or(u64::MAX))
}
