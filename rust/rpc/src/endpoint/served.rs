//! The requests that the handler has and has not answered.

use crate::Address;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

struct Served {
    peer: Address,
    is_abandoned: Rc<Cell<bool>>,
    copies: usize,
}

/// Requests by call id, so that callers can ask for them and give them up.
#[derive(Default)]
pub(super) struct ServedRequests {
    table: RefCell<HashMap<u64, Served>>,
    count: Cell<usize>,
}

impl ServedRequests {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.count.get()
    }

    /// Adds a request; gives what says that its caller gave it up. A request that came twice is counted twice.
    pub fn add(&self, peer: &Address, call: u64) -> Rc<Cell<bool>> {
        self.count.set(self.count.get() + 1);
        let mut table = self.table.borrow_mut();
        let new = || Served { peer: peer.clone(), is_abandoned: Rc::default(), copies: 0 };
        let served = table.entry(call).or_insert_with(new);
        served.copies += 1;
        // Ids begin at random: two callers with the same one are rarer than errors of memory. Neither may end the other's.
        if served.peer == *peer { served.is_abandoned.clone() } else { Rc::default() }
    }

    /// Removes a request that was answered.
    pub fn remove(&self, call: u64) {
        self.count.set(self.count.get() - 1);
        let mut table = self.table.borrow_mut();
        if let Some(served) = table.get_mut(&call) {
            served.copies -= 1;
            if served.copies == 0 {
                table.remove(&call);
            }
        }
    }

    /// Marks requests that their caller gave up.
    pub fn abandon(&self, peer: &str, calls: impl Iterator<Item = u64>) {
        let table = self.table.borrow();
        for call in calls {
            if let Some(served) = table.get(&call).filter(|served| served.peer.as_str() == peer) {
                served.is_abandoned.set(true);
            }
        }
    }

    /// Whether a request is here.
    pub fn contains(&self, call: u64) -> bool {
        self.table.borrow().contains_key(&call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_given_up_by_their_caller_only() {
        let requests = ServedRequests::default();
        let peer = Address::parse("a://1").unwrap();
        let (first, copy, other) = (requests.add(&peer, 1), requests.add(&peer, 1), requests.add(&peer, 2));
        requests.abandon("a://2", [1, 2].into_iter());
        assert!(!first.get() && !other.get());
        requests.abandon("a://1", [1, 3].into_iter());
        assert!(first.get() && copy.get() && !other.get());
        requests.remove(1);
        assert!(requests.contains(1) && requests.count() == 2);
        requests.remove(1);
        requests.remove(2);
        assert!(!requests.contains(1) && requests.count() == 0 && requests.table.borrow().is_empty());
    }
}
