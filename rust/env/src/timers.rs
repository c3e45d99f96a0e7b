//! Timers of an executor.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::HashMap;
use std::task::Waker;
use std::time::Duration;

/// Deadlines in order, each with the task to wake.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Duration, u64)>>,
    wakers: HashMap<u64, Waker>,
    next: u64,
}

impl Timers {
    /// Adds a deadline and returns its number.
    pub fn add(&mut self, deadline: Duration, waker: Waker) -> u64 {
        let number = self.next;
        self.next += 1;
        self.heap.push(Reverse((deadline, number)));
        self.wakers.insert(number, waker);
        number
    }

    /// Replaces the task to wake.
    pub fn update(&mut self, number: u64, waker: &Waker) {
        if let Some(slot) = self.wakers.get_mut(&number) {
            slot.clone_from(waker);
        }
    }

    /// Forgets a deadline.
    pub fn remove(&mut self, number: u64) {
        self.wakers.remove(&number);
        while self.heap.peek().is_some_and(|Reverse((_, number))| !self.wakers.contains_key(number)) {
            self.heap.pop();
        }
    }

    /// The next deadline.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.heap.peek().map(|Reverse((deadline, _))| *deadline)
    }

    /// Takes the wakers of the deadlines that have passed.
    pub fn take_due(&mut self, now: Duration, due: &mut Vec<Waker>) {
        while let Some(Reverse((deadline, number))) = self.heap.peek().copied() {
            if deadline > now {
                break;
            }
            self.heap.pop();
            due.extend(self.wakers.remove(&number));
        }
    }
}
