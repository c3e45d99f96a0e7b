//! A client and an engine: within one process, through shared memory, and over libfabric's `tcp`.

mod c_layer;

pub use c_layer::work_if_asked;

use crate::engine::Bench;
use crate::limits;
use crate::measure::{Figures, Plan, Shuffle, rate_async};
use crate::ping;
use crate::report::{Case, Limit, Report};
use crate::store::Selection;
use daos_client::{
    AkeyFetch, AkeyUpdate, Client, Conditions, Container, ContainerFlags, ContainerProperties, Destination, FetchKind,
    LocalMode, Object, ObjectFlags, Pool, PoolCreate, PoolFlags, Source, TransportChoice, UpdateValue,
};
use daos_env::sync::join_all;
use daos_status::Result;
use daos_types::{Epoch, Key, ObjectClass, ObjectId, ObjectType, Reference};
use std::path::Path;
use std::rc::Rc;

const SIZES: [usize; 3] = [64, 4096, 64 * 1024];
const DEPTHS: [u64; 2] = [1, 16];
const CLASSES: [&str; 2] = ["ram", "log"];
/// Keys that are written and read: enough that they are not always the same, few enough to fit any pool.
const KEYS: u64 = 2048;
/// Operations between two looks at the clock, for each that is under way at a time.
const BATCH: u64 = 8;
/// Bytes of each pool.
const POOL_BYTES: u64 = 4 << 30;

/// Runs the cases.
pub fn run(plan: &Plan, selection: &Selection, directory: &Path, report: &mut Report) -> Result<()> {
    let ways = [
        (LocalMode::Inside, TransportChoice::Automatic, "in_process"),
        (LocalMode::Process, TransportChoice::SharedMemory, "shared_memory"),
        (LocalMode::Process, TransportChoice::Network, "tcp"),
    ];
    for (mode, choice, transport) in ways {
        if !selection.has_transport(transport) {
            continue;
        }
        let bench = Bench::start(directory, mode, choice)?;
        for class in CLASSES {
            for size in SIZES {
                let is_named = |depth: &u64| selection.includes(size, Some(class), *depth);
                if !DEPTHS.iter().any(is_named) {
                    continue;
                }
                let limit = match choice {
                    TransportChoice::Automatic | TransportChoice::SharedMemory => {
                        Some(limits::memory_copies(plan, size)?)
                    }
                    // A request and its reply are two transfers.
                    TransportChoice::Network => ping::microseconds_per_transfer(size)
                        .map(|microseconds| Limit { name: "fi_pingpong", value: 1e6 / (2.0 * microseconds) }),
                };
                for depth in DEPTHS.into_iter().filter(is_named) {
                    let keys = if class == "log" && depth == 1 { 64 } else { KEYS };
                    let task = Task { plan: plan.clone(), class, size, depth, keys };
                    let figures = bench.context().block_on(move |client| task.measure(client))?;
                    let case = Case {
                        bench: "client",
                        size: size as u64,
                        class: Some(class),
                        transport: Some(transport),
                        depth,
                        checksum: Some("crc64"),
                        unit: "op/s",
                        ..Case::default()
                    };
                    for (name, figures) in figures {
                        report.add(Case { case: name, ..case }, figures, limit);
                    }
                }
            }
        }
    }
    if selection.has_transport("in_process") && selection.includes(c_layer::SIZE, Some("ram"), 1) {
        c_layer::run(plan, directory, report)?;
    }
    Ok(())
}

struct Task {
    plan: Plan,
    class: &'static str,
    size: usize,
    depth: u64,
    keys: u64,
}

/// A new container in the pool of a class, which is made when it is not there.
pub async fn container_of(client: &Client, class: &str, properties: ContainerProperties) -> Result<Container> {
    let known = client.pool_list().await?.into_iter().any(|pool| pool.label == class);
    if !known {
        let request = PoolCreate {
            label: class.to_owned(),
            size: POOL_BYTES,
            durability: class.to_owned(),
            ..PoolCreate::default()
        };
        client.pool_create(request).await?;
    }
    let pool = Pool::connect(client, &Reference::parse(class)?, PoolFlags::READ_WRITE).await?;
    let id = Container::create(client, &pool, None, properties).await?;
    Container::open(client, &pool, &Reference::Id(id.0), ContainerFlags::READ_WRITE).await
}

impl Task {
    async fn measure(self, client: Client) -> Result<Vec<(&'static str, Figures)>> {
        let container = container_of(&client, self.class, ContainerProperties::default()).await?;
        if self.class == "ram" {
            limits::wait_for_memory(&self.plan);
        }
        let id = ObjectId::generate(ObjectId { hi: 0, lo: 1 }, ObjectType::MULTI_HASHED, ObjectClass::S1);
        let object = Rc::new(Object::open(&container, id, ObjectFlags::READ_WRITE)?);
        let mut places = Shuffle::below(self.keys);
        // Every key is there before any is fetched.
        let mut all = 0..self.keys;
        self.many(&client, &object, self.keys, &mut || all.next().unwrap_or(0), true).await?;
        let count = BATCH * self.depth;
        let plan = self.plan.clone();
        let update =
            rate_async(&plan, async || self.many(&client, &object, count, &mut || places.next(), true).await).await?;
        let fetch =
            rate_async(&plan, async || self.many(&client, &object, count, &mut || places.next(), false).await).await?;
        container.close(&client).await?;
        Ok(vec![("update", update), ("fetch", fetch)])
    }

    async fn many(
        &self,
        client: &Client,
        object: &Rc<Object>,
        count: u64,
        place: &mut dyn FnMut() -> u64,
        write: bool,
    ) -> Result<u64> {
        let places: Vec<u64> = (0..count).map(|_| place()).collect();
        let share = places.len().div_ceil(self.depth as usize);
        let workers = places.chunks(share).map(|places| async move {
            for place in places {
                self.operation(client, object, *place, write).await?;
            }
            Ok(())
        });
        join_all(workers).await.into_iter().collect::<Result<()>>()?;
        Ok(count)
    }

    async fn operation(&self, client: &Client, object: &Object, place: u64, write: bool) -> Result<()> {
        let dkey = Key::new(&place.to_be_bytes())?;
        let akey = Key::new(b"v")?;
        if write {
            let value = UpdateValue::Single(Source::Owned(vec![place as u8; self.size]));
            return object.update(client, Conditions::NONE, dkey, vec![AkeyUpdate { akey, value }]).await;
        }
        let destination = Some(Destination::Owned(self.size as u64));
        let akeys = vec![AkeyFetch { akey, kind: FetchKind::Single, destination }];
        std::hint::black_box(object.fetch(client, Epoch::MAX, Conditions::NONE, dkey, akeys).await?);
        Ok(())
    }
}
