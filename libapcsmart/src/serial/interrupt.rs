//! Ending a wait from outside: from another thread, or from a signal handler.
//!
//! Invariant: asking is one write to an event counter and nothing else: no lock, no memory, no panic. What a signal handler
//! may not do must not be added to it.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::{Errno, read, write};

use super::clock;
use crate::time::Time;

/// Ends the waiting of one [`Port`](super::Port), from any thread and from signal handlers.
#[derive(Debug, Clone)]
pub struct Interrupter(Arc<OwnedFd>);

impl Interrupter {
    pub(super) fn new() -> Result<Interrupter, Errno> {
        Ok(Interrupter(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)))
    }

    /// Makes the call that waits end with [`PortError::Interrupted`](super::PortError::Interrupted); when none waits, the
    /// next one that would. Asking twice before that is asking once. Where it was asked for shows in nothing else.
    pub fn interrupt(&self) {
        // It fails when the counter is full: then it was asked for before, and that is enough.
        let _ = write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Whether it was asked for since the last time; that is forgotten with the answer.
    pub(super) fn take(&self) -> bool {
        loop {
            match read(&self.0, &mut [0; size_of::<u64>()]) {
                Err(Errno::INTR) => {}
                taken => return taken.is_ok(),
            }
        }
    }

    /// For waiting on it beside something else.
    pub(super) fn poll_fd(&self) -> PollFd<'_> {
        PollFd::new(&self.0, PollFlags::IN)
    }

    /// Sleeps until `deadline`, or until it is asked for.
    pub(super) fn sleep_until(&self, deadline: Time) {
        loop {
            match poll(&mut [self.poll_fd()], clock::until(deadline).as_ref()) {
                Ok(0) if clock::now() < deadline => {}
                Err(Errno::INTR) => {}
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_twice_is_asking_once_and_is_forgotten_with_the_answer() {
        let interrupter = Interrupter::new().unwrap();
        assert!(!interrupter.take());
        interrupter.interrupt();
        interrupter.clone().interrupt();
        assert!(interrupter.take());
        assert!(!interrupter.take());
    }

    #[test]
    fn a_sleep_without_end_ends_when_it_is_asked_for() {
        let interrupter = Interrupter::new().unwrap();
        let asks = interrupter.clone();
        let sleeper = std::thread::spawn(move || interrupter.sleep_until(Time::NEVER));
        asks.interrupt();
        sleeper.join().unwrap();
    }
}
