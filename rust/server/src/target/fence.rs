//! Keeps orders of those that lead no more from a target.

use daos_env::sync::Signal;
use daos_status::{Code, Result, fail};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The terms in which a target was given orders.
///
/// An engine that led the metadata service may not know yet that another one does, and an order of its may be late: it would remove what was
/// made since. So a target carries out no order of an older term than it has seen, and none of a newer term as long as one of an older is
/// under way. Before a change is answered, every target that has something to do with it has seen the term of the leader that answers.
///
/// It is not durable: a target that starts anew has forgotten it, and what was on its way to its last life is not delivered to this one but
/// for the same address. Before the rank is used again, the leader of the day asks it what it has, which is an order, too; what a late
/// order has taken away before that is seen then.
#[derive(Default)]
pub(crate) struct Fence {
    highest: Cell<u64>,
    running: RefCell<BTreeMap<u64, usize>>,
    ended: Signal,
}

/// An order that is carried out.
pub(crate) struct Entered {
    fence: Rc<Fence>,
    term: u64,
}

impl Fence {
    /// Waits until orders of older terms have ended.
    ///
    /// # Errors
    /// [`Code::Notleader`]: another engine leads.
    pub async fn enter(self: &Rc<Self>, term: u64) -> Result<Entered> {
        self.highest.set(self.highest.get().max(term));
        self.ended.wait_until(|| self.running.borrow().range(..term).next().is_none()).await;
        // A newer one may have come meanwhile.
        let highest = self.highest.get();
        if term < highest {
            fail!(
                Code::Notleader,
                "an order of term {term} came late: another engine leads the metadata service since term {highest}"
            );
        }
        *self.running.borrow_mut().entry(term).or_default() += 1;
        Ok(Entered { fence: self.clone(), term })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut running = self.fence.running.borrow_mut();
        if let Some(count) = running.get_mut(&self.term) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.term);
            }
        }
        drop(running);
        self.fence.ended.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }

    #[test]
    fn late_orders_are_refused_and_newer_ones_wait_for_those_under_way() {
        let fence = Rc::new(Fence::default());
        let one = now(fence.enter(3)).expect("nobody is there").expect("the first");
        let other = now(fence.enter(3)).expect("the same term").expect("waits for nobody");
        let mut newer = pin!(fence.enter(5));
        let mut context = Context::from_waker(Waker::noop());
        assert!(newer.as_mut().poll(&mut context).is_pending());
        assert_eq!(now(fence.enter(3)).map(|entered| entered.is_ok()), Some(false), "a newer one waits");
        drop(one);
        assert!(newer.as_mut().poll(&mut context).is_pending());
        drop(other);
        let Poll::Ready(Ok(newer)) = newer.as_mut().poll(&mut context) else { panic!("nobody else is there") };
        for (term, is_let_in) in [(4, false), (5, true)] {
            assert_eq!(now(fence.enter(term)).map(|entered| entered.is_ok()), Some(is_let_in));
        }
        drop(newer);
        let refused = now(fence.enter(4)).expect("at once");
        assert_eq!(refused.err().map(|status| status.code()), Some(Code::Notleader), "it does not come back");
        assert!(fence.running.borrow().is_empty());
    }
}
