//! Where the pool service's rows are stored: a small store of its own.

use super::journal::{Doing, RowLog};
use daos_env::{Env, Spawner};
use daos_media::Media;
use daos_pool_service::{PoolService, Row, RowKey};
use daos_status::{Code, Result, Status, fail};
use daos_store::{
    AkeyFetch, AkeyUpdate, Anchor, ChecksumKind, Conditions, ContainerSettings, Data, Durability, FetchRequest,
    FetchWhat, Fetched, Few, Limits, Operation, PunchRequest, PunchTarget, Store, StoreSettings, UpdateRequest,
    UpdateValue,
};
use daos_types::{ContainerId, Epoch, Key, ObjectId};
use std::cell::Cell;
use std::rc::Rc;

/// Metadata of the store: a pool or container takes a few hundred bytes.
const ARENA_BYTES: u64 = 64 << 20;
/// Its redo log.
const LOG_BYTES: u64 = 4 << 20;
/// Room for long attributes, taken as they are written.
const DATA_BYTES: u64 = 256 << 20;

/// What the identifier of a container of rows begins with; a generation number follows.
const CONTAINER_PREFIX: [u8; 8] = *b"sys-rows";
/// The object that they are in.
const OBJECT: ObjectId = ObjectId { hi: 0, lo: 1 };
/// The object with one dkey that says that a container holds all rows.
const COMPLETE_OBJECT: ObjectId = ObjectId { hi: 0, lo: 2 };
/// Every row is written at the same epoch: a later value replaces the one before it.
const EPOCH: Epoch = Epoch(1);
/// Keys that are listed at a time.
const KEYS_PER_LISTING: usize = 1000;
/// Bytes of keys that are listed at a time.
const LISTING_BYTES: usize = 1 << 20;

/// Rows that are copied by one change.
const ROWS_PER_CHANGE: usize = 256;

/// The rows of the pool service.
///
/// A row that is removed leaves a trace: its punch. So from time to time the rows are copied to a new container, and the old
/// one is destroyed, which frees everything. The container of the highest generation that says it is complete counts; if
/// none does, the one of the lowest. A crash at any moment therefore leaves one that counts.
pub(super) struct RowStore {
    store: Rc<Store>,
    generation: Cell<u64>,
    /// Bytes taken beyond which the rows are copied.
    renew_at: Cell<u64>,
    renew_at_least: u64,
}

fn container_of(generation: u64) -> ContainerId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&CONTAINER_PREFIX);
    bytes[8..].copy_from_slice(&generation.to_be_bytes());
    ContainerId::from_bytes(bytes)
}

fn generation_of(container: ContainerId) -> Option<u64> {
    let bytes = container.to_bytes();
    let (prefix, generation) = bytes.split_first_chunk::<8>()?;
    (*prefix == CONTAINER_PREFIX).then_some(u64::from_be_bytes(generation.try_into().ok()?))
}

fn akey() -> Result<Key> {
    Key::new(b"row")
}

impl RowStore {
    /// Opens the store. `renew_at`: bytes taken beyond which the rows are copied.
    ///
    /// # Errors
    /// [`Code::Nonexist`] when there is none, or one that an interrupted [`RowStore::create`] has left.
    pub async fn open(media: Rc<dyn Media>, env: Env, spawner: &Spawner, renew_at: u64) -> Result<RowStore> {
        let doing = format!("opening the pool service's store in {}", media.describe());
        match Store::open(media, env, spawner).await {
            Ok(store) => RowStore::over(store, renew_at).await,
            Err(status) => Err(status),
        }
        .map_err(|status| status.while_doing(doing))
    }

    /// Makes an empty store, in place of what an interrupted start has left.
    pub async fn create(media: Rc<dyn Media>, env: Env, spawner: &Spawner, renew_at: u64) -> Result<RowStore> {
        let doing = format!("making the pool service's store in {}", media.describe());
        let settings = StoreSettings {
            data_bytes: DATA_BYTES,
            arena_bytes: ARENA_BYTES,
            log_bytes: LOG_BYTES,
            durability: Durability::Log,
            checksum: ChecksumKind::default(),
        };
        let make = async || {
            let store = match Store::create(media.clone(), settings, env.clone(), spawner).await {
                // The store was made, and the container in it perhaps not.
                Err(status) if status.code() == Code::Exist => Store::open(media.clone(), env.clone(), spawner).await?,
                made => made?,
            };
            match store.container_create(container_of(0), ContainerSettings::default()).await {
                Err(status) if status.code() != Code::Exist => return Err(status),
                _ => {}
            }
            RowStore::over(store, renew_at).await
        };
        make().await.map_err(|status| status.while_doing(doing))
    }

