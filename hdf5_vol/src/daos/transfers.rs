//! Pieces of arrays of bytes under many dkeys, to and from the caller's memory: requests go out without waiting for those before them.

use super::library::daos;
use super::object::{Object, array};
use super::types::{Descriptor, Event, Extent, ExtentMap, Handle, Range, ScatterGather, Vector};
use super::{check, events};
use crate::failure::{Failure, Minor, Result};
use std::collections::HashMap;

/// Ranges in one request: what the store takes as one.
pub const RANGES_MAX: usize = 4096;
/// Requests under way, and their bytes. The bytes stay where they are, but engines have room for them.
const FLIGHTS_MAX: usize = 64;
const FLIGHT_BYTES_MAX: usize = 64 << 20;
/// Completions that one look takes.
const COMPLETIONS: usize = 16;
/// More parts that a read may find than it has ranges, before it is asked again with more room.
const PARTS_MORE: usize = 16;

/// What is moved under one dkey. Ranges do not overlap.
pub struct Request {
    pub dkey: Vec<u8>,
    pub ranges: Vec<Range>,
}

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Read,
    Write,
}

/// One request. The event comes first: its address is that of the flight.
#[repr(C)]
pub struct Flight<'a> {
    pub event: Event,
    dkey: Vector,
    descriptor: Descriptor,
    list: ScatterGather,
    map: ExtentMap,
    vectors: Vec<Vector>,
    extents: Vec<Extent>,
    found: Vec<Extent>,
    number: usize,
    ranges: &'a [Range],
    pub bytes: usize,
}

/// An event queue for calls that wait for all that they start.
pub struct Transfers {
    events: Option<Handle>,
}

/// Called for each range, or part of one, that a read has not found: the number of the request, the range.
pub type Missing<'a> = &'a mut dyn FnMut(usize, Range);

struct Call<'a, 'b> {
    object: &'a Object,
    direction: Direction,
    under_way: HashMap<usize, Box<Flight<'a>>>,
    bytes: usize,
    missing: Missing<'b>,
}

impl Transfers {
    pub const fn new() -> Self {
        Self { events: None }
    }

    /// Moves the bytes of all requests, and tells what a read has not found, whose memory it did not touch.
    ///
    /// # Safety
    /// The ranges' memory is there, and nobody else's while it is written.
    pub unsafe fn run(
        &mut self,
        object: &Object,
        akey: &[u8],
        requests: &[Request],
        direction: Direction,
        missing: Missing<'_>,
    ) -> Result<()> {
        let mut call = Call { object, direction, under_way: HashMap::new(), bytes: 0, missing };
        let count: usize = requests.iter().map(|request| request.ranges.len().div_ceil(RANGES_MAX)).sum();
        let mut result = Ok(());
        if count > 1 && self.events.is_none() {
            self.events = Some(events::queue()?);
        }
        let queue = self.events.filter(|_| count > 1);
        'all: for (number, request) in requests.iter().enumerate() {
            for ranges in request.ranges.chunks(RANGES_MAX) {
                let flight = Flight::new(akey, direction, number, &request.dkey, ranges);
                result = match queue {
                    None => call.wait(flight),
                    Some(queue) => call.make_room(queue, flight.bytes).and_then(|()| call.launch(queue, flight)),
                };
                if result.is_err() {
                    break 'all;
                }
            }
        }
        if let Some(queue) = queue {
            // Also after an error: the library still uses the memory of what is under way.
            while result.is_ok() && !call.under_way.is_empty() {
                result = call.take_completions(queue);
            }
            while !call.under_way.is_empty() && call.take_completions(queue).is_ok() {}
            if !call.under_way.is_empty() {
                self.events = None;
            }
        }
        for (_, flight) in call.under_way.drain() {
            std::mem::forget(flight);
        }
        result
    }
}

impl Drop for Transfers {
    fn drop(&mut self) {
        if let Some(queue) = self.events {
            events::close(queue);
        }
    }
}

impl<'a> Flight<'a> {
    /// A request that is not sent yet.
    pub fn new(akey: &[u8], direction: Direction, number: usize, dkey: &[u8], ranges: &'a [Range]) -> Box<Self> {
        let extents = ranges.iter().map(|range| Extent { index: range.offset, count: range.length as u64 }).collect();
        let vectors = ranges
            .iter()
            .map(|range| Vector { buffer: range.memory.cast(), room: range.length, length: range.length })
            .collect();
        let mut flight = Box::new(Flight {
            event: Event::EMPTY,
            dkey: Vector::of(dkey),
            descriptor: array(akey, &mut []),
            list: ScatterGather { count: 0, count_out: 0, vectors: std::ptr::null_mut() },
            map: ExtentMap::EMPTY,
            vectors,
            extents,
            found: Vec::new(),
            number,
            ranges,
            bytes: ranges.iter().map(|range| range.length).sum(),
        });
        let Flight { descriptor, list, vectors, extents, .. } = flight.as_mut();
        *descriptor = array(akey, extents);
        *list = ScatterGather { count: descriptor.count, count_out: 0, vectors: vectors.as_mut_ptr() };
        if direction == Direction::Read {
            flight.make_map(ranges.len() + PARTS_MORE);
        }
        flight
    }

    /// Starts its call, or makes it and waits when there is no event.
    pub fn call(&mut self, object: &Object, direction: Direction, event: *mut Event) -> Result<i32> {
        let (handle, daos) = (object.handle(), daos()?);
        let Flight { dkey, descriptor, list, map, .. } = self;
        // SAFETY: the memory is as the caller of `run` promises, and the flight stays in its box until its event has completed.
        Ok(unsafe {
            match direction {
                Direction::Write => daos.update(handle, Handle::NONE, 0, dkey, 1, descriptor, list, event),
                Direction::Read => {
                    let map = std::ptr::from_mut(map).cast();
                    daos.fetch(handle, object.seen(), 0, dkey, 1, descriptor, list, map, event)
                }
            }
        })
    }

