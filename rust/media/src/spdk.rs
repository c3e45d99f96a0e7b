//! A block device that is an NVMe namespace driven from user space, through SPDK.
//!
//! **Compiled and tested with a stand-in for the C functions; never linked with SPDK, never run on a device.** See `docs/spdk.md`.
#![allow(unsafe_code, reason = "SPDK is a C library, which is given memory and calls back")]

use crate::device::{BLOCK_SIZE, BlockDevice, IoFuture, check_range, check_transfer};
use daos_env::sync::{Sender, oneshot};
use daos_env::{IoBuffer, Source, Spawner};
use daos_spdk_sys::{Callback, Completion, Library, SPDK_ENV_SOCKET_ID_ANY, SPDK_MALLOC_DMA, Transfer, TransportId};
use daos_status::{Code, Result, Status, fail};
use std::ffi::{CString, c_void};
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::rc::Rc;

/// No bound: everything that has completed.
const ALL: u32 = 0;

/// A controller, one of its namespaces, and a queue pair for this thread.
struct Namespace {
    library: Library,
    name: String,
    controller: NonNull<c_void>,
    namespace: NonNull<c_void>,
    queue: NonNull<c_void>,
    sector: u64,
    capacity: u64,
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // SAFETY: both were given by SPDK and are freed once; whatever is under way completes, or is aborted, in here.
        unsafe {
            (self.library.free_io_qpair)(self.queue.as_ptr());
            (self.library.detach)(self.controller.as_ptr());
        }
    }
}

impl Source for Namespace {
    fn progress(&self) -> bool {
        // SAFETY: the queue pair lives as long as this, and belongs to this thread.
        unsafe { (self.library.process_completions)(self.queue.as_ptr(), ALL) > 0 }
    }

    fn descriptor(&self) -> Option<RawFd> {
        None
    }

    fn prepare_sleep(&self) -> bool {
        // Completions ring no bell: who has a namespace open polls.
        false
    }
}

/// See the documentation of the module.
pub struct SpdkDevice {
    opened: Rc<Opened>,
}

/// A namespace that is polled, as long as there is a handle or an operation.
struct Opened {
    namespace: Rc<Namespace>,
    spawner: Spawner,
    source: Rc<dyn Source>,
}

impl SpdkDevice {
    /// Opens namespace `number` of the controller at an address as SPDK writes it (`trtype:PCIe traddr:0000:04:00.0`).
    ///
    /// The program has called `spdk_env_init` before.
    pub fn open(address: &str, number: u32, spawner: &Spawner) -> Result<SpdkDevice> {
        match Library::load() {
            Ok(library) => SpdkDevice::open_with(library, address, number, spawner),
            Err(reason) => {
                fail!(Code::Notsupported, "SPDK cannot be used for {address}: {reason}; install it, or use files")
            }
        }
    }

    fn open_with(library: Library, address: &str, number: u32, spawner: &Spawner) -> Result<SpdkDevice> {
        let name = format!("spdk:{address} namespace {number}");
        let Ok(text) = CString::new(address) else { fail!(Code::Inval, "{name}: the address has a zero byte") };
        let mut place = TransportId([0; 128]);
        // SAFETY: room for a transport id of any version, and a string that ends with a zero.
        if unsafe { (library.transport_id_parse)(&mut place, text.as_ptr()) } != 0 {
            fail!(Code::Inval, "{name}: SPDK does not know such an address");
        }
        // SAFETY: a parsed address, and default options.
        let Some(controller) = NonNull::new(unsafe { (library.connect)(&place, std::ptr::null(), 0) }) else {
            fail!(Code::Nonexist, "{name}: SPDK cannot attach it; it may be bound to the kernel's driver");
        };
        // SAFETY: an attached controller.
        let found = unsafe {
            (
                NonNull::new((library.get_ns)(controller.as_ptr(), number)),
                (library.alloc_io_qpair)(controller.as_ptr(), std::ptr::null(), 0),
            )
        };
        let (Some(namespace), Some(queue)) = (found.0, NonNull::new(found.1)) else {
            // SAFETY: what was given is given back once.
            unsafe {
                if let Some(queue) = NonNull::new(found.1) {
                    (library.free_io_qpair)(queue.as_ptr());
                }
                (library.detach)(controller.as_ptr());
            }
            fail!(Code::Nonexist, "{name}: there is no such namespace, or no queue left for it");
        };
        // SAFETY: a namespace of an attached controller.
        let (bytes, sector) =
            unsafe { ((library.ns_get_size)(namespace.as_ptr()), (library.ns_get_sector_size)(namespace.as_ptr())) };
        let capacity = bytes / BLOCK_SIZE as u64 * BLOCK_SIZE as u64;
        let opened = Namespace { library, name, controller, namespace, queue, sector: u64::from(sector), capacity };
        if sector == 0 || !(BLOCK_SIZE as u64).is_multiple_of(u64::from(sector)) || capacity == 0 {
            fail!(
                Code::Inval,
                "{} has sectors of {sector} bytes and {bytes} bytes: blocks of 4096 do not fit",
                opened.name
            );
        }
        let namespace = Rc::new(opened);
        let source: Rc<dyn Source> = namespace.clone();
        spawner.add_source(source.clone());
        Ok(SpdkDevice { opened: Rc::new(Opened { namespace, spawner: spawner.clone(), source }) })
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.spawner.remove_source(&self.source);
    }
}

