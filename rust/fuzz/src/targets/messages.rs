//! A target for each message: what decodes is encoded and decoded again, and is the same.

use crate::target::Target;
use daos_security::Credentials;
use daos_types::{ContainerId, Epoch, HandleId, PoolId, Rank};
use daos_wire::header::{HEADER_LENGTH, Header, Kind, finish};
use daos_wire::replicated::{ReplicaMessage, ReplicaOffer, ReplicaPart};
use daos_wire::*;
use std::fmt::Debug;

/// The bytes of every message, from the tests of `daos_wire`.
pub(super) const GOLDEN: &str = include_str!("../../../wire/src/tests/golden/v9.tsv");

/// The golden bytes whose name is this, or begins with it and a dot.
pub(super) fn golden(name: &str) -> Vec<Vec<u8>> {
    let is_wanted = |full: &str| full.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let lines = GOLDEN.lines().filter_map(|line| line.split_once('\t'));
    lines.filter(|(full, _)| is_wanted(full)).map(|(_, hex)| bytes_of(hex)).collect()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|two| std::str::from_utf8(two).ok().and_then(|two| u8::from_str_radix(two, 16).ok()).unwrap_or(0))
        .collect()
}

/// What is true of every message.
fn check<T: Wire + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = decode::<T>(bytes) {
        let again = encode(&value);
        assert_eq!(decode::<T>(&again).as_ref(), Ok(&value), "what is encoded decodes to something else");
    }
}

/// What is true of messages with a header of their own: as they come, and as if their checksum were right.
fn check_sealed<T: PartialEq + Debug>(
    bytes: &[u8],
    open: impl Fn(&[u8]) -> daos_status::Result<T>,
    seal: impl Fn(&T) -> Vec<u8>,
) {
    let mut repaired = bytes.to_vec();
    finish(&mut repaired);
    for bytes in [bytes, &repaired] {
        if let Ok(value) = open(bytes) {
            assert_eq!(open(&seal(&value)).as_ref(), Ok(&value), "what is sealed opens as something else");
        }
    }
}

macro_rules! messages {
    ($($name:ident: $type:ty,)*) => {
        fn plain() -> Vec<Target> {
            vec![$(Target::new(concat!("wire/", stringify!($name)), check::<$type>).seeded(golden(stringify!($name))),)*]
        }
    };
}

