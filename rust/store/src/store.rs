//! The store itself: its public face.

use crate::{
    Anchor, Direction, ExtentListing, FetchReply, FetchRequest, KeyListing, Limits, ObjectListing, Operation,
    PunchRequest, QueryReply, QueryRequest, Statistics, StoreSettings, StoreSpace, UpdateRequest,
};
use daos_env::{Env, Spawner};
use daos_media::Media;
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, Key, ObjectId};
use std::rc::Rc;

/// One target's part of one pool. See the [crate](crate).
pub struct Store {}

impl Store {
    /// Makes an empty store on media that hold none.
    pub async fn create(
        media: Rc<dyn Media>,
        settings: StoreSettings,
        env: Env,
        spawner: &Spawner,
    ) -> Result<Rc<Store>> {
        fail!(Code::Nosys, "being written")
    }

    /// Opens the store of media, with everything that was acknowledged before.
    pub async fn open(media: Rc<dyn Media>, env: Env, spawner: &Spawner) -> Result<Rc<Store>> {
        fail!(Code::Nosys, "being written")
    }

    /// Waits until everything is durable and ends the background work; the store refuses requests from then on.
    pub async fn close(&self) -> Result<()> {
        fail!(Code::Nosys, "being written")
    }

    /// What the store was created with.
    pub fn settings(&self) -> &StoreSettings {
        todo!()
    }

    /// Makes a container; `Exist` when it is there.
    pub async fn container_create(&self, container: ContainerId) -> Result<()> {
        fail!(Code::Nosys, "being written")
    }

    /// Removes a container with everything in it; `Nonexist` when it is not there.
    pub async fn container_destroy(&self, container: ContainerId) -> Result<()> {
        fail!(Code::Nosys, "being written")
    }

    /// The containers, in the order of their identifiers.
    pub async fn container_list(&self) -> Result<Vec<ContainerId>> {
        fail!(Code::Nosys, "being written")
    }

    /// Writes values of one dkey, all or none; durable when it returns.
    pub async fn update(&self, request: UpdateRequest) -> Result<()> {
        fail!(Code::Nosys, "being written")
    }

    /// Reads values of one dkey.
    pub async fn fetch(&self, request: FetchRequest) -> Result<FetchReply> {
        fail!(Code::Nosys, "being written")
    }

    /// Hides what lies below an object or keys; durable when it returns.
    pub async fn punch(&self, request: PunchRequest) -> Result<()> {
        fail!(Code::Nosys, "being written")
    }

    /// Makes several changes in their order, all or none; durable when it returns.
    ///
    /// Conditions see what the operations before them in the list did.
    pub async fn apply(&self, operations: Vec<Operation>) -> Result<()> {
        fail!(Code::Nosys, "being written")
    }

    /// The objects of a container with anything visible at an epoch.
    pub async fn list_objects(
        &self,
        container: ContainerId,
        epoch: Epoch,
        anchor: &Anchor,
        limits: Limits,
    ) -> Result<ObjectListing> {
        fail!(Code::Nosys, "being written")
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
        fail!(Code::Nosys, "being written")
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
        fail!(Code::Nosys, "being written")
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
        fail!(Code::Nosys, "being written")
    }

    /// The greatest or least dkey, akey or extent; `Nonexist` when there is none.
    pub async fn query_key(&self, request: QueryRequest) -> Result<QueryReply> {
        fail!(Code::Nosys, "being written")
    }

    /// The newest epoch at which anything below an object was written or punched; `None` when it has never been.
    pub async fn max_epoch(&self, container: ContainerId, object: ObjectId) -> Result<Option<Epoch>> {
        fail!(Code::Nosys, "being written")
    }

    /// Totals and free space, exactly.
    pub fn space(&self) -> Result<StoreSpace> {
        fail!(Code::Nosys, "being written")
    }

    /// Counters since the store was opened.
    pub fn statistics(&self) -> Statistics {
        todo!()
    }
}
