//! What a replica stores: a small store of the engine's own, with the rows, the log, and what the replica promised.
//!
//! Everything of one change is one change of the store: the state record (term, vote, where the log begins and ends, how far
//! it is applied), the entries that join the log, and the rows that committed entries put and remove.
//!
//! * Container `sys-rows` + generation (8 bytes, big-endian), object 1: a dkey per row, its value under the akey `row`.
//! * Container `sys-raft`, object 1: the state record. Object 2: the log, the entry of place `i` under the dkey
//!   `i mod `[`LOG_ENTRIES_MAX`]; a place is used again by a later entry, so the log leaves no traces.
//!
//! The generation in the state record is the one whose rows count. Rows are copied to a new generation from time to time,
//! because a row that is removed leaves a trace; and the rows of another replica arrive in one. A directory without a state
//! record is of a release without replicas: its rows are adopted.

mod format;
mod rows;

use crate::core::{Base, LOG_ENTRIES_MAX, StoreChange, StoreInstall, StoredState};
use daos_env::{Env, Spawner};
use daos_media::Media;
use daos_status::{Code, Result, Status, fail};
use daos_store::{Anchor, ChecksumKind, ContainerSettings, Durability, Limits, Operation, Store, StoreSettings};
use daos_types::{ContainerId, Key, ObjectId};
use daos_wire::replicated::{LogEntry, LogIndex, Member, Membership, ReplicaId, RowChange, Term};
use format::Record;
use rows::{KEYS_PER_LISTING, LISTING_BYTES, container_of, generation_of, lookup, put, remove};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// Metadata of the store: a pool or container takes a few hundred bytes.
const ARENA_BYTES: u64 = 64 << 20;
/// Its redo log.
const LOG_BYTES: u64 = 4 << 20;
/// Room for long values, taken as they are written.
const DATA_BYTES: u64 = 256 << 20;
/// Rows that are copied by one change.
const ROWS_PER_CHANGE: usize = 256;
/// Bytes of rows in one part of a snapshot, about: it goes in one message.
const PART_BYTES: usize = 64 << 10;
/// What an entry of the log may leave in its slot when it is not needed any more; what is larger is overwritten.
const SLOT_BYTES_KEPT: usize = 4096;

/// The object of rows, and the one of the state record.
const FIRST_OBJECT: ObjectId = ObjectId { hi: 0, lo: 1 };
/// The object that said, in releases without replicas, that a generation is complete; and the one of the log.
const SECOND_OBJECT: ObjectId = ObjectId { hi: 0, lo: 2 };

fn state_container() -> ContainerId {
    ContainerId::from_bytes(*b"sys-raft\0\0\0\0\0\0\0\0")
}

fn state_key() -> Result<Key> {
    Key::new(b"state")
}

fn slot_key(index: LogIndex) -> Key {
    Key::from_u64(index.0 % LOG_ENTRIES_MAX as u64)
}

/// Who a replica is when its store is made.
#[derive(Clone, Debug)]
pub struct NewReplica {
    /// Its number.
    pub id: ReplicaId,
    /// The number of its group.
    pub group: u64,
    /// It founds the group, as its only member at this address; otherwise it waits until a leader brings it in.
    pub founder: Option<String>,
}

/// Where the reading of rows for another replica stands.
#[derive(Default)]
struct Cursor {
    keys: VecDeque<Key>,
    next: Anchor,
}

/// The store of a replica. One call at a time.
pub struct ReplicaStore {
    store: Rc<Store>,
    record: RefCell<Record>,
    /// Entries that take much room in the log.
    large: RefCell<BTreeMap<LogIndex, usize>>,
    cursors: RefCell<BTreeMap<ReplicaId, Cursor>>,
    /// Bytes taken beyond which the rows are copied.
    renew_at: Cell<u64>,
    renew_at_least: u64,
}

impl ReplicaStore {
    /// Opens the store. `renew_at`: bytes taken beyond which the rows are copied. `adopt`: who the replica becomes when the
    /// rows are of a release without replicas.
    ///
    /// # Errors
    /// [`Code::Nonexist`] when there is none, or one that an interrupted [`ReplicaStore::create`] has left.
    pub async fn open(
        media: Rc<dyn Media>,
        env: Env,
        spawner: &Spawner,
        renew_at: u64,
        adopt: &NewReplica,
    ) -> Result<ReplicaStore> {
        let doing = format!("opening the system's metadata in {}", media.describe());
        let open = async || {
            let store = Store::open(media, env, spawner).await?;
            ReplicaStore::over(store, renew_at, adopt, false).await
        };
        open().await.map_err(|status| status.while_doing(doing))
    }

