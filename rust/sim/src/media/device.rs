//! A handle of a simulated device.

use super::disk::{Disk, SECTOR};
use super::world::{Fault, Orphan, World};
use daos_env::IoBuffer;
use daos_env::sync::yield_now;
use daos_media::{BLOCK_SIZE, BlockDevice, IoFuture, check_range};
use daos_status::{Code, Result, Status};
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Clone)]
pub(super) struct SimDevice {
    name: Rc<str>,
    capacity: u64,
    world: Rc<RefCell<World>>,
    disk: Rc<RefCell<Disk>>,
    cycle: u64,
}

impl SimDevice {
    pub fn new(path: &str, world: Rc<RefCell<World>>, disk: Rc<RefCell<Disk>>) -> SimDevice {
        let (capacity, cycle) = (disk.borrow().capacity, world.borrow().cycle);
        SimDevice { name: format!("simulated:{path}").into(), capacity, world, disk, cycle }
    }

    /// Waits until the operation happens; for ever when the power is cut first.
    async fn begin(&self) -> Option<Fault> {
        self.wait_for_power().await;
        let (rounds, fault) = self.world.borrow_mut().begin_call();
        for _ in 0..rounds {
            yield_now().await;
        }
        self.wait_for_power().await;
        fault
    }

    async fn wait_for_power(&self) {
        let dead = {
            let world = self.world.borrow();
            world.is_off || world.cycle != self.cycle
        };
        if dead {
            std::future::pending::<()>().await;
        }
    }

    /// Counts what has just happened; when the power goes with it, nobody hears of it.
    async fn persisted(&self) {
        self.world.borrow_mut().count_persist();
        self.wait_for_power().await;
    }

    fn failure(&self, fault: Fault, what: &str) -> Status {
        match fault {
            Fault::InputOutput => Status::new(Code::Io, format!("{what} of {}: simulated I/O error", self.name)),
            Fault::NoSpace => Status::new(Code::Nospace, format!("{what} of {}: simulated full disk", self.name)),
            Fault::Short => Status::new(Code::Io, format!("{what} of {}: simulated short transfer", self.name)),
        }
    }

    async fn read_bytes(self, offset: u64, length: usize) -> Result<IoBuffer> {
        check_range(&self.name, self.capacity, "read", offset, length as u64)?;
        let fault = self.begin().await;
        if let Some(fault) = fault {
            return Err(self.failure(fault, &format!("read of {length} bytes at offset {offset}")));
        }
        let mut buffer = IoBuffer::zeroed(length);
        self.disk.borrow().read(offset, buffer.padded_mut());
        Ok(buffer)
    }

    async fn write_bytes(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        check_range(&self.name, self.capacity, "write", offset, bytes.len() as u64)?;
        self.wait_for_power().await;
        let mut begun = BegunWrite { device: self, offset, bytes, is_settled: false };
        let mut fault = self.begin().await;
        begun.is_settled = true;
        if fault.is_none() && !self.world.borrow().has_space_for(&self.disk.borrow(), offset, bytes.len()) {
            fault = Some(Fault::NoSpace);
        }
        let done = match fault {
            None => bytes.len(),
            Some(Fault::NoSpace) => 0,
            Some(Fault::Short) => bytes.len() / 2 / SECTOR * SECTOR,
            Some(Fault::InputOutput) => self.world.borrow().below((bytes.len() / SECTOR) as u64 + 1) as usize * SECTOR,
        };
        if done > 0 {
            self.disk.borrow_mut().write(offset, &bytes[..done]);
        }
        self.persisted().await;
        match fault {
            None => Ok(()),
            Some(fault) => Err(self.failure(fault, &format!("write of {} bytes at offset {offset}", bytes.len()))),
        }
    }

    async fn sync_all(&self) -> Result<()> {
        // What completes after the sync has begun is not covered by it.
        let covered = self.disk.borrow().writes();
        let fault = self.begin().await;
        match fault {
            None if self.world.borrow().ignores_syncs => {}
            None => self.disk.borrow_mut().sync(covered),
            Some(Fault::NoSpace | Fault::Short) => {}
            Some(Fault::InputOutput) => self.disk.borrow_mut().fail_sync(covered, &self.world.borrow().random),
        }
        self.persisted().await;
        fault.map_or(Ok(()), |fault| Err(self.failure(fault, "sync")))
    }
}

/// A write that was begun. When its future is dropped before it has happened, it happens later, or with the power cut perhaps.
struct BegunWrite<'a> {
    device: &'a SimDevice,
    offset: u64,
    bytes: &'a [u8],
    is_settled: bool,
}

impl Drop for BegunWrite<'_> {
    fn drop(&mut self) {
        let SimDevice { world, disk, cycle, .. } = self.device;
        let mut world = world.borrow_mut();
        if !self.is_settled && world.cycle == *cycle {
            world.orphans.push(Orphan { disk: disk.clone(), offset: self.offset, bytes: self.bytes.to_vec() });
        }
    }
}

impl BlockDevice for SimDevice {
    fn name(&self) -> &str {
        &self.name
    }

    fn capacity(&self) -> u64 {
        self.capacity
    }

    fn read(&self, offset: u64, length: usize) -> IoFuture<Result<IoBuffer>> {
        Box::pin(self.clone().read_bytes(offset, length))
    }

    fn write(&self, offset: u64, buffer: IoBuffer) -> IoFuture<(IoBuffer, Result<()>)> {
        let device = self.clone();
        Box::pin(async move {
            let result = if buffer.is_empty() {
                check_range(&device.name, device.capacity, "write", offset, 0).map(|_| ())
            } else {
                device.write_bytes(offset, buffer.padded()).await
            };
            (buffer, result)
        })
    }

    fn sync(&self) -> IoFuture<Result<()>> {
        let device = self.clone();
        Box::pin(async move { device.sync_all().await })
    }

    fn write_durable(&self, offset: u64, buffer: IoBuffer) -> IoFuture<(IoBuffer, Result<()>)> {
        let device = self.clone();
        Box::pin(async move {
            let (buffer, result) = device.write(offset, buffer).await;
            if result.is_err() {
                return (buffer, result);
            }
            let result = device.sync_all().await;
            (buffer, result)
        })
    }

    fn discard(&self, offset: u64, length: u64) -> IoFuture<Result<()>> {
        let device = self.clone();
        Box::pin(async move {
            let length = check_range(&device.name, device.capacity, "discard", offset, length)?;
            if let Some(fault) = device.begin().await {
                return Err(device.failure(fault, "discard"));
            }
            // A disk may do it or not. Zeros are written like anything else: a power cut may take them back.
            if device.world.borrow().below(2) == 0 {
                let zeros = vec![0; BLOCK_SIZE];
                for block in 0..length / BLOCK_SIZE as u64 {
                    let offset = offset + block * BLOCK_SIZE as u64;
                    let mut disk = device.disk.borrow_mut();
                    // Blocks that hold nothing are zeros already, and take no space because of a discard.
                    if disk.blocks_added(offset, BLOCK_SIZE) == 0 {
                        disk.write(offset, &zeros);
                    }
                }
            }
            Ok(())
        })
    }
}
