//! Where the pool service's rows are stored: a small store of its own.

use daos_env::{Env, Spawner};
use daos_media::Media;
use daos_pool_service::{PoolService, Row, RowKey};
use daos_status::{Code, Result, Status, fail};
use daos_store::{
    AkeyFetch, AkeyUpdate, Anchor, ChecksumKind, Conditions, Data, Durability, FetchRequest, FetchWhat, Fetched,
    Limits, Operation, PunchRequest, PunchTarget, Store, StoreSettings, UpdateRequest, UpdateValue,
};
use daos_types::{ContainerId, Epoch, Key, ObjectId};
use std::rc::Rc;

/// Metadata of the store: a pool or container takes a few hundred bytes.
const ARENA_BYTES: u64 = 64 << 20;
/// Its redo log.
const LOG_BYTES: u64 = 4 << 20;
/// Room for long attributes, taken as they are written.
const DATA_BYTES: u64 = 256 << 20;

/// The container that the rows are in.
const CONTAINER: ContainerId = ContainerId::from_bytes(*b"daos system rows");
/// The object that they are in.
const OBJECT: ObjectId = ObjectId { hi: 0, lo: 1 };
/// Every row is written at the same epoch: a later value replaces the one before it.
const EPOCH: Epoch = Epoch(1);
/// Keys that are listed at a time.
const KEYS_PER_LISTING: usize = 1000;
/// Bytes of keys that are listed at a time.
const LISTING_BYTES: usize = 1 << 20;

/// The rows of the pool service.
pub(super) struct RowStore {
    store: Rc<Store>,
}

fn akey() -> Result<Key> {
    Key::new(b"row")
}

impl RowStore {
    /// Opens the store, or makes it where there is none.
    pub async fn open(media: Rc<dyn Media>, env: Env, spawner: &Spawner) -> Result<RowStore> {
        let doing = format!("opening the pool service's store in {}", media.describe());
        let store = match Store::open(media.clone(), env.clone(), spawner).await {
            Err(status) if status.code() == Code::Nonexist => {
                let settings = StoreSettings {
                    data_bytes: DATA_BYTES,
                    arena_bytes: ARENA_BYTES,
                    log_bytes: LOG_BYTES,
                    durability: Durability::Log,
                    checksum: ChecksumKind::Crc32c,
                };
                Store::create(media, settings, env, spawner).await
            }
            opened => opened,
        };
        let store = store.map_err(|status| status.while_doing(&doing))?;
        match store.container_create(CONTAINER).await {
            Err(status) if status.code() != Code::Exist => return Err(status.while_doing(doing)),
            _ => {}
        }
        Ok(RowStore { store })
    }

    /// The service that the stored rows make.
    pub async fn load(&self) -> Result<PoolService> {
        let mut rows = Vec::new();
        let mut anchor = Anchor::default();
        let limits = Limits { count: KEYS_PER_LISTING, bytes: LISTING_BYTES };
        while anchor != Anchor::End {
            let listing = self.store.list_dkeys(CONTAINER, OBJECT, Epoch::MAX, &anchor, limits).await?;
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
            container: CONTAINER,
            object: OBJECT,
            epoch: Epoch::MAX,
            dkey: dkey.clone(),
            akeys: vec![akey],
            size_only: false,
            conditions: Conditions::NONE,
        };
        match self.store.fetch(request).await?.akeys.pop() {
            Some(Fetched::Single { data, .. }) => Ok(data.into_vec()),
            _ => fail!(Code::DfInval, "row {dkey:?} of the pool service has no value"),
        }
    }

    /// Stores rows, all or none; durable when it returns.
    pub async fn store(&self, rows: &[Row]) -> Result<()> {
        let operations = rows.iter().map(operation).collect::<Result<Vec<Operation>>>()?;
        self.store.apply(operations).await.map_err(|status: Status| status.while_doing("storing the system's metadata"))
    }

    /// Ends the store with a checkpoint.
    pub async fn close(&self) -> Result<()> {
        self.store.close().await
    }
}

fn operation(row: &Row) -> Result<Operation> {
    let dkey = Key::new(&row.key.to_bytes())?;
    Ok(match &row.value {
        Some(value) => Operation::Update(UpdateRequest {
            container: CONTAINER,
            object: OBJECT,
            epoch: EPOCH,
            dkey,
            conditions: Conditions::NONE,
            akeys: vec![AkeyUpdate {
                akey: akey()?,
                value: UpdateValue::Single(Data::copy_of(value)),
                conditions: Conditions::NONE,
            }],
        }),
        None => Operation::Punch(PunchRequest {
            container: CONTAINER,
            object: OBJECT,
            epoch: EPOCH,
            what: PunchTarget::Dkeys(vec![dkey]),
            conditions: Conditions::NONE,
        }),
    })
}
