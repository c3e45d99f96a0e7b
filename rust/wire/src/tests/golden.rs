//! The bytes of every message, as released. A change here is a new version of the protocol: see `daos_rpc`'s frame.

use crate::*;
use daos_security::Credentials;
use daos_types::{ContainerId, Epoch, Extent, HandleId, HolderId, Key, ObjectId, PoolId, Rank, Reference, TargetIndex};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// Name of the message, a tab, its bytes in hexadecimal.
const GOLDEN: &str = include_str!("golden.tsv");

struct Golden(BTreeMap<&'static str, Vec<u8>>);

impl Golden {
    fn read() -> Golden {
        let line = |line: &'static str| {
            let (name, hex) = line.split_once('\t').expect("two columns");
            let digits = hex.as_bytes().chunks(2);
            let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).expect("text"), 16).expect("hex");
            (name, digits.map(byte).collect())
        };
        Golden(GOLDEN.lines().map(line).collect())
    }

    /// The value has these bytes, the bytes are this value, and no shorter ones are any.
    fn check<T: Wire + PartialEq + Debug>(&mut self, name: &str, value: &T) {
        let bytes = self.0.remove(name).unwrap_or_default();
        let hex: String = encode(value).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(encode(value), bytes, "{name}\t{hex}");
        assert_eq!(decode::<T>(&bytes).as_ref(), Ok(value), "{name}");
        for length in 0..bytes.len() {
            assert!(decode::<T>(&bytes[..length]).is_err(), "{name} cut to {length} bytes");
        }
    }
}

fn pool() -> PoolId {
    PoolId::from_bytes([1; 16])
}

fn container() -> ContainerId {
    ContainerId::from_bytes([2; 16])
}

fn handle() -> HandleId {
    HandleId::from_bytes([3; 16])
}

fn address() -> ObjectAddress {
    ObjectAddress {
        map_version: 9,
        pool: pool(),
        container: container(),
        handle: handle(),
        object: ObjectId { hi: 4, lo: 5 },
    }
}

fn key(text: &str) -> Key {
    Key::new(text.as_bytes()).expect("short")
}

fn extent() -> Extent {
    Extent::new(7, 8).expect("valid")
}

fn blob() -> Blob {
    Blob(vec![9, 10])
}

fn space() -> Space {
    Space { total: 11, free: 12 }
}

fn properties() -> Properties {
    Properties { label: "l".into(), kind: 1, numbers: vec![(13, 14)], texts: vec![(15, "t".into())] }
}

fn new_access() -> NewAccess {
    NewAccess { user: "u".into(), group: "g".into(), list: blob() }
}

fn access_of() -> Access {
    Access { user: "u".into(), group: "g".into(), list: blob() }
}

fn request() -> ContainerRequest {
    ContainerRequest { pool: pool(), container: container(), handle: handle() }
}

#[test]
fn every_message_has_its_bytes() {
    let mut golden = Golden::read();
    objects(&mut golden);
    answers_of_objects(&mut golden);
    pools(&mut golden);
    containers(&mut golden);
    targets(&mut golden);
    access(&mut golden);
    replicas(&mut golden);
    let hello = Hello { session: 1, process: 2, system: "s".into(), provider: "p".into(), targets: vec!["t".into()] };
    golden.check("Hello", &hello);
    assert!(golden.0.is_empty(), "messages that are no more: {:?}", golden.0.keys());
}

fn access(golden: &mut Golden) {
    let of_container = AccessOf::Container(ContainerHandle { pool: pool(), container: container(), handle: handle() });
    golden.check("AccessGet", &AccessGet { of: of_container.clone() });
    golden.check("Access", &access_of());
    for (name, change) in [
        ("Overwrite", AccessChange::Overwrite(blob())),
        ("Update", AccessChange::Update(blob())),
        ("Delete", AccessChange::Delete(WirePrincipal { kind: 1, name: Some("n".into()) })),
        ("Owner", AccessChange::Owner(NewOwner { user: "u".into(), group: "g".into() })),
    ] {
        golden.check(&format!("AccessSet.{name}"), &AccessSet { of: of_container.clone(), change });
    }
    golden.check(
        "AccessSet.Pool",
        &AccessSet { of: AccessOf::Pool(Reference::Id(pool().0)), change: AccessChange::Update(blob()) },
    );
    let credentials = Credentials { user: "u@".into(), group: "g@".into(), groups: vec!["h@".into()] };
    golden.check("Credentials", &credentials);
}

