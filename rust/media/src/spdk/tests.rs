//! The backend with a stand-in for SPDK: a namespace that is memory, whose commands complete when it is polled.

use super::*;
use daos_env::{Executor, ManualClock};
use std::cell::RefCell;
use std::ffi::{c_char, c_int};
use std::sync::Arc;
use std::time::Duration;

const BYTES: usize = 64 * 4096;
const SECTOR: u32 = 512;

#[derive(Default)]
struct StandIn {
    bytes: Vec<u8>,
    waiting: Vec<(Callback, *mut c_void, u16)>,
    /// The status of the next command; a refusal when negative.
    next: i32,
    flushes: u32,
    /// Buffers, controllers and queues that are in use.
    open: i32,
}

thread_local! {
    static WORLD: RefCell<StandIn> = RefCell::default();
}

fn with<T>(use_it: impl FnOnce(&mut StandIn) -> T) -> T {
    WORLD.with_borrow_mut(use_it)
}

fn some_pointer() -> *mut c_void {
    NonNull::<u64>::dangling().as_ptr().cast()
}

unsafe extern "C" fn parse(_: *mut TransportId, text: *const c_char) -> c_int {
    // SAFETY: the backend gives a string that ends with a zero.
    if unsafe { std::ffi::CStr::from_ptr(text) }.to_bytes().starts_with(b"trtype:") { 0 } else { -22 }
}

unsafe extern "C" fn connect(_: *const TransportId, _: *const c_void, _: usize) -> *mut c_void {
    with(|world| world.open += 1);
    some_pointer()
}

unsafe extern "C" fn alloc_io_qpair(_: *mut c_void, _: *const c_void, _: usize) -> *mut c_void {
    with(|world| world.open += 1);
    some_pointer()
}

unsafe extern "C" fn give_back(_: *mut c_void) -> c_int {
    with(|world| world.open -= 1);
    0
}

unsafe extern "C" fn get_ns(_: *mut c_void, number: u32) -> *mut c_void {
    if number == 1 { some_pointer() } else { std::ptr::null_mut() }
}

unsafe extern "C" fn size(_: *mut c_void) -> u64 {
    BYTES as u64
}

unsafe extern "C" fn sector_size(_: *mut c_void) -> u32 {
    SECTOR
}

fn start(callback: Callback, argument: *mut c_void) -> bool {
    with(|world| {
        let next = std::mem::take(&mut world.next);
        if next >= 0 {
            world.waiting.push((callback, argument, next as u16));
        }
        next == 0
    })
}

unsafe extern "C" fn read(
    _: *mut c_void,
    _: *mut c_void,
    memory: *mut c_void,
    lba: u64,
    blocks: u32,
    callback: Callback,
    argument: *mut c_void,
    _: u32,
) -> c_int {
    if with(|world| world.next < 0) {
        return with(|world| std::mem::take(&mut world.next));
    }
    let (from, length) = ((lba * u64::from(SECTOR)) as usize, (blocks * SECTOR) as usize);
    // SAFETY: the backend gives memory of so many blocks.
    let out = unsafe { std::slice::from_raw_parts_mut(memory.cast::<u8>(), length) };
    with(|world| out.copy_from_slice(&world.bytes[from..from + length]));
    start(callback, argument);
    0
}

unsafe extern "C" fn write(
    _: *mut c_void,
    _: *mut c_void,
    memory: *mut c_void,
    lba: u64,
    blocks: u32,
    callback: Callback,
    argument: *mut c_void,
    _: u32,
) -> c_int {
    if with(|world| world.next < 0) {
        return with(|world| std::mem::take(&mut world.next));
    }
    let (to, length) = ((lba * u64::from(SECTOR)) as usize, (blocks * SECTOR) as usize);
    // SAFETY: the backend gives memory of so many blocks.
    let bytes = unsafe { std::slice::from_raw_parts(memory.cast::<u8>(), length) };
    if start(callback, argument) {
        with(|world| world.bytes[to..to + length].copy_from_slice(bytes));
    }
    0
}

unsafe extern "C" fn flush(_: *mut c_void, _: *mut c_void, callback: Callback, argument: *mut c_void) -> c_int {
    with(|world| world.flushes += 1);
    start(callback, argument);
    0
}

unsafe extern "C" fn process(_: *mut c_void, _: u32) -> i32 {
    let done = with(|world| std::mem::take(&mut world.waiting));
    for (callback, argument, status) in &done {
        let completion = Completion { status: status << 1 | 1, ..Completion::default() };
        // SAFETY: each was given with a command that was accepted, and is called once.
        unsafe { callback(*argument, &completion) };
    }
    done.len() as i32
}

