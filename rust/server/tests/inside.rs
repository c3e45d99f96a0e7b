//! The engine within a process, from the outside: its messages, its directory, its end and its next start.

use daos_env::{Env, Executor};
use daos_rpc::in_process::InsideEngine as _;
use daos_server::InsideEngine;
use daos_status::{Code, Result};
use daos_testkit::wire_client::*;
use daos_types::{Extent, Reference};
use daos_wire::*;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

/// The code of an error that must be one.
fn code<T: std::fmt::Debug>(result: Result<T>) -> Code {
    result.expect_err("must fail").code()
}

/// An executor that sleeps at once: tests share few cores.
fn executor(env: &Env) -> Executor {
    Executor::new(env.clock.clone(), Duration::ZERO).expect("eventfd")
}

/// Starts the engine of a directory, and runs a test as its client.
fn with_engine<T: 'static, F: Future<Output = T> + 'static>(directory: &Path, test: impl FnOnce(WireClient) -> F) -> T {
    let env = Env::system();
    let engine = InsideEngine::start(directory, &env).expect("starts");
    let executor = executor(&env);
    let transport = engine.network().open().expect("an endpoint");
    let client = WireClient::attach(&env, executor.spawner(), transport, &engine.targets(), engine.session());
    let endpoint = client.endpoint.clone();
    let value = executor.block_on(test(client)).expect("runs to its end");
    endpoint.close();
    value
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

#[test]
fn pools_containers_and_values_survive_a_restart() {
    let place = directory();
    let id = pool_id(1);
    with_engine(place.path(), move |client| async move {
        let entry = client.create_pool(1, "demo", "").await.expect("creates");
        assert_eq!((entry.id, entry.state.as_str()), (id, "Ready"));
        assert_eq!(client.create_pool(1, "demo", "").await, Ok(entry), "the same request again");
        assert_eq!(code(client.create_pool(2, "demo", "").await), Code::Exist);
        client.connect(id, handle_id(1)).await.expect("connects");
        client.create_container(id, handle_id(1), 1, "c").await.expect("creates");
        client.create_container(id, handle_id(1), 1, "c").await.expect("the same request again");
        assert_eq!(code(client.create_container(id, handle_id(1), 2, "c").await), Code::Exist);
        client.open(id, handle_id(1), 1, handle_id(2)).await.expect("opens");
        for target in 0..client.targets.len() {
            client.update(target, &address(1, 1, 2), "d", &[target as u8; 100]).await.expect("writes");
        }
        let set = AttributesSet {
            owner: AttributeOwner::Container((id, container_id(1))),
            handle: handle_id(2),
            attributes: vec![("n".into(), Blob(vec![7; 10_000]))],
        };
        client.call::<_, ()>(Opcode::AttributesSet, &set).await.expect("sets");
    });
    with_engine(place.path(), move |client| async move {
        let pools = client.list_pools().await.expect("lists");
        assert_eq!(pools.len(), 1);
        assert_eq!(pools[0].label, "demo");
        assert_eq!(code(client.fetch(0, &address(1, 1, 2), "d").await), Code::NoHdl, "handles end with the engine");
        client.connect(id, handle_id(1)).await.expect("connects again");
        let opened = client.open(id, handle_id(1), 1, handle_id(2)).await.expect("opens again");
        let mut expected = properties("c");
        // Checksums are on: what nobody chose is said, too.
        expected.numbers.extend([(4100, 3), (4101, 32 << 10), (4102, 0)]);
        assert_eq!(opened.properties, expected);
        for target in 0..client.targets.len() {
            let value = client.fetch(target, &address(1, 1, 2), "d").await.expect("reads");
            assert_eq!(value, Some(vec![target as u8; 100]));
        }
        let named = AttributesNamed {
            owner: AttributeOwner::Container((id, container_id(1))),
            handle: handle_id(2),
            names: vec!["n".into()],
        };
        let values: Vec<Option<Blob>> = client.call(Opcode::AttributesGet, &named).await.expect("reads");
        assert_eq!(values, [Some(Blob(vec![7; 10_000]))]);
        let destroy = PoolDestroy { pool: Reference::Label("demo".into()), force: false };
        assert_eq!(code(client.call::<_, ()>(Opcode::PoolDestroy, &destroy).await), Code::Busy);
        let destroy = PoolDestroy { force: true, ..destroy };
        client.call::<_, ()>(Opcode::PoolDestroy, &destroy).await.expect("destroys");
        assert_eq!(code(client.connect(id, handle_id(9)).await), Code::Nonexist);
    });
    let left = walk(place.path());
    assert!(!left.iter().any(|path| path.contains("pool-")), "{left:?}");
}

fn walk(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        names.push(path.display().to_string());
        if path.is_dir() {
            names.extend(walk(&path));
        }
    }
    names
}

