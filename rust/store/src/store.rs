//! The store itself: its public face.

use crate::change::{self, Change, PlacedValue};
use crate::key_order::{container_key, fixed_probe, order_of};
use crate::level::{ChildOrder, Children, Level, Span};
use crate::recent::Recent;
use crate::reclaim::{self, Reclaim};
use crate::superblock::Superblock;
use crate::tree::damaged;
use crate::value_space::ValueSpace;
use crate::visibility::{Depth, span};
use crate::{
    Anchor, Direction, ExtentListing, FetchReply, FetchRequest, KeyListing, Limits, ObjectListing, Operation,
    PunchRequest, PunchTarget, QueryReply, QueryRequest, Statistics, StoreSettings, StoreSpace, TierSpace,
    UpdateRequest, UpdateValue,
};
use daos_env::{Env, Spawner};
use daos_media::{Arena, ArenaSettings, BLOCK_SIZE, DurableArena, Lsn, Media};
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, Key, ObjectId};
use std::cell::Cell;
use std::rc::Rc;

/// Steps that destroying a container does itself; what is left is freed in the background.
const RECLAIM_STEPS_AT_ONCE: usize = 16;

/// One target's part of one pool. See the [crate](crate).
pub struct Store {
    pub(crate) durable: DurableArena,
    pub(crate) values: ValueSpace,
    pub(crate) superblock: Superblock,
    pub(crate) recent: Recent,
    pub(crate) reclaim: Reclaim,
    pub(crate) spawner: Spawner,
    statistics: Cell<Statistics>,
    /// The newest epoch that was written, or a bound of it after opening.
    newest: Cell<u64>,
    is_closed: Cell<bool>,
}

impl Store {
    /// Makes an empty store on media that hold none. What an interrupted call has left behind is replaced.
    pub async fn create(
        media: Rc<dyn Media>,
        settings: StoreSettings,
        env: Env,
        spawner: &Spawner,
    ) -> Result<Rc<Store>> {
        let arena_settings = ArenaSettings {
            arena_capacity: settings.arena_bytes,
            log_bytes: settings.log_bytes,
            data_bytes: settings.data_bytes,
            durability: settings.durability,
        };
        if settings.data_bytes < BLOCK_SIZE as u64 {
            fail!(Code::Inval, "a data device of {} bytes: at least {BLOCK_SIZE} are needed", settings.data_bytes);
        }
        if is_left_over(&media, &env, spawner).await? {
            DurableArena::remove(&*media)?;
        }
        let durable = DurableArena::create(media, arena_settings, env, spawner).await?;
        let mut transaction = durable.arena().begin();
        Superblock::format(&mut transaction, &settings)?;
        let lsn = durable.commit(transaction)?;
        durable.wait_durable(lsn).await?;
        Store::start(durable, spawner)
    }

    /// Opens the store of media, with everything that was acknowledged before.
    pub async fn open(media: Rc<dyn Media>, env: Env, spawner: &Spawner) -> Result<Rc<Store>> {
        let place = media.describe();
        let durable = DurableArena::open(media, env, spawner).await?;
        if !Superblock::exists(durable.arena())? {
            fail!(Code::Nonexist, "{place} holds a store that was never completely made; create it again");
        }
        Store::start(durable, spawner).map_err(|status| status.while_doing(format!("opening the store in {place}")))
    }

    /// Removes a store that is not open, and what an interrupted [`Store::create`] has left behind.
    pub fn remove(media: &dyn Media) -> Result<()> {
        DurableArena::remove(media)
    }

    fn start(durable: DurableArena, spawner: &Spawner) -> Result<Rc<Store>> {
        let superblock = Superblock::open(durable.arena())?;
        let values = ValueSpace::open(&durable, superblock.bitmap, superblock.blocks, spawner)?;
        let newest = Cell::new(superblock.epoch_bound(durable.arena())?);
        let store = Rc::new(Store {
            durable,
            values,
            superblock,
            recent: Recent::new(),
            reclaim: Reclaim::default(),
            spawner: spawner.clone(),
            statistics: Cell::default(),
            newest,
            is_closed: Cell::new(false),
        });
        if store.has_destroyed(store.durable.arena())? {
            store.start_reclaim();
        }
        Ok(store)
    }

    /// Waits until everything is durable and ends the background work; the store refuses requests from then on.
    pub async fn close(&self) -> Result<()> {
        if self.is_closed.replace(true) {
            return Ok(());
        }
        self.reclaim.wait_idle().await;
        self.write_newest_epoch().await?;
        self.durable.close().await
    }

