//! Ranges of array records.

/// A range of records of an array value (`daos_recx_t`): `count` records from index `start`.
///
/// `start + count` never exceeds `u64::MAX`, and `count` is not zero: [`Extent::new`] refuses anything else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Extent {
    start: u64,
    count: u64,
}

impl Extent {
    /// A range, unless it is empty or its end does not fit 64 bits.
    pub const fn new(start: u64, count: u64) -> Option<Extent> {
        match start.checked_add(count) {
            Some(_) if count > 0 => Some(Extent { start, count }),
            _ => None,
        }
    }

    /// The range `start..end`, unless it is empty.
    pub const fn from_bounds(start: u64, end: u64) -> Option<Extent> {
        if start < end { Some(Extent { start, count: end - start }) } else { None }
    }

    /// Index of the first record.
    pub const fn start(self) -> u64 {
        self.start
    }

    /// How many records.
    pub const fn count(self) -> u64 {
        self.count
    }

    /// Index behind the last record.
    pub const fn end(self) -> u64 {
        self.start + self.count
    }

    /// The records that both ranges hold.
    pub const fn intersect(self, other: Extent) -> Option<Extent> {
        let start = if self.start > other.start { self.start } else { other.start };
        let end = if self.end() < other.end() { self.end() } else { other.end() };
        Extent::from_bounds(start, end)
    }
}

/// Whether some record is in two of the extents.
pub fn extents_overlap(extents: &[Extent]) -> bool {
    let meet = |extents: &[Extent]| extents.windows(2).any(|pair| pair[0].end() > pair[1].start());
    // Most callers have them in their order.
    if !meet(extents) {
        return false;
    }
    let mut sorted = extents.to_vec();
    sorted.sort_unstable_by_key(|extent| extent.start());
    meet(&sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_overflowing_ranges_are_refused() {
        assert_eq!(Extent::new(0, 0), None);
        assert_eq!(Extent::new(u64::MAX, 1), None);
        assert_eq!(Extent::new(1 << 63, 1 << 63), None);
        assert!(Extent::new(u64::MAX - 1, 1).is_some());
    }

    #[test]
    fn overlaps_are_found_in_any_order() {
        let overlap = |all: &[(u64, u64)]| {
            extents_overlap(&all.iter().filter_map(|(start, count)| Extent::new(*start, *count)).collect::<Vec<_>>())
        };
        assert!(!overlap(&[]) && !overlap(&[(7, 1)]));
        assert!(!overlap(&[(0, 3), (3, 1), (4, 2)]));
        assert!(!overlap(&[(4, 2), (0, 3), (3, 1)]));
        assert!(overlap(&[(0, 3), (4, 1), (3, 2)]));
        assert!(overlap(&[(0, 3), (2, 1)]));
        assert!(overlap(&[(9, 1), (0, 3), (9, 1)]));
    }

    #[test]
    fn intersection_is_what_both_hold() {
        let left = Extent::new(0, 10).expect("valid");
        let right = Extent::new(4, 10).expect("valid");
        assert_eq!(left.intersect(right), Extent::new(4, 6));
        assert_eq!(left.intersect(Extent::new(10, 1).expect("valid")), None);
    }
}
