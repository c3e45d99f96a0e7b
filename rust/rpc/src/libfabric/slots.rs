//! Operations that libfabric works on, found again by the pointer it gives back.

use daos_libfabric_sys::fi_context2;
use std::cell::{RefCell, UnsafeCell};
use std::ffi::c_void;

/// A fixed number of places, each with the memory that a provider may want as its own while an operation runs.
///
/// What libfabric gives back is compared with the addresses of the places, and never followed.
pub(super) struct Slots<T> {
    contexts: Box<[UnsafeCell<fi_context2>]>,
    state: RefCell<State<T>>,
}

struct State<T> {
    values: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Slots<T> {
    pub fn new(count: usize) -> Slots<T> {
        let empty = || UnsafeCell::new(fi_context2 { internal: [std::ptr::null_mut(); 8] });
        Slots {
            contexts: (0..count).map(|_| empty()).collect(),
            state: RefCell::new(State { values: (0..count).map(|_| None).collect(), free: (0..count).rev().collect() }),
        }
    }

    /// A free place and what to pass to libfabric for it. It stays free until it is filled.
    pub fn next_free(&self) -> Option<(usize, *mut c_void)> {
        let index = *self.state.borrow().free.last()?;
        Some((index, self.contexts[index].get().cast()))
    }

    /// Fills the place that [`Slots::next_free`] gave last.
    pub fn fill(&self, index: usize, value: T) {
        let mut state = self.state.borrow_mut();
        let free = state.free.pop();
        debug_assert_eq!(free, Some(index));
        state.values[index] = Some(value);
    }

    /// Empties the place of a completion, if it is one of ours that runs.
    pub fn take(&self, context: *mut c_void) -> Option<T> {
        let offset = context.addr().checked_sub(self.contexts.as_ptr().addr())?;
        let index = offset / size_of::<fi_context2>();
        if !offset.is_multiple_of(size_of::<fi_context2>()) || index >= self.contexts.len() {
            return None;
        }
        let mut state = self.state.borrow_mut();
        let value = state.values[index].take()?;
        state.free.push(index);
        Some(value)
    }

    /// Everything that still runs.
    pub fn drain(&self) -> Vec<T> {
        let mut state = self.state.borrow_mut();
        let values: Vec<T> = state.values.iter_mut().filter_map(Option::take).collect();
        state.free = (0..self.contexts.len()).rev().collect();
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_by_their_address_only() {
        let slots = Slots::new(2);
        let (first, context) = slots.next_free().unwrap();
        slots.fill(first, "a");
        let (second, other) = slots.next_free().unwrap();
        assert_ne!(context, other);
        slots.fill(second, "b");
        assert!(slots.next_free().is_none());
        for hostile in [std::ptr::null_mut(), context.wrapping_byte_add(1), other.wrapping_byte_add(1 << 20)] {
            assert_eq!(slots.take(hostile), None);
        }
        assert_eq!(slots.take(context), Some("a"));
        assert_eq!(slots.take(context), None, "an operation that completes twice is found once");
        assert_eq!(slots.drain(), ["b"]);
        assert!(slots.next_free().is_some());
    }
}
