//! Values that were read before they were asked for, because others beside them were: each is given once. Pure.

use std::collections::HashMap;

/// Bytes of names and values that are kept; more are not.
pub const BYTES_MAX: usize = 16 << 20;

/// Values by their names.
pub struct Ahead<T> {
    values: HashMap<Vec<u8>, T>,
    bytes: usize,
    /// How often values had changed by then.
    changes: u64,
}

impl<T> Default for Ahead<T> {
    fn default() -> Self {
        Self { values: HashMap::new(), bytes: 0, changes: 0 }
    }
}

impl<T> Ahead<T> {
    /// Keeps one of so many bytes, when there is room; gives whether there was.
    pub fn put(&mut self, changes: u64, name: &[u8], value: T, bytes: usize) -> bool {
        if self.changes != changes {
            *self = Self { changes, ..Self::default() };
        }
        let bytes = self.bytes + name.len() + bytes;
        let has_room = bytes <= BYTES_MAX;
        if has_room && self.values.insert(name.to_vec(), value).is_none() {
            self.bytes = bytes;
        }
        has_room
    }

    /// Gives one. When it is not there, all others go: the program does not ask in the order that was expected, and what is kept only gets old.
    pub fn take(&mut self, changes: u64, name: &[u8]) -> Option<T> {
        let found = if self.changes == changes { self.values.remove(name) } else { None };
        if found.is_none() && !self.values.is_empty() {
            *self = Self { changes, ..Self::default() };
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_given_once_and_not_after_a_change_or_a_miss() {
        let mut ahead = Ahead::default();
        let fill = |ahead: &mut Ahead<u8>, changes| {
            for (name, value) in [(b"a", 1), (b"b", 2), (b"c", 3)] {
                assert!(ahead.put(changes, name, value, 1));
            }
        };
        fill(&mut ahead, 0);
        assert_eq!([ahead.take(0, b"b"), ahead.take(0, b"a")], [Some(2), Some(1)]);
        assert_eq!([ahead.take(0, b"b"), ahead.take(0, b"c")], [None, None]);
        fill(&mut ahead, 0);
        assert_eq!([ahead.take(1, b"a"), ahead.take(0, b"a")], [None, None]);
        fill(&mut ahead, 1);
        assert!(ahead.put(2, b"d", 4, 1));
        assert_eq!([ahead.take(2, b"d"), ahead.take(2, b"a")], [Some(4), None]);
        assert!(!ahead.put(2, b"large", 5, BYTES_MAX));
        assert_eq!(ahead.take(2, b"large"), None);
    }
}
