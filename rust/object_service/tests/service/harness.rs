//! A service on a store in memory, and a client that speaks its messages.
#![expect(unsafe_code, reason = "memory of the client is exposed to the service")]

use daos_env::sync::Signal;
use daos_env::{Env, Executor, HybridClock, Spawner};
use daos_media::MemoryMedia;
use daos_object_service::{ObjectService, ObjectServiceSettings, TargetContext};
use daos_rpc::in_process::InProcessNetwork;
use daos_rpc::{Access, Endpoint, EndpointSettings, Exposed};
use daos_status::{Code, Result, Status, fail};
use daos_store::{ChecksumKind, Durability, Store, StoreSettings};
use daos_types::{ContainerId, Epoch, Extent, HandleId, Key, ObjectClass, ObjectId, ObjectType, PoolId};
use daos_wire::*;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

pub const POOL: PoolId = PoolId::from_bytes([1; 16]);
pub const CONTAINER: ContainerId = ContainerId::from_bytes([2; 16]);
pub const WRITER: HandleId = HandleId::from_bytes([3; 16]);
pub const READER: HandleId = HandleId::from_bytes([4; 16]);
pub const STRANGER: HandleId = HandleId::from_bytes([5; 16]);

/// What the service is told about handles, and how often it asks.
#[derive(Default)]
pub struct PoolService {
    pub questions: Cell<u32>,
    /// Answers wait while this is set.
    pub holds: Cell<bool>,
    pub released: Signal,
    pub closed: RefCell<Vec<HandleId>>,
    /// The version of the pool map that the target knows.
    pub map_version: Cell<u32>,
    /// Odd while the engine is cut off.
    pub standing: Cell<u64>,
    /// The newest snapshot or rollback, which grants name.
    pub newest: Cell<u64>,
}

struct Target {
    store: Rc<Store>,
    pool_service: Rc<PoolService>,
}

impl TargetContext for Target {
    fn store(&self, pool: PoolId) -> Result<Rc<Store>> {
        if pool != POOL {
            fail!(Code::Nonexist, "pool {pool} has nothing here");
        }
        Ok(self.store.clone())
    }

    fn map_version(&self, _pool: PoolId) -> u32 {
        self.pool_service.map_version.get()
    }

    fn standing(&self) -> u64 {
        self.pool_service.standing.get()
    }

    fn handle_grant(&self, query: HandleQuery) -> Pin<Box<dyn Future<Output = Result<HandleGrant>>>> {
        let service = self.pool_service.clone();
        service.questions.set(service.questions.get() + 1);
        Box::pin(async move {
            // Decided when it is asked, told later: as an answer on its way is.
            let open = query.pool == POOL
                && query.container == CONTAINER
                && [WRITER, READER].contains(&query.handle)
                && !service.closed.borrow().contains(&query.handle);
            service.released.wait_until(|| !service.holds.get()).await;
            match open {
                true => {
                    let snapshot = Epoch(service.newest.get());
                    Ok(HandleGrant { read: true, write: query.handle == WRITER, snapshot })
                }
                false => Err(Status::new(Code::NoHdl, "the handle is not open")),
            }
        })
    }
}

/// Both ends.
#[derive(Clone)]
pub struct Bench {
    pub service: Rc<ObjectService>,
    pub pool_service: Rc<PoolService>,
    pub store: Rc<Store>,
    pub spawner: Spawner,
    client: Endpoint,
    server: Endpoint,
}

/// Runs a test with a service of the default settings.
pub fn with_service<F: Future<Output = ()> + 'static>(test: impl FnOnce(Bench) -> F + 'static) {
    with_settings(ObjectServiceSettings::default(), test);
}

/// Runs a test with a service.
pub fn with_settings<F: Future<Output = ()> + 'static>(
    settings: ObjectServiceSettings,
    test: impl FnOnce(Bench) -> F + 'static,
) {
    let env = Env::system();
    let executor = Executor::new(env.clock.clone(), Duration::ZERO).unwrap();
    let spawner = executor.spawner().clone();
    executor.block_on(async move {
        let bench = Bench::new(env, spawner, settings).await;
        test(bench.clone()).await;
        bench.client.close();
        bench.server.close();
    });
}

