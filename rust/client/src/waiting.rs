//! The threads that wait while another one drives.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// What a thread waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum For {
    /// The end of any work.
    Any,
    /// The end of this work.
    Work(u64),
}

struct Entry {
    number: u64,
    thread: Thread,
    what: For,
}

/// The waiting threads, in the order in which they came. Their number is that of the process's threads at most.
#[derive(Default)]
pub(crate) struct Waiting {
    entries: Mutex<Vec<Entry>>,
    /// Length of the list, so that a driver without company never takes the lock.
    count: AtomicUsize,
    numbers: AtomicU64,
}

/// A thread's place in the list until this is dropped.
pub(crate) struct Place<'a> {
    waiting: &'a Waiting,
    number: u64,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the calling thread: from now on it is woken by [`Thread::unpark`], which is not lost when it comes before the
    /// thread parks.
    pub fn enter(&self, what: For) -> Place<'_> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let mut entries = self.lock();
        entries.push(Entry { number, thread: thread::current(), what });
        self.count.store(entries.len(), Ordering::SeqCst);
        drop(entries);
        // Between this entry and the look at the world that follows; its other half is in `is_empty`.
        fence(Ordering::SeqCst);
        Place { waiting: self, number }
    }

    /// Whether nobody waits, asked after the world was changed or let go of.
    fn is_empty(&self) -> bool {
        fence(Ordering::SeqCst);
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Wakes those who wait for some of this work.
    pub fn tell(&self, ended: &[u64]) {
        if ended.is_empty() || self.is_empty() {
            return;
        }
        for entry in self.lock().iter() {
            let concerned = match entry.what {
                For::Any => true,
                For::Work(work) => ended.contains(&work),
            };
            if concerned {
                entry.thread.unpark();
            }
        }
    }

    /// Wakes one thread, to drive in the place of the caller, who must have let go of the world before.
    pub fn pass_turn(&self) {
        if self.is_empty() {
            return;
        }
        if let Some(entry) = self.lock().first() {
            entry.thread.unpark();
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut entries = self.waiting.lock();
        entries.retain(|entry| entry.number != self.number);
        self.waiting.count.store(entries.len(), Ordering::SeqCst);
    }
}