#[test]
fn containers_come_and_go() {
    let place = directory();
    with_engine(place.path(), |client| async move {
        let id = pool_id(1);
        client.create_pool(1, "demo", "log").await.expect("creates");
        client.connect(id, handle_id(1)).await.expect("connects");
        for number in 1..=5 {
            client.create_container(id, handle_id(1), number, &format!("c{number}")).await.expect("creates");
        }
        let request = PoolRequest { pool: id, handle: handle_id(1) };
        let list = client.list_containers(request.pool, request.handle).await.expect("lists");
        assert_eq!(list.len(), 5);
        let query: PoolQueryReply = client.call(Opcode::PoolQuery, &request).await.expect("queries");
        assert_eq!((query.containers, query.handles, query.targets as usize), (5, 1, client.targets.len()));
        assert!(query.data.free > 0 && query.data.free <= query.data.total && query.meta.free < query.meta.total);
        client.open(id, handle_id(1), 3, handle_id(3)).await.expect("opens");
        client.update(0, &address(1, 3, 3), "d", b"v").await.expect("writes");
        let mut destroy =
            ContainerDestroy { pool: id, handle: handle_id(1), container: Reference::Label("c3".into()), force: false };
        assert_eq!(code(client.call::<_, ()>(Opcode::ContainerDestroy, &destroy).await), Code::Busy);
        destroy.force = true;
        client.call::<_, ()>(Opcode::ContainerDestroy, &destroy).await.expect("destroys");
        assert_eq!(code(client.update(0, &address(1, 3, 3), "d", b"v").await), Code::NoHdl);
        assert_eq!(code(client.open(id, handle_id(1), 3, handle_id(4)).await), Code::Nonexist);
        // The identifier is free again, and what comes is empty.
        client.create_container(id, handle_id(1), 3, "c3").await.expect("creates");
        client.open(id, handle_id(1), 3, handle_id(4)).await.expect("opens");
        assert_eq!(client.fetch(0, &address(1, 3, 4), "d").await, Ok(None));
        let allocate = AllocateObjectIds {
            request: ContainerRequest { pool: id, container: container_id(3), handle: handle_id(4) },
            count: 10,
        };
        let first: u64 = client.call(Opcode::AllocateObjectIds, &allocate).await.expect("reserves");
        let second: u64 = client.call(Opcode::AllocateObjectIds, &allocate).await.expect("reserves");
        assert_eq!(second, first + 10);
        let close = allocate.request;
        client.call::<_, ()>(Opcode::ContainerClose, &close).await.expect("closes");
        assert_eq!(code(client.fetch(0, &address(1, 3, 4), "d").await), Code::NoHdl);
        assert_eq!(code(client.call::<_, ()>(Opcode::ContainerClose, &close).await), Code::NoHdl);
    });
}

#[test]
fn clients_cannot_speak_like_targets_nor_without_a_session() {
    let place = directory();
    let env = Env::system();
    let engine = InsideEngine::start(place.path(), &env).expect("starts");
    let executor = executor(&env);
    let open = |session| {
        let transport = engine.network().open().expect("an endpoint");
        WireClient::attach(&env, executor.spawner(), transport, &engine.targets(), session)
    };
    let (client, stranger) = (open(engine.session()), open(engine.session().wrapping_add(1)));
    let (one, two) = (client.endpoint.clone(), stranger.endpoint.clone());
    executor
        .block_on(async move {
            for target in 0..client.targets.len() {
                let part = TargetPoolCreate {
                    pool: pool_id(1),
                    meta_bytes: 1 << 22,
                    data_bytes: 1 << 22,
                    log_bytes: 1 << 22,
                    durability: "log".into(),
                };
                let made = client.call_target::<_, ()>(target, Opcode::TargetPoolCreate, &part).await;
                assert_eq!(code(made), Code::NoPerm);
                let revoked = client.call_target::<_, ()>(target, Opcode::HandlesRevoke, &vec![handle_id(1)]).await;
                assert_eq!(code(revoked), Code::NoPerm);
            }
            assert_eq!(code(stranger.list_pools().await), Code::NoPerm);
            assert_eq!(code(stranger.create_pool(1, "x", "").await), Code::NoPerm);
            // Hostile bytes for every operation: an error each, and the engine goes on.
            for opcode in Opcode::ALL {
                for body in [vec![], vec![0xff; 7], vec![0xff; 3000]] {
                    let call = client.endpoint.call(&client.targets[0], *opcode as u16, body, Duration::from_secs(60));
                    let reply = call.await;
                    if !matches!(opcode, Opcode::SystemQuery | Opcode::SystemRanks | Opcode::SystemVersion) {
                        assert!(reply.is_err(), "{opcode:?}");
                    }
                }
            }
            let version: SystemVersion = client.call(Opcode::SystemVersion, &SystemQuery {}).await.expect("answers");
            assert_eq!(format!("{}.{}.{}", version.major, version.minor, version.patch), env!("CARGO_PKG_VERSION"));
            let system: SystemReply = client.call(Opcode::SystemQuery, &SystemQuery {}).await.expect("answers");
            assert_eq!(system.targets.len(), client.targets.len());
        })
        .expect("runs to its end");
    one.close();
    two.close();
}

