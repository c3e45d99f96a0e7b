//! Registered memory, and transfers that are under way.
#![expect(unsafe_code, reason = "memory is lent to peers")]

use daos_env::IoBuffer;
use daos_env::sync::Sender;
use daos_rpc::{Access, RemoteRegion};
use daos_status::{Code, Result, fail};
use std::ptr::NonNull;

/// One registered piece of memory.
pub(super) struct Region {
    memory: NonNull<u8>,
    length: usize,
    access: Access,
}

/// Which way a transfer goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Direction {
    Read,
    Write,
}

/// A transfer under way.
pub(super) struct Transfer {
    pub direction: Direction,
    pub from: u64,
    pub to: u64,
    /// The connection that it goes over.
    pub generation: u64,
    pub remote: RemoteRegion,
    pub offset: u64,
    pub buffer: IoBuffer,
    /// How far it is, and into how many pieces it is cut.
    pub done: usize,
    pub pieces: usize,
    pub sender: Sender<(IoBuffer, Result<()>)>,
}

impl Transfer {
    /// Whether it is in the midst of memory of the peer.
    pub fn is_begun(&self) -> bool {
        self.done > 0 && self.done < self.buffer.len().max(1)
    }

    /// The end of the piece that comes next.
    pub fn next_end(&self) -> usize {
        let piece = self.buffer.len().div_ceil(self.pieces);
        (self.done + piece).min(self.buffer.len())
    }
}

impl Region {
    /// # Safety
    /// As [`daos_rpc::Transport::register`], until the region is dropped.
    pub unsafe fn new(memory: NonNull<u8>, length: usize, access: Access) -> Region {
        Region { memory, length, access }
    }

    /// Moves the next piece of a transfer.
    pub fn apply(&self, transfer: &mut Transfer) -> Result<()> {
        let allowed = match transfer.direction {
            Direction::Read => self.access.may_read(),
            Direction::Write => self.access.may_write(),
        };
        if !allowed {
            fail!(Code::NoPerm, "the peer's memory with key {} is not for this", transfer.remote.key);
        }
        let whole = usize::try_from(transfer.offset).ok().and_then(|start| start.checked_add(transfer.buffer.len()));
        if whole.is_none_or(|end| end > self.length) {
            fail!(Code::Hg, "a transfer reaches beyond the peer's {} bytes", self.length);
        }
        let (start, end) = (transfer.done, transfer.next_end());
        let piece = &mut transfer.buffer[start..end];
        // SAFETY: the range lies within the region, which is alive by the contract of `new`; the buffer is ours.
        unsafe {
            let memory = self.memory.add(transfer.offset as usize + start);
            match transfer.direction {
                Direction::Read => memory.copy_to_nonoverlapping(NonNull::from(&mut *piece).cast(), piece.len()),
                Direction::Write => memory.copy_from_nonoverlapping(NonNull::from(&*piece).cast(), piece.len()),
            }
        }
        transfer.done = end;
        Ok(())
    }
}
