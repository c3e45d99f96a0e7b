use super::*;
use daos_status::{Code, Result};
use daos_types::{ContainerId, HandleId, PoolId, Rank, Reference, TargetIndex};
use daos_wire::*;

const CLIENT: ClientId = ClientId(1);
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
        let mut rows: Vec<_> = self.stored.iter().collect();
        let order = |key: &[u8]| b"pcqd".iter().position(|kind| *kind == key[0]);
        rows.sort_by_key(|(key, _)| order(key));
        let mut service = PoolService::new();
        for (key, value) in rows {
            let key = RowKey::from_bytes(key).expect("own key");
            service.apply(&Row { key, value: Some(value.clone()) }).expect("own row");
        }
        service
    }

    fn pool(&mut self, label: &str) -> PoolId {
        let id = PoolId::from_bytes([label.len() as u8; 16]);
        let request = PoolCreate { id, label: label.into(), size: 1 << 30, durability: String::new() };
        let targets = vec![(Rank(0), TargetIndex(0)), (Rank(0), TargetIndex(1))];
        self.commit(self.service.begin_pool_create(&request, targets, &OFFER)).expect("new pool");
        self.commit(self.service.finish_pool_create(id)).expect("pool");
        id
    }

    fn connect(&mut self, pool: PoolId, number: u8, flags: u32) -> Result<HandleId> {
        let handle = HandleId::from_bytes([number; 16]);
        self.service.connect(&PoolConnect { pool: Reference::Id(pool.0), handle, flags }, CLIENT).map(|_| handle)
    }

    fn container(&mut self, pool: PoolId, handle: HandleId, number: u8, label: &str) -> Result<ContainerId> {
        let container = ContainerId::from_bytes([number; 16]);
        let properties = Properties { label: label.into(), kind: 1, numbers: vec![(7, 8)], texts: vec![] };
        let decision = self.service.create_container(&ContainerCreate { pool, handle, container, properties }, 5);
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
        let handle = HandleId::from_bytes([number; 16]);
        let container = Reference::Id(id.0);
        let request = ContainerOpen { pool, pool_handle, container, handle, flags };
        self.service.open_container(&request, CLIENT, 6).map(|_| handle)
    }
}

fn code<T>(result: Result<T>) -> Code {
    result.map(|_| ()).expect_err("must fail").code()
}

#[test]
fn a_pool_lives_and_survives_a_restart() {
    let mut bench = Bench::default();
    let pool = bench.pool("demo");
    assert_eq!(bench.restart().list_pools(None), bench.service.list_pools(None));
    assert_eq!(bench.service.find_pool(&Reference::Label("demo".into())).ok(), Some(pool));
    let handle = bench.connect(pool, 1, 2).expect("connects");
    assert_eq!(code(bench.service.begin_pool_destroy(&Reference::Id(pool.0), false)), Code::Busy);
    let id = bench.container(pool, handle, 3, "c").expect("new");
    let open = bench.open(pool, handle, id, 9, 2).expect("opens");
    let (id, revoked) = bench.commit(bench.service.begin_pool_destroy(&Reference::Id(pool.0), true)).expect("forced");
    assert_eq!(revoked, [open]);
    assert_eq!(bench.restart().unfinished(), [Unfinished::Pool(pool)]);
    assert_eq!(code(bench.service.list_containers(&ContainerList { pool, handle, after: None })), Code::NoHdl);
    bench.commit(Ok(bench.service.finish_pool_destroy(id))).expect("gone");
    assert!(bench.stored.is_empty() && bench.service.pool_ids().is_empty());
}