    /// Replaces the bound of epochs by the newest one.
    async fn write_newest_epoch(&self) -> Result<()> {
        if self.superblock.epoch_bound(self.durable.arena())? == self.newest.get() {
            return Ok(());
        }
        self.durable.admission().await?;
        let mut transaction = self.durable.arena().begin_privileged();
        self.superblock.set_epoch_bound(&mut transaction, self.newest.get())?;
        self.durable.commit(transaction).map(|_| ())
    }

    /// What the store was created with.
    pub fn settings(&self) -> &StoreSettings {
        &self.superblock.settings
    }

    /// No epoch in the store is newer. After a close it is the newest one itself; after a crash it may be up to about a second,
    /// in nanoseconds, above it. A clock that gives epochs must be set past it.
    pub fn newest_epoch(&self) -> Epoch {
        Epoch(self.newest.get())
    }

    /// Makes a container; `Exist` when it is there.
    pub async fn container_create(&self, container: ContainerId) -> Result<()> {
        self.counted(|_| {}, self.make_container(container)).await
    }

    /// Removes a container with everything in it; `Nonexist` when it is not there. It is gone for good when this returns; the
    /// space of a large one is freed in the background.
    pub async fn container_destroy(self: &Rc<Self>, container: ContainerId) -> Result<()> {
        self.counted(|_| {}, self.drop_container(container)).await
    }

    /// The containers, in the order of their identifiers.
    pub async fn container_list(&self) -> Result<Vec<ContainerId>> {
        self.counted(|statistics| statistics.listings += 1, async {
            let found = self.containers_there()?;
            self.wait_for(self.recent.of_structure()).await?;
            Ok(found)
        })
        .await
    }

    /// Writes values of one dkey, all or none; durable when it returns.
    pub async fn update(&self, request: UpdateRequest) -> Result<()> {
        self.counted(|_| {}, self.change(&mut [Operation::Update(request)])).await
    }

    /// Reads values of one dkey.
    pub async fn fetch(&self, request: FetchRequest) -> Result<FetchReply> {
        self.counted(|statistics| statistics.fetches += 1, self.fetch_values(request)).await
    }

    /// Hides what lies below an object or keys; durable when it returns.
    ///
    /// When the store is full, it still works for what was ever written; what is not known at all has to be remembered, and that
    /// takes space.
    pub async fn punch(&self, request: PunchRequest) -> Result<()> {
        self.counted(|_| {}, self.change(&mut [Operation::Punch(request)])).await
    }

    /// Makes several changes in their order, all or none; durable when it returns.
    ///
    /// Conditions see what the operations before them in the list did.
    pub async fn apply(&self, mut operations: Vec<Operation>) -> Result<()> {
        self.counted(|_| {}, self.change(&mut operations)).await
    }

    /// The objects of a container with anything visible at an epoch.
    pub async fn list_objects(
        &self,
        container: ContainerId,
        epoch: Epoch,
        anchor: &Anchor,
        limits: Limits,
    ) -> Result<ObjectListing> {
        let lsn = || self.recent.of_container(container);
        self.listed(lsn, self.scan_objects(container, epoch, anchor, limits)).await
    }

    /// The dkeys of an object with anything visible at an epoch.
    pub async fn list_dkeys(
        &self,
        container: ContainerId,
        object: ObjectId,
        epoch: Epoch,
        anchor: &Anchor,
        limits: Limits,
    ) -> Result<KeyListing> {
        let lsn = || self.recent.of_object(container, object);
        self.listed(lsn, self.scan_object_keys(container, object, None, epoch, anchor, limits)).await
    }

    /// The akeys of a dkey with anything visible at an epoch.
    pub async fn list_akeys(
        &self,
        container: ContainerId,
        object: ObjectId,
        dkey: &Key,
        epoch: Epoch,
        anchor: &Anchor,
        limits: Limits,
    ) -> Result<KeyListing> {
        let lsn = || self.recent.of_object(container, object);
        self.listed(lsn, self.scan_object_keys(container, object, Some(dkey), epoch, anchor, limits)).await
    }

    /// The visible pieces of an array.
    #[expect(clippy::too_many_arguments, reason = "the path to an akey, and how to list below it")]
    pub async fn list_extents(
        &self,
        container: ContainerId,
        object: ObjectId,
        dkey: &Key,
        akey: &Key,
        epoch: Epoch,
        direction: Direction,
        anchor: &Anchor,
        limits: Limits,
    ) -> Result<ExtentListing> {
        let lsn = || self.recent.of_object(container, object);
        let scan = self.scan_extents(container, object, (dkey, akey), epoch, direction, anchor, limits);
        self.listed(lsn, scan).await
    }

