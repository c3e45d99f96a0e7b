#![doc = include_str!("../docs/design.md")]

mod core;
pub mod parts;
mod replica;
mod store;

pub use crate::core::{
    ADDRESS_LENGTH_MAX, Base, Command, Core, CoreLeadership, CoreSettings, LOG_ENTRIES_MAX, MEMBERS_MAX, Refusal,
    StoreChange, StoreInstall, StoredState,
};
pub use crate::replica::{Leadership, Link, PROPOSAL_BYTES_MAX, ProposalError, Replica, ReplicaParts};
pub use crate::store::{NewReplica, ReplicaStore};
pub use daos_wire::replicated::{
    EntryPayload, LogEntry, LogIndex, Member, Membership, ReplicaId, ReplicaMessage, RowChange, Term,
};

#[cfg(test)]
mod simulation;
