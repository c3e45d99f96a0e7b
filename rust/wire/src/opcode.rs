//! Numbers of the requests.

macro_rules! opcodes {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        daos_types::numbered! {
            /// What a request asks for; the number in its frame.
            pub enum Opcode: u16 {
                $($(#[$doc])* $name = $number,)*
            }
        }
    };
}

opcodes! {
    /// `SystemQuery` -> `SystemReply`.
    SystemQuery = 0x0001,
    /// `SystemQuery` -> `RankTable`: the engines of a system.
    SystemRanks = 0x0002,
    /// `SystemQuery` -> `SystemVersion`.
    SystemVersion = 0x0003,
    /// `PoolCreate` -> `PoolEntry`.
    PoolCreate = 0x0101,
    /// `PoolDestroy` -> `()`.
    PoolDestroy = 0x0102,
    /// `Option<PoolId>`, the last one that is known -> `(Vec<PoolEntry>, bool)`, whether there are more.
    PoolList = 0x0103,
    /// `PoolConnect` -> `PoolConnected`.
    PoolConnect = 0x0104,
    /// `PoolRequest` -> `()`.
    PoolDisconnect = 0x0105,
    /// `PoolRequest` -> `PoolQueryReply`.
    PoolQuery = 0x0106,
    /// `AttributesSet` -> `()`.
    AttributesSet = 0x0107,
    /// `AttributesNamed` -> `Vec<Option<Blob>>`, of the first names, as many as fit.
    AttributesGet = 0x0108,
    /// `AttributesList` -> `(Vec<String>, bool)`, whether there are more.
    AttributesList = 0x0109,
    /// `AttributesNamed` -> `()`.
    AttributesDelete = 0x010a,
    /// `PoolSetProperties` -> `()`.
    PoolSetProperties = 0x010b,
    /// `AccessGet` -> `Access`.
    AccessGet = 0x010c,
    /// `AccessSet` -> `()`.
    AccessSet = 0x010d,
    /// `PoolEvict` -> `u32`, the number of handles.
    PoolEvict = 0x010e,
    /// `Reference` -> `PoolManaged`, for an administrator.
    PoolGetProperties = 0x010f,
    /// `PoolManage` -> `()`.
    PoolManage = 0x0110,
    /// `RouteQuery`, by a handle of this client or another one -> `PoolRoute`.
    PoolRoute = 0x0111,
    /// `Reference` -> `PoolQueryReply`, for an administrator.
    PoolManagedQuery = 0x0112,
    /// `PoolTargetsChange` -> `PoolTargetsChanged`, for an administrator.
    PoolTargetsChange = 0x0113,
    /// `PoolTargetQuery` -> `PoolTargetReply`.
    PoolTargetQuery = 0x0114,
    /// `PoolRequest` -> `()`: another engine is to lead the service.
    PoolServiceStop = 0x0115,
    /// `ContainerCreate` -> `()`.
    ContainerCreate = 0x0201,
    /// `ContainerDestroy` -> `()`.
    ContainerDestroy = 0x0202,
    /// `ContainerList` -> `(Vec<ContainerEntry>, bool)`, whether there are more.
    ContainerList = 0x0203,
    /// `ContainerOpen` -> `ContainerOpened`.
    ContainerOpen = 0x0204,
    /// `ContainerRequest` -> `()`.
    ContainerClose = 0x0205,
    /// `ContainerRequest` -> `ContainerQueryReply`.
    ContainerQuery = 0x0206,
    /// `ContainerSetProperties` -> `()`.
    ContainerSetProperties = 0x0207,
    /// `AllocateObjectIds` -> `u64`.
    AllocateObjectIds = 0x0208,
    /// `ContainerRequest`, by a handle of another client -> `ContainerOpened`.
    ContainerShared = 0x0209,
    /// `ContainerFilter` -> `(Vec<ContainerFound>, Option<ContainerId>)`, the last one that was looked at, unless it was the last one.
    ContainerFilter = 0x020a,
    /// `SnapshotCreate` -> `Epoch`.
    SnapshotCreate = 0x020b,
    /// `SnapshotDestroy` -> `u32`, how many.
    SnapshotDestroy = 0x020c,
    /// `SnapshotList` -> `(Vec<SnapshotEntry>, bool)`, whether there are more.
    SnapshotList = 0x020d,
    /// `SnapshotWait` -> `Option<SnapshotEntry>`: the oldest that will do; none when there is none for a while.
    SnapshotWait = 0x020e,
    /// `SnapshotMark` -> `()`.
    SnapshotMark = 0x020f,
    /// `ContainerEpoch`, that of a snapshot -> `()`.
    ContainerRollback = 0x0210,
    /// `ContainerEpoch` -> `Epoch`: zero when it is done, otherwise what to ask for again.
    ContainerAggregate = 0x0211,
    /// `Indirect` -> `IndirectReply`.
    Indirect = 0x0300,
    /// `Update` -> `Epoch`: the version that the values got.
    Update = 0x0301,
    /// `Fetch` -> `FetchReply`.
    Fetch = 0x0302,
    /// `Punch` -> `Epoch`: the version from which on it is hidden.
    Punch = 0x0303,
    /// `ListKeys` -> `ListKeysReply`.
    ListKeys = 0x0304,
    /// `ListExtents` -> `ListExtentsReply`.
    ListExtents = 0x0305,
    /// `QueryKey` -> `QueryKeyReply`.
    QueryKey = 0x0306,
    /// `QueryEpoch` -> `Epoch`.
    QueryEpoch = 0x0307,
    /// `ListObjects` -> `ListObjectsReply`.
    ListObjects = 0x0308,
    /// `KeyAnchor` -> `Blob`: where the listing begins.
    KeyAnchor = 0x0309,
    /// `FetchThenQuery` -> `FetchThenQueryReply`.
    FetchThenQuery = 0x030d,
    /// `FetchThenPunch` -> `FetchThenPunchReply`.
    FetchThenPunch = 0x030e,
    /// `FetchThenMove` -> `FetchThenMoveReply`.
    FetchThenMove = 0x030f,
    /// `ObjectAddress` -> `Epoch`, the next one of the target: that of a transaction that begins.
    Moment = 0x030a,
    /// `TransactionRead` -> the reply of the request in it.
    TransactionRead = 0x030b,
    /// `TransactionCommit` -> `Epoch`: the version that its changes got.
    TransactionCommit = 0x030c,
    /// Engine-internal: `TargetPoolCreate` -> `()`.
    TargetPoolCreate = 0x0401,
    /// Engine-internal: `PoolId` -> `()`.
    TargetPoolDestroy = 0x0402,
    /// Engine-internal: `PoolId` -> `TargetSpace`.
    TargetPoolQuery = 0x0403,
    /// Engine-internal: `TargetContainerCreate` -> `()`.
    TargetContainerCreate = 0x0404,
    /// Engine-internal: `TargetContainer` -> `()`.
    TargetContainerDestroy = 0x0405,
    /// Engine-internal: `TargetContainerList` -> `(Vec<ContainerId>, bool)`, whether there are more.
    TargetContainerList = 0x0408,
    /// Engine-internal: `TargetPoolProperties` -> `()`.
    TargetPoolProperties = 0x0409,
    /// Engine-internal: `()` -> `Vec<PoolId>`, the pools of which the target has a part.
    TargetPoolList = 0x040b,
    /// Engine-internal: `()` -> `RankOffer`.
    RankOffer = 0x040a,
    /// Engine-internal: `Vec<(PoolId, u32)>`, the versions of pool maps -> `()`.
    TargetMapVersions = 0x040d,
    /// Engine-internal, from the engine that leads the metadata service: `TargetOrder`, a request of the ones here -> its answer.
    TargetOrder = 0x040e,
    /// Engine-internal: `Blob`, a message of membership -> `()`.
    Membership = 0x040c,
    /// Engine-internal: `TargetSnapshotHold` -> `Epoch`: no change that was made before is newer.
    TargetSnapshotHold = 0x0410,
    /// Engine-internal: `TargetSnapshotPin` -> `()`.
    TargetSnapshotPin = 0x0411,
    /// Engine-internal: `TargetSnapshots` -> `()`.
    TargetSnapshots = 0x0412,
    /// Engine-internal: `TargetContainerList` -> `(Vec<ContainerId>, bool)`: those that have snapshots on the target, and whether there
    /// are more.
    TargetSnapshotList = 0x0413,
    /// Engine-internal, to the metadata service: `SnapshotsConfirm` -> `()`: the target has been told all snapshots.
    SnapshotsConfirm = 0x0414,
    /// Engine-internal: `TargetContainerEpoch` -> `bool`: whether it is done; otherwise to be asked again.
    TargetRollback = 0x0415,
    /// Engine-internal: `TargetContainerEpoch` -> `bool`: whether it is done; otherwise to be asked again.
    TargetAggregate = 0x0416,
    /// Engine-internal: `(Rank, HandleQuery)`, the rank that asks and what -> `HandleGrant`. One that is excluded has no answer.
    HandleQuery = 0x0406,
    /// Engine-internal: `Vec<HandleId>` -> `()`.
    HandlesRevoke = 0x0407,
    /// Engine-internal: a part of a `ReplicaMessage` -> `()`.
    ReplicaMessage = 0x0501,
    /// Engine-internal, to the metadata service: `ReplicaOffer` -> `()`.
    ReplicaOffer = 0x0502,
    /// Engine-internal, from the engine that leads the metadata service since just now: `(u64, String)`, the version of its table of ranks
    /// and its control port -> `()`.
    Leading = 0x0503,
}

impl Opcode {
    /// Whether a request changes what the pool service stores: a `RequestId` comes before it then, so that it is done once
    /// however often it is sent.
    pub fn is_change(self) -> bool {
        matches!(
            self,
            Opcode::PoolCreate
                | Opcode::PoolDestroy
                | Opcode::PoolConnect
                | Opcode::PoolDisconnect
                | Opcode::PoolSetProperties
                | Opcode::PoolManage
                | Opcode::PoolTargetsChange
                | Opcode::PoolEvict
                | Opcode::AccessSet
                | Opcode::AttributesSet
                | Opcode::AttributesDelete
                | Opcode::ContainerCreate
                | Opcode::ContainerDestroy
                | Opcode::ContainerOpen
                | Opcode::ContainerClose
                | Opcode::ContainerSetProperties
                | Opcode::AllocateObjectIds
                | Opcode::SnapshotCreate
                | Opcode::SnapshotDestroy
                | Opcode::SnapshotMark
                | Opcode::ContainerRollback
        )
    }
}
