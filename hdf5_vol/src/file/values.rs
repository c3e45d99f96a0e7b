//! Values and arrays of bytes of a file's objects: read and written with what waits to be written.

use super::File;
use crate::daos::{self, Direction, Missing, Object, Operation, Request};
use crate::failure::Result;
use crate::format::key;
use std::rc::Rc;

impl File {
    /// Leaves a value to be written.
    pub fn put(&self, object: &Rc<Object>, dkey: &[u8], akey: &[u8], value: Vec<u8>) -> Result<()> {
        self.require_writable()?;
        self.is_changed.set(true);
        self.queue.borrow_mut().put(object, dkey, akey, value)
    }

    /// A value that is not written yet.
    pub fn peek(&self, object: &Object, dkey: &[u8], akey: &[u8]) -> Option<Rc<[u8]>> {
        self.queue.borrow().peek(object.id, dkey, akey)
    }

    /// Whether any of an object's arrays of bytes is not written yet.
    pub fn has_waiting_bytes(&self, object: &Object) -> bool {
        self.queue.borrow().has_bytes(object.id)
    }

    /// A value, also one that is not written yet.
    pub fn get(&self, object: &Object, dkey: &[u8], akey: &[u8]) -> Result<Option<Rc<[u8]>>> {
        if let Some(value) = self.peek(object, dkey, akey) {
            return Ok(Some(value));
        }
        Ok(object.fetch(dkey, akey)?.map(Rc::from))
    }

    /// Values under many akeys of a dkey, also those that are not written yet.
    pub fn get_many(&self, object: &Object, dkey: &[u8], akeys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>> {
        self.get_each(object, dkey, akeys, |akeys| object.fetch_many(dkey, akeys))
    }

    /// The same, for a guess at what is wanted: none, too, for a long one.
    pub fn get_short(&self, object: &Object, dkey: &[u8], akeys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>> {
        self.get_each(object, dkey, akeys, |akeys| object.fetch_short(dkey, akeys))
    }

    fn get_each(
        &self,
        object: &Object,
        dkey: &[u8],
        akeys: &[Vec<u8>],
        fetch: impl FnOnce(&[&[u8]]) -> Result<Vec<Option<Vec<u8>>>>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let pending: Vec<_> = akeys.iter().map(|akey| self.peek(object, dkey, akey)).collect();
        let others = akeys.iter().zip(&pending).filter(|(_, value)| value.is_none());
        let others: Vec<&[u8]> = others.map(|(akey, _)| akey.as_slice()).collect();
        let mut fetched = fetch(&others)?.into_iter();
        let value =
            |value: Option<Rc<[u8]>>| value.map_or_else(|| fetched.next().flatten(), |value| Some(value.to_vec()));
        Ok(pending.into_iter().map(value).collect())
    }

    /// Values under many dkeys, also those that are not written yet. Most have no more bytes than the room.
    pub fn get_all(
        &self,
        object: &Object,
        dkeys: &[Vec<u8>],
        akey: &[u8],
        room: usize,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let pending: Vec<_> = {
            let queue = self.queue.borrow();
            dkeys.iter().map(|dkey| queue.peek(object.id, dkey, akey)).collect()
        };
        let others: Vec<Vec<u8>> =
            dkeys.iter().zip(&pending).filter(|(_, value)| value.is_none()).map(|(dkey, _)| dkey.clone()).collect();
        let mut fetched = daos::fetch_all(object, &others, akey, room)?.into_iter();
        Ok(pending
            .into_iter()
            .map(|value| value.map_or_else(|| fetched.next().flatten(), |value| Some(value.to_vec())))
            .collect())
    }

    /// Leaves pieces of an array of bytes to be written: offsets and bytes, at most 1024 of them.
    pub fn put_bytes<'a>(
        &self,
        object: &Rc<Object>,
        dkey: &[u8],
        akey: &[u8],
        parts: impl Iterator<Item = (u64, &'a [u8])>,
    ) -> Result<()> {
        self.finish_object(object)?;
        self.queue.borrow_mut().put_bytes(object, dkey, akey, parts)
    }

    /// Writes values of variable length, before elements that lead to them go where others find them.
    pub fn write_values(&self) -> Result<()> {
        self.heap.borrow_mut().write_back(self)
    }

    /// Waits until what was left of an object's arrays of bytes is written.
    pub fn settle_bytes(&self, object: &Object) -> Result<()> {
        self.finish_object(object)?;
        self.queue.borrow_mut().settle_bytes(object.id)
    }

    /// Waits for transfers of an object that were started and go on.
    fn finish_object(&self, object: &Object) -> Result<()> {
        if self.background.borrow().is_empty() {
            return Ok(());
        }
        self.background.borrow_mut().finish_object(object.id)
    }

    /// Starts a transfer that goes on while the program does.
    pub fn start(&self, operation: &Rc<Operation>) -> Result<()> {
        self.queue.borrow_mut().settle_bytes(operation.object())?;
        self.background.borrow_mut().start(Rc::clone(operation))
    }

    /// Lets started transfers go on; waits for one of their requests when asked to.
    pub fn go_on(&self, wait: bool) -> Result<()> {
        self.background.borrow_mut().go_on(wait)
    }

    /// Moves bytes of an object's elements between the container and memory, and waits for all of it.
    ///
    /// # Safety
    /// The memory of all ranges is there, and nobody else's while it is written.
    pub unsafe fn transfer(
        &self,
        object: &Object,
        requests: &[Request],
        direction: Direction,
        missing: Missing<'_>,
    ) -> Result<()> {
        // SAFETY: as the caller promises.
        unsafe { self.transfers.borrow_mut().run(object, key::BYTES, requests, direction, missing) }
    }
}