fn objects(golden: &mut Golden) {
    let array = ArrayUpdate { record_size: 6, extents: vec![extent()] };
    let kinds = [UpdateKind::Single(2), UpdateKind::Array(array), UpdateKind::PunchExtents(vec![extent()])];
    let akeys = kinds.map(|value| AkeyUpdate { akey: key("a"), conditions: 16, value });
    for (name, payload) in [("Update", Payload::Inline(blob())), ("Update.Memory", Payload::Memory(vec![blob()]))] {
        let akeys = akeys.to_vec();
        golden.check(name, &Update { address: address(), conditions: 6, dkey: key("d"), akeys, payload });
    }
    let kinds = [(FetchKind::Single, None), (FetchKind::Array(vec![extent()]), Some(17))];
    let akeys = kinds.map(|(kind, capacity)| AkeyFetch { akey: key("a"), conditions: 64, kind, capacity });
    let (dkey, akeys, memory) = (key("d"), akeys.to_vec(), vec![blob()]);
    golden.check("Fetch", &Fetch { address: address(), epoch: Epoch(18), conditions: 8, dkey, akeys, memory });
    for (name, what) in [
        ("Punch.Object", PunchKind::Object),
        ("Punch.Dkeys", PunchKind::Dkeys(vec![key("d")])),
        ("Punch.Akeys", PunchKind::Akeys((key("d"), vec![key("a"), key("")]))),
    ] {
        golden.check(name, &Punch { address: address(), conditions: 1, what });
    }
    for (name, dkey) in [("ListKeys", None), ("ListKeys.Akeys", Some(key("d")))] {
        let list = ListKeys { address: address(), epoch: Epoch(18), dkey, anchor: blob(), count: 19, bytes: 20 };
        golden.check(name, &list);
    }
    let (dkey, akey, increasing, anchor) = (key("d"), key("a"), true, blob());
    let list = ListExtents { address: address(), epoch: Epoch(18), dkey, akey, increasing, anchor, count: 19 };
    golden.check("ListExtents", &list);
    let query = QueryKey { address: address(), epoch: Epoch(18), what: 21, dkey: Some(key("d")), akey: None };
    golden.check("QueryKey", &query);
    golden.check("QueryEpoch", &QueryEpoch { address: address() });
    let indirect = Indirect { opcode: 0x0301, request: Payload::Memory(vec![blob()]), reply: vec![blob()] };
    golden.check("Indirect", &indirect);
}

fn answers_of_objects(golden: &mut Golden) {
    let pieces = (0..3).map(|state| Piece { extent: extent(), state }).collect();
    let akeys = vec![AkeyReply { size: 22, pieces }];
    golden.check("FetchReply", &FetchReply { akeys, inline: blob() });
    golden.check("ListKeysReply", &ListKeysReply { keys: vec![key("k")], anchor: Some(blob()) });
    golden.check("ListExtentsReply", &ListExtentsReply { record_size: 23, extents: vec![extent()], anchor: None });
    golden.check("QueryKeyReply", &QueryKeyReply { dkey: Some(24), akey: None, extent: Some(extent()) });
    golden.check("IndirectReply.Inline", &IndirectReply::Inline(blob()));
    golden.check("IndirectReply.Memory", &IndirectReply::Memory(25));
    golden.check("IndirectReply.TooLong", &IndirectReply::TooLong(26));
}

