//! An amount that tasks take from and give back to, first come, first served.

use super::{Sender, oneshot};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

struct Waiting {
    number: u64,
    amount: u64,
    sender: Sender<Permit>,
}

/// An amount of something (bytes, requests) that may be in use at a time.
pub struct Budget {
    limit: u64,
    used: Cell<u64>,
    queue: RefCell<VecDeque<Waiting>>,
    numbers: Cell<u64>,
}

/// A part of a [`Budget`], taken until this is dropped.
pub struct Permit {
    budget: Rc<Budget>,
    amount: u64,
}

/// Takes a task out of the line when it stops waiting.
struct Place<'a> {
    budget: &'a Rc<Budget>,
    number: u64,
}

impl Budget {
    /// A budget of which nothing is used.
    pub fn new(limit: u64) -> Rc<Budget> {
        Rc::new(Budget { limit, used: Cell::new(0), queue: RefCell::default(), numbers: Cell::new(0) })
    }

    /// Whether a part can be taken now. More than the limit is given to who is alone: large requests must be able to run.
    fn has_room(&self, amount: u64) -> bool {
        let used = self.used.get();
        used == 0 || used.checked_add(amount).is_some_and(|sum| sum <= self.limit)
    }

    fn grant(self: &Rc<Self>, amount: u64) -> Permit {
        self.used.set(self.used.get().saturating_add(amount));
        Permit { budget: self.clone(), amount }
    }

    /// Takes a part, if nobody waits and there is room.
    pub fn try_take(self: &Rc<Self>, amount: u64) -> Option<Permit> {
        (self.queue.borrow().is_empty() && self.has_room(amount)).then(|| self.grant(amount))
    }

    /// Takes a part, waiting in line while there is no room.
    pub async fn take(self: &Rc<Self>, amount: u64) -> Permit {
        loop {
            if let Some(permit) = self.try_take(amount) {
                return permit;
            }
            let number = self.numbers.get();
            self.numbers.set(number + 1);
            let (sender, receiver) = oneshot();
            self.queue.borrow_mut().push_back(Waiting { number, amount, sender });
            let _place = Place { budget: self, number };
            // The sender stays in the line until it has sent.
            if let Some(permit) = receiver.await {
                return permit;
            }
        }
    }

    /// Lets those at the front of the line go on for whom there is room.
    fn serve_line(self: &Rc<Self>) {
        loop {
            let next = {
                let mut queue = self.queue.borrow_mut();
                match queue.front() {
                    Some(first) if self.has_room(first.amount) => queue.pop_front(),
                    _ => None,
                }
            };
            let Some(waiting) = next else { return };
            let permit = self.grant(waiting.amount);
            waiting.sender.send(permit);
        }
    }

    /// How many wait in line.
    pub fn waiting(&self) -> usize {
        self.queue.borrow().len()
    }

    /// How much is in use.
    pub fn used(&self) -> u64 {
        self.used.get()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.used.set(self.budget.used.get() - self.amount);
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
        // It may have been the first one, with others behind it for whom there is room.
        self.budget.serve_line();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Executor, ManualClock};
    use std::sync::Arc;
    use std::time::Duration;

    const WAIT: Duration = Duration::from_secs(10);

    struct Bench {
        clock: Arc<ManualClock>,
        executor: Executor,
        budget: Rc<Budget>,
        done: Rc<RefCell<Vec<Outcome>>>,
    }

    /// Who waited, and what came of it.
    type Outcome = (u32, Option<Permit>);

    impl Bench {
        fn new(limit: u64) -> Bench {
            let clock = Arc::new(ManualClock::starting_at(0));
            let executor = Executor::new(clock.clone(), Duration::ZERO).unwrap();
            Bench { clock, executor, budget: Budget::new(limit), done: Rc::default() }
        }

        fn take(&self, name: u32, amount: u64) {
            let (budget, spawner, done) = (self.budget.clone(), self.executor.spawner().clone(), self.done.clone());
            self.executor.spawner().spawn(async move {
                let permit = spawner.timeout(WAIT, budget.take(amount)).await;
                done.borrow_mut().push((name, permit));
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
        // It would fit, but others were there before.
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
    fn who_stops_waiting_leaves_the_line() {
        let bench = Bench::new(100);
        bench.take(1, 60);
        bench.take(2, 100);
        bench.clock.advance(WAIT / 2);
        bench.take(3, 10);
        bench.clock.advance(WAIT / 2);
        bench.executor.run_until_stalled();
        assert_eq!(bench.names(), [1, 2, 3]);
        assert!(bench.done.borrow()[1].1.is_none() && bench.done.borrow()[2].1.is_some());
        bench.give_back(1);
        bench.give_back(3);
        assert_eq!(bench.budget.used(), 0);
    }
}
