//! Gates: changes of a container are held back for a moment while the epoch of a snapshot is chosen, or while it is brought back to one.
//!
//! A change takes its epoch behind the gate. So when the gates of all targets of a container are closed, an epoch that is newer than all their
//! clocks parts all changes: what was made before, anywhere, is older, and what is made after a gate was opened is newer, since the
//! clock behind it has been told of that epoch before. A gate that nobody opens opens by itself, and the snapshot is not made then.

use daos_env::Spawner;
use daos_env::sync::Signal;
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, PoolId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

/// The most gates that are closed at a time.
const GATES_MAX: usize = 256;

type Place = (PoolId, ContainerId);

/// What is closed, by whom, and until when.
struct Gate {
    attempt: u64,
    until: Duration,
}

#[derive(Default)]
pub(crate) struct Gates {
    closed: RefCell<BTreeMap<Place, Gate>>,
    opened: Signal,
}

impl Gates {
    /// Whether nothing is held back.
    pub fn are_open(&self) -> bool {
        self.closed.borrow().is_empty()
    }

    /// Holds changes back from now on. Who closes a gate that is closed takes it over.
    pub fn close(&self, place: Place, attempt: u64, until: Duration, now: Duration) -> Result<()> {
        let mut closed = self.closed.borrow_mut();
        closed.retain(|_, gate| gate.until > now);
        if closed.len() >= GATES_MAX && !closed.contains_key(&place) {
            fail!(Code::Busy, "changes of {GATES_MAX} containers are held back already; try again");
        }
        closed.insert(place, Gate { attempt, until });
        Ok(())
    }

    /// Fails when a gate was opened since it was closed, or was closed by somebody else.
    pub fn check(&self, place: Place, attempt: u64, now: Duration) -> Result<()> {
        match self.closed.borrow().get(&place) {
            Some(gate) if gate.attempt == attempt && gate.until > now => Ok(()),
            _ => fail!(Code::Again, "changes of container {} are not held back any more", place.1),
        }
    }

    /// Lets changes go on, if it was this one who held them back.
    pub fn open(&self, place: Place, attempt: u64) {
        let mut closed = self.closed.borrow_mut();
        if closed.get(&place).is_some_and(|gate| gate.attempt == attempt) {
            closed.remove(&place);
            drop(closed);
            self.opened.wake_all();
        }
    }

    /// Waits until changes of a container are not held back.
    pub async fn pass(&self, place: Place, spawner: &Spawner) {
        loop {
            let Some(until) = self.closed.borrow().get(&place).map(|gate| gate.until) else { return };
            let left = until.saturating_sub(spawner.clock().monotonic());
            if left.is_zero() {
                // Nobody opened it, and nobody has to look at it any more.
                self.closed.borrow_mut().remove(&place);
                return;
            }
            let is_open = || self.closed.borrow().get(&place).is_none_or(|gate| gate.until != until);
            spawner.timeout(left, self.opened.wait_until(is_open)).await;
        }
    }
}
