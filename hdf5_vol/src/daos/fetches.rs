//! Many values at a time: requests go out without waiting for the answers of those before them.

use super::library::daos;
use super::object::{Object, single};
use super::types::{Descriptor, Event, Handle, ScatterGather, Vector};
use super::{check, events, number};
use crate::failure::{Failure, Minor, Result};
use std::collections::HashMap;

/// Requests under way.
const FLIGHTS_MAX: usize = 64;

/// One request. The event comes first: its address is that of the request.
#[repr(C)]
struct Flight {
    event: Event,
    number: usize,
    key: Vector,
    descriptor: Descriptor,
    list: ScatterGather,
    vector: Vector,
    bytes: Vec<u8>,
}

/// Requests under way, by their addresses, and what came of the others.
struct Flights<'a> {
    /// Objects and dkeys.
    places: &'a [(&'a Object, &'a [u8])],
    akey: &'a [u8],
    /// Room for each value; a longer one is fetched again by itself.
    room: usize,
    queue: Handle,
    under_way: HashMap<usize, Box<Flight>>,
    values: Vec<Option<Vec<u8>>>,
}

/// The single values under an akey of many dkeys, in the same order; none where there is none. Most have no more bytes than the room.
pub fn fetch_all(object: &Object, dkeys: &[Vec<u8>], akey: &[u8], room: usize) -> Result<Vec<Option<Vec<u8>>>> {
    let places: Vec<_> = dkeys.iter().map(|dkey| (object, dkey.as_slice())).collect();
    fetch_each(&places, akey, room)
}

/// The same of dkeys of several objects.
pub fn fetch_each(places: &[(&Object, &[u8])], akey: &[u8], room: usize) -> Result<Vec<Option<Vec<u8>>>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    if let [(object, dkey)] = places {
        return Ok(vec![object.fetch(dkey, akey)?]);
    }
    let queue = events::queue()?;
    let values = vec![None; places.len()];
    let mut flights = Flights { places, akey, room, queue, under_way: HashMap::new(), values };
    let mut result = Ok(());
    for number in 0..places.len() {
        result = flights.launch(number).and_then(|()| flights.wait_for(FLIGHTS_MAX - 1));
        if result.is_err() {
            break;
        }
    }
    // Also after an error: the library still writes to what is under way.
    let landed = flights.wait_for(0);
    if flights.under_way.is_empty() {
        events::close(queue);
    }
    for (_, flight) in flights.under_way.drain() {
        std::mem::forget(flight);
    }
    result.and(landed)?;
    Ok(flights.values)
}

impl Flights<'_> {
    fn launch(&mut self, number: usize) -> Result<()> {
        let (object, dkey) = self.places[number];
        let mut flight = Box::new(Flight {
            event: Event::EMPTY,
            number,
            key: Vector::of(dkey),
            descriptor: single(self.akey, 0),
            list: ScatterGather { count: 1, count_out: 0, vectors: std::ptr::null_mut() },
            vector: Vector::of(&[]),
            bytes: vec![0; self.room],
        });
        events::prepare(&mut flight.event, self.queue)?;
        let Flight { event, key, descriptor, list, vector, bytes, .. } = flight.as_mut();
        *vector = Vector::into(bytes);
        list.vectors = vector;
        let address = std::ptr::from_mut(event);
        // SAFETY: the flight stays in its box, in the table, until its event has completed, and the keys are the caller's for as long.
        let result = unsafe {
            daos()?.fetch(object.handle(), object.seen(), 0, key, 1, descriptor, list, std::ptr::null_mut(), address)
        };
        if result != 0 {
            events::finish(&mut flight.event);
            return check("cannot read a value", result);
        }
        self.under_way.insert(address as usize, flight);
        Ok(())
    }

    /// Waits until no more than so many are under way.
    fn wait_for(&mut self, count: usize) -> Result<()> {
        let mut result = Ok(());
        while self.under_way.len() > count {
            let mut completed = [std::ptr::null_mut(); FLIGHTS_MAX];
            let found = events::poll(self.queue, true, &mut completed)?;
            if found == 0 {
                return Err(Failure::new(Minor::Internal, "the event queue has lost a request"));
            }
            for event in &completed[..found] {
                let Some(mut flight) = self.under_way.remove(&(*event as usize)) else { continue };
                events::finish(&mut flight.event);
                let taken = self.take(*flight);
                result = result.and(taken);
            }
        }
        result
    }

    fn take(&mut self, flight: Flight) -> Result<()> {
        let Flight { event, number, descriptor, mut bytes, .. } = flight;
        let size = usize::try_from(descriptor.size).unwrap_or(usize::MAX);
        self.values[number] = if event.error == number::RECORD_TOO_BIG || size > bytes.len() {
            let (object, dkey) = self.places[number];
            object.fetch(dkey, self.akey)?
        } else {
            check("cannot read a value", event.error)?;
            bytes.truncate(size);
            (size > 0).then_some(bytes)
        };
        Ok(())
    }
}