#[test]
fn repeated_requests_change_nothing() {
    let mut bench = Bench::default();
    let pool = bench.pool("demo");
    let request = PoolCreate { id: pool, label: "demo".into(), size: 0, durability: String::new() };
    let again = bench.service.begin_pool_create(&request, vec![], &OFFER).expect("known");
    assert!(again.rows.is_empty() && again.reply.ready);
    let other = PoolCreate { id: PoolId::from_bytes([99; 16]), ..request };
    assert_eq!(code(bench.service.begin_pool_create(&other, vec![], &OFFER)), Code::Exist);
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
    assert_eq!(bench.service.query_handle(&query).ok(), Some(HandleGrant { write: false }));
    assert_eq!(code(bench.open(pool, read_only, id, 10, 2)), Code::NoPerm);
    assert_eq!(bench.service.disconnect(pool, write).expect("open"), [handle]);
    assert_eq!(code(bench.service.query_handle(&query)), Code::NoHdl);
    assert_eq!(code(bench.service.disconnect(pool, write)), Code::NoHdl);
    bench.open(pool, read_only, id, 11, 1).expect("opens");
    assert_eq!(bench.service.revoke_client(CLIENT).len(), 1);
    assert_eq!(
        code(bench.service.list_containers(&ContainerList { pool, handle: read_only, after: None })),
        Code::NoHdl
    );
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
    let set = AttributesSet {
        owner: AttributeOwner::Container((pool, id)),
        handle: open,
        attributes: vec![("n".into(), Blob(b"v".to_vec()))],
    };
    bench.commit(bench.service.set_attributes(&set)).expect("sets");
    let named = AttributesNamed { owner: set.owner.clone(), handle: open, names: vec!["n".into(), "x".into()] };
    assert_eq!(bench.service.get_attributes(&named).ok(), Some(vec![Some(Blob(b"v".to_vec())), None]));
    let destroy = ContainerDestroy { pool, handle, container: Reference::Label("tree".into()), force: false };
    assert_eq!(code(bench.service.begin_container_destroy(&destroy)), Code::Busy);
    bench.service.close_container(pool, id, open).expect("closes");
    bench.commit(bench.service.begin_container_destroy(&destroy)).expect("begins");
    assert_eq!(bench.restart().unfinished(), [Unfinished::Container(pool, id)]);
    assert_eq!(code(bench.open(pool, handle, id, 9, 2)), Code::ContDestroying);
    bench.commit(Ok(bench.service.finish_container_destroy(pool, id))).expect("gone");
    assert_eq!(bench.stored.len(), 1, "only the pool is left");
}

#[test]
fn damaged_rows_are_errors() {
    let mut service = PoolService::new();
    let key = RowKey::Pool(PoolId::from_bytes([1; 16]));
    for value in [vec![], vec![9], vec![1], vec![1, 0, 0]] {
        assert!(service.apply(&Row { key: key.clone(), value: Some(value) }).is_err());
    }
    for bytes in [&b""[..], b"p", b"x0123456789abcdef", b"c0123456789abcdef1"] {
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
        let request = ContainerCreate { pool, handle, container: ContainerId::from_bytes(id), properties };
        let decision = bench.service.create_container(&request, 5);
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
    let create = |number: u8, properties| ContainerCreate {
        pool,
        handle,
        container: ContainerId::from_bytes([number; 16]),
        properties,
    };
    let long = texts(1, 40_000);
    assert_eq!(code(bench.service.create_container(&create(1, long), 5)), Code::Inval);
    let id = bench.container(pool, handle, 2, "c").expect("new");
    let open = bench.open(pool, handle, id, 9, 2).expect("opens");
    let request = ContainerRequest { pool, container: id, handle: open };
    for (kind, fits) in [(1, true), (2, true), (3, true), (4, false), (3, true)] {
        let properties = texts(kind, 10_000);
        let set = ContainerSetProperties { request: request.clone(), properties };
        let decision = bench.service.set_container_properties(&set, 7);
        assert_eq!(bench.commit(decision).is_ok(), fits, "{kind}");
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
    let request = PoolCreate { id, label: "scratch".into(), size: 1 << 30, durability: "ram".into() };
    bench.commit(bench.service.begin_pool_create(&request, vec![(Rank(0), TargetIndex(0))], &OFFER)).expect("new");
    bench.commit(bench.service.finish_pool_create(id)).expect("pool");
    let handle = bench.connect(id, 1, 2).expect("connects");
    bench.container(id, handle, 3, "c").expect("new");
    let mut next = Bench { service: bench.restart(), stored: bench.stored };
    assert_eq!(next.service.volatile_pools(), [id]);
    let plan = next.commit(next.service.renew_volatile_pool(id)).expect("is there");
    assert_eq!(plan.durability, "ram");
    assert!(!next.service.has_container(id, ContainerId::from_bytes([3; 16])));
    assert_eq!(next.restart().pool_ids(), [id]);
    let stored =
        PoolCreate { id: PoolId::from_bytes([6; 16]), label: String::new(), durability: "pmem".into(), ..request };
    next.commit(next.service.begin_pool_create(&stored, vec![(Rank(0), TargetIndex(0))], &OFFER)).expect("new");
    assert_eq!(next.restart().volatile_pools(), [id], "persistent memory is there when the engine comes again");
}

fn texts(kind: u32, length: usize) -> Properties {
    Properties { label: String::new(), kind: 0, numbers: vec![], texts: vec![(kind, "x".repeat(length))] }
}
