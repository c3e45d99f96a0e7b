//! What the tests of the store share: a store on some media, and short words for requests.
#![allow(dead_code, reason = "each test uses some of it")]

use daos_env::{Env, Executor, ManualClock, SeededRandom, Spawner};
use daos_media::{Media, MemoryMedia};
use daos_status::Result;
use daos_store::*;
use daos_types::{ContainerId, Epoch, Extent, Key, ObjectId};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

pub const CONTAINER: ContainerId = ContainerId::from_bytes([3; 16]);
pub const OBJECT: ObjectId = ObjectId { hi: 0, lo: 5 };

pub fn settings() -> StoreSettings {
    StoreSettings {
        data_bytes: 64 << 20,
        arena_bytes: 32 << 20,
        log_bytes: 4 << 20,
        durability: Durability::Log,
        checksum: ChecksumKind::Crc32c,
    }
}

pub fn environment() -> Env {
    Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(1)) }
}

/// Runs a test with a store that has a container, and the media to open it again.
pub fn with_store<F: Future<Output = ()> + 'static>(test: impl FnOnce(Rc<Store>, Reopen) -> F + 'static) {
    with_settings(settings(), test);
}

/// As [`with_store`], of other sizes.
pub fn with_settings<F: Future<Output = ()> + 'static>(
    settings: StoreSettings,
    test: impl FnOnce(Rc<Store>, Reopen) -> F + 'static,
) {
    let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
    let spawner = executor.spawner().clone();
    let done = executor.block_on(async move {
        let media: Rc<dyn Media> = Rc::new(MemoryMedia::new());
        let store = Store::create(media.clone(), settings, environment(), &spawner).await.expect("create");
        store.container_create(CONTAINER, store.container_defaults()).await.expect("container");
        test(store, Reopen { media, spawner }).await;
    });
    done.expect("the test ends");
}

pub struct Reopen {
    pub media: Rc<dyn Media>,
    pub spawner: Spawner,
}

impl Reopen {
    pub async fn open(&self) -> Result<Rc<Store>> {
        Store::open(self.media.clone(), environment(), &self.spawner).await
    }
}

pub fn key(text: &str) -> Key {
    Key::new(text.as_bytes()).expect("short")
}

pub fn extent(start: u64, count: u64) -> Extent {
    Extent::new(start, count).expect("valid")
}

pub fn update(epoch: u64, dkey: &str, akey: &str, value: UpdateValue) -> UpdateRequest {
    let akeys = vec![AkeyUpdate { akey: key(akey), value, conditions: Conditions::NONE }];
    let conditions = Conditions::NONE;
    UpdateRequest {
        container: CONTAINER,
        object: OBJECT,
        epoch: Epoch(epoch),
        dkey: key(dkey),
        conditions,
        akeys: akeys.into(),
    }
}

pub fn single(bytes: &[u8]) -> UpdateValue {
    UpdateValue::Single(Data::copy_of(bytes))
}

pub fn fetch(epoch: u64, dkey: &str, akey: &str, what: FetchWhat) -> FetchRequest {
    let conditions = Conditions::NONE;
    let akeys = vec![AkeyFetch { akey: key(akey), what, conditions }];
    let (object, epoch, dkey) = (OBJECT, Epoch(epoch), key(dkey));
    FetchRequest { container: CONTAINER, object, epoch, dkey, akeys: akeys.into(), size_only: false, conditions }
}

pub async fn fetch_single(store: &Store, epoch: u64, dkey: &str, akey: &str) -> Option<Vec<u8>> {
    let reply = store.fetch(fetch(epoch, dkey, akey, FetchWhat::Single)).await.expect("fetch");
    match reply.akeys.into_iter().next().expect("one") {
        Fetched::Missing => None,
        Fetched::Single { size, data } => {
            assert_eq!(size, data.len() as u64);
            Some(data.into_vec())
        }
        Fetched::Array { .. } => panic!("an array"),
    }
}

pub fn punch(epoch: u64, what: PunchTarget) -> PunchRequest {
    let conditions = Conditions::NONE;
    PunchRequest { container: CONTAINER, object: OBJECT, epoch: Epoch(epoch), what, conditions }
}
