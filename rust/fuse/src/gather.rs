//! Small writes that wait to be sent together.
//!
//! A program that writes a file in small pieces would wait for stable storage at each. Instead the pieces are gathered, as long as
//! they follow each other or lie within what was gathered, and go out together: when they fill a request, before anything else
//! looks at the file, at `fsync` and `close`, and after a second at the latest. A failure is told by the next call on the file
//! that can tell it, at the latest by `close`.

use crate::inodes::{Entry, Inode};
use daos_client::{Context, Source};
use daos_dfs::{DfsError, Result, range};
use daos_env::{LogLevel, log_event};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Bytes that are gathered for one file: what one request of the kernel carries.
const GATHERED_MAX: usize = 1 << 20;
/// A write of so many bytes does not wait for others.
const LARGE: usize = 256 << 10;
/// Files that gather at the same time. With more, writes go out at once.
const FILES_MAX: usize = 256;
/// How long bytes wait at most, when nothing else makes them go.
const WAIT: Duration = Duration::from_secs(1);

/// What was gathered for a file.
#[derive(Debug, Default)]
pub struct Pending {
    start: u64,
    bytes: Vec<u8>,
    /// The thread that sends in time knows of the file.
    is_listed: bool,
    /// Why bytes could not be sent, until it is told.
    failure: Option<DfsError>,
}

impl Pending {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.failure.is_none()
    }

    /// Takes bytes in that lie within what was gathered or follow it.
    fn accept(&mut self, offset: u64, bytes: &[u8]) -> bool {
        let Some(at) = offset.checked_sub(self.start).and_then(|at| usize::try_from(at).ok()) else { return false };
        if self.bytes.is_empty() || at > self.bytes.len() || at + bytes.len() > GATHERED_MAX {
            return false;
        }
        let within = bytes.len().min(self.bytes.len() - at);
        self.bytes[at..at + within].copy_from_slice(&bytes[..within]);
        self.bytes.extend_from_slice(&bytes[within..]);
        true
    }

    /// Drops what was gathered: nobody will see it.
    pub fn forget(&mut self) {
        (self.bytes, self.failure) = (Vec::new(), None);
    }

    /// Sends what was gathered. When that fails, it is gone.
    fn send(&mut self, context: &Context, entry: &Entry) -> Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let (start, bytes) = (self.start, std::mem::take(&mut self.bytes));
        let Some(extent) = range(start, bytes.len() as u64)? else { return Ok(()) };
        let node = entry.node();
        let newest = context.block_on(move |client| async move {
            node.write_ranges(&client, &[extent], Source::Owned(bytes)).await?;
            Ok::<_, DfsError>(client.newest_change().0)
        })?;
        entry.note_change(newest);
        Ok(())
    }

    /// Sends what was gathered for somebody who looks at the file. A failure waits for the one who writes.
    pub fn send_for_others(&mut self, context: &Context, entry: &Entry) {
        if let Err(error) = self.send(context, entry) {
            log_event(LogLevel::Warn, "dfuse", format_args!("writing late: {error}"));
            self.failure.get_or_insert(error);
        }
    }

    /// Sends what was gathered, and tells an earlier failure.
    pub fn settle(&mut self, context: &Context, entry: &Entry) -> Result<()> {
        let sent = self.send(context, entry);
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => sent,
        }
    }
}

/// The files that gather.
#[derive(Debug)]
pub struct Gathering {
    files: Mutex<Vec<Weak<Inode>>>,
}

impl Gathering {
    /// Starts the thread that sends what has waited long enough. It ends when the first part is dropped.
    pub fn start(context: Arc<Context>) -> std::io::Result<(Sender<()>, Arc<Gathering>)> {
        let gathering = Arc::new(Gathering { files: Mutex::default() });
        let (alive, ended) = channel();
        let theirs = gathering.clone();
        let body = move || theirs.send_in_time(&context, &ended);
        std::thread::Builder::new().name("dfuse-writes".to_owned()).spawn(body)?;
        Ok((alive, gathering))
    }

    fn send_in_time(&self, context: &Context, ended: &Receiver<()>) {
        while ended.recv_timeout(WAIT) == Err(RecvTimeoutError::Timeout) {
            self.send_all(context);
        }
    }

    /// Sends what was gathered for all files. A failure waits for a call that can tell it.
    pub fn send_all(&self, context: &Context) {
        let files = std::mem::take(&mut *self.files.lock().unwrap_or_else(PoisonError::into_inner));
        for inode in files.iter().filter_map(Weak::upgrade) {
            let Ok(entry) = inode.entry() else { continue };
            let mut pending = entry.pending();
            pending.is_listed = false;
            pending.send_for_others(context, entry);
        }
    }

    /// Takes bytes in, if they may wait; whether they do.
    pub fn take(&self, context: &Context, inode: &Arc<Inode>, offset: u64, bytes: &[u8]) -> Result<bool> {
        let entry = inode.entry()?;
        let mut pending = entry.pending();
        if let Some(failure) = pending.failure.take() {
            return Err(failure);
        }
        if pending.accept(offset, bytes) {
            if pending.bytes.len() >= GATHERED_MAX {
                pending.send(context, entry)?;
            }
            return Ok(true);
        }
        pending.send(context, entry)?;
        if bytes.is_empty() || bytes.len() >= LARGE {
            return Ok(false);
        }
        if !pending.is_listed {
            let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            if files.len() >= FILES_MAX {
                return Ok(false);
            }
            files.push(Arc::downgrade(inode));
            pending.is_listed = true;
        }
        (pending.start, pending.bytes) = (offset, bytes.to_vec());
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_that_touch_each_other_are_gathered() {
        let mut pending = Pending { start: 100, bytes: b"0123456789".to_vec(), ..Pending::default() };
        assert!(pending.accept(110, b"ab"));
        assert!(pending.accept(102, b"xy"));
        assert!(pending.accept(111, b"cdef"));
        assert_eq!((pending.start, &pending.bytes[..]), (100, &b"01xy456789acdef"[..]));
        assert!(!pending.accept(99, b"z") && !pending.accept(116, b"z"));
        assert!(!pending.accept(101, &vec![0; GATHERED_MAX]));
    }
}
