//! Password checks on a thread of their own, for loops that can't wait.
//!
//! One thread, since one hash is computed at a time anyway; it starts with the first check. The queue is bounded, and a
//! single peer gets only a part of it, so that a guesser can't keep others from logging in. Every check that was
//! taken is answered exactly once, on that thread.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use super::base::UserBase;
use super::error::AuthError;
use super::principal::{Origin, Principal};
use super::secret::Secret;

/// A rack's worth of machines that log in at the same time after a restart.
const MOST: usize = 256;
/// Of those, from one address.
const MOST_OF_A_PEER: usize = 16;
/// How often last uses of tokens are looked at.
const HOUR: Duration = Duration::from_secs(3_600);

/// What is to be checked.
#[derive(Debug, Clone)]
pub enum Check {
    /// A name and a password.
    Password {
        /// The user.
        name: String,
        /// What was given as its password.
        password: Secret,
    },
    /// A token alone.
    Token(Secret),
}

/// Told how a check ended, on the checking thread: it must not block.
pub type Reply = Box<dyn FnOnce(Result<Principal, AuthError>) + Send>;

/// The queue and its thread.
#[derive(Default)]
pub(super) struct Checks(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    running: bool,
    ended: bool,
}

struct Waiting {
    check: Check,
    origin: Origin,
    reply: Reply,
}

impl UserBase {
    /// Checks a password or a token on another thread and tells `reply`. Never blocks. An error is given at once when the
    /// queue is full; `reply` is not called then.
    pub fn check_later(
        self: &Arc<Self>,
        check: Check,
        origin: Origin,
        reply: Reply,
    ) -> Result<(), AuthError> {
        let mut queue = self.checks.0.queue();
        let of_this_peer = queue.waiting.iter().filter(|other| same_peer(&other.origin, &origin)).count();
        if queue.waiting.len() >= MOST || of_this_peer >= MOST_OF_A_PEER {
            return Err(AuthError::Busy);
        }
        if !queue.running {
            let (shared, base) = (Arc::clone(&self.checks.0), Arc::downgrade(self));
            thread::Builder::new()
                .name("log-ins".to_owned())
                .spawn(move || work(&shared, &base))
                .map_err(|error| AuthError::Unavailable(format!("no thread can be started: {error}")))?;
            queue.running = true;
        }
        queue.waiting.push_back(Waiting { check, origin, reply });
        drop(queue);
        self.checks.0.changed.notify_one();
        Ok(())
    }
}

/// Until the base is gone.
fn work(shared: &Shared, base: &Weak<UserBase>) {
    loop {
        let Some(next) = shared.next() else { return };
        let Some(base) = base.upgrade() else { return };
        let Some(Waiting { check, origin, reply }) = next else {
            if let Err(error) = base.save_last_used() {
                tracing::warn!("the last uses of tokens could not be saved: {error}");
            }
            continue;
        };
        let result = match check {
            Check::Password { name, password } => base.authenticate(&name, &password, origin),
            Check::Token(secret) => base.token(&secret, origin),
        };
        reply(result);
    }
}

impl Shared {
    /// The next check; `Some(None)`: there was none for an hour; `None`: the base is gone.
    fn next(&self) -> Option<Option<Waiting>> {
        let mut queue = self.queue();
        loop {
            if queue.ended {
                return None;
            }
            if let Some(next) = queue.waiting.pop_front() {
                return Some(Some(next));
            }
            let (again, timeout) =
                self.changed.wait_timeout(queue, HOUR).unwrap_or_else(PoisonError::into_inner);
            queue = again;
            if timeout.timed_out() && queue.waiting.is_empty() && !queue.ended {
                return Some(None);
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Checks {
    fn drop(&mut self) {
        self.0.queue().ended = true;
        self.0.changed.notify_all();
    }
}

fn same_peer(one: &Origin, other: &Origin) -> bool {
    match (one, other) {
        (Origin::Network { peer: one, .. }, Origin::Network { peer: other, .. }) => one == other,
        _ => false,
    }
}