    async fn over(store: Rc<Store>, renew_at: u64) -> Result<RowStore> {
        let rows =
            RowStore { store, generation: Cell::new(0), renew_at: Cell::new(renew_at), renew_at_least: renew_at };
        rows.find_container().await?;
        Ok(rows)
    }

    /// Finds the container that counts, and destroys the others.
    async fn find_container(&self) -> Result<()> {
        let containers = self.store.container_list().await?;
        let mut generations: Vec<u64> = containers.into_iter().filter_map(generation_of).collect();
        generations.sort_unstable();
        let Some(&(mut counts)) = generations.first() else {
            fail!(Code::Nonexist, "the store holds no rows");
        };
        for &generation in generations.iter().rev() {
            let limits = Limits { count: 1, bytes: LISTING_BYTES };
            let (container, start) = (container_of(generation), Anchor::default());
            let listing = self.store.list_dkeys(container, COMPLETE_OBJECT, Epoch::MAX, &start, limits).await?;
            if !listing.entries.is_empty() {
                counts = generation;
                break;
            }
        }
        self.generation.set(counts);
        for generation in generations.into_iter().filter(|generation| *generation != counts) {
            self.store.container_destroy(container_of(generation)).await?;
        }
        Ok(())
    }

    fn container(&self) -> ContainerId {
        container_of(self.generation.get())
    }

    fn bytes_taken(&self) -> Result<u64> {
        let arena = self.store.space()?.arena;
        Ok(arena.total.saturating_sub(arena.free))
    }

    /// Copies the rows to a new container, and destroys the old one.
    async fn renew(&self) -> Result<()> {
        let generation = self.generation.get() + 1;
        let (old, new) = (self.container(), container_of(generation));
        let before = self.bytes_taken()?;
        match self.store.container_create(new, ContainerSettings::default()).await {
            // What an attempt that failed has left.
            Err(status) if status.code() == Code::Exist => {
                self.store.container_destroy(new).await?;
                self.store.container_create(new, ContainerSettings::default()).await?;
            }
            made => made?,
        }
        let mut anchor = Anchor::default();
        while anchor != Anchor::End {
            let limits = Limits { count: ROWS_PER_CHANGE, bytes: LISTING_BYTES };
            let listing = self.store.list_dkeys(old, OBJECT, Epoch::MAX, &anchor, limits).await?;
            let mut operations = Vec::new();
            for dkey in listing.entries {
                let value = self.read(&dkey).await?;
                operations.push(write(new, OBJECT, dkey, &value)?);
            }
            self.store.apply(operations).await?;
            anchor = listing.next;
        }
        self.store.apply(vec![write(new, COMPLETE_OBJECT, akey()?, b"complete")?]).await?;
        self.generation.set(generation);
        self.store.container_destroy(old).await?;
        self.store.wait_until_reclaimed().await;
        // Next time when as much was deleted as is there now.
        let after = self.bytes_taken()?;
        self.renew_at.set(self.renew_at_least.max(after.saturating_mul(2)));
        daos_env::log!(Info, "pool", "the system's metadata was renewed: it takes {after} instead of {before} bytes");
        Ok(())
    }

    /// The service that the stored rows make.
    async fn read_all(&self) -> Result<PoolService> {
        let mut rows = Vec::new();
        let mut anchor = Anchor::default();
        let limits = Limits { count: KEYS_PER_LISTING, bytes: LISTING_BYTES };
        while anchor != Anchor::End {
            let listing = self.store.list_dkeys(self.container(), OBJECT, Epoch::MAX, &anchor, limits).await?;
            for key in &listing.entries {
                rows.push(Row { key: RowKey::from_bytes(key)?, value: Some(self.read(key).await?) });
            }
            anchor = listing.next;
        }
        // A pool before its containers, and both before their attributes: the order of the kinds in `RowKey`.
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        let mut service = PoolService::new();
        for row in &rows {
            service.apply(row)?;
        }
        Ok(service)
    }

    async fn read(&self, dkey: &Key) -> Result<Vec<u8>> {
        let akey = AkeyFetch { akey: akey()?, what: FetchWhat::Single, conditions: Conditions::NONE };
        let request = FetchRequest {
            container: self.container(),
            object: OBJECT,
            epoch: Epoch::MAX,
            dkey: dkey.clone(),
            akeys: Few::from([akey]),
            size_only: false,
            conditions: Conditions::NONE,
        };
        match self.store.fetch(request).await?.akeys.pop() {
            Some(Fetched::Single { data, .. }) => Ok(data.into_vec()),
            _ => fail!(Code::DfInval, "row {dkey:?} of the pool service has no value"),
        }
    }

