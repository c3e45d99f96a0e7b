//! Requests between the targets of the system.

use crate::Blob;
use crate::macros::wire_structs;
use crate::pool::Space;
use daos_types::{ContainerId, Epoch, HandleId, PoolId};

wire_structs! {
    /// A request to a target by the engine that leads the metadata service. One that led before is refused.
    TargetOrder {
        /// The term in which it leads.
        term: u64,
        /// What it wants: the number of an operation.
        opcode: u16,
        /// The request.
        body: Blob,
    }
    /// Creates the part of a pool on one target.
    TargetPoolCreate {
        /// The pool.
        pool: PoolId,
        /// Bytes for metadata.
        meta_bytes: u64,
        /// Bytes for data.
        data_bytes: u64,
        /// Bytes of the redo log.
        log_bytes: u64,
        /// Durability class.
        durability: String,
    }
    /// Tells a target what the properties of a pool are.
    TargetPoolProperties {
        /// The pool.
        pool: PoolId,
        /// Property type (`DAOS_PROP_PO_*`) and number.
        numbers: Vec<(u32, u64)>,
    }
    /// Creates the part of a container on one target.
    TargetContainerCreate {
        /// The pool.
        pool: PoolId,
        /// The container.
        container: ContainerId,
        /// Kind of its checksums (`DAOS_PROP_CO_CSUM_*`).
        checksum: u32,
        /// Bytes under one checksum.
        chunk_bytes: u32,
        /// Whether updates are verified when they come.
        verify_on_update: bool,
    }
    /// Names a container on one target.
    TargetContainer {
        /// The pool.
        pool: PoolId,
        /// The container.
        container: ContainerId,
    }
    /// Lists the containers that a pool has on one target.
    TargetContainerList {
        /// The pool.
        pool: PoolId,
        /// The last one that is known.
        after: Option<ContainerId>,
    }
    /// Space of the part of a pool on one target.
    TargetSpace {
        /// Metadata.
        meta: Space,
        /// Data.
        data: Space,
    }
    /// Asks the pool service whether a container handle is open.
    HandleQuery {
        /// The pool.
        pool: PoolId,
        /// The container.
        container: ContainerId,
        /// The handle.
        handle: HandleId,
    }
    /// What an open handle allows.
    HandleGrant {
        /// Reading.
        read: bool,
        /// Writing.
        write: bool,
        /// The newest snapshot of the container; what is changed by the handle is newer.
        snapshot: Epoch,
    }
}
