//! A client that does random things, and notes what it sees.

use crate::history::{History, LabelOperation, Place};
use crate::story::BYTES_PER_TARGET;
use crate::world::World;
use daos_client::{
    AkeyFetch, AkeyUpdate, Client, Conditions, Container, ContainerFlags, ContainerProperties, Destination, FetchKind,
    Object, ObjectFlags, Pool, PoolCreate, PoolFlags, Source, UpdateValue,
};
use daos_env::{Random, SeededRandom};
use daos_status::{Code, Result, Status};
use daos_types::{ContainerId, Epoch, Key, ObjectClass, ObjectId, ObjectType, Reference};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The pool that all clients share.
pub const POOL: &str = "tank";
/// The container whose values and attributes they share.
pub const SHARED: &str = "shared";
/// Objects and dkeys with values.
pub const OBJECTS: u64 = 2;
pub const DKEYS: u64 = 3;
/// Attributes of the shared container.
pub const ATTRIBUTES: u64 = 2;
/// Labels of containers that come and go.
pub const LABELS: u64 = 2;
/// Pools that come and go.
pub const POOLS: u64 = 2;
/// The longest value but for a few: it lies in the arena.
pub const LENGTH_MAX: u64 = 300;
/// The longest of all: it lies on the data device, and goes through lent memory.
pub const LONG_LENGTH_MAX: u64 = 40_000;

/// Histories know pools by their numbers from here, as if they were labels of containers.
const FIRST_POOL: u64 = 100;
/// A pool in histories: its identifier is chosen by the client, and not known when the answer is lost.
const A_POOL: u64 = 1;

/// What all actors of a seed share.
pub struct Shared {
    pub world: Rc<World>,
    pub history: RefCell<History>,
    next_value: Cell<u64>,
    /// Errors are violations: nothing fails in this seed.
    pub is_calm: Cell<bool>,
}

impl Shared {
    pub fn new(world: Rc<World>) -> Rc<Shared> {
        Rc::new(Shared { world, history: RefCell::default(), next_value: Cell::new(1), is_calm: Cell::new(true) })
    }

    pub fn new_value(&self) -> u64 {
        self.next_value.set(self.next_value.get() + 1);
        self.next_value.get() - 1
    }
}

pub struct Actor {
    pub shared: Rc<Shared>,
    pub client: Client,
    pub random: SeededRandom,
}

/// What an actor has open.
pub struct Open {
    pub pool: Pool,
    pub container: Container,
}

/// The bytes of a value: they begin with its number, and all of them follow from it.
pub fn bytes_of(value: u64, length: u64) -> Vec<u8> {
    let mut bytes = value.to_le_bytes().to_vec();
    let random = SeededRandom::new(value);
    bytes.resize(8 + length as usize, 0);
    random.fill(&mut bytes[8..]);
    bytes
}

/// The number of a value; `Err` when not all bytes are its.
pub fn value_of(bytes: &[u8]) -> std::result::Result<Option<u64>, String> {
    let Some(head) = bytes.first_chunk::<8>() else {
        return if bytes.is_empty() { Ok(None) } else { Err(format!("a value of {} bytes", bytes.len())) };
    };
    let value = u64::from_le_bytes(*head);
    if bytes_of(value, bytes.len() as u64 - 8) == bytes {
        Ok(Some(value))
    } else {
        Err(format!("value {value} of {} bytes has bytes that nobody wrote", bytes.len()))
    }
}

pub fn key(text: &str) -> Key {
    Key::new(text.as_bytes()).expect("short")
}

fn label(number: u64) -> String {
    format!("label-{number}")
}

/// The label of a pool that comes and goes.
pub fn pool_label(number: u64) -> String {
    format!("pond-{number}")
}

/// The number by which histories know a container.
fn number_of(id: ContainerId) -> u64 {
    id.0.as_u64_pair().0
}

impl Actor {
    pub fn below(&self, bound: u64) -> u64 {
        self.random.next_u64() % bound
    }

