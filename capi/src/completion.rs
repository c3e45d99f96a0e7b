//! How a call runs to its end: on the thread that made it, or later, told by an event.

use std::future::Future;

use daos_client::Client;
use daos_status::Result;

use crate::abi::daos_event_t;
use crate::event_state;
use crate::guard::report;
use crate::pointer::Caller;
use crate::process;

/// Runs a call. Without an event the calling thread drives it to its end and gets its result. With one, the call is
/// started, and its result goes to the event.
pub fn run<F>(
    caller: Caller,
    function: &'static str,
    event: *mut daos_event_t,
    work: impl FnOnce(Client) -> F + Send + 'static,
) -> Result<()>
where
    F: Future<Output = Result<()>> + 'static,
{
    let context = process::context()?;
    if event.is_null() {
        return context.block_on(work);
    }
    let launched = event_state::launch(caller, event)?;
    context.spawn(move |client| {
        let future = work(client);
        async move {
            let result = future.await;
            let number = match &result {
                Ok(()) => 0,
                Err(status) => report(function, status).to_der(),
            };
            launched.complete(number);
        }
    });
    Ok(())
}
