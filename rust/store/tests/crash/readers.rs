//! A reader: what it was told must not be taken back by a crash.

use crate::life::{MARKERS, TABLES, marker_object, read_number};
use daos_env::sync::yield_now;
use daos_status::{Code, Result};
use daos_store::Store;
use daos_types::{ContainerId, ObjectId};
use std::cell::Cell;

/// The numbers that were seen: of the random requests, and of the tables.
#[derive(Default)]
pub struct Readers {
    seen: [Cell<u64>; 2],
}

fn place(of: usize) -> (ContainerId, ObjectId) {
    if of == 0 { (MARKERS, marker_object(0)) } else { (TABLES, ObjectId { hi: 0, lo: 1 }) }
}

impl Readers {
    pub async fn work(&self, store: &Store, rounds: u64) -> Result<()> {
        for _ in 0..rounds {
            for (of, seen) in self.seen.iter().enumerate() {
                let (container, object) = place(of);
                match read_number(store, container, object).await {
                    // A punched table counts as nothing: the number may fall to none and rise again.
                    Ok(number) => seen.set(number.unwrap_or(0).max(if of == 0 { seen.get() } else { 0 })),
                    Err(status) if status.code() == Code::ContNonexist => {}
                    Err(status) => return Err(status),
                }
            }
            for _ in 0..4 {
                yield_now().await;
            }
        }
        Ok(())
    }

    /// `done` are the numbers of requests that have survived.
    pub fn verify(&self, done: [u64; 2]) {
        for (seen, done) in self.seen.iter().zip(done) {
            assert!(seen.get() <= done, "request {} was read, and only {done} have survived", seen.get());
        }
    }
}
