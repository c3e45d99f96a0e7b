//! Whether what clients saw could have come from one thing that did everything one after the other (Wing and Gong's search, with
//! Lowe's memory of what was tried).

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

/// The most operations of one history: one bit each.
pub const OPERATIONS_MAX: usize = 128;
/// The most steps of a search. A history that needs more says nothing, which its caller counts.
const STEPS_MAX: usize = 2_000_000;

/// What one thing does.
pub trait Operation: Debug {
    /// What it is at a time.
    type State: Clone + Eq + Hash + Debug;

    /// What it is after the operation, which was seen to do what it says; `None` when it could not do that now.
    fn apply(&self, state: &Self::State) -> Option<Self::State>;
}

/// An operation as a client saw it. Times are any numbers that grow.
#[derive(Clone, Debug)]
pub struct Entry<O> {
    /// When it was begun.
    pub begin: u64,
    /// When it ended; `None` when that was never heard of: it may happen at any time.
    pub end: Option<u64>,
    /// Whether it happened for certain; otherwise it happened once or never.
    pub is_certain: bool,
    /// What it was.
    pub operation: O,
}

/// How a search ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// There is an order.
    Linear,
    /// There is none.
    Violated,
    /// Nobody knows: the history is too long.
    Unknown,
}

struct Search<'a, O: Operation> {
    entries: &'a [Entry<O>],
    certain: u128,
    tried: HashSet<(u128, O::State)>,
}

/// Looks for an order.
pub fn check<O: Operation>(entries: &[Entry<O>], start: &O::State) -> Verdict {
    if entries.len() > OPERATIONS_MAX {
        return Verdict::Unknown;
    }
    let certain = entries.iter().enumerate().filter(|(_, entry)| entry.is_certain);
    let certain = certain.fold(0, |mask, (number, _)| mask | 1 << number);
    let mut search = Search { entries, certain, tried: HashSet::new() };
    match search.goes_on(0, start) {
        Some(true) => Verdict::Linear,
        Some(false) => Verdict::Violated,
        None => Verdict::Unknown,
    }
}

impl<O: Operation> Search<'_, O> {
    /// Whether the operations that are not done can follow; `None` when the search became too long.
    fn goes_on(&mut self, done: u128, state: &O::State) -> Option<bool> {
        if done & self.certain == self.certain {
            return Some(true);
        }
        if !self.tried.insert((done, state.clone())) {
            return Some(false);
        }
        if self.tried.len() > STEPS_MAX {
            return None;
        }
        let left = |number: usize| done & (1 << number) == 0;
        let ends = self.entries.iter().enumerate().filter(|(number, entry)| left(*number) && entry.is_certain);
        // What begins after another one has ended comes behind it.
        let horizon = ends.filter_map(|(_, entry)| entry.end).min().unwrap_or(u64::MAX);
        for (number, entry) in self.entries.iter().enumerate() {
            if !left(number) || entry.begin > horizon {
                continue;
            }
            // One that may have happened did so before its end, or never.
            let newest_begin =
                self.entries.iter().enumerate().filter(|(other, _)| !left(*other)).map(|(_, entry)| entry.begin);
            if !entry.is_certain && entry.end.is_some_and(|end| newest_begin.max().is_some_and(|begin| begin > end)) {
                continue;
            }
            let Some(next) = entry.operation.apply(state) else { continue };
            if self.goes_on(done | 1 << number, &next)? {
                return Some(true);
            }
        }
        Some(false)
    }
}

/// A register of one value; every value is written once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Register {
    /// Stores a value; `None` takes it away.
    Write(Option<u64>),
    /// Has read a value.
    Read(Option<u64>),
}

impl Operation for Register {
    type State = Option<u64>;

    fn apply(&self, state: &Option<u64>) -> Option<Option<u64>> {
        match self {
            Register::Write(value) => Some(*value),
            Register::Read(value) => (value == state).then_some(*state),
        }
    }
}