/// Memory that the device reads and writes.
struct DmaBuffer {
    library: Library,
    memory: NonNull<c_void>,
    length: usize,
}

impl DmaBuffer {
    fn zeroed(library: Library, length: usize) -> Result<DmaBuffer> {
        // SAFETY: it has no preconditions.
        let memory = unsafe {
            (library.zmalloc)(length, BLOCK_SIZE, std::ptr::null_mut(), SPDK_ENV_SOCKET_ID_ANY, SPDK_MALLOC_DMA)
        };
        match NonNull::new(memory) {
            Some(memory) => Ok(DmaBuffer { library, memory, length }),
            None => fail!(Code::Nomem, "SPDK has no {length} bytes for a transfer; give it more huge pages"),
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: so many zeroed bytes were allocated; the device is done with them, or not begun, whenever this is called.
        unsafe { std::slice::from_raw_parts_mut(self.memory.as_ptr().cast(), self.length) }
    }
}

impl Drop for DmaBuffer {
    fn drop(&mut self) {
        // SAFETY: allocated by `zeroed`, freed once, when no command uses it any more.
        unsafe { (self.library.free)(self.memory.as_ptr()) }
    }
}

/// What a command owns until it completes: its memory, and who waits. A dropped future leaves it to the device.
struct Command {
    buffer: Option<DmaBuffer>,
    sender: Sender<(Option<DmaBuffer>, u16)>,
}

/// Whether a completion says success: status code and type are zero.
fn failure_of(status: u16) -> u16 {
    status >> 1 & 0x7ff
}

unsafe extern "C" fn completed(command: *mut c_void, completion: *const Completion) {
    // SAFETY: the argument is the box that was given with the command, which SPDK hands back once.
    let Command { buffer, sender } = *unsafe { Box::from_raw(command.cast::<Command>()) };
    // SAFETY: SPDK gives the completion of this command.
    let status = unsafe { (*completion).status };
    sender.send((buffer, failure_of(status)));
}

impl Namespace {
    /// Starts a command and waits for it; its memory comes back with it.
    async fn run(
        &self,
        what: &str,
        buffer: Option<DmaBuffer>,
        start: impl FnOnce(*mut c_void, Callback, *mut c_void) -> i32,
    ) -> Result<Option<DmaBuffer>> {
        let memory = buffer.as_ref().map_or(std::ptr::null_mut(), |buffer| buffer.memory.as_ptr());
        let (sender, receiver) = oneshot();
        let command = Box::into_raw(Box::new(Command { buffer, sender })).cast::<c_void>();
        let refused = start(memory, completed, command);
        if refused != 0 {
            // SAFETY: a command that is refused is not completed: the box is still ours.
            drop(unsafe { Box::from_raw(command.cast::<Command>()) });
            let code = if -refused == libc::ENOMEM { Code::Busy } else { Code::Io };
            fail!(code, "{what} of {}: SPDK refuses it ({refused})", self.name);
        }
        match receiver.await {
            Some((buffer, 0)) => Ok(buffer),
            Some((_, failure)) => fail!(Code::Io, "{what} of {}: NVMe status {failure:#x}", self.name),
            None => Err(Status::new(Code::Canceled, format!("{what} of {}: the queue was closed", self.name))),
        }
    }

