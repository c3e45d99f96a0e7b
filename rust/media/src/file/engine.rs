//! How operations reach the kernel: by io_uring, or by calls that block, with the same results.
#![allow(unsafe_code, reason = "fallocate has no safe wrapper in the standard library")]

use super::descriptions::Lease;
use super::ring::{Completion, Request, RingHandle};
use daos_env::Spawner;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::Once;

/// How a [`super::FileMedia`] does its input and output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IoEngine {
    /// io_uring where the kernel allows it, else blocking calls.
    Automatic,
    /// io_uring or an error.
    Ring,
    /// Blocking calls.
    Blocking,
}

pub(super) enum Engine {
    Ring(RingHandle),
    Blocking,
}

impl Engine {
    pub fn new(wanted: IoEngine, spawner: &Spawner) -> io::Result<Engine> {
        static TOLD: Once = Once::new();
        match wanted {
            IoEngine::Blocking => Ok(Engine::Blocking),
            IoEngine::Ring => Ok(Engine::Ring(RingHandle::new(spawner)?)),
            IoEngine::Automatic => match RingHandle::new(spawner) {
                Ok(handle) => Ok(Engine::Ring(handle)),
                Err(error) => {
                    // Once per process: every target of an engine meets the same kernel.
                    TOLD.call_once(|| {
                        daos_env::log!(
                            Warn,
                            "media",
                            "io_uring is not available ({error}); using blocking file I/O, which is slower. \
                             Containers often forbid it in their seccomp profile"
                        );
                    });
                    Ok(Engine::Blocking)
                }
            },
        }
    }

    /// Does one operation, once and perhaps only in part.
    pub async fn run(&self, file: &Rc<File>, request: Request) -> Completion {
        match self {
            Engine::Ring(handle) => handle.ring.submit(file, request).await,
            Engine::Blocking => run_blocking(file, request),
        }
    }

    /// Waits until so many operations of those below begin at once.
    pub async fn wait_for_room(&self, operations: usize) {
        if let Engine::Ring(handle) = self {
            handle.ring.wait_for_room(operations).await;
        }
    }

    /// Syncs; there is [room](Engine::wait_for_room) for one operation.
    pub async fn sync(&self, lease: Lease<File>) -> i32 {
        match self {
            Engine::Ring(handle) => handle.ring.sync(lease).await.map_or(-libc::ECANCELED, |outcome| outcome.tell()),
            Engine::Blocking => sync_blocking(lease),
        }
    }

    /// Does a write and, when it was complete, a sync; there is [room](Engine::wait_for_room) for two operations.
    pub async fn write_and_sync(&self, file: &Rc<File>, write: Request, lease: Lease<File>) -> (Completion, i32) {
        match self {
            Engine::Ring(handle) => handle.ring.pair(file, write, lease).await,
            Engine::Blocking => {
                let wanted = match &write {
                    Request::Write { start, end, .. } => end - start,
                    _ => 0,
                };
                let write = run_blocking(file, write);
                let sync = if write.result == wanted as i32 { sync_blocking(lease) } else { -libc::ECANCELED };
                (write, sync)
            }
        }
    }
}

fn sync_blocking(lease: Lease<File>) -> i32 {
    let result = lease.description().sync_data();
    lease.end(result.map_or_else(|error| number_of(&error), |()| 0)).tell()
}

/// The error number, negative as the kernel gives it.
fn number_of(error: &io::Error) -> i32 {
    -error.raw_os_error().unwrap_or(libc::EIO)
}

fn run_blocking(file: &File, request: Request) -> Completion {
    let (result, buffer) = match request {
        Request::Read { offset, mut buffer, start, end } => {
            let result = file.read_at(&mut buffer.padded_mut()[start..end], offset + start as u64);
            (result, Some(buffer))
        }
        Request::Write { offset, buffer, start, end } => {
            let result = file.write_at(&buffer.padded()[start..end], offset + start as u64);
            (result, Some(buffer))
        }
        Request::Punch { offset, length } => {
            let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
            (fallocate(file, mode, offset, length).map(|()| 0), None)
        }
        Request::Allocate { offset, length } => {
            (fallocate(file, libc::FALLOC_FL_KEEP_SIZE, offset, length).map(|()| 0), None)
        }
    };
    let result = match result {
        // At most MAX_TRANSFER bytes, which fits.
        Ok(count) => count as i32,
        Err(error) => number_of(&error),
    };
    Completion { result, buffer }
}

fn fallocate(file: &File, mode: libc::c_int, offset: u64, length: u64) -> io::Result<()> {
    // SAFETY: a system call on an open descriptor; offset and length were checked against the capacity, which is below 2^63.
    let result = unsafe { libc::fallocate(file.as_raw_fd(), mode, offset as i64, length as i64) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
