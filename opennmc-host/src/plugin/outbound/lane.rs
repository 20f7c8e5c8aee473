//! The worker threads of one plugin for one kind of work: at most so many at a time, the rest waits in order.
//!
//! A thread lives as long as there is work. A lane is never shared by two plugins: what hangs in it holds up its own plugin
//! only.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// The system's resolver and TLS handshakes need some; untouched pages cost nothing.
const STACK: usize = 512 << 10;

type Work = Box<dyn FnOnce() + Send>;

/// One plugin's threads.
#[derive(Clone, Default)]
pub(in crate::plugin) struct Lane(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Work>,
    /// What waits, and what is being done.
    under_way: usize,
    threads: usize,
}

/// Why work was not taken.
#[derive(Debug)]
pub(in crate::plugin) struct Full(pub(in crate::plugin) String);

impl Lane {
    /// Does `work` on a thread, of which there are at most `threads`; of what has to wait there is at most `waiting`.
    pub(in crate::plugin) fn run(
        &self,
        threads: usize,
        waiting: usize,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), Full> {
        let mut queue = self.lock();
        if queue.under_way >= threads + waiting {
            return Err(Full(format!("{} of them are under way, which is the most", queue.under_way)));
        }
        queue.under_way += 1;
        queue.waiting.push_back(Box::new(work));
        if queue.threads >= threads {
            return Ok(());
        }
        let lane = self.clone();
        let spawned =
            thread::Builder::new().name("outbound".to_owned()).stack_size(STACK).spawn(move || lane.work());
        match spawned {
            Ok(_) => queue.threads += 1,
            // Others are there to do it.
            Err(_) if queue.threads > 0 => {}
            Err(error) => {
                queue.waiting.pop_back();
                queue.under_way -= 1;
                return Err(Full(format!("the host can't start a thread: {error}")));
            }
        }
        Ok(())
    }

    fn work(&self) {
        while let Some(work) = self.next() {
            // What panics has lost its own work only; the thread's place must not be lost with it.
            let _ = catch_unwind(AssertUnwindSafe(work));
            self.lock().under_way -= 1;
        }
    }

    /// The next work, or the end of the thread. Both are decided under one lock, so that no work is left without a thread.
    fn next(&self) -> Option<Work> {
        let mut queue = self.lock();
        let next = queue.waiting.pop_front();
        if next.is_none() {
            queue.threads -= 1;
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No work is done while it is locked, so it is always whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn what_hangs_leaves_the_other_threads_to_the_rest_and_beyond_the_most_it_waits() {
        let lane = Lane::default();
        let (open, gate) = channel::<()>();
        let (done, finished) = channel();
        lane.run(2, 2, move || {
            let _ = gate.recv();
        })
        .unwrap();
        for number in 0..2 {
            let done = done.clone();
            lane.run(2, 2, move || done.send(number).unwrap()).unwrap();
        }
        assert_eq!((finished.recv().unwrap(), finished.recv().unwrap()), (0, 1));
        let (_open_too, gate) = channel::<()>();
        while lane.lock().threads == 2 {
            thread::yield_now();
        }
        lane.run(2, 0, move || {
            let _ = gate.recv();
        })
        .unwrap();
        assert!(lane.run(2, 0, || ()).is_err());
        lane.run(2, 1, move || done.send(9).unwrap()).unwrap();
        drop(open);
        assert_eq!(finished.recv().unwrap(), 9);
    }

    #[test]
    fn work_that_panics_gives_its_place_back() {
        let lane = Lane::default();
        lane.run(1, 0, || panic!("for the test")).unwrap();
        while lane.lock().threads > 0 {
            thread::yield_now();
        }
        assert!(lane.run(1, 0, || ()).is_ok());
    }
}
