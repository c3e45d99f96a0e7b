//! A client that does random things to what is its own, and checks what it reads.

use crate::life::dead;
use crate::model::{ContainerName, Model};
use daos_env::{Random, SeededRandom};
use daos_sim::media::SimMedia;
use daos_status::{Code, Result, Status};
use daos_testkit::wire_client::*;
use daos_types::{HandleId, Reference};
use daos_wire::*;
use std::cell::RefCell;
use std::rc::Rc;

/// Operations of a client in one life.
const OPERATIONS: u64 = 40;
/// The pool that all clients share; each has a container of its own in it.
const SHARED_POOL: u8 = 100;
/// Containers of a client in its own pool.
const CONTAINERS: u64 = 2;
/// Dkeys and attributes that a client writes in a container.
const NAMES: u64 = 5;
/// The longest value: some lie in the arena, some on the data device.
const VALUE_LENGTH_MAX: u64 = 9000;

/// Which errors are no surprise. What failed may have been done or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MayFail {
    /// None: devices work.
    Never,
    /// Those of a full disk.
    ForSpace,
    /// All: a device fails.
    Anyhow,
}

impl MayFail {
    fn allows(self, status: &Status) -> bool {
        match self {
            MayFail::Never => false,
            MayFail::ForSpace => status.code() == Code::Nospace,
            MayFail::Anyhow => true,
        }
    }
}

pub struct Actor {
    client: WireClient,
    number: u8,
    random: SeededRandom,
    model: Rc<RefCell<Model>>,
    media: SimMedia,
    may_fail: MayFail,
}

impl Actor {
    pub fn new(
        client: WireClient,
        number: u8,
        seed: u64,
        model: Rc<RefCell<Model>>,
        media: SimMedia,
        may_fail: MayFail,
    ) -> Actor {
        Actor { client, number, random: SeededRandom::new(seed), model, media, may_fail }
    }

    fn below(&self, bound: u64) -> u64 {
        self.random.next_u64() % bound
    }

    /// The handle of a pool; of this actor alone.
    fn pool_handle(&self, pool: u8) -> HandleId {
        handle_id(if pool == SHARED_POOL { 200 + self.number } else { 150 + self.number })
    }

    /// The number of the handle of a container.
    fn container_handle(&self, name: ContainerName) -> u8 {
        self.number * 8 + name.1 % 8 + if name.0 == SHARED_POOL { 4 } else { 0 }
    }

    pub async fn act(self) {
        for _ in 0..OPERATIONS {
            if let Err(status) = self.act_once().await {
                if self.media.is_off() {
                    dead().await;
                }
                assert!(self.may_fail.allows(&status), "client {}: {status}", self.number);
                break;
            }
        }
        self.client.endpoint.close();
    }

    async fn act_once(&self) -> Result<()> {
        let name = self.container().await?;
        match self.below(20) {
            0 => self.destroy_container(name).await,
            1 if name.0 != SHARED_POOL => self.destroy_pool(name.0).await,
            2..5 => self.set_attribute(name).await,
            5..7 => self.punch(name).await,
            7..12 => self.read(name).await,
            12 => self.close(name).await,
            _ => self.write(name).await,
        }
    }

    /// A container of this actor, made and opened where that is needed.
    async fn container(&self) -> Result<ContainerName> {
        let name = match self.below(3) {
            0 => (SHARED_POOL, self.number + 1),
            _ => (self.number + 1, 1 + self.below(CONTAINERS) as u8),
        };
        self.make_pool(name.0).await?;
        self.client.connect(pool_id(name.0), self.pool_handle(name.0)).await?;
        if self.model.borrow().containers.get(&name).is_none_or(|container| container.certain().is_none()) {
            self.model.borrow_mut().containers.entry(name).or_default().begin(Some(()));
            let label = format!("of-{}-{}", self.number, name.1);
            let made = self.client.create_container(pool_id(name.0), self.pool_handle(name.0), name.1, &label);
            made.await?;
            self.acknowledge(|model| model.containers.entry(name).or_default().acknowledge());
        }
        let handle = handle_id(self.container_handle(name));
        self.client.open(pool_id(name.0), self.pool_handle(name.0), name.1, handle).await?;
        Ok(name)
    }

    async fn make_pool(&self, number: u8) -> Result<()> {
        // The shared pool is made by whoever comes first, and by all who come before it is known to be there.
        let exists = number == SHARED_POOL && self.model.borrow().pools.contains_key(&number);
        if !exists && self.model.borrow().pools.get(&number).is_some_and(|pool| pool.certain().is_some()) {
            return Ok(());
        }
        if !exists {
            self.model.borrow_mut().pools.entry(number).or_default().begin(Some(()));
        }
        self.client.create_pool(number, &format!("pool-{number}"), "log").await?;
        if number == SHARED_POOL {
            self.model.borrow_mut().pools.entry(number).or_default().observe(Some(()), "the shared pool");
        } else {
            self.acknowledge(|model| model.pools.entry(number).or_default().acknowledge());
        }
        Ok(())
    }

