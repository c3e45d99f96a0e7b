//! Identifiers of new objects.

use crate::error::Result;
use daos_client::{Client, Container};
use daos_types::{ObjectClass, ObjectId, ObjectType};
use std::sync::{Mutex, PoisonError};

/// Lower half that the superblock and the root have; files and directories never get it (upstream's rule).
pub(crate) const RESERVED_LOWER: u64 = 0;

/// The identifiers that a mount may give: those of one lower half, which the container gave it, with every value of the 32
/// bits of the upper half that are the user's.
struct Batch {
    lower: u64,
    next: u32,
}

/// Gives each new object an identifier that no other has.
///
/// One request to the container is enough for 2^32 objects, as upstream does it.
#[derive(Default)]
pub(crate) struct ObjectIds(Mutex<Option<Batch>>);

impl ObjectIds {
    fn take(&self) -> Option<ObjectId> {
        let mut batch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Batch { lower, next } = batch.as_mut()?;
        let id = ObjectId { lo: *lower, hi: u64::from(*next) };
        match next.checked_add(1) {
            Some(following) => *next = following,
            None => *batch = None,
        }
        Some(id)
    }

    fn refill(&self, lower: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Batch { lower, next: 0 });
    }

    /// An identifier for an object of this type and class.
    pub async fn next(
        &self,
        client: &Client,
        container: &Container,
        kind: ObjectType,
        class: ObjectClass,
    ) -> Result<ObjectId> {
        loop {
            if let Some(user) = self.take() {
                return Ok(ObjectId::generate(user, kind, class));
            }
            // Several tasks may come here at once; then the last one's batch is used, and the others are not missed.
            match container.allocate_object_ids(client, 1).await? {
                RESERVED_LOWER => {}
                lower => self.refill(lower),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_gives_each_identifier_once_and_ends() {
        let ids = ObjectIds::default();
        assert_eq!(ids.take(), None);
        ids.refill(7);
        assert_eq!([ids.take(), ids.take()], [Some(ObjectId { hi: 0, lo: 7 }), Some(ObjectId { hi: 1, lo: 7 })]);
        *ids.0.lock().expect("not poisoned") = Some(Batch { lower: 7, next: u32::MAX });
        assert_eq!(ids.take(), Some(ObjectId { hi: u64::from(u32::MAX), lo: 7 }));
        assert_eq!(ids.take(), None);
    }
}
