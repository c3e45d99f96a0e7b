//! Mutual exclusion between tasks of one executor, first come, first served.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::task::{Poll, Waker};

/// One lock per key; a key that nobody wants takes no memory. Those who wait are bounded by the requests of an endpoint.
pub(crate) struct KeyedLocks<K: Ord + Clone>(Rc<RefCell<BTreeMap<K, Line>>>);

impl<K: Ord + Clone> Default for KeyedLocks<K> {
    fn default() -> Self {
        KeyedLocks(Rc::default())
    }
}

/// Those who want one key, by the numbers they have drawn.
#[derive(Default)]
struct Line {
    serving: u64,
    next: u64,
    wakers: BTreeMap<u64, Waker>,
    /// Numbers whose tasks were dropped while they waited.
    left: BTreeSet<u64>,
}

/// A place in a line; its holder has the lock when its number is served.
pub(crate) struct Guard<K: Ord + Clone> {
    locks: Rc<RefCell<BTreeMap<K, Line>>>,
    key: K,
    number: u64,
}

impl<K: Ord + Clone> KeyedLocks<K> {
    /// Waits until nobody else holds the key, and holds it until the guard is dropped.
    pub async fn lock(&self, key: K) -> Guard<K> {
        let number = {
            let mut lines = self.0.borrow_mut();
            let line = lines.entry(key.clone()).or_default();
            line.next += 1;
            line.next - 1
        };
        let guard = Guard { locks: self.0.clone(), key, number };
        std::future::poll_fn(|context| {
            let mut lines = self.0.borrow_mut();
            let line = lines.entry(guard.key.clone()).or_default();
            if line.serving == number {
                return Poll::Ready(());
            }
            line.wakers.insert(number, context.waker().clone());
            Poll::Pending
        })
        .await;
        guard
    }
}

impl<K: Ord + Clone> Drop for Guard<K> {
    fn drop(&mut self) {
        let mut lines = self.locks.borrow_mut();
        let Some(line) = lines.get_mut(&self.key) else { return };
        line.wakers.remove(&self.number);
        if line.serving != self.number {
            line.left.insert(self.number);
            return;
        }
        line.serving += 1;
        while line.left.remove(&line.serving) {
            line.serving += 1;
        }
        let next = line.wakers.remove(&line.serving);
        if line.serving == line.next {
            lines.remove(&self.key);
        }
        drop(lines);
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_env::sync::yield_now;
    use daos_env::{Executor, ManualClock};
    use std::cell::Cell;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn one_at_a_time_in_the_order_of_coming_and_dropped_waiters_are_passed_over() {
        let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
        let (locks, order) = (Rc::new(KeyedLocks::default()), Rc::new(RefCell::new(Vec::new())));
        let inside = Rc::new(Cell::new(0));
        for number in 0..20 {
            let (locks, order, inside) = (locks.clone(), order.clone(), inside.clone());
            executor.spawner().spawn(async move {
                if number % 3 == 1 {
                    // Gives up after one look.
                    let mut waiting = Box::pin(locks.lock(0));
                    std::future::poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_ready())).await;
                    return;
                }
                let guard = locks.lock(0).await;
                inside.set(inside.get() + 1);
                yield_now().await;
                assert_eq!(inside.replace(0), 1);
                order.borrow_mut().push(number);
                drop(guard);
            });
        }
        executor.run_until_stalled();
        let expected: Vec<i32> = (0..20).filter(|number| number % 3 != 1).collect();
        assert_eq!(*order.borrow(), expected);
        assert!(locks.0.borrow().is_empty());
    }

    #[test]
    fn keys_do_not_wait_for_each_other() {
        let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
        let locks = Rc::new(KeyedLocks::default());
        let theirs = locks.clone();
        let both = executor.block_on(async move {
            let first = theirs.lock("a").await;
            let second = theirs.lock("b").await;
            drop((first, second));
        });
        assert_eq!(both, Some(()));
        assert!(locks.0.borrow().is_empty());
    }
}
