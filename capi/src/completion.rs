//! How a call runs to its end: on the thread that made it, or later, told by an event.

use core::pin::Pin;
use std::future::Future;
use std::sync::Arc;
use std::task::{self, Poll};
use std::thread;
use std::time::Duration;

use daos_client::{Client, Context, Work};
use daos_status::{Code, Result, Status};

use crate::abi::{daos_event_t, daos_handle_t};
use crate::event_run::{self, Launched, Reserved};
use crate::guard::{Failure, fault};
use crate::handle_table::{self, Handled};
use crate::pointer::Caller;
use crate::process;
use crate::progress::drive;

/// A call that nothing but its own work can refuse any more: the library is in use, and the event is taken.
pub struct Call {
    context: Arc<Context>,
    function: &'static str,
    event: Option<Reserved>,
}

impl Call {
    /// Prepares a call; the event is NULL when the caller waits. Dropping the call gives the event back.
    pub fn begin(caller: Caller, function: &'static str, event: *mut daos_event_t) -> Result<Call> {
        let context = process::context()?;
        let event = if event.is_null() { None } else { Some(event_run::reserve(caller, event)?) };
        Ok(Call { context, function, event })
    }

    /// Prepares the call that closes a handle, and takes the handle back: it is unknown from now on.
    pub fn closing<T: Handled>(
        caller: Caller,
        function: &'static str,
        event: *mut daos_event_t,
        handle: daos_handle_t,
    ) -> Result<(Call, Arc<T>)> {
        handle_table::get::<T>(handle)?;
        let call = Call::begin(caller, function, event)?;
        // Only now: a call that is refused for its event must not lose what the handle stands for.
        let closed = handle_table::remove::<T>(handle)?;
        Ok((call, closed))
    }

    /// Runs it. Without an event this thread drives it to its end and gets its result. With one, it is started, and its
    /// result goes to the event.
    pub fn run<E, F>(self, work: impl FnOnce(Client) -> F + Send + 'static) -> Result<(), E>
    where
        E: Failure,
        F: Future<Output = Result<(), E>> + 'static,
    {
        let Call { context, function, event } = self;
        let Some(event) = event else { return wait(&context, function, work) };
        let launched = event.launch();
        context.spawn(move |client| EventCall {
            work: Work::new(work, client),
            function,
            launched: Some(launched),
            is_known: false,
        });
        // One round sends the request, so that it goes on while the caller does something else.
        let _round = drive(&context, Some(Duration::ZERO), || false);
        // Whatever went wrong in it was logged: the call has been started, and its end is told to the event alone.
        Ok(())
    }
}

/// Prepares a call and runs it.
pub fn run<E, F>(
    caller: Caller,
    function: &'static str,
    event: *mut daos_event_t,
    work: impl FnOnce(Client) -> F + Send + 'static,
) -> Result<(), E>
where
    E: Failure,
    F: Future<Output = Result<(), E>> + 'static,
{
    Call::begin(caller, function, event)?.run(work)
}

/// Runs something that gives a value to its end, on this thread.
pub fn value_of<T, E, F>(function: &'static str, work: impl FnOnce(Client) -> F + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: Failure,
    F: Future<Output = Result<T, E>> + 'static,
{
    wait(&*process::context()?, function, work)
}

fn wait<T, E, F>(
    context: &Context,
    function: &'static str,
    work: impl FnOnce(Client) -> F + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: Failure,
    F: Future<Output = Result<T, E>> + 'static,
{
    let started = context.start_work(work);
    let mut result = None;
    drive(context, None, || {
        result = started.take();
        result.is_some()
    })?;
    result_of(function, result.expect("driving without a limit ends when the result is there"))
}

/// A panic in the work is an error of this call alone.
fn result_of<T, E: Failure>(function: &'static str, result: thread::Result<Result<T, E>>) -> Result<T, E> {
    result.unwrap_or_else(|payload| Err(fault(function, &*payload).into()))
}

/// A call whose end is told to an event, which may also be aborted before. What the call does has its place in here, where an
/// `async` block would have room for it twice and more.
struct EventCall<W, F> {
    work: Work<W, F>,
    function: &'static str,
    launched: Option<Launched>,
    /// Who aborts the event knows how to wake this.
    is_known: bool,
}

impl<W, F, E> Future for EventCall<W, F>
where
    W: FnOnce(Client) -> F,
    F: Future<Output = Result<(), E>>,
    E: Failure,
{
    type Output = ();
    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<()> {
        // SAFETY: the work is not moved until it is dropped in its place; the other fields are not pinned.
        let (mut work, function, launched, is_known) = unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.work), this.function, &mut this.launched, &mut this.is_known)
        };
        let Some(running) = launched else { return Poll::Ready(()) };
        let ended = event_run::unless_aborted(running, is_known, context, |context| work.as_mut().poll(context));
        let number = match ended {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(result)) => match result_of::<(), E>(function, result) {
                Ok(()) => 0,
                Err(error) => error.end(function),
            },
            Poll::Ready(None) => {
                // It may hold memory of the caller, who may use that again as soon as the event tells the end.
                work.set(Work::Ended);
                E::from(Status::new(Code::Canceled, "the call was aborted")).end(function)
            }
        };
        if let Some(launched) = launched.take() {
            launched.complete(number);
        }
        Poll::Ready(())
    }
}