impl Bench {
    async fn new(env: Env, spawner: Spawner, settings: ObjectServiceSettings) -> Bench {
        let store_settings = StoreSettings {
            data_bytes: 64 << 20,
            arena_bytes: 32 << 20,
            log_bytes: 16 << 20,
            durability: Durability::Log,
            checksum: ChecksumKind::Crc32c,
        };
        let media = Rc::new(MemoryMedia::new());
        let store = Store::create(media, store_settings, env.clone(), &spawner).await.unwrap();
        store.container_create(CONTAINER, store.container_defaults()).await.unwrap();
        let pool_service = Rc::new(PoolService::default());
        let target = Target { store: store.clone(), pool_service: pool_service.clone() };
        let clock = Arc::new(HybridClock::new(env.clock.clone()));
        let service = ObjectService::new(env.clone(), spawner.clone(), clock, Rc::new(target), settings);
        let network = InProcessNetwork::new();
        let endpoint = || Endpoint::new(&spawner, &*env.random, network.open().unwrap(), EndpointSettings::default());
        let (client, server) = (endpoint(), endpoint());
        let (serves, spawns) = (service.clone(), spawner.clone());
        server.serve(move |request| match Opcode::from_number(request.opcode()) {
            Some(opcode) if ObjectService::serves(opcode) => {
                spawns.spawn(serves.clone().serve(opcode, request));
            }
            _ => request.reply_unknown_opcode(),
        });
        Bench { service, pool_service, store, spawner, client, server }
    }

    pub async fn call_bytes(&self, opcode: Opcode, body: Vec<u8>) -> Result<Vec<u8>> {
        let server = self.server.address();
        Ok(self.client.call(server, opcode as u16, body, Duration::from_secs(60)).await?.to_vec())
    }

    pub async fn call<R: Wire>(&self, opcode: Opcode, request: &impl Wire) -> Result<R> {
        decode(&self.call_bytes(opcode, encode(request)).await?)
    }

    /// An update whose caller waits for so long.
    pub async fn call_within(&self, limit: Duration, request: &Update) -> Result<()> {
        let reply = self.client.call(self.server.address(), Opcode::Update as u16, encode(request), limit).await?;
        decode::<Epoch>(&reply).map(drop)
    }

    pub async fn update(&self, request: &Update) -> Result<()> {
        self.call::<Epoch>(Opcode::Update, request).await.map(drop)
    }

    pub async fn fetch(&self, request: &Fetch) -> Result<FetchReply> {
        self.call(Opcode::Fetch, request).await
    }

    /// Lets the service work until something holds.
    pub async fn wait_until(&self, holds: impl Fn(&Bench) -> bool) {
        while !holds(self) {
            daos_env::sync::yield_now().await;
        }
    }

    /// Lets the answers go that the pool service holds.
    pub fn release(&self) {
        self.pool_service.holds.set(false);
        self.pool_service.released.wake_all();
    }

    /// Exposes memory until the result is dropped.
    pub fn expose(&self, memory: &mut [u8], access: Access) -> Exposed {
        let address = NonNull::new(memory.as_mut_ptr()).unwrap();
        // SAFETY: the tests keep the memory longer than the exposure, and look at it only behind that.
        unsafe { self.client.expose(address, memory.len(), access).unwrap() }
    }
}

pub fn descriptor(exposed: &Exposed) -> Blob {
    Blob(exposed.descriptor().encode().to_vec())
}

pub fn address(handle: HandleId) -> ObjectAddress {
    let object = ObjectId::generate(ObjectId { hi: 0, lo: 7 }, ObjectType::MULTI_HASHED, ObjectClass::S1);
    ObjectAddress { map_version: 5, pool: POOL, container: CONTAINER, handle, object }
}

pub fn key(text: &str) -> Key {
    Key::new(text.as_bytes()).unwrap()
}

pub fn extent(start: u64, count: u64) -> Extent {
    Extent::new(start, count).unwrap()
}

pub fn code<T>(result: Result<T>) -> Option<Code> {
    result.err().map(|status| status.code())
}

pub fn akey_update(akey: &str, value: UpdateKind) -> AkeyUpdate {
    AkeyUpdate { akey: key(akey), conditions: 0, value }
}

pub fn array(record_size: u64, extents: Vec<Extent>) -> UpdateKind {
    UpdateKind::Array(ArrayUpdate { record_size, extents })
}

pub fn update_of(akeys: Vec<AkeyUpdate>, payload: Payload) -> Update {
    Update { address: address(WRITER), name: ChangeName::ONCE, conditions: 0, dkey: key("d"), akeys, payload }
}

/// An update of one single value.
pub fn single(bytes: &[u8]) -> Update {
    let akey = akey_update("a", UpdateKind::Single(bytes.len() as u64));
    update_of(vec![akey], Payload::Inline(Blob(bytes.to_vec())))
}

pub fn akey_fetch(akey: &str, kind: FetchKind, capacity: Option<u64>) -> AkeyFetch {
    AkeyFetch { akey: key(akey), conditions: 0, kind, capacity }
}

pub fn fetch_of(akeys: Vec<AkeyFetch>, memory: Vec<Blob>) -> Fetch {
    Fetch { address: address(READER), epoch: Epoch::MAX, conditions: 0, dkey: key("d"), akeys, memory }
}