    /// Makes the store of a new replica, in place of what an interrupted start has left.
    pub async fn create(
        media: Rc<dyn Media>,
        env: Env,
        spawner: &Spawner,
        renew_at: u64,
        new: &NewReplica,
    ) -> Result<ReplicaStore> {
        let doing = format!("making the system's metadata in {}", media.describe());
        let settings = StoreSettings {
            data_bytes: DATA_BYTES,
            arena_bytes: ARENA_BYTES,
            log_bytes: LOG_BYTES,
            durability: Durability::Log,
            checksum: ChecksumKind::default(),
        };
        let make = async || {
            let store = match Store::create(media.clone(), settings, env.clone(), spawner).await {
                // The store was made, and what is in it perhaps not.
                Err(status) if status.code() == Code::Exist => Store::open(media.clone(), env.clone(), spawner).await?,
                made => made?,
            };
            ReplicaStore::over(store, renew_at, new, true).await
        };
        make().await.map_err(|status| status.while_doing(doing))
    }

    async fn over(store: Rc<Store>, renew_at: u64, new: &NewReplica, may_found: bool) -> Result<ReplicaStore> {
        let containers = store.container_list().await?;
        let mut generations: Vec<u64> = containers.iter().copied().filter_map(generation_of).collect();
        generations.sort_unstable();
        let known = match containers.contains(&state_container()) {
            true => lookup(&store, state_container(), FIRST_OBJECT, &state_key()?).await?,
            false => None,
        };
        let record = match known {
            Some(bytes) => Record::from_bytes(&bytes)?,
            None => found(&store, &generations, new, may_found).await?,
        };
        let replica = ReplicaStore {
            store,
            record: RefCell::new(record),
            large: RefCell::default(),
            cursors: RefCell::default(),
            renew_at: Cell::new(renew_at),
            renew_at_least: renew_at,
        };
        let counts = replica.generation();
        if !generations.is_empty() && !generations.contains(&counts) {
            fail!(Code::DfInval, "the rows of generation {counts} are missing");
        }
        for generation in generations.into_iter().filter(|generation| *generation != counts) {
            replica.store.container_destroy(container_of(generation)).await?;
        }
        Ok(replica)
    }

    fn generation(&self) -> u64 {
        self.record.borrow().generation
    }

    /// The container whose rows count.
    fn container(&self) -> ContainerId {
        container_of(self.generation())
    }

    /// Which replica this is.
    pub fn id(&self) -> ReplicaId {
        self.record.borrow().id
    }

    /// Which group it belongs to.
    pub fn group(&self) -> u64 {
        self.record.borrow().group
    }

    /// The state, and the entries of the log.
    pub async fn load(&self) -> Result<(StoredState, Vec<Rc<LogEntry>>)> {
        let state = self.record.borrow().state.clone();
        let mut entries = Vec::new();
        for index in (state.base.index.0 + 1)..=state.last.0 {
            let index = LogIndex(index);
            let bytes = lookup(&self.store, state_container(), SECOND_OBJECT, &slot_key(index)).await?;
            let entry = format::read_entry(index, bytes.as_deref())?;
            self.note_size(index, entry.size());
            entries.push(Rc::new(entry));
        }
        Ok((state, entries))
    }

    fn note_size(&self, index: LogIndex, size: usize) {
        if size > SLOT_BYTES_KEPT {
            self.large.borrow_mut().insert(index, size);
        }
    }

    /// Makes a change, all or nothing; durable when it returns. An error means that nothing was changed, or that the store
    /// refuses everything from now on.
    pub async fn change(&self, change: &StoreChange) -> Result<()> {
        self.renew_if_needed().await?;
        let mut operations = Vec::new();
        let record = Record { state: change.state.clone(), ..self.record.borrow().clone() };
        operations.push(put(state_container(), FIRST_OBJECT, state_key()?, &record.to_bytes())?);
        for entry in &change.entries {
            let bytes = format::write_entry(entry);
            operations.push(put(state_container(), SECOND_OBJECT, slot_key(entry.index), &bytes)?);
        }
        let forgotten = self.forgotten_large(&change.state, &change.entries);
        for index in &forgotten {
            operations.push(put(state_container(), SECOND_OBJECT, slot_key(*index), &[])?);
        }
        for (key, value) in rows::newest(&change.apply) {
            operations.push(row_operation(self.container(), key, value)?);
        }
        self.store.apply(operations).await?;
        self.record.replace(record);
        let mut large = self.large.borrow_mut();
        forgotten.iter().for_each(|index| {
            large.remove(index);
        });
        drop(large);
        change.entries.iter().for_each(|entry| self.note_size(entry.index, entry.size()));
        Ok(())
    }

