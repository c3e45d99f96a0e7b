//! Management of the system: creating, listing and destroying pools.

use crate::access::AccessInfo;
use crate::{Client, PoolInfo};
use daos_security::AccessList;
use daos_status::{Code, Result, Status};
use daos_types::{HandleId, PoolId, Rank, Reference, TargetIndex};
pub use daos_wire::PoolTargetsAction;
use daos_wire::{
    Access, AccessChange, AccessGet, AccessOf, AccessSet, Opcode, PoolDestroy, PoolEntry, PoolEvict, PoolManage,
    PoolManaged, PoolQueryReply, PoolTargetsChange, PoolTargetsChanged, RankEntry, RankTable, SystemQuery,
    SystemVersion, Wire,
};

/// A pool to be created.
#[derive(Clone, Debug, Default)]
pub struct PoolCreate {
    /// Label; empty for none.
    pub label: String,
    /// Bytes for all targets together, metadata and data; 0 lets the engine choose by the free space of its file system.
    pub size: u64,
    /// Durability class: `log` (default when empty), `pmem` or `ram`.
    pub durability: String,
    /// Owner, as `name@`; empty for who creates it.
    pub user: String,
    /// The owner's group, as `name@`; empty for that of who creates it.
    pub group: String,
    /// Access control list; `None` for the default one.
    pub list: Option<AccessList>,
    /// Properties by upstream's property types (`DAOS_PROP_PO_*`).
    pub numbers: Vec<(u32, u64)>,
    /// The ranks that it is to be on; when there are none, as many as the next field says.
    pub ranks: Vec<u32>,
    /// How many ranks, which the system chooses; 0 for all that serve.
    pub rank_count: u32,
    /// The replicas of its metadata that are asked for; 0 for as many as the system has.
    pub replicas: u32,
}

/// What became of targets of a pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolTargetsOutcome {
    /// The version of the pool map with it.
    pub map_version: u32,
    /// Targets that changed.
    pub targets: u32,
    /// Containers that may have data on the targets that were named.
    pub containers: u64,
}

/// What an administrator is told about a pool.
#[derive(Clone, Debug)]
pub struct PoolProperties {
    /// Identifier.
    pub id: PoolId,
    /// Label; empty for none.
    pub label: String,
    /// All properties with a number as value, by upstream's property types.
    pub numbers: Vec<(u32, u64)>,
    /// Owner and access control list.
    pub access: AccessInfo,
}

/// An entry of the list of pools.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PoolListEntry {
    /// Identifier.
    pub id: PoolId,
    /// Label; empty for none.
    pub label: String,
    /// `Ready`, `Creating` or `Destroying`.
    pub state: String,
    /// Ranks of the pool service's replicas.
    pub service_ranks: Vec<u32>,
}

/// What the system is.
#[derive(Clone, Debug, Default)]
pub struct SystemInfo {
    /// Name of the system.
    pub name: String,
    /// Provider of the fabric.
    pub provider: String,
    /// Process of the (local) engine.
    pub engine_process: u32,
    /// Directory of the local engine.
    pub directory: String,
    /// Addresses of the targets.
    pub targets: Vec<String>,
}

impl PoolListEntry {
    fn from_wire(entry: PoolEntry) -> PoolListEntry {
        let service_ranks = entry.service_ranks.into_iter().map(|rank| rank.0).collect();
        PoolListEntry { id: entry.id, label: entry.label, state: entry.state, service_ranks }
    }
}

impl Client {
    /// Names the engine or the system that knows no such pool: it may be the wrong one that was asked.
    pub fn named_place(&self, error: Status) -> Status {
        if error.code() != Code::Nonexist {
            return error;
        }
        let settings = &self.0.settings;
        match &settings.system {
            Some(system) => {
                let points = system.access_points.join(",");
                error.while_doing(format_args!("in the system {} at {points}", system.name))
            }
            None => {
                let directory = settings.local_directory.display();
                error.while_doing(format_args!("in the local engine of {directory}"))
            }
        }
    }

    /// Calls the pool service about a pool that may not be there.
    async fn manage<Q: Wire, R: Wire>(&self, opcode: Opcode, request: &Q) -> Result<R> {
        self.call_service(opcode, request).await.map_err(|error| self.named_place(error))
    }

    /// Creates a pool; durable when it returns.
    pub async fn pool_create(&self, request: PoolCreate) -> Result<PoolListEntry> {
        let request = daos_wire::PoolCreate {
            id: PoolId(self.env().random.uuid()),
            label: request.label,
            size: request.size,
            durability: request.durability,
            access: crate::access::new_access(&request.user, &request.group, request.list.as_ref()),
            numbers: request.numbers,
            ranks: request.ranks.into_iter().map(Rank).collect(),
            rank_count: request.rank_count,
            replicas: request.replicas,
        };
        self.call_service(Opcode::PoolCreate, &request).await.map(PoolListEntry::from_wire)
    }

