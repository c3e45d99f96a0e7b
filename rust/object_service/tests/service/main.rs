//! The service of one target, by its messages.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod bounds;
mod grants;
mod harness;
mod hostile;
mod moving;
mod named;
mod removal;
mod snapshots;
mod transactions;
mod values;
