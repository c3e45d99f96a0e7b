//! The memory of another process, read by the kernel's leave.
//!
//! No process ever writes to another's memory: who lends memory to be read is read, and who lends memory to be written
//! reads what is to be written itself. So whatever a peer does late, or after it was stopped and woken, harms only itself.

use daos_status::{Code, Result, Status, fail};
use std::cell::Cell;
use std::io::Error;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::rc::Rc;

/// Bytes that are copied at a time by way of memory of one's own: few enough to stay in the processor's cache.
const STEP: usize = 128 * 1024;
/// From so many bytes on they are copied that way. The kernel copies page by page with an instruction that takes twice as long or more where
/// the ends of pages do not meet, or where what is written comes shortly behind what is read; and a user's buffer begins 16 bytes behind
/// a page, as `malloc` gives it. Into pages of one's own it is fast, and from there ordinary instructions are.
const STEPS_MIN: usize = 32 * 1024;
/// Bytes of one ordinary copy: the C library takes the slow instruction for more.
const PIECE: usize = 1024;

/// Memory to copy by.
#[repr(align(4096))]
struct Step([MaybeUninit<u8>; STEP]);

/// The step of an endpoint, which copies from one process at a time: one for all of them, as each of hundreds of clients would cost
/// more by one of its own than by all else. Made at the first copy of many bytes.
#[derive(Default)]
pub(super) struct SharedStep(Cell<Option<Box<Step>>>);

impl SharedStep {
    fn take(&self) -> Box<Step> {
        // SAFETY: memory that says of itself that it may hold anything needs no value.
        self.0.take().unwrap_or_else(|| unsafe { Box::<Step>::new_uninit().assume_init() })
    }
}

/// A process, and a descriptor by which the kernel says that it still is the same.
pub(super) struct Process {
    number: i32,
    descriptor: OwnedFd,
    step: Rc<SharedStep>,
}

