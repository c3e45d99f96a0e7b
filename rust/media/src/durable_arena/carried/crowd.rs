//! Whether the log carries a value or it is written to its place first: by how many bytes of values share the flush.
//!
//! A carried value is written twice, but is durable after one write and one flush. A value at its place is written once, but its record is written only
//! when that has ended. One more write in a row costs a disk as much as a hundred KiB more to write, and a busy disk more: a few small values are better
//! carried, a crowd of them is not, and fills the log besides, so that checkpoints follow each other. (Measured with 4 KiB: 16 in flight were three times, and 32 twice
//! as fast when carried, on a busy disk; 64 were a fifth faster at their places, and two fifths where those had been written before.)
//!
//! The change that comes first does not see the crowd that comes behind it. But those who were answered together come back together: the
//! batch that was begun last tells how many there will be. What has come since then tells of a crowd that grows. So the first batch of a crowd is
//! carried in part, and the first change after a crowd is not: one of each.

use std::cell::Cell;

/// So many bytes of values that share a flush are carried, and no more.
const CARRIED_TOGETHER_MAX: u64 = 128 << 10;

/// Bytes of values that share a flush.
#[derive(Default)]
pub struct Crowd {
    /// Of the batch that was begun last.
    last: Cell<u64>,
    /// Of changes that have come since.
    since: Cell<u64>,
}

impl Crowd {
    /// Whether a value of so many bytes, which comes now, is better carried.
    pub fn carries(&self, bytes: u64) -> bool {
        self.since.set(self.since.get().saturating_add(bytes));
        self.since.get().max(self.last.get()) <= CARRIED_TOGETHER_MAX
    }

    /// A batch begins, which has values of so many bytes, be they carried or written.
    pub fn begin_batch(&self, bytes: u64) {
        self.last.set(bytes);
        self.since.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many values, all of which come before the next batch, are carried; the batch is begun then.
    fn carried(crowd: &Crowd, values: u64, bytes: u64) -> u64 {
        let carried = (0..values).filter(|_| crowd.carries(bytes)).count() as u64;
        crowd.begin_batch(values * bytes);
        carried
    }

    #[test]
    fn few_are_carried_and_a_crowd_is_not() {
        let crowd = Crowd::default();
        for few in [1, 2, 32, 32, 1] {
            assert_eq!(carried(&crowd, few, 4096), few);
        }
        assert_eq!(carried(&crowd, 64, 4096), 32, "who comes first does not know of the others");
        for _ in 0..3 {
            assert_eq!(carried(&crowd, 64, 4096), 0);
        }
        assert_eq!(carried(&crowd, 1, 4096), 0, "who is left does not know that the others are gone");
        assert_eq!(carried(&crowd, 1, 4096), 1);
        assert_eq!((carried(&crowd, 9, 16384), carried(&crowd, 8, 16384), carried(&crowd, 8, 16384)), (8, 0, 8));
    }

    #[test]
    fn large_values_beside_it_count() {
        let crowd = Crowd::default();
        crowd.begin_batch(1 << 20);
        assert!(!crowd.carries(4096), "the flush waits for them anyway");
        crowd.begin_batch(0);
        assert!(crowd.carries(4096));
        assert!(!crowd.carries(u64::MAX));
    }
}
