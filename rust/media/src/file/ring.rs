//! The kernel's submission and completion rings (io_uring) as a source of an executor.
#![expect(unsafe_code, reason = "the kernel reads and writes buffers by address; slots own them until it is done")]

mod gather;

use super::descriptions::{Lease, SyncOutcome};
use daos_env::sync::{Receiver, Sender, Signal, oneshot};
use daos_env::{IoBuffer, Source, Spawner};
use gather::Write;
use io_uring::types::{Fd, FsyncFlags};
use io_uring::{IoUring, Probe, opcode, squeue};
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;

/// Operations in the kernel's hands at once, per target thread. A disk gives its full speed at a depth of 8 to 64; more
/// requests wait in their own tasks.
const DEPTH: usize = 128;

/// Slots that only a write with its sync may take, so that a log never waits behind data.
const DEPTH_OF_PAIRS: usize = 8;

/// What the kernel said: a count of bytes, or a negative error number; and the buffer of the operation.
pub(super) struct Completion {
    pub result: i32,
    pub buffer: Option<IoBuffer>,
}

/// One operation for the kernel.
pub(super) enum Request {
    /// Read into the buffer's padded bytes from `start` to `end`.
    Read { offset: u64, buffer: IoBuffer, start: usize, end: usize },
    /// Write the buffer's padded bytes from `start` to `end`.
    Write { offset: u64, buffer: IoBuffer, start: usize, end: usize },
    /// Give space back.
    Punch { offset: u64, length: u64 },
    /// Take space ahead.
    Allocate { offset: u64, length: u64 },
}

/// An operation in the kernel's hands, with what it uses: memory, and an open descriptor.
enum Slot {
    One {
        sender: Sender<Completion>,
        buffer: Option<IoBuffer>,
        _file: Rc<File>,
    },
    /// Makes data durable (`fdatasync`). The description is given back when the kernel is done, whoever waits for that.
    Sync {
        sender: Sender<SyncOutcome<File>>,
        lease: Lease<File>,
    },
    /// Writes that lie one behind the other.
    Run {
        writes: Vec<Write>,
        _vectors: Vec<libc::iovec>,
    },
}

pub(super) struct Ring {
    ring: RefCell<IoUring>,
    slots: RefCell<Vec<Option<Slot>>>,
    free: RefCell<Vec<usize>>,
    /// Writes that wait for the end of the round, to be gathered.
    writes: RefCell<Vec<Write>>,
    queued: Cell<bool>,
    /// How often the kernel took only a part of what was queued: a chain that lies across such a cut is none.
    partial: Cell<u64>,
    room: Signal,
}