impl Process {
    /// The process that has this number now; `None` when the kernel cannot follow it.
    pub fn of(number: i32, step: &Rc<SharedStep>) -> Option<Process> {
        if number <= 0 {
            return None;
        }
        // SAFETY: no memory is involved; the result is checked.
        let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, number, 0) };
        let descriptor = RawFd::try_from(descriptor).ok().filter(|descriptor| *descriptor >= 0)?;
        // SAFETY: it was just opened (and is closed by exec), and nobody else owns it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Some(Process { number, descriptor, step: step.clone() })
    }

    /// Becomes readable when the process has ended.
    pub fn descriptor(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    /// Whether the process has ended: its number may be another's then.
    pub fn has_ended(&self) -> bool {
        let mut poll = libc::pollfd { fd: self.descriptor(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one descriptor, which lives through the call. A failure counts as an end.
        unsafe { libc::poll(&raw mut poll, 1, 0) != 0 }
    }

    /// Copies memory of the process. It may have changed or be gone: the caller knows how to find out.
    ///
    /// # Safety
    /// So many bytes can be written at `to`.
    pub unsafe fn read(&self, from: u64, to: NonNull<u8>, length: usize) -> Result<()> {
        if length < STEPS_MIN {
            // SAFETY: as the caller promises.
            unsafe { self.copy(from, to, length)? };
        } else {
            // SAFETY: the same.
            unsafe { self.read_by_steps(from, to, length)? };
        }
        // After the copy: if the process is alive now, it was the one that was read.
        if self.has_ended() {
            fail!(Code::Hg, "process {} has ended", self.number);
        }
        Ok(())
    }

    /// Copies much memory, by way of memory of one's own.
    ///
    /// # Safety
    /// As for [`Process::read`].
    unsafe fn read_by_steps(&self, from: u64, to: NonNull<u8>, length: usize) -> Result<()> {
        let mut step = self.step.take();
        let mut result = Ok(());
        for done in (0..length).step_by(STEP) {
            let count = STEP.min(length - done);
            let own = NonNull::from(&mut step.0[..]).cast::<u8>();
            // An address that is too large is the copy's to refuse.
            let from = from.saturating_add(done as u64);
            // SAFETY: the step has as many bytes.
            result = unsafe { self.copy(from, own, count) };
            if result.is_err() {
                break;
            }
            for piece in (0..count).step_by(PIECE) {
                let bytes = PIECE.min(count - piece);
                // SAFETY: both have as many bytes behind that, which were just copied into the step.
                unsafe { to.add(done + piece).copy_from_nonoverlapping(own.add(piece), bytes) };
            }
        }
        self.step.0.set(Some(step));
        result
    }

    /// Copies memory as the kernel does it.
    ///
    /// # Safety
    /// As for [`Process::read`].
    unsafe fn copy(&self, from: u64, to: NonNull<u8>, length: usize) -> Result<()> {
        let mut done = 0;
        while done < length {
            let local = libc::iovec {
                // SAFETY: `done` is below `length`.
                iov_base: unsafe { to.as_ptr().add(done) }.cast(),
                iov_len: length - done,
            };
            let Some(at) = from.checked_add(done as u64).and_then(|at| usize::try_from(at).ok()) else {
                fail!(Code::Overflow, "the address {from:#x} and {length} bytes exceed the address space");
            };
            let remote = libc::iovec { iov_base: std::ptr::without_provenance_mut(at), iov_len: length - done };
            // SAFETY: the local range can be written by the contract; the other one is the kernel's to check.
            let count = unsafe { libc::process_vm_readv(self.number, &raw const local, 1, &raw const remote, 1, 0) };
            match usize::try_from(count) {
                Ok(count) if count > 0 => done += count,
                Ok(_) => fail!(Code::Hg, "memory of process {} ends after {done} of {length} bytes", self.number),
                Err(_) => {
                    let status = Status::from(Error::last_os_error());
                    return Err(Status::new(Code::Hg, format!("process {}: {}", self.number, status.context())));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_and_the_end_is_noticed() {
        let step = Rc::default();
        let own = Process::of(std::process::id() as i32, &step).unwrap();
        let (from, mut to) = (vec![7u8; 10_000], vec![0u8; 10_000]);
        // SAFETY: the buffer has as many bytes.
        unsafe { own.read(from.as_ptr() as u64, NonNull::from(&mut to[..]).cast(), 10_000) }.unwrap();
        assert_eq!(from, to);
        for address in [0, 1, u64::MAX] {
            // SAFETY: as above.
            unsafe { own.read(address, NonNull::from(&mut to[..]).cast(), 10_000) }.unwrap_err();
        }
        // By steps, from and to all kinds of places, and no byte beside them.
        let from: Vec<u8> = (0..3 * STEP as u32).map(|number| ((number * 7) >> 3) as u8).collect();
        for (first, place, length) in
            [(0, 0, STEPS_MIN - 1), (1, 16, STEPS_MIN), (0, 0, STEP), (3, 5, STEP + 1), (40, 16, 2 * STEP + 777)]
        {
            let mut to = vec![0xff; 3 * STEP];
            let address = from[first..].as_ptr() as u64;
            // SAFETY: both buffers have as many bytes behind that.
            unsafe { own.read(address, NonNull::from(&mut to[place..]).cast(), length) }.unwrap();
            assert!(to[place..place + length] == from[first..first + length], "{first} {place} {length}");
            assert!(to[..place].iter().chain(&to[place + length..]).all(|byte| *byte == 0xff), "{length}");
        }
        for address in [0, 1, u64::MAX - 5, u64::MAX] {
            let mut to = vec![0; 2 * STEP];
            // SAFETY: as above; nothing can be read there.
            unsafe { own.read(address, NonNull::from(&mut to[..]).cast(), 2 * STEP) }.unwrap_err();
        }
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let process = Process::of(child.id() as i32, &step).unwrap();
        child.wait().unwrap();
        assert!(process.has_ended() && Process::of(0, &step).is_none() && Process::of(-1, &step).is_none());
    }
}