    async fn transfer(&self, call: Transfer, what: &str, offset: u64, buffer: DmaBuffer) -> Result<DmaBuffer> {
        let (first, length) = (offset / self.sector, buffer.length as u64 / self.sector);
        let Ok(blocks) = u32::try_from(length) else { fail!(Code::Inval, "{what} of {length} sectors at once") };
        let (namespace, queue) = (self.namespace.as_ptr(), self.queue.as_ptr());
        let start = |memory, callback, command| {
            // SAFETY: a namespace and a queue that live as long as this; memory of that length, which the command owns.
            unsafe { call(namespace, queue, memory, first, blocks, callback, command, 0) }
        };
        let what = format!("{what} of {length} sectors at offset {offset}");
        self.run(&what, Some(buffer), start)
            .await?
            .ok_or_else(|| Status::new(Code::Io, "a transfer without its memory"))
    }

    async fn read(&self, offset: u64, length: usize) -> Result<IoBuffer> {
        let rounded = check_transfer(&self.name, self.capacity, "read", offset, length)?;
        let mut filled =
            self.transfer(self.library.read, "read", offset, DmaBuffer::zeroed(self.library, rounded)?).await?;
        let mut buffer = IoBuffer::zeroed(length);
        buffer.padded_mut().copy_from_slice(filled.bytes());
        Ok(buffer)
    }

    async fn write(&self, offset: u64, bytes: &IoBuffer) -> Result<()> {
        let rounded = check_transfer(&self.name, self.capacity, "write", offset, bytes.len())?;
        let mut buffer = DmaBuffer::zeroed(self.library, rounded)?;
        buffer.bytes().copy_from_slice(&bytes.padded()[..rounded]);
        self.transfer(self.library.write, "write", offset, buffer).await.map(drop)
    }

    async fn sync(&self) -> Result<()> {
        let (namespace, queue, flush) = (self.namespace.as_ptr(), self.queue.as_ptr(), self.library.flush);
        // SAFETY: a namespace and a queue that live as long as this.
        self.run("flush", None, |_, callback, command| unsafe { flush(namespace, queue, callback, command) })
            .await
            .map(drop)
    }
}

impl BlockDevice for SpdkDevice {
    fn name(&self) -> &str {
        &self.opened.namespace.name
    }

    fn capacity(&self) -> u64 {
        self.opened.namespace.capacity
    }

    fn read(&self, offset: u64, length: usize) -> IoFuture<Result<IoBuffer>> {
        let opened = self.opened.clone();
        Box::pin(async move { opened.namespace.read(offset, length).await })
    }

    fn write(&self, offset: u64, buffer: IoBuffer) -> IoFuture<(IoBuffer, Result<()>)> {
        let opened = self.opened.clone();
        Box::pin(async move {
            let result = opened.namespace.write(offset, &buffer).await;
            (buffer, result)
        })
    }

    fn sync(&self) -> IoFuture<Result<()>> {
        let opened = self.opened.clone();
        Box::pin(async move { opened.namespace.sync().await })
    }

    fn write_durable(&self, offset: u64, buffer: IoBuffer) -> IoFuture<(IoBuffer, Result<()>)> {
        let opened = self.opened.clone();
        Box::pin(async move {
            let mut result = opened.namespace.write(offset, &buffer).await;
            if result.is_ok() {
                result = opened.namespace.sync().await;
            }
            (buffer, result)
        })
    }

    fn discard(&self, offset: u64, length: u64) -> IoFuture<Result<()>> {
        // Giving space back is a favour, which this backend does not do yet.
        let checked = check_range(self.name(), self.capacity(), "discard", offset, length).map(drop);
        Box::pin(std::future::ready(checked))
    }
}

#[cfg(test)]
mod tests;