    /// Destroys a pool; one with open handles only by `force`.
    pub async fn pool_destroy(&self, pool: &Reference, force: bool) -> Result<()> {
        self.manage(Opcode::PoolDestroy, &PoolDestroy { pool: pool.clone(), force }).await
    }

    /// Every pool of the system.
    pub async fn pool_list(&self) -> Result<Vec<PoolListEntry>> {
        let mut pools: Vec<PoolListEntry> = Vec::new();
        loop {
            let after = pools.last().map(|pool| pool.id);
            let (some, more): (Vec<PoolEntry>, bool) = self.call_service(Opcode::PoolList, &after).await?;
            let is_last = !more || some.is_empty();
            pools.extend(some.into_iter().map(PoolListEntry::from_wire));
            if is_last {
                return Ok(pools);
            }
        }
    }

    /// What a pool is and holds, for an administrator, who needs no handle.
    pub async fn pool_query(&self, pool: &Reference) -> Result<PoolInfo> {
        let reply: PoolQueryReply = self.manage(Opcode::PoolManagedQuery, pool).await?;
        let id = self.pool_properties(pool).await?.id;
        PoolInfo::from_wire(id, reply)
    }

    /// The properties of a pool, for an administrator.
    pub async fn pool_properties(&self, pool: &Reference) -> Result<PoolProperties> {
        let PoolManaged { id, label, numbers, access } = self.manage(Opcode::PoolGetProperties, pool).await?;
        Ok(PoolProperties { id, label, numbers, access: AccessInfo::from_wire(access)? })
    }

    /// Changes label (unless it is empty) and properties of a pool as an administrator; followed by all targets when it
    /// returns.
    pub async fn pool_set_properties(&self, pool: &Reference, label: &str, numbers: Vec<(u32, u64)>) -> Result<()> {
        let request = PoolManage { pool: pool.clone(), label: label.to_owned(), numbers };
        self.manage(Opcode::PoolManage, &request).await
    }

    /// Takes targets of a pool out of use or into use again, or gives it those of more ranks, as its administrator.
    pub async fn pool_change_targets(
        &self,
        pool: &Reference,
        action: PoolTargetsAction,
        ranks: &[u32],
        targets: &[u32],
    ) -> Result<PoolTargetsOutcome> {
        let ranks = ranks.iter().copied().map(Rank).collect();
        let targets = targets.iter().copied().map(TargetIndex).collect();
        let request = PoolTargetsChange { pool: pool.clone(), action: action as u8, ranks, targets };
        let changed: PoolTargetsChanged = self.call_service(Opcode::PoolTargetsChange, &request).await?;
        let PoolTargetsChanged { map_version, targets, containers } = changed;
        Ok(PoolTargetsOutcome { map_version, targets, containers })
    }

    /// Closes handles of a pool, whoever holds them, and what was opened through them; all when none is named. Says how many
    /// pool handles were closed.
    pub async fn pool_evict(&self, pool: &Reference, handles: Vec<HandleId>) -> Result<u32> {
        self.manage(Opcode::PoolEvict, &PoolEvict { pool: pool.clone(), handles }).await
    }

    /// Owner and access control list of a pool, for an administrator.
    pub async fn pool_access(&self, pool: &Reference) -> Result<AccessInfo> {
        let request = AccessGet { of: AccessOf::Pool(pool.clone()) };
        let access: Access = self.manage(Opcode::AccessGet, &request).await?;
        AccessInfo::from_wire(access)
    }

    /// Changes owner or access control list of a pool as an administrator.
    pub async fn pool_change_access(&self, pool: &Reference, change: AccessChange) -> Result<()> {
        self.call_service(Opcode::AccessSet, &AccessSet { of: AccessOf::Pool(pool.clone()), change }).await
    }

    /// The ranks of the system with the address of the first target of each, and the rank that leads the metadata service.
    pub async fn system_addresses(&self) -> Result<(Vec<(u32, String)>, u32)> {
        let table: RankTable = self.call_service(Opcode::SystemRanks, &SystemQuery {}).await?;
        let address = |entry: &RankEntry| (entry.rank.0, entry.targets.first().cloned().unwrap_or_default());
        Ok((table.ranks.iter().map(address).collect(), table.service.0))
    }

    /// The release of the engine that leads the metadata service: major, minor and patch.
    pub async fn system_version(&self) -> Result<(u32, u32, u32)> {
        let version: SystemVersion = self.call_service(Opcode::SystemVersion, &SystemQuery {}).await?;
        Ok((version.major, version.minor, version.patch))
    }

    /// What the system is.
    pub async fn system_info(&self) -> Result<SystemInfo> {
        let connection = self.connection().await?;
        Ok(SystemInfo {
            name: connection.system().to_owned(),
            provider: connection.provider().to_owned(),
            engine_process: connection.process(),
            directory: self.0.settings.local_directory.display().to_string(),
            targets: connection.targets().iter().map(ToString::to_string).collect(),
        })
    }
}
