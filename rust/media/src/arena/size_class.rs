//! Sizes that the arena hands out.

use super::PAGE_SIZE;

/// The longest range that can be allocated.
pub const ALLOCATION_SIZE_MAX: usize = 128 * 1024;

/// Steps of eight bytes up to here.
const FINE_LIMIT: usize = 128;
const FINE_STEP: usize = 8;
const SMALLEST: usize = 16;
const FINE_CLASSES: usize = (FINE_LIMIT - SMALLEST) / FINE_STEP + 1;

/// Eight steps to each doubling up to here, where most records with their values are: at most a ninth of a range is lost.
const MEDIUM_LIMIT: usize = 1024;
const MEDIUM_PER_DOUBLING: usize = 8;
const MEDIUM_CLASSES: usize = (MEDIUM_LIMIT / FINE_LIMIT).ilog2() as usize * MEDIUM_PER_DOUBLING;

/// Beyond, four steps to each doubling (at most a fifth is lost): slabs are larger there, and many classes would hold many of them.
const COARSE_PER_DOUBLING: usize = 4;
const COARSE_CLASSES: usize = (ALLOCATION_SIZE_MAX / MEDIUM_LIMIT).ilog2() as usize * COARSE_PER_DOUBLING;

/// How many size classes there are.
pub(super) const CLASS_COUNT: usize = FINE_CLASSES + MEDIUM_CLASSES + COARSE_CLASSES;

/// Slots that are whole cache lines start at one.
const CACHE_LINE: usize = 64;

/// Bytes at the start of a slab before its bitmap: see `slab`.
pub(super) const SLAB_HEADER: usize = 8;

/// One size class with the shape of its slabs.
#[derive(Clone, Copy, Debug)]
pub(super) struct SizeClass {
    /// Bytes of one slot.
    pub slot: u32,
    /// Pages of a slab are `1 << order`.
    pub order: u8,
    /// Slots of a slab.
    pub slots: u16,
    /// Where the first slot starts within the slab.
    pub first: u16,
}

const fn slot_size(class: usize) -> usize {
    if class < FINE_CLASSES {
        SMALLEST + class * FINE_STEP
    } else if class < FINE_CLASSES + MEDIUM_CLASSES {
        step_of_doubling(class - FINE_CLASSES, FINE_LIMIT, MEDIUM_PER_DOUBLING)
    } else {
        step_of_doubling(class - FINE_CLASSES - MEDIUM_CLASSES, MEDIUM_LIMIT, COARSE_PER_DOUBLING)
    }
}

const fn step_of_doubling(step: usize, limit: usize, per_doubling: usize) -> usize {
    let base = limit << (step / per_doubling);
    base + base / per_doubling * (step % per_doubling + 1)
}

/// Larger slots get larger slabs, so that the header and the rest at the end stay a small share.
const fn order_of(slot: usize) -> u8 {
    match slot {
        0..=1024 => 0,
        1025..=4096 => 2,
        4097..=16384 => 4,
        _ => 6,
    }
}

/// Where the first of so many slots starts, behind the header and the bitmap.
const fn first_slot(slot: usize, slots: usize) -> usize {
    let end = SLAB_HEADER + slots.div_ceil(64) * 8;
    if slot.is_multiple_of(CACHE_LINE) { end.next_multiple_of(CACHE_LINE) } else { end }
}

const fn shape(class: usize) -> SizeClass {
    let slot = slot_size(class);
    let order = order_of(slot);
    let bytes = PAGE_SIZE << order;
    let mut slots = (bytes - SLAB_HEADER) / slot;
    while first_slot(slot, slots) + slots * slot > bytes {
        slots -= 1;
    }
    let first = first_slot(slot, slots);
    SizeClass { slot: slot as u32, order, slots: slots as u16, first: first as u16 }
}

/// Every class, smallest first.
pub(super) static CLASSES: [SizeClass; CLASS_COUNT] = {
    let mut classes = [SizeClass { slot: 0, order: 0, slots: 0, first: 0 }; CLASS_COUNT];
    let mut class = 0;
    while class < CLASS_COUNT {
        classes[class] = shape(class);
        class += 1;
    }
    classes
};

/// The smallest class that holds `size` bytes, or `None` when it is too much.
#[inline]
pub(crate) fn class_of(size: usize) -> Option<usize> {
    if size <= FINE_LIMIT {
        return Some(size.max(SMALLEST).div_ceil(FINE_STEP) - SMALLEST / FINE_STEP);
    }
    if size > ALLOCATION_SIZE_MAX {
        return None;
    }
    let (limit, per_doubling, first) = match size {
        ..=MEDIUM_LIMIT => (FINE_LIMIT, MEDIUM_PER_DOUBLING, FINE_CLASSES),
        _ => (MEDIUM_LIMIT, COARSE_PER_DOUBLING, FINE_CLASSES + MEDIUM_CLASSES),
    };
    let doubling = (usize::BITS - 1 - (size - 1).leading_zeros() - limit.trailing_zeros()) as usize;
    let base = limit << doubling;
    let step = (size - base).div_ceil(base / per_doubling);
    Some(first + doubling * per_doubling + step - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_gets_the_smallest_class_that_holds_it() {
        for size in 0..=ALLOCATION_SIZE_MAX {
            let class = class_of(size).expect("in range");
            assert!(CLASSES[class].slot as usize >= size);
            assert!(class == 0 || (CLASSES[class - 1].slot as usize) < size, "size {size}");
        }
        assert!(class_of(ALLOCATION_SIZE_MAX + 1).is_none());
    }

    #[test]
    fn slots_fit_their_slab_and_are_aligned() {
        for class in CLASSES {
            let end = class.first as usize + class.slots as usize * class.slot as usize;
            assert!(end <= PAGE_SIZE << class.order && class.slots > 0, "{class:?}");
            assert_eq!((class.first % 8, class.slot % 8), (0, 0));
            assert!(class.slot % 64 != 0 || class.first % 64 == 0, "{class:?}");
        }
    }
}
