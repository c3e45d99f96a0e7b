//! How a call runs to its end: on the thread that made it, or later, told by an event.

use core::future::poll_fn;
use core::pin::pin;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use daos_client::{Client, Context};
use daos_status::{Code, Result, Status};

use crate::abi::{daos_event_t, daos_handle_t};
use crate::event_run::{self, Reserved};
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
        context.spawn(move |client| {
            let future = caught(function, client, work);
            async move {
                let number = match event_run::unless_aborted(&launched, future).await {
                    Some(Ok(())) => 0,
                    Some(Err(error)) => error.end(function),
                    None => E::from(Status::new(Code::Canceled, "the call was aborted")).end(function),
                };
                launched.complete(number);
            }
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
    let outcome = Arc::new(Mutex::new(None));
    let theirs = Arc::clone(&outcome);
    context.spawn(move |client| {
        let future = caught(function, client, work);
        async move {
            let result = future.await;
            *theirs.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    });
    let mut result = None;
    drive(context, None, || {
        result = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        result.is_some()
    })?;
    result.expect("driving without a limit ends when the result is there")
}

/// Runs the work; a panic in it is an error of this call alone.
async fn caught<T, E, F>(function: &'static str, client: Client, work: impl FnOnce(Client) -> F) -> Result<T, E>
where
    E: Failure,
    F: Future<Output = Result<T, E>>,
{
    let future = match catch_unwind(AssertUnwindSafe(|| work(client))) {
        Ok(future) => future,
        Err(payload) => return Err(fault(function, &*payload).into()),
    };
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll,
        Err(payload) => Poll::Ready(Err(fault(function, &*payload).into())),
    })
    .await
}
