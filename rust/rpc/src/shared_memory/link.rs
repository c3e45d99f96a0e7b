//! Both ends of a connection's shared memory, as one of its processes uses it.

use super::layout::{Shared, Side, Slot, name_of, slot_of};
use super::mapping::Mapping;
use super::process::Process;
use super::ring::{Receiver, Sender};
use daos_status::{Code, Result, fail};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering, fence};

/// The rings of a connection, and what each side lends.
pub(super) struct Link {
    // Before the memory that they use.
    pub sender: Sender,
    pub receiver: Receiver,
    side: Side,
    mapping: Mapping,
}

impl Link {
    /// The link of one side.
    pub fn new(mapping: Mapping, side: Side) -> Link {
        let shared = mapping.shared();
        // SAFETY: the mapping lives as long as they do; one link is made of a mapping.
        let (sender, receiver) = unsafe { (Sender::new(shared, side), Receiver::new(shared, side.other())) };
        Link { sender, receiver, side, mapping }
    }

    fn shared(&self) -> NonNull<Shared> {
        self.mapping.shared()
    }

    /// The memory, for tests that play a hostile peer.
    #[cfg(test)]
    pub fn shared_for_tests(&self) -> NonNull<Shared> {
        self.shared()
    }

    fn ended(&self, side: Side) -> &AtomicU32 {
        // SAFETY: mapped while this lives; the word is atomic.
        unsafe { &(*self.shared().as_ptr()).control.ended[side as usize].0 }
    }

    fn slot(&self, side: Side, key: u64) -> &Slot {
        // SAFETY: as above, and the slot is within the array.
        unsafe { &(*self.shared().as_ptr()).slots[side as usize][slot_of(key)] }
    }

    /// Lets the peer find memory, unless its place is taken.
    pub fn lend(&self, key: u64, base: u64) {
        let slot = self.slot(self.side, key);
        if name_of(key) != 0 && slot.name.load(Ordering::Relaxed) == 0 {
            slot.base.store(base, Ordering::Relaxed);
            slot.name.store(name_of(key), Ordering::Release);
        }
    }

    /// Takes memory back: what the peer has read until now is good, and what it reads later it throws away.
    pub fn take_back(&self, key: u64) {
        let slot = self.slot(self.side, key);
        if slot.name.load(Ordering::Relaxed) == name_of(key) {
            slot.name.store(0, Ordering::Relaxed);
        }
        // The memory changes after this, not before.
        fence(Ordering::SeqCst);
    }

    /// Ends everything that this side lends.
    pub fn end(&self) {
        self.ended(self.side).store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Where the peer's memory of a key begins, if it is lent.
    fn find(&self, key: u64) -> Option<u64> {
        let side = self.side.other();
        let slot = self.slot(side, key);
        let known = slot.name.load(Ordering::Acquire) == name_of(key) && self.ended(side).load(Ordering::Acquire) == 0;
        known.then(|| slot.base.load(Ordering::Relaxed)).filter(|_| name_of(key) != 0)
    }

    /// Copies memory that the peer lends. `None`: it has no slot, and must be asked for.
    ///
    /// # Safety
    /// So many bytes can be written at `to`.
    pub unsafe fn read(
        &self,
        peer: &Process,
        key: u64,
        offset: u64,
        to: NonNull<u8>,
        length: usize,
    ) -> Option<Result<()>> {
        let base = self.find(key)?;
        // What a peer says about its own memory can only harm itself.
        // SAFETY: by the contract.
        let result = unsafe { peer.read(base.wrapping_add(offset), to, length) };
        // What was copied counts if the memory is still lent now.
        fence(Ordering::SeqCst);
        Some(result.and_then(|()| match self.find(key) {
            Some(again) if again == base => Ok(()),
            _ => fail!(Code::Hg, "the peer took its memory back"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_taken_back_is_not_read() {
        let (mapping, file) = Mapping::create(false).unwrap();
        let (reader, owner) =
            (Link::new(mapping, Side::Accepting), Link::new(Mapping::of_peer(&file).unwrap(), Side::Connecting));
        let own = Process::of(std::process::id() as i32, &std::rc::Rc::default()).unwrap();
        let memory = vec![9u8; 5000];
        let read = |key: u64, offset: u64, length: usize| {
            let mut buffer = vec![0u8; length];
            // SAFETY: the buffer has as many bytes.
            let result = unsafe { reader.read(&own, key, offset, NonNull::from(&mut buffer[..]).cast(), length) };
            result.map(|result| result.map(|()| buffer))
        };
        assert!(read(7, 0, 10).is_none());
        owner.lend(7, memory.as_ptr() as u64);
        assert_eq!(read(7, 1000, 4000).unwrap().unwrap(), vec![9; 4000]);
        // Another key of the same slot finds it taken, and goes another way.
        owner.lend(7 + super::super::layout::SLOTS as u64, memory.as_ptr() as u64);
        assert!(read(7 + super::super::layout::SLOTS as u64, 0, 10).is_none());
        owner.take_back(7 + super::super::layout::SLOTS as u64);
        assert!(read(7, 0, 10).is_some());
        owner.take_back(7);
        assert!(read(7, 0, 10).is_none());
        owner.lend(8, memory.as_ptr() as u64);
        owner.end();
        assert!(read(8, 0, 10).is_none());
        assert!(read(u64::MAX, 0, 10).is_none());
    }
}