    /// The greatest or least dkey, akey or extent; `Nonexist` when there is none.
    pub async fn query_key(&self, request: QueryRequest) -> Result<QueryReply> {
        let lsn = || self.recent.of_object(request.container, request.object);
        self.listed(lsn, self.find_extreme(&request)).await
    }

    /// The newest epoch at which anything below an object was written or punched; `None` when it has never been.
    pub async fn max_epoch(&self, container: ContainerId, object: ObjectId) -> Result<Option<Epoch>> {
        let lsn = || self.recent.of_object(container, object);
        self.listed(lsn, async {
            let arena = self.durable.arena();
            let Some((object, _)) = self.object(arena, container, object, Epoch::MAX)? else { return Ok(None) };
            let touched = span(arena, &object, Depth::Object)?.touched;
            Ok(Some(Epoch(touched)).filter(|epoch| *epoch != Epoch::ZERO))
        })
        .await
    }

    /// Totals and free space, exactly.
    pub fn space(&self) -> Result<StoreSpace> {
        let arena = self.durable.arena().space()?;
        let data = self.values.extents().space();
        let block = BLOCK_SIZE as u64;
        Ok(StoreSpace {
            arena: TierSpace { total: arena.capacity, free: arena.free },
            data: TierSpace { total: data.total * block, free: data.free * block },
        })
    }

    /// Counters since the store was opened.
    pub fn statistics(&self) -> Statistics {
        self.statistics.get()
    }
}

/// Whether media hold what an interrupted create has left: an arena without a superblock.
async fn is_left_over(media: &Rc<dyn Media>, env: &Env, spawner: &Spawner) -> Result<bool> {
    if !DurableArena::exists(&**media).await? {
        return Ok(false);
    }
    let durable = DurableArena::open(media.clone(), env.clone(), spawner).await?;
    Ok(!Superblock::exists(durable.arena())?)
}

/// What the public calls are made of.
impl Store {
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    fn count(&self, note: impl FnOnce(&mut Statistics)) {
        let mut statistics = self.statistics.get();
        note(&mut statistics);
        self.statistics.set(statistics);
    }

    /// Runs a request unless the store is closed, and counts how it ends.
    async fn counted<T>(
        &self,
        note: impl FnOnce(&mut Statistics),
        request: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let result = if self.is_closed() {
            Err(daos_status::Status::new(Code::Shutdown, "the store was closed"))
        } else {
            request.await
        };
        match &result {
            Ok(_) => self.count(note),
            Err(status) => self.count(|statistics| {
                statistics.failures += 1;
                statistics.checksum_errors += u64::from(status.code() == Code::Csum);
            }),
        }
        result
    }

    /// Runs a listing or query, and waits until what it saw is durable: that is the commit that `lsn` gives when it has ended.
    async fn listed<T>(&self, lsn: impl Fn() -> Lsn, request: impl Future<Output = Result<T>>) -> Result<T> {
        let all = async {
            let result = request.await;
            self.wait_for(lsn()).await?;
            result
        };
        self.counted(|statistics| statistics.listings += 1, all).await
    }

    /// Waits until a commit is durable that a reader has seen.
    async fn wait_for(&self, lsn: Lsn) -> Result<()> {
        if lsn <= self.durable.durable() {
            return Ok(());
        }
        self.count(|statistics| statistics.waits_for_log += 1);
        self.durable.wait_durable(lsn).await
    }

    /// A container, if it is there and was not destroyed.
    pub(crate) fn container(&self, arena: &Arena, container: ContainerId) -> Result<Level> {
        match self.find_container(arena, container)? {
            Some(level) if !reclaim::is_destroyed(&level) => Ok(level),
            _ => fail!(Code::ContNonexist, "container {container} does not exist"),
        }
    }

    fn find_container(&self, arena: &Arena, container: ContainerId) -> Result<Option<Level>> {
        let key = container_key(container);
        self.superblock.containers(arena)?.find_child(arena, &fixed_probe(&key))
    }

