//! Metadata and few elements at a time are written behind: a call that changes them leaves its values here and goes on.
//!
//! Values wait to be sent until there are some, so that several values under one dkey are one request, and a value that is replaced
//! before it was sent is never sent at all. Reads of values look here first ([`Queue::peek`]); reads of arrays of bytes wait for those
//! that are on their way to the same object ([`Queue::settle_bytes`]). Nothing of it is promised to be durable before
//! [`Queue::settle`]. A flush and a close of the file also ask [`Queue::outcome`], which gives the first error that any of it met: what was
//! not written stays unwritten, so each of them is told, however often the program has listed or flushed before.

use crate::daos::{
    Descriptor, Event, Extent, Handle, Object, ObjectId, ScatterGather, Vector, array, check, events, single,
};
use crate::failure::{Failure, Minor, Result};
use crate::pieces::Pieces;
use std::collections::HashMap;
use std::rc::Rc;

/// Values that wait before they are sent, and their bytes: enough that a group's header and its link, or the attributes of an object, meet,
/// and few enough that the engine has something to do while the program goes on.
const UNSENT_MAX: usize = 32;
const UNSENT_BYTES_MAX: usize = 256 << 10;
/// Pieces of one array: fewer than what the store takes as one request.
const PIECES_MAX: usize = 1024;
/// Requests under way, and their bytes. More wait for one of them, so memory has a bound.
const FLIGHTS_MAX: usize = 128;
const FLIGHT_BYTES_MAX: usize = 32 << 20;
/// Completions that one look takes.
const COMPLETIONS: usize = 32;

/// Object, dkey and akey.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    object: ObjectId,
    /// Both keys, one after the other.
    names: Rc<[u8]>,
    split: usize,
}

impl Key {
    fn new(object: ObjectId, dkey: &[u8], akey: &[u8]) -> Self {
        Self { object, names: [dkey, akey].concat().into(), split: dkey.len() }
    }

    fn dkey(&self) -> &[u8] {
        &self.names[..self.split]
    }

    fn akey(&self) -> &[u8] {
        &self.names[self.split..]
    }
}

/// What is written under an akey.
enum Value {
    Single(Rc<[u8]>),
    Bytes(Pieces),
}

impl Value {
    fn length(&self) -> usize {
        match self {
            Self::Single(value) => value.len(),
            Self::Bytes(pieces) => pieces.bytes(),
        }
    }
}

/// A value that is not written yet.
struct Pending {
    /// The newest single value; none of an array.
    value: Option<Rc<[u8]>>,
    /// Where it waits to be sent.
    unsent: Option<usize>,
    is_in_flight: bool,
}

struct Write {
    object: Rc<Object>,
    key: Key,
    value: Value,
}

/// A request under way. The event comes first: its address is that of the flight.
#[repr(C)]
struct Flight {
    event: Event,
    dkey: Vector,
    descriptors: Vec<Descriptor>,
    lists: Vec<ScatterGather>,
    vectors: Vec<Vector>,
    extents: Vec<Extent>,
    bytes: usize,
    /// Keeps alive what the pointers above lead to.
    writes: Vec<Write>,
}

impl Flight {
    /// Makes what the call gets of what is written. Nothing that pointers lead to moves after that.
    fn describe(&mut self) {
        let parts = |value: &Value| match value {
            Value::Single(_) => 1,
            Value::Bytes(pieces) => pieces.count(),
        };
        for write in &self.writes {
            match &write.value {
                Value::Single(value) => self.vectors.push(Vector::of(value)),
                Value::Bytes(pieces) => {
                    for (offset, bytes) in pieces.iter() {
                        self.extents.push(Extent { index: offset, count: bytes.len() as u64 });
                        self.vectors.push(Vector::of(bytes));
                    }
                }
            }
        }
        let (mut vectors, mut extents) = (self.vectors.as_mut_slice(), self.extents.as_mut_slice());
        for write in &self.writes {
            let count = parts(&write.value);
            let (own, rest) = std::mem::take(&mut vectors).split_at_mut(count);
            vectors = rest;
            self.lists.push(ScatterGather {
                count: u32::try_from(count).unwrap_or(u32::MAX),
                count_out: 0,
                vectors: own.as_mut_ptr(),
            });
            self.descriptors.push(match &write.value {
                Value::Single(value) => single(write.key.akey(), value.len()),
                Value::Bytes(_) => {
                    let (own, rest) = std::mem::take(&mut extents).split_at_mut(count);
                    extents = rest;
                    array(write.key.akey(), own)
                }
            });
        }
    }
}

