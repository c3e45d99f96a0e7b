//! Arrays of cells over integer dkeys, in upstream's layout.
//!
//! Chunk `i` of the array is dkey `i + 1`; its cells are the records of one akey. Dkey 0 holds the attributes (cell size
//! and chunk size) of arrays that store them; for the others the caller remembers these.

mod attributes;
mod concurrent;
mod plan;
mod resize;
mod transfer;

pub use attributes::ArrayAttributes;
pub use concurrent::{both, run_bounded};
pub use transfer::ArrayRead;

use crate::{Client, Conditions, Container, EndAndNewest, Object, ObjectFlags, QueryResult, QueryWhat, Transaction};
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Key, ObjectClass, ObjectId, ObjectType};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The akey that holds cells, and in dkey 0 the attributes.
const CELL_AKEY: &[u8] = b"0";

/// Requests of one call that are under way at a time.
const REQUESTS_IN_FLIGHT_MAX: usize = 16;

/// What [`Array::stat`] tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ArrayStat {
    /// Index behind the last cell that was written.
    pub size: u64,
    /// The newest change; zero when there was none.
    pub max_epoch: Epoch,
}

/// An open array.
#[derive(Clone, Debug)]
pub struct Array {
    object: Object,
    cell_size: u64,
    /// Clones have the same one.
    chunk_size: Arc<AtomicU64>,
}

impl Array {
    /// Puts type and class of an array into a user's identifier.
    pub fn generate_id(user: ObjectId, kind: ObjectType, class: ObjectClass) -> ObjectId {
        ObjectId::generate(user, kind, class)
    }

    /// Creates an array that stores its attributes (type `ARRAY`); `Code::Exist` when it has them already. For the
    /// other array types this is [`Array::open_with_attributes`]: there is nothing to store.
    pub async fn create(
        client: &Client,
        container: &Container,
        id: ObjectId,
        attributes: ArrayAttributes,
    ) -> Result<Array> {
        Array::create_within(client, container, id, attributes, None).await
    }

    /// As [`Array::create`], in a transaction if there is one: the attributes are stored when it is committed. The array that is given is of no
    /// transaction.
    pub async fn create_within(
        client: &Client,
        container: &Container,
        id: ObjectId,
        attributes: ArrayAttributes,
        transaction: Option<&Transaction>,
    ) -> Result<Array> {
        let array = Array::open_with_attributes(container, id, ObjectFlags::READ_WRITE, attributes)?;
        if id.object_type() == ObjectType::ARRAY {
            let object = transaction.map_or(array.object.clone(), |transaction| array.object.within(transaction));
            attributes::store(client, &object, attributes).await?;
        }
        Ok(array)
    }

    /// Opens an array that stores its attributes; `Code::Nonexist` when it has none.
    pub async fn open(client: &Client, container: &Container, id: ObjectId, flags: ObjectFlags) -> Result<Array> {
        Array::open_at(client, container, id, flags, Epoch::MAX).await
    }

    /// As [`Array::open`], with the attributes that a transaction sees. The array that is given is of no transaction.
    pub async fn open_within(
        client: &Client,
        container: &Container,
        id: ObjectId,
        flags: ObjectFlags,
        transaction: &Transaction,
    ) -> Result<Array> {
        if id.object_type() != ObjectType::ARRAY {
            fail!(Code::Inval, "array {id} does not store its attributes; open it with cell and chunk size");
        }
        let object = Object::open(container, id, flags)?;
        let attributes = attributes::load(client, &object.within(transaction), Epoch::MAX).await?;
        Ok(Array::with(object, attributes))
    }

    /// As [`Array::open`], with the attributes that it had at an epoch.
    pub async fn open_at(
        client: &Client,
        container: &Container,
        id: ObjectId,
        flags: ObjectFlags,
        epoch: Epoch,
    ) -> Result<Array> {
        if id.object_type() != ObjectType::ARRAY {
            fail!(Code::Inval, "array {id} does not store its attributes; open it with cell and chunk size");
        }
        let object = Object::open(container, id, flags)?;
        let attributes = attributes::load(client, &object, epoch).await?;
        Ok(Array::with(object, attributes))
    }

