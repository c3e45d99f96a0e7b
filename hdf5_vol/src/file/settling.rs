//! Writing what was left to be written, and telling what came of it.

use super::File;
use crate::failure::{Failure, Result};
use crate::node::Node;
use std::rc::{Rc, Weak};

impl File {
    /// Writes all that was left to be written, and gives the first error of any change since the file was opened: for a flush and a close.
    /// What is mounted on it is part of it.
    pub fn flush(&self) -> Result<()> {
        let mut result = self.settle();
        for file in self.mounted() {
            result = result.and(file.flush());
        }
        result.and(self.flush_along())?;
        self.queue.borrow().outcome()
    }

    /// Whether a change was lost.
    pub fn has_lost(&self) -> bool {
        self.queue.borrow().outcome().is_err()
    }

    /// Keeps the error of a change that was lost, for the next flush and close.
    pub fn note(&self, failure: &Failure) {
        self.queue.borrow_mut().note(failure);
    }

    /// Writes all that was left to be written, for those who list or remove.
    pub fn settle(&self) -> Result<()> {
        // What the parent left to be written the parent writes.
        if self.mount.is_inherited() {
            return Ok(());
        }
        let finished = self.background.borrow_mut().finish_all();
        if let Some(failure) = self.background.borrow_mut().take_failure() {
            self.note(&failure);
        }
        finished?;
        let dirty = std::mem::take(&mut *self.dirty.borrow_mut());
        let open = |token| self.nodes.borrow().get(&token).and_then(Weak::upgrade);
        let dirty: Vec<Rc<Node>> = dirty.into_iter().filter_map(open).collect();
        let mut filtered = Ok(());
        for node in dirty {
            let written = node.write_back_chunks();
            if written.is_err() {
                self.dirty.borrow_mut().insert(node.token);
            }
            filtered = filtered.and(written);
        }
        let heap = self.write_values();
        filtered.and(heap).and(self.queue.borrow_mut().settle())
    }

    /// The same, where all that is written must be found by others when it is done: gives the error of what was left since the last time.
    pub fn settle_now(&self) -> Result<()> {
        let before = self.queue.borrow_mut().exchange_outcome(None);
        let settled = self.settle();
        let mut queue = self.queue.borrow_mut();
        let now = queue.exchange_outcome(None);
        queue.exchange_outcome(before.or_else(|| now.clone()));
        settled.and(now.map_or(Ok(()), Err))
    }
}
