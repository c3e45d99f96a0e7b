//! The table of carried values, over a device whose writes end when the test says so.

use super::*;
use crate::device::IoFuture;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

#[derive(Default)]
struct Disk {
    bytes: RefCell<Vec<u8>>,
    /// Writes end at once, or not before this is set.
    is_open: Cell<bool>,
    fails: Cell<bool>,
    /// The blocks of each write that was begun.
    writes: RefCell<Vec<(u64, u64)>>,
    changed: Signal,
}

#[derive(Clone)]
struct Device(Rc<Disk>);

const BLOCKS: u64 = 32;

impl BlockDevice for Device {
    fn name(&self) -> &str {
        "test"
    }

    fn capacity(&self) -> u64 {
        BLOCKS * BLOCK_SIZE as u64
    }

    fn read(&self, offset: u64, length: usize) -> IoFuture<Result<IoBuffer>> {
        let start = offset as usize;
        let bytes = IoBuffer::copy_of(&self.0.bytes.borrow()[start..start + length]);
        Box::pin(std::future::ready(Ok(bytes)))
    }

    fn write(&self, offset: u64, buffer: IoBuffer) -> IoFuture<(IoBuffer, Result<()>)> {
        let disk = self.0.clone();
        Box::pin(async move {
            let blocks = (buffer.padded().len() / BLOCK_SIZE) as u64;
            disk.writes.borrow_mut().push((offset / BLOCK_SIZE as u64, blocks));
            disk.changed.wait_until(|| disk.is_open.get()).await;
            if disk.fails.get() {
                return (buffer, Err(Status::new(Code::Io, "the test says so")));
            }
            let start = offset as usize;
            disk.bytes.borrow_mut()[start..start + buffer.padded().len()].copy_from_slice(buffer.padded());
            (buffer, Ok(()))
        })
    }

    fn sync(&self) -> IoFuture<Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn write_durable(&self, offset: u64, buffer: IoBuffer) -> IoFuture<(IoBuffer, Result<()>)> {
        self.write(offset, buffer)
    }

    fn discard(&self, _offset: u64, _length: u64) -> IoFuture<Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

struct Setup {
    carried: Carried,
    device: Device,
}

fn setup() -> Setup {
    let disk = Disk { bytes: RefCell::new(vec![0; BLOCKS as usize * BLOCK_SIZE]), ..Disk::default() };
    disk.is_open.set(true);
    Setup { carried: Carried::new(1 << 20), device: Device(Rc::new(disk)) }
}

impl Setup {
    fn note(&self, start: u64, count: u64, lsn: u64, byte: u8) {
        let room = self.carried.room(count as usize * BLOCK_SIZE).expect("there is room");
        let value = room.value(IoBuffer::copy_of(&vec![byte; count as usize * BLOCK_SIZE]));
        self.carried.note(BlockRange { start, count }, Lsn(lsn), &value);
    }

    /// The first byte of each block, all of which must be the same within a block.
    fn read(&self, start: u64, count: u64) -> Vec<u8> {
        let read = self.carried.read(&self.device, start * BLOCK_SIZE as u64, count as usize * BLOCK_SIZE);
        let bytes = now(read).expect("it need not wait").expect("it works");
        bytes
            .chunks(BLOCK_SIZE)
            .map(|block| {
                block.iter().fold(block[0], |first, byte| {
                    assert_eq!(first, *byte);
                    first
                })
            })
            .collect()
    }

    fn on_disk(&self, start: u64, count: u64) -> Vec<u8> {
        let bytes = self.device.0.bytes.borrow();
        (start..start + count).map(|block| bytes[block as usize * BLOCK_SIZE]).collect()
    }
}

fn poll<T>(future: &mut Pin<Box<impl Future<Output = T> + ?Sized>>) -> Option<T> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    poll(&mut Box::pin(future))
}

#[test]
fn what_is_not_at_its_place_is_read_from_memory() {
    let setup = setup();
    setup.note(4, 2, 1, 40);
    setup.note(7, 4, 2, 70);
    assert_eq!(setup.read(4, 2), [40, 40]);
    assert_eq!(setup.read(8, 1), [70]);
    assert_eq!(setup.read(3, 10), [0, 40, 40, 0, 70, 70, 70, 70, 0, 0]);
    assert_eq!(setup.on_disk(3, 10), [0; 10]);
    assert_eq!(now(setup.carried.place(&setup.device, Lsn(1))), Some(Ok(())));
    assert_eq!(setup.on_disk(3, 10), [0, 40, 40, 0, 0, 0, 0, 0, 0, 0], "only of commits up to the first");
    assert!(setup.carried.is_unsynced.get() && !setup.carried.is_empty());
    assert_eq!(setup.read(3, 10), [0, 40, 40, 0, 70, 70, 70, 70, 0, 0]);
    assert_eq!(now(setup.carried.place(&setup.device, Lsn(2))), Some(Ok(())));
    assert!(setup.carried.is_empty());
    assert_eq!(setup.read(3, 10), [0, 40, 40, 0, 70, 70, 70, 70, 0, 0]);
}