    /// Opens an array whose attributes the caller knows: nothing is sent.
    pub fn open_with_attributes(
        container: &Container,
        id: ObjectId,
        flags: ObjectFlags,
        attributes: ArrayAttributes,
    ) -> Result<Array> {
        attributes.check(id)?;
        Ok(Array::with(Object::open(container, id, flags)?, attributes))
    }

    fn with(object: Object, attributes: ArrayAttributes) -> Array {
        let ArrayAttributes { cell_size, chunk_size } = attributes;
        Array { object, cell_size, chunk_size: Arc::new(AtomicU64::new(chunk_size)) }
    }

    /// The same array in a transaction, see [`Object::within`].
    pub fn within(&self, transaction: &Transaction) -> Array {
        Array { object: self.object.within(transaction), ..self.clone() }
    }

    /// Identifier of the object.
    pub fn id(&self) -> ObjectId {
        self.object.id()
    }

    /// The object underneath.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// Cell size and chunk size.
    pub fn attributes(&self) -> ArrayAttributes {
        ArrayAttributes { cell_size: self.cell_size, chunk_size: self.chunk_size.load(Ordering::Relaxed) }
    }

    /// Takes another chunk size from now on, for the calls by this handle alone: nothing that is stored changes, so that it is for arrays
    /// that are empty yet.
    pub fn set_chunk_size(&self, chunk_size: u64) -> Result<()> {
        ArrayAttributes { cell_size: self.cell_size, chunk_size }.check(self.id())?;
        self.chunk_size.store(chunk_size, Ordering::Relaxed);
        Ok(())
    }

    /// Index behind the last cell that was written; 0 for an empty array.
    pub async fn get_size(&self, client: &Client, epoch: Epoch) -> Result<u64> {
        let what = QueryWhat(QueryWhat::MAX.0 | QueryWhat::DKEY.0 | QueryWhat::RECX.0);
        let found = match self.object.query_key(client, epoch, what, None, Some(cell_akey()?)).await {
            Ok(found) => found,
            Err(status) if status.code() == Code::Nonexist => return Ok(0),
            Err(status) => return Err(status),
        };
        self.size_of(found)
    }

    /// The size by the last extent that was found.
    fn size_of(&self, found: QueryResult) -> Result<u64> {
        let (Some(dkey @ 1..), Some(extent)) = (found.dkey, found.extent) else { return Ok(0) };
        let size =
            (dkey - 1).checked_mul(self.attributes().chunk_size).and_then(|start| start.checked_add(extent.end()));
        match size {
            Some(size) => Ok(size),
            None => fail!(Code::DfInval, "array {} has a cell behind the end of 64 bits, in dkey {dkey}", self.id()),
        }
    }

    /// Size and newest change, in one message to each target.
    pub async fn stat(&self, client: &Client, epoch: Epoch) -> Result<ArrayStat> {
        let (found, max_epoch) = self.object.end_and_max_epoch(client, epoch, cell_akey()?).await?;
        let size = found.map_or(Ok(0), |found| self.size_of(found))?;
        Ok(ArrayStat { size, max_epoch })
    }

    /// The akey that its cells are in.
    pub fn akey() -> Result<Key> {
        cell_akey()
    }

    /// The size, by what was found out about the object.
    pub fn size_by(&self, found: &EndAndNewest) -> Result<u64> {
        found.end.clone().map_or(Ok(0), |end| self.size_of(end))
    }

    /// Punches everything, the attributes as well.
    pub async fn destroy(&self, client: &Client) -> Result<()> {
        self.object.punch(client, Conditions::NONE).await
    }
}

fn cell_akey() -> Result<Key> {
    Key::new(CELL_AKEY)
}
