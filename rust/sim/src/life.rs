//! Lives of a process over simulated media.

use crate::media::SimMedia;
use daos_env::{Executor, ManualClock, Spawner};
use daos_media::Media;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Runs a task to its end, on an executor and a clock of its own that stands still; `None` when nothing happens any more before that, because
/// the power is off.
pub fn run<T: 'static, F: Future<Output = T> + 'static>(task: impl FnOnce(Spawner) -> F) -> Option<T> {
    let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
    let task = task(executor.spawner().clone());
    let mut handle = Box::pin(executor.spawner().spawn(task));
    executor.run_until_stalled();
    match handle.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => None,
    }
}

/// One life of a process that works on media; `None` when the power went off in it.
pub fn live<T: 'static, F: Future<Output = T> + 'static>(
    media: &SimMedia,
    main: impl FnOnce(Rc<dyn Media>, Spawner) -> F,
) -> Option<T> {
    run(|spawner| main(Rc::new(media.clone()), spawner))
}
