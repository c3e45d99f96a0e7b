//! A device that is a file.

use super::descriptions::{Descriptions, Lease};
use super::engine::Engine;
use super::error::io_status;
use super::ring::Request;
use crate::device::{BLOCK_SIZE, BlockDevice, IoFuture, check_range, check_transfer};
use daos_env::IoBuffer;
use daos_status::{Code, Result, Status};
use std::fs::File;
use std::rc::Rc;

/// How often an operation that was interrupted, or came back short, is continued before that is an error.
const CONTINUATIONS_MAX: usize = 64;

pub(super) struct FileDevice {
    pub name: Rc<str>,
    pub capacity: u64,
    pub file: Rc<File>,
    /// The same file, for syncs.
    pub descriptions: Rc<Descriptions<File>>,
    pub engine: Rc<Engine>,
    /// Held as long as the device is open.
    pub _lock: Rc<File>,
}

/// What an operation needs of its device after the call has returned.
#[derive(Clone)]
struct Access {
    name: Rc<str>,
    file: Rc<File>,
    descriptions: Rc<Descriptions<File>>,
    engine: Rc<Engine>,
}

/// How far a transfer has come after one operation.
enum Step {
    Done,
    Continue(usize),
    Failed(Status),
}

impl Access {
    fn step(&self, what: &str, offset: u64, done: usize, end: usize, result: i32) -> Step {
        let left = end - done;
        match usize::try_from(result) {
            Ok(count) if count >= left => Step::Done,
            // Direct I/O goes on at a block's start.
            Ok(count) if count >= BLOCK_SIZE => Step::Continue(done + count / BLOCK_SIZE * BLOCK_SIZE),
            Ok(count) => Step::Failed(Status::new(
                Code::Io,
                format!(
                    "{what} of {end} bytes at offset {offset} of {} moved only {}: the file is shorter than it was made",
                    self.name,
                    done + count
                ),
            )),
            Err(_) if matches!(-result, libc::EINTR | libc::EAGAIN) => Step::Continue(done),
            Err(_) => {
                let error = std::io::Error::from_raw_os_error(-result);
                Step::Failed(io_status(&error, &format!("{what} of {end} bytes at offset {offset} of {}", self.name)))
            }
        }
    }

    async fn read(&self, offset: u64, length: usize) -> Result<IoBuffer> {
        let mut buffer = IoBuffer::zeroed(length);
        let (mut start, end) = (0, buffer.padded().len());
        for _ in 0..CONTINUATIONS_MAX {
            let completion = self.engine.run(&self.file, Request::Read { offset, buffer, start, end }).await;
            buffer = completion.buffer.ok_or_else(|| self.gone())?;
            match self.step("read", offset, start, end, completion.result) {
                Step::Done => return Ok(buffer),
                Step::Continue(done) => start = done,
                Step::Failed(status) => return Err(status),
            }
        }
        Err(self.too_often("read", offset))
    }

    async fn write(&self, offset: u64, buffer: IoBuffer, from: usize) -> (IoBuffer, Result<()>) {
        let (mut buffer, mut start) = (buffer, from);
        let end = buffer.padded().len();
        for _ in 0..CONTINUATIONS_MAX {
            let completion = self.engine.run(&self.file, Request::Write { offset, buffer, start, end }).await;
            let Some(back) = completion.buffer else { return (IoBuffer::zeroed(0), Err(self.gone())) };
            buffer = back;
            match self.step("write", offset, start, end, completion.result) {
                Step::Done => return (buffer, Ok(())),
                Step::Continue(done) => start = done,
                Step::Failed(status) => return (buffer, Err(status)),
            }
        }
        (buffer, Err(self.too_often("write", offset)))
    }

    /// A description for a sync of what was written since there had been `failures` failed ones, with room for its operations. Both are there
    /// at once, so that a future that is not looked at any more keeps nothing from others.
    async fn lease(&self, failures: u64, operations: usize) -> Result<Lease<File>> {
        loop {
            self.engine.wait_for_room(operations).await;
            // Descriptions that were opened since would not tell of it.
            if let Some(result) = self.descriptions.failure_since(failures) {
                return Err(self.sync_failed(result));
            }
            if let Some(lease) = self.descriptions.try_take() {
                return Ok(lease);
            }
            self.descriptions.wait().await;
        }
    }

    async fn sync_since(&self, failures: u64) -> Result<()> {
        for _ in 0..CONTINUATIONS_MAX {
            let lease = self.lease(failures, 1).await?;
            if let Some(result) = self.synced(self.engine.sync(lease).await) {
                return result;
            }
        }
        Err(self.too_often("sync", 0))
    }

    /// What the result of a sync means; `None` when it was interrupted.
    fn synced(&self, result: i32) -> Option<Result<()>> {
        match result {
            0.. => Some(Ok(())),
            _ if matches!(-result, libc::EINTR | libc::EAGAIN) => None,
            _ => Some(Err(self.sync_failed(result))),
        }
    }

    #[cold]
    fn sync_failed(&self, result: i32) -> Status {
        io_status(&std::io::Error::from_raw_os_error(-result), &format!("sync of {}", self.name))
    }

