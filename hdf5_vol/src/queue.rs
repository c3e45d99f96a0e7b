//! Metadata is written behind: a call that changes it leaves its values here and goes on.
//!
//! Values wait to be sent until there are some, so that several values under one dkey are one request, and a value that is replaced
//! before it was sent is never sent at all. Reads look here first ([`Queue::peek`]). Nothing of it is promised to be durable before
//! [`Queue::settle`], which is what a flush and a close of the file do, and which gives the first error that any of it met.

use crate::daos::{Descriptor, Event, Handle, Object, ObjectId, ScatterGather, Vector, check, events, single};
use crate::failure::{Failure, Minor, Result};
use std::collections::HashMap;
use std::rc::Rc;

/// Values that wait before they are sent, and their bytes: enough that a group's header and its link, or the attributes of an object, meet,
/// and few enough that the engine has something to do while the program goes on.
const UNSENT_MAX: usize = 32;
const UNSENT_BYTES_MAX: usize = 256 << 10;
/// Requests under way. More wait for one of them, so memory has a bound.
const FLIGHTS_MAX: usize = 128;
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

/// A value that is not written yet.
struct Pending {
    value: Rc<[u8]>,
    /// Where it waits to be sent.
    unsent: Option<usize>,
    is_in_flight: bool,
}

struct Write {
    object: Rc<Object>,
    key: Key,
    value: Rc<[u8]>,
}

/// A request under way. The event comes first: its address is that of the flight.
#[repr(C)]
struct Flight {
    event: Event,
    dkey: Vector,
    descriptors: Vec<Descriptor>,
    lists: Vec<ScatterGather>,
    vectors: Vec<Vector>,
    /// Keeps alive what the pointers above lead to.
    writes: Vec<Write>,
}

/// What was changed and is not written yet.
#[derive(Default)]
pub struct Queue {
    events: Option<Handle>,
    pending: HashMap<Key, Pending>,
    unsent: Vec<Write>,
    unsent_bytes: usize,
    flights: HashMap<usize, Box<Flight>>,
    first_failure: Option<Failure>,
}

impl Queue {
    /// Leaves a value to be written.
    pub fn put(&mut self, object: &Rc<Object>, dkey: &[u8], akey: &[u8], value: Vec<u8>) -> Result<()> {
        let key = Key::new(object.id, dkey, akey);
        let value: Rc<[u8]> = value.into();
        self.unsent_bytes += value.len();
        let place = self.unsent.len();
        match self.pending.get_mut(&key) {
            Some(pending) => {
                pending.value = Rc::clone(&value);
                if let Some(place) = pending.unsent {
                    self.unsent[place].value = value;
                    return Ok(());
                }
                pending.unsent = Some(place);
            }
            None => {
                let pending = Pending { value: Rc::clone(&value), unsent: Some(place), is_in_flight: false };
                self.pending.insert(key.clone(), pending);
            }
        }
        self.unsent.push(Write { object: Rc::clone(object), key, value });
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
        self.pending.get(&Key::new(object, dkey, akey)).map(|pending| Rc::clone(&pending.value))
    }

    /// Waits until all is written, and gives the first error since the last time.
    pub fn settle(&mut self) -> Result<()> {
        self.send()?;
        self.wait_for_all()?;
        self.first_failure.take().map_or(Ok(()), Err)
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
        while self.flights.len() >= FLIGHTS_MAX {
            self.take_completions(true)?;
        }
        let queue = match self.events {
            Some(queue) => queue,
            None => *self.events.insert(events::queue()?),
        };
        let mut flight = Box::new(Flight {
            event: Event::EMPTY,
            dkey: Vector::of(writes[0].key.dkey()),
            descriptors: writes.iter().map(|write| single(write.key.akey(), write.value.len())).collect(),
            vectors: writes.iter().map(|write| Vector::of(&write.value)).collect(),
            lists: Vec::new(),
            writes,
        });
        let Flight { vectors, lists, .. } = flight.as_mut();
        lists.extend(vectors.iter_mut().map(|vector| ScatterGather { count: 1, count_out: 0, vectors: vector }));
        events::prepare(&mut flight.event, queue)?;
        let address = std::ptr::from_mut(&mut flight.event);
        let Flight { dkey, descriptors, lists, writes, .. } = flight.as_mut();
        let object = Rc::clone(&writes[0].object);
        // SAFETY: the flight stays in its box, in the table, until its event has completed.
        let started = unsafe { object.start_update(dkey, descriptors, lists, address) };
        match started {
            Ok(()) => {
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
            if let Err(failure) = check("metadata was not written", flight.event.error) {
                self.first_failure.get_or_insert(failure);
            }
            self.land(&mut flight);
        }
        Ok(())
    }

    fn land(&mut self, flight: &mut Flight) {
        events::finish(&mut flight.event);
        for write in &flight.writes {
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