/// Leaves out writes that may have happened, and that nobody has read: they make a search long, and never decide it.
pub fn without_unread(entries: Vec<Entry<Register>>) -> Vec<Entry<Register>> {
    let read: HashSet<Option<u64>> = entries
        .iter()
        .filter_map(|entry| match entry.operation {
            Register::Read(value) => Some(value),
            Register::Write(_) => None,
        })
        .collect();
    let counts = |entry: &Entry<Register>| match entry.operation {
        Register::Write(value) => entry.is_certain || read.contains(&value),
        Register::Read(_) => true,
    };
    entries.into_iter().filter(counts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Register::{Read, Write};

    fn entry(begin: u64, end: u64, operation: Register) -> Entry<Register> {
        Entry { begin, end: Some(end), is_certain: true, operation }
    }

    fn unknown(begin: u64, operation: Register) -> Entry<Register> {
        Entry { begin, end: None, is_certain: false, operation }
    }

    fn verdict(entries: Vec<Entry<Register>>) -> Verdict {
        check(&without_unread(entries), &None)
    }

    #[test]
    fn what_happens_one_after_the_other_is_linear() {
        let good = vec![
            entry(1, 2, Read(None)),
            entry(3, 4, Write(Some(1))),
            entry(5, 6, Read(Some(1))),
            entry(7, 8, Write(None)),
            entry(9, 10, Read(None)),
        ];
        assert_eq!(verdict(good), Verdict::Linear);
    }

    #[test]
    fn a_write_that_was_acknowledged_and_is_lost_is_found() {
        let lost = vec![entry(1, 2, Write(Some(1))), entry(3, 4, Write(Some(2))), entry(5, 6, Read(Some(1)))];
        assert_eq!(verdict(lost), Verdict::Violated);
        let lost = vec![entry(1, 2, Write(Some(1))), entry(5, 6, Read(None))];
        assert_eq!(verdict(lost), Verdict::Violated);
    }

    #[test]
    fn a_read_that_goes_back_is_found() {
        let overlapping = |reads: [u64; 2]| {
            let mut entries = vec![entry(1, 2, Write(Some(1))), entry(3, 20, Write(Some(2)))];
            entries.push(entry(4, 5, Read(Some(reads[0]))));
            entries.push(entry(6, 7, Read(Some(reads[1]))));
            verdict(entries)
        };
        assert_eq!(overlapping([1, 1]), Verdict::Linear);
        assert_eq!(overlapping([1, 2]), Verdict::Linear);
        assert_eq!(overlapping([2, 2]), Verdict::Linear);
        assert_eq!(overlapping([2, 1]), Verdict::Violated);
    }

    #[test]
    fn a_value_that_nobody_wrote_is_found() {
        assert_eq!(verdict(vec![entry(1, 2, Read(Some(7)))]), Verdict::Violated);
        assert_eq!(verdict(vec![entry(1, 2, Read(Some(7))), entry(3, 4, Write(Some(7)))]), Verdict::Violated);
    }

    #[test]
    fn what_may_have_happened_happens_once_at_any_time_or_never() {
        let with = |reads: &[Option<u64>]| {
            let mut entries = vec![entry(1, 2, Write(Some(1))), unknown(3, Write(Some(2)))];
            for (number, value) in reads.iter().enumerate() {
                let begin = 10 + 2 * number as u64;
                entries.push(entry(begin, begin + 1, Read(*value)));
            }
            verdict(entries)
        };
        assert_eq!(with(&[Some(1), Some(1)]), Verdict::Linear);
        assert_eq!(with(&[Some(1), Some(2)]), Verdict::Linear);
        assert_eq!(with(&[Some(2), Some(2)]), Verdict::Linear);
        assert_eq!(with(&[Some(2), Some(1)]), Verdict::Violated);
    }

    #[test]
    fn what_may_have_happened_within_bounds_happens_within_them() {
        let with = |read_at: u64, value: u64| {
            let once = Entry { begin: 3, end: Some(5), is_certain: false, operation: Write(Some(2)) };
            let entries = vec![
                entry(1, 2, Write(Some(2))),
                once,
                entry(3, 4, Write(Some(1))),
                entry(6, 7, Read(Some(1))),
                entry(read_at, read_at + 1, Read(Some(value))),
            ];
            verdict(entries)
        };
        assert_eq!(with(8, 1), Verdict::Linear);
        assert_eq!(with(8, 2), Verdict::Violated, "it would have happened after its end");
    }

    #[test]
    fn many_at_once_are_searched_fast() {
        let mut entries = Vec::new();
        for number in 0..40 {
            entries.push(entry(10 * number, 10 * number + 35, Write(Some(number + 1))));
            entries.push(entry(10 * number + 36, 10 * number + 37, Read(Some(number + 1))));
        }
        assert_ne!(verdict(entries), Verdict::Unknown);
    }
}