    async fn write_durable(&self, offset: u64, buffer: IoBuffer) -> (IoBuffer, Result<()>) {
        let (end, failures) = (buffer.padded().len(), self.descriptions.failures());
        let lease = match self.lease(failures, 2).await {
            Ok(lease) => lease,
            Err(status) => return (buffer, Err(status)),
        };
        let request = Request::Write { offset, buffer, start: 0, end };
        let (write, sync) = self.engine.write_and_sync(&self.file, request, lease).await;
        let Some(mut buffer) = write.buffer else { return (IoBuffer::zeroed(0), Err(self.gone())) };
        match self.step("write", offset, 0, end, write.result) {
            Step::Done => {
                // The kernel cancels a sync only when the write before it fell short, which it did not.
                if let Some(result) = self.synced(sync) {
                    return (buffer, result);
                }
            }
            Step::Failed(status) => return (buffer, Err(status)),
            Step::Continue(done) => {
                let result;
                (buffer, result) = self.write(offset, buffer, done).await;
                if result.is_err() {
                    return (buffer, result);
                }
            }
        }
        let result = self.sync_since(failures).await;
        (buffer, result)
    }

    async fn discard(&self, offset: u64, length: u64) -> Result<()> {
        let completion = self.engine.run(&self.file, Request::Punch { offset, length }).await;
        match -completion.result {
            ..=0 => Ok(()),
            // Giving space back is a favour: what the file system cannot do is not an error.
            libc::EOPNOTSUPP | libc::ENOSYS | libc::EINTR | libc::EAGAIN => Ok(()),
            number => {
                let error = std::io::Error::from_raw_os_error(number);
                let what = format!("discard of {length} bytes at offset {offset} of {}", self.name);
                Err(io_status(&error, &what))
            }
        }
    }

    async fn prepare(&self, offset: u64, length: u64) -> Result<()> {
        let completion = self.engine.run(&self.file, Request::Allocate { offset, length }).await;
        match -completion.result {
            ..=0 => Ok(()),
            // Nothing is lost: each write takes its space itself, and says so when there is none.
            libc::EOPNOTSUPP | libc::ENOSYS | libc::EINTR | libc::EAGAIN | libc::ENOSPC | libc::EDQUOT => Ok(()),
            number => {
                let error = std::io::Error::from_raw_os_error(number);
                let what = format!("taking space for {length} bytes at offset {offset} of {}", self.name);
                Err(io_status(&error, &what))
            }
        }
    }

    #[cold]
    fn gone(&self) -> Status {
        Status::new(Code::Canceled, format!("the I/O ring of {} was closed", self.name))
    }

    #[cold]
    fn too_often(&self, what: &str, offset: u64) -> Status {
        let context =
            format!("{what} at offset {offset} of {} was interrupted more than {CONTINUATIONS_MAX} times", self.name);
        Status::new(Code::Io, context)
    }
}

impl FileDevice {
    fn access(&self) -> Access {
        Access {
            name: self.name.clone(),
            file: self.file.clone(),
            descriptions: self.descriptions.clone(),
            engine: self.engine.clone(),
        }
    }

    fn check(&self, what: &str, offset: u64, length: usize) -> Result<Access> {
        check_transfer(&self.name, self.capacity, what, offset, length).map(|_| self.access())
    }
}

impl BlockDevice for FileDevice {
    fn name(&self) -> &str {
        &self.name
    }

    fn capacity(&self) -> u64 {
        self.capacity
    }

    fn read(&self, offset: u64, length: usize) -> IoFuture<Result<IoBuffer>> {
        let access = self.check("read", offset, length);
        Box::pin(async move { access?.read(offset, length).await })
    }

    fn write(&self, offset: u64, buffer: IoBuffer) -> IoFuture<(IoBuffer, Result<()>)> {
        match self.check("write", offset, buffer.len()) {
            Ok(access) => Box::pin(async move { access.write(offset, buffer, 0).await }),
            Err(status) => Box::pin(std::future::ready((buffer, Err(status)))),
        }
    }

    fn sync(&self) -> IoFuture<Result<()>> {
        let access = self.access();
        Box::pin(async move { access.sync_since(access.descriptions.failures()).await })
    }

    fn write_durable(&self, offset: u64, buffer: IoBuffer) -> IoFuture<(IoBuffer, Result<()>)> {
        match self.check("write", offset, buffer.len()) {
            Ok(access) => Box::pin(async move { access.write_durable(offset, buffer).await }),
            Err(status) => Box::pin(std::future::ready((buffer, Err(status)))),
        }
    }

    fn discard(&self, offset: u64, length: u64) -> IoFuture<Result<()>> {
        let checked = check_range(&self.name, self.capacity, "discard", offset, length);
        let access = self.access();
        Box::pin(async move { access.discard(offset, checked?).await })
    }

    fn prepare(&self, offset: u64, length: u64) -> Option<IoFuture<Result<()>>> {
        let checked = check_range(&self.name, self.capacity, "prepare", offset, length);
        let access = self.access();
        Some(Box::pin(async move { access.prepare(offset, checked?).await }))
    }
}
