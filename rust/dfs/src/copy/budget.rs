//! A bound on the memory of all copies of one run.

use daos_env::sync::Signal;
use std::cell::Cell;

/// Bytes that may be under way; who wants more waits.
pub(super) struct Budget {
    free: Cell<u64>,
    freed: Signal,
}

/// Bytes taken from a budget, given back when dropped.
pub(super) struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    pub fn new(bytes: u64) -> Budget {
        Budget { free: Cell::new(bytes), freed: Signal::new() }
    }

    /// Takes bytes as soon as they are there; they must not be more than the budget has.
    pub async fn take(&self, bytes: u64) -> Share<'_> {
        self.freed.wait_until(|| self.free.get() >= bytes).await;
        self.free.set(self.free.get() - bytes);
        Share { budget: self, bytes }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.free.set(self.budget.free.get() + self.bytes);
        self.budget.freed.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_client::array::run_bounded;
    use daos_env::sync::yield_now;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn no_more_than_the_budget_is_under_way_and_all_get_their_turn() {
        let budget = Budget::new(10);
        let (now, most, done) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let futures = (1..=20u64).map(|index| {
            let (budget, now, most, done) = (&budget, &now, &most, &done);
            async move {
                let bytes = index % 7 + 1;
                let share = budget.take(bytes).await;
                now.set(now.get() + bytes);
                most.set(most.get().max(now.get()));
                yield_now().await;
                now.set(now.get() - bytes);
                drop(share);
                done.set(done.get() + 1);
                Ok::<(), ()>(())
            }
        });
        let mut all = std::pin::pin!(run_bounded(20, futures));
        let mut context = Context::from_waker(Waker::noop());
        let mut rounds = 0;
        while all.as_mut().poll(&mut context) == Poll::Pending {
            rounds += 1;
            assert!(rounds < 1000, "somebody is never woken");
        }
        assert_eq!((done.get(), now.get()), (20, 0));
        assert!(most.get() <= 10 && most.get() > 5, "{}", most.get());
    }
}
