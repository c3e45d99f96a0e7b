//! A client of an engine that speaks its messages and nothing more.

use daos_env::{Env, Spawner};
use daos_rpc::{Address, Endpoint, EndpointSettings, Transport};
use daos_status::Result;
use daos_types::{ContainerId, Epoch, HandleId, HolderId, Key, ObjectClass, ObjectId, ObjectType, PoolId, Reference};
use daos_wire::*;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// Longer than anything takes that does not hang.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A client that is attached to an engine.
#[derive(Clone)]
pub struct WireClient {
    /// Its endpoint; to be closed at the end.
    pub endpoint: Endpoint,
    /// Where the targets are; the first is the pool service's.
    pub targets: Vec<Address>,
    /// Which client it is, and how many changes it has asked for.
    changes: Rc<(HolderId, Cell<u64>)>,
}

impl WireClient {
    /// A client with an endpoint on `transport`; every request carries the session.
    pub fn attach(
        env: &Env,
        spawner: &Spawner,
        transport: Rc<dyn Transport>,
        targets: &[Address],
        session: u64,
    ) -> WireClient {
        let endpoint = Endpoint::new(spawner, &*env.random, transport, EndpointSettings::default());
        for target in targets {
            endpoint.set_session(target, session).expect("addresses of the engine");
        }
        let changes = Rc::new((HolderId(env.random.uuid()), Cell::new(0)));
        WireClient { endpoint, targets: targets.to_vec(), changes }
    }

    /// Asks a target.
    pub async fn call_target<Q: Wire, R: Wire>(&self, target: usize, opcode: Opcode, request: &Q) -> Result<R> {
        let body = if opcode.is_change() { self.numbered(request) } else { encode(request) };
        let reply = self.endpoint.call(&self.targets[target], opcode as u16, body, TIMEOUT).await?;
        decode(&reply)
    }

    /// A change with its number. Of a client of this kind, at most a few changes are under way at a time: those long before
    /// have been answered.
    fn numbered<Q: Wire>(&self, request: &Q) -> Vec<u8> {
        let (holder, changes) = (self.changes.0, &self.changes.1);
        changes.set(changes.get() + 1);
        let id = RequestId { holder, sequence: changes.get(), answered: changes.get().saturating_sub(64), attempt: 0 };
        [encode(&id), encode(request)].concat()
    }

    /// Asks the pool service.
    pub async fn call<Q: Wire, R: Wire>(&self, opcode: Opcode, request: &Q) -> Result<R> {
        self.call_target(0, opcode, request).await
    }

    /// Creates the pool of a number.
    pub async fn create_pool(&self, number: u8, label: &str, durability: &str) -> Result<PoolEntry> {
        self.call(Opcode::PoolCreate, &pool_create(number, label, durability)).await
    }

    /// The first part of the list of pools: all of them, if they are few.
    pub async fn list_pools(&self) -> Result<Vec<PoolEntry>> {
        let (pools, _more): (_, bool) = self.call(Opcode::PoolList, &None::<PoolId>).await?;
        Ok(pools)
    }

    /// The first part of the list of a pool's containers: all of them, if they are few.
    pub async fn list_containers(&self, pool: PoolId, handle: HandleId) -> Result<Vec<ContainerEntry>> {
        let request = ContainerList { pool, handle, after: None };
        let (containers, _more): (_, bool) = self.call(Opcode::ContainerList, &request).await?;
        Ok(containers)
    }

    /// Connects to a pool for reading and writing.
    pub async fn connect(&self, pool: PoolId, handle: HandleId) -> Result<PoolConnected> {
        let request =
            PoolConnect { pool: Reference::Id(pool.0), handle, flags: 2, again: false, known: RouteKnown::default() };
        self.call(Opcode::PoolConnect, &request).await
    }

    /// Creates the container of a number.
    pub async fn create_container(&self, pool: PoolId, handle: HandleId, number: u8, label: &str) -> Result<()> {
        let (container, properties) = (container_id(number), properties(label));
        let request = ContainerCreate { pool, handle, container, properties, access: NewAccess::by_default() };
        self.call(Opcode::ContainerCreate, &request).await
    }

    /// Opens the container of a number for reading and writing.
    pub async fn open(
        &self,
        pool: PoolId,
        pool_handle: HandleId,
        number: u8,
        handle: HandleId,
    ) -> Result<ContainerOpened> {
        let container = Reference::Id(container_id(number).0);
        let request = ContainerOpen { pool, pool_handle, container, handle, flags: 2, again: false };
        self.call(Opcode::ContainerOpen, &request).await
    }

    /// Writes a single value on the target that the caller chooses.
    pub async fn update(&self, target: usize, address: &ObjectAddress, dkey: &str, value: &[u8]) -> Result<()> {
        let akey = AkeyUpdate { akey: key("a"), conditions: 0, value: UpdateKind::Single(value.len() as u64) };
        let request = Update {
            address: address.clone(),
            name: ChangeName::ONCE,
            conditions: 0,
            dkey: key(dkey),
            akeys: vec![akey],
            payload: Payload::Inline(Blob(value.to_vec())),
        };
        self.call_target::<_, Epoch>(target, Opcode::Update, &request).await.map(drop)
    }

    /// Reads the single value; `None` when there is none.
    pub async fn fetch(&self, target: usize, address: &ObjectAddress, dkey: &str) -> Result<Option<Vec<u8>>> {
        let request = Fetch {
            address: address.clone(),
            epoch: Epoch::MAX,
            conditions: 0,
            dkey: key(dkey),
            akeys: vec![AkeyFetch { akey: key("a"), conditions: 0, kind: FetchKind::Single, capacity: Some(1 << 14) }],
            memory: vec![],
        };
        let reply: FetchReply = self.call_target(target, Opcode::Fetch, &request).await?;
        Ok((reply.akeys[0].size > 0).then_some(reply.inline.0))
    }
}

/// A key.
pub fn key(text: &str) -> Key {
    Key::new(text.as_bytes()).expect("short")
}

/// The pool of a number.
pub fn pool_id(number: u8) -> PoolId {
    PoolId::from_bytes([number; 16])
}

/// The container of a number.
pub fn container_id(number: u8) -> ContainerId {
    ContainerId::from_bytes([number; 16])
}

/// The handle of a number.
pub fn handle_id(number: u8) -> HandleId {
    HandleId::from_bytes([number; 16])
}

/// A small pool.
pub fn pool_create(number: u8, label: &str, durability: &str) -> PoolCreate {
    PoolCreate {
        id: pool_id(number),
        label: label.into(),
        size: 128 << 20,
        durability: durability.into(),
        access: NewAccess::by_default(),
        numbers: vec![],
        ranks: vec![],
        rank_count: 0,
        replicas: 0,
    }
}

/// Properties of a container, with one number among them.
pub fn properties(label: &str) -> Properties {
    Properties { label: label.into(), kind: 0, numbers: vec![(4099, 1)], texts: vec![] }
}

/// An object by the numbers of its pool, its container and the open handle.
pub fn address(pool: u8, container: u8, handle: u8) -> ObjectAddress {
    let object = ObjectId::generate(ObjectId { hi: 0, lo: 1 }, ObjectType::MULTI_HASHED, ObjectClass::S1);
    // Newer than any: these tests choose targets themselves.
    ObjectAddress {
        map_version: u32::MAX,
        pool: pool_id(pool),
        container: container_id(container),
        handle: handle_id(handle),
        object,
    }
}