fn pools(golden: &mut Golden) {
    let system = SystemReply { name: "n".into(), provider: "p".into(), process: 1, targets: vec!["t".into()] };
    golden.check("SystemReply", &system);
    let (access, numbers) = (new_access(), vec![(44, 45)]);
    let create = PoolCreate {
        id: pool(),
        label: "l".into(),
        size: 27,
        durability: "d".into(),
        access,
        numbers,
        ranks: vec![Rank(66)],
        rank_count: 67,
        replicas: 68,
    };
    golden.check("PoolCreate", &create);
    let change = PoolTargetsChange {
        pool: Reference::Id(pool().0),
        action: PoolTargetsAction::Drain as u8,
        ranks: vec![Rank(66)],
        targets: vec![TargetIndex(69)],
    };
    golden.check("PoolTargetsChange", &change);
    golden.check("PoolTargetsChanged", &PoolTargetsChanged { map_version: 70, targets: 71, containers: 72 });
    let manage = PoolManage { pool: Reference::Id(pool().0), label: "l".into(), numbers: vec![(44, 45)] };
    golden.check("PoolManage", &manage);
    let managed = PoolManaged { id: pool(), label: "l".into(), numbers: vec![(44, 45)], access: access_of() };
    golden.check("PoolManaged", &managed);
    golden.check("PoolEvict", &PoolEvict { pool: Reference::Id(pool().0), handles: vec![handle()] });
    let id = RequestId { holder: HolderId::from_bytes([50; 16]), sequence: 51, answered: 52, attempt: 53 };
    golden.check("RequestId", &id);
    let by_label = Reference::parse("label").expect("a label");
    golden.check("PoolDestroy", &PoolDestroy { pool: by_label, force: true });
    let entry = PoolEntry { id: pool(), label: "l".into(), state: "s".into(), service_ranks: vec![Rank(28)] };
    golden.check("PoolEntry", &entry);
    golden
        .check("PoolConnect", &PoolConnect { pool: Reference::Id(pool().0), handle: handle(), flags: 2, again: true });
    let target = PoolMapTarget { rank: Rank(28), index: TargetIndex(29), address: "a".into(), state: 1 };
    golden.check(
        "PoolConnected",
        &PoolConnected { id: pool(), map_version: 30, targets: vec![target], map: Blob(vec![31]) },
    );
    golden.check("PoolRequest", &PoolRequest { pool: pool(), handle: handle() });
    let query = PoolQueryReply {
        label: "l".into(),
        map_version: 30,
        targets: 31,
        targets_disabled: 32,
        engines: 33,
        meta: space(),
        data: space(),
        handles: 34,
        containers: 35,
        durability: "d".into(),
        numbers: vec![(44, 45)],
        access: access_of(),
        ranks: vec![(73, 74)],
        ranks_disabled: vec![(75, 76)],
    };
    golden.check("PoolQueryReply", &query);
    let request = PoolRequest { pool: pool(), handle: handle() };
    golden.check("PoolSetProperties", &PoolSetProperties { request, numbers: vec![(44, 45)] });
    let owner = || AttributeOwner::Container((pool(), container()));
    let attributes = vec![("n".into(), blob())];
    golden.check("AttributesSet", &AttributesSet { owner: owner(), handle: handle(), attributes });
    let owner_pool = AttributeOwner::Pool(pool());
    golden.check("AttributesList", &AttributesList { owner: owner_pool, handle: handle(), after: Some("n".into()) });
    golden.check("AttributesNamed", &AttributesNamed { owner: owner(), handle: handle(), names: vec!["n".into()] });
}

fn containers(golden: &mut Golden) {
    let (properties_given, access) = (properties(), new_access());
    let create = ContainerCreate {
        pool: pool(),
        handle: handle(),
        container: container(),
        properties: properties_given,
        access,
    };
    golden.check("ContainerCreate", &create);
    let by_label = Reference::parse("label").expect("a label");
    let destroy = ContainerDestroy { pool: pool(), handle: handle(), container: by_label.clone(), force: false };
    golden.check("ContainerDestroy", &destroy);
    golden.check("ContainerList", &ContainerList { pool: pool(), handle: handle(), after: Some(container()) });
    golden.check("ContainerEntry", &ContainerEntry { id: container(), label: "l".into() });
    let open = ContainerOpen {
        pool: pool(),
        pool_handle: handle(),
        container: by_label,
        handle: handle(),
        flags: 2,
        again: false,
    };
    golden.check("ContainerOpen", &open);
    let placement = ContainerPlacement { version: 64, avoided: vec![(65, 66)] };
    let opened = ContainerOpened { id: container(), properties: properties(), rights: 54, placement };
    golden.check("ContainerOpened", &opened);
    golden.check("ContainerRequest", &request());
    let query = ContainerQueryReply {
        properties: properties(),
        rights: 54,
        access: access_of(),
        handles: 34,
        snapshots: 36,
        open_time: 37,
        modify_time: 38,
    };
    golden.check("ContainerQueryReply", &query);
    golden.check("ContainerSetProperties", &ContainerSetProperties { request: request(), properties: properties() });
    golden.check("AllocateObjectIds", &AllocateObjectIds { request: request(), count: 39 });
}

