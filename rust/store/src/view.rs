//! Reading: what a read at an epoch may see while changes are prepared, and what it leaves behind in the timestamps.

use crate::fetch::Found;
use crate::key_order::order_of;
use crate::place::{Place, Scope, word_of_dkey};
use crate::prepared::intents::Intent;
use crate::recent::word_of_object;
use crate::timestamps::Reader;
use crate::{
    Anchor, Direction, ExtentListing, FetchReply, FetchRequest, KeyChoice, KeyListing, Limits, ObjectListing,
    QueryReply, QueryRequest, Store, TreeAnchor, TreeListing, TreeRequest,
};
use daos_media::Lsn;
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, Key, ObjectId, TransactionId};

/// Reads a store as a transaction does: changes that it has prepared itself do not stop it (it sees the state without them), and what
/// it has read is not in the way of what it writes. Given by [`Store::as_transaction`].
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub(crate) store: &'a Store,
    pub(crate) transaction: Option<TransactionId>,
}

/// One read of values below a dkey.
#[derive(Clone, Copy)]
pub(crate) struct ReadAt {
    /// The words of the object and of the dkey.
    pub object: u64,
    pub dkey: u64,
    /// The epoch that it counts as.
    pub epoch: u64,
    pub transaction: Option<TransactionId>,
    reader: Reader,
}

impl ReadAt {
    fn place(&self, scope: Scope, akey: u64) -> Place {
        Place { scope, container: 0, object: self.object, dkey: self.dkey, akey }
    }
}

impl Store {
    /// Reads as a transaction: see [`View`].
    pub fn as_transaction(&self, transaction: TransactionId) -> View<'_> {
        View { store: self, transaction: Some(transaction) }
    }

    pub(crate) fn view(&self) -> View<'_> {
        View { store: self, transaction: None }
    }

    /// The epoch that a read counts as: one of the newest has seen everything up to the newest epoch that the store knows, and what
    /// is written at later ones comes after it.
    #[inline]
    fn epoch_read(&self, epoch: Epoch) -> u64 {
        if epoch == Epoch::MAX { self.newest.get() } else { epoch.0 }
    }

    #[inline]
    pub(crate) fn read_at(&self, request: &FetchRequest, order: u64, transaction: Option<TransactionId>) -> ReadAt {
        let object = word_of_object(request.container, request.object);
        ReadAt {
            object,
            dkey: word_of_dkey(object, order),
            epoch: self.epoch_read(request.epoch),
            transaction,
            reader: Reader::from(transaction),
        }
    }

    /// The values of an akey are read now.
    #[inline]
    pub(crate) fn note_akey_read(&self, at: &ReadAt, akey: u64) -> Result<()> {
        if !self.prepared.intents.is_empty() {
            self.check_read(&at.place(Scope::Akey, akey), at.epoch, at.transaction)?;
        }
        self.timestamps.mark_akey(at.object, at.dkey, akey, at.epoch, at.reader);
        Ok(())
    }

    /// Whether the dkey exists is read now.
    pub(crate) fn note_dkey_read(&self, at: &ReadAt) -> Result<()> {
        if !self.prepared.intents.is_empty() {
            self.check_read(&at.place(Scope::Dkey, 0), at.epoch, at.transaction)?;
        }
        self.timestamps.mark_dkey(at.object, at.dkey, at.epoch, at.reader);
        Ok(())
    }

    /// What a place holds is read now, and from now on.
    pub(crate) fn note_read(&self, place: &Place, epoch: Epoch, transaction: Option<TransactionId>) -> Result<()> {
        let at = self.epoch_read(epoch);
        if !self.prepared.intents.is_empty() {
            self.check_read(place, at, transaction)?;
        }
        self.timestamps.mark(place, at, Reader::from(transaction));
        Ok(())
    }

    /// Refuses a read that a prepared change may belong to: what it gives is not known yet.
    #[cold]
    fn check_read(&self, place: &Place, epoch: u64, own: Option<TransactionId>) -> Result<()> {
        match self.prepared.intents.overlapping(place, epoch, own) {
            None => Ok(()),
            Some(Intent { transaction, epoch }) => fail!(
                Code::Inprogress,
                "transaction {transaction} of epoch {epoch} has prepared a change of what is read; try again when it is done"
            ),
        }
    }

    /// Fetches; nothing is waited for when all is in memory and durable.
    #[inline]
    pub(crate) async fn fetch_values(
        &self,
        request: &FetchRequest,
        transaction: Option<TransactionId>,
        in_place: bool,
    ) -> Result<FetchReply> {
        match self.fetch_now(request, transaction, in_place) {
            Ok(reply) => Ok(reply),
            Err(rest) => self.counted(|statistics| statistics.fetches += 1, self.finish_fetch(request, *rest)).await,
        }
    }

    fn fetch_now(
        &self,
        request: &FetchRequest,
        transaction: Option<TransactionId>,
        in_place: bool,
    ) -> Result<FetchReply, Box<RestOfFetch>> {
        if self.is_closed() {
            return Err(Box::new(RestOfFetch { found: Ok(None), lsn: Lsn(0) }));
        }
        let order = match order_of(request.object.object_type().dkey_kind(), &request.dkey) {
            Ok(order) => order,
            Err(status) => return Err(Box::new(RestOfFetch { found: Err(status), lsn: Lsn(0) })),
        };
        let at = self.read_at(request, order, transaction);
        let mut found = Found::with_room(request.akeys.len(), in_place);
        let result = self.find_values(request, order, &at, &mut found);
        let is_durable = self.durable.is_all_durable();
        let lsn = if is_durable { Lsn(0) } else { self.recent.of_words(at.object, at.dkey) };
        if result.is_ok() && found.is_complete() && lsn <= self.durable.durable() {
            let (reply, bytes) = found.into_reply();
            self.count(|statistics| {
                statistics.fetches += 1;
                statistics.bytes_read += bytes;
            });
            return Ok(reply);
        }
        Err(Box::new(RestOfFetch { found: result.map(|()| Some(found)), lsn }))
    }

    async fn finish_fetch(&self, request: &FetchRequest, rest: RestOfFetch) -> Result<FetchReply> {
        let result = match rest.found {
            Ok(Some(found)) if found.is_complete() => Ok(found.into_reply()),
            Ok(Some(found)) => self.read_values(request, found).await,
            Ok(None) => fail!(Code::Shutdown, "the store was closed"),
            Err(status) => Err(status),
        };
        self.wait_for(rest.lsn).await?;
        let (reply, bytes) = result?;
        self.count(|statistics| statistics.bytes_read += bytes);
        Ok(reply)
    }
}

