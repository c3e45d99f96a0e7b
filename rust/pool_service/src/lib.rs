//! The pool service: pools, containers, their properties and attributes, and the handles that are open on them.
//!
//! The service is pure: it decides, and somebody else does. A request that changes something gives a [`Decision`]: rows to
//! be stored, and what to answer once they are. When they are durable, the rows go back in through
//! [`PoolService::apply`], the same way they come in when the service starts. So memory never holds what a crash could take
//! back, and replicating the service means replicating rows.
//!
//! Handles are rows, too: they outlive the engine that gave them. So are the answers to changes, until the client has them:
//! a change that is sent again is answered again, and not done twice.
//!
#![doc = include_str!("../docs/semantics.md")]

mod access;
mod attributes;
mod checksums;
mod containers;
mod filters;
mod handles;
mod holders;
mod maps;
mod pools;
mod properties;
mod ranks;
mod rows;
mod snapshots;
mod space;
mod state;
mod targets;

pub use checksums::{ContainerChecksums, PROPERTY_CHECKSUM, PROPERTY_CHUNK, PROPERTY_VERIFY};
pub use handles::{Caller, ClientId};
pub use holders::{OPERATIONS_MAX, Revoked};
pub use maps::MapVersions;
pub use pools::PoolPlan;
pub use ranks::SystemStart;
pub use rows::{Row, RowKey};
pub use space::{Promise, SpaceOffer, largest_on_storage};
pub use state::{Decision, PoolService, PoolState, Unfinished};

#[cfg(test)]
mod tests;