#[test]
fn one_directory_has_one_engine() {
    let place = directory();
    let env = Env::system();
    let engine = InsideEngine::start(place.path(), &env).expect("starts");
    let second = InsideEngine::start(place.path(), &env).map(|_| ()).expect_err("the first one serves");
    assert_eq!(second.code(), Code::Busy);
    assert!(second.context().contains("inside process"), "{second}");
    drop(engine);
    drop(InsideEngine::start(place.path(), &env).expect("the directory is free again"));
}

#[test]
fn a_pool_on_persistent_memory_outlives_the_engine() {
    let place = directory();
    with_engine(place.path(), |client| async move {
        client.create_pool(1, "p", "pmem").await.expect("creates");
        client.connect(pool_id(1), handle_id(1)).await.expect("connects");
        client.create_container(pool_id(1), handle_id(1), 1, "c").await.expect("creates");
        client.open(pool_id(1), handle_id(1), 1, handle_id(2)).await.expect("opens");
        client.update(0, &address(1, 1, 2), "d", b"v").await.expect("writes");
    });
    assert!(place.path().join(format!("target-0/pool-{}/memory", pool_id(1))).exists());
    with_engine(place.path(), |client| async move {
        client.connect(pool_id(1), handle_id(1)).await.expect("connects");
        client.open(pool_id(1), handle_id(1), 1, handle_id(2)).await.expect("opens");
        assert_eq!(client.fetch(0, &address(1, 1, 2), "d").await, Ok(Some(b"v".to_vec())));
    });
}

#[test]
fn classes_of_durability() {
    let place = directory();
    with_engine(place.path(), |client| async move {
        assert_eq!(code(client.create_pool(1, "p", "paper").await), Code::Inval);
        client.create_pool(1, "scratch", "ram").await.expect("creates");
        client.connect(pool_id(1), handle_id(1)).await.expect("connects");
        client.create_container(pool_id(1), handle_id(1), 1, "c").await.expect("creates");
        client.open(pool_id(1), handle_id(1), 1, handle_id(2)).await.expect("opens");
        client.update(0, &address(1, 1, 2), "d", b"v").await.expect("writes");
        assert_eq!(client.fetch(0, &address(1, 1, 2), "d").await, Ok(Some(b"v".to_vec())));
    });
    with_engine(place.path(), |client| async move {
        let connected = client.connect(pool_id(1), handle_id(1)).await.expect("the pool is still there");
        let map = daos_placement::PoolMap::decode(&connected.route.map.0).expect("a map");
        assert_eq!(map.target_count() as usize, client.targets.len());
        let request = PoolRequest { pool: pool_id(1), handle: handle_id(1) };
        let list = client.list_containers(request.pool, request.handle).await.expect("lists");
        assert!(list.is_empty(), "its contents ended with the engine");
        client.create_container(pool_id(1), handle_id(1), 1, "c").await.expect("creates");
    });
}

