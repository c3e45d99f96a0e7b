use super::*;
use daos_security::{AccessList, Credentials};
use daos_status::{Code, Result};
use daos_types::{ContainerId, Epoch, HandleId, HolderId, PoolId, Rank, Reference, TargetIndex};
use daos_wire::*;

mod maps;
mod once;
mod retries;
mod snapshots;
mod targets;

fn user(name: &str, is_admin: bool) -> Caller {
    let credentials = Credentials { user: format!("{name}@"), group: format!("{name}s@"), groups: vec![] };
    let number = name.bytes().next().unwrap_or_default();
    Caller { holder: HolderId::from_bytes([number; 16]), credentials, is_admin }
}

/// Who makes the pools, and everything else unless a test says otherwise.
fn olga() -> Caller {
    user("olga", true)
}

fn pool_create(id: PoolId, label: &str, durability: &str) -> PoolCreate {
    let (label, durability, access) = (label.to_owned(), durability.to_owned(), NewAccess::by_default());
    let (size, numbers, ranks) = (1 << 30, vec![], vec![]);
    PoolCreate { id, label, size, durability, access, numbers, ranks, rank_count: 0, replicas: 0 }
}

const OFFER: SpaceOffer = SpaceOffer { storage: 1 << 40, memory: 1 << 36 };

