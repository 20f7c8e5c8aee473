//! How much memory a thread has taken from the system's allocator and not given back.
//!
//! One addition for each allocation, on a counter of the thread's own. What one thread takes and another gives back is counted
//! at both, so the counter drifts over time: only the difference over a time in which nothing is handed over means anything.
//! That is what bounds one call of a script, which Rhai can't: its limits are those of each value.

#![allow(unsafe_code)] // an allocator is unsafe by its interface; all of it is passed on unchanged

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    // Without a destructor, so that it can be used until the thread's last moment.
    static TAKEN: Cell<isize> = const { Cell::new(0) };
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The system's allocator, with a count.
struct Counting;

/// Bytes that this thread has taken, less those that it has given back; may be negative.
pub(crate) fn taken() -> isize {
    TAKEN.get()
}

/// Gives memory that is free back to the system, as far as its allocator has a way to ask for that.
///
/// Walks through all that is free, which takes about a millisecond: for after a start, not for a loop.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes no pointer, and may be called at any time by any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

fn count(bytes: isize) {
    TAKEN.set(TAKEN.get().wrapping_add(bytes));
}

// SAFETY: every call is passed to the system's allocator as it is; counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: as promised to this function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: as promised to this function.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as promised to this function.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.cast_signed().wrapping_sub(layout.size().cast_signed()));
        // SAFETY: as promised to this function.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_grown_and_given_back_is_counted_on_this_thread_only() {
        let before = taken();
        let mut bytes = Vec::<u8>::with_capacity(1_000);
        assert_eq!(taken() - before, 1_000);
        bytes.reserve_exact(3_000);
        assert_eq!(taken() - before, 3_000);
        let other = std::thread::spawn(|| {
            let before = taken();
            let more = vec![0u8; 50_000];
            (taken() - before, more.len())
        });
        assert_eq!(other.join().unwrap(), (50_000, 50_000));
        drop(bytes);
        assert!((taken() - before).abs() < 3_000, "what starting a thread takes is not {}", taken() - before);
    }
}