unsafe extern "C" fn zmalloc(length: usize, _: usize, _: *mut u64, _: c_int, _: u32) -> *mut c_void {
    with(|world| world.open += 1);
    let mut memory = vec![0u64; length / 8 + 1];
    memory[0] = memory.len() as u64;
    let memory = Box::into_raw(memory.into_boxed_slice()).cast::<u64>();
    // SAFETY: there is one word more than was asked for; the first holds the length.
    unsafe { memory.add(1).cast() }
}

unsafe extern "C" fn free(memory: *mut c_void) {
    with(|world| world.open -= 1);
    // SAFETY: made by `zmalloc`, with its length in the word before, and freed once.
    unsafe {
        let start = memory.cast::<u64>().sub(1);
        drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(start, start.read() as usize)));
    }
}

fn stand_in() -> Library {
    with(|world| *world = StandIn { bytes: vec![0; BYTES], ..StandIn::default() });
    Library {
        transport_id_parse: parse,
        connect,
        detach: give_back,
        get_ns,
        ns_get_size: size,
        ns_get_sector_size: sector_size,
        alloc_io_qpair,
        free_io_qpair: give_back,
        read,
        write,
        flush,
        process_completions: process,
        zmalloc,
        free,
    }
}

fn executor() -> Executor {
    Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd")
}

fn open(executor: &Executor) -> SpdkDevice {
    SpdkDevice::open_with(stand_in(), "trtype:PCIe traddr:0000:04:00.0", 1, executor.spawner()).expect("opens")
}

#[test]
fn what_is_written_is_read() {
    let executor = executor();
    let device = open(&executor);
    assert_eq!(device.capacity(), BYTES as u64);
    let reads = executor.block_on(async move {
        device.write(8192, IoBuffer::copy_of(&[7; 5000])).await.1?;
        device.write_durable(0, IoBuffer::copy_of(&[3; 4096])).await.1?;
        device.sync().await?;
        device.discard(0, 4096).await?;
        Ok::<_, Status>((device.read(8192, 5000).await?, device.read(0, 1).await?, device.read(4096, 4096).await?))
    });
    let (long, short, empty) = reads.expect("done").expect("works");
    assert!(long[..] == [7; 5000] && short[..] == [3] && empty[..] == [0; 4096]);
    assert_eq!(with(|world| (world.flushes, world.open)), (2, 0), "everything was given back");
}

#[test]
fn failures_of_commands_are_told() {
    let executor = executor();
    let device = open(&executor);
    let codes = executor.block_on(async move {
        let mut codes = Vec::new();
        for next in [0x281, -12, -6] {
            with(|world| world.next = next);
            codes.push(device.read(0, 4096).await.err().map(|status| status.code()));
            with(|world| world.next = next);
            codes.push(device.write(0, IoBuffer::copy_of(&[1; 4096])).await.1.err().map(|status| status.code()));
        }
        codes.push(device.read(BYTES as u64, 1).await.err().map(|status| status.code()));
        codes.push(device.read(1, 1).await.err().map(|status| status.code()));
        codes
    });
    let wanted = [Code::Io, Code::Io, Code::Busy, Code::Busy, Code::Io, Code::Io, Code::Inval, Code::Inval];
    assert_eq!(codes.expect("done"), wanted.map(Some));
    assert_eq!(with(|world| world.open), 0);
}

/// A dropped future leaves its memory to the device until the command completes.
#[test]
fn dropped_operations_end_cleanly() {
    let executor = executor();
    let device = open(&executor);
    let mut write = device.write(0, IoBuffer::copy_of(&[9; 4096]));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(write.as_mut().poll(&mut context).is_pending());
    drop(write);
    assert_eq!(with(|world| world.open), 3, "controller, queue and memory");
    device.opened.namespace.progress();
    assert_eq!(with(|world| world.open), 2);
}

#[test]
fn what_cannot_be_opened_is_told() {
    let executor = executor();
    let open = |address: &str, number| {
        SpdkDevice::open_with(stand_in(), address, number, executor.spawner()).map(drop).expect_err("refused").code()
    };
    assert_eq!(open("somewhere", 1), Code::Inval);
    assert_eq!(open("trtype:PCIe", 2), Code::Nonexist);
    assert_eq!(with(|world| world.open), 0);
    assert_eq!(failure_of(1), 0, "the phase is no failure");
}