/// A directory that was used and misses files is not made anew: its pools would be gone without a word.
#[test]
fn what_is_missing_is_said_and_not_made_anew() {
    let place = directory();
    let env = Env::system();
    let pools = |client: WireClient| async move { client.list_pools().await.expect("lists") };
    with_engine(place.path(), |client| async move {
        client.create_pool(1, "demo", "").await.expect("creates");
        client.create_pool(2, "other", "").await.expect("creates");
    });
    let start = || InsideEngine::start(place.path(), &env).map(drop);
    let aside = place.path().join("aside");
    for file in ["target-0/system/checkpoint", "target-0/system/log", "target-0/system/data", "engine.format"] {
        let path = place.path().join(file);
        std::fs::rename(&path, &aside).expect("is there");
        let refused = start().expect_err(file);
        assert!(matches!(refused.code(), Code::DfInval | Code::Nonexist), "{file}: {refused}");
        assert!(!path.exists(), "{file} was not made anew");
        std::fs::rename(&aside, &path).expect("goes back");
        assert_eq!(with_engine(place.path(), pools).len(), 2, "{file}");
    }
    // A pool that misses files does not keep the other from working.
    let part = place.path().join(format!("target-0/pool-{}/log", pool_id(1)));
    std::fs::rename(&part, &aside).expect("is there");
    with_engine(place.path(), |client| async move {
        for number in [1, 2] {
            client.connect(pool_id(number), handle_id(number)).await.expect("connects");
            let query: Result<PoolQueryReply> =
                client.call(Opcode::PoolQuery, &PoolRequest { pool: pool_id(number), handle: handle_id(number) }).await;
            assert_eq!(query.is_ok(), number == 2, "{query:?}");
        }
        assert_eq!(code(client.create_container(pool_id(1), handle_id(1), 1, "c").await), Code::DfInval);
        client.create_container(pool_id(2), handle_id(2), 1, "c").await.expect("creates");
        let destroy = PoolDestroy { pool: Reference::Label("demo".into()), force: true };
        client.call::<_, ()>(Opcode::PoolDestroy, &destroy).await.expect("what is left can be destroyed");
    });
    assert_eq!(with_engine(place.path(), pools).len(), 1);
}

#[test]
fn properties_of_a_pool_are_checked_and_survive_a_restart() {
    let place = tempfile::tempdir().expect("a directory");
    let id = pool_id(1);
    let query = PoolRequest { pool: id, handle: handle_id(1) };
    let set = |numbers: &[(u32, u64)]| PoolSetProperties { request: query.clone(), numbers: numbers.to_vec() };
    let (timed, unknown, often) = (set(&[(17, 60), (16, 2)]), set(&[(16, 9)]), set(&[(16, 1), (17, 0)]));
    let request = query.clone();
    with_engine(place.path(), move |client| async move {
        client.call::<_, PoolEntry>(Opcode::PoolCreate, &pool_create(1, "demo", "log")).await.expect("creates");
        assert_eq!(code(client.call::<_, ()>(Opcode::PoolSetProperties, &timed).await), Code::NoHdl);
        client.connect(id, handle_id(1)).await.expect("connects");
        client.call::<_, ()>(Opcode::PoolSetProperties, &timed).await.expect("sets");
        for refused in [unknown, often] {
            assert_eq!(code(client.call::<_, ()>(Opcode::PoolSetProperties, &refused).await), Code::Inval);
        }
        let reply: PoolQueryReply = client.call(Opcode::PoolQuery, &request).await.expect("answers");
        assert!(reply.numbers.contains(&(16, 2)) && reply.numbers.contains(&(17, 60)));
        assert!(reply.numbers.contains(&(5, 1)), "what was never set has its default");
    });
    with_engine(place.path(), move |client| async move {
        client.connect(id, handle_id(1)).await.expect("connects again");
        let reply: PoolQueryReply = client.call(Opcode::PoolQuery, &query).await.expect("answers");
        assert!(reply.numbers.contains(&(16, 2)) && reply.numbers.contains(&(17, 60)));
        assert!(reply.numbers.contains(&(5, 1)), "what was never set has its default");
    });
}

/// Space of what was overwritten and deleted comes back while nobody does anything.
#[test]
fn space_comes_back_by_itself() {
    let place = directory();
    let id = pool_id(1);
    with_engine(place.path(), move |client| async move {
        client.create_pool(1, "demo", "log").await.expect("creates");
        client.connect(id, handle_id(1)).await.expect("connects");
        client.create_container(id, handle_id(1), 1, "c").await.expect("creates");
        client.open(id, handle_id(1), 1, handle_id(2)).await.expect("opens");
        let request = PoolRequest { pool: id, handle: handle_id(1) };
        let free = async || {
            let reply: PoolQueryReply = client.call(Opcode::PoolQuery, &request).await.expect("answers");
            reply.data.free
        };
        let object = address(1, 1, 2);
        let put = async |round: u8| {
            for number in 0..32 {
                let value = vec![round; 8 << 10];
                client.update(0, &object, &format!("key {number}"), &value).await.expect("writes");
            }
        };
        let empty = free().await;
        put(1).await;
        let once = free().await;
        assert!(once < empty);
        for round in 2..6 {
            put(round).await;
        }
        // Asks until it is so; asking for space is no request to a store.
        while free().await != once {}
        assert_eq!(client.fetch(0, &object, "key 7").await.expect("reads"), Some(vec![5; 8 << 10]));
        let dkeys = (0..32).map(|number| key(&format!("key {number}"))).collect();
        let punch =
            Punch { address: object.clone(), name: ChangeName::ONCE, conditions: 0, what: PunchKind::Dkeys(dkeys) };
        client.call_target::<_, daos_types::Epoch>(0, Opcode::Punch, &punch).await.expect("deletes");
        while free().await != empty {}
        assert_eq!(client.fetch(0, &object, "key 7").await.expect("reads"), None);
    });
}

