//! What the machine gives at most, measured in the same run.

use crate::measure::{BusyWatch, Figures, Plan, Shuffle, busy_rate, rate};
use crate::report::Limit;
use daos_status::Result;

/// Beyond every cache.
const MEMORY_BYTES: usize = 256 << 20;
/// Copies between two looks at the clock.
const COPIES: u64 = 256;
/// A working set is at least so large: less would be noise.
const WORKING_SET_BYTES_MIN: u64 = 1 << 20;
/// What the allocator gives back at once, so that the kernel gives fresh memory each time.
const FRESH_BYTES_MIN: u64 = 64 << 20;
/// And at most so large: it lies beside the store.
const WORKING_SET_BYTES_MAX: u64 = 1 << 30;

/// Copies a second of blocks of `size` bytes to places without pattern in memory that no cache holds.
pub fn memory_copies(plan: &Plan, size: usize) -> Result<Limit> {
    let source = vec![1u8; size];
    let mut target = vec![0u8; MEMORY_BYTES];
    let mut places = Shuffle::below((MEMORY_BYTES / size) as u64);
    let figures = rate(plan, || {
        for _ in 0..COPIES {
            let start = places.next() as usize * size;
            target[start..start + size].copy_from_slice(std::hint::black_box(&source));
        }
        Ok(COPIES)
    })?;
    std::hint::black_box(&target);
    Ok(Limit { name: "memcpy", value: figures.median })
}

/// Bytes that the references copy to or from: as many as the store holds, within reason.
fn working_set(size: usize, bytes: u64) -> usize {
    let bytes = bytes.clamp(WORKING_SET_BYTES_MIN, WORKING_SET_BYTES_MAX) as usize;
    bytes.next_multiple_of(size)
}

/// Bytes of memory that the machine could give now, where it says so.
pub fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Copies a second of blocks of `size` bytes into memory that is touched for the first time, one after the other, in a
/// working set of `bytes`.
pub fn copies_in(plan: &Plan, size: usize, bytes: u64) -> Result<Limit> {
    let source = vec![1u8; size];
    let mut rates = Vec::new();
    for _ in 0..plan.repetitions {
        // Zeroed memory of this size comes from the kernel at first touch.
        let mut target = vec![0u8; working_set(size, bytes.max(FRESH_BYTES_MIN))];
        let blocks = target.len() / size;
        let watch = BusyWatch::start();
        for block in target.chunks_exact_mut(size) {
            block.copy_from_slice(std::hint::black_box(&source));
        }
        rates.push(watch.rate(blocks as u64));
        std::hint::black_box(&target);
    }
    Ok(Limit { name: "memcpy in, fresh", value: Figures::of(rates).median })
}

/// Copies a second of blocks of `size` bytes from places without pattern in a working set of `bytes`, all touched before.
pub fn copies_out(plan: &Plan, size: usize, bytes: u64) -> Result<Limit> {
    let source = vec![1u8; working_set(size, bytes)];
    let mut target = vec![0u8; size];
    let mut places = Shuffle::below((source.len() / size) as u64);
    let figures = busy_rate(plan, || {
        for _ in 0..COPIES {
            let start = places.next() as usize * size;
            target.copy_from_slice(&source[start..start + size]);
            std::hint::black_box(&target);
        }
        COPIES
    });
    Ok(Limit { name: "memcpy out", value: figures.median })
}