/// What was changed and is not written yet.
#[derive(Default)]
pub struct Queue {
    events: Option<Handle>,
    pending: HashMap<Key, Pending>,
    unsent: Vec<Write>,
    unsent_bytes: usize,
    flights: HashMap<usize, Box<Flight>>,
    flight_bytes: usize,
    /// How many writes of arrays are unsent or under way, by object.
    arrays: HashMap<ObjectId, usize>,
    first_failure: Option<Failure>,
}

impl Queue {
    /// Leaves a value to be written.
    pub fn put(&mut self, object: &Rc<Object>, dkey: &[u8], akey: &[u8], value: Vec<u8>) -> Result<()> {
        let key = Key::new(object.id, dkey, akey);
        let value: Rc<[u8]> = value.into();
        self.unsent_bytes += value.len();
        let unsent = self.pending.get_mut(&key).and_then(|pending| {
            pending.value = Some(Rc::clone(&value));
            pending.unsent
        });
        match unsent {
            Some(place) => self.unsent[place].value = Value::Single(value),
            None => self.add(object, key, Value::Single(value)),
        }
        self.send_when_full()
    }

    /// Leaves pieces of an array of bytes to be written: offsets and bytes.
    pub fn put_bytes<'a>(
        &mut self,
        object: &Rc<Object>,
        dkey: &[u8],
        akey: &[u8],
        parts: impl Iterator<Item = (u64, &'a [u8])>,
    ) -> Result<()> {
        let key = Key::new(object.id, dkey, akey);
        let place = match self.pending.get(&key).and_then(|pending| pending.unsent) {
            Some(place) => place,
            None => {
                *self.arrays.entry(object.id).or_default() += 1;
                self.add(object, key, Value::Bytes(Pieces::default()));
                self.unsent.len() - 1
            }
        };
        let mut is_full = false;
        if let Value::Bytes(pieces) = &mut self.unsent[place].value {
            let before = pieces.bytes();
            parts.for_each(|(offset, bytes)| pieces.write(offset, bytes));
            self.unsent_bytes += pieces.bytes() - before;
            is_full = pieces.count() >= PIECES_MAX;
        }
        if is_full { self.send() } else { self.send_when_full() }
    }

    fn add(&mut self, object: &Rc<Object>, key: Key, value: Value) {
        let newest = match &value {
            Value::Single(value) => Some(Rc::clone(value)),
            Value::Bytes(_) => None,
        };
        let pending =
            self.pending.entry(key.clone()).or_insert(Pending { value: None, unsent: None, is_in_flight: false });
        pending.value = newest;
        pending.unsent = Some(self.unsent.len());
        self.unsent.push(Write { object: Rc::clone(object), key, value });
    }

    fn send_when_full(&mut self) -> Result<()> {
        if self.unsent.len() >= UNSENT_MAX || self.unsent_bytes >= UNSENT_BYTES_MAX {
            self.send()?;
            self.take_completions(false)?;
        }
        Ok(())
    }

    /// The newest value under two keys, when it is not written yet.
    pub fn peek(&self, object: ObjectId, dkey: &[u8], akey: &[u8]) -> Option<Rc<[u8]>> {
        if self.pending.is_empty() {
            return None;
        }
        self.pending.get(&Key::new(object, dkey, akey)).and_then(|pending| pending.value.clone())
    }

    /// Whether any of an object's arrays is not written yet.
    pub fn has_bytes(&self, object: ObjectId) -> bool {
        self.arrays.contains_key(&object)
    }

    /// Waits until what was left of an object's arrays is written; errors come with [`Queue::outcome`].
    pub fn settle_bytes(&mut self, object: ObjectId) -> Result<()> {
        if self.arrays.contains_key(&object) {
            self.send()?;
            while self.arrays.contains_key(&object) && !self.flights.is_empty() {
                self.take_completions(true)?;
            }
        }
        Ok(())
    }

    /// Waits until nothing is unsent or under way; what of it failed is said by [`Queue::outcome`].
    pub fn settle(&mut self) -> Result<()> {
        self.send()?;
        self.wait_for_all()
    }

    /// The first error that a change met, from its first time on.
    pub fn outcome(&self) -> Result<()> {
        self.first_failure.clone().map_or(Ok(()), Err)
    }

    /// Takes the first error that a change met, and puts another one in its place.
    pub fn exchange_outcome(&mut self, failure: Option<Failure>) -> Option<Failure> {
        std::mem::replace(&mut self.first_failure, failure)
    }