    /// Large entries that are not in the log any more, and whose slots no new entry takes.
    fn forgotten_large(&self, state: &StoredState, entries: &[Rc<LogEntry>]) -> Vec<LogIndex> {
        let is_taken = |index: LogIndex| entries.iter().any(|entry| slot_key(entry.index) == slot_key(index));
        let large = self.large.borrow();
        let gone = large.keys().filter(|index| **index <= state.base.index || **index > state.last);
        gone.copied().filter(|index| !is_taken(*index)).collect()
    }

    /// Stores a part of another replica's rows; the last part makes them count.
    pub async fn install(&self, install: &StoreInstall) -> Result<()> {
        let generation = self.generation() + 1;
        let (old, new) = (self.container(), container_of(generation));
        if install.is_first {
            self.make_empty(new).await?;
        }
        let rows = install.rows.iter().filter_map(|row| Some((&row.key, row.value.as_ref()?)));
        let mut operations = Vec::new();
        for (key, value) in rows {
            operations.push(put(new, FIRST_OBJECT, Key::new(key)?, value)?);
        }
        let record = match &install.finish {
            Some(state) => Record { state: state.clone(), generation, ..self.record.borrow().clone() },
            None => {
                return if operations.is_empty() { Ok(()) } else { self.store.apply(operations).await };
            }
        };
        operations.push(put(state_container(), FIRST_OBJECT, state_key()?, &record.to_bytes())?);
        self.store.apply(operations).await?;
        self.record.replace(record);
        self.cursors.borrow_mut().clear();
        self.forget(old).await;
        Ok(())
    }

    /// Removes rows that do not count any more. What fails here is done when the store is opened next.
    async fn forget(&self, container: ContainerId) {
        if let Err(status) = self.store.container_destroy(container).await {
            daos_env::log!(Warn, "system", "rows that were replaced are removed at the next start: {status}");
        }
    }

    async fn make_empty(&self, container: ContainerId) -> Result<()> {
        match self.store.container_create(container, ContainerSettings::default()).await {
            // What an attempt that ended early has left.
            Err(status) if status.code() == Code::Exist => {
                self.store.container_destroy(container).await?;
                self.store.container_create(container, ContainerSettings::default()).await
            }
            made => made,
        }
    }

    fn bytes_taken(&self) -> Result<u64> {
        let arena = self.store.space()?.arena;
        Ok(arena.total.saturating_sub(arena.free))
    }

    async fn renew_if_needed(&self) -> Result<()> {
        if self.bytes_taken()? > self.renew_at.get() {
            // Until it succeeds, the old rows count, and there is room enough for a while.
            if let Err(status) = self.renew().await {
                daos_env::log!(Error, "system", "the system's metadata cannot be renewed: {status}");
            }
        }
        Ok(())
    }

    /// Copies the rows to a new generation, and removes the old one.
    async fn renew(&self) -> Result<()> {
        let generation = self.generation() + 1;
        let (old, new) = (self.container(), container_of(generation));
        let before = self.bytes_taken()?;
        self.make_empty(new).await?;
        let mut anchor = Anchor::default();
        while anchor != Anchor::End {
            let limits = Limits { count: ROWS_PER_CHANGE, bytes: LISTING_BYTES };
            let listing = rows::list(&self.store, old, &anchor, limits).await?;
            let mut operations = Vec::new();
            for key in listing.entries {
                if let Some(value) = lookup(&self.store, old, FIRST_OBJECT, &key).await? {
                    operations.push(put(new, FIRST_OBJECT, key, &value)?);
                }
            }
            if !operations.is_empty() {
                self.store.apply(operations).await?;
            }
            anchor = listing.next;
        }
        let record = Record { generation, ..self.record.borrow().clone() };
        let switch = put(state_container(), FIRST_OBJECT, state_key()?, &record.to_bytes())?;
        self.store.apply(vec![switch]).await?;
        self.record.replace(record);
        // A place in the old container is none in the new one.
        self.cursors.borrow_mut().clear();
        self.forget(old).await;
        self.store.wait_until_reclaimed().await;
        // Next time when as much was deleted as is there now.
        let after = self.bytes_taken()?;
        self.renew_at.set(self.renew_at_least.max(after.saturating_mul(2)));
        daos_env::log!(Info, "system", "the system's metadata was renewed: it takes {after} instead of {before} bytes");
        Ok(())
    }

