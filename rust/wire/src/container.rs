//! Requests about containers.

use crate::access::{Access, NewAccess};
use crate::macros::wire_structs;
use daos_types::{ContainerId, Epoch, HandleId, PoolId, Reference};

wire_structs! {
    /// Properties of a container.
    Properties {
        /// Empty for none.
        label: String,
        /// What it is used for (`DAOS_PROP_CO_LAYOUT_*`).
        kind: u16,
        /// Property type and number.
        numbers: Vec<(u32, u64)>,
        /// Property type and text.
        texts: Vec<(u32, String)>,
    }
    /// Creates a container.
    ContainerCreate {
        /// The pool.
        pool: PoolId,
        /// The pool handle.
        handle: HandleId,
        /// Chosen by the caller, so that a repeated request is recognised.
        container: ContainerId,
        /// Its properties.
        properties: Properties,
        /// Owner and access control list.
        access: NewAccess,
    }
    /// Destroys a container.
    ContainerDestroy {
        /// The pool.
        pool: PoolId,
        /// The pool handle.
        handle: HandleId,
        /// Which.
        container: Reference,
        /// Also with open handles.
        force: bool,
    }
    /// Lists the containers of a pool.
    ContainerList {
        /// The pool.
        pool: PoolId,
        /// The pool handle.
        handle: HandleId,
        /// The last one that is known.
        after: Option<ContainerId>,
    }
    /// A container in the list of a pool.
    ContainerEntry {
        /// Identifier.
        id: ContainerId,
        /// Empty for none.
        label: String,
    }
    /// Opens a handle on a container.
    ContainerOpen {
        /// The pool.
        pool: PoolId,
        /// The pool handle.
        pool_handle: HandleId,
        /// Which.
        container: Reference,
        /// Chosen by the caller; opening again with the same handle changes nothing.
        handle: HandleId,
        /// `DAOS_COO_*`.
        flags: u32,
        /// As in [`crate::PoolConnect`].
        again: bool,
    }
    /// The answer to an open.
    ContainerOpened {
        /// Identifier.
        id: ContainerId,
        /// Properties.
        properties: Properties,
        /// What the handle permits (`DAOS_ACL_PERM_*`).
        rights: u64,
        /// Which targets of the pool it uses.
        placement: ContainerPlacement,
    }
    /// Which targets of its pool a container uses: fixed when it is made, since what is stored without redundancy does not move.
    #[derive(Default)]
    ContainerPlacement {
        /// The version of the pool map by which it was made: it uses no targets that came later. 0 for those that the pool began with.
        version: u32,
        /// Targets that it does not use, as they were out of use then: runs by position and number.
        avoided: Vec<(u32, u32)>,
    }
    /// A condition on a container.
    ContainerCondition {
        /// What is compared, a number of `daos_pool_cont_filter_key`.
        key: u32,
        /// How, a number of `daos_pool_cont_filter_func`.
        comparison: u32,
        /// With what.
        value: u64,
    }
    /// Lists the containers of a pool that conditions let through.
    ContainerFilter {
        /// The pool.
        pool: PoolId,
        /// The pool handle.
        handle: HandleId,
        /// The last one that is known.
        after: Option<ContainerId>,
        /// One condition that holds is enough, where otherwise all have to.
        any: bool,
        /// The conditions; without any, all containers are let through.
        conditions: Vec<ContainerCondition>,
    }
    /// A container that was let through.
    ContainerFound {
        /// Identifier and label.
        entry: ContainerEntry,
        /// Open handles.
        handles: u32,
        /// Snapshots.
        snapshots: u32,
        /// The newest of them; zero when there are none.
        newest_snapshot: Epoch,
        /// Time of the last open, as an epoch.
        open_time: u64,
        /// Time of the last change of metadata, as an epoch.
        modify_time: u64,
    }
    /// A request about an open container.
    ContainerRequest {
        /// The pool.
        pool: PoolId,
        /// The container.
        container: ContainerId,
        /// The container handle.
        handle: HandleId,
    }
    /// The answer to a container query.
    ContainerQueryReply {
        /// Properties.
        properties: Properties,
        /// What the handle permits (`DAOS_ACL_PERM_*`).
        rights: u64,
        /// Owner and access control list; the list is there for those only who may read it.
        access: Access,
        /// Open handles.
        handles: u32,
        /// Snapshots.
        snapshots: u32,
        /// The newest of them; zero when there are none.
        newest_snapshot: Epoch,
        /// Epoch of the last open.
        open_time: u64,
        /// Epoch of the last change of metadata.
        modify_time: u64,
    }
    /// Changes properties of a container.
    ContainerSetProperties {
        /// The container.
        request: ContainerRequest,
        /// What is set; an empty label stays as it is.
        properties: Properties,
    }
    /// Reserves object identifiers.
    AllocateObjectIds {
        /// The container.
        request: ContainerRequest,
        /// How many.
        count: u64,
    }
}