    /// Ends a request: a read tells what it has not found.
    pub fn land(&mut self, object: &Object, direction: Direction, result: i32, missing: Missing<'_>) -> Result<()> {
        match direction {
            Direction::Write => check("cannot write data", result),
            Direction::Read => {
                check("cannot read data", result)?;
                // Many small parts of what was written one by one: once more, with room for the list of them.
                while self.map.count_out as usize > self.found.len() {
                    let room = self.map.count_out as usize + PARTS_MORE;
                    self.make_map(room);
                    let again = self.call(object, direction, std::ptr::null_mut())?;
                    check("cannot read data", again)?;
                }
                let count = if self.descriptor.size == 0 { 0 } else { self.map.count_out as usize };
                let Flight { found, ranges, number, .. } = self;
                not_found(ranges, &mut found[..count], |range| missing(*number, range));
                Ok(())
            }
        }
    }

    fn make_map(&mut self, room: usize) {
        self.found = vec![Extent { index: 0, count: 0 }; room];
        self.map = ExtentMap::into(&mut self.found);
    }
}

impl<'a> Call<'a, '_> {
    fn launch(&mut self, queue: Handle, mut flight: Box<Flight<'a>>) -> Result<()> {
        events::prepare(&mut flight.event, queue)?;
        let address = std::ptr::from_mut(&mut flight.event);
        let result = flight.call(self.object, self.direction, address)?;
        if result != 0 {
            events::finish(&mut flight.event);
            return flight.land(self.object, self.direction, result, self.missing);
        }
        self.bytes += flight.bytes;
        self.under_way.insert(address as usize, flight);
        Ok(())
    }

    fn wait(&mut self, mut flight: Box<Flight<'a>>) -> Result<()> {
        let result = flight.call(self.object, self.direction, std::ptr::null_mut())?;
        flight.land(self.object, self.direction, result, self.missing)
    }

    fn make_room(&mut self, queue: Handle, bytes: usize) -> Result<()> {
        while self.under_way.len() >= FLIGHTS_MAX || self.bytes > 0 && self.bytes + bytes > FLIGHT_BYTES_MAX {
            self.take_completions(queue)?;
        }
        Ok(())
    }

    /// Waits for some, and gives the first error among them.
    fn take_completions(&mut self, queue: Handle) -> Result<()> {
        let mut completed = [std::ptr::null_mut(); COMPLETIONS];
        let count = events::poll(queue, true, &mut completed)?;
        if count == 0 {
            return Err(Failure::new(Minor::Internal, "the event queue has lost a request"));
        }
        let mut result = Ok(());
        for event in &completed[..count] {
            let Some(mut flight) = self.under_way.remove(&(*event as usize)) else { continue };
            self.bytes -= flight.bytes;
            events::finish(&mut flight.event);
            let error = flight.event.error;
            let landed = flight.land(self.object, self.direction, error, self.missing);
            result = result.and(landed);
        }
        result
    }
}

/// Gives the parts of ranges that are in none of the extents that were found.
fn not_found(ranges: &[Range], found: &mut [Extent], mut give: impl FnMut(Range)) {
    let covers = |range: &Range, extent: &Extent| extent.index == range.offset && extent.count == range.length as u64;
    if ranges.len() == found.len() && ranges.iter().zip(found.iter()).all(|(range, extent)| covers(range, extent)) {
        return;
    }
    found.sort_unstable_by_key(|extent| extent.index);
    for range in ranges {
        let end = range.offset + range.length as u64;
        let mut at = range.offset;
        let first = found.partition_point(|extent| extent.index + extent.count <= at);
        let mut hole = |from: u64, to: u64| {
            if from < to {
                // SAFETY: the part lies in the range, whose memory is there.
                let memory = unsafe { range.memory.add((from - range.offset) as usize) };
                give(Range { offset: from, memory, length: (to - from) as usize });
            }
        };
        for extent in found[first..].iter().take_while(|extent| extent.index < end) {
            hole(at, extent.index);
            at = at.max(extent.index + extent.count);
        }
        hole(at, end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The holes that are found, compared with a plain walk over all bytes.
    #[test]
    fn what_is_not_found_is_told() {
        let mut memory = [0_u8; 64];
        let mut seed = 1_u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for _ in 0..2000 {
            let mut at = next(5);
            let (mut ranges, mut found, mut expected) = (Vec::new(), Vec::new(), Vec::new());
            while at < 60 {
                let length = (next(9) + 1).min(64 - at);
                // SAFETY: inside of the array.
                let place = unsafe { memory.as_mut_ptr().add(at as usize) };
                ranges.push(Range { offset: at, memory: place, length: length as usize });
                let mut byte = at;
                while byte < at + length {
                    let run = (next(4) + 1).min(at + length - byte);
                    if next(2) == 0 {
                        found.push(Extent { index: byte, count: run });
                    } else {
                        expected.extend(byte..byte + run);
                    }
                    byte += run;
                }
                at += length + next(6);
            }
            ranges.reverse();
            let mut holes = Vec::new();
            not_found(&ranges, &mut found, |range| {
                assert_eq!(range.memory as usize - memory.as_ptr() as usize, range.offset as usize);
                holes.extend(range.offset..range.offset + range.length as u64);
            });
            holes.sort_unstable();
            assert_eq!(holes, expected, "{ranges:?} {found:?}");
        }
    }
}
