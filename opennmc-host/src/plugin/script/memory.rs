//! A bound for all memory of a script together: Rhai's own limits are those of each value.
//!
//! Two bounds. During a call its thread's allocations are counted, and the call ends when it has taken too much. After each
//! call all that can still be reached is added up: variables, and what closures hold that timers and tickets wait with.
//! What is shared by several closures counts once. The sizes are estimates of what the allocator gives, never far too low.

use std::collections::HashSet;

use rhai::{Array, Blob, Dynamic, FnPtr, ImmutableString, Map};

/// Of all that a script keeps from call to call.
pub(super) const KEPT_BYTES: usize = 4 << 20;
/// Of what one call takes on top, until it gives it back.
///
/// It also bounds how long a chain of closures gets that hold each other, about 160 bytes each: giving one back takes stack for
/// each, and a stack that overflows ends the whole process. See [`STACK`].
pub(super) const CALL_BYTES: isize = 4 << 20;
/// For the longest chain of closures that fits into [`CALL_BYTES`] and [`KEPT_BYTES`] together. Untouched pages cost nothing.
/// Addresses are scarce where they have 32 bits, and what is held there is smaller.
pub(in crate::plugin) const STACK: usize = if usize::BITS == 32 { 24 << 20 } else { 64 << 20 };
/// Values in values, through closures too. Giving back what is nested takes stack for each level.
const DEPTH: usize = 512;

/// A value is so large wherever it is.
const VALUE: usize = size_of::<Dynamic>();
/// A text's length, its count of users, and what the allocator adds.
const TEXT: usize = 48;
/// A key beside its value, and what a tree needs.
const ENTRY: usize = 40;
/// A cell that closures share.
const CELL: usize = 48;
/// A closure: its name and what it belongs to.
const CLOSURE: usize = 96;
/// A type of the host: a ticket, a UPS, a secret.
const FOREIGN: usize = 128;

/// Adds up.
#[derive(Default)]
pub(super) struct Held {
    bytes: usize,
    /// The first that is nested too deep.
    deep: Option<String>,
    is_deep: bool,
    largest: (usize, String),
    /// Shared cells that were counted, by where they are.
    seen: HashSet<usize>,
}

impl Held {
    pub(super) fn variable(&mut self, name: &str, value: &Dynamic) {
        let before = self.bytes;
        self.add(value, 0);
        self.note(before, name);
    }

    /// What a closure has captured; `name` says who waits with it.
    pub(super) fn closure(&mut self, name: &str, function: &FnPtr) {
        let before = self.bytes;
        self.add_closure(function, 0);
        self.note(before, name);
    }

    /// What is wrong, in words; nothing when all is within its bounds.
    pub(super) fn problem(self) -> Option<String> {
        if let Some(name) = self.deep {
            return Some(format!("{name} is nested more than {DEPTH} deep"));
        }
        let name = self.largest.1;
        (self.bytes > KEPT_BYTES)
            .then(|| format!("its variables hold more than {KEPT_BYTES} bytes together, most of it {name}"))
    }

    fn note(&mut self, before: usize, name: &str) {
        let own = self.bytes - before;
        if own > self.largest.0 {
            self.largest = (own, name.to_owned());
        }
        if self.is_deep && self.deep.is_none() {
            self.deep = Some(name.to_owned());
        }
    }

    /// Stops when the bound is passed: what is beyond makes no difference.
    fn add(&mut self, value: &Dynamic, depth: usize) {
        self.bytes += VALUE;
        self.is_deep |= depth > DEPTH;
        if self.is_deep || self.bytes > KEPT_BYTES {
            return;
        }
        if value.is_shared() {
            if let Some(inner) = value.read_lock::<Dynamic>()
                && self.seen.insert(std::ptr::from_ref::<Dynamic>(&inner).addr())
            {
                self.bytes += CELL;
                self.add(&inner, depth + 1);
            }
        } else if let Some(text) = value.read_lock::<ImmutableString>() {
            self.bytes += TEXT + text.len();
        } else if let Some(bytes) = value.read_lock::<Blob>() {
            self.bytes += bytes.capacity();
        } else if let Some(items) = value.read_lock::<Array>() {
            self.bytes += (items.capacity() - items.len()) * VALUE;
            items.iter().for_each(|item| self.add(item, depth + 1));
        } else if let Some(entries) = value.read_lock::<Map>() {
            for (key, item) in entries.iter() {
                self.bytes += ENTRY + key.len();
                self.add(item, depth + 1);
            }
        } else if let Some(closure) = value.read_lock::<FnPtr>() {
            self.add_closure(&closure, depth);
        } else if !(value.is_unit() || value.is_int() || value.is_float() || value.is_bool()) {
            self.bytes += FOREIGN;
        }
    }

    fn add_closure(&mut self, closure: &FnPtr, depth: usize) {
        self.bytes += CLOSURE;
        closure.iter_curry().for_each(|captured| self.add(captured, depth + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(value: &Dynamic) -> usize {
        let mut held = Held::default();
        held.add(value, 0);
        held.bytes
    }

    #[test]
    fn a_value_counts_with_all_that_is_in_it_and_what_is_shared_counts_once() {
        let text: Dynamic = "x".repeat(1_000).into();
        assert!((1_000..1_200).contains(&held(&text)));
        let list: Dynamic = vec![text.clone(); 10].into();
        assert!((10_000..12_000).contains(&held(&list)));
        let map: Dynamic = Map::from([("key".into(), list.clone())]).into();
        assert!((10_000..12_000).contains(&held(&map)));
        let shared = list.into_shared();
        let both: Dynamic = vec![shared.clone(), shared].into();
        assert!((10_000..12_000).contains(&held(&both)));
    }

    fn problem(variables: &[(&str, &Dynamic)]) -> Option<String> {
        let mut held = Held::default();
        variables.iter().for_each(|(name, value)| held.variable(name, value));
        held.problem()
    }

    #[test]
    fn what_has_outgrown_the_bound_is_named_and_a_circle_ends() {
        let large: Dynamic = vec![Dynamic::from("x".repeat(1_000)); 3_500].into();
        let (small, more): (Dynamic, Dynamic) =
            (1.into(), vec![Dynamic::from("y".repeat(1_000)); 700].into());
        assert_eq!(problem(&[("a", &small), ("b", &large)]), None);
        let words = problem(&[("a", &small), ("b", &large), ("c", &more)]).unwrap();
        assert!(words.ends_with("most of it b"), "{words}");
        let circle = Dynamic::from(Array::new()).into_shared();
        circle.clone().write_lock::<Array>().unwrap().push(circle.clone());
        assert_eq!(problem(&[("circle", &circle)]), None);
        circle.clone().write_lock::<Array>().unwrap().clear();
    }

    #[test]
    fn what_is_nested_too_deep_is_named() {
        let nested: Dynamic = (0..1_000).fold(Dynamic::UNIT, |inner, _| vec![inner].into());
        assert!(problem(&[("a", &nested)]).unwrap().starts_with("a is nested"));
    }
}
