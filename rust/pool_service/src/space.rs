//! How large a new pool becomes: a pure function of what is asked for and what the machine has to offer.

use crate::PoolPlan;
use daos_status::{Code, Result, fail};

const MEBIBYTE: u64 = 1 << 20;
/// The least of a pool on one target: room for its own metadata and a few values.
const TARGET_BYTES_MIN: u64 = 16 * MEBIBYTE;
/// The part of a pool's bytes that holds metadata and small values, unless memory is scarce.
const META_SHARE: u64 = 4;
/// The least of metadata on one target.
const META_BYTES_MIN: u64 = 4 * MEBIBYTE;
/// The most of metadata on one target: what an arena can hold.
const META_BYTES_MAX: u64 = 32 << 30;
/// The part of the memory or storage not promised yet that a pool gets when its creator does not say: every later pool
/// gets its share of the rest.
const FAIR_SHARE: u64 = 4;
/// Bounds of a redo log: a longer one makes checkpoints rarer, and is written at full length sooner or later.
const LOG_BYTES: (u64, u64) = (4 * MEBIBYTE, 64 * MEBIBYTE);
/// Metadata is kept twice on storage: each page of a checkpoint has two slots.
const META_COPIES: u64 = 2;

/// What the machine has to offer to a new pool, over all targets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SpaceOffer {
    /// Bytes of the file system that are free and not promised to other pools.
    pub storage: u64,
    /// Bytes of memory that are not promised to other pools.
    pub memory: u64,
}

/// What an existing pool may still take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Promise {
    /// Bytes of storage that it may still write.
    pub storage: u64,
    /// Bytes of memory that it may take in all.
    pub memory: u64,
}

/// Sizes on one target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TargetSizes {
    pub meta_bytes: u64,
    pub data_bytes: u64,
    pub log_bytes: u64,
}

impl TargetSizes {
    /// Bytes of storage that the pool takes when it is full.
    fn footprint(&self) -> u64 {
        (self.meta_bytes * META_COPIES).saturating_add(self.data_bytes).saturating_add(self.log_bytes)
    }
}

impl SpaceOffer {
    /// What is left after the promises made to existing pools.
    pub fn after(self, promises: impl IntoIterator<Item = Promise>) -> SpaceOffer {
        promises.into_iter().fold(self, |offer, promise| SpaceOffer {
            storage: offer.storage.saturating_sub(promise.storage),
            memory: offer.memory.saturating_sub(promise.memory),
        })
    }

    /// Refuses more targets of a pool when there is no room for them.
    pub fn check(&self, plan: &PoolPlan) -> Result<()> {
        let PoolPlan { meta_bytes, data_bytes, log_bytes, .. } = *plan;
        let (sizes, targets) = (TargetSizes { meta_bytes, data_bytes, log_bytes }, plan.targets.len() as u64);
        let is_in_memory = plan.durability == "ram";
        let in_memory = if is_in_memory { meta_bytes.saturating_add(data_bytes) } else { meta_bytes };
        let (memory, storage) = (in_memory.saturating_mul(targets), sizes.footprint().saturating_mul(targets));
        if memory > self.memory || (storage > self.storage && !is_in_memory) {
            fail!(
                Code::Nospace,
                "{targets} targets of the pool take {memory} bytes of memory and {storage} of storage; {} and {} are not promised to \
                 other pools",
                self.memory,
                self.storage
            );
        }
        Ok(())
    }