    pub fn history(&self) -> std::cell::RefMut<'_, History> {
        self.shared.history.borrow_mut()
    }

    /// Opens what all share.
    pub async fn open(&self) -> Result<Open> {
        let pool = Pool::connect(&self.client, &Reference::Label(POOL.into()), PoolFlags::READ_WRITE).await?;
        let label = Reference::Label(SHARED.into());
        match Container::open(&self.client, &pool, &label, ContainerFlags::READ_WRITE).await {
            Ok(container) => Ok(Open { pool, container }),
            Err(status) => {
                if let Err(status) = pool.disconnect(&self.client).await {
                    self.failed("closing", &status);
                }
                Err(status)
            }
        }
    }

    /// Does so many things.
    pub async fn act(&self, operations: u64) {
        let mut open = None;
        for _ in 0..operations {
            let current = match open.take() {
                Some(current) => current,
                None => match self.open().await {
                    Ok(current) => current,
                    Err(status) => {
                        self.failed("opening", &status);
                        continue;
                    }
                },
            };
            self.shared.world.tally.borrow_mut().operations += 1;
            match self.act_once(&current).await {
                Err((what, status)) if status.code() == Code::NoHdl => {
                    // The service may have taken the client for gone.
                    self.failed(what, &status);
                    self.leave(current).await;
                    continue;
                }
                Err((what, status)) => self.failed(what, &status),
                Ok(()) => {}
            }
            if self.below(20) == 0 {
                self.leave(current).await;
            } else {
                open = Some(current);
            }
            let pause = std::time::Duration::from_micros(self.below(60_000));
            self.client.spawner().sleep(pause).await;
        }
        if let Some(current) = open {
            self.leave(current).await;
        }
    }

    /// Closes what it has open.
    pub async fn leave(&self, open: Open) {
        let closed = open.container.close(&self.client).await;
        let left = open.pool.disconnect(&self.client).await;
        for status in [closed.err(), left.err()].into_iter().flatten() {
            self.failed("closing", &status);
        }
    }

    fn failed(&self, what: &str, status: &Status) {
        if status.code() == Code::ContDestroying {
            // Somebody else is at it: nothing was done.
            return;
        }
        self.shared.world.tally.borrow_mut().failed += 1;
        daos_env::log!(Debug, "actor", "{what}: {status}");
        if self.shared.is_calm.get() {
            self.shared.world.violate(format!("{what} failed though nothing was wrong: {status}"));
        }
    }

    async fn act_once(&self, open: &Open) -> std::result::Result<(), (&'static str, Status)> {
        if self.shared.world.shape.has_pools && self.below(8) == 0 {
            return self.act_on_pools().await;
        }
        if self.shared.world.shape.has_snapshots && self.below(4) == 0 {
            return self.act_on_snapshots(open).await;
        }
        if self.shared.world.shape.has_transactions && self.below(3) == 0 {
            return self.transact(open).await.map_err(|status| ("a transaction", status));
        }
        match self.below(24) {
            0..9 => self.write(open).await.map_err(|status| ("writing", status)),
            9..16 => {
                let (object, dkey) = (self.below(OBJECTS), self.below(DKEYS));
                self.read(open, object, dkey).await.map_err(|status| ("reading", status))
            }
            16 => self.punch(open).await.map_err(|status| ("punching", status)),
            17 => self.set_attribute(open).await.map_err(|status| ("setting an attribute", status)),
            18 => {
                let name = self.below(ATTRIBUTES);
                self.get_attribute(open, name).await.map_err(|status| ("getting an attribute", status))
            }
            19 | 20 => self.create(open).await.map_err(|status| ("creating a container", status)),
            21 => self.destroy(open).await.map_err(|status| ("destroying a container", status)),
            22 => self.look(open, self.below(LABELS)).await.map_err(|status| ("opening a container", status)),
            _ => open.pool.query(&self.client).await.map(drop).map_err(|status| ("querying the pool", status)),
        }
    }

    pub fn object(&self, open: &Open, number: u64) -> Result<Object> {
        let class = [ObjectClass::S1, ObjectClass::SX][number as usize % 2];
        let id = ObjectId::generate(ObjectId { hi: 0, lo: number }, ObjectType::MULTI_HASHED, class);
        Object::open(&open.container, id, ObjectFlags::READ_WRITE)
    }

    async fn write(&self, open: &Open) -> Result<()> {
        let (number, dkey) = (self.below(OBJECTS), self.below(DKEYS));
        let object = self.object(open, number)?;
        let value = self.shared.new_value();
        let length = self.below(if self.below(12) == 0 { LONG_LENGTH_MAX } else { LENGTH_MAX });
        let akey = AkeyUpdate { akey: key("a"), value: UpdateValue::Single(Source::Owned(bytes_of(value, length))) };
        let (place, dkey) = (Place::Value(number, dkey), key(&format!("d{dkey}")));
        let guard = WriteGuard::new(self, place, Some(value));
        let result = object.update(&self.client, Conditions::NONE, dkey, vec![akey]).await;
        guard.end(result.is_ok());
        result
    }

    /// Writes a value of an object of which nobody else knows; its number.
    pub async fn put(&self, open: &Open, number: u64) -> Result<u64> {
        let value = self.shared.new_value();
        let akey = AkeyUpdate { akey: key("a"), value: UpdateValue::Single(Source::Owned(bytes_of(value, 10))) };
        self.object(open, number)?.update(&self.client, Conditions::NONE, key("d0"), vec![akey]).await?;
        Ok(value)
    }

    async fn punch(&self, open: &Open) -> Result<()> {
        let (number, dkey) = (self.below(OBJECTS), self.below(DKEYS));
        let object = self.object(open, number)?;
        let guard = WriteGuard::new(self, Place::Value(number, dkey), None);
        let dkeys = vec![key(&format!("d{dkey}"))];
        let result = object.punch_dkeys(&self.client, Conditions::NONE, dkeys).await;
        guard.end(result.is_ok());
        result
    }

    pub async fn read(&self, open: &Open, number: u64, dkey: u64) -> Result<()> {
        let begun = self.history().begin();
        let value = self.fetch(open, Epoch::MAX, number, dkey).await?;
        self.history().read(begun, Place::Value(number, dkey), value);
        Ok(())
    }

    /// The number of a value as it was at an epoch.
    pub async fn fetch(&self, open: &Open, epoch: Epoch, number: u64, dkey: u64) -> Result<Option<u64>> {
        let object = self.object(open, number)?;
        let room = Destination::Owned(LONG_LENGTH_MAX + 8);
        let akey = AkeyFetch { akey: key("a"), kind: FetchKind::Single, destination: Some(room) };
        let name = key(&format!("d{dkey}"));
        let found = object.fetch(&self.client, epoch, Conditions::NONE, name, vec![akey]).await?;
        match value_of(&found[0].bytes) {
            Ok(value) => Ok(value),
            Err(sentence) => {
                self.shared.world.violate(format!("object {number}, dkey {dkey}: {sentence}"));
                Err(Status::new(Code::Csum, sentence))
            }
        }
    }

    async fn set_attribute(&self, open: &Open) -> Result<()> {
        let (name, value) = (self.below(ATTRIBUTES), self.shared.new_value());
        let attribute = (format!("attribute-{name}"), bytes_of(value, self.below(LENGTH_MAX)));
        let guard = WriteGuard::new(self, Place::Attribute(name), Some(value));
        let result = open.container.set_attributes(&self.client, vec![attribute]).await;
        guard.end(result.is_ok());
        result
    }

    pub async fn get_attribute(&self, open: &Open, name: u64) -> Result<()> {
        let begun = self.history().begin();
        let found = open.container.get_attributes(&self.client, vec![format!("attribute-{name}")]).await?;
        match value_of(found[0].as_deref().unwrap_or_default()) {
            Ok(value) => self.history().read(begun, Place::Attribute(name), value),
            Err(sentence) => self.shared.world.violate(format!("attribute {name}: {sentence}")),
        }
        Ok(())
    }

    /// Makes, destroys or looks for a pool.
    async fn act_on_pools(&self) -> std::result::Result<(), (&'static str, Status)> {
        let number = self.below(POOLS);
        match self.below(3) {
            0 => self.create_pool(number).await.map_err(|status| ("creating a pool", status)),
            1 => self.destroy_pool(number).await.map_err(|status| ("destroying a pool", status)),
            _ => self.look_for_pool(number).await.map_err(|status| ("looking for a pool", status)),
        }
    }

    async fn create_pool(&self, number: u64) -> Result<()> {
        let shape = self.shared.world.shape;
        let request = PoolCreate {
            label: pool_label(number),
            size: BYTES_PER_TARGET * shape.engines * u64::from(shape.targets),
            durability: "log".to_owned(),
            ..PoolCreate::default()
        };
        let guard = LabelGuard::new(self, FIRST_POOL + number, LabelOperation::Create(A_POOL));
        match self.client.pool_create(request).await {
            Ok(_) => guard.end(LabelOperation::Create(A_POOL)),
            Err(status) if status.code() == Code::Exist => guard.end(LabelOperation::CreateRefused),
            Err(status) => return Err(status),
        }
        Ok(())
    }

    async fn destroy_pool(&self, number: u64) -> Result<()> {
        let guard = LabelGuard::new(self, FIRST_POOL + number, LabelOperation::Destroy);
        match self.client.pool_destroy(&Reference::Label(pool_label(number)), true).await {
            Ok(()) => guard.end(LabelOperation::Destroy),
            Err(status) if status.code() == Code::Nonexist => guard.end(LabelOperation::Look(None)),
            Err(status) => return Err(status),
        }
        Ok(())
    }

    /// Connects to a pool, which may not be there, and uses it a little.
    pub async fn look_for_pool(&self, number: u64) -> Result<()> {
        let begun = self.history().begin();
        let reference = Reference::Label(pool_label(number));
        let pool = match Pool::connect(&self.client, &reference, PoolFlags::READ_WRITE).await {
            Ok(pool) => pool,
            Err(status) if status.code() == Code::Nonexist => {
                self.history().label(begun, FIRST_POOL + number, LabelOperation::Look(None), true);
                return Ok(());
            }
            Err(status) => return Err(status),
        };
        self.history().label(begun, FIRST_POOL + number, LabelOperation::Look(Some(A_POOL)), true);
        let is_gone = |status: &Status| matches!(status.code(), Code::NoHdl | Code::Nonexist);
        let id = ContainerId(self.random.uuid());
        let made = Container::create(&self.client, &pool, Some(id), ContainerProperties::default()).await;
        let left = pool.disconnect(&self.client).await;
        // Somebody else may have destroyed it.
        match made.map(drop).and(left) {
            Err(status) if !is_gone(&status) => Err(status),
            _ => Ok(()),
        }
    }

    async fn create(&self, open: &Open) -> Result<()> {
        let name = self.below(LABELS);
        let id = ContainerId(self.random.uuid());
        let properties = ContainerProperties { label: label(name), ..ContainerProperties::default() };
        let guard = LabelGuard::new(self, name, LabelOperation::Create(number_of(id)));
        let result = Container::create(&self.client, &open.pool, Some(id), properties).await;
        match result {
            Ok(_) => guard.end(LabelOperation::Create(number_of(id))),
            Err(status) if status.code() == Code::Exist => guard.end(LabelOperation::CreateRefused),
            Err(status) => return Err(status),
        }
        Ok(())
    }

    async fn destroy(&self, open: &Open) -> Result<()> {
        let name = self.below(LABELS);
        let guard = LabelGuard::new(self, name, LabelOperation::Destroy);
        let reference = Reference::Label(label(name));
        match Container::destroy(&self.client, &open.pool, &reference, true).await {
            Ok(()) => guard.end(LabelOperation::Destroy),
            Err(status) if status.code() == Code::Nonexist => guard.end(LabelOperation::Look(None)),
            Err(status) => return Err(status),
        }
        Ok(())
    }

    pub async fn look(&self, open: &Open, name: u64) -> Result<()> {
        let begun = self.history().begin();
        let reference = Reference::Label(label(name));
        let opened = Container::open(&self.client, &open.pool, &reference, ContainerFlags::READ_WRITE).await;
        let seen = match opened {
            Ok(container) => {
                let id = number_of(container.id());
                self.history().label(begun, name, LabelOperation::Look(Some(id)), true);
                // Somebody else may have destroyed it, and its handles with it.
                return match container.close(&self.client).await {
                    Err(status) if !matches!(status.code(), Code::NoHdl | Code::Nonexist) => Err(status),
                    _ => Ok(()),
                };
            }
            Err(status) if status.code() == Code::Nonexist => None,
            Err(status) => return Err(status),
        };
        self.history().label(begun, name, LabelOperation::Look(seen), true);
        Ok(())
    }
}

