//! The border between C and the library: handles, panics, pointers to single values.
//!
//! Invariant: what a handle holds is reached by one call at a time. The handle's first word says whether a call is inside;
//! a second one is turned away, so that two threads on one handle get an error and not each other's memory.
//!
//! C promises what the header says: a pointer is NULL or valid for what the function takes. This file and `text` believe
//! it; nothing else touches a raw pointer.

use std::cell::UnsafeCell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

use super::result::apcsmart_result;

/// What most of the interface ends with.
pub(super) type Checked<T = ()> = Result<T, apcsmart_result>;

/// Added to a handle's magic word while a call is inside.
const OCCUPIED: u32 = 1;
/// Added to it for good after a panic.
const BROKEN: u32 = 2;
/// In place of it once the handle is freed. Only a reader of freed memory sees it, when nobody wrote over it.
const FREED: u32 = 0;

/// What is behind a pointer that C holds. In C's order: the word must lie at the same place in handles of every kind, so that
/// one that is passed as another kind is told by it, and nothing behind the handle's end is read.
#[repr(C)]
pub(super) struct Handle<T, B = ()> {
    word: AtomicU32,
    beside: B,
    content: UnsafeCell<T>,
}

/// A type that C knows by a pointer only.
pub(super) trait Opaque: Sized {
    /// What it holds.
    type Content;
    /// What lies beside that, for threads that are not inside.
    type Beside: Sync;
    /// Its magic word; the two lowest bits are zero.
    const MAGIC: u32;
    /// What belongs beside it.
    fn beside(content: &Self::Content) -> Self::Beside;
    /// Makes one. The handle must be all that it is made of.
    fn wrap(handle: Handle<Self::Content, Self::Beside>) -> Self;
    /// What it is made of.
    fn handle(&self) -> &Handle<Self::Content, Self::Beside>;
}

/// What a handle with borrowed texts holds.
pub(super) trait Lends {
    /// Ends the life of every text that was lent until the next changing call.
    fn forget_lent(&mut self);
}

/// A call that may change what the handle holds, and ends the life of the texts that it lent.
pub(super) fn change<T: Opaque<Content: Lends>>(
    handle: *mut T,
    work: impl FnOnce(&mut T::Content) -> Checked,
) -> apcsmart_result {
    enter(handle, |content| {
        content.forget_lent();
        work(content)
    })
}

/// A call that changes nothing C can see: lent texts live on.
pub(super) fn look<T: Opaque>(
    handle: *const T,
    work: impl FnOnce(&mut T::Content) -> Checked,
) -> apcsmart_result {
    enter(handle, work)
}

/// A call that any thread and any signal handler may make while another call is inside: it gets what lies beside the content
/// of the handle. `work` must not panic, take a lock or ask for memory.
pub(super) fn beside<T: Opaque>(
    handle: *const T,
    work: impl FnOnce(&T::Beside) -> Checked,
) -> apcsmart_result {
    let found = match at(handle) {
        Ok(found) => found.handle(),
        Err(code) => return code,
    };
    match found.word.load(Ordering::Acquire) {
        word if word == T::MAGIC || word == T::MAGIC + OCCUPIED => {}
        word if word == T::MAGIC + BROKEN => return apcsmart_result::PANIC,
        _ => return apcsmart_result::WRONG_HANDLE,
    }
    work(&found.beside).err().unwrap_or(apcsmart_result::OK)
}

/// A call without a handle. `fallback` is what C gets when the library panics.
pub(super) fn shield<R>(fallback: R, work: impl FnOnce() -> R) -> R {
    contained(work).unwrap_or(fallback)
}

/// Makes a handle. On an error `out` is NULL.
pub(super) fn make<T: Opaque>(
    out: *mut *mut T,
    work: impl FnOnce() -> Checked<T::Content>,
) -> apcsmart_result {
    let out = match Out::new(out) {
        Ok(out) => out,
        Err(code) => return code,
    };
    match contained(work) {
        Some(Ok(content)) => {
            out.put(handle_of(content));
            apcsmart_result::OK
        }
        Some(Err(code)) => {
            out.put(std::ptr::null_mut());
            code
        }
        None => {
            out.put(std::ptr::null_mut());
            apcsmart_result::PANIC
        }
    }
}

/// A pointer for C, which frees it with [`free`].
pub(super) fn handle_of<T: Opaque>(content: T::Content) -> *mut T {
    let beside = T::beside(&content);
    let handle = Handle { word: AtomicU32::new(T::MAGIC), beside, content: UnsafeCell::new(content) };
    Box::into_raw(Box::new(T::wrap(handle)))
}

/// Frees a handle. NULL and what is visibly no idle handle of this type are left alone.
pub(super) fn free<T: Opaque>(handle: *mut T) {
    let Ok(found) = at(handle) else { return };
    let word = &found.handle().word;
    let idle = [T::MAGIC, T::MAGIC + BROKEN];
    let claimed = idle
        .into_iter()
        .any(|state| word.compare_exchange(state, FREED, Ordering::Acquire, Ordering::Relaxed).is_ok());
    if claimed {
        // SAFETY: the word says that `handle_of` made this pointer and that no call is inside; C gave it up by freeing it.
        let whole = unsafe { Box::from_raw(handle) };
        contained(move || drop(whole));
    }
}