impl Ring {
    /// Sets the rings up, and checks that the kernel knows every operation used here.
    fn new() -> io::Result<Ring> {
        // As many entries as slots: the submission queue can never be full.
        let ring = IoUring::builder().dontfork().build(DEPTH as u32)?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        let used = [
            opcode::Read::CODE,
            opcode::Write::CODE,
            opcode::Writev::CODE,
            opcode::Fsync::CODE,
            opcode::Fallocate::CODE,
        ];
        if !used.iter().all(|code| probe.is_supported(*code)) {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "this kernel's io_uring lacks file operations"));
        }
        Ok(Ring {
            ring: RefCell::new(ring),
            slots: RefCell::new((0..DEPTH).map(|_| None).collect()),
            free: RefCell::new((0..DEPTH).rev().collect()),
            writes: RefCell::default(),
            queued: Cell::new(false),
            partial: Cell::new(0),
            room: Signal::new(),
        })
    }

    /// Waits for a free slot, then queues one operation.
    pub async fn submit(&self, file: &Rc<File>, request: Request) -> Completion {
        self.room.wait_until(|| self.free.borrow().len() > DEPTH_OF_PAIRS + self.writes.borrow().len()).await;
        let receiver = match request {
            Request::Write { offset, buffer, start, end } => {
                let (sender, receiver) = oneshot();
                let (file, position) = (file.clone(), offset + start as u64);
                let write = Write { file, position, buffer, part: start..end, sender, is_alone: false };
                self.writes.borrow_mut().push(write);
                self.queued.set(true);
                receiver
            }
            other => self.push(file, other, false),
        };
        wait(receiver).await
    }

    /// Waits until so many operations can be queued, which [`Ring::sync`] and [`Ring::pair`] then do at once.
    pub async fn wait_for_room(&self, operations: usize) {
        let kept = || if operations == 1 { DEPTH_OF_PAIRS + self.writes.borrow().len() } else { 0 };
        self.room.wait_until(|| self.free.borrow().len() >= kept() + operations).await;
    }

    /// Queues a sync.
    pub fn sync(&self, lease: Lease<File>) -> Receiver<SyncOutcome<File>> {
        let (sender, receiver) = oneshot();
        let entry = opcode::Fsync::new(Fd(lease.description().as_raw_fd())).flags(FsyncFlags::DATASYNC).build();
        self.push_entry(entry, Slot::Sync { sender, lease });
        receiver
    }

    /// Queues a write and the sync that the kernel starts once the write was complete.
    pub async fn pair(&self, file: &Rc<File>, write: Request, lease: Lease<File>) -> (Completion, i32) {
        let before = self.partial.get();
        let write = self.push(file, write, true);
        let sync = self.sync(lease);
        let (write, sync) = (wait(write).await, sync.await);
        // With a cut between the two, the sync may have been under way before the write had completed, and counts for nothing.
        let is_chain = self.partial.get() == before;
        let counts = |outcome: &SyncOutcome<File>| is_chain || outcome.is_failure();
        let sync =
            sync.map_or(-libc::ECANCELED, |outcome| if counts(&outcome) { outcome.tell() } else { -libc::EAGAIN });
        (write, sync)
    }

    /// Queues an operation; [`Ring::progress`] hands it to the kernel. The caller has seen to a free slot.
    fn push(&self, file: &Rc<File>, request: Request, linked: bool) -> Receiver<Completion> {
        let (entry, buffer) = entry(Fd(file.as_raw_fd()), request);
        let flags = if linked { squeue::Flags::IO_LINK } else { squeue::Flags::empty() };
        let (sender, receiver) = oneshot();
        self.push_entry(entry.flags(flags), Slot::One { sender, buffer, _file: file.clone() });
        receiver
    }

    /// Queues an entry, which names memory and a descriptor that the slot keeps.
    fn push_entry(&self, entry: squeue::Entry, slot: Slot) {
        let number = self.free.borrow_mut().pop().expect("the caller looked for a free slot");
        self.slots.borrow_mut()[number] = Some(slot);
        // SAFETY: the slot, set above, keeps the buffers' memory, the list of them and the descriptor until the completion is
        // taken, and `Drop` waits for all completions. Moving an `IoBuffer` or a `Vec` does not move its memory.
        let pushed = unsafe { self.ring.borrow_mut().submission().push(&entry.user_data(number as u64)) };
        pushed.expect("the queue has as many entries as there are slots");
        self.queued.set(true);
    }

    /// Queues the writes of this round, as few operations.
    fn push_writes(&self) {
        let writes = self.writes.take();
        let mut runs = gather::runs(writes).into_iter();
        while !self.free.borrow().is_empty()
            && let Some(run) = runs.next()
        {
            let Some(first) = run.first() else { continue };
            let (fd, position) = (Fd(first.file.as_raw_fd()), first.position);
            let part = |write: &Write| {
                let bytes = &write.buffer.padded()[write.part.clone()];
                // The kernel only reads what a write names.
                libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() }
            };
            let vectors: Vec<libc::iovec> = run.iter().map(part).collect();
            // At most so many as are gathered, which fits.
            let entry = opcode::Writev::new(fd, vectors.as_ptr(), vectors.len() as u32).offset(position);
            self.push_entry(entry.build(), Slot::Run { writes: run, _vectors: vectors });
        }
        // Pairs may have taken the slots: what is left comes when some are free again.
        self.writes.borrow_mut().extend(runs.flatten());
    }

    fn in_flight(&self) -> usize {
        DEPTH - self.free.borrow().len()
    }

    /// Hands queued operations to the kernel.
    fn enter(&self) -> bool {
        if !self.queued.get() {
            return false;
        }
        self.push_writes();
        let mut ring = self.ring.borrow_mut();
        // A refusal (EAGAIN, EBUSY, EINTR) leaves entries queued; the next round tries again.
        let submitted = ring.submit().unwrap_or(0);
        let is_partial = !ring.submission().is_empty();
        self.queued.set(is_partial || !self.writes.borrow().is_empty());
        if submitted > 0 && is_partial {
            self.partial.set(self.partial.get() + 1);
        }
        submitted > 0
    }

    /// Takes completions and gives them to those who wait.
    fn reap(&self) -> bool {
        if self.in_flight() == 0 {
            return false;
        }
        let completed: Vec<(u64, i32)> =
            self.ring.borrow_mut().completion().map(|entry| (entry.user_data(), entry.result())).collect();
        for &(number, result) in &completed {
            let slot = self.slots.borrow_mut().get_mut(number as usize).and_then(Option::take);
            let Some(slot) = slot else { continue };
            self.free.borrow_mut().push(number as usize);
            match slot {
                Slot::One { sender, buffer, .. } => sender.send(Completion { result, buffer }),
                // Given back first, so that who is told finds it.
                Slot::Sync { sender, lease } => sender.send(lease.end(result)),
                Slot::Run { writes, .. } => {
                    let again = gather::complete(writes, result);
                    self.queued.set(self.queued.get() || !again.is_empty());
                    self.writes.borrow_mut().extend(again);
                }
            }
        }
        if !completed.is_empty() {
            self.room.wake_all();
        }
        !completed.is_empty()
    }
}

