//! What lies where in the memory that two processes share.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1024 | control words of the ring from the side that connected to the one that accepted, each in a line of its own |
//! | 1024 | 1024 | the same of the other ring |
//! | 2048 | 256 | for each side, whether it has ended the connection |
//! | 4096 | 8192 | the memory that the connecting side lends: [`SLOTS`] pairs of a name and an address |
//! | 12288 | 8192 | the memory that the accepting side lends |
//! | 20480 | [`RING_BYTES`] | the ring from the connecting side |
//! | 20480 + [`RING_BYTES`] | [`RING_BYTES`] | the ring from the accepting side |
//!
//! Both sides run the same release or speak of the same version in their handshake. All numbers are of the machine's byte
//! order: the memory never leaves it.

use std::mem::{offset_of, size_of};
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Bytes of one ring: sixteen requests of 4 KiB with room to spare. Pages that are not used are not there: a connection
/// whose messages are few keeps to the first [`REWIND_BYTES`] of each ring.
pub(super) const RING_BYTES: usize = 128 << 10;

/// After so many bytes, a sender whose ring is empty begins at its start again: memory that was just used is in the
/// processor's cache, and what is never reached is never allocated.
pub(super) const REWIND_BYTES: usize = 16 << 10;

/// The most bytes in one record: a quarter of the ring, so that its end is never in the way of a record for long.
pub(super) const RECORD_BYTES_MAX: usize = RING_BYTES / 4;

/// Places for the memory that one side lends. What finds its place taken is moved through the ring.
pub(super) const SLOTS: usize = 512;

/// Which of the two processes one is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Connecting = 0,
    Accepting = 1,
}

impl Side {
    /// The other one.
    pub fn other(self) -> Side {
        match self {
            Side::Connecting => Side::Accepting,
            Side::Accepting => Side::Connecting,
        }
    }
}

/// A word in cache lines of its own (two of them: processors fetch pairs).
#[repr(C, align(128))]
pub(super) struct Line<T>(pub T);

/// The control words of one ring.
#[repr(C)]
pub(super) struct Words {
    /// Bytes that were ever put in; written by the sender.
    pub head: Line<AtomicU64>,
    /// Bytes that were ever taken out; written by the receiver.
    pub tail: Line<AtomicU64>,
    /// The receiver sleeps, or is about to: ring its bell.
    pub sleeping: Line<AtomicU32>,
    /// The sender sleeps although it has more to send: ring its bell when there is room.
    pub starved: Line<AtomicU32>,
    _rest: [u8; 512],
}

/// The first page.
#[repr(C)]
pub(super) struct Control {
    /// By the side that sends.
    pub rings: [Words; 2],
    /// By the side that has ended the connection; memory that it lent is its own again.
    pub ended: [Line<AtomicU32>; 2],
}

/// Memory that is lent.
#[repr(C)]
pub(super) struct Slot {
    /// [`name_of`] its key; zero when nothing is lent here.
    pub name: AtomicU64,
    /// Where it begins in the memory of the side that lends it.
    pub base: AtomicU64,
}

/// How a slot names memory: by anything but zero.
pub(super) fn name_of(key: u64) -> u64 {
    key.wrapping_add(1)
}

/// The slot for memory of a key, if there is room in it.
pub(super) fn slot_of(key: u64) -> usize {
    (key % SLOTS as u64) as usize
}

/// Everything.
#[repr(C, align(4096))]
pub(super) struct Shared {
    pub control: Control,
    _rest: [u8; 4096 - size_of::<Control>()],
    /// By the side that lends.
    pub slots: [[Slot; SLOTS]; 2],
    pub data: [[u8; RING_BYTES]; 2],
}

/// The length of the shared memory.
pub(super) const SHARED_BYTES: usize = size_of::<Shared>();

const _: () = {
    assert!(size_of::<Words>() == 1024 && offset_of!(Control, ended) == 2048);
    assert!(offset_of!(Shared, slots) == 4096 && offset_of!(Shared, data) == 20480);
    assert!(RING_BYTES.is_power_of_two() && SHARED_BYTES == 20480 + 2 * RING_BYTES);
    assert!(RECORD_BYTES_MAX.is_multiple_of(8) && REWIND_BYTES.is_power_of_two());
};
