//! The store of one target, without engine or network.

use crate::limits;
use crate::measure::{Figures, Plan, Shuffle, Watch, rate_async};
use crate::report::{Case, Limit, Report};
use daos_env::sync::join_all;
use daos_env::{Env, Executor};
use daos_media::{Durability, FileMedia, IoEngine, Media, MemoryMedia};
use daos_status::{Code, Result, Status};
use daos_store::{
    AkeyFetch, AkeyUpdate, ChecksumKind, Conditions, Data, FetchRequest, FetchWhat, Store, StoreSettings,
    UpdateRequest, UpdateValue,
};
use daos_types::{ContainerId, Epoch, Extent, Key, ObjectClass, ObjectId, ObjectType};
use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

const SIZES: [usize; 3] = [64, 4096, 64 * 1024];
/// Operations between two looks at the clock.
const BATCH: u64 = 64;
/// Requests under way in class `log`, besides one: what group commit is for.
const DEEP: u64 = 64;
/// Bytes of an array under one dkey.
const CHUNK: u64 = 1 << 20;
/// Bytes of the arena per record, generously: it must not be what ends a run.
const ARENA_BYTES_PER_RECORD: u64 = 2048;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// A dkey of 16 bytes for each value.
    Single,
    /// One array, written from its start on.
    Sequential,
    /// One array, written without pattern.
    Random,
}

impl Layout {
    const ALL: [Layout; 3] = [Layout::Single, Layout::Sequential, Layout::Random];

    fn word(self) -> &'static str {
        match self {
            Layout::Single => "single",
            Layout::Sequential => "sequential",
            Layout::Random => "random",
        }
    }
}

/// One store, filled and read.
struct Bench {
    store: Rc<Store>,
    container: ContainerId,
    object: ObjectId,
    layout: Layout,
    size: usize,
    value: Vec<u8>,
    epoch: Cell<u64>,
}

/// Runs the cases.
pub fn run(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    let synced = limits::synced_writes(plan, directory)?;
    for size in SIZES {
        let memory = limits::memory_copies(plan, size)?;
        for records in &plan.records {
            let records = (*records).min(plan.bytes_max / size as u64).max(BATCH);
            for layout in Layout::ALL {
                for (class, depths) in [(Durability::Ram, &[1][..]), (Durability::Log, &[1, DEEP][..])] {
                    for depth in depths {
                        // One at a time in class log waits for the disk at each: fewer records tell as much.
                        let records = if (class, *depth) == (Durability::Log, 1) { records.min(500) } else { records };
                        let limit = if class == Durability::Log && *depth == 1 { synced } else { memory };
                        one(plan, directory, report, (layout, size, class, *depth, records), limit)?;
                    }
                }
            }
        }
    }
    Ok(())
}

fn one(
    plan: &Plan,
    directory: &Path,
    report: &mut Report,
    (layout, size, class, depth, records): (Layout, usize, Durability, u64, u64),
    limit: Limit,
) -> Result<()> {
    let folder = directory.join(format!("store-{}", std::process::id()));
    let env = Env::system();
    let executor = Executor::new(env.clock.clone(), Duration::ZERO)?;
    let (plan, place) = (plan.clone(), folder.clone());
    let spawner = executor.spawner().clone();
    let outcome = executor.block_on(async move {
        let media: Rc<dyn Media> = match class {
            Durability::Ram => Rc::new(MemoryMedia::new()),
            _ => Rc::new(FileMedia::create(&place, IoEngine::Ring, &spawner)?),
        };
        // Every record is there twice (overwrites keep old versions), and has room to spare.
        let versions = 4;
        let settings = StoreSettings {
            data_bytes: (records * versions * (size as u64).next_multiple_of(4096)).max(64 << 20),
            arena_bytes: (records * versions * ARENA_BYTES_PER_RECORD.max(if size < 4096 { 0 } else { 512 }))
                .max(64 << 20),
            log_bytes: 64 << 20,
            durability: class,
            checksum: ChecksumKind::Crc64,
        };
        let store = Store::create(media, settings, env, &spawner).await?;
        let container = ContainerId::from_bytes([7; 16]);
        store.container_create(container, store.container_defaults()).await?;
        let kind = if layout == Layout::Single { ObjectType::MULTI_HASHED } else { ObjectType::ARRAY_BYTE };
        let object = ObjectId::generate(ObjectId { hi: 0, lo: 1 }, kind, ObjectClass::S1);
        let value = (0..size).map(|index| index as u8).collect();
        let bench = Rc::new(Bench { store, container, object, layout, size, value, epoch: Cell::new(1) });
        let figures = bench.measure(&plan, class, depth, records).await;
        bench.store.close().await?;
        figures
    });
    std::fs::remove_dir_all(&folder).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    let figures = outcome.unwrap_or_else(|| Err(Status::new(Code::Canceled, "the benchmark's task is gone")))?;
    let case = Case {
        bench: "store",
        layout: layout.word(),
        size: size as u64,
        class: Some(if class == Durability::Ram { "ram" } else { "log" }),
        depth,
        checksum: Some("crc64"),
        records: Some(records),
        unit: "op/s",
        ..Case::default()
    };
    for (name, figure) in figures {
        match name {
            "memory" => report.add(Case { case: "memory per record", unit: "B", ..case }, figure, None),
            name => report.add(Case { case: name, ..case }, figure, Some(limit)),
        }
    }
    Ok(())
}