/// A place of C's for one value.
pub(super) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Refuses NULL and what is visibly no place for such a value.
    pub(super) fn new(place: *mut T) -> Checked<Out<T>> {
        match place {
            place if place.is_null() => Err(apcsmart_result::NULL_POINTER),
            place if !place.is_aligned() => Err(apcsmart_result::INVALID_ARGUMENT),
            place => Ok(Out(place)),
        }
    }

    /// Writes the value. What was there before is C's and is not looked at.
    pub(super) fn put(self, value: T) {
        // SAFETY: not NULL, aligned, and C promises that a value of this type fits there.
        unsafe { self.0.write(value) }
    }
}

fn enter<T: Opaque>(handle: *const T, work: impl FnOnce(&mut T::Content) -> Checked) -> apcsmart_result {
    let handle = match at(handle) {
        Ok(found) => found.handle(),
        Err(code) => return code,
    };
    let entered =
        handle.word.compare_exchange(T::MAGIC, T::MAGIC + OCCUPIED, Ordering::Acquire, Ordering::Relaxed);
    match entered {
        Ok(_) => {}
        Err(word) if word == T::MAGIC + OCCUPIED => return apcsmart_result::HANDLE_IN_USE,
        Err(word) if word == T::MAGIC + BROKEN => return apcsmart_result::PANIC,
        Err(_) => return apcsmart_result::WRONG_HANDLE,
    }
    // SAFETY: the exchange above lets one call in until it stores the word again below, so this is the only reference.
    let content = unsafe { &mut *handle.content.get() };
    let (word, code) = match contained(|| work(content)) {
        Some(Ok(())) => (T::MAGIC, apcsmart_result::OK),
        Some(Err(code)) => (T::MAGIC, code),
        None => (T::MAGIC + BROKEN, apcsmart_result::PANIC),
    };
    handle.word.store(word, Ordering::Release);
    code
}

fn at<'a, T: Opaque>(handle: *const T) -> Checked<&'a T> {
    if handle.is_null() {
        return Err(apcsmart_result::NULL_POINTER);
    }
    if !handle.is_aligned() {
        return Err(apcsmart_result::WRONG_HANDLE);
    }
    // SAFETY: C promises a handle that was not freed. Its word is atomic and the rest is behind `UnsafeCell`, so a shared
    // reference is right even while another thread is inside.
    Ok(unsafe { &*handle })
}

/// The result of `work`, or nothing when it panicked.
fn contained<R>(work: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => Some(result),
        Err(payload) => {
            // Dropping it could panic once more, with nobody to catch it.
            mem::forget(payload);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Cell(Handle<u32>);

    impl Opaque for Cell {
        type Content = u32;
        type Beside = ();
        const MAGIC: u32 = 0x1000;
        fn beside(_: &u32) {}
        fn wrap(handle: Handle<u32>) -> Cell {
            Cell(handle)
        }
        fn handle(&self) -> &Handle<u32> {
            &self.0
        }
    }

    impl Lends for u32 {
        fn forget_lent(&mut self) {}
    }

    struct Other(Handle<u32>);

    impl Opaque for Other {
        type Content = u32;
        type Beside = ();
        const MAGIC: u32 = 0x2000;
        fn beside(_: &u32) {}
        fn wrap(handle: Handle<u32>) -> Other {
            Other(handle)
        }
        fn handle(&self) -> &Handle<u32> {
            &self.0
        }
    }

    #[test]
    fn a_panic_becomes_a_result_and_the_handle_can_only_be_freed() {
        let handle = handle_of::<Cell>(7);
        assert_eq!(change(handle, |_| panic!("on purpose")), apcsmart_result::PANIC);
        assert_eq!(look(handle, |_| unreachable!("nothing may get in")), apcsmart_result::PANIC);
        assert_eq!(beside(handle, |_| unreachable!("nothing may get in")), apcsmart_result::PANIC);
        free(handle);
        assert_eq!(shield(5, || panic!("on purpose")), 5);
        let mut out = handle;
        assert_eq!(make::<Cell>(&mut out, || panic!("on purpose")), apcsmart_result::PANIC);
        assert!(out.is_null());
    }

    #[test]
    fn a_second_call_is_turned_away_while_one_is_inside() {
        let handle = handle_of::<Cell>(7);
        let outer = look(handle, |_| {
            assert_eq!(look(handle, |_| Ok(())), apcsmart_result::HANDLE_IN_USE);
            assert_eq!(beside(handle, |_| Ok(())), apcsmart_result::OK, "beside the content there is room");
            free(handle);
            Err(apcsmart_result::NOT_FOUND)
        });
        assert_eq!(outer, apcsmart_result::NOT_FOUND);
        let still_there = look(handle, |value| {
            assert_eq!(*value, 7);
            Ok(())
        });
        assert_eq!(still_there, apcsmart_result::OK, "nor was it freed");
        free(handle);
    }

    #[test]
    fn a_handle_of_another_kind_is_told_by_its_word() {
        let handle = handle_of::<Cell>(7);
        assert_eq!(look(handle.cast::<Other>(), |_| Ok(())), apcsmart_result::WRONG_HANDLE);
        assert_eq!(beside(handle.cast::<Other>(), |_| Ok(())), apcsmart_result::WRONG_HANDLE);
        free(handle.cast::<Other>());
        assert_eq!(look(handle, |_| Ok(())), apcsmart_result::OK);
        free(handle);
        assert_eq!(look(std::ptr::null::<Cell>(), |_| Ok(())), apcsmart_result::NULL_POINTER);
        assert_eq!(beside(std::ptr::null::<Cell>(), |_| Ok(())), apcsmart_result::NULL_POINTER);
        free(std::ptr::null_mut::<Cell>());
    }
}
