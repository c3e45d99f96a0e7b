//! The calls of a store that are requests: containers, updates and punches, fetches and listings.

use crate::commit::Origin;
use crate::visibility::{Depth, span};
use crate::{
    Anchor, ContainerSettings, Direction, ExtentListing, Fetch, FetchRequest, GivenChecksums, KeyListing, Limits,
    ObjectListing, Operation, PunchRequest, QueryReply, QueryRequest, Store, TreeAnchor, TreeListing, TreeRequest,
    UpdateRequest,
};
use daos_status::Result;
use daos_types::{ContainerId, Epoch, Key, ObjectId};
use std::rc::Rc;

impl Store {
    /// Makes a container; `Exist` when it is there.
    pub async fn container_create(&self, container: ContainerId, settings: ContainerSettings) -> Result<()> {
        self.counted(|_| {}, self.make_container(container, settings)).await
    }

    /// What a container was created with.
    pub async fn container_settings(&self, container: ContainerId) -> Result<ContainerSettings> {
        self.counted(|_| {}, async {
            let settings = self.settings_of(container);
            self.wait_for(self.recent.of_structure()).await?;
            settings
        })
        .await
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
        let mut operations = [Operation::Update(request)];
        match self.change_now(&operations, Origin::Plain) {
            Some(lsn) if lsn <= self.durable.durable() => {
                self.count_changes(&operations);
                Ok(())
            }
            Some(lsn) => self.counted(|_| {}, self.finish(lsn, &operations)).await,
            // In memory of its own: every update would carry the room for it otherwise, and be copied with it when it becomes a task.
            None => Box::pin(self.counted(|_| {}, self.change_plainly(&mut operations))).await,
        }
    }

    /// As [`Store::update`]; when the container verifies on update, the bytes are first compared with checksums that came with them,
    /// and if they differ, nothing is kept and the answer is `Csum`.
    pub async fn update_verified(&self, request: UpdateRequest, given: &[GivenChecksums]) -> Result<()> {
        self.counted(|_| {}, async {
            if self.settings_of(request.container)?.verify_on_update {
                given.iter().try_for_each(|checksums| checksums.verify(&request))?;
            }
            self.change_plainly(&mut [Operation::Update(request)]).await
        })
        .await
    }

    /// Reads values of one dkey.
    #[inline]
    pub fn fetch(&self, request: FetchRequest) -> Fetch<'_> {
        Fetch::new(self, request, None, false)
    }

    /// As [`Store::fetch`], for one who drops the values soon: when the data device is memory, they may be [`crate::Data::View`]s of it.
    #[inline]
    pub fn fetch_in_place(&self, request: FetchRequest) -> Fetch<'_> {
        Fetch::new(self, request, None, true)
    }

    /// Hides what lies below an object or keys; durable when it returns.
    ///
    /// When the store is full, it still works for what was ever written; what is not known at all has to be remembered, and that
    /// takes space.
    pub async fn punch(&self, request: PunchRequest) -> Result<()> {
        self.counted(|_| {}, self.change_plainly(&mut [Operation::Punch(request)])).await
    }

    /// Makes several changes in their order, all or none; durable when it returns.
    ///
    /// Conditions see what the operations before them in the list did.
    pub async fn apply(&self, mut operations: Vec<Operation>) -> Result<()> {
        self.counted(|_| {}, self.change_plainly(&mut operations)).await
    }

    /// The objects of a container with anything visible at an epoch.
    pub async fn list_objects(
        &self,
        container: ContainerId,
        epoch: Epoch,
        anchor: &Anchor,
        limits: Limits,
    ) -> Result<ObjectListing> {
        self.view().list_objects(container, epoch, anchor, limits).await
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
        self.view().list_dkeys(container, object, epoch, anchor, limits).await
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
        self.view().list_akeys(container, object, dkey, epoch, anchor, limits).await
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
        self.view().list_extents(container, object, dkey, akey, epoch, direction, anchor, limits).await
    }

    /// Everything of an object that is visible at an epoch, dkeys with their akeys and these with their values; small values come with
    /// their bytes.
    pub async fn list_tree(&self, request: &TreeRequest, anchor: &TreeAnchor) -> Result<TreeListing> {
        self.view().list_tree(request, anchor).await
    }

    /// The greatest or least dkey, akey or extent; `Nonexist` when there is none.
    pub async fn query_key(&self, request: QueryRequest) -> Result<QueryReply> {
        self.view().query_key(request).await
    }

    /// The newest epoch at which anything below an object was written or punched; `None` when it has never been.
    pub async fn max_epoch(&self, container: ContainerId, object: ObjectId) -> Result<Option<Epoch>> {
        let touched = async {
            let found = self.object(self.durable.arena(), container, object, Epoch::MAX);
            let touched = found.and_then(|found| match found {
                Some((object, _)) => Ok(span(self.durable.arena(), &object, Depth::Object)?.touched),
                None => Ok(0),
            });
            self.wait_for(self.recent.of_object(container, object)).await?;
            Ok(Some(Epoch(touched?)).filter(|epoch| *epoch != Epoch::ZERO))
        };
        self.counted(|statistics| statistics.listings += 1, touched).await
    }
}
