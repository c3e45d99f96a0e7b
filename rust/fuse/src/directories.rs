//! Open directories: what was listed so far, so that offsets stay what they were.
//!
//! The kernel asks for entries from an offset on, and programs may come back to any offset they were told. Entries keep the
//! offset at which they were listed for as long as the directory is open, also when they or others come and go. Reading from
//! offset zero begins a new listing.

use daos_dfs::{DfsError, Listing, Result, Seen};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Entries that one open directory remembers: some gigabytes. A listing that goes on behind them ends in an error.
const LISTED_MAX: usize = 1 << 24;

/// A listed entry.
#[derive(Debug)]
pub struct Listed {
    /// Its name.
    pub name: Vec<u8>,
    /// Its number.
    pub number: u64,
    /// Its type, `S_IFMT` of the mode.
    pub kind: u32,
    /// What was found with it, until it is handed out.
    pub seen: Option<Seen>,
    /// When that was, by the monotonic clock, and how many changes the volume had counted.
    pub at: (std::time::Duration, u64),
}

/// How far a listing has got.
#[derive(Debug, Default)]
pub struct Stream {
    /// What was listed.
    pub listed: Vec<Listed>,
    /// How it goes on.
    pub listing: Listing,
}

impl Stream {
    /// Adds what was listed next.
    pub fn extend(&mut self, listed: impl IntoIterator<Item = Listed>) -> Result<()> {
        self.listed.extend(listed);
        if self.listed.len() > LISTED_MAX {
            return Err(DfsError::new(libc::EOVERFLOW, format!("more than {LISTED_MAX} entries in one listing")));
        }
        Ok(())
    }
}

/// The open directories, by handle.
#[derive(Debug, Default)]
pub struct Directories {
    streams: Mutex<HashMap<u64, Arc<Mutex<Stream>>>>,
    handles: AtomicU64,
}

impl Directories {
    /// Opens one.
    pub fn open(&self) -> u64 {
        let handle = self.handles.fetch_add(1, Ordering::Relaxed) + 1;
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.insert(handle, Arc::default());
        handle
    }

    /// One that is open.
    pub fn get(&self, handle: u64) -> Result<Arc<Mutex<Stream>>> {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.get(&handle).cloned().ok_or_else(|| DfsError::new(libc::EBADF, "the directory is not open"))
    }

    /// Closes one.
    pub fn close(&self, handle: u64) {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).remove(&handle);
    }
}
