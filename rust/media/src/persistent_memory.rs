//! The seam to persistent memory: bytes that are stored like memory and survive a power cut like a disk.

use crate::device::BLOCK_SIZE;
use daos_status::{Code, Result, fail};
use std::fs::File;
use std::rc::Rc;

/// What moves as one between the processor's cache and the memory.
pub const CACHE_LINE: u64 = 64;

/// How bytes become durable, which decides how often it is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PersistWay {
    /// Lines of the processor's cache are flushed: well below a microsecond.
    Flush,
    /// A call of the system that never waits for a device: about a microsecond.
    Call,
    /// A call of the system that writes to a disk: milliseconds, during which the thread stands still.
    Disk,
}

/// Where a private view of persistent memory comes from.
pub enum ViewSource {
    /// A file to be mapped privately at this offset, a multiple of the page size: pages are copied when they are first written.
    File {
        /// The file behind the memory.
        file: Rc<File>,
        /// Where in it the view begins.
        offset: u64,
    },
    /// Nothing to map: the bytes are to be read.
    Copy,
}

/// A range of persistent memory, for one thread.
///
/// What was stored is durable after a later [`PersistentMemory::drain`]. Until then, when the power is cut, each line of 64 bytes by itself may
/// have reached the memory, or not, or in part; eight bytes at an aligned place are never half there. Reads show what was stored.
/// After a failed drain nobody knows what is durable of what was stored since the last one that succeeded: it must not be tried again as if
/// nothing had happened.
pub trait PersistentMemory {
    /// The name, for messages: a path where there is one.
    fn name(&self) -> &str;

    /// Bytes.
    fn length(&self) -> u64;

    /// What a drain costs.
    fn way(&self) -> PersistWay;

    /// How bytes become durable, for the log.
    fn how(&self) -> String;

    /// Copies bytes out.
    fn read(&self, position: u64, out: &mut [u8]) -> Result<()>;

    /// Stores bytes and sets them on their way.
    fn store(&self, position: u64, bytes: &[u8]) -> Result<()>;

    /// Sets bytes on their way that somebody else has stored, such as a process before this one.
    fn flush(&self, position: u64, length: u64) -> Result<()>;

    /// Waits until everything that is on its way has arrived.
    fn drain(&self) -> Result<()>;

    /// Where a view of the bytes from `position` on comes from that can be written without changing them.
    fn view(&self, position: u64) -> Result<ViewSource>;
}

/// Checks a range against the memory.
pub fn check_memory_range(name: &str, capacity: u64, what: &str, position: u64, length: u64) -> Result<()> {
    if position.checked_add(length).is_none_or(|end| end > capacity) {
        fail!(Code::Inval, "{what} of {length} bytes at offset {position} of {name}: beyond its end at {capacity}");
    }
    Ok(())
}

/// Checks the size of memory to be made.
pub(crate) fn check_memory_size(name: &str, size: u64) -> Result<()> {
    if size == 0 || !size.is_multiple_of(BLOCK_SIZE as u64) || size > i64::MAX as u64 {
        fail!(Code::Inval, "memory {name} cannot have {size} bytes: use a positive multiple of 4096 below 2^63");
    }
    Ok(())
}
