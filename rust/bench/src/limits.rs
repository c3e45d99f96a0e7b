//! What the machine gives at most, measured in the same run.

use crate::huge_memory::HugeMemory;
use crate::measure::{Figures, Plan, Shuffle, Watch, busy_rate, rate};
use crate::report::Limit;
use crate::store::filled_file;
use daos_env::IoBuffer;
use daos_status::{Code, Result, Status};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Beyond every cache.
const MEMORY_BYTES: usize = 256 << 20;
/// Copies between two looks at the clock.
const BLOCK: usize = 4096;
/// Threads that read from the disk at a time: more do not make it faster here.
const READERS_MAX: u64 = 16;
const COPIES: u64 = 256;
/// A working set is at least so large: less would be noise.
const WORKING_SET_BYTES_MIN: u64 = 1 << 20;
/// And at most so large: it lies beside the store.
const WORKING_SET_BYTES_MAX: u64 = 1 << 30;

/// Waits until nobody takes memory any more, as an engine does in the background for a pool of class `ram` that was just made: upstream's engine has
/// taken it when the pool is there.
pub fn wait_for_memory(plan: &Plan) {
    /// Less is what every running program does.
    const STILL: u64 = 8 << 20;
    if plan.is_smoke() {
        return;
    }
    let (mut before, mut quiet) = (available_memory().unwrap_or(0), 0);
    for _ in 0..300 {
        std::thread::park_timeout(std::time::Duration::from_millis(100));
        let now = available_memory().unwrap_or(0);
        quiet = if now.abs_diff(before) < STILL { quiet + 1 } else { 0 };
        before = now;
        if quiet == 3 {
            break;
        }
    }
}

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

/// Copies a second of blocks of `size` bytes into memory that was touched before, in a working set of `bytes`: large blocks one
/// after the other, as the store places them, small ones without pattern.
///
/// The source lies in a cache, as the values of requests do. `memcpy` reads each line of the target before it is written (up to sizes far above
/// these); the store does not, so that it may be faster than this reference although it computes a checksum.
pub fn copies_in(plan: &Plan, size: usize, bytes: u64) -> Result<Limit> {
    let source = vec![1u8; size];
    let mut target = HugeMemory::of(working_set(size, bytes))?;
    let blocks = (target.len() / size) as u64;
    let mut places = Shuffle::below(blocks);
    let mut next = 0;
    let figures = busy_rate(plan, || {
        for _ in 0..COPIES {
            next = if size < BLOCK { places.next() } else { (next + 1) % blocks };
            let start = next as usize * size;
            target[start..start + size].copy_from_slice(std::hint::black_box(&source));
        }
        COPIES
    });
    std::hint::black_box(&target[0]);
    Ok(Limit { name: "memcpy in", value: figures.median })
}

/// Copies a second of blocks of `size` bytes from places without pattern in a working set of `bytes`, all touched before.
///
/// Always to the same place, which stays in a cache, as the store's buffers do that are used again. `memcpy` reads one stream; the store reads
/// several side by side from 8 KiB on, and may be faster. At 4 KiB the time of this copy, which no fetch can go below, is most of what is left.
pub fn copies_out(plan: &Plan, size: usize, bytes: u64) -> Result<Limit> {
    let source = HugeMemory::of(working_set(size, bytes))?;
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

fn panicked() -> Status {
    Status::new(Code::Misc, "a thread that reads from the disk has panicked")
}

/// Reads a second of blocks of `size` bytes without pattern, past the page cache, by as many threads as requests are in flight.
pub fn disk_reads(plan: &Plan, size: usize, depth: u64, directory: &Path) -> Result<Limit> {
    let path = directory.join(format!("reads-{}", std::process::id()));
    let blocks = (plan.log_bytes / size as u64).max(1);
    let written = filled_file(&path, blocks * size as u64);
    let opened = written.and_then(|_| {
        let mut options = std::fs::OpenOptions::new();
        // Not every file system can read past its cache; then it is the cache that is measured.
        let direct = options.read(true).custom_flags(libc::O_DIRECT).open(&path);
        Ok(direct.or_else(|_| std::fs::File::open(&path))?)
    });
    let figures = opened.and_then(|file| {
        let rates = (0..plan.repetitions).map(|round| {
            let watch = Watch::start();
            let read = |thread: u64| -> Result<u64> {
                let mut buffer = IoBuffer::zeroed(size);
                let mut places = Shuffle::from(round as u64 * READERS_MAX + thread, blocks);
                let mut operations = 0;
                while operations == 0 || watch.elapsed() < plan.disk_slice / 4 {
                    file.read_exact_at(&mut buffer, places.next() * size as u64)?;
                    operations += 1;
                }
                Ok(operations)
            };
            let operations = std::thread::scope(|scope| {
                let threads: Vec<_> =
                    (0..depth.min(READERS_MAX)).map(|thread| scope.spawn(move || read(thread))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(panicked()))).sum::<Result<u64>>()
            })?;
            Ok(watch.rate(operations))
        });
        rates.collect::<Result<Vec<f64>>>()
    });
    std::fs::remove_file(&path)?;
    Ok(Limit { name: "disk reads", value: Figures::of(figures?).median })
}