async fn wait(receiver: Receiver<Completion>) -> Completion {
    // The sender is only dropped unused with the ring itself.
    receiver.await.unwrap_or(Completion { result: -libc::ECANCELED, buffer: None })
}

fn entry(fd: Fd, request: Request) -> (squeue::Entry, Option<IoBuffer>) {
    match request {
        Request::Read { offset, mut buffer, start, end } => {
            let bytes = &mut buffer.padded_mut()[start..end];
            // At most MAX_TRANSFER bytes, which fits.
            let read = opcode::Read::new(fd, bytes.as_mut_ptr(), bytes.len() as u32).offset(offset + start as u64);
            (read.build(), Some(buffer))
        }
        Request::Write { offset, buffer, start, end } => {
            let bytes = &buffer.padded()[start..end];
            let write = opcode::Write::new(fd, bytes.as_ptr(), bytes.len() as u32).offset(offset + start as u64);
            (write.build(), Some(buffer))
        }
        Request::Punch { offset, length } => {
            let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
            (opcode::Fallocate::new(fd, length).offset(offset).mode(mode).build(), None)
        }
        Request::Allocate { offset, length } => {
            let mode = libc::FALLOC_FL_KEEP_SIZE;
            (opcode::Fallocate::new(fd, length).offset(offset).mode(mode).build(), None)
        }
    }
}

impl Source for Ring {
    fn progress(&self) -> bool {
        self.enter() | self.reap()
    }

    fn descriptor(&self) -> Option<RawFd> {
        // The ring's own descriptor is readable as long as there are completions to take: unlike a registered eventfd it
        // needs no system call to clear.
        Some(self.ring.borrow().as_raw_fd())
    }

    fn prepare_sleep(&self) -> bool {
        !self.queued.get()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // The kernel may still read and write the buffers of operations whose tasks are gone.
        while self.in_flight() > 0 {
            let waited = self.ring.borrow().submit_and_wait(1);
            let interrupted =
                |error: &io::Error| matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN | libc::EBUSY));
            if waited.is_err_and(|error| !interrupted(&error)) {
                // Cannot happen with a ring that works; if it does, memory is better lost than written to by others.
                self.slots.borrow_mut().drain(..).for_each(std::mem::forget);
                return;
            }
            self.reap();
        }
    }
}

/// A ring as long as it is a source of its executor.
pub(super) struct RingHandle {
    pub ring: Rc<Ring>,
    source: Rc<dyn Source>,
    spawner: Spawner,
}

impl RingHandle {
    pub fn new(spawner: &Spawner) -> io::Result<RingHandle> {
        let ring = Rc::new(Ring::new()?);
        let source: Rc<dyn Source> = ring.clone();
        spawner.add_source(source.clone());
        Ok(RingHandle { ring, source, spawner: spawner.clone() })
    }
}

impl Drop for RingHandle {
    fn drop(&mut self) {
        self.spawner.remove_source(&self.source);
    }
}
