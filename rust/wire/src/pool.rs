//! Requests about the system and its pools.

use crate::access::{Access, NewAccess};
use crate::codec::Blob;
use crate::macros::{wire_enums, wire_structs};
use crate::route::{PoolRoute, RouteKnown};
use daos_types::{ContainerId, HandleId, PoolId, Rank, Reference, TargetIndex};

wire_structs! {
    /// Asks an engine what it is.
    SystemQuery {}
    /// The release of the engine that leads the metadata service.
    SystemVersion {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
        /// Number of the patch.
        patch: u32,
    }
    /// What an engine is.
    SystemReply {
        /// Name of the system.
        name: String,
        /// Provider of the fabric.
        provider: String,
        /// Process id of the engine.
        process: u32,
        /// Addresses of its targets.
        targets: Vec<String>,
    }
    /// Creates a pool.
    PoolCreate {
        /// Chosen by the caller, so that a repeated request is recognised.
        id: PoolId,
        /// Empty for none.
        label: String,
        /// Bytes over all targets; 0 for the engine's choice.
        size: u64,
        /// Durability class: `log`, `pmem` or `ram`.
        durability: String,
        /// Owner and access control list.
        access: NewAccess,
        /// Property type (`DAOS_PROP_PO_*`) and number.
        numbers: Vec<(u32, u64)>,
        /// The engines that it is to be on; when there are none, as many as the next field says.
        ranks: Vec<Rank>,
        /// How many engines, which the service chooses; 0 for all that serve.
        rank_count: u32,
        /// The replicas of its metadata that are asked for; 0 for as many as the system has.
        replicas: u32,
    }
    /// Changes what targets of a pool are good for, or gives it more of them.
    PoolTargetsChange {
        /// The pool.
        pool: Reference,
        /// A number of [`PoolTargetsAction`].
        action: u8,
        /// The engines.
        ranks: Vec<Rank>,
        /// Which targets of each of them; all when there are none.
        targets: Vec<TargetIndex>,
    }
    /// What became of it.
    PoolTargetsChanged {
        /// Version of the pool map.
        map_version: u32,
        /// How many targets changed.
        targets: u32,
        /// How many containers may have data on the targets that were named.
        containers: u64,
    }
    /// Destroys a pool.
    PoolDestroy {
        /// Which.
        pool: Reference,
        /// Also with open handles.
        force: bool,
    }
    /// A pool in the list of pools.
    PoolEntry {
        /// Identifier.
        id: PoolId,
        /// Empty for none.
        label: String,
        /// `Ready`, `Creating` or `Destroying`.
        state: String,
        /// Replicas of the pool service.
        service_ranks: Vec<Rank>,
    }
    /// Opens a handle on a pool.
    PoolConnect {
        /// Which.
        pool: Reference,
        /// Chosen by the caller; connecting again with the same handle changes nothing.
        handle: HandleId,
        /// `DAOS_PC_*`.
        flags: u32,
        /// The handle was open before, and is to be open again on a new connection: it must not have been evicted.
        again: bool,
        /// What is known of its targets from before.
        known: RouteKnown,
    }
    /// The answer to a connect.
    PoolConnected {
        /// Identifier of the pool.
        id: PoolId,
        /// Where its targets are: the first part.
        route: PoolRoute,
    }
    /// Asks for one target of a pool.
    PoolTargetQuery {
        /// The pool, by an open handle.
        request: PoolRequest,
        /// The engine.
        rank: Rank,
        /// The number of the target within it.
        target: TargetIndex,
    }
    /// What a target is good for, and how full it is.
    PoolTargetReply {
        /// `daos_target_state_t`.
        state: u8,
        /// Metadata and small values; nothing of a target whose engine does not serve.
        meta: Space,
        /// Large values.
        data: Space,
    }
    /// A request about a connected pool.
    PoolRequest {
        /// The pool.
        pool: PoolId,
        /// The handle.
        handle: HandleId,
    }
    /// The answer to a pool query.
    PoolQueryReply {
        /// Empty for none.
        label: String,
        /// Version of the pool map.
        map_version: u32,
        /// Targets.
        targets: u32,
        /// Targets out of use.
        targets_disabled: u32,
        /// Engines.
        engines: u32,
        /// Metadata and small values.
        meta: Space,
        /// Large values.
        data: Space,
        /// Open handles.
        handles: u32,
        /// Containers.
        containers: u64,
        /// Durability class.
        durability: String,
        /// Property type (`DAOS_PROP_PO_*`) and number, also of those that were never set.
        numbers: Vec<(u32, u64)>,
        /// Owner and access control list.
        access: Access,
        /// Its ranks that have a target in use: runs by first rank and number.
        ranks: Vec<(u32, u32)>,
        /// Its ranks that have a target out of use.
        ranks_disabled: Vec<(u32, u32)>,
    }
    /// Changes properties of a pool; those not named stay.
    PoolSetProperties {
        /// The pool.
        request: PoolRequest,
        /// Property type and number.
        numbers: Vec<(u32, u64)>,
    }
    /// Asks for the properties of a pool, or changes them, as its administrator: without a handle.
    PoolManage {
        /// The pool.
        pool: Reference,
        /// A new label; empty to leave it.
        label: String,
        /// Property type and number; those not named stay.
        numbers: Vec<(u32, u64)>,
    }
    /// What an administrator is told about a pool.
    PoolManaged {
        /// Identifier.
        id: PoolId,
        /// Empty for none.
        label: String,
        /// Property type and number, also of those that were never set.
        numbers: Vec<(u32, u64)>,
        /// Owner and access control list.
        access: Access,
    }
    /// Closes handles of a pool, whoever holds them, and what was opened through them.
    PoolEvict {
        /// The pool.
        pool: Reference,
        /// Which; all when there are none.
        handles: Vec<HandleId>,
    }
    /// Space in bytes.
    Space {
        /// All.
        total: u64,
        /// What can be written.
        free: u64,
    }
    /// Sets user attributes.
    AttributesSet {
        /// Of what.
        owner: AttributeOwner,
        /// The open handle.
        handle: HandleId,
        /// Names and values.
        attributes: Vec<(String, Blob)>,
    }
    /// Lists user attributes.
    AttributesList {
        /// Of what.
        owner: AttributeOwner,
        /// The open handle.
        handle: HandleId,
        /// The last name that is known.
        after: Option<String>,
    }
    /// Reads or deletes user attributes.
    AttributesNamed {
        /// Of what.
        owner: AttributeOwner,
        /// The open handle.
        handle: HandleId,
        /// Names.
        names: Vec<String>,
    }
}

/// What can be done with targets of a pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PoolTargetsAction {
    /// Take them out of use.
    Exclude = 1,
    /// Take them out of use when nothing is on them.
    Drain = 2,
    /// Take them into use again.
    Reintegrate = 3,
    /// Add all targets of engines that the pool is not on.
    Extend = 4,
    /// Say of targets that are out of use that nothing has to be moved from them any more; others stay as they are.
    ExcludeOut = 5,
}

impl PoolTargetsAction {
    /// The action of a number.
    pub fn from_number(number: u8) -> Option<PoolTargetsAction> {
        use PoolTargetsAction::{Drain, Exclude, ExcludeOut, Extend, Reintegrate};
        [Exclude, Drain, Reintegrate, Extend, ExcludeOut].into_iter().find(|action| *action as u8 == number)
    }
}

wire_enums! {
    /// What has user attributes.
    AttributeOwner {
        /// A pool.
        Pool(PoolId) = 0,
        /// A container of a pool.
        Container((PoolId, ContainerId)) = 1,
    }
}
