//! The bytes of every message, by version of the protocol.

use crate::header::PROTOCOL_VERSION;
use crate::*;
use daos_security::Credentials;
use daos_types::{
    ContainerId, EngineId, Epoch, Extent, HandleId, HolderId, Key, ObjectId, PoolId, Rank, Reference, SystemId,
    TargetIndex, TransactionId,
};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// Of each version of the protocol a file: name of the message, a tab, its bytes in hexadecimal.
const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/golden");

/// Set to `write`, it adds the bytes of messages that have none yet, or the first ones of a new version.
const VARIABLE: &str = "DAOS_GOLDEN";

#[derive(Default)]
struct Golden {
    /// The messages as they are now, in the order of the file.
    now: Vec<(String, String)>,
}

impl Golden {
    /// Takes a message by its bytes; they decode to it, and no shorter ones do.
    fn check<T: Wire + PartialEq + Debug>(&mut self, name: &str, value: &T) {
        self.check_bytes(name, value, encode(value), decode);
    }

    fn check_control<T: ControlMessage + PartialEq + Debug>(&mut self, name: &str, value: &T) {
        self.check_bytes(name, value, control_frame(value), |bytes| control_message(bytes, "a peer"));
        self.check(&format!("{name}.Body"), value);
    }

    fn check_bytes<T: PartialEq + Debug>(
        &mut self,
        name: &str,
        value: &T,
        bytes: Vec<u8>,
        decode: impl Fn(&[u8]) -> daos_status::Result<T>,
    ) {
        assert_eq!(decode(&bytes).as_ref(), Ok(value), "{name}");
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{name} cut to {length} bytes");
        }
        self.now.push((name.to_owned(), bytes.iter().map(|byte| format!("{byte:02x}")).collect()));
    }

    /// What is wrong with the messages as they are now, by the file of their version; and the file as it should be.
    fn compare(&self, version: u16, file: &str) -> (Vec<String>, String) {
        let known: BTreeMap<&str, &str> = file.lines().filter_map(|line| line.split_once('\t')).collect();
        let now: BTreeMap<&str, &str> = self.now.iter().map(|(name, hex)| (name.as_str(), hex.as_str())).collect();
        assert_eq!(now.len(), self.now.len(), "each message has a name of its own");
        let mut wrong = Vec::new();
        for (name, hex) in &known {
            let what = match now.get(name) {
                Some(new) if new == hex => continue,
                Some(_) => "has other bytes now",
                None => "is not checked any more",
            };
            wrong.push(format!(
                "{name} {what}, but bytes of version {version} never change: raise PROTOCOL_VERSION in src/header.rs, \
                and write the bytes of the new version with {VARIABLE}=write"
            ));
        }
        let mut text = file.to_owned();
        for (name, hex) in self.now.iter().filter(|(name, _)| !known.contains_key(name.as_str())) {
            wrong.push(format!("{name} is new in version {version}: keep its bytes with {VARIABLE}=write"));
            text.push_str(&format!("{name}\t{hex}\n"));
        }
        (wrong, text)
    }
}