    /// Notes that a change was lost before it came here.
    pub fn note(&mut self, failure: &Failure) {
        self.first_failure.get_or_insert_with(|| failure.clone());
    }

    fn wait_for_all(&mut self) -> Result<()> {
        while !self.flights.is_empty() {
            self.take_completions(true)?;
        }
        Ok(())
    }

    /// Sends what waits, as one request for each dkey.
    fn send(&mut self) -> Result<()> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        // Two values under the same keys must not overtake each other.
        let is_flying = |write: &Write| self.pending.get(&write.key).is_some_and(|pending| pending.is_in_flight);
        if self.unsent.iter().any(is_flying) {
            self.wait_for_all()?;
        }
        let writes = std::mem::take(&mut self.unsent);
        self.unsent_bytes = 0;
        let mut groups: Vec<Vec<Write>> = Vec::new();
        let mut places: HashMap<(ObjectId, Vec<u8>), usize> = HashMap::new();
        for write in writes {
            if let Some(pending) = self.pending.get_mut(&write.key) {
                pending.unsent = None;
                pending.is_in_flight = true;
            }
            let place = places.entry((write.key.object, write.key.dkey().to_vec())).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[*place].push(write);
        }
        for group in groups {
            self.launch(group)?;
        }
        Ok(())
    }

    fn launch(&mut self, writes: Vec<Write>) -> Result<()> {
        let bytes = writes.iter().map(|write| write.value.length()).sum();
        while self.flights.len() >= FLIGHTS_MAX || self.flight_bytes > 0 && self.flight_bytes + bytes > FLIGHT_BYTES_MAX
        {
            self.take_completions(true)?;
        }
        let queue = match self.events {
            Some(queue) => queue,
            None => *self.events.insert(events::queue()?),
        };
        let mut flight = Box::new(Flight {
            event: Event::EMPTY,
            dkey: Vector::of(writes[0].key.dkey()),
            descriptors: Vec::new(),
            vectors: Vec::new(),
            lists: Vec::new(),
            extents: Vec::new(),
            bytes,
            writes,
        });
        flight.describe();
        events::prepare(&mut flight.event, queue)?;
        let address = std::ptr::from_mut(&mut flight.event);
        let Flight { dkey, descriptors, lists, writes, .. } = flight.as_mut();
        let object = Rc::clone(&writes[0].object);
        // SAFETY: the flight stays in its box, in the table, until its event has completed.
        let started = unsafe { object.start_update(dkey, descriptors, lists, address) };
        match started {
            Ok(()) => {
                self.flight_bytes += bytes;
                self.flights.insert(address as usize, flight);
            }
            Err(failure) => {
                self.land(&mut flight);
                self.first_failure.get_or_insert(failure);
            }
        }
        Ok(())
    }

    fn take_completions(&mut self, wait: bool) -> Result<()> {
        let Some(queue) = self.events else { return Ok(()) };
        let mut completed = [std::ptr::null_mut(); COMPLETIONS];
        let count = events::poll(queue, wait, &mut completed)?;
        if wait && count == 0 {
            return Err(Failure::new(Minor::Internal, "the event queue has lost a request"));
        }
        for event in &completed[..count] {
            let Some(mut flight) = self.flights.remove(&(*event as usize)) else { continue };
            self.flight_bytes -= flight.bytes;
            if let Err(failure) = check("what was written behind was not written", flight.event.error) {
                self.first_failure.get_or_insert(failure);
            }
            self.land(&mut flight);
        }
        Ok(())
    }

    fn land(&mut self, flight: &mut Flight) {
        events::finish(&mut flight.event);
        for write in &flight.writes {
            if matches!(write.value, Value::Bytes(_))
                && let Some(count) = self.arrays.get_mut(&write.key.object)
            {
                *count -= 1;
                if *count == 0 {
                    self.arrays.remove(&write.key.object);
                }
            }
            let Some(pending) = self.pending.get_mut(&write.key) else { continue };
            pending.is_in_flight = false;
            if pending.unsent.is_none() {
                self.pending.remove(&write.key);
            }
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // Who closes a file has settled before; this is for files whose opening failed half-way.
        let _nobody_asks = self.settle();
        if let Some(queue) = self.events {
            events::close(queue);
        }
        // A flight that could not be waited for may still be written to by the library.
        for (_, flight) in self.flights.drain() {
            std::mem::forget(flight);
        }
    }
}
