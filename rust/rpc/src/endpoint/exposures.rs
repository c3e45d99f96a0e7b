//! Which memory is exposed, and who may still use it although nobody waits for them.

use crate::Address;
use daos_env::sync::Signal;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// A call that ended without a reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mark {
    pub peer: Address,
    pub call: u64,
}

/// The exposed memory of one endpoint.
///
/// A call that ended without a reply leaves its peer with the right to memory that the caller wants back. The memory is
/// then marked: before it is given back, the connection to the peer is ended. Until then no new call goes to the peer,
/// because it would be lost with the connection.
#[derive(Default)]
pub(super) struct Exposures {
    /// By number, with the calls that ended without a reply.
    live: RefCell<HashMap<u64, Vec<Mark>>>,
    /// How many marks there are by peer.
    unclean: RefCell<HashMap<Address, usize>>,
    cleaned: Signal,
    next: Cell<u64>,
}

impl Exposures {
    /// Adds memory, and gives its number.
    pub fn add(&self) -> u64 {
        let number = self.next.get();
        self.next.set(number + 1);
        self.live.borrow_mut().insert(number, Vec::new());
        number
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.live.borrow().len()
    }

    /// Remembers that a peer may still use memory.
    pub fn mark(&self, memory: &[u64], peer: &Address, call: u64) {
        let (mut live, mut unclean) = (self.live.borrow_mut(), self.unclean.borrow_mut());
        for number in memory {
            if let Some(marks) = live.get_mut(number) {
                marks.push(Mark { peer: peer.clone(), call });
                *unclean.entry(peer.clone()).or_default() += 1;
            }
        }
    }

    /// Removes memory, and gives the calls whose connections are to be ended before it is given back.
    pub fn remove(&self, number: u64) -> Vec<Mark> {
        self.live.borrow_mut().remove(&number).unwrap_or_default()
    }

    /// Says that the connections were ended for memory that was removed.
    pub fn clean(&self, marks: &[Mark]) {
        let mut unclean = self.unclean.borrow_mut();
        let mut woken = false;
        for Mark { peer, .. } in marks {
            if let Some(count) = unclean.get_mut(peer) {
                *count -= 1;
                if *count == 0 {
                    unclean.remove(peer);
                    woken = true;
                }
            }
        }
        drop(unclean);
        if woken {
            self.cleaned.wake_all();
        }
    }

    /// Whether the connection to a peer is about to be ended.
    pub fn is_unclean(&self, peer: &Address) -> bool {
        // Nearly always there is none: no text is hashed then.
        let unclean = self.unclean.borrow();
        !unclean.is_empty() && unclean.contains_key(peer)
    }

    /// Waits until it was.
    pub async fn until_clean(&self, peer: &Address) {
        self.cleaned.wait_until(|| !self.is_unclean(peer)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_clean_when_all_its_memory_was_given_back() {
        let exposures = Exposures::default();
        let peers = ["a://1", "a://2"].map(|text| Address::parse(text).unwrap());
        let [first, second] = [exposures.add(), exposures.add()];
        assert_eq!(exposures.remove(exposures.add()), []);
        exposures.mark(&[first, second, 99], &peers[0], 5);
        exposures.mark(&[first], &peers[1], 6);
        let marks = exposures.remove(first);
        let mark = |peer: &Address, call| Mark { peer: peer.clone(), call };
        assert_eq!(marks, [mark(&peers[0], 5), mark(&peers[1], 6)]);
        exposures.clean(&marks);
        assert!(exposures.is_unclean(&peers[0]) && !exposures.is_unclean(&peers[1]));
        exposures.clean(&exposures.remove(second));
        assert!(!exposures.is_unclean(&peers[0]));
        assert!(exposures.unclean.borrow().is_empty() && exposures.live.borrow().is_empty());
    }
}