/// A fetch that has to wait for something, or has failed.
struct RestOfFetch {
    /// What was found; nothing when the store is closed.
    found: Result<Option<Found>>,
    /// The commit that must be durable before anybody is told.
    lsn: Lsn,
}

impl View<'_> {
    /// As [`Store::fetch`].
    pub async fn fetch(&self, request: FetchRequest) -> Result<FetchReply> {
        self.store.fetch_values(&request, self.transaction, false).await
    }

    /// As [`Store::list_objects`].
    pub async fn list_objects(
        &self,
        container: ContainerId,
        epoch: Epoch,
        anchor: &Anchor,
        limits: Limits,
    ) -> Result<ObjectListing> {
        let (store, lsn) = (self.store, || self.store.recent.of_container(container));
        let place = Ok(Place::of_container(container));
        self.listed(lsn, place, epoch, store.scan_objects(container, epoch, anchor, limits)).await
    }

    /// As [`Store::list_dkeys`].
    pub async fn list_dkeys(
        &self,
        container: ContainerId,
        object: ObjectId,
        epoch: Epoch,
        anchor: &Anchor,
        limits: Limits,
    ) -> Result<KeyListing> {
        let (store, lsn) = (self.store, || self.store.recent.of_object(container, object));
        let place = Ok(Place::of_object(container, object));
        let scan = store.scan_object_keys(container, object, None, epoch, anchor, limits);
        self.listed(lsn, place, epoch, scan).await
    }

    /// As [`Store::list_akeys`].
    pub async fn list_akeys(
        &self,
        container: ContainerId,
        object: ObjectId,
        dkey: &Key,
        epoch: Epoch,
        anchor: &Anchor,
        limits: Limits,
    ) -> Result<KeyListing> {
        let (store, lsn) = (self.store, || self.store.recent.of_object(container, object));
        let place = Place::of_object(container, object).dkey(object, dkey);
        let scan = store.scan_object_keys(container, object, Some(dkey), epoch, anchor, limits);
        self.listed(lsn, place, epoch, scan).await
    }

    /// As [`Store::list_extents`].
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
        let (store, lsn) = (self.store, || self.store.recent.of_object(container, object));
        let place = Place::of_object(container, object).dkey(object, dkey).and_then(|dkey| dkey.akey(object, akey));
        let scan = store.scan_extents(container, object, (dkey, akey), epoch, direction, anchor, limits);
        self.listed(lsn, place, epoch, scan).await
    }

    /// As [`Store::list_tree`].
    pub async fn list_tree(&self, request: &TreeRequest, anchor: &TreeAnchor) -> Result<TreeListing> {
        let (store, lsn) = (self.store, || self.store.recent.of_object(request.container, request.object));
        let place = Ok(Place::of_object(request.container, request.object));
        self.listed(lsn, place, request.epoch, store.scan_tree(request, anchor)).await
    }

    /// As [`Store::query_key`].
    pub async fn query_key(&self, request: QueryRequest) -> Result<QueryReply> {
        let (store, lsn) = (self.store, || self.store.recent.of_object(request.container, request.object));
        self.listed(lsn, place_of_query(&request), request.epoch, store.find_extreme(&request)).await
    }

    /// Runs a listing or query, and waits until what it saw is durable: that is the commit that `lsn` gives when it has ended. Its
    /// place counts as read from before the first slice on, so that no transaction gets in between two of them.
    async fn listed<T>(
        &self,
        lsn: impl Fn() -> Lsn,
        place: Result<Place>,
        epoch: Epoch,
        request: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let all = async {
            let result = match self.store.note_read(&place?, epoch, self.transaction) {
                Ok(()) => request.await,
                Err(status) => Err(status),
            };
            self.store.wait_for(lsn()).await?;
            result
        };
        self.store.counted(|statistics| statistics.listings += 1, all).await
    }
}

/// What a query looks at.
fn place_of_query(request: &QueryRequest) -> Result<Place> {
    let object = Place::of_object(request.container, request.object);
    let KeyChoice::Given(dkey) = &request.dkey else { return Ok(object) };
    let dkey = object.dkey(request.object, dkey)?;
    match &request.akey {
        Some(KeyChoice::Given(akey)) => dkey.akey(request.object, akey),
        _ => Ok(dkey),
    }
}
