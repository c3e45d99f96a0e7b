//! Running many futures of one task at a time, with a bound.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Which slots are to be polled, and whom to wake when one becomes so.
#[derive(Default)]
struct ReadyList {
    slots: Vec<usize>,
    parent: Option<Waker>,
}

#[derive(Default)]
struct Ready(Mutex<ReadyList>);

impl Ready {
    fn lock(&self) -> MutexGuard<'_, ReadyList> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes one slot, so that the others need not be polled.
struct SlotWaker {
    slot: usize,
    ready: Arc<Ready>,
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        let parent = {
            let mut list = self.ready.lock();
            if !list.slots.contains(&self.slot) {
                list.slots.push(self.slot);
            }
            list.parent.take()
        };
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

struct Slot<F> {
    future: Option<Pin<Box<F>>>,
    waker: Waker,
}

/// Takes futures from `futures` and runs at most `limit` (at least one) of them at a time, inside the calling task.
///
/// After the first error no more are started; those that run are waited for, because the memory they use may be the
/// caller's, and the first error is returned. A future that an error of its own must not stop turns it into `Ok`.
pub async fn run_bounded<E, F, I>(limit: usize, futures: I) -> Result<(), E>
where
    I: IntoIterator<Item = F>,
    F: Future<Output = Result<(), E>>,
{
    let mut futures = futures.into_iter();
    let ready = Arc::new(Ready::default());
    let mut slots: Vec<Slot<F>> = Vec::new();
    let mut running = 0;
    let mut failure = None;
    let mut exhausted = false;
    std::future::poll_fn(move |context| {
        loop {
            while !exhausted && failure.is_none() && running < limit.max(1) {
                match futures.next() {
                    Some(future) => {
                        start(&mut slots, &ready, future);
                        running += 1;
                    }
                    None => exhausted = true,
                }
            }
            if running == 0 {
                return Poll::Ready(failure.take().map_or(Ok(()), Err));
            }
            let due = take_due(&ready, context);
            if due.is_empty() {
                return Poll::Pending;
            }
            for index in due {
                if let Some(result) = poll_slot(&mut slots[index]) {
                    running -= 1;
                    failure = failure.take().or(result.err());
                }
            }
        }
    })
    .await
}

fn start<F>(slots: &mut Vec<Slot<F>>, ready: &Arc<Ready>, future: F) {
    let free = slots.iter().position(|slot| slot.future.is_none());
    let index = free.unwrap_or(slots.len());
    if free.is_none() {
        let waker = Waker::from(Arc::new(SlotWaker { slot: index, ready: ready.clone() }));
        slots.push(Slot { future: None, waker });
    }
    slots[index].future = Some(Box::pin(future));
    ready.lock().slots.push(index);
}

/// The slots to poll now; when there are none, the parent is noted so that the next one that wakes wakes it.
fn take_due(ready: &Ready, context: &Context<'_>) -> Vec<usize> {
    let mut list = ready.lock();
    if list.slots.is_empty() {
        list.parent = Some(context.waker().clone());
    }
    std::mem::take(&mut list.slots)
}

fn poll_slot<E, F: Future<Output = Result<(), E>>>(slot: &mut Slot<F>) -> Option<Result<(), E>> {
    let future = slot.future.as_mut()?;
    match future.as_mut().poll(&mut Context::from_waker(&slot.waker)) {
        Poll::Pending => None,
        Poll::Ready(result) => {
            slot.future = None;
            Some(result)
        }
    }
}

/// One of the futures of [`both`].
type Half<'a, E> = Pin<Box<dyn Future<Output = Result<(), E>> + 'a>>;

/// Waits for both, running them at the same time; gives the first error.
pub async fn both<A, B, E>(
    first: impl Future<Output = Result<A, E>>,
    second: impl Future<Output = Result<B, E>>,
) -> Result<(A, B), E> {
    let (mut a, mut b) = (None, None);
    {
        let first = async { first.await.map(|value| a = Some(value)) };
        let second = async { second.await.map(|value| b = Some(value)) };
        let pair: [Half<'_, E>; 2] = [Box::pin(first), Box::pin(second)];
        run_bounded(2, pair).await?;
    }
    match (a, b) {
        (Some(a), Some(b)) => Ok((a, b)),
        _ => unreachable!("run_bounded returns Ok only when every future has ended with Ok"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_status::{Code, Status};
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    /// Yields once, so that futures interleave.
    async fn yield_once() {
        let mut yielded = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
        }
    }

    #[test]
    fn at_most_the_limit_runs_and_all_end() {
        let (running, most, done) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let futures = (0..100).map(|_| async {
            running.set(running.get() + 1);
            most.set(most.get().max(running.get()));
            yield_once().await;
            running.set(running.get() - 1);
            done.set(done.get() + 1);
            Ok::<(), Status>(())
        });
        block_on(run_bounded(7, futures)).expect("no future fails");
        assert_eq!((most.get(), done.get()), (7, 100));
    }

    #[test]
    fn an_error_stops_new_ones_and_waits_for_running_ones() {
        let ended = Rc::new(RefCell::new(Vec::new()));
        let futures = (0..10).map(|index| {
            let ended = ended.clone();
            async move {
                if index == 1 {
                    return Err(Status::new(Code::Io, "second"));
                }
                yield_once().await;
                ended.borrow_mut().push(index);
                Ok(())
            }
        });
        let error = block_on(run_bounded(3, futures)).expect_err("one future fails");
        assert_eq!(error.code(), Code::Io);
        assert_eq!(*ended.borrow(), [0, 2]);
    }

    #[test]
    fn both_gives_both() {
        let left = async {
            yield_once().await;
            Ok::<_, Status>(1)
        };
        assert_eq!(block_on(both(left, async { Ok(2) })), Ok((1, 2)));
        assert!(block_on(both(async { Ok(1) }, async { Err::<(), Status>(Code::Io.into()) })).is_err());
    }
}
