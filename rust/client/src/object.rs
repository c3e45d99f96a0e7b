//! Objects: records under two-level keys.
//!
//! # When the engine ends during a call
//!
//! The client attaches again (which starts a local engine), opens its handles again, and sends the call again. Updates and punches
//! have names, which a target writes down together with what they change: one that was carried out before its engine ended is
//! answered as it would have been then, and not carried out twice. A target knows the last 4096 of them.
//!
//! A call that ran out of time is never sent again: the engine may still be at it.

mod call;
mod enumerate;
mod fetch;
mod fetch_plan;
mod lend;
mod moving;
mod names;
mod punch;
mod query;
mod removal;
mod types;
mod update;
mod verify;

pub use moving::{NameMove, NameMoved};
pub(crate) use names::ChangeNames;
pub(crate) use punch::TARGETS_AT_ONCE;
pub use removal::{NamePunch, NamePunched};
pub use types::{
    AkeyFetch, AkeyFetched, AkeyUpdate, Anchor, Conditions, EndAndNewest, FetchKind, ListLimits, MapPiece, ObjectFlags,
    PieceState, QueryResult, QueryWhat, UpdateValue,
};

use crate::{Client, Container, ContainerFlags, Transaction};
use daos_placement::{Layout, Shape};
use daos_status::{Code, Result, fail};
use daos_types::{Key, KeyKind, ObjectId, Rank, Redundancy};
use daos_wire::{ObjectAddress, Opcode, Wire};
use std::sync::{Arc, Mutex};

/// An open object.
#[derive(Clone, Debug)]
pub struct Object {
    container: Container,
    id: ObjectId,
    flags: ObjectFlags,
    /// Where the shards are, once that is known.
    layout: Arc<Mutex<KnownLayout>>,
    /// The transaction that what is done by it belongs to.
    within: Option<Within>,
}

/// What of an object's calls belongs to a transaction.
#[derive(Clone, Debug)]
enum Within {
    /// Everything.
    All(Transaction),
    /// What is sent to read: that of the transaction itself.
    Reads(Transaction),
}

/// A layout, and the version of the pool map that it was made by.
type KnownLayout = Option<(u32, Arc<Layout>)>;

impl Object {
    /// Opens an object: nothing is sent. The class in the identifier must be known and supported; one that users have registered is
    /// known after [`Container::know_class`].
    pub fn open(container: &Container, id: ObjectId, flags: ObjectFlags) -> Result<Object> {
        let class = id.class();
        match container.shape_of(id) {
            Some(Shape { redundancy: Redundancy::None, .. }) => {}
            Some(_) => {
                fail!(
                    Code::Notsupported,
                    "object {id} is of class {class}; only classes without redundancy are supported so far"
                )
            }
            None => fail!(Code::Inval, "object {id} has no known object class ({:#x})", class.0),
        }
        if !id.object_type().is_valid() {
            fail!(Code::Inval, "object {id} has no known object type ({})", id.object_type().0);
        }
        Ok(Object { container: container.clone(), id, flags, layout: Arc::default(), within: None })
    }

    /// Its identifier.
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// Its container.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// The same object in a transaction: what is read by it is read at the transaction's epoch, whatever epoch is named, and what is written
    /// by it waits for the commit. Fetches see what the transaction has written, listings and queries do not.
    pub fn within(&self, transaction: &Transaction) -> Object {
        Object { within: Some(Within::All(transaction.clone())), ..self.clone() }
    }

    /// The same object, for a transaction's own reads: they see nothing of what it has written.
    pub(crate) fn read_by(&self, transaction: &Transaction) -> Object {
        Object { within: Some(Within::Reads(transaction.clone())), ..self.clone() }
    }

    /// The same object, of no transaction.
    pub(crate) fn outside(&self) -> Object {
        Object { within: None, ..self.clone() }
    }

    /// The transaction that what is called by it is handed to.
    fn transaction(&self) -> Option<&Transaction> {
        match &self.within {
            Some(Within::All(transaction)) => Some(transaction),
            _ => None,
        }
    }

    /// The ranks that hold its shards, each once, in the order of the shards: the first one is that of the first shard.
    pub async fn ranks(&self, client: &Client) -> Result<Vec<Rank>> {
        let (_, layout, route) = self.locate(client).await?;
        let mut ranks = Vec::new();
        for shard in layout.shards() {
            match route.name(shard.target) {
                Some((rank, _)) if !ranks.contains(&rank) => ranks.push(rank),
                _ => {}
            }
        }
        Ok(ranks)
    }

    /// The groups that dkeys are in, all groups if none is given, each with its target in the pool map.
    pub(crate) async fn places(&self, client: &Client, dkeys: Option<&[Key]>) -> Result<Vec<(u32, u32)>> {
        let layout = self.layout(client).await?;
        let groups: Vec<u32> = match dkeys {
            None => (0..layout.groups()).collect(),
            Some(dkeys) => {
                let kind = self.id.object_type().dkey_kind();
                dkeys.iter().map(|dkey| layout.group_of_dkey(dkey, kind)).collect()
            }
        };
        let place = |group: u32| Some((group, layout.group(group).first()?.target));
        Ok(groups.into_iter().filter_map(place).collect())
    }

    /// How many groups of shards it has.
    pub async fn group_count(&self, client: &Client) -> Result<u32> {
        Ok(self.layout(client).await?.groups())
    }

    /// Asks the target of a group something that is not about this object alone.
    pub(crate) async fn ask_group<Q: Wire, R: Wire>(
        &self,
        client: &Client,
        group: u32,
        opcode: Opcode,
        request: &Q,
    ) -> Result<R> {
        self.attempt(client, group, async |target: &_| self.send(client, target, opcode, request).await).await
    }

    /// The address of its container, for requests that name no object.
    pub(crate) fn container_address(&self) -> ObjectAddress {
        ObjectAddress { object: ObjectId::default(), ..self.address() }
    }

    fn address(&self) -> ObjectAddress {
        let request = self.container.request();
        // The version of the map is that of each attempt.
        ObjectAddress {
            map_version: 0,
            pool: request.pool,
            container: request.container,
            handle: request.handle,
            object: self.id,
        }
    }

    /// Accepts a call that writes.
    pub(crate) fn check_writable(&self) -> Result<()> {
        if self.flags.0 & ObjectFlags::READ_WRITE.0 == 0 {
            fail!(Code::NoPerm, "object {} was opened read-only", self.id);
        }
        if self.container.flags().0 & ContainerFlags::READ_ONLY.0 != 0 {
            let container = self.container.id();
            fail!(Code::NoPerm, "object {} cannot be written: container {container} was opened read-only", self.id);
        }
        Ok(())
    }

    /// Accepts a dkey of the kind that the object's type says.
    pub(crate) fn check_dkey(&self, dkey: &Key) -> Result<()> {
        self.check_key("dkey", dkey, self.id.object_type().dkey_kind())
    }

    /// Accepts an akey of the kind that the object's type says.
    pub(crate) fn check_akey(&self, akey: &Key) -> Result<()> {
        self.check_key("akey", akey, self.id.object_type().akey_kind())
    }

    fn check_key(&self, name: &str, key: &Key, kind: KeyKind) -> Result<()> {
        if kind == KeyKind::Integer && key.len() != size_of::<u64>() {
            fail!(Code::Inval, "object {} has integer {name}s of 8 bytes, not of {}", self.id, key.len());
        }
        Ok(())
    }
}