messages! {
    Access: Access,
    AccessGet: AccessGet,
    AccessSet: AccessSet,
    AllocateObjectIds: AllocateObjectIds,
    AttributesList: AttributesList,
    AttributesNamed: AttributesNamed,
    AttributesSet: AttributesSet,
    AttributeNames: (Vec<String>, bool),
    AttributeValues: Vec<Option<Blob>>,
    Blob: Blob,
    ContainerCreate: ContainerCreate,
    ContainerEpoch: ContainerEpoch,
    ContainerDestroy: ContainerDestroy,
    ContainerEntry: ContainerEntry,
    ContainerEntries: (Vec<ContainerEntry>, bool),
    ContainerFilter: ContainerFilter,
    ContainerFound: ContainerFound,
    ContainersFound: (Vec<ContainerFound>, Option<daos_types::ContainerId>),
    ContainerIds: (Vec<ContainerId>, bool),
    ContainerList: ContainerList,
    ContainerOpen: ContainerOpen,
    ContainerOpened: ContainerOpened,
    ContainerQueryReply: ContainerQueryReply,
    ContainerRequest: ContainerRequest,
    ContainerSetProperties: ContainerSetProperties,
    Count: u32,
    Credentials: Credentials,
    Done: (),
    Decision: bool,
    Epoch: Epoch,
    Fetch: Fetch,
    FetchReply: FetchReply,
    HandleGrant: HandleGrant,
    HandleQuery: (Rank, HandleQuery),
    Handles: Vec<HandleId>,
    Hello: Hello,
    Indirect: Indirect,
    IndirectReply: IndirectReply,
    Leading: (u64, String),
    KeyAnchor: KeyAnchor,
    ListExtents: ListExtents,
    ListExtentsReply: ListExtentsReply,
    ListObjects: ListObjects,
    ListObjectsReply: ListObjectsReply,
    TransactionRead: TransactionRead,
    TransactionCommit: TransactionCommit,
    ListKeys: ListKeys,
    ListKeysReply: ListKeysReply,
    MapVersions: Vec<(PoolId, u32)>,
    Membership: (Blob, Epoch),
    ObjectAddress: ObjectAddress,
    ObjectIds: u64,
    PoolConnect: PoolConnect,
    PoolConnected: PoolConnected,
    PoolCreate: PoolCreate,
    PoolDestroy: PoolDestroy,
    PoolEntry: PoolEntry,
    PoolEntries: (Vec<PoolEntry>, bool),
    PoolEvict: PoolEvict,
    PoolId: PoolId,
    PoolIds: Vec<PoolId>,
    PoolAfter: Option<PoolId>,
    PoolManage: PoolManage,
    PoolManaged: PoolManaged,
    PoolQueryReply: PoolQueryReply,
    PoolRequest: PoolRequest,
    PoolRoute: PoolRoute,
    PoolSetProperties: PoolSetProperties,
    PoolTargetsChange: PoolTargetsChange,
    PoolTargetsChanged: PoolTargetsChanged,
    PoolTargetQuery: PoolTargetQuery,
    PoolTargetReply: PoolTargetReply,
    Punch: Punch,
    QueryEpoch: QueryEpoch,
    QueryKey: QueryKey,
    QueryKeyReply: QueryKeyReply,
    FetchThenQuery: FetchThenQuery,
    FetchThenQueryReply: FetchThenQueryReply,
    FetchThenPunch: FetchThenPunch,
    FetchThenPunchReply: FetchThenPunchReply,
    FetchThenMove: FetchThenMove,
    FetchThenMoveReply: FetchThenMoveReply,
    RankOffer: RankOffer,
    RankTable: RankTable,
    Reference: daos_types::Reference,
    RouteQuery: RouteQuery,
    Replica: ReplicaMessage,
    ReplicaOffer: ReplicaOffer,
    ReplicaPart: ReplicaPart,
    RequestId: RequestId,
    SnapshotCreate: SnapshotCreate,
    SnapshotDestroy: SnapshotDestroy,
    SnapshotEntry: SnapshotEntry,
    SnapshotEntries: (Vec<SnapshotEntry>, bool),
    SnapshotFound: Option<SnapshotEntry>,
    SnapshotList: SnapshotList,
    SnapshotMark: SnapshotMark,
    SnapshotWait: SnapshotWait,
    SnapshotsConfirm: SnapshotsConfirm,
    SystemQuery: SystemQuery,
    SystemReply: SystemReply,
    SystemVersion: SystemVersion,
    TargetContainer: TargetContainer,
    TargetContainerCreate: TargetContainerCreate,
    TargetContainerEpoch: TargetContainerEpoch,
    TargetContainerList: TargetContainerList,
    TargetPoolCreate: TargetPoolCreate,
    TargetPoolProperties: TargetPoolProperties,
    TargetOrder: TargetOrder,
    TargetSnapshotHold: TargetSnapshotHold,
    TargetSnapshotPin: TargetSnapshotPin,
    TargetSnapshots: TargetSnapshots,
    TargetSpace: TargetSpace,
    Update: Update,
}