impl Bench {
    async fn measure(
        self: &Rc<Bench>,
        plan: &Plan,
        class: Durability,
        depth: u64,
        records: u64,
    ) -> Result<Vec<(&'static str, Figures)>> {
        let used = |store: &Store| store.space().map(|space| space.arena.total - space.arena.free);
        let before = used(&self.store)?;
        let update = self.write(plan, depth, self.order(records, self.layout == Layout::Random)).await?;
        let memory = (used(&self.store)?.saturating_sub(before)) as f64 / records as f64;
        // Overwrites keep the old versions: each record once more is what the store has room for.
        let overwrite = self.write(plan, depth, self.order(records, true)).await?;
        let mut places = Shuffle::below(records);
        let fetch =
            rate_async(plan, async || self.many(BATCH.max(depth), depth, &mut || places.next(), false).await).await?;
        let mut figures = vec![("update", update), ("overwrite", overwrite), ("fetch", fetch)];
        if class == Durability::Ram {
            figures.push(("memory", Figures { median: memory, min: memory, max: memory }));
        }
        Ok(figures)
    }

    /// Every record once: from the first to the last, or without pattern.
    fn order(&self, records: u64, is_random: bool) -> Vec<u64> {
        let mut order: Vec<u64> = (0..records).collect();
        if is_random {
            let mut places = Shuffle::below(records);
            for index in (1..order.len()).rev() {
                order.swap(index, places.next() as usize % (index + 1));
            }
        }
        order
    }

    /// Writes records in this order; each repetition is a share of them.
    async fn write(self: &Rc<Bench>, plan: &Plan, depth: u64, order: Vec<u64>) -> Result<Figures> {
        let mut rates = Vec::new();
        for share in order.chunks(order.len().div_ceil(plan.repetitions)) {
            let watch = Watch::start();
            let mut next = share.iter().copied();
            self.many(share.len() as u64, depth, &mut || next.next().unwrap_or(0), true).await?;
            rates.push(watch.rate(share.len() as u64));
        }
        Ok(Figures::of(rates))
    }

    /// Does `count` operations, `depth` of them at a time.
    async fn many(
        self: &Rc<Bench>,
        count: u64,
        depth: u64,
        place: &mut dyn FnMut() -> u64,
        write: bool,
    ) -> Result<u64> {
        if depth == 1 {
            for _ in 0..count {
                self.operation(place(), write).await?;
            }
            return Ok(count);
        }
        let places: Vec<u64> = (0..count).map(|_| place()).collect();
        let share = places.len().div_ceil(depth as usize);
        let tasks = places.chunks(share).map(|places| async move {
            for place in places {
                self.operation(*place, write).await?;
            }
            Ok(())
        });
        join_all(tasks).await.into_iter().collect::<Result<()>>()?;
        Ok(count)
    }

    async fn operation(&self, place: u64, write: bool) -> Result<()> {
        let (dkey, akey, extent) = self.locate(place)?;
        if !write {
            let what = extent.map_or(FetchWhat::Single, |extent| FetchWhat::Array(vec![extent]));
            let akeys = vec![AkeyFetch { akey, what, conditions: Conditions::NONE }];
            let request = FetchRequest {
                container: self.container,
                object: self.object,
                epoch: Epoch::MAX,
                dkey,
                akeys,
                size_only: false,
                conditions: Conditions::NONE,
            };
            std::hint::black_box(self.store.fetch(request).await?);
            return Ok(());
        }
        let data = Data::copy_of(&self.value);
        let value = match extent {
            None => UpdateValue::Single(data),
            Some(extent) => UpdateValue::Array { record_size: 1, pieces: vec![(extent, data)] },
        };
        self.epoch.set(self.epoch.get() + 1);
        let request = UpdateRequest {
            container: self.container,
            object: self.object,
            epoch: Epoch(self.epoch.get()),
            dkey,
            conditions: Conditions::NONE,
            akeys: vec![AkeyUpdate { akey, value, conditions: Conditions::NONE }],
        };
        self.store.update(request).await
    }

    fn locate(&self, place: u64) -> Result<(Key, Key, Option<Extent>)> {
        if self.layout == Layout::Single {
            let mut key = [b'k'; 16];
            key[8..].copy_from_slice(&place.to_be_bytes());
            return Ok((Key::new(&key)?, Key::new(b"v")?, None));
        }
        let offset = place * self.size as u64;
        Ok((Key::from_u64(offset / CHUNK + 1), Key::new(b"0")?, Extent::new(offset % CHUNK, self.size as u64)))
    }
}