    /// All rows, in the order of their keys.
    pub async fn rows(&self) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut all = Vec::new();
        let mut anchor = Anchor::default();
        let limits = Limits { count: KEYS_PER_LISTING, bytes: LISTING_BYTES };
        while anchor != Anchor::End {
            let listing = rows::list(&self.store, self.container(), &anchor, limits).await?;
            for key in listing.entries {
                if let Some(value) = lookup(&self.store, self.container(), FIRST_OBJECT, &key).await? {
                    all.push((key.as_bytes().to_vec(), value));
                }
            }
            anchor = listing.next;
        }
        all.sort_unstable();
        Ok(all)
    }

    /// Some rows for another replica, and whether they are the last.
    pub async fn read_rows(&self, reader: ReplicaId, from_start: bool) -> Result<(Vec<RowChange>, bool)> {
        let cursor = self.cursors.borrow_mut().remove(&reader);
        let Some(mut cursor) = (if from_start { Some(Cursor::default()) } else { cursor }) else {
            fail!(Code::Again, "the rows that were being read for replica {reader} were replaced");
        };
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while bytes < PART_BYTES {
            let Some(key) = cursor.keys.pop_front() else {
                if cursor.next == Anchor::End {
                    return Ok((rows, true));
                }
                let limits = Limits { count: KEYS_PER_LISTING, bytes: LISTING_BYTES };
                let listing = rows::list(&self.store, self.container(), &cursor.next, limits).await?;
                cursor.keys = listing.entries.into();
                cursor.next = listing.next;
                continue;
            };
            // A key may have gone since it was listed: the log says so.
            if let Some(value) = lookup(&self.store, self.container(), FIRST_OBJECT, &key).await? {
                bytes += key.len() + value.len();
                rows.push(RowChange { key: key.as_bytes().to_vec(), value: Some(value) });
            }
        }
        self.cursors.borrow_mut().insert(reader, cursor);
        Ok((rows, false))
    }

    /// Ends the store with a checkpoint.
    pub async fn close(&self) -> Result<()> {
        self.store.close().await
    }
}

fn row_operation(container: ContainerId, key: &[u8], value: Option<&Vec<u8>>) -> Result<Operation> {
    let key = Key::new(key)?;
    match value {
        Some(value) => put(container, FIRST_OBJECT, key, value),
        None => Ok(remove(container, FIRST_OBJECT, key)),
    }
}

/// The state of a store that has none: of a new replica, or of rows from a release without replicas.
async fn found(store: &Rc<Store>, generations: &[u64], new: &NewReplica, may_found: bool) -> Result<Record> {
    let generation = match rows::complete_generation(store, generations).await? {
        Some(generation) => generation,
        None if may_found => match store.container_create(container_of(0), ContainerSettings::default()).await {
            Err(status) if status.code() != Code::Exist => return Err(status),
            _ => 0,
        },
        None => fail!(Code::Nonexist, "the store holds no rows"),
    };
    match store.container_create(state_container(), ContainerSettings::default()).await {
        Err(status) if status.code() != Code::Exist => return Err(status),
        _ => {}
    }
    let state = match &new.founder {
        // The rows that are there are of the first entry and of no log: another replica has to be sent them.
        Some(address) => {
            let founder = Member { id: new.id, address: address.clone(), voter: true };
            let base = Base { index: LogIndex(1), term: Term(1), membership: Membership { members: vec![founder] } };
            StoredState { term: Term(1), vote: None, base, last: LogIndex(1), applied: LogIndex(1) }
        }
        None => StoredState::default(),
    };
    let record = Record { id: new.id, group: new.group, generation, state };
    let write = put(state_container(), FIRST_OBJECT, state_key()?, &record.to_bytes())?;
    store.apply(vec![write]).await.map_err(|status: Status| status.while_doing("founding the replica"))?;
    Ok(record)
}

#[cfg(test)]
mod tests;
