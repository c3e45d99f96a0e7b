//! Messages from other threads to a task.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

struct State<T> {
    queue: VecDeque<T>,
    waker: Option<Waker>,
    senders: usize,
}

struct Shared<T>(Mutex<State<T>>);

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sending end, for any thread.
pub(crate) struct Sender<T>(Arc<Shared<T>>);

/// The receiving end, for one task.
pub(crate) struct Receiver<T>(Arc<Shared<T>>);

/// A queue without a bound of its own: what is sent here are single commands, and one message per client at most.
pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared(Mutex::new(State { queue: VecDeque::new(), waker: None, senders: 1 })));
    (Sender(shared.clone()), Receiver(shared))
}

impl<T> Sender<T> {
    /// Sends; when the receiver is gone, nobody notices.
    pub fn send(&self, message: T) {
        let mut state = self.0.state();
        state.queue.push_back(message);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.state().senders += 1;
        Sender(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.senders -= 1;
        let waker = if state.senders == 0 { state.waker.take() } else { None };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Receiver<T> {
    /// The next message; `None` when there is none and all senders are gone.
    pub async fn receive(&self) -> Option<T> {
        std::future::poll_fn(|context| {
            let mut state = self.0.state();
            if let Some(message) = state.queue.pop_front() {
                return Poll::Ready(Some(message));
            }
            if state.senders == 0 {
                return Poll::Ready(None);
            }
            state.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_env::{Executor, SystemClock};
    use std::time::Duration;

    #[test]
    fn another_thread_sends_and_leaves() {
        let executor = Executor::new(Arc::new(SystemClock), Duration::ZERO).expect("eventfd");
        let (sender, receiver) = channel();
        let thread = std::thread::spawn(move || {
            let other = sender.clone();
            (0..100).for_each(|number| if number % 2 == 0 { sender.send(number) } else { other.send(number) });
        });
        let sum = executor.block_on(async move {
            let mut sum = 0;
            while let Some(number) = receiver.receive().await {
                sum += number;
            }
            sum
        });
        assert_eq!(sum, Some(99 * 100 / 2));
        thread.join().expect("thread");
    }
}
