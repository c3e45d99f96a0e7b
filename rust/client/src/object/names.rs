//! Names of changes, by which a target knows one that is sent again.

use daos_status::{Code, Result};
use daos_wire::ChangeName;
use std::cell::Cell;

/// The names that one client gives.
pub(crate) struct ChangeNames {
    client: u64,
    next: Cell<u64>,
}

impl ChangeNames {
    /// Those of a client that has chosen a number at random.
    pub fn new(client: u64) -> ChangeNames {
        ChangeNames { client, next: Cell::new(1) }
    }

    /// The name of a request that changes something at one target. Each request has its own.
    pub fn next(&self) -> ChangeName {
        let sequence = self.next.get();
        self.next.set(sequence + 1);
        ChangeName { client: self.client, sequence, is_repeat: false }
    }
}

/// Whether a request may have been carried out though it failed. What was refused was not.
pub(super) fn is_in_doubt<T>(result: &Result<T>) -> bool {
    result.as_ref().is_err_and(|status| !matches!(status.code(), Code::Busy | Code::Again | Code::Stale))
}