/// The targets that stand for request and reply of an operation, and `true` when a `RequestId` comes before the request. Adding an
/// operation does not compile before its messages are named here.
#[cfg(test)]
fn of(opcode: Opcode) -> (&'static str, &'static str) {
    match opcode {
        Opcode::SystemQuery => ("SystemQuery", "SystemReply"),
        Opcode::SystemRanks => ("SystemQuery", "RankTable"),
        Opcode::SystemVersion => ("SystemQuery", "SystemVersion"),
        Opcode::PoolCreate => ("PoolCreate", "PoolEntry"),
        Opcode::PoolDestroy => ("PoolDestroy", "Done"),
        Opcode::PoolList => ("PoolAfter", "PoolEntries"),
        Opcode::PoolConnect => ("PoolConnect", "PoolConnected"),
        Opcode::PoolDisconnect => ("PoolRequest", "Done"),
        Opcode::PoolQuery => ("PoolRequest", "PoolQueryReply"),
        Opcode::AttributesSet => ("AttributesSet", "Done"),
        Opcode::AttributesGet => ("AttributesNamed", "AttributeValues"),
        Opcode::AttributesList => ("AttributesList", "AttributeNames"),
        Opcode::AttributesDelete => ("AttributesNamed", "Done"),
        Opcode::PoolSetProperties => ("PoolSetProperties", "Done"),
        Opcode::AccessGet => ("AccessGet", "Access"),
        Opcode::AccessSet => ("AccessSet", "Done"),
        Opcode::PoolEvict => ("PoolEvict", "Count"),
        Opcode::PoolGetProperties => ("Reference", "PoolManaged"),
        Opcode::PoolManage => ("PoolManage", "Done"),
        Opcode::PoolRoute => ("RouteQuery", "PoolRoute"),
        Opcode::PoolTargetQuery => ("PoolTargetQuery", "PoolTargetReply"),
        Opcode::PoolServiceStop => ("PoolRequest", "Done"),
        Opcode::PoolManagedQuery => ("Reference", "PoolQueryReply"),
        Opcode::PoolTargetsChange => ("PoolTargetsChange", "PoolTargetsChanged"),
        Opcode::ContainerCreate => ("ContainerCreate", "Done"),
        Opcode::ContainerDestroy => ("ContainerDestroy", "Done"),
        Opcode::ContainerList => ("ContainerList", "ContainerEntries"),
        Opcode::ContainerFilter => ("ContainerFilter", "ContainersFound"),
        Opcode::SnapshotCreate => ("SnapshotCreate", "Epoch"),
        Opcode::SnapshotDestroy => ("SnapshotDestroy", "Count"),
        Opcode::SnapshotList => ("SnapshotList", "SnapshotEntries"),
        Opcode::SnapshotWait => ("SnapshotWait", "SnapshotFound"),
        Opcode::SnapshotMark => ("SnapshotMark", "Done"),
        Opcode::ContainerRollback => ("ContainerEpoch", "Done"),
        Opcode::ContainerAggregate => ("ContainerEpoch", "Epoch"),
        Opcode::TargetSnapshotHold => ("TargetSnapshotHold", "Epoch"),
        Opcode::TargetSnapshotPin => ("TargetSnapshotPin", "Done"),
        Opcode::TargetSnapshots => ("TargetSnapshots", "Done"),
        Opcode::TargetSnapshotList => ("TargetContainerList", "ContainerIds"),
        Opcode::SnapshotsConfirm => ("SnapshotsConfirm", "Done"),
        Opcode::TargetRollback | Opcode::TargetAggregate => ("TargetContainerEpoch", "Decision"),
        Opcode::ContainerOpen => ("ContainerOpen", "ContainerOpened"),
        Opcode::ContainerClose => ("ContainerRequest", "Done"),
        Opcode::ContainerQuery => ("ContainerRequest", "ContainerQueryReply"),
        Opcode::ContainerSetProperties => ("ContainerSetProperties", "Done"),
        Opcode::AllocateObjectIds => ("AllocateObjectIds", "ObjectIds"),
        Opcode::ContainerShared => ("ContainerRequest", "ContainerOpened"),
        Opcode::Indirect => ("Indirect", "IndirectReply"),
        Opcode::Update => ("Update", "Epoch"),
        Opcode::Fetch => ("Fetch", "FetchReply"),
        Opcode::Punch => ("Punch", "Epoch"),
        Opcode::ListKeys => ("ListKeys", "ListKeysReply"),
        Opcode::ListExtents => ("ListExtents", "ListExtentsReply"),
        Opcode::QueryKey => ("QueryKey", "QueryKeyReply"),
        Opcode::QueryEpoch => ("QueryEpoch", "Epoch"),
        Opcode::ListObjects => ("ListObjects", "ListObjectsReply"),
        Opcode::KeyAnchor => ("KeyAnchor", "Blob"),
        Opcode::FetchThenQuery => ("FetchThenQuery", "FetchThenQueryReply"),
        Opcode::FetchThenPunch => ("FetchThenPunch", "FetchThenPunchReply"),
        Opcode::FetchThenMove => ("FetchThenMove", "FetchThenMoveReply"),
        Opcode::Moment => ("ObjectAddress", "Epoch"),
        Opcode::TransactionRead => ("TransactionRead", "FetchReply"),
        Opcode::TransactionCommit => ("TransactionCommit", "Epoch"),
        Opcode::TargetPoolCreate => ("TargetPoolCreate", "Done"),
        Opcode::TargetPoolDestroy => ("PoolId", "Done"),
        Opcode::TargetPoolQuery => ("PoolId", "TargetSpace"),
        Opcode::TargetContainerCreate => ("TargetContainerCreate", "Done"),
        Opcode::TargetContainerDestroy => ("TargetContainer", "Done"),
        Opcode::TargetContainerList => ("TargetContainerList", "ContainerIds"),
        Opcode::TargetPoolProperties => ("TargetPoolProperties", "Done"),
        Opcode::TargetPoolList => ("Done", "PoolIds"),
        Opcode::RankOffer => ("Done", "RankOffer"),
        Opcode::TargetMapVersions => ("MapVersions", "Done"),
        Opcode::TargetOrder => ("TargetOrder", "Done"),
        Opcode::Membership => ("Membership", "Done"),
        Opcode::HandleQuery => ("HandleQuery", "HandleGrant"),
        Opcode::HandlesRevoke => ("Handles", "Done"),
        Opcode::ReplicaMessage => ("ReplicaPart", "Done"),
        Opcode::ReplicaOffer => ("ReplicaOffer", "Done"),
        Opcode::Leading => ("Leading", "Done"),
    }
}

