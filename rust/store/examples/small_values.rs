//! Figures of small values in class `ram`, one thread, one request at a time: operations per second of processor time and bytes per record.
//!
//! `small_values LAYOUT RECORDS [SIZE [PHASES [REPETITIONS]]]`, where the layout is `single` or `shuffled` (dkeys in or out of order),
//! `sequential`, `random` or `objects`, and the phases after the first updates are letters: f for fetch, o for overwrite. Phases are
//! functions of their own, so that `callgrind --toggle-collect='*update_all*'` (or `fetch_all`) counts one of them.

use daos_env::{Env, Executor};
use daos_media::MemoryMedia;
use daos_status::Result;
use daos_store::*;
use daos_types::{ContainerId, Epoch, Extent, Key, ObjectClass, ObjectId, ObjectType};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

const CONTAINER: ContainerId = ContainerId::from_bytes([7; 16]);
/// Bytes of an array under one dkey.
const CHUNK: u64 = 1 << 20;

#[derive(Clone, Copy, PartialEq)]
enum Layout {
    Single,
    SingleSequentialDkeys,
    Sequential,
    Random,
    Objects,
}

/// A phase is boxed so that it stays a function of its own.
type Phase<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

struct Work {
    store: Rc<Store>,
    layout: Layout,
    size: usize,
    value: Vec<u8>,
    object: ObjectId,
}

impl Work {
    fn locate(&self, place: u64) -> Result<(ObjectId, Key, Key, Option<Extent>)> {
        match self.layout {
            Layout::Single | Layout::SingleSequentialDkeys => {
                let mut key = [b'k'; 16];
                key[8..].copy_from_slice(&place.to_be_bytes());
                Ok((self.object, Key::new(&key)?, Key::new(b"v")?, None))
            }
            Layout::Objects => {
                let id = ObjectId { hi: 0, lo: place + 1 };
                let object = ObjectId::generate(id, ObjectType::ARRAY_BYTE, ObjectClass::S1);
                Ok((object, Key::from_u64(1), Key::new(b"0")?, Extent::new(0, self.size as u64)))
            }
            _ => {
                let offset = place * self.size as u64;
                let extent = Extent::new(offset % CHUNK, self.size as u64);
                Ok((self.object, Key::from_u64(offset / CHUNK + 1), Key::new(b"0")?, extent))
            }
        }
    }

    async fn update(&self, place: u64, epoch: u64) -> Result<()> {
        let (object, dkey, akey, extent) = self.locate(place)?;
        let data = Data::copy_of(&self.value);
        let value = match extent {
            None => UpdateValue::Single(data),
            Some(extent) => UpdateValue::Array { record_size: 1, pieces: Few::from([(extent, data)]) },
        };
        let conditions = Conditions::NONE;
        let akeys = vec![AkeyUpdate { akey, value, conditions }];
        self.store
            .update(UpdateRequest {
                container: CONTAINER,
                object,
                epoch: Epoch(epoch),
                dkey,
                conditions,
                akeys: akeys.into(),
            })
            .await
    }

    async fn fetch(&self, place: u64) -> Result<()> {
        let (object, dkey, akey, extent) = self.locate(place)?;
        let what = extent.map_or(FetchWhat::Single, |extent| FetchWhat::Array(Few::from([extent])));
        let conditions = Conditions::NONE;
        let akeys = vec![AkeyFetch { akey, what, conditions }];
        let (epoch, size_only) = (Epoch::MAX, false);
        let request =
            FetchRequest { container: CONTAINER, object, epoch, dkey, akeys: akeys.into(), size_only, conditions };
        std::hint::black_box(self.store.fetch(request).await?);
        Ok(())
    }

    fn update_all<'a>(&'a self, order: &'a [u64], first_epoch: u64) -> Phase<'a> {
        Box::pin(async move {
            for (index, place) in order.iter().enumerate() {
                self.update(*place, first_epoch + index as u64).await?;
            }
            Ok(())
        })
    }

    fn fetch_all<'a>(&'a self, order: &'a [u64]) -> Phase<'a> {
        Box::pin(async move {
            for place in order {
                self.fetch(*place).await?;
            }
            Ok(())
        })
    }
}

/// Nanoseconds of processor time of this thread, which other processes do not disturb.
fn processor_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// All places in an order without pattern.
fn shuffled(records: u64) -> Vec<u64> {
    let mut order: Vec<u64> = (0..records).collect();
    let mut state = 88_172_645_463_325_252u64;
    for index in (1..order.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        order.swap(index, (state % (index as u64 + 1)) as usize);
    }
    order
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let layout = match arguments.get(1).map(String::as_str) {
        Some("sequential") => Layout::Sequential,
        Some("random") => Layout::Random,
        Some("objects") => Layout::Objects,
        Some("shuffled") => Layout::Single,
        _ => Layout::SingleSequentialDkeys,
    };
    let number = |index: usize, other: u64| arguments.get(index).and_then(|a| a.parse().ok()).unwrap_or(other);
    let (records, size) = (number(2, 10_000), number(3, 64) as usize);
    let phases = arguments.get(4).map_or("fo", String::as_str).to_owned();
    let repetitions = number(5, 3);
    let env = Env::system();
    let executor = Executor::new(env.clock.clone(), Duration::ZERO)?;
    let spawner = executor.spawner().clone();
    let done = executor.block_on(async move {
        let settings = StoreSettings {
            data_bytes: (records * 2 * (size as u64).next_multiple_of(4096) * u64::from(size >= 4096)).max(64 << 20),
            arena_bytes: (records * 1000).clamp(64 << 20, 20 << 30),
            log_bytes: 64 << 20,
            durability: Durability::Ram,
            checksum: ChecksumKind::Crc64,
        };
        let store = Store::create(Rc::new(MemoryMedia::new()), settings, env, &spawner).await?;
        store.container_create(CONTAINER, store.container_defaults()).await?;
        let kind = if matches!(layout, Layout::Single | Layout::SingleSequentialDkeys) {
            ObjectType::MULTI_HASHED
        } else {
            ObjectType::ARRAY_BYTE
        };
        let object = ObjectId::generate(ObjectId { hi: 0, lo: 1 }, kind, ObjectClass::S1);
        let value = (0..size).map(|index| index as u8).collect();
        let work = Work { store, layout, size, value, object };
        let used = || work.store.space().map(|space| space.arena.total - space.arena.free);
        let before = used()?;
        let any_order = shuffled(records);
        let order =
            if matches!(layout, Layout::Random | Layout::Single) { any_order.clone() } else { (0..records).collect() };
        let rate = |started: u64| (records as f64 * 1e9 / (processor_time() - started).max(1) as f64) as u64;
        let started = processor_time();
        work.update_all(&order, 2).await?;
        println!("update    {:>9} op/s", rate(started));
        println!("memory    {:>9.1} B per record", (used()? - before) as f64 / records as f64);
        let mut epoch = 2 + records;
        for phase in phases.chars() {
            for _ in 0..if phase == 'f' { repetitions } else { 0 } {
                let started = processor_time();
                work.fetch_all(&any_order).await?;
                println!("fetch     {:>9} op/s", rate(started));
            }
            if phase == 'o' {
                let started = processor_time();
                work.update_all(&any_order, epoch).await?;
                println!("overwrite {:>9} op/s", rate(started));
                epoch += records;
            }
        }
        work.store.close().await
    });
    done.unwrap_or(Ok(()))
}