/// Writes bytes to the array of an object.
async fn write_bytes(client: &WireClient, object: &ObjectAddress, start: u64, count: u64, byte: u8) {
    let extents = vec![Extent::new(start, count).expect("valid")];
    let value = UpdateKind::Array(ArrayUpdate { record_size: 1, extents });
    let update = Update {
        address: object.clone(),
        name: ChangeName::ONCE,
        conditions: 0,
        dkey: key("d"),
        akeys: vec![AkeyUpdate { akey: key("a"), conditions: 0, value }],
        payload: Payload::Inline(Blob(vec![byte; count as usize])),
    };
    client.call_target::<_, daos_types::Epoch>(0, Opcode::Update, &update).await.expect("writes");
}

/// How many extents the array of an object has.
async fn count_extents(client: &WireClient, object: &ObjectAddress) -> usize {
    let (mut found, mut anchor) = (0, Blob(vec![]));
    loop {
        let (dkey, akey, count) = (key("d"), key("a"), 1 << 20);
        let (address, epoch) = (object.clone(), daos_types::Epoch::MAX);
        let list = ListExtents { address, epoch, dkey, akey, increasing: true, anchor, count };
        let reply: ListExtentsReply = client.call_target(0, Opcode::ListExtents, &list).await.expect("lists");
        found += reply.extents.len();
        match reply.anchor {
            Some(next) => anchor = next,
            None => return found,
        }
    }
}

/// A file of 64 MiB whose every second block of 4 KiB is written over takes its size again while nobody does anything, in few extents.
#[test]
fn a_file_overwritten_piecewise_takes_its_size_again() {
    const SIZE: u64 = 64 << 20;
    const PIECE: u64 = 16 << 10;
    const BLOCK: u64 = 4 << 10;
    let place = directory();
    let id = pool_id(1);
    with_engine(place.path(), move |client| async move {
        let size = (client.targets.len() as u64) * (256 << 20);
        let pool = PoolCreate { size, ..pool_create(1, "demo", "ram") };
        client.call::<_, PoolEntry>(Opcode::PoolCreate, &pool).await.expect("creates");
        client.connect(id, handle_id(1)).await.expect("connects");
        client.create_container(id, handle_id(1), 1, "c").await.expect("creates");
        client.open(id, handle_id(1), 1, handle_id(2)).await.expect("opens");
        let request = PoolRequest { pool: id, handle: handle_id(1) };
        let free = async || {
            let reply: PoolQueryReply = client.call(Opcode::PoolQuery, &request).await.expect("answers");
            reply.data.free
        };
        let object = address(1, 1, 2);
        let empty = free().await;
        for start in (0..SIZE).step_by(PIECE as usize) {
            write_bytes(&client, &object, start, PIECE, 1).await;
        }
        for start in (0..SIZE).step_by(2 * BLOCK as usize) {
            write_bytes(&client, &object, start, BLOCK, 2).await;
        }
        let (full, before) = (empty - free().await, count_extents(&client, &object).await);
        assert!(full > SIZE * 5 / 4, "{full} bytes before much was joined");
        // Asks until it is so; asking for space is no request to a store.
        while empty - free().await > SIZE + (1 << 20) {}
        let after = count_extents(&client, &object).await;
        assert!(after < before / 4, "{after} extents, of {before}");
        let fetch = Fetch {
            address: object.clone(),
            epoch: daos_types::Epoch::MAX,
            conditions: 0,
            dkey: key("d"),
            akeys: vec![AkeyFetch {
                akey: key("a"),
                conditions: 0,
                kind: FetchKind::Array(vec![Extent::new(SIZE / 2, 2 * BLOCK).expect("valid")]),
                capacity: Some(2 * BLOCK),
            }],
            memory: vec![],
        };
        let reply: FetchReply = client.call_target(0, Opcode::Fetch, &fetch).await.expect("reads");
        let expected: Vec<u8> = [2, 1].iter().flat_map(|byte| vec![*byte; BLOCK as usize]).collect();
        assert_eq!(reply.inline.0, expected);
    });
}
