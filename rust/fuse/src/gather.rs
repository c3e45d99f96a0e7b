//! Small writes that wait to be sent together.
//!
//! A program that writes a file in small pieces would wait for stable storage at each. Instead the pieces are gathered, as long as
//! they follow each other or lie within what was gathered, and go out together: when they fill a request, before anything else
//! looks at the file, at `fsync` and `close`, and after a second at the latest. Whoever had the file open when that failed is
//! told once, by the next write, `fsync` or `close`: bytes of several descriptors are gathered together, and each may have lost some.

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
    /// How often the file was opened through this mount: the number of the last open.
    opened: u64,
    failure: Option<Failure>,
}

/// Why bytes could not be sent, until the last close.
#[derive(Debug)]
struct Failure {
    error: DfsError,
    /// Opens after this one have lost nothing.
    last_open: u64,
    /// The opens that have been told.
    told: Vec<u64>,
}

impl Pending {
    /// Counts an open of the file, and gives its number.
    pub fn open(&mut self) -> u64 {
        self.opened += 1;
        self.opened
    }

    /// An open has ended; with the last one nobody is left to be told.
    pub fn close(&mut self, opener: u64, is_last: bool) {
        match &mut self.failure {
            Some(failure) if !is_last => failure.told.retain(|told| *told != opener),
            _ => self.failure = None,
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
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

    /// Sends what was gathered. When that fails, it is gone, and the failure waits for those who have the file open.
    pub fn send(&mut self, context: &Context, entry: &Entry) {
        if self.bytes.is_empty() {
            return;
        }
        let (start, bytes) = (self.start, std::mem::take(&mut self.bytes));
        match write(context, entry, start, bytes) {
            Ok(newest) => entry.note_change(newest),
            Err(error) => {
                log_event(LogLevel::Warn, "dfuse", format_args!("writing late: {error}"));
                self.note_failure(error);
            }
        }
    }

    fn note_failure(&mut self, error: DfsError) {
        self.failure = Some(Failure { error, last_open: self.opened, told: Vec::new() });
    }

    /// Tells an open of a failure that it has not heard of.
    fn tell(&mut self, opener: u64) -> Result<()> {
        match &mut self.failure {
            Some(failure) if opener <= failure.last_open && !failure.told.contains(&opener) => {
                failure.told.push(opener);
                Err(failure.error.clone())
            }
            _ => Ok(()),
        }
    }

    /// Sends what was gathered, and tells an open what could not be sent, now or before.
    pub fn settle(&mut self, context: &Context, entry: &Entry, opener: u64) -> Result<()> {
        self.send(context, entry);
        self.tell(opener)
    }
}

/// Writes bytes; gives the engine's newest version.
fn write(context: &Context, entry: &Entry, start: u64, bytes: Vec<u8>) -> Result<u64> {
    let Some(extent) = range(start, bytes.len() as u64)? else { return Ok(0) };
    let node = entry.node();
    context.block_on(move |client| async move {
        node.write_ranges(&client, &[extent], Source::Owned(bytes)).await?;
        Ok(client.newest_change().0)
    })
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
            pending.send(context, entry);
        }
    }

    /// Takes bytes of an open in, if they may wait; whether they do.
    pub fn take(
        &self,
        context: &Context,
        (inode, opener): (&Arc<Inode>, u64),
        offset: u64,
        bytes: &[u8],
    ) -> Result<bool> {
        let entry = inode.entry()?;
        let mut pending = entry.pending();
        pending.tell(opener)?;
        if pending.accept(offset, bytes) {
            if pending.bytes.len() >= GATHERED_MAX {
                pending.settle(context, entry, opener)?;
            }
            return Ok(true);
        }
        pending.settle(context, entry, opener)?;
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

    /// A close by one program once took the failure of another's write with it.
    #[test]
    fn each_open_is_told_once_of_a_failure() {
        let mut pending = Pending::default();
        let (writer, reader) = (pending.open(), pending.open());
        pending.note_failure(DfsError::new(libc::ENOSPC, "full"));
        let later = pending.open();
        assert_eq!(pending.tell(reader).map_err(|error| error.errno), Err(libc::ENOSPC));
        pending.close(reader, false);
        assert_eq!(pending.tell(writer).map_err(|error| error.errno), Err(libc::ENOSPC));
        assert_eq!((pending.tell(writer), pending.tell(later)), (Ok(()), Ok(())));
        pending.note_failure(DfsError::new(libc::EIO, "broken"));
        assert_eq!(pending.tell(writer).map_err(|error| error.errno), Err(libc::EIO), "another failure");
        pending.close(writer, false);
        pending.close(later, true);
        assert!(pending.failure.is_none());
    }
}
