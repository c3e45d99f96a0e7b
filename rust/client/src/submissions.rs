//! Work handed in by threads that do not hold the world.

use crate::Client;
use daos_env::{Doorbell, Source};
use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Work that starts inside the world.
pub(crate) type Work = Box<dyn FnOnce(&Client) + Send>;

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
    pub fn source(self: &Arc<Self>, client: Client) -> SubmissionSource {
        SubmissionSource { submissions: self.clone(), client }
    }
}

/// Starts what was handed in.
pub(crate) struct SubmissionSource {
    submissions: Arc<Submissions>,
    client: Client,
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
        let work = std::mem::take(&mut *submissions.queue.lock().unwrap_or_else(PoisonError::into_inner));
        for start in work {
            start(&self.client);
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
