//! Transfers that go on while the program does: each is started, and whoever wants to know waits for it.
//!
//! Those of one object follow each other where one of them writes; others run at the same time. Requests of all of them are bounded: more are sent
//! when some have completed, whenever anything about the file is done or waited for.

use super::events;
use super::object::Object;
use super::transfers::{Direction, Flight, RANGES_MAX, Request};
use super::types::{Event, Handle, ObjectId, Range};
use crate::failure::{Failure, Minor, Result};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// Requests under way, and their bytes.
const FLIGHTS_MAX: usize = 64;
const FLIGHT_BYTES_MAX: usize = 64 << 20;
/// Transfers that wait or are under way; one more waits for the first of them.
const OPERATIONS_MAX: usize = 4096;
/// Completions that one look takes.
const COMPLETIONS: usize = 32;

/// What is done with what a read has not found.
pub type Finish = Box<dyn FnOnce(Vec<(usize, Range)>)>;

/// A transfer that was started.
pub struct Operation {
    id: ObjectId,
    /// Open until it is done: who keeps it to know what came of it does not keep the container open.
    object: RefCell<Option<Rc<Object>>>,
    akey: &'static [u8],
    direction: Direction,
    requests: Vec<Request>,
    /// Memory that the requests lead to, where it is not the program's.
    _kept: Vec<u8>,
    /// The request and the range that is sent next.
    next: Cell<(usize, usize)>,
    under_way: Cell<usize>,
    outcome: RefCell<Result<()>>,
    holes: RefCell<Vec<(usize, Range)>>,
    finish: RefCell<Option<Finish>>,
    is_done: Cell<bool>,
}

impl Operation {
    /// One that is not started yet.
    ///
    /// # Safety
    /// The memory of all ranges is there until it is done, and nobody else's while it is written.
    pub unsafe fn new(
        object: &Rc<Object>,
        akey: &'static [u8],
        requests: Vec<Request>,
        direction: Direction,
        kept: Vec<u8>,
        finish: Option<Finish>,
    ) -> Rc<Self> {
        Rc::new(Self {
            id: object.id,
            object: RefCell::new(Some(Rc::clone(object))),
            akey,
            direction,
            requests,
            _kept: kept,
            next: Cell::new((0, 0)),
            under_way: Cell::new(0),
            outcome: RefCell::new(Ok(())),
            holes: RefCell::default(),
            finish: RefCell::new(finish),
            is_done: Cell::new(false),
        })
    }

    /// The object whose bytes it moves.
    pub fn object(&self) -> ObjectId {
        self.id
    }

    /// Whether nothing of it is under way any more.
    pub fn is_done(&self) -> bool {
        self.is_done.get()
    }

    /// What came of it.
    pub fn outcome(&self) -> Result<()> {
        self.outcome.borrow().clone()
    }

    fn follows(&self, earlier: &Self) -> bool {
        let both_read = self.direction == Direction::Read && earlier.direction == Direction::Read;
        self.id == earlier.id && !both_read
    }

    /// The ranges that are sent next, and the number of their request.
    fn take_next(&self) -> Option<(usize, &[Range])> {
        loop {
            let (number, at) = self.next.get();
            let request = self.requests.get(number)?;
            let end = request.ranges.len().min(at + RANGES_MAX);
            if at < end {
                self.next.set((number, end));
                return Some((number, &request.ranges[at..end]));
            }
            self.next.set((number + 1, 0));
        }
    }

    fn has_next(&self) -> bool {
        let (number, at) = self.next.get();
        self.requests.get(number..).is_some_and(|rest| {
            rest.iter().enumerate().any(|(place, request)| request.ranges.len() > if place == 0 { at } else { 0 })
        })
    }

    fn fail(&self, failure: Failure) {
        let mut outcome = self.outcome.borrow_mut();
        if outcome.is_ok() {
            *outcome = Err(failure);
        }
        self.next.set((self.requests.len(), 0));
    }

    /// Ends it when nothing of it is left.
    fn end(&self) -> bool {
        if self.under_way.get() > 0 || self.has_next() {
            return false;
        }
        let finish = self.finish.borrow_mut().take();
        if let Some(finish) = finish
            && self.outcome.borrow().is_ok()
        {
            finish(self.holes.take());
        }
        *self.object.borrow_mut() = None;
        self.is_done.set(true);
        true
    }
}