fn targets(golden: &mut Golden) {
    let create =
        TargetPoolCreate { pool: pool(), meta_bytes: 40, data_bytes: 41, log_bytes: 42, durability: "d".into() };
    golden.check("TargetPoolCreate", &create);
    let properties = TargetPoolProperties { pool: pool(), numbers: vec![(44, 45)] };
    golden.check("TargetPoolProperties", &properties);
    let (pool_id, chunk_bytes, verify_on_update) = (pool(), 0x0102_0304, true);
    let create =
        TargetContainerCreate { pool: pool_id, container: container(), checksum: 43, chunk_bytes, verify_on_update };
    golden.check("TargetContainerCreate", &create);
    golden.check("TargetContainer", &TargetContainer { pool: pool(), container: container() });
    golden.check("TargetSpace", &TargetSpace { meta: space(), data: space() });
    golden.check("HandleQuery", &HandleQuery { pool: pool(), container: container(), handle: handle() });
    golden.check("HandleGrant", &HandleGrant { read: false, write: true });
}

fn replicas(golden: &mut Golden) {
    use crate::replicated::*;
    let members =
        || Membership { members: vec![Member { id: ReplicaId::new(46, 47), address: "a".into(), voter: true }] };
    let put = RowChange { key: vec![48], value: Some(vec![49]) };
    let rows = || vec![put.clone(), RowChange { key: vec![50], value: None }];
    let payloads = [EntryPayload::Nothing, EntryPayload::Rows(rows()), EntryPayload::Membership(members())];
    let (index, term) = (LogIndex(51), Term(52));
    let entries = payloads.into_iter().map(|payload| LogEntry { term, index, payload }.into()).collect();
    let candidacy = Candidacy { term, last_index: index, last_term: Term(53), is_transfer: true };
    let answer = VoteAnswer { term, is_granted: true };
    let part = SnapshotPart { index, number: 54 };
    let chunk = SnapshotChunk { index, term, membership: members(), number: 54, rows: rows(), is_last: true };
    let refusal = AppendRefusal { previous_index: index, hint_index: LogIndex(55), hint_term: term };
    let append = Append { previous_index: index, previous_term: term, commit: LogIndex(55), entries };
    for (name, body) in [
        ("PreVote", ReplicaBody::PreVote(candidacy.clone())),
        ("PreVoteReply", ReplicaBody::PreVoteReply(answer.clone())),
        ("Vote", ReplicaBody::Vote(candidacy)),
        ("VoteReply", ReplicaBody::VoteReply(answer)),
        ("Append", ReplicaBody::Append(append)),
        ("Appended", ReplicaBody::Appended(index)),
        ("AppendRefused", ReplicaBody::AppendRefused(refusal)),
        ("Heartbeat", ReplicaBody::Heartbeat(Heartbeat { commit: index, round: 56 })),
        ("HeartbeatReply", ReplicaBody::HeartbeatReply(56)),
        ("Snapshot", ReplicaBody::Snapshot(chunk)),
        ("SnapshotReceived", ReplicaBody::SnapshotReceived(part.clone())),
        ("SnapshotRefused", ReplicaBody::SnapshotRefused(part)),
        ("CampaignNow", ReplicaBody::CampaignNow),
    ] {
        let message = ReplicaMessage { group: 57, from: ReplicaId(58), to: ReplicaId(59), term, body };
        golden.check(&format!("Replica.{name}"), &message);
        let versioned = message.to_bytes();
        assert_eq!(versioned[0], 1);
        assert_eq!(ReplicaMessage::from_bytes(&versioned), Ok(message));
        assert!(ReplicaMessage::from_bytes(&[&[2], &versioned[1..]].concat()).is_err(), "another version");
    }
    let part = ReplicaPart { from: ReplicaId(58), number: 60, length: 61, offset: 62, bytes: blob() };
    golden.check("ReplicaPart", &part);
    golden.check("ReplicaOffer", &ReplicaOffer { id: ReplicaId(58), group: 57 });
    assert!(ReplicaMessage::from_bytes(&[]).is_err());
}