    /// Stores rows, all or none; durable when it returns. One call at a time.
    pub async fn write_all(&self, rows: &[Row]) -> Result<()> {
        let doing = |status: Status| status.while_doing("storing the system's metadata");
        if self.bytes_taken()? > self.renew_at.get() {
            // Until it succeeds, the old container counts, and has room enough for a while.
            if let Err(status) = self.renew().await {
                daos_env::log!(Error, "pool", "the system's metadata cannot be renewed: {status}");
            }
        }
        let operations = rows.iter().map(|row| operation(self.container(), row)).collect::<Result<Vec<Operation>>>()?;
        self.store.apply(operations).await.map_err(doing)
    }
}

impl RowLog for RowStore {
    fn store<'a>(&'a self, rows: &'a [Row]) -> Doing<'a, ()> {
        Box::pin(self.write_all(rows))
    }

    fn load(&self) -> Doing<'_, PoolService> {
        Box::pin(self.read_all())
    }

    /// Ends the store with a checkpoint.
    fn close(&self) -> Doing<'_, ()> {
        Box::pin(self.store.close())
    }
}

fn write(container: ContainerId, object: ObjectId, dkey: Key, value: &[u8]) -> Result<Operation> {
    Ok(Operation::Update(UpdateRequest {
        container,
        object,
        epoch: EPOCH,
        dkey,
        conditions: Conditions::NONE,
        akeys: Few::from([AkeyUpdate {
            akey: akey()?,
            value: UpdateValue::Single(Data::copy_of(value)),
            conditions: Conditions::NONE,
        }]),
    }))
}

fn operation(container: ContainerId, row: &Row) -> Result<Operation> {
    let dkey = Key::new(&row.key.to_bytes())?;
    Ok(match &row.value {
        Some(value) => write(container, OBJECT, dkey, value)?,
        None => Operation::Punch(PunchRequest {
            container,
            object: OBJECT,
            epoch: EPOCH,
            what: PunchTarget::Dkeys(vec![dkey]),
            conditions: Conditions::NONE,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_env::Executor;
    use daos_media::MemoryMedia;
    use daos_types::PoolId;
    use std::time::Duration;

    /// What an empty store takes, kept room included, and a mebibyte.
    const RENEW_AT: u64 = ARENA_BYTES / 32 + (1 << 20);

    fn row(number: u32, value: Option<u32>) -> Row {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_le_bytes());
        let value = value.map(|value| [&[1u8; 300][..], &value.to_le_bytes()].concat());
        Row { key: RowKey::PoolAttribute(PoolId::from_bytes(id), "name".into()), value }
    }

    fn run<F: Future<Output = ()> + 'static>(test: impl FnOnce(Rc<dyn Media>, Env, Spawner) -> F) {
        let env = Env::system();
        let executor = Executor::new(env.clock.clone(), Duration::ZERO).expect("eventfd");
        let media: Rc<dyn Media> = Rc::new(MemoryMedia::new());
        let done = executor.block_on(test(media, env, executor.spawner().clone()));
        assert_eq!(done, Some(()));
    }

    #[test]
    fn rows_that_come_and_go_do_not_fill_the_store() {
        run(|media, env, spawner| async move {
            let rows = RowStore::create(media.clone(), env.clone(), &spawner, RENEW_AT).await.expect("makes");
            rows.write_all(&[row(7, Some(7))]).await.expect("stores");
            let mut greatest = 0;
            for number in 1000..9000 {
                rows.write_all(&[row(number, Some(1))]).await.expect("stores");
                rows.write_all(&[row(number, None)]).await.expect("removes");
                greatest = greatest.max(rows.bytes_taken().expect("space"));
            }
            assert!(rows.generation.get() > 0, "the rows were copied");
            assert!(greatest < 2 * RENEW_AT, "{greatest}");
            assert!(rows.read(&Key::new(&row(7, None).key.to_bytes()).expect("short")).await.is_ok());
            let generation = rows.generation.get();
            rows.close().await.expect("closes");
            drop(rows);
            let rows = RowStore::open(media, env, &spawner, RENEW_AT).await.expect("opens again");
            assert_eq!(rows.generation.get(), generation);
            assert!(rows.read(&Key::new(&row(7, None).key.to_bytes()).expect("short")).await.is_ok());
            assert_eq!(rows.store.container_list().await.expect("lists").len(), 1);
        });
    }

    #[test]
    fn a_copy_that_was_cut_off_does_not_count() {
        run(|media, env, spawner| async move {
            let rows = RowStore::create(media.clone(), env.clone(), &spawner, RENEW_AT).await.expect("makes");
            rows.write_all(&[row(7, Some(7))]).await.expect("stores");
            rows.store.container_create(container_of(1), ContainerSettings::default()).await.expect("half a copy");
            rows.close().await.expect("closes");
            let rows = RowStore::open(media, env, &spawner, RENEW_AT).await.expect("opens again");
            assert_eq!(rows.generation.get(), 0);
            assert!(rows.read(&Key::new(&row(7, None).key.to_bytes()).expect("short")).await.is_ok());
        });
    }
}
