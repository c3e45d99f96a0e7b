//! A number of bytes that requests take from and give back to, first come, first served.

use daos_env::Spawner;
use daos_env::sync::{Sender, oneshot};
use daos_status::{Code, Result, fail};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

struct Waiting {
    number: u64,
    bytes: u64,
    sender: Sender<Permit>,
}

/// Bytes that may be in use at a time.
pub(crate) struct Budget {
    limit: u64,
    used: Cell<u64>,
    queue: RefCell<VecDeque<Waiting>>,
    numbers: Cell<u64>,
}

/// Bytes taken from a [`Budget`] until this is dropped.
pub(crate) struct Permit {
    budget: Rc<Budget>,
    bytes: u64,
}

/// Takes a request out of the line when it stops waiting.
struct Place<'a> {
    budget: &'a Budget,
    number: u64,
}

impl Budget {
    pub fn new(limit: u64) -> Rc<Budget> {
        Rc::new(Budget { limit, used: Cell::new(0), queue: RefCell::default(), numbers: Cell::new(0) })
    }

    /// Whether bytes can be taken now. More than the limit are given to who is alone: a large request must be able to run.
    fn has_room(&self, bytes: u64) -> bool {
        let used = self.used.get();
        used == 0 || used.checked_add(bytes).is_some_and(|sum| sum <= self.limit)
    }

    fn grant(self: &Rc<Self>, bytes: u64) -> Permit {
        self.used.set(self.used.get().saturating_add(bytes));
        Permit { budget: self.clone(), bytes }
    }

    /// Takes bytes, waiting in line for at most `limit`.
    pub async fn take(self: &Rc<Self>, bytes: u64, spawner: &Spawner, limit: Duration) -> Result<Permit> {
        if self.queue.borrow().is_empty() && self.has_room(bytes) {
            return Ok(self.grant(bytes));
        }
        let number = self.numbers.get();
        self.numbers.set(number + 1);
        let (sender, receiver) = oneshot();
        self.queue.borrow_mut().push_back(Waiting { number, bytes, sender });
        let _place = Place { budget: self, number };
        match spawner.timeout(limit, receiver).await {
            Some(Some(permit)) => Ok(permit),
            _ => fail!(
                Code::Busy,
                "the target moves {} bytes of bulk data already, and had no room for {bytes} within {limit:?}",
                self.used.get()
            ),
        }
    }

    /// Lets those at the front of the line go on for whom there is room.
    fn serve_line(self: &Rc<Self>) {
        loop {
            let next = {
                let mut queue = self.queue.borrow_mut();
                match queue.front() {
                    Some(first) if self.has_room(first.bytes) => queue.pop_front(),
                    _ => None,
                }
            };
            let Some(waiting) = next else { return };
            let permit = self.grant(waiting.bytes);
            waiting.sender.send(permit);
        }
    }

    #[cfg(test)]
    pub fn used(&self) -> u64 {
        self.used.get()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.used.set(self.budget.used.get() - self.bytes);
        self.budget.serve_line();
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let number = self.number;
        // Taken out first, dropped behind the borrow.
        let _left = {
            let mut queue = self.budget.queue.borrow_mut();
            queue.iter().position(|waiting| waiting.number == number).and_then(|position| queue.remove(position))
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_env::{Executor, ManualClock};
    use std::sync::Arc;

    const WAIT: Duration = Duration::from_secs(10);

    struct Bench {
        clock: Arc<ManualClock>,
        executor: Executor,
        budget: Rc<Budget>,
        done: Rc<RefCell<Vec<(u32, Option<Permit>)>>>,
    }

    impl Bench {
        fn new(limit: u64) -> Bench {
            let clock = Arc::new(ManualClock::starting_at(0));
            let executor = Executor::new(clock.clone(), Duration::ZERO).unwrap();
            Bench { clock, executor, budget: Budget::new(limit), done: Rc::default() }
        }

        fn take(&self, name: u32, bytes: u64) {
            let (budget, spawner, done) = (self.budget.clone(), self.executor.spawner().clone(), self.done.clone());
            self.executor.spawner().spawn(async move {
                let permit = budget.take(bytes, &spawner, WAIT).await;
                done.borrow_mut().push((name, permit.ok()));
            });
            self.executor.run_until_stalled();
        }

        fn names(&self) -> Vec<u32> {
            self.done.borrow().iter().map(|(name, _)| *name).collect()
        }

        fn give_back(&self, name: u32) {
            let position = self.done.borrow().iter().position(|(known, _)| *known == name).unwrap();
            let entry = self.done.borrow_mut().remove(position);
            drop(entry);
            self.executor.run_until_stalled();
        }
    }

    #[test]
    fn those_without_room_wait_in_line() {
        let bench = Bench::new(100);
        bench.take(1, 60);
        bench.take(2, 60);
        // It would fit, but the line is longer than that.
        bench.take(3, 10);
        assert_eq!(bench.names(), [1]);
        bench.give_back(1);
        assert_eq!(bench.names(), [2, 3]);
        assert_eq!(bench.budget.used(), 70);
    }

    #[test]
    fn more_than_the_limit_is_given_to_who_is_alone() {
        let bench = Bench::new(100);
        bench.take(1, 1);
        bench.take(2, 1000);
        assert_eq!(bench.names(), [1]);
        bench.give_back(1);
        assert_eq!(bench.names(), [2]);
        bench.take(3, 1);
        assert_eq!(bench.names(), [2]);
    }

    #[test]
    fn waiting_ends_and_leaves_the_line() {
        let bench = Bench::new(100);
        bench.take(1, 100);
        bench.take(2, 100);
        bench.take(3, 10);
        bench.clock.advance(WAIT);
        bench.executor.run_until_stalled();
        assert_eq!(bench.names(), [1, 2, 3]);
        assert!(bench.done.borrow()[1].1.is_none());
        bench.give_back(1);
        assert_eq!(bench.budget.used(), 0);
        bench.take(4, 100);
        assert_eq!(bench.budget.used(), 100);
    }
}
