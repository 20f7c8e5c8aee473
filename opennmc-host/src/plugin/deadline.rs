//! What happens when a guest call reaches its epoch deadline: a spinning guest is stopped, a starved one is not.
//!
//! Epochs are wall time. On a busy machine a healthy plugin may be given no processor for a while, and must not die of
//! it. So half of the allowed time passes first, and is followed by looks at the processor time of this thread: only
//! what was computed counts. Nothing of this costs anything before a call has taken half of its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::UpdateDeadline;

use super::watch::TICK;

/// However starved: so many times its allowed time, and a call ends.
const PATIENCE: u32 = 40;

/// One instance's deadline.
pub(super) struct Deadline {
    /// Ends every call at its next look: the host wants to end.
    abort: Arc<AtomicBool>,
    half: Duration,
    /// Processor time at the first look.
    computed: Option<Duration>,
    looks: u32,
}

impl Deadline {
    pub(super) fn new(abort: Arc<AtomicBool>) -> Self {
        Self { abort, half: Duration::ZERO, computed: None, looks: 0 }
    }

    /// A call begins that may take so long; gives the epochs until the first look.
    pub(super) fn begin(&mut self, call_ms: u64) -> u64 {
        self.half = Duration::from_millis(call_ms) / 2;
        self.computed = None;
        self.looks = 0;
        epochs(self.half)
    }

    /// The epochs are over.
    pub(super) fn look(&mut self) -> UpdateDeadline {
        let now = thread_time();
        let began = *self.computed.get_or_insert(now);
        self.looks += 1;
        // A tick of tolerance: ticks come late at times, and the first look did not see its own part of one.
        let used_up = self.looks > 1 && now.saturating_sub(began) + TICK >= self.half;
        if used_up || self.looks > PATIENCE || self.abort.load(SeqCst) {
            return UpdateDeadline::Interrupt;
        }
        UpdateDeadline::Continue(epochs(self.half))
    }
}

/// How many epochs this is. One more than fit, since the first is partial.
fn epochs(time: Duration) -> u64 {
    u64::try_from(time.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u64::MAX).saturating_add(1)
}

/// What this thread has computed.
pub(super) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interrupts(deadline: &mut Deadline) -> bool {
        matches!(deadline.look(), UpdateDeadline::Interrupt)
    }

    fn compute(time: Duration) {
        let began = thread_time();
        while thread_time() - began < time {}
    }

    #[test]
    fn a_call_that_computes_is_interrupted_when_its_time_is_used_up() {
        let mut deadline = Deadline::new(Arc::default());
        deadline.begin(60);
        assert!(!interrupts(&mut deadline), "half of the time is left");
        compute(Duration::from_millis(30));
        assert!(interrupts(&mut deadline));
    }

    #[test]
    fn a_call_that_gets_no_processor_is_given_time_but_not_for_ever() {
        let mut deadline = Deadline::new(Arc::default());
        deadline.begin(2_000);
        assert_eq!((0..100).position(|_| interrupts(&mut deadline)), Some(PATIENCE as usize));
    }

    #[test]
    fn aborting_ends_a_call_at_its_next_look() {
        let abort = Arc::new(AtomicBool::new(false));
        let mut deadline = Deadline::new(Arc::clone(&abort));
        deadline.begin(2_000);
        abort.store(true, SeqCst);
        assert!(interrupts(&mut deadline));
    }
}