    fn acknowledge(&self, change: impl FnOnce(&mut Model)) {
        let mut model = self.model.borrow_mut();
        change(&mut model);
        model.acknowledged += 1;
    }

    async fn write(&self, name: ContainerName) -> Result<()> {
        let (target, dkey) = (self.below(self.client.targets.len() as u64) as usize, self.below(NAMES) as u8);
        let length = 1 + self.below(if self.below(3) == 0 { VALUE_LENGTH_MAX } else { 200 });
        let mut value = vec![0; length as usize];
        self.random.fill(&mut value);
        let key = (name, target, dkey);
        self.model.borrow_mut().values.entry(key).or_default().begin(Some(value.clone()));
        let at = address(name.0, name.1, self.container_handle(name));
        self.client.update(target, &at, &format!("d{dkey}"), &value).await?;
        self.acknowledge(|model| model.values.entry(key).or_default().acknowledge());
        Ok(())
    }

    async fn punch(&self, name: ContainerName) -> Result<()> {
        let (target, dkey) = (self.below(self.client.targets.len() as u64) as usize, self.below(NAMES) as u8);
        let key = (name, target, dkey);
        self.model.borrow_mut().values.entry(key).or_default().begin(None);
        let address = address(name.0, name.1, self.container_handle(name));
        let what = PunchKind::Dkeys(vec![daos_testkit::wire_client::key(&format!("d{dkey}"))]);
        let request = Punch { address, name: ChangeName::ONCE, conditions: 0, what };
        self.client.call_target::<_, daos_types::Epoch>(target, Opcode::Punch, &request).await?;
        self.acknowledge(|model| model.values.entry(key).or_default().acknowledge());
        Ok(())
    }

    async fn read(&self, name: ContainerName) -> Result<()> {
        let (target, dkey) = (self.below(self.client.targets.len() as u64) as usize, self.below(NAMES) as u8);
        let at = address(name.0, name.1, self.container_handle(name));
        let seen = self.client.fetch(target, &at, &format!("d{dkey}")).await?;
        self.model.borrow_mut().values.entry((name, target, dkey)).or_default().observe(seen, (name, target, dkey));
        Ok(())
    }

    async fn set_attribute(&self, name: ContainerName) -> Result<()> {
        let number = self.below(NAMES) as u8;
        let mut value = vec![0; 1 + self.below(VALUE_LENGTH_MAX) as usize];
        self.random.fill(&mut value);
        self.model.borrow_mut().attributes.entry((name, number)).or_default().begin(Some(value.clone()));
        let set = AttributesSet {
            owner: AttributeOwner::Container((pool_id(name.0), container_id(name.1))),
            handle: handle_id(self.container_handle(name)),
            attributes: vec![(format!("a{number}"), Blob(value))],
        };
        self.client.call::<_, ()>(Opcode::AttributesSet, &set).await?;
        self.acknowledge(|model| model.attributes.entry((name, number)).or_default().acknowledge());
        Ok(())
    }

    async fn close(&self, name: ContainerName) -> Result<()> {
        let request = ContainerRequest {
            pool: pool_id(name.0),
            container: container_id(name.1),
            handle: handle_id(self.container_handle(name)),
        };
        self.client.call::<_, ()>(Opcode::ContainerClose, &request).await?;
        let at = address(name.0, name.1, self.container_handle(name));
        let refused = self.client.update(0, &at, "d0", b"x").await;
        assert_eq!(refused.map_err(|error| error.code()), Err(Code::NoHdl), "the handle was closed");
        Ok(())
    }

    async fn destroy_container(&self, name: ContainerName) -> Result<()> {
        self.model.borrow_mut().containers.entry(name).or_default().begin(None);
        let request = ContainerDestroy {
            pool: pool_id(name.0),
            handle: self.pool_handle(name.0),
            container: Reference::Id(container_id(name.1).0),
            force: true,
        };
        self.client.call::<_, ()>(Opcode::ContainerDestroy, &request).await?;
        self.acknowledge(|model| model.forget_container(name));
        Ok(())
    }

    async fn destroy_pool(&self, number: u8) -> Result<()> {
        self.model.borrow_mut().pools.entry(number).or_default().begin(None);
        let request = PoolDestroy { pool: Reference::Id(pool_id(number).0), force: true };
        self.client.call::<_, ()>(Opcode::PoolDestroy, &request).await?;
        self.acknowledge(|model| model.forget_pool(number));
        Ok(())
    }
}
