//! What clients of the benchmarks do.

use daos_client::{
    AkeyFetch, AkeyUpdate, Client, Conditions, Container, ContainerFlags, ContainerProperties, Destination, FetchKind,
    Object, ObjectFlags, Pool, PoolCreate, PoolFlags, Source, UpdateValue,
};
use daos_env::sync::join_all;
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, Key, ObjectClass, ObjectId, ObjectType, Reference};
use std::cell::Cell;
use std::ops::Range;

/// Labels of the pool and the container.
pub const POOL: &str = "bench";

/// The pool's reference.
pub fn pool_reference() -> Result<Reference> {
    Reference::parse(POOL)
}

/// Makes the pool, in a class, and a container in it.
pub async fn make(client: &Client, class: &str, size: u64) -> Result<ContainerId> {
    let request = PoolCreate { label: POOL.to_owned(), size, durability: class.to_owned(), ..PoolCreate::default() };
    client.pool_create(request).await?;
    let pool = Pool::connect(client, &pool_reference()?, PoolFlags::READ_WRITE).await?;
    let container = Container::create(client, &pool, None, ContainerProperties::default()).await?;
    pool.disconnect(client).await?;
    Ok(container)
}

/// Opens the container for reading and writing.
pub async fn open(client: &Client, container: ContainerId) -> Result<Container> {
    let pool = Pool::connect(client, &pool_reference()?, PoolFlags::READ_WRITE).await?;
    open_in(client, &pool, container).await
}

/// Opens it in a pool that is connected.
pub async fn open_in(client: &Client, pool: &Pool, container: ContainerId) -> Result<Container> {
    Container::open(client, pool, &Reference::Id(container.0), ContainerFlags::READ_WRITE).await
}

/// An object of a class by its name.
pub fn object(container: &Container, class: &str) -> Result<Object> {
    let Some(class) = ObjectClass::from_name(class) else { fail!(Code::Inval, "there is no object class {class}") };
    let id = ObjectId::generate(ObjectId { hi: 0, lo: 1 }, ObjectType::MULTI_HASHED, class);
    Object::open(container, id, ObjectFlags::READ_WRITE)
}

/// Requests of one kind.
#[derive(Clone, Copy)]
pub struct Work {
    /// Whether they update; else they fetch.
    pub writes: bool,
    /// Bytes of each value.
    pub size: usize,
    /// How many are under way at a time.
    pub depth: usize,
}

impl Work {
    /// One request for each record, whose number is its dkey.
    pub async fn run(self, client: &Client, object: &Object, records: Range<u64>) -> Result<()> {
        let next = Cell::new(records.start);
        let workers = (0..self.depth.max(1)).map(|_| async {
            while next.get() < records.end {
                let record = next.replace(next.get() + 1);
                self.one(client, object, record).await?;
            }
            Ok(())
        });
        join_all(workers).await.into_iter().collect()
    }

    async fn one(self, client: &Client, object: &Object, record: u64) -> Result<()> {
        let (dkey, akey) = (Key::new(&record.to_be_bytes())?, Key::new(b"v")?);
        if self.writes {
            let value = UpdateValue::Single(Source::Owned(vec![record as u8; self.size]));
            return object.update(client, Conditions::NONE, dkey, vec![AkeyUpdate { akey, value }]).await;
        }
        let destination = Some(Destination::Owned(self.size as u64));
        let akeys = vec![AkeyFetch { akey, kind: FetchKind::Single, destination }];
        std::hint::black_box(object.fetch(client, Epoch::MAX, Conditions::NONE, dkey, akeys).await?);
        Ok(())
    }
}
