//! Work handed in by threads that do not hold the world.

use crate::Client;
use daos_env::{Doorbell, Source};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The numbers of work that has ended.
pub(crate) type Ended = Rc<RefCell<Vec<u64>>>;

/// Work that starts inside the world, and tells there when it has ended.
pub(crate) type Work = Box<dyn FnOnce(&Client, &Ended) + Send>;

/// Work that is started in one round: completions must not starve behind threads that start more and more.
const STARTS_PER_ROUND: usize = 64;

/// A queue into the world. Its length is bounded by the threads of the process: each waits for what it handed in, but for
/// events, whose number the caller decides.
pub(crate) struct Submissions {
    queue: Mutex<VecDeque<Work>>,
    filled: AtomicBool,
    sleeping: AtomicBool,
    doorbell: Doorbell,
}

impl Submissions {
    pub fn new() -> std::io::Result<Submissions> {
        Ok(Submissions {
            queue: Mutex::new(VecDeque::new()),
            filled: AtomicBool::new(false),
            sleeping: AtomicBool::new(false),
            doorbell: Doorbell::new()?,
        })
    }

    /// Adds work, and wakes the driver when it sleeps.
    pub fn push(&self, work: Work) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(work);
        self.filled.store(true, Ordering::SeqCst);
        if self.sleeping.load(Ordering::SeqCst) {
            self.doorbell.ring();
        }
    }

    /// The end of the queue inside the world.
    pub fn source(self: &Arc<Self>, client: Client, ended: Ended) -> SubmissionSource {
        SubmissionSource { submissions: self.clone(), client, ended }
    }

    fn pop(&self) -> Option<Work> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Starts what was handed in.
pub(crate) struct SubmissionSource {
    submissions: Arc<Submissions>,
    client: Client,
    ended: Ended,
}

/// Says that there may be more, unless it is forgotten.
struct Again<'a>(&'a AtomicBool);

impl Drop for Again<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Source for SubmissionSource {
    fn progress(&self) -> bool {
        let submissions = &self.submissions;
        if submissions.sleeping.swap(false, Ordering::SeqCst) {
            submissions.doorbell.clear();
        }
        if !submissions.filled.swap(false, Ordering::SeqCst) {
            return false;
        }
        // One by one: when one panics, the others are still there, and the next round finds them.
        let again = Again(&submissions.filled);
        for _ in 0..STARTS_PER_ROUND {
            let Some(start) = submissions.pop() else {
                std::mem::forget(again);
                return true;
            };
            start(&self.client, &self.ended);
        }
        true
    }

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.submissions.doorbell.descriptor())
    }

    fn prepare_sleep(&self) -> bool {
        self.submissions.sleeping.store(true, Ordering::SeqCst);
        !self.submissions.filled.load(Ordering::SeqCst)
    }
}