/// The service with a map of what would be stored.
#[derive(Default)]
struct Bench {
    service: PoolService,
    stored: std::collections::BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Bench {
    fn commit<T>(&mut self, decision: Result<Decision<T>>) -> Result<T> {
        let decision = decision?;
        for row in &decision.rows {
            match &row.value {
                Some(value) => self.stored.insert(row.key.to_bytes(), value.clone()),
                None => self.stored.remove(&row.key.to_bytes()),
            };
            self.service.apply(row).expect("own rows");
        }
        Ok(decision.reply)
    }

    /// What a restart finds.
    fn restart(&self) -> PoolService {
        let mut rows: Vec<_> = self
            .stored
            .iter()
            .map(|(key, value)| Row { key: RowKey::from_bytes(key).expect("own key"), value: Some(value.clone()) })
            .collect();
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        let mut service = PoolService::new();
        rows.iter().for_each(|row| service.apply(row).expect("own row"));
        service
    }

    fn pool(&mut self, label: &str) -> PoolId {
        let id = PoolId::from_bytes([label.len() as u8; 16]);
        let request = pool_create(id, label, "");
        let targets = vec![(Rank(0), TargetIndex(0)), (Rank(0), TargetIndex(1))];
        self.commit(self.service.begin_pool_create(&request, targets, &OFFER, &olga())).expect("new pool");
        self.commit(self.service.finish_pool_create(id)).expect("pool");
        id
    }

    fn connect(&mut self, pool: PoolId, number: u8, flags: u32) -> Result<HandleId> {
        self.connect_as(&olga(), pool, number, flags)
    }

    fn connect_as(&mut self, caller: &Caller, pool: PoolId, number: u8, flags: u32) -> Result<HandleId> {
        let handle = HandleId::from_bytes([number; 16]);
        let request =
            PoolConnect { pool: Reference::Id(pool.0), handle, flags, again: false, known: RouteKnown::default() };
        let decision = self.service.connect(&request, caller);
        self.commit(decision).map(|_| handle)
    }

    fn container(&mut self, pool: PoolId, handle: HandleId, number: u8, label: &str) -> Result<ContainerId> {
        let container = ContainerId::from_bytes([number; 16]);
        let properties = Properties { label: label.into(), kind: 1, numbers: vec![(0x1007, 1)], texts: vec![] };
        let request = container_create(pool, handle, container, properties);
        let decision = self.service.create_container(&request, &olga(), 5, &[]);
        self.commit(decision).map(|()| container)
    }

    fn open(
        &mut self,
        pool: PoolId,
        pool_handle: HandleId,
        id: ContainerId,
        number: u8,
        flags: u32,
    ) -> Result<HandleId> {
        self.open_as(&olga(), pool, pool_handle, id, number, flags)
    }

    fn open_as(
        &mut self,
        caller: &Caller,
        pool: PoolId,
        pool_handle: HandleId,
        id: ContainerId,
        number: u8,
        flags: u32,
    ) -> Result<HandleId> {
        let handle = HandleId::from_bytes([number; 16]);
        let container = Reference::Id(id.0);
        let request = ContainerOpen { pool, pool_handle, container, handle, flags, again: false };
        let decision = self.service.open_container(&request, caller, 6);
        self.commit(decision).map(|_| handle)
    }

    /// All steps of something that takes several, and the container handles that it closes.
    fn steps(&mut self, step: impl Fn(&PoolService) -> Result<Decision<Revoked>>) -> Result<Vec<HandleId>> {
        let mut closed = Vec::new();
        loop {
            let decision = step(&self.service);
            assert!(decision.as_ref().is_ok_and(|decision| decision.rows.len() < 2000) || decision.is_err());
            let revoked = self.commit(decision)?;
            closed.extend(revoked.containers);
            if !revoked.more {
                return Ok(closed);
            }
        }
    }

    fn disconnect(&mut self, pool: PoolId, handle: HandleId) -> Result<Vec<HandleId>> {
        self.steps(|service| service.disconnect(&PoolRequest { pool, handle }))
    }

    fn finish_pool(&mut self, id: PoolId) {
        while self.commit(Ok(self.service.finish_pool_destroy(id))).expect("own rows") {}
    }

    /// The kinds of the rows that are stored.
    fn kinds(&self) -> String {
        self.stored.keys().map(|key| key[0] as char).collect()
    }
}

fn code<T>(result: Result<T>) -> Code {
    result.map(|_| ()).expect_err("must fail").code()
}

fn container_create(pool: PoolId, handle: HandleId, container: ContainerId, properties: Properties) -> ContainerCreate {
    ContainerCreate { pool, handle, container, properties, access: NewAccess::by_default() }
}

#[test]
fn a_pool_lives_and_survives_a_restart() {
    let mut bench = Bench::default();
    let pool = bench.pool("demo");
    assert_eq!(bench.restart().list_pools(None), bench.service.list_pools(None));
    assert_eq!(bench.service.find_pool(&Reference::Label("demo".into())).ok(), Some(pool));
    let handle = bench.connect(pool, 1, 2).expect("connects");
    assert_eq!(code(bench.service.begin_pool_destroy(&Reference::Id(pool.0), false, &olga())), Code::Busy);
    let container_id = bench.container(pool, handle, 3, "c").expect("new");
    let open = bench.open(pool, handle, container_id, 9, 2).expect("opens");
    let id = bench.commit(bench.service.begin_pool_destroy(&Reference::Id(pool.0), true, &olga())).expect("forced");
    assert_eq!(bench.service.container_handles(id), [open]);
    let query = HandleQuery { pool, container: container_id, handle: open };
    assert_eq!(code(bench.service.query_handle(&query)), Code::NoHdl, "handles are void at once");
    assert_eq!(bench.restart().unfinished(), [Unfinished::Pool(pool)]);
    assert_eq!(code(bench.service.list_containers(&ContainerList { pool, handle, after: None })), Code::NoHdl);
    bench.finish_pool(id);
    assert!(bench.stored.is_empty() && bench.service.pool_ids().is_empty());
}

#[test]
fn repeated_requests_change_nothing() {
    let mut bench = Bench::default();
    let pool = bench.pool("demo");
    let request = pool_create(pool, "demo", "");
    let again = bench.service.begin_pool_create(&request, vec![], &OFFER, &olga()).expect("known");
    assert!(again.rows.is_empty() && again.reply.ready);
    let other = PoolCreate { id: PoolId::from_bytes([99; 16]), ..request };
    assert_eq!(code(bench.service.begin_pool_create(&other, vec![], &OFFER, &olga())), Code::Exist);
    let handle = bench.connect(pool, 1, 2).expect("connects");
    bench.connect(pool, 1, 2).expect("the same handle again");
    let id = bench.container(pool, handle, 3, "c").expect("new");
    assert_eq!(bench.container(pool, handle, 3, "c").ok(), Some(id));
    assert_eq!(code(bench.container(pool, handle, 4, "c")), Code::Exist);
}

#[test]
fn handles_allow_what_they_were_opened_for() {
    let mut bench = Bench::default();
    let pool = bench.pool("demo");
    let read_only = bench.connect(pool, 1, 1).expect("read-only");
    assert_eq!(code(bench.container(pool, read_only, 3, "c")), Code::NoPerm);
    assert_eq!(code(bench.connect(pool, 2, 4)), Code::Busy);
    assert_eq!(code(bench.connect(pool, 2, 3)), Code::Inval);
    let write = bench.connect(pool, 2, 2).expect("read-write");
    let id = bench.container(pool, write, 3, "c").expect("new");
    let handle = bench.open(pool, write, id, 9, 1).expect("opens");
    let query = HandleQuery { pool, container: id, handle };
    assert_eq!(
        bench.service.query_handle(&query).ok(),
        Some(HandleGrant { read: true, write: false, snapshot: Epoch::ZERO })
    );
    let through_read_only = bench.open(pool, read_only, id, 10, 2).expect("is between the container and the user");
    let query_write = HandleQuery { pool, container: id, handle: through_read_only };
    assert!(bench.service.query_handle(&query_write).expect("open").write);
    assert_eq!(bench.disconnect(pool, write).expect("open"), [handle]);
    assert_eq!(code(bench.service.query_handle(&query)), Code::NoHdl);
    assert_eq!(code(bench.disconnect(pool, write)), Code::NoHdl);
    bench.open(pool, read_only, id, 11, 1).expect("opens");
    assert_eq!(bench.steps(|service| Ok(service.revoke_holder(olga().holder))).expect("closes").len(), 2);
    assert_eq!(
        code(bench.service.list_containers(&ContainerList { pool, handle: read_only, after: None })),
        Code::NoHdl
    );
}

#[test]
fn a_copy_of_a_container_gives_out_identifiers_behind_those_of_its_origin() {
    let mut bench = Bench::default();
    let pool = bench.pool("demo");
    let handle = bench.connect(pool, 1, 2).expect("connects");
    let from = |number: u64| Properties {
        label: String::new(),
        kind: 0,
        numbers: vec![(properties::ALLOCATED, number)],
        texts: vec![],
    };
    for (number, first, expected) in [(3, 5_000_000, 5_000_000), (4, 1, 256)] {
        let id = ContainerId::from_bytes([number; 16]);
        let create = container_create(pool, handle, id, from(first));
        for _ in 0..2 {
            bench.commit(bench.service.create_container(&create, &olga(), 1, &[])).expect("also when it is repeated");
        }
        let open = bench.open(pool, handle, id, number, 2).expect("opens");
        let request = ContainerRequest { pool, container: id, handle: open };
        let one = AllocateObjectIds { request: request.clone(), count: 1 };
        assert_eq!(bench.commit(bench.service.allocate_objects(&one)).ok(), Some(expected));
        let told = bench.service.query_container(&request).expect("open").properties.numbers;
        assert!(told.contains(&(properties::ALLOCATED, expected + 1)));
        for again in [first, expected + 1] {
            let set = ContainerSetProperties { request: request.clone(), properties: from(again) };
            assert_eq!(code(bench.service.set_container_properties(&set, 1)), Code::NoPerm);
        }
    }
}

#[test]
fn a_container_lives_and_survives_a_restart() {
    let mut bench = Bench::default();
    let pool = bench.pool("demo");
    let handle = bench.connect(pool, 1, 2).expect("connects");
    let id = bench.container(pool, handle, 3, "tree").expect("new");
    let open = bench.open(pool, handle, id, 9, 2).expect("opens");
    let request = ContainerRequest { pool, container: id, handle: open };
    let first =
        bench.commit(bench.service.allocate_objects(&AllocateObjectIds { request: request.clone(), count: 10 }));
    let second =
        bench.commit(bench.service.allocate_objects(&AllocateObjectIds { request: request.clone(), count: 1 }));
    assert_eq!(second.expect("more") - first.expect("some"), 10);
    let opened = bench.service.query_container(&request).expect("open").open_time;
    for (number, flags, counts) in [(21, 1 | 16, false), (22, 2 | 16, true)] {
        let open = ContainerOpen {
            pool,
            pool_handle: handle,
            container: Reference::Id(id.0),
            handle: HandleId::from_bytes([number; 16]),
            flags,
            again: false,
        };
        bench.commit(bench.service.open_container(&open, &olga(), opened + 5)).expect("opens");
        assert_eq!(
            bench.service.query_container(&request).expect("open").open_time,
            opened + if counts { 5 } else { 0 }
        );
        let before = bench.service.query_container(&request).expect("open").modify_time;
        bench.commit(bench.service.close_container(pool, id, open.handle, before + 3)).expect("closes");
        assert_eq!(
            bench.service.query_container(&request).expect("open").modify_time,
            before + if counts { 3 } else { 0 }
        );
    }
    let before = bench.service.query_container(&request).expect("open").modify_time;
    let dated = |service: &PoolService, decision| service.dated(decision, pool, id, before + 7);
    bench.commit(Ok(dated(&bench.service, Decision::nothing(())))).expect("nothing");
    assert_eq!(bench.service.query_container(&request).expect("open").modify_time, before);
    let set = AttributesSet {
        owner: AttributeOwner::Container((pool, id)),
        handle: open,
        attributes: vec![("n".into(), Blob(b"v".to_vec()))],
    };
    bench.commit(bench.service.set_attributes(&set).map(|decision| dated(&bench.service, decision))).expect("sets");
    assert_eq!(bench.service.query_container(&request).expect("open").modify_time, before + 7);
    let named = AttributesNamed { owner: set.owner.clone(), handle: open, names: vec!["n".into(), "x".into()] };
    assert_eq!(bench.service.get_attributes(&named).ok(), Some(vec![Some(Blob(b"v".to_vec())), None]));
    let destroy = ContainerDestroy { pool, handle, container: Reference::Label("tree".into()), force: false };
    assert_eq!(code(bench.service.begin_container_destroy(&destroy, &olga())), Code::Busy);
    bench.commit(bench.service.close_container(pool, id, open, 1)).expect("closes");
    bench.commit(bench.service.begin_container_destroy(&destroy, &olga())).expect("begins");
    assert_eq!(bench.restart().unfinished(), [Unfinished::Container(pool, id)]);
    // Whoever opened it right before is told what became of it, not that the new handle was lost.
    assert_eq!(code(bench.service.opened_container(&request)), Code::NoHdl);
    assert_eq!(code(bench.service.just_opened_container(&request)), Code::ContDestroying);
    assert_eq!(code(bench.open(pool, handle, id, 9, 2)), Code::ContDestroying);
    assert!(!bench.commit(Ok(bench.service.finish_container_destroy(pool, id))).expect("gone"));
    assert_eq!(code(bench.service.just_opened_container(&request)), Code::Nonexist);
    assert_eq!(bench.kinds(), "ahpt", "only the pool and its handle are left");
}

#[test]
fn damaged_rows_are_errors() {
    let mut service = PoolService::new();
    let key = RowKey::Pool(PoolId::from_bytes([1; 16]));
    for value in [vec![], vec![9], vec![1], vec![1, 0, 0]] {
        assert!(service.apply(&Row { key: key.clone(), value: Some(value) }).is_err());
    }
    for bytes in [&b""[..], b"p", b"x0123456789abcdef", b"c0123456789abcdef1", b"o0123456789abcdef1234567"] {
        assert_eq!(code(RowKey::from_bytes(bytes)), Code::DfInval);
    }
}

#[test]
fn long_lists_come_in_parts() {
    let mut bench = Bench::default();
    let pool = bench.pool("demo");
    let handle = bench.connect(pool, 1, 2).expect("connects");
    for number in 0..1500u32 {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let properties = Properties { label: format!("{number:0>100}"), kind: 1, numbers: vec![], texts: vec![] };
        let request = container_create(pool, handle, ContainerId::from_bytes(id), properties);
        let decision = bench.service.create_container(&request, &olga(), 5, &[]);
        bench.commit(decision).expect("new");
    }
    let (mut all, mut after, mut parts) = (Vec::new(), None, 0);
    loop {
        let (part, more) = bench.service.list_containers(&ContainerList { pool, handle, after }).expect("lists");
        assert!(encode(&part).len() < 100 * 1024);
        after = part.last().map(|entry| entry.id);
        all.extend(part.into_iter().map(|entry| entry.label));
        parts += 1;
        if !more {
            break;
        }
    }
    assert!(parts > 2 && all.len() == 1500);
    assert_eq!(all[1234], format!("{:0>100}", 1234));
    let owner = AttributeOwner::Pool(pool);
    let attributes: Vec<_> = (0..3).map(|number| (format!("n{number}"), Blob(vec![number; 40_000]))).collect();
    let names: Vec<String> = attributes.iter().map(|(name, _)| name.clone()).collect();
    for attribute in attributes {
        let set = AttributesSet { owner: owner.clone(), handle, attributes: vec![attribute] };
        bench.commit(bench.service.set_attributes(&set)).expect("sets");
    }
    let first = bench.service.get_attributes(&AttributesNamed { owner: owner.clone(), handle, names }).expect("reads");
    assert_eq!(first.len(), 1, "the next one belongs into the next answer");
    let list = AttributesList { owner, handle, after: Some("n0".into()) };
    assert_eq!(bench.service.list_attributes(&list), Ok((vec!["n1".into(), "n2".into()], false)));
}

#[test]
fn what_is_too_much_is_refused() {
    let mut bench = Bench::default();
    let pool = bench.pool("demo");
    let handle = bench.connect(pool, 1, 2).expect("connects");
    let create =
        |number: u8, properties| container_create(pool, handle, ContainerId::from_bytes([number; 16]), properties);
    for wrong in [numbers(&[(7, 8)]), numbers(&[(0x1007, 9)]), numbers(&[(0x1012, 1), (0x1017, 2)])] {
        assert!(bench.service.create_container(&create(1, wrong), &olga(), 5, &[]).is_err());
    }
    let id = bench.container(pool, handle, 2, "c").expect("new");
    let open = bench.open(pool, handle, id, 9, 2).expect("opens");
    let request = ContainerRequest { pool, container: id, handle: open };
    for (properties, expected) in [
        (numbers(&[(0x1018, 1)]), None),
        (numbers(&[(0x1007, 1), (0x1004, 3)]), None),
        (numbers(&[(0x1007, 2)]), Some(Code::NoPerm)),
        (numbers(&[(0x1004, 5)]), Some(Code::NoPerm)),
        (numbers(&[(0x1018, 2)]), Some(Code::Inval)),
        (Properties { kind: 2, ..numbers(&[]) }, Some(Code::NoPerm)),
    ] {
        let set = ContainerSetProperties { request: request.clone(), properties };
        let decision = bench.service.set_container_properties(&set, 7);
        assert_eq!(bench.commit(decision).err().map(|status| status.code()), expected);
    }
    let owner = AttributeOwner::Pool(pool);
    for (name, value) in [(String::new(), vec![]), ("n".repeat(512), vec![]), ("n".into(), vec![0; 65_537])] {
        let set = AttributesSet { owner: owner.clone(), handle, attributes: vec![(name, Blob(value))] };
        assert_eq!(code(bench.service.set_attributes(&set)), Code::Inval);
    }
    let many = (0..10_001).map(|number| (format!("{number}"), Blob(vec![]))).collect();
    let set = AttributesSet { owner, handle, attributes: many };
    assert_eq!(code(bench.service.set_attributes(&set)), Code::Nospace);
    for count in [0, u64::MAX, (1 << 40) + 1] {
        assert_eq!(
            code(bench.service.allocate_objects(&AllocateObjectIds { request: request.clone(), count })),
            Code::Inval
        );
    }
}

#[test]
fn volatile_pools_begin_anew_with_the_engine() {
    let mut bench = Bench::default();
    let id = PoolId::from_bytes([5; 16]);
    let request = pool_create(id, "scratch", "ram");
    let targets = || vec![(Rank(0), TargetIndex(0))];
    bench.commit(bench.service.begin_pool_create(&request, targets(), &OFFER, &olga())).expect("new");
    bench.commit(bench.service.finish_pool_create(id)).expect("pool");
    let handle = bench.connect(id, 1, 2).expect("connects");
    bench.container(id, handle, 3, "c").expect("new");
    let mut next = Bench { service: bench.restart(), stored: bench.stored };
    assert_eq!(next.service.volatile_pools(), [id]);
    let (plan, more) = next.commit(next.service.renew_volatile_pool(id)).expect("is there");
    assert!(plan.durability == "ram" && !more);
    assert!(!next.service.has_container(id, ContainerId::from_bytes([3; 16])));
    assert_eq!(next.restart().pool_ids(), [id]);
    let stored =
        PoolCreate { id: PoolId::from_bytes([6; 16]), label: String::new(), durability: "pmem".into(), ..request };
    next.commit(next.service.begin_pool_create(&stored, targets(), &OFFER, &olga())).expect("new");
    assert_eq!(next.restart().volatile_pools(), [id], "persistent memory is there when the engine comes again");
}

fn numbers(numbers: &[(u32, u64)]) -> Properties {
    Properties { label: String::new(), kind: 0, numbers: numbers.to_vec(), texts: vec![] }
}

#[test]
fn lists_decide_who_may_do_what() {
    let mut bench = Bench::default();
    let pool = bench.pool("demo");
    let (ann, mallory) = (user("ann", false), user("mallory", false));
    let write = bench.connect(pool, 1, 2).expect("the owner may");
    assert_eq!(
        code(bench.connect_as(&ann, pool, 2, 1)),
        Code::NoPerm,
        "the default list knows the owner and his group"
    );
    let set = |of: &AccessOf, change| AccessSet { of: of.clone(), change };
    let of_pool = AccessOf::Pool(Reference::Id(pool.0));
    let update = |texts: &[&str]| {
        AccessChange::Update(Blob(AccessList::parse(texts.iter().copied()).expect("valid").to_bytes()))
    };
    assert_eq!(code(bench.service.set_access(&set(&of_pool, update(&["A::ann@:r"])), &ann)), Code::NoPerm);
    bench.commit(bench.service.set_access(&set(&of_pool, update(&["A::ann@:r"])), &olga())).expect("changes");
    assert_eq!(code(bench.service.set_access(&set(&of_pool, update(&["A::ann@:o"])), &olga())), Code::Inval);
    assert_eq!(code(bench.connect_as(&ann, pool, 2, 2)), Code::NoPerm, "reading only");
    let read = bench.connect_as(&ann, pool, 2, 1).expect("reads");
    assert_eq!(code(bench.container(pool, read, 3, "c")), Code::NoPerm);
    let id = bench.container(pool, write, 3, "c").expect("new");
    assert_eq!(code(bench.open_as(&ann, pool, read, id, 4, 1)), Code::NoPerm);
    let open = bench.open(pool, write, id, 5, 2).expect("opens");
    let of = AccessOf::Container(ContainerHandle { pool, container: id, handle: open });
    bench.commit(bench.service.set_access(&set(&of, update(&["A::ann@:rt"])), &olga())).expect("changes");
    let reader = bench.open_as(&ann, pool, read, id, 4, 1).expect("reads");
    let of_reader = AccessOf::Container(ContainerHandle { pool, container: id, handle: reader });
    assert_eq!(code(bench.service.access(&AccessGet { of: of_reader.clone() }, &ann)), Code::NoPerm);
    let request = ContainerRequest { pool, container: id, handle: reader };
    let seen = bench.service.query_container(&request).expect("queries");
    assert!(seen.access.list.0.is_empty() && seen.access.user == "olga@");
    assert_eq!(code(bench.service.set_access(&set(&of_reader, update(&["A::ann@:rw"])), &ann)), Code::NoPerm);
    let owner = AccessChange::Owner(NewOwner { user: "ann@".into(), group: String::new() });
    bench.commit(bench.service.set_access(&set(&of, owner), &olga())).expect("gives it away");
    let told = bench.service.access(&AccessGet { of: of.clone() }, &olga()).expect("the handle is as it was");
    assert_eq!((told.user.as_str(), told.group.as_str()), ("ann@", "olgas@"));
    let removed = AccessChange::Delete(WirePrincipal { kind: 1, name: Some("ann@".into()) });
    bench.commit(bench.service.set_access(&set(&of, removed.clone()), &olga())).expect("removes");
    assert_eq!(code(bench.service.set_access(&set(&of, removed), &olga())), Code::Nonexist);
    for (caller, force) in [(&ann, true), (&mallory, true)] {
        let refused = bench.service.begin_pool_destroy(&Reference::Id(pool.0), force, caller);
        assert_eq!(code(refused), Code::NoPerm);
    }
    assert_eq!(
        code(bench.service.set_access(&set(&of, AccessChange::Overwrite(Blob(vec![1, 2]))), &olga())),
        Code::Inval
    );
    assert_eq!(
        bench.restart().access(&AccessGet { of: of_pool.clone() }, &olga()),
        bench.service.access(&AccessGet { of: of_pool }, &olga())
    );
}

#[test]
fn evicted_handles_stay_closed() {
    let mut bench = Bench::default();
    let pool = bench.pool("demo");
    let (first, second) = (bench.connect(pool, 1, 2).expect("connects"), bench.connect(pool, 2, 2).expect("connects"));
    let id = bench.container(pool, first, 3, "c").expect("new");
    let opened: Vec<HandleId> = (10..20).map(|number| bench.open(pool, first, id, number, 2).expect("opens")).collect();
    let other = bench.open(pool, second, id, 30, 2).expect("opens");
    let label = Reference::Label("demo".into());
    let unknown = HandleId::from_bytes([77; 16]);
    assert_eq!(bench.steps(|service| service.evict(&label, &[first, unknown], 9, &olga())).expect("evicts"), opened);
    assert_eq!(code(bench.connect(pool, 1, 2)), Code::NoHdl);
    assert_eq!(code(bench.open(pool, first, id, 10, 2)), Code::NoHdl);
    assert!(bench.service.query_handle(&HandleQuery { pool, container: id, handle: other }).is_ok());
    bench.service = bench.restart();
    assert_eq!(code(bench.connect(pool, 1, 2)), Code::NoHdl, "a restart does not open it");
    assert_eq!(bench.steps(|service| service.evict(&label, &[], 9, &olga())).expect("evicts"), [other]);
    bench.connect(pool, 5, 4).expect("nobody else is there");
    let day = 24 * 3600 * 1_000_000_000;
    bench.steps(|service| service.evict(&label, &[], 10 + day, &olga())).expect("evicts");
    assert_eq!(bench.kinds().matches('e').count(), 1, "old ones are forgotten");
}

#[test]
fn thousands_of_handles_close_in_steps() {
    let mut bench = Bench::default();
    let pool = bench.pool("demo");
    let through = bench.connect(pool, 1, 2).expect("connects");
    let id = bench.container(pool, through, 3, "c").expect("new");
    let fill = |bench: &mut Bench| {
        for number in 0..2000u32 {
            let mut bytes = [7; 16];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            let (handle, container) = (HandleId::from_bytes(bytes), Reference::Id(id.0));
            let request = ContainerOpen { pool, pool_handle: through, container, handle, flags: 2, again: false };
            let decision = bench.service.open_container(&request, &olga(), 6);
            bench.commit(decision).expect("opens");
        }
    };
    fill(&mut bench);
    assert_eq!(bench.disconnect(pool, through).expect("closes").len(), 2000);
    bench.connect(pool, 1, 2).expect("connects");
    fill(&mut bench);
    assert_eq!(bench.steps(|service| Ok(service.revoke_holder(olga().holder))).expect("closes").len(), 2000);
    assert_eq!(bench.kinds(), "abcpt", "nothing of the client is left");
    bench.connect(pool, 1, 2).expect("connects");
    fill(&mut bench);
    let exclusive = |flags| ContainerOpen {
        pool,
        pool_handle: through,
        container: Reference::Id(id.0),
        handle: HandleId::from_bytes([8; 16]),
        flags,
        again: false,
    };
    assert_eq!(code(bench.service.open_container(&exclusive(4), &olga(), 6)), Code::Busy);
    assert_eq!(code(bench.service.evict_for_open(&exclusive(2 | 64), &olga())), Code::Inval);
    for conflict in [4 | 32, 4 | 32 | 64, 2 | 32 | 64, 1 | 64] {
        assert_eq!(code(bench.service.evict_for_open(&exclusive(conflict), &olga())), Code::Inval);
    }
    for flags in [2 | 32, 4 | 64] {
        let others = bench.steps(|service| service.evict_for_open(&exclusive(flags), &user("ann", false)));
        assert_eq!(others.map_err(|status| status.code()), Err(Code::NoPerm));
    }
    assert_eq!(bench.steps(|service| service.evict_for_open(&exclusive(2 | 32), &olga())).expect("own").len(), 2000);
    fill(&mut bench);
    assert_eq!(bench.steps(|service| service.evict_for_open(&exclusive(4 | 64), &olga())).expect("all").len(), 2000);
    let decision = bench.service.open_container(&exclusive(4 | 64), &olga(), 6);
    bench.commit(decision).expect("nobody else is there");
    assert_eq!(code(bench.open(pool, through, id, 9, 1)), Code::Busy, "open exclusively");
    bench.commit(bench.service.begin_pool_destroy(&Reference::Id(pool.0), true, &olga())).expect("forced");
    bench.finish_pool(pool);
    assert!(bench.stored.is_empty() && bench.service.holder_places().is_empty());
}
