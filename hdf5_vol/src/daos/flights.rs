//! Requests that go out without waiting for the answers of those before them.

use super::events;
use super::types::{Event, Handle};
use crate::failure::{Failure, Minor, Result};
use std::collections::HashMap;
use std::ffi::c_int;

/// Requests under way.
const FLIGHTS_MAX: usize = 64;

/// One request. The event comes first: its address is that of the request.
#[repr(C)]
struct Flight<T> {
    event: Event,
    load: T,
}

/// Requests under way, by their addresses.
struct Flights<T> {
    queue: Handle,
    under_way: HashMap<usize, Box<Flight<T>>>,
}

/// Makes as many requests as are wanted: `load` gives what one needs that must stay where it is until it has ended, `start` begins it and gives the library's
/// number, and `land` gets its own number once it has ended. The first error ends it, after what is under way.
pub fn fly<T>(
    count: usize,
    mut load: impl FnMut(usize) -> T,
    mut start: impl FnMut(&mut T, *mut Event) -> Result<()>,
    mut land: impl FnMut(T, c_int) -> Result<()>,
) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    let mut flights = Flights { queue: events::queue()?, under_way: HashMap::new() };
    let mut result = Ok(());
    for number in 0..count {
        result = flights.launch(load(number), &mut start).and_then(|()| flights.wait_for(FLIGHTS_MAX - 1, &mut land));
        if result.is_err() {
            break;
        }
    }
    // Also after an error: the library still writes to what is under way.
    let landed = flights.wait_for(0, &mut land);
    if flights.under_way.is_empty() {
        events::close(flights.queue);
    }
    for (_, flight) in flights.under_way.drain() {
        std::mem::forget(flight);
    }
    result.and(landed)
}

impl<T> Flights<T> {
    fn launch(&mut self, load: T, start: &mut impl FnMut(&mut T, *mut Event) -> Result<()>) -> Result<()> {
        let mut flight = Box::new(Flight { event: Event::EMPTY, load });
        events::prepare(&mut flight.event, self.queue)?;
        let address = &raw mut flight.event;
        if let Err(failure) = start(&mut flight.load, address) {
            events::finish(&mut flight.event);
            return Err(failure);
        }
        self.under_way.insert(address as usize, flight);
        Ok(())
    }

    /// Waits until no more than so many are under way.
    fn wait_for(&mut self, count: usize, land: &mut impl FnMut(T, c_int) -> Result<()>) -> Result<()> {
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
                let Flight { event, load } = *flight;
                result = result.and(land(load, event.error));
            }
        }
        result
    }
}