/// A request under way, and what keeps alive all that its pointers lead to.
struct Sent {
    flight: Box<Flight<'static>>,
    operation: Rc<Operation>,
    object: Rc<Object>,
}

impl Sent {
    /// Ends a request of which nothing is under way any more.
    fn land(self) {
        let Self { mut flight, operation, object } = self;
        events::finish(&mut flight.event);
        operation.under_way.set(operation.under_way.get() - 1);
        let error = flight.event.error;
        let mut missing = |number, range| operation.holes.borrow_mut().push((number, range));
        let landed = flight.land(&object, operation.direction, error, &mut missing);
        if let Err(failure) = landed {
            operation.fail(failure);
        }
    }
}

/// Those of a file that are not done.
#[derive(Default)]
pub struct Background {
    events: Option<Handle>,
    operations: VecDeque<Rc<Operation>>,
    sent: HashMap<usize, Sent>,
    bytes: usize,
    /// The first error of a write, until somebody takes it.
    failure: Option<Failure>,
}

impl Background {
    /// Starts one. After an error nothing of it is under way; what comes later the operation tells.
    pub fn start(&mut self, operation: Rc<Operation>) -> Result<()> {
        if self.events.is_none() {
            self.events = Some(events::queue()?);
        }
        while self.operations.len() >= OPERATIONS_MAX {
            self.go_on(true)?;
        }
        self.operations.push_back(operation);
        // An error of this look has ended every operation with it.
        let _told_by_each = self.go_on(false);
        Ok(())
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Waits for those of an object.
    pub fn finish_object(&mut self, object: ObjectId) -> Result<()> {
        while self.operations.iter().any(|operation| operation.id == object) {
            self.go_on(true)?;
        }
        Ok(())
    }

    /// Waits for all.
    pub fn finish_all(&mut self) -> Result<()> {
        while !self.operations.is_empty() {
            self.go_on(true)?;
        }
        Ok(())
    }

    /// Sends what there is room for, and takes completions, of which it waits for one when asked to.
    pub fn go_on(&mut self, wait: bool) -> Result<()> {
        self.send();
        if self.sent.is_empty() {
            return Ok(());
        }
        let Some(queue) = self.events else { return Ok(()) };
        let mut completed = [std::ptr::null_mut(); COMPLETIONS];
        let count = match events::poll(queue, wait, &mut completed) {
            Ok(0) if wait => return Err(self.lose(Failure::new(Minor::Internal, "the event queue has lost a request"))),
            Ok(count) => count,
            Err(failure) => return Err(self.lose(failure)),
        };
        for event in &completed[..count] {
            self.land(*event);
        }
        self.sweep();
        self.send();
        Ok(())
    }

    fn land(&mut self, event: *mut Event) {
        if let Some(sent) = self.sent.remove(&(event as usize)) {
            self.bytes -= sent.flight.bytes;
            sent.land();
        }
    }

    fn sweep(&mut self) {
        let failure = &mut self.failure;
        self.operations.retain(|operation| {
            let has_ended = operation.end();
            if has_ended
                && operation.direction == Direction::Write
                && let Err(error) = operation.outcome()
            {
                failure.get_or_insert(error);
            }
            !has_ended
        });
    }

    /// Takes the first error of a write since the last time: what was not written stays unwritten, whoever has heard of it.
    pub fn take_failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    fn send(&mut self) {
        let Some(queue) = self.events else { return };
        let mut place = 0;
        while let Some(operation) = self.operations.get(place).cloned() {
            place += 1;
            if self.operations.iter().take(place - 1).any(|earlier| operation.follows(earlier)) {
                continue;
            }
            while self.sent.len() < FLIGHTS_MAX && self.bytes < FLIGHT_BYTES_MAX {
                let Some((number, ranges)) = operation.take_next() else { break };
                if let Err(failure) = self.launch(queue, &operation, number, ranges) {
                    operation.fail(failure);
                }
            }
        }
        self.sweep();
    }

    fn launch(&mut self, queue: Handle, operation: &Rc<Operation>, number: usize, ranges: &[Range]) -> Result<()> {
        let Some(object) = operation.object.borrow().clone() else { return Ok(()) };
        let dkey = &operation.requests[number].dkey;
        let flight = Flight::new(operation.akey, operation.direction, number, dkey, ranges);
        // SAFETY: the ranges lie in the operation, which does not change and is kept with the flight.
        let mut flight = unsafe { std::mem::transmute::<Box<Flight<'_>>, Box<Flight<'static>>>(flight) };
        events::prepare(&mut flight.event, queue)?;
        let address = std::ptr::from_mut(&mut flight.event);
        let result = flight.call(&object, operation.direction, address)?;
        if result != 0 {
            events::finish(&mut flight.event);
            return flight.land(&object, operation.direction, result, &mut |_, _| {});
        }
        self.bytes += flight.bytes;
        operation.under_way.set(operation.under_way.get() + 1);
        self.sent.insert(address as usize, Sent { flight, operation: Rc::clone(operation), object });
        Ok(())
    }

    /// The queue does not tell what has ended: each request is waited for by itself, as programs use their memory again when they have heard of an
    /// error. Nothing more is sent, and all operations end, each with its outcome.
    fn lose(&mut self, failure: Failure) -> Failure {
        for (_, mut sent) in self.sent.drain() {
            if events::wait(&mut sent.flight.event).is_ok() {
                sent.land();
            } else {
                sent.operation.fail(failure.clone());
                sent.operation.under_way.set(sent.operation.under_way.get() - 1);
                // The library may still use it.
                std::mem::forget(sent);
            }
        }
        self.bytes = 0;
        for operation in self.operations.iter().filter(|operation| operation.has_next()) {
            operation.fail(failure.clone());
        }
        self.sweep();
        if let Some(queue) = self.events.take() {
            events::close(queue);
        }
        failure
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Who closes a file has waited before.
        let _nobody_asks = self.finish_all();
        if let Some(queue) = self.events {
            events::close(queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(number: u64, requests: usize) -> Rc<Operation> {
        let object = Object::closed(ObjectId { low: number, high: 0 });
        let range = Range { offset: 0, memory: std::ptr::null_mut(), length: 0 };
        let requests = (0..requests).map(|_| Request { dkey: b"d".to_vec(), ranges: vec![range] }).collect();
        // SAFETY: the range has no bytes.
        unsafe { Operation::new(&Rc::new(object), b"b", requests, Direction::Write, Vec::new(), None) }
    }

    /// As if the first request were sent to a queue that no library has.
    fn send(background: &mut Background, operation: &Rc<Operation>) {
        background.events = Some(Handle::NONE);
        background.operations.push_back(Rc::clone(operation));
        let (number, _) = operation.take_next().expect("it has a request");
        let mut flight = Flight::new(b"b", Direction::Write, number, b"d", &[]);
        let object = operation.object.borrow().clone().expect("it is not done");
        operation.under_way.set(operation.under_way.get() + 1);
        let address = std::ptr::from_mut(&mut flight.event) as usize;
        background.sent.insert(address, Sent { flight, operation: Rc::clone(operation), object });
    }

    /// Once they stayed in the table when asking the queue had failed: the call that had started one of them gave an error while the library was
    /// still at work, and who waited for one for ever was told that it goes on, and not why it does not.
    #[test]
    fn a_queue_that_fails_ends_all_operations_and_each_tells_why() {
        let mut background = Background::default();
        let (sent, unsent, late) = (operation(1, 2), operation(2, 1), operation(3, 1));
        send(&mut background, &sent);
        background.operations.push_back(Rc::clone(&unsent));
        assert!(background.start(Rc::clone(&late)).is_ok());
        for operation in [&sent, &unsent, &late] {
            assert!(operation.is_done() && operation.outcome().is_err());
            assert!(operation.object.borrow().is_none(), "it keeps its object open");
        }
        assert!(background.is_empty() && background.sent.is_empty());
        assert!(background.go_on(true).is_ok() && background.finish_all().is_ok());
        assert!(background.take_failure().is_some(), "the close of the file tells it, too");
    }
}