    /// A pool of class `log`: data on storage, metadata on storage and in memory. A size of 0 asks for a fair share.
    pub(crate) fn plan_on_storage(&self, size: u64, targets: u64) -> Result<TargetSizes> {
        let targets = targets.max(1);
        let (chosen, per_target) = choose(size, targets, self.storage)?;
        // Every pool may grow to its part of the memory: so it gets a share, and the next one a share of the rest.
        let sizes = sizes_on_storage(per_target, self.memory / FAIR_SHARE / targets);
        let meta_bytes = sizes.meta_bytes;
        if meta_bytes.saturating_mul(targets) > self.memory {
            let (need, has) = (meta_bytes * targets, self.memory);
            fail!(
                Code::Nomem,
                "a pool needs {need} bytes of memory at least, and {has} are not promised to other pools"
            );
        }
        let footprint = sizes.footprint().saturating_mul(targets);
        if footprint > self.storage {
            fail!(
                Code::Nospace,
                "a pool of {chosen} bytes takes {footprint} bytes of storage when full, and {} are free and not promised \
                 to other pools; free space, or create a smaller pool",
                self.storage
            );
        }
        Ok(sizes)
    }

    /// A pool of class `ram`: all of it in memory.
    pub(crate) fn plan_in_memory(&self, size: u64, targets: u64) -> Result<TargetSizes> {
        let targets = targets.max(1);
        let (chosen, per_target) = choose(size, targets, self.memory)?;
        if chosen > self.memory {
            fail!(
                Code::Nospace,
                "a pool of {chosen} bytes in memory does not fit: {} bytes are not promised to other pools",
                self.memory
            );
        }
        let meta = (per_target / META_SHARE).clamp(META_BYTES_MIN, META_BYTES_MAX) / MEBIBYTE * MEBIBYTE;
        Ok(TargetSizes { meta_bytes: meta, data_bytes: (per_target - meta) & !4095, log_bytes: LOG_BYTES.0 })
    }
}

/// The parts of a pool on a target that gets so many bytes, at least [`TARGET_BYTES_MIN`], and may have so many of memory.
fn sizes_on_storage(per_target: u64, memory_share: u64) -> TargetSizes {
    let meta = (per_target / META_SHARE).min(memory_share).clamp(META_BYTES_MIN, META_BYTES_MAX);
    let meta_bytes = meta / MEBIBYTE * MEBIBYTE;
    let log_bytes = (meta_bytes / 2).clamp(LOG_BYTES.0, LOG_BYTES.1);
    TargetSizes { meta_bytes, data_bytes: (per_target - meta_bytes) & !4095, log_bytes }
}

/// The largest size to ask for that fits so many bytes of storage when the pool is full, however much memory there is: a full pool takes
/// more than its size, for the second copy of its metadata and its logs. 0 when none fits.
pub fn largest_on_storage(storage: u64, targets: u64) -> u64 {
    let targets = targets.max(1);
    let room = storage / targets;
    let fits = |per_target| sizes_on_storage(per_target, u64::MAX).footprint() <= room;
    if !fits(TARGET_BYTES_MIN) {
        return 0;
    }
    let (mut fitting, mut beyond) = (TARGET_BYTES_MIN, room.saturating_add(1));
    while beyond - fitting > 1 {
        let middle = fitting + (beyond - fitting) / 2;
        if fits(middle) {
            fitting = middle;
        } else {
            beyond = middle;
        }
    }
    fitting * targets
}

