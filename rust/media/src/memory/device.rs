//! A device that is memory.

use super::Taking;
use super::region::Region;
use crate::device::{BlockDevice, IoFuture, check_range, check_transfer};
use daos_env::IoBuffer;
use daos_status::Result;
use std::rc::Rc;

/// Reads and writes are done when their futures are first polled, so that they take place in the order of the polls, as with
/// any other device.
pub(super) struct MemoryDevice {
    name: String,
    capacity: u64,
    region: Rc<Region>,
}

impl MemoryDevice {
    pub(super) fn new(name: String, capacity: u64, taking: Taking) -> Result<MemoryDevice> {
        let region =
            Region::reserve(capacity, taking).map_err(|status| status.while_doing(format!("making {name}")))?;
        Ok(MemoryDevice { name, capacity, region: Rc::new(region) })
    }
}

impl BlockDevice for MemoryDevice {
    fn name(&self) -> &str {
        &self.name
    }

    fn capacity(&self) -> u64 {
        self.capacity
    }

    fn read(&self, offset: u64, length: usize) -> IoFuture<Result<IoBuffer>> {
        let checked = check_transfer(&self.name, self.capacity, "read", offset, length);
        let region = self.region.clone();
        Box::pin(async move { region.read(offset, checked?, |bytes| IoBuffer::padded_copy_of(bytes, length)) })
    }

    fn write(&self, offset: u64, buffer: IoBuffer) -> IoFuture<(IoBuffer, Result<()>)> {
        let checked = check_transfer(&self.name, self.capacity, "write", offset, buffer.len());
        let region = self.region.clone();
        Box::pin(async move {
            let result = checked.and_then(|rounded| region.write(offset, &buffer.padded()[..rounded]));
            (buffer, result)
        })
    }

    fn sync(&self) -> IoFuture<Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn write_durable(&self, offset: u64, buffer: IoBuffer) -> IoFuture<(IoBuffer, Result<()>)> {
        self.write(offset, buffer)
    }

    fn discard(&self, offset: u64, length: u64) -> IoFuture<Result<()>> {
        let checked = check_range(&self.name, self.capacity, "discard", offset, length);
        let region = self.region.clone();
        Box::pin(async move { checked.map(|rounded| region.discard(offset, rounded)) })
    }

    fn direct(&self) -> Option<Rc<Region>> {
        Some(self.region.clone())
    }
}