    fn containers_there(&self) -> Result<Vec<ContainerId>> {
        let arena = self.durable.arena();
        let mut found = Vec::new();
        let mut take = |link: u32| -> Result<()> {
            let container = Level::load(arena, link)?;
            if !reclaim::is_destroyed(&container) {
                let key = container.key(arena)?;
                let bytes = key.try_into().map_err(|_| damaged("a container's key", u64::from(link) * 8))?;
                found.push(ContainerId::from_bytes(bytes));
            }
            Ok(())
        };
        match self.superblock.containers(arena)?.children()? {
            Children::None => {}
            Children::Direct(link) => take(link)?,
            Children::Tree(tree) => {
                let mut cursor = tree.first(arena)?;
                while let Some(at) = &mut cursor {
                    take(at.entry(arena)?.link)?;
                    if !at.next(arena)? {
                        break;
                    }
                }
            }
        }
        Ok(found)
    }

    async fn make_container(&self, container: ContainerId) -> Result<()> {
        loop {
            self.durable.admission().await?;
            match self.try_make_container(container) {
                Err(status) if status.code() == Code::Nospace && self.reclaim.is_running() => {}
                Ok(None) => {}
                Ok(Some(lsn)) => return self.durable.wait_durable(lsn).await,
                Err(status) => {
                    self.wait_for(self.recent.of_structure()).await?;
                    return Err(status);
                }
            }
            // Room, or the same container, is still being freed.
            self.reclaim.wait_step().await;
        }
    }

    /// Makes a container; `None` when one of this identifier is still being freed.
    fn try_make_container(&self, container: ContainerId) -> Result<Option<Lsn>> {
        let arena = self.durable.arena();
        match self.find_container(arena, container)? {
            Some(level) if reclaim::is_destroyed(&level) && self.reclaim.is_running() => return Ok(None),
            Some(level) if reclaim::is_destroyed(&level) => {
                fail!(Code::Busy, "container {container} was destroyed and is not freed yet; try again after a restart")
            }
            Some(_) => fail!(Code::Exist, "container {container} exists already"),
            None => {}
        }
        let key = container_key(container);
        let mut transaction = arena.begin();
        let mut root = self.superblock.containers(arena)?;
        root.add_child(&mut transaction, ChildOrder::Fixed, &fixed_probe(&key), |_, _| Ok(Span::EMPTY))?;
        let lsn = self.durable.commit(transaction)?;
        self.recent.mark_structure(lsn);
        Ok(Some(lsn))
    }

    async fn drop_container(self: &Rc<Self>, container: ContainerId) -> Result<()> {
        self.durable.admission().await?;
        let arena = self.durable.arena();
        let mut level = match self.container(arena, container) {
            Ok(level) => level,
            Err(status) if status.code() == Code::ContNonexist => {
                self.wait_for(self.recent.of_structure()).await?;
                fail!(Code::Nonexist, "container {container} does not exist");
            }
            Err(status) => return Err(status),
        };
        let mut transaction = arena.begin_privileged();
        reclaim::mark_destroyed(&mut transaction, &mut level)?;
        let lsn = self.durable.commit(transaction)?;
        self.recent.mark_structure(lsn);
        self.durable.wait_durable(lsn).await?;
        self.start_reclaim();
        for _ in 0..RECLAIM_STEPS_AT_ONCE {
            if !self.reclaim.is_running() {
                break;
            }
            self.reclaim.wait_step().await;
        }
        Ok(())
    }

    async fn fetch_values(&self, request: FetchRequest) -> Result<FetchReply> {
        let order = order_of(request.object.object_type().dkey_kind(), &request.dkey)?;
        let found = self.find_values(&request);
        let lsn = self.recent.of_dkey(request.container, request.object, order);
        let result = match found.map(|found| found.complete()) {
            Ok(Ok(complete)) => Ok(complete),
            Ok(Err(found)) => self.read_values(&request, found).await,
            Err(status) => Err(status),
        };
        self.wait_for(lsn).await?;
        let (reply, bytes) = result?;
        self.count(|statistics| statistics.bytes_read += bytes);
        Ok(reply)
    }

    /// Carries out changes, all or none.
    async fn change(&self, operations: &mut [Operation]) -> Result<()> {
        for operation in &*operations {
            match operation {
                Operation::Update(update) => change::check_update(update)?,
                Operation::Punch(punch) => change::check_epoch(punch.epoch)?,
            }
        }
        let bytes = operations.iter().map(bytes_of).sum::<u64>();
        let placed = self.place(operations).await?;
        let lsn = loop {
            self.durable.admission().await?;
            match self.try_change(operations, &placed) {
                Err(status) if status.code() == Code::Nospace && self.reclaim.is_running() => {
                    self.reclaim.wait_step().await;
                }
                Err(status) => {
                    self.wait_for_operations(operations).await?;
                    return Err(status);
                }
                Ok(lsn) => break lsn,
            }
        };
        placed.into_iter().flatten().for_each(PlacedValue::keep);
        self.durable.wait_durable(lsn).await?;
        self.count(|statistics| {
            statistics.bytes_written += bytes;
            for operation in &*operations {
                match operation {
                    Operation::Update(_) => statistics.updates += 1,
                    Operation::Punch(_) => statistics.punches += 1,
                }
            }
        });
        Ok(())
    }