/// The device has the bytes: who reads waits for it, and the blocks are not used again before.
#[test]
fn what_is_being_written_is_waited_for() {
    let setup = setup();
    let disk = &setup.device.0;
    setup.note(4, 2, 1, 40);
    setup.note(10, 1, 1, 99);
    disk.is_open.set(false);
    let mut placing = Box::pin(setup.carried.place(&setup.device, Lsn(1)));
    assert!(poll(&mut placing).is_none());
    assert_eq!(disk.writes.borrow()[..], [(4, 2), (10, 1)]);
    let mut read = Box::pin(setup.carried.read(&setup.device, 5 * BLOCK_SIZE as u64, BLOCK_SIZE));
    let mut other = Box::pin(setup.carried.place(&setup.device, Lsn(1)));
    let mut unused = Box::pin(setup.carried.wait_until_written(BlockRange { start: 0, count: 5 }));
    assert!(poll(&mut read).is_none() && poll(&mut other).is_none() && poll(&mut unused).is_none());
    assert!(!setup.carried.let_go(BlockRange { start: 5, count: 1 }));
    assert!(setup.carried.let_go(BlockRange { start: 6, count: 4 }), "it is another one's");
    disk.is_open.set(true);
    assert_eq!(poll(&mut placing), Some(Ok(())));
    assert_eq!(poll(&mut read).map(|read| read.expect("it works")[0]), Some(40));
    assert!(poll(&mut other).is_some() && poll(&mut unused).is_some());
    assert!(setup.carried.let_go(BlockRange { start: 5, count: 1 }));
    assert_eq!(disk.writes.borrow().len(), 2, "each is written once");
}

/// A value, or a part of it, whose blocks are used again is not written over what they hold by then.
#[test]
fn what_was_let_go_is_never_written() {
    let setup = setup();
    setup.note(4, 4, 1, 40);
    setup.note(8, 1, 1, 80);
    setup.note(9, 4, 1, 90);
    for start in [5, 8, 9] {
        assert!(setup.carried.let_go(BlockRange { start, count: 1 }));
    }
    assert!(setup.carried.let_go(BlockRange { start: 12, count: 20 }));
    assert_eq!(now(setup.carried.place(&setup.device, Lsn(1))), Some(Ok(())));
    assert_eq!(setup.on_disk(4, 10), [40, 0, 40, 40, 0, 0, 90, 90, 0, 0]);
    assert_eq!(setup.carried.waiting_bytes.get(), 0);
    assert_eq!(setup.carried.used.get(), 0, "their room is free again");
}

#[test]
fn what_cannot_be_written_stays() {
    let setup = setup();
    let disk = &setup.device.0;
    setup.note(4, 2, 1, 40);
    disk.fails.set(true);
    for _ in 0..2 {
        let status = now(setup.carried.place(&setup.device, Lsn(1))).expect("it ends").expect_err("it fails");
        assert!(status.context().contains("cannot be written to their places"), "{status}");
        assert_eq!(setup.read(4, 2), [40, 40]);
        assert!(setup.carried.room(4096).is_none() && !setup.carried.is_due());
    }
    disk.fails.set(false);
    assert_eq!(now(setup.carried.place(&setup.device, Lsn(1))), Some(Ok(())));
    assert_eq!(setup.on_disk(4, 2), [40, 40]);
    assert!(setup.carried.room(4096).is_some());
}

#[test]
fn there_is_room_for_so_much() {
    let setup = setup();
    assert!(setup.carried.room(CARRIED_BYTES_MAX + 1).is_none());
    let rooms: Vec<_> = std::iter::from_fn(|| setup.carried.room(CARRIED_BYTES_MAX - 100)).collect();
    assert_eq!(rooms.len(), (1 << 20) / 8 / CARRIED_BYTES_MAX);
    let value = rooms[0].value(IoBuffer::zeroed(10));
    drop(rooms);
    assert_eq!(setup.carried.used.get(), CARRIED_BYTES_MAX as u64, "as long as the value is there");
    drop(value);
    assert_eq!(setup.carried.used.get(), 0);
}
