//! Reading: what a read at an epoch may see while changes are prepared, and what it leaves behind in the timestamps.

use crate::place::{Place, Scope, word_of_dkey};
use crate::prepared::intents::{Intent, Part};
use crate::recent::word_of_object;
use crate::timestamps::Reader;
use crate::{
    Anchor, Direction, ExtentListing, Fetch, FetchRequest, FetchWhat, KeyChoice, KeyListing, Limits, ObjectListing,
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

    /// Reads as a transaction, or plainly when there is none.
    pub fn view_of(&self, transaction: Option<TransactionId>) -> View<'_> {
        View { store: self, transaction }
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

    /// The values of an akey are read now: some, or whether there are any.
    #[inline]
    pub(crate) fn note_akey_read(&self, at: &ReadAt, akey: u64, what: Option<&FetchWhat>) -> Result<()> {
        if !self.prepared.intents.is_empty() {
            self.check_akey_read(at, akey, what)?;
        }
        match what {
            Some(FetchWhat::Array(extents)) if at.transaction.is_some() || self.timestamps.knows_records() => {
                self.timestamps.mark_records(at.object, (at.dkey, akey), extents, at.epoch, at.reader);
            }
            _ => self.timestamps.mark_akey(at.object, at.dkey, akey, at.epoch, at.reader),
        }
        Ok(())
    }

    #[cold]
    fn check_akey_read(&self, at: &ReadAt, akey: u64, what: Option<&FetchWhat>) -> Result<()> {
        let part = match what {
            None | Some(FetchWhat::Single) => Part::All,
            Some(FetchWhat::Array(extents)) => Part::records(extents.iter().copied(), 0),
        };
        self.check_read(&at.place(Scope::Akey, akey), &part, at.epoch, at.transaction)
    }

    /// Nothing of an akey is there: that is not known as long as any change of it is prepared, and any change of it from now on would make it wrong.
    #[cold]
    pub(crate) fn note_missing(&self, at: &ReadAt, akey: u64) -> Result<()> {
        self.check_read(&at.place(Scope::Akey, akey), &Part::All, at.epoch, at.transaction)?;
        self.timestamps.mark_akey(at.object, at.dkey, akey, at.epoch, at.reader);
        Ok(())
    }

    /// Whether the dkey exists is read now.
    pub(crate) fn note_dkey_read(&self, at: &ReadAt) -> Result<()> {
        if !self.prepared.intents.is_empty() {
            self.check_read(&at.place(Scope::Dkey, 0), &Part::All, at.epoch, at.transaction)?;
        }
        self.timestamps.mark_dkey(at.object, at.dkey, at.epoch, at.reader);
        Ok(())
    }

    /// What a place holds is read now, and from now on.
    pub(crate) fn note_read(&self, place: &Place, epoch: Epoch, transaction: Option<TransactionId>) -> Result<()> {
        let at = self.epoch_read(epoch);
        if !self.prepared.intents.is_empty() {
            self.check_read(place, &Part::All, at, transaction)?;
        }
        self.timestamps.mark(place, at, Reader::from(transaction));
        Ok(())
    }

    /// Refuses a read that a prepared change may belong to: what it gives is not known yet.
    #[cold]
    fn check_read(&self, place: &Place, part: &Part, epoch: u64, own: Option<TransactionId>) -> Result<()> {
        match self.prepared.intents.overlapping(place, part, epoch, own) {
            None => Ok(()),
            Some(Intent { transaction, epoch }) => fail!(
                Code::Inprogress,
                "transaction {transaction} of epoch {epoch} has prepared a change of what is read; try again when it is done"
            ),
        }
    }
}

impl<'a> View<'a> {
    /// As [`Store::fetch`].
    pub fn fetch(&self, request: FetchRequest) -> Fetch<'a> {
        Fetch::new(self.store, request, self.transaction, false)
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