#[test]
fn a_change_of_bytes_asks_for_a_new_version() {
    let golden = Golden { now: vec![("One".into(), "01".into()), ("Two".into(), "02".into())] };
    assert!(golden.compare(3, "Two\t02\nOne\t01\n").0.is_empty());
    let (wrong, _) = golden.compare(3, "One\t07\nTwo\t02\n");
    assert!(
        wrong.len() == 1 && wrong[0].starts_with("One has other bytes now") && wrong[0].contains("PROTOCOL_VERSION")
    );
    let (wrong, _) = golden.compare(3, "One\t01\nTwo\t02\nGone\t03\n");
    assert!(wrong.len() == 1 && wrong[0].starts_with("Gone is not checked any more"), "{wrong:?}");
    let (wrong, text) = golden.compare(3, "One\t01\n");
    assert!(wrong.len() == 1 && wrong[0].starts_with("Two is new"), "{wrong:?}");
    assert_eq!(text, "One\t01\nTwo\t02\n");
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

fn change_name() -> ChangeName {
    ChangeName { client: 0x0102_0304_0506_0708, sequence: 9, is_repeat: true }
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
    let mut golden = Golden::default();
    objects(&mut golden);
    answers_of_objects(&mut golden);
    pools(&mut golden);
    containers(&mut golden);
    targets(&mut golden);
    access(&mut golden);
    snapshots(&mut golden);
    replicas(&mut golden);
    greetings(&mut golden);
    control_requests(&mut golden);
    control_replies(&mut golden);
    let path = format!("{DIRECTORY}/v{PROTOCOL_VERSION}.tsv");
    let file = std::fs::read_to_string(&path).unwrap_or_default();
    let (wrong, text) = golden.compare(PROTOCOL_VERSION, &file);
    if std::env::var(VARIABLE).is_ok_and(|value| value == "write") && text != file {
        std::fs::write(&path, text).expect("the tree can be written");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn greetings(golden: &mut Golden) {
    golden.check("Hello", &hello());
    golden.check_bytes("Greeting", &hello(), hello().to_bytes(), Hello::from_bytes);
}

fn hello() -> Hello {
    Hello { session: 1, process: 2, system: "s".into(), provider: "p".into(), targets: vec!["t".into()] }
}

fn rank_entry() -> RankEntry {
    RankEntry {
        rank: Rank(28),
        engine: EngineId::from_bytes([61; 16]),
        control: "h:1".into(),
        domain: "/d".into(),
        targets: vec!["t".into()],
        state: 1,
    }
}

fn rank_table() -> RankTable {
    let (system, id, provider) = ("s".into(), SystemId::from_bytes([62; 16]), "p".into());
    RankTable { version: 63, system, id, provider, service: Rank(28), ranks: vec![rank_entry()] }
}

fn engine_of() -> EngineOf {
    EngineOf { system: "s".into(), rank: Rank(28) }
}

fn engine_storage() -> EngineStorage {
    let tier = |total: u64| Space { total, free: total - 1 };
    EngineStorage {
        directory: "/d".into(),
        device: "v".into(),
        file_system: "f".into(),
        total: 101,
        available: 100,
        targets: 2,
        pools: 3,
        meta: tier(102),
        data: tier(103),
        memory: tier(104),
    }
}

fn engine_file_system() -> EngineFileSystem {
    let (directory, device, file_system) = ("/d".into(), "v".into(), "f".into());
    EngineFileSystem { directory, device, file_system, total: 111, available: 110, targets: 2 }
}

fn engine_interfaces() -> EngineInterfaces {
    let (provider, device) = ("ofi+p".into(), "e".into());
    let interfaces = vec![FabricInterface { provider, device, numa_node: 105, priority: 106, class: 107 }];
    EngineInterfaces { provider: "p".into(), numa_nodes: 108, cores_per_node: 109, interfaces }
}

fn control_requests(golden: &mut Golden) {
    let credentials = Credentials { user: "u@".into(), group: "g@".into(), groups: vec!["h@".into()] };
    let (id, rank) = (Some(SystemId::from_bytes([62; 16])), Some(Rank(28)));
    let join = Join { system: "s".into(), id, rank, provider: "p".into(), entry: rank_entry(), clock: Epoch(10) };
    let ranks = RanksRequest { system: "s".into(), action: 3, ranks: vec![Rank(28)], force: true };
    for (name, request) in [
        ("Attach", ControlRequest::Attach(Attach { system: "s".into(), credentials })),
        ("Join", ControlRequest::Join(join)),
        ("Members", ControlRequest::Members(SystemMembers { system: "s".into() })),
        ("Ranks", ControlRequest::Ranks(ranks)),
        ("Stopped", ControlRequest::Stopped((Rank(28), Epoch(9)))),
        ("Serves", ControlRequest::Serves(Rank(28))),
        ("Ails", ControlRequest::Ails("a".into())),
        ("Storage", ControlRequest::Storage(engine_of())),
        ("SetLogMask", ControlRequest::SetLogMask((engine_of(), Some("DEBUG".into())))),
        ("Interfaces", ControlRequest::Interfaces(engine_of())),
        ("SetLogMask.None", ControlRequest::SetLogMask((engine_of(), None))),
    ] {
        golden.check_control(&format!("ControlRequest.{name}"), &request);
    }
}

fn control_replies(golden: &mut Golden) {
    let failed = ControlFailure { number: -1002, sentence: "why".into() };
    let joined = Joined { rank: Rank(28), token: 64, table: rank_table() };
    let result = RankResult { rank: Rank(28), state: 2, error: "e".into() };
    let ailing = vec![RankTrouble { rank: Rank(28), sentence: "a".into() }];
    let state = SystemState { table: rank_table(), ailing };
    for (name, reply) in [
        ("Failed", ControlReply::Failed(failed.clone())),
        ("Redirect", ControlReply::Redirect("h:1".into())),
        ("Greeting", ControlReply::Greeting((hello(), rank_table()))),
        ("Joined", ControlReply::Joined(joined)),
        ("Table", ControlReply::Table(rank_table())),
        ("Ranks", ControlReply::Ranks(vec![result])),
        ("Order", ControlReply::Order(1)),
        ("Leaderless", ControlReply::Leaderless(rank_entry())),
        ("State", ControlReply::State(state)),
        ("Storage", ControlReply::Storage(engine_storage())),
        ("Interfaces", ControlReply::Interfaces(engine_interfaces())),
        ("FileSystem", ControlReply::FileSystem((engine_file_system(), failed))),
        ("LogMask", ControlReply::LogMask("DEBUG".into())),
    ] {
        golden.check_control(&format!("ControlReply.{name}"), &reply);
    }
    let (storage_name, memory_name) = ("s".into(), "m".into());
    golden.check("RankOffer", &RankOffer { storage_name, storage: 65, memory_name, memory: 66 });
    golden.check("RankTable", &rank_table());
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
        golden.check(
            name,
            &Update { address: address(), name: change_name(), conditions: 6, dkey: key("d"), akeys, payload },
        );
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
        golden.check(name, &Punch { address: address(), name: change_name(), conditions: 1, what });
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
    let fetch = Fetch {
        address: address(),
        epoch: Epoch(18),
        conditions: 0,
        dkey: key("d"),
        akeys: vec![AkeyFetch { akey: key("a"), conditions: 0, kind: FetchKind::Single, capacity: Some(3) }],
        memory: vec![],
    };
    golden.check("FetchThenQuery", &FetchThenQuery { fetch, at: 4, akey: key("0") });
    let fetch = Fetch {
        address: address(),
        epoch: Epoch(18),
        conditions: 0,
        dkey: key("d"),
        akeys: vec![AkeyFetch { akey: key("a"), conditions: 0, kind: FetchKind::Single, capacity: Some(3) }],
        memory: vec![],
    };
    let punch = FetchThenPunch {
        fetch,
        name: change_name(),
        only_if: BytesAre { at: 1, mask: 2, value: 3 },
        without: vec![4],
        at: 5,
        object_if: Some(BytesAre { at: 6, mask: 7, value: 8 }),
        only_object: Some(ObjectId { hi: 19, lo: 20 }),
    };
    golden.check("FetchThenPunch", &punch);
    golden.check("FetchThenMove", &move_of(punch));
    golden.check("QueryEpoch", &QueryEpoch { address: address() });
    let after = Some(ObjectId { hi: 19, lo: 20 });
    golden.check("ListObjects", &ListObjects { address: address(), epoch: Epoch(21), after, count: 22 });
    let objects = vec![ObjectId { hi: 23, lo: 24 }];
    golden.check("ListObjectsReply", &ListObjectsReply { objects, more: true });
    let transaction = TransactionId::from_bytes([25; 16]);
    let read = TransactionRead { address: address(), transaction, epoch: Epoch(26), opcode: 0x0302, request: blob() };
    golden.check("TransactionRead", &read);
    let akey = AkeyUpdate { akey: key("a"), conditions: 0, value: UpdateKind::Single(3) };
    let changes = [
        TransactionChange::Update((key("d"), vec![akey])),
        TransactionChange::Punch(PunchKind::Akeys((key("d"), vec![key("a")]))),
    ];
    let object = ObjectId { hi: 27, lo: 28 };
    let operations = changes.into_iter().map(|change| TransactionOperation { object, change }).collect();
    let payload = Payload::Inline(blob());
    let commit = TransactionCommit { address: address(), transaction, epoch: Epoch(29), operations, payload };
    golden.check("TransactionCommit", &commit);
    golden.check("KeyAnchor", &KeyAnchor { address: address(), dkey: key("d"), akey: Some(key("a")) });
    let indirect =
        Indirect { opcode: 0x0301, request: IndirectRequest::Memory((vec![blob()], 67)), reply: vec![blob()] };
    golden.check("Indirect", &indirect);
}

fn move_of(punch: FetchThenPunch) -> FetchThenMove {
    let id = |lo| ObjectId { hi: 19, lo };
    FetchThenMove {
        fetch: punch.fetch,
        name: punch.name,
        to_object: id(21),
        to_dkey: key("t"),
        only_if: punch.only_if,
        only_named: Some(id(22)),
        over_if: Some(BytesAre { at: 9, mask: 10, value: 11 }),
        only_over: Some(id(23)),
        without: punch.without,
        dropped: vec![13, 14],
        at: punch.at,
        changed: vec![(12, blob())],
        object_if: punch.object_if,
        only_object: punch.only_object,
    }
}

fn answers_of_objects(golden: &mut Golden) {
    let pieces = (0..3).map(|state| Piece { extent: extent(), state }).collect();
    let akeys = vec![AkeyReply { size: 22, pieces }];
    golden.check("FetchReply", &FetchReply { akeys, inline: blob() });
    golden.check("ListKeysReply", &ListKeysReply { keys: vec![key("k")], anchor: Some(blob()) });
    let listed = (vec![extent()], vec![Epoch(30)]);
    let listed = ListExtentsReply { record_size: 23, extents: listed.0, epochs: listed.1, anchor: None };
    golden.check("ListExtentsReply", &listed);
    golden.check(
        "QueryKeyReply",
        &QueryKeyReply { dkey: Some(24), akey: None, extent: Some(extent()), newest: Some(Epoch(25)) },
    );
    let fetched = FetchReply { akeys: vec![AkeyReply { size: 22, pieces: vec![] }], inline: blob() };
    let found = QueryKeyReply { dkey: Some(24), akey: None, extent: Some(extent()), newest: Some(Epoch(25)) };
    golden.check("FetchThenQueryReply", &FetchThenQueryReply { fetched, found: Some(found) });
    let fetched = FetchReply { akeys: vec![AkeyReply { size: 22, pieces: vec![] }], inline: blob() };
    let punched = FetchThenPunchReply { fetched, punched: Some(Epoch(26)), with_object: true };
    golden.check("FetchThenPunchReply", &punched);
    let fetched = |size| FetchReply { akeys: vec![AkeyReply { size, pieces: vec![] }], inline: blob() };
    let moved =
        FetchThenMoveReply { fetched: fetched(27), over: fetched(28), moved: Some(Epoch(29)), with_object: true };
    golden.check("FetchThenMoveReply", &moved);
    golden.check("IndirectReply.Inline", &IndirectReply::Inline(blob()));
    golden.check("IndirectReply.Memory", &IndirectReply::Memory((25, 68)));
    golden.check("IndirectReply.TooLong", &IndirectReply::TooLong(26));
}

fn pools(golden: &mut Golden) {
    golden.check("SystemVersion", &SystemVersion { major: 1, minor: 2, patch: 3 });
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
    connecting(golden);
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

fn connecting(golden: &mut Golden) {
    let known = || RouteKnown { map_version: 29, blocks: vec![32] };
    let by_id = Reference::Id(pool().0);
    let connect = PoolConnect { pool: by_id, handle: handle(), flags: 2, again: true, known: known() };
    golden.check("PoolConnect", &connect);
    let route = PoolRoute {
        map_version: 30,
        is_difference: true,
        length: 33,
        map: Blob(vec![31]),
        blocks: vec![(34, vec!["a".into()])],
        next_block: 35,
        block_count: 36,
    };
    golden.check("PoolConnected", &PoolConnected { id: pool(), route });
    let request = PoolRequest { pool: pool(), handle: handle() };
    golden.check("RouteQuery", &RouteQuery { request: request.clone(), known: known(), offset: 37, block: 38 });
    golden.check("PoolTargetQuery", &PoolTargetQuery { request, rank: Rank(28), target: TargetIndex(29) });
    golden.check("PoolTargetReply", &PoolTargetReply { state: 1, meta: space(), data: space() });
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
    let conditions = vec![ContainerCondition { key: 77, comparison: 78, value: 79 }];
    let filter = ContainerFilter { pool: pool(), handle: handle(), after: None, any: true, conditions };
    golden.check("ContainerFilter", &filter);
    let entry = ContainerEntry { id: container(), label: "l".into() };
    let found = ContainerFound {
        entry,
        handles: 80,
        snapshots: 81,
        newest_snapshot: Epoch(84),
        open_time: 82,
        modify_time: 83,
    };
    golden.check("ContainerFound", &found);
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
        newest_snapshot: Epoch(35),
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
    golden.check("TargetOrder", &TargetOrder { term: 64, opcode: 0x0405, body: Blob(vec![65, 66]) });
    golden.check("TargetSpace", &TargetSpace { meta: space(), data: space() });
    golden.check("HandleQuery", &HandleQuery { pool: pool(), container: container(), handle: handle() });
    let asked = HandleQuery { pool: pool(), container: container(), handle: handle() };
    golden.check("HandleQuery.asked", &(Rank(68), asked));
    golden.check("HandleGrant", &HandleGrant { read: false, write: true, snapshot: Epoch(67) });
}

fn snapshots(golden: &mut Golden) {
    golden.check("SnapshotCreate", &SnapshotCreate { request: request(), name: "s".into(), options: 2 });
    golden.check("SnapshotDestroy", &SnapshotDestroy { request: request(), first: Epoch(90), last: Epoch(91) });
    golden.check("SnapshotList", &SnapshotList { request: request(), after: Some(Epoch(92)) });
    golden.check("SnapshotEntry", &SnapshotEntry { epoch: Epoch(93), name: "s".into(), time: 94, options: 2 });
    golden.check("SnapshotWait", &SnapshotWait { request: request(), from: Epoch(95) });
    golden.check("SnapshotMark", &SnapshotMark { request: request(), epoch: Epoch(96), options: 2 });
    golden.check("ContainerEpoch", &ContainerEpoch { request: request(), epoch: Epoch(97) });
    let (pool, container) = (pool(), container());
    golden.check("TargetSnapshotHold", &TargetSnapshotHold { pool, container, attempt: 98, hold_ms: 99 });
    golden.check("TargetSnapshotPin", &TargetSnapshotPin { pool, container, attempt: 98, epoch: Epoch(100) });
    golden.check("TargetSnapshots", &TargetSnapshots { pool, container, epochs: vec![Epoch(101), Epoch(102)] });
    let confirm = SnapshotsConfirm { pool, rank: Rank(104), target: TargetIndex(105), epoch: Epoch(106) };
    golden.check("SnapshotsConfirm", &confirm);
    golden.check("TargetContainerEpoch", &TargetContainerEpoch { pool, container, epoch: Epoch(103) });
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
        golden.check_bytes(&format!("ReplicaMessage.{name}"), &message, message.to_bytes(), ReplicaMessage::from_bytes);
    }
    let part = ReplicaPart { from: ReplicaId(58), number: 60, length: 61, offset: 62, bytes: blob() };
    golden.check("ReplicaPart", &part);
    golden.check("ReplicaOffer", &ReplicaOffer { id: ReplicaId(58), group: 57 });
    golden.check("Leading", &(63u64, "host:10001".to_owned()));
    assert!(ReplicaMessage::from_bytes(&[]).is_err());
}
