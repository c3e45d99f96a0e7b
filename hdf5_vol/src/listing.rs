//! Names in an order, kept while a program asks for one number after the other: else each would be a listing of them all. Pure.

/// Which names, and in which order: by creation, and decreasing.
pub type Order = (bool, bool);

/// The names that were listed last.
#[derive(Default)]
pub struct Listing {
    names: Vec<Vec<u8>>,
    order: Order,
    /// How often names had changed by then.
    changes: u64,
    /// The number that was asked for last.
    last: Option<u64>,
}

impl Listing {
    /// The name with a number; none when there are not so many. Names are listed anew unless the number is that of the last time or next to it
    /// and nothing has changed here: so a loop that begins sees what other programs have changed.
    pub fn get<E>(
        &mut self,
        order: Order,
        number: u64,
        changes: u64,
        list: impl FnOnce() -> Result<Vec<Vec<u8>>, E>,
    ) -> Result<Option<Vec<u8>>, E> {
        let is_next = self.last.is_some_and(|last| last.abs_diff(number) <= 1 && (number > 0 || last == 0));
        if !is_next || self.order != order || self.changes != changes {
            *self = Self { names: list()?, order, changes, last: None };
        }
        self.last = Some(number);
        Ok(usize::try_from(number).ok().and_then(|number| self.names.get(number).cloned()))
    }
}

impl Listing {
    /// The names from a number on, and so many of them at most.
    pub fn behind(&self, number: u64, count: usize) -> &[Vec<u8>] {
        let first = usize::try_from(number).unwrap_or(usize::MAX).min(self.names.len());
        &self.names[first..self.names.len().min(first.saturating_add(count))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_lists_once_and_sees_what_has_changed_before() {
        let mut listing = Listing::default();
        let listed = std::cell::Cell::new(0);
        let mut get = |order, number, changes| {
            let list = || {
                listed.set(listed.get() + 1);
                Ok::<_, ()>(vec![b"a".to_vec(), b"b".to_vec(), b"c".to_vec()])
            };
            listing.get(order, number, changes, list).expect("listing does not fail")
        };
        let forward = (false, false);
        let names: Vec<_> = [0, 0, 1, 1, 2, 3].map(|number| get(forward, number, 0)).to_vec();
        assert_eq!(names.iter().flatten().map(|name| name[0]).collect::<Vec<_>>(), b"aabbc");
        assert_eq!(listed.get(), 1);
        // Backwards; then a loop begins again, a name is added, and the order is another one.
        get(forward, 2, 0);
        get(forward, 1, 0);
        assert_eq!(listed.get(), 1);
        get(forward, 0, 0);
        get(forward, 0, 0);
        assert_eq!(listed.get(), 2);
        get(forward, 1, 1);
        assert_eq!(listed.get(), 3);
        get((true, false), 2, 1);
        assert_eq!(listed.get(), 4);
        get((true, false), 0, 1);
        assert_eq!(listed.get(), 5);
    }
}
