//! What a call does inside the context, and how its result comes out of it.

use super::{Ending, WorkId, lock};
use crate::Client;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};
use std::thread;

/// A result, or the payload of a panic, on its way from the thread that drives to the one that waits.
pub(super) type Outcome<T> = Mutex<Option<thread::Result<T>>>;

/// Work that was started, until its result was taken.
pub struct Started<T> {
    id: WorkId,
    outcome: Arc<Outcome<T>>,
}

impl<T> Started<T> {
    pub(super) fn new(id: WorkId, outcome: Arc<Outcome<T>>) -> Started<T> {
        Started { id, outcome }
    }

    /// What to drive for.
    pub fn id(&self) -> WorkId {
        self.id
    }

    /// The result, or the payload of a panic, once it is there; then never again.
    pub fn take(&self) -> Option<thread::Result<T>> {
        lock(&self.outcome).take()
    }
}

/// A future with what tells of its end. An `async` block would have room for the future twice, and copy it.
pub(super) struct Tracked<F> {
    future: F,
    _ending: Ending,
}

impl<F> Tracked<F> {
    pub fn new(future: F, ending: Ending) -> Tracked<F> {
        Tracked { future, _ending: ending }
    }
}

impl<F: Future<Output = ()>> Future for Tracked<F> {
    type Output = ();
    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<()> {
        // SAFETY: the future is not moved until it is dropped in its place.
        unsafe { self.map_unchecked_mut(|this| &mut this.future) }.poll(context)
    }
}

/// What a call does, as a future: first the closure that makes the call's own future, then that one, in the same place. A panic of
/// either is a result.
pub enum Work<W, F> {
    /// Not begun.
    Begin(Option<(W, Client)>),
    /// Under way.
    Run(F),
    /// It has given its result.
    Ended,
}

impl<W, F> Work<W, F>
where
    W: FnOnce(Client) -> F,
    F: Future,
{
    /// Work that begins when it is polled first.
    pub fn new(work: W, client: Client) -> Work<W, F> {
        Work::Begin(Some((work, client)))
    }

    fn go_on(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<F::Output> {
        // SAFETY: nothing pinned is moved: the future is made in its place, and dropped there.
        let this = unsafe { self.get_unchecked_mut() };
        if let Work::Begin(begin) = this {
            let (work, client) = begin.take().expect("a closure that panicked is not called again");
            *this = Work::Run(work(client));
        }
        match this {
            // SAFETY: as above.
            Work::Run(future) => unsafe { Pin::new_unchecked(future) }.poll(context),
            _ => unreachable!("work is not polled after its end"),
        }
    }
}

impl<W, F> Future for Work<W, F>
where
    W: FnOnce(Client) -> F,
    F: Future,
{
    type Output = thread::Result<F::Output>;
    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<thread::Result<F::Output>> {
        let result = match catch_unwind(AssertUnwindSafe(|| self.as_mut().go_on(context))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(payload) => Err(payload),
        };
        // What the work holds goes before anybody hears of its end.
        self.set(Work::Ended);
        Poll::Ready(result)
    }
}

/// Work whose result goes to a thread that waits.
pub(super) struct Told<W, F: Future> {
    work: Work<W, F>,
    outcome: Arc<Outcome<F::Output>>,
}

impl<W, F: Future> Told<W, F> {
    pub fn new(work: Work<W, F>, outcome: Arc<Outcome<F::Output>>) -> Told<W, F> {
        Told { work, outcome }
    }
}

impl<W, F> Future for Told<W, F>
where
    W: FnOnce(Client) -> F,
    F: Future,
{
    type Output = ();
    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<()> {
        // SAFETY: the work is not moved until it is dropped in its place; the other field is not pinned.
        let (work, outcome) = unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.work), &this.outcome)
        };
        work.poll(context).map(|result| *lock(outcome) = Some(result))
    }
}
