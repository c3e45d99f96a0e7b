//! The seam between everything that stores and what stores it: named devices of 4 KiB blocks.

use crate::memory::Region;
use crate::persistent_memory::PersistentMemory;
use daos_env::IoBuffer;
use daos_status::{Code, Result, fail};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// The unit of addressing: what direct I/O needs on every disk in use.
pub const BLOCK_SIZE: usize = daos_env::IO_ALIGNMENT;

/// The most bytes of one read or write: well below what the kernel moves in one call (2 GiB less a page).
pub const MAX_TRANSFER: usize = 1 << 30;

/// Names are short, so that a path made of a few always fits the limits of file systems.
const NAME_LENGTH_MAX: usize = 100;

/// An operation of a device. It starts when first polled; once started, dropping it does not take it back.
pub type IoFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// A folder of named devices and further folders, for one target thread.
///
/// Creating and removing take effect at once and survive a power cut when the call has returned.
pub trait Media {
    /// Makes a device of zeros; space is taken as blocks are written. [`Code::Exist`] when the name is taken.
    fn create(&self, name: &str, size: u64) -> Result<Rc<dyn BlockDevice>>;

    /// Opens a device; [`Code::Nonexist`] when there is none of that name.
    fn open(&self, name: &str) -> Result<Rc<dyn BlockDevice>>;

    /// Whether there is a device of that name. Folders are none: they can be neither opened nor removed as devices.
    fn exists(&self, name: &str) -> Result<bool>;

    /// Removes a device; what is still open stays usable until it is dropped.
    fn remove(&self, name: &str) -> Result<()>;

    /// The names of all devices, in order.
    fn list(&self) -> Result<Vec<String>>;

    /// Opens a folder in this one, and makes it when it is missing; [`Code::Notdir`] when a device has the name.
    fn folder(&self, name: &str) -> Result<Rc<dyn Media>>;

    /// Makes persistent memory of zeros, whose space is taken at once. It is listed, looked for and removed like a device, whose names it
    /// shares; [`Code::Exist`] when the name is taken.
    fn create_memory(&self, name: &str, size: u64) -> Result<Rc<dyn PersistentMemory>> {
        fail!(Code::Notsupported, "{} has no persistent memory for {name} of {size} bytes", self.describe());
    }

    /// Opens persistent memory; [`Code::Nonexist`] when there is none of that name.
    fn open_memory(&self, name: &str) -> Result<Rc<dyn PersistentMemory>> {
        fail!(Code::Notsupported, "{} has no persistent memory such as {name}", self.describe());
    }

    /// Makes a device in memory, of zeros, which has no name here and is gone with its last handle.
    fn create_volatile(&self, name: &str, size: u64) -> Result<Rc<dyn BlockDevice>> {
        crate::MemoryMedia::new().create(name, size)
    }

    /// The names of all folders, in order.
    fn folders(&self) -> Result<Vec<String>>;

    /// Removes a folder with everything in it, entirely or, when the power is cut, not at all; [`Code::Nonexist`] when there is none.
    fn remove_folder(&self, name: &str) -> Result<()>;

    /// What this is, for messages: a path where there is one.
    fn describe(&self) -> String;
}

/// Blocks that are read and written by offset.
///
/// Offsets are multiples of [`BLOCK_SIZE`]. A length that is none is rounded up: a write then takes the padding of the
/// [`IoBuffer`] along, a read fills it. Blocks never written read as zeros. Every error names the device, the offset and the
/// length.
pub trait BlockDevice {
    /// The name, for messages: a path where there is one.
    fn name(&self) -> &str;

    /// Size in bytes, a multiple of [`BLOCK_SIZE`].
    fn capacity(&self) -> u64;

    /// Reads `length` bytes.
    fn read(&self, offset: u64, length: usize) -> IoFuture<Result<IoBuffer>>;

    /// Writes a buffer and gives it back. What was written survives a power cut only after a later [`BlockDevice::sync`].
    fn write(&self, offset: u64, buffer: IoBuffer) -> IoFuture<(IoBuffer, Result<()>)>;

    /// Makes every write that has completed before this call durable. When it fails, so does every other sync that was begun before that; nobody
    /// knows then which of the writes before them are durable, whatever later syncs say.
    fn sync(&self) -> IoFuture<Result<()>>;

    /// A write that is durable when it completes; like `write`, then `sync`, in one step where the device can.
    fn write_durable(&self, offset: u64, buffer: IoBuffer) -> IoFuture<(IoBuffer, Result<()>)>;

    /// Gives the space of blocks back. They read as zeros or as what they were; a device that cannot does nothing.
    fn discard(&self, offset: u64, length: u64) -> IoFuture<Result<()>>;

    /// Sets space aside for blocks that will be written soon, so that writing them is quicker; what they hold stays. A favour, which may
    /// be done in part or not at all; `None` when there is nothing to be set aside.
    fn prepare(&self, offset: u64, length: u64) -> Option<IoFuture<Result<()>>> {
        let _nothing = (offset, length);
        None
    }

    /// The device's memory, when it is memory and nothing else: it is read and written in place, at once, without a future, and
    /// a write needs no sync. None for every other device.
    fn direct(&self) -> Option<Rc<Region>> {
        None
    }
}

/// Checks the range of an operation against the device, and gives the length rounded up to blocks.
pub fn check_range(name: &str, capacity: u64, what: &str, offset: u64, length: u64) -> Result<u64> {
    let Some(rounded) = length.checked_next_multiple_of(BLOCK_SIZE as u64).filter(|_| length > 0) else {
        fail!(Code::Inval, "{what} of {length} bytes at offset {offset} of {name}: the length is out of range");
    };
    if !offset.is_multiple_of(BLOCK_SIZE as u64) {
        fail!(
            Code::Inval,
            "{what} of {length} bytes at offset {offset} of {name}: the offset is not a multiple of 4096"
        );
    }
    if offset.checked_add(rounded).is_none_or(|end| end > capacity) {
        fail!(Code::Inval, "{what} of {length} bytes at offset {offset} of {name}: beyond its end at {capacity}");
    }
    Ok(rounded)
}

/// As [`check_range`], for reads and writes, which are bounded by [`MAX_TRANSFER`].
pub(crate) fn check_transfer(name: &str, capacity: u64, what: &str, offset: u64, length: usize) -> Result<usize> {
    if length > MAX_TRANSFER {
        fail!(Code::Inval, "{what} of {length} bytes at offset {offset} of {name}: more than {MAX_TRANSFER} at once");
    }
    // At most MAX_TRANSFER, which fits.
    check_range(name, capacity, what, offset, length as u64).map(|rounded| rounded as usize)
}

/// Refuses names that are no plain file names.
pub fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > NAME_LENGTH_MAX || name.starts_with('.') || !name.chars().all(plain) {
        fail!(
            Code::Inval,
            "{name:?} cannot name a device or folder: use 1 to {NAME_LENGTH_MAX} letters, digits, '-', '_' and '.', not starting with '.'"
        );
    }
    Ok(())
}

/// Checks the size of a device to be made.
pub(crate) fn check_size(name: &str, size: u64) -> Result<()> {
    if size == 0 || !size.is_multiple_of(BLOCK_SIZE as u64) || size > i64::MAX as u64 {
        fail!(Code::Inval, "device {name} cannot have {size} bytes: use a positive multiple of 4096 below 2^63");
    }
    Ok(())
}