    /// Writes large values to the data device; one list per operation.
    async fn place(&self, operations: &mut [Operation]) -> Result<Vec<Vec<PlacedValue>>> {
        let mut placed = Vec::new();
        for (index, operation) in operations.iter_mut().enumerate() {
            let Operation::Update(update) = operation else { continue };
            let values = change::place_values(self, update).await?;
            if !values.is_empty() {
                placed.resize_with(index, Vec::new);
                placed.push(values);
            }
        }
        Ok(placed)
    }

    /// One transaction with everything in it.
    fn try_change(&self, operations: &[Operation], placed: &[Vec<PlacedValue>]) -> Result<Lsn> {
        let arena = self.durable.arena();
        let is_privileged = self.makes_only_known_punches(arena, operations)?;
        let mut transaction = if is_privileged { arena.begin_privileged() } else { arena.begin() };
        let kind = self.settings().checksum;
        let mut newest = 0;
        for (index, operation) in operations.iter().enumerate() {
            let mut change = Change { transaction: &mut transaction, space: &self.values, kind };
            let epoch = match operation {
                Operation::Update(update) => {
                    let mut container = self.container(arena, update.container)?;
                    let placed = placed.get(index).map_or(&[][..], |values| values);
                    change.update(&mut container, update, placed)?;
                    update.epoch
                }
                Operation::Punch(punch) => {
                    let mut container = self.container(arena, punch.container)?;
                    change.punch(&mut container, punch)?;
                    punch.epoch
                }
            };
            newest = newest.max(epoch.0);
        }
        self.superblock.note_epoch(&mut transaction, newest)?;
        let lsn = self.durable.commit(transaction)?;
        self.newest.set(self.newest.get().max(newest));
        operations.iter().try_for_each(|operation| self.mark(operation, lsn))?;
        Ok(lsn)
    }

    fn makes_only_known_punches(&self, arena: &Arena, operations: &[Operation]) -> Result<bool> {
        for operation in operations {
            let Operation::Punch(punch) = operation else { return Ok(false) };
            if !change::is_known(arena, &self.container(arena, punch.container)?, punch)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Remembers what a commit touched.
    fn mark(&self, operation: &Operation, lsn: Lsn) -> Result<()> {
        match operation {
            Operation::Update(UpdateRequest { container, object, dkey, .. })
            | Operation::Punch(PunchRequest { container, object, what: PunchTarget::Akeys { dkey, .. }, .. }) => {
                self.mark_dkey(*container, *object, dkey, lsn)
            }
            Operation::Punch(PunchRequest { container, object, what: PunchTarget::Dkeys(dkeys), .. }) => {
                dkeys.iter().try_for_each(|dkey| self.mark_dkey(*container, *object, dkey, lsn))
            }
            Operation::Punch(PunchRequest { container, object, what: PunchTarget::Object, .. }) => {
                self.recent.mark_object(*container, *object, lsn);
                Ok(())
            }
        }
    }

    fn mark_dkey(&self, container: ContainerId, object: ObjectId, dkey: &Key, lsn: Lsn) -> Result<()> {
        let order = order_of(object.object_type().dkey_kind(), dkey)?;
        self.recent.mark_dkey(container, object, order, lsn);
        Ok(())
    }

    /// Waits until what a refused change may have seen is durable: a refusal is an answer, too.
    async fn wait_for_operations(&self, operations: &[Operation]) -> Result<()> {
        for operation in operations {
            let (Operation::Update(UpdateRequest { container, object, .. })
            | Operation::Punch(PunchRequest { container, object, .. })) = operation;
            self.wait_for(self.recent.of_object(*container, *object)).await?;
        }
        Ok(())
    }
}

/// Bytes of values in an operation.
fn bytes_of(operation: &Operation) -> u64 {
    let Operation::Update(update) = operation else { return 0 };
    let bytes = update.akeys.iter().map(|update| match &update.value {
        UpdateValue::Single(data) => data.len() as u64,
        UpdateValue::Array { pieces, .. } => pieces.iter().map(|(_, data)| data.len() as u64).sum(),
        UpdateValue::PunchExtents(_) => 0,
    });
    bytes.sum()
}