/// Notes a write also when its task is dropped in the midst of it.
struct WriteGuard {
    shared: Rc<Shared>,
    begun: crate::history::Begun,
    place: Option<Place>,
    value: Option<u64>,
}

impl WriteGuard {
    fn new(actor: &Actor, place: Place, value: Option<u64>) -> WriteGuard {
        let begun = actor.history().begin();
        WriteGuard { shared: actor.shared.clone(), begun, place: Some(place), value }
    }

    fn end(mut self, is_acknowledged: bool) {
        if let Some(place) = self.place.take() {
            self.shared.history.borrow_mut().write(self.begun, place, self.value, is_acknowledged);
        }
    }
}

impl Drop for WriteGuard {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.shared.history.borrow_mut().abandon_write(self.begun, place, self.value);
        }
    }
}

/// As [`WriteGuard`], for labels.
struct LabelGuard {
    shared: Rc<Shared>,
    begun: crate::history::Begun,
    label: u64,
    wanted: Option<LabelOperation>,
}

impl LabelGuard {
    fn new(actor: &Actor, label: u64, wanted: LabelOperation) -> LabelGuard {
        let begun = actor.history().begin();
        LabelGuard { shared: actor.shared.clone(), begun, label, wanted: Some(wanted) }
    }

    fn end(mut self, seen: LabelOperation) {
        self.wanted = None;
        self.shared.history.borrow_mut().label(self.begun, self.label, seen, true);
    }
}

impl Drop for LabelGuard {
    fn drop(&mut self) {
        if let Some(wanted) = self.wanted.take() {
            self.shared.history.borrow_mut().label(self.begun, self.label, wanted, false);
        }
    }
}