/// Values that are kept apart from an update or a reply are the same as those inside.
fn values_apart(bytes: &[u8]) {
    let inside = decode::<Update>(bytes);
    match Update::decode_apart(bytes) {
        Ok((mut update, values)) => {
            if let Payload::Inline(blob) = &mut update.payload {
                blob.0 = bytes[values].to_vec();
            }
            assert_eq!(inside, Ok(update));
        }
        Err(_) => assert!(inside.is_err()),
    }
    let inside = decode::<FetchReply>(bytes);
    match FetchReply::decode_apart(bytes) {
        Ok((mut reply, inline)) => {
            reply.inline.0 = inline.to_vec();
            assert_eq!(inside, Ok(reply));
        }
        Err(_) => assert!(inside.is_err()),
    }
}

/// A header, with the bound of a control port.
fn header(bytes: &[u8]) {
    let mut repaired = bytes.to_vec();
    finish(&mut repaired);
    for bytes in [bytes, &repaired] {
        if let Ok(known) = header::check(bytes) {
            let (head, body) = bytes[HEADER_LENGTH..].split_at(known.head_length);
            let again = header::seal(known, head, body);
            assert_eq!(header::check(&again), Ok(known));
            assert_eq!(again, bytes);
            let _expected = header::open(bytes, Kind::ALL);
        }
    }
}

/// Requests one after the other, as a control port reads them from a stream.
fn control_stream(bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(head) = rest.first_chunk::<HEADER_LENGTH>() {
        let length = control_rest_length::<ControlRequest>(head, CONTROL_REQUEST_LENGTH_MAX, "a peer");
        let Some(end) = length.ok().map(|length| HEADER_LENGTH + length).filter(|end| *end <= rest.len()) else {
            return;
        };
        let mut message = rest[..end].to_vec();
        finish(&mut message);
        let _request = control_message::<ControlRequest>(&message, "a peer");
        rest = &rest[end..];
    }
}

pub(super) fn targets() -> Vec<Target> {
    let all = |names: &[&str]| names.iter().flat_map(|name| golden(name)).collect::<Vec<_>>();
    let sealed = vec![
        Target::new("wire/Header", header)
            .seeded(all(&["Greeting", "ControlRequest", "ReplicaMessage"]))
            .seeded([Header::of(Kind::Reply).to_bytes()]),
        Target::new("wire/ControlRequest", |bytes| {
            check_sealed::<ControlRequest>(bytes, |bytes| control_message(bytes, "a peer"), control_frame);
            check::<ControlRequest>(bytes);
        })
        .seeded(golden("ControlRequest")),
        Target::new("wire/ControlReply", |bytes| {
            check_sealed::<ControlReply>(bytes, |bytes| control_message(bytes, "a peer"), control_frame);
            check::<ControlReply>(bytes);
        })
        .seeded(golden("ControlReply")),
        Target::new("wire/ValuesApart", values_apart).seeded(all(&["Update", "FetchReply"])),
        Target::new("wire/ControlStream", control_stream)
            .seeded([golden("ControlRequest").concat()])
            .seeded(golden("ControlRequest")),
        Target::new("wire/Greeting", |bytes| check_sealed(bytes, Hello::from_bytes, Hello::to_bytes))
            .seeded(golden("Greeting")),
        Target::new("wire/ReplicaMessage", |bytes| {
            check_sealed(bytes, ReplicaMessage::from_bytes, ReplicaMessage::to_bytes);
        })
        .seeded(golden("ReplicaMessage")),
    ];
    plain().into_iter().chain(sealed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_and_every_golden_message_has_a_target() {
        let names: BTreeSet<String> = targets().into_iter().map(|target| target.name).collect();
        let check = |name: &str| assert!(names.contains(&format!("wire/{name}")), "{name} has no fuzz target");
        for opcode in Opcode::ALL {
            let (request, reply) = of(*opcode);
            check(request);
            check(reply);
        }
        for line in GOLDEN.lines() {
            check(line.split(['.', '\t']).next().unwrap_or_default());
        }
    }

    #[test]
    fn seeds_are_the_messages_of_this_version() {
        let version = format!("wire/src/tests/golden/v{}.tsv", header::PROTOCOL_VERSION);
        assert!(
            file!().ends_with("messages.rs") && include_str!("messages.rs").contains(&version),
            "{version} is newer"
        );
        assert!(golden("ReplicaPart").len() == 1 && golden("Punch").len() == 3);
    }
}