/// The bytes of a pool over all targets and on each; a fair share of what is offered when it is not said how many.
fn choose(asked: u64, targets: u64, offered: u64) -> Result<(u64, u64)> {
    let least = TARGET_BYTES_MIN * targets;
    let chosen = if asked == 0 { (offered / FAIR_SHARE).max(least) } else { asked };
    if chosen < least {
        fail!(Code::Inval, "a pool over {targets} targets has {least} bytes at least, not {asked}");
    }
    Ok((chosen, chosen / targets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn an_unspecified_size_is_a_share_of_what_is_there() {
        let offer = SpaceOffer { storage: 400 * GIB, memory: 16 * GIB };
        let sizes = offer.plan_on_storage(0, 4).expect("fits");
        assert_eq!((sizes.meta_bytes, sizes.data_bytes), (GIB, 24 * GIB));
        let sizes = offer.plan_in_memory(0, 4).expect("fits");
        assert_eq!((sizes.meta_bytes, sizes.data_bytes), (GIB / 4, GIB / 4 * 3));
    }

    #[test]
    fn pools_that_do_not_fit_are_refused() {
        let offer = SpaceOffer { storage: GIB, memory: GIB };
        assert_eq!(offer.plan_on_storage(2 * GIB, 2).map_err(|e| e.code()), Err(Code::Nospace));
        assert_eq!(offer.plan_on_storage(u64::MAX, 2).map_err(|e| e.code()), Err(Code::Nospace));
        assert_eq!(offer.plan_on_storage(1, 2).map_err(|e| e.code()), Err(Code::Inval));
        assert_eq!(offer.plan_in_memory(2 * GIB, 2).map_err(|e| e.code()), Err(Code::Nospace));
        let nothing = SpaceOffer { storage: GIB, memory: 0 };
        assert_eq!(nothing.plan_on_storage(0, 2).map_err(|e| e.code()), Err(Code::Nomem));
        let little = SpaceOffer { storage: 100 << 20, memory: GIB };
        let least = little.plan_on_storage(0, 2).expect("the least pool fits");
        assert_eq!(least.meta_bytes + least.data_bytes, TARGET_BYTES_MIN);
        let full = SpaceOffer { storage: 1 << 20, memory: GIB };
        assert_eq!(full.plan_on_storage(0, 2).map_err(|e| e.code()), Err(Code::Nospace));
        let left = offer.after([Promise { storage: 1, memory: 2 }, Promise { storage: u64::MAX, memory: 3 }]);
        assert_eq!(left, SpaceOffer { storage: 0, memory: GIB - 5 });
    }

    /// A pool of all that is free was refused: it takes a quarter more than its size.
    #[test]
    fn the_largest_pool_fits_and_no_larger_one() {
        let offer = SpaceOffer { storage: 400 * GIB, memory: 1 << 50 };
        assert_eq!(offer.plan_on_storage(offer.storage, 4).map_err(|e| e.code()), Err(Code::Nospace));
        let largest = largest_on_storage(offer.storage, 4);
        assert!(largest > 319 * GIB && offer.plan_on_storage(largest, 4).is_ok(), "{largest}");
        assert_eq!((largest_on_storage(0, 4), largest_on_storage(20 << 20, 1)), (0, 0));
        assert_eq!(largest_on_storage(24 << 20, 1) & !4095, TARGET_BYTES_MIN);
    }

    proptest! {
        #[test]
        fn what_is_largest_fits(storage in 0u64..1 << 50, memory in 1u64 << 40..1 << 50, targets in 1u64..64) {
            let (offer, largest) = (SpaceOffer { storage, memory }, largest_on_storage(storage, targets));
            prop_assert!(largest == 0 || offer.plan_on_storage(largest, targets).is_ok());
            let plenty = SpaceOffer { storage, memory: u64::MAX };
            prop_assert!(plenty.plan_on_storage(largest + targets, targets).is_err());
        }

        #[test]
        fn what_is_planned_fits_what_is_offered(storage in 0u64..1 << 50, memory in 0u64..1 << 42, size in 0u64..1 << 50, targets in 1u64..64) {
            let offer = SpaceOffer { storage, memory };
            if let Ok(sizes) = offer.plan_on_storage(size, targets) {
                prop_assert!(sizes.footprint() * targets <= storage && sizes.meta_bytes * targets <= memory);
                prop_assert!(sizes.meta_bytes >= META_BYTES_MIN && sizes.data_bytes > 0 && sizes.meta_bytes % MEBIBYTE == 0);
                if size > 0 {
                    prop_assert!((sizes.meta_bytes + sizes.data_bytes) * targets <= size);
                }
            }
            if let Ok(sizes) = offer.plan_in_memory(size, targets) {
                prop_assert!((sizes.meta_bytes + sizes.data_bytes) * targets <= memory);
            }
        }
    }
}
