//! Connecting to control ports. That may wait, for the address of a name or for a machine that is gone, and the thread that does the
//! client's work must not: all other calls would wait, too. So a thread of its own does it.

use daos_env::SignalMask;
use daos_rpc::{ControlNetwork, ControlStream};
use std::future::poll_fn;
use std::io::{Error, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread;

/// What both threads know of an attempt.
#[derive(Default)]
struct Attempt {
    outcome: Option<Result<Box<dyn ControlStream>>>,
    waker: Option<Waker>,
}

/// The half of the thread that connects. When it ends, also by a panic, there is an outcome.
struct Dialling(Arc<Mutex<Attempt>>);

impl Drop for Dialling {
    fn drop(&mut self) {
        let mut attempt = lock(&self.0);
        attempt.outcome.get_or_insert_with(|| Err(Error::other("the thread that connects has ended")));
        let waker = attempt.waker.take();
        drop(attempt);
        waker.into_iter().for_each(Waker::wake);
    }
}

fn lock(attempt: &Mutex<Attempt>) -> MutexGuard<'_, Attempt> {
    attempt.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connects to a place. Nobody else waits meanwhile; a thread that connects for somebody who has gone ends when the network gives up.
pub(super) async fn dial(network: &Arc<dyn ControlNetwork>, place: &str) -> Result<Box<dyn ControlStream>> {
    dial_on(thread::Builder::new().name("daos-dial".to_owned()), network, place).await
}

/// The same, on such a thread.
async fn dial_on(
    thread: thread::Builder,
    network: &Arc<dyn ControlNetwork>,
    place: &str,
) -> Result<Box<dyn ControlStream>> {
    if !network.waits() {
        return network.connect(place);
    }
    let attempt = Arc::<Mutex<Attempt>>::default();
    let connect = {
        let (network, place, dialling) = (network.clone(), place.to_owned(), Dialling(attempt.clone()));
        move || {
            let outcome = network.connect(&place);
            lock(&dialling.0).outcome = Some(outcome);
        }
    };
    let mask = SignalMask::block_all();
    let started = thread.spawn(connect);
    drop(mask);
    if started.is_err() {
        // The user may have no more threads, which says nothing about the engine: all others wait, then.
        return network.connect(place);
    }
    poll_fn(|context| {
        let mut attempt = lock(&attempt);
        match attempt.outcome.take() {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                attempt.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_env::{Executor, SystemClock};
    use daos_rpc::ControlListener;
    use std::io::ErrorKind;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    /// A network that does not answer until somebody says so; when nobody does for long, that is another error.
    struct Slow(Mutex<Receiver<()>>);

    impl ControlNetwork for Slow {
        fn listen(&self, _: &str) -> Result<Box<dyn ControlListener>> {
            Err(ErrorKind::Unsupported.into())
        }

        fn connect(&self, place: &str) -> Result<Box<dyn ControlStream>> {
            assert_ne!(place, "panics", "planted");
            let waited = self.0.lock().unwrap().recv_timeout(Duration::from_secs(20));
            Err(waited.map_or(ErrorKind::TimedOut, |()| ErrorKind::ConnectionRefused).into())
        }

        fn waits(&self) -> bool {
            true
        }
    }

    fn outcome(place: &'static str) -> ErrorKind {
        let executor = Executor::new(Arc::new(SystemClock), Duration::ZERO).unwrap();
        let (answer, answered) = channel();
        let network: Arc<dyn ControlNetwork> = Arc::new(Slow(Mutex::new(answered)));
        let dialled =
            executor.spawner().spawn(async move { dial(&network, place).await.err().map(|error| error.kind()) });
        let others = async move {
            // Nobody listens any more when it has panicked.
            let _nobody = answer.send(());
            dialled.await
        };
        executor.block_on(others).flatten().flatten().expect("it fails")
    }

    /// Connecting to a machine that was gone took two seconds of the thread that did the work of all calls.
    #[test]
    fn others_go_on_while_somebody_connects() {
        assert_eq!(outcome("slow"), ErrorKind::ConnectionRefused);
    }

    /// Where a user had no more threads, every engine was said to be away.
    #[test]
    fn without_a_thread_it_is_connected_all_the_same() {
        let executor = Executor::new(Arc::new(SystemClock), Duration::ZERO).unwrap();
        let (answer, answered) = channel();
        answer.send(()).unwrap();
        let network: Arc<dyn ControlNetwork> = Arc::new(Slow(Mutex::new(answered)));
        // No machine has memory for such a stack.
        let too_large = || thread::Builder::new().stack_size(1 << 60);
        assert!(too_large().spawn(|| {}).is_err());
        let dialled = executor.block_on(async move { dial_on(too_large(), &network, "slow").await.err() });
        assert_eq!(dialled.flatten().map(|error| error.kind()), Some(ErrorKind::ConnectionRefused));
    }

    #[test]
    fn a_panic_is_an_error() {
        assert_eq!(outcome("panics"), ErrorKind::Other);
    }
}
