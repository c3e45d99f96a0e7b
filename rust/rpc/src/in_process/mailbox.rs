//! Where messages for one endpoint wait.

use super::{MAILBOX_BYTES_MAX, MAILBOX_MESSAGES_MAX};
use crate::in_process::memory::Regions;
use daos_env::Doorbell;
use daos_status::{Code, Result, Status};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

#[derive(Default)]
struct Queue {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
    closed: bool,
}

/// One endpoint as the others see it: its queue, its bell and its memory.
pub(super) struct Mailbox {
    queue: Mutex<Queue>,
    sleeping: AtomicBool,
    bell: Doorbell,
    pub regions: Regions,
}

impl Mailbox {
    pub fn new() -> Result<Mailbox> {
        Ok(Mailbox {
            queue: Mutex::default(),
            sleeping: AtomicBool::new(false),
            bell: Doorbell::new()?,
            regions: Regions::default(),
        })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Adds a message, and wakes the owner if it sleeps. `Unreach` says that the owner is gone.
    pub fn push(&self, frame: Vec<u8>) -> Result<()> {
        let mut queue = self.queue();
        if queue.closed {
            return Err(Status::new(Code::Unreach, "the endpoint was shut down"));
        }
        let full =
            queue.frames.len() >= MAILBOX_MESSAGES_MAX || queue.bytes.saturating_add(frame.len()) > MAILBOX_BYTES_MAX;
        if full {
            return Err(Status::new(Code::Busy, "the peer's mailbox is full"));
        }
        queue.bytes += frame.len();
        queue.frames.push_back(frame);
        drop(queue);
        // The owner sets the flag before it looks at the queue a last time, so one of the two sees the other.
        if self.sleeping.swap(false, Ordering::SeqCst) {
            self.bell.ring();
        }
        Ok(())
    }

    /// Takes the oldest message.
    pub fn pop(&self) -> Option<Vec<u8>> {
        let mut queue = self.queue();
        let frame = queue.frames.pop_front()?;
        queue.bytes -= frame.len();
        Some(frame)
    }

    /// Refuses messages from now on and drops those that wait.
    pub fn close(&self) {
        let mut queue = self.queue();
        queue.closed = true;
        queue.bytes = 0;
        queue.frames = VecDeque::new();
    }

    pub fn is_closed(&self) -> bool {
        self.queue().closed
    }

    /// Asks for the bell; `false` when there are messages already.
    pub fn prepare_sleep(&self) -> bool {
        self.bell.clear();
        self.sleeping.store(true, Ordering::SeqCst);
        let quiet = self.queue().frames.is_empty();
        if !quiet {
            self.sleeping.store(false, Ordering::SeqCst);
        }
        quiet
    }

    /// Says that the owner is awake.
    pub fn awake(&self) {
        self.sleeping.store(false, Ordering::SeqCst);
    }

    pub fn descriptor(&self) -> std::os::fd::RawFd {
        self.bell.descriptor()
    }
}
