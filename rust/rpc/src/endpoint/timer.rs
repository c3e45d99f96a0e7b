//! The task that ends calls whose time is over.

use super::inner::Inner;
use daos_env::Spawner;
use std::future::Future;
use std::pin::Pin;
use std::rc::Weak;
use std::task::Poll;
use std::time::Duration;

type Sleep = Pin<Box<dyn Future<Output = ()>>>;

/// Runs until the endpoint is gone or closed.
pub(super) async fn run(endpoint: Weak<Inner>, spawner: Spawner) {
    let mut timer: Option<(Duration, Sleep)> = None;
    std::future::poll_fn(move |context| {
        let Some(inner) = endpoint.upgrade().filter(|inner| !inner.closed.get()) else { return Poll::Ready(()) };
        inner.waits.timer.replace(Some(context.waker().clone()));
        loop {
            inner.look_after_waits();
            let next = inner.waits.next_event();
            inner.waits.armed.set(next);
            let Some(next) = next else {
                timer = None;
                return Poll::Pending;
            };
            if timer.as_ref().is_none_or(|(deadline, _)| *deadline != next) {
                let spawner = spawner.clone();
                timer = Some((next, Box::pin(async move { spawner.sleep_until(next).await })));
            }
            match timer.as_mut().map(|(_, future)| future.as_mut().poll(context)) {
                Some(Poll::Ready(())) => timer = None,
                _ => return Poll::Pending,
            }
        }
    })
    .await;
}
