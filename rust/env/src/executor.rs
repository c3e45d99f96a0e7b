//! One thread, its tasks, its timers and its sources of completions.

use crate::sync::{Receiver, Sender, oneshot};
use crate::timers::Timers;
use crate::waiting::{Rest, WaitStatistics, Waiting};
use crate::{Clock, Doorbell, OwnIds};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// How many tasks run between two looks at the sources: completions must not starve behind a long queue, nor what tasks have begun wait for
/// its end before a disk hears of it.
const TASKS_PER_ROUND: usize = 16;

/// Something that completes work of tasks: an endpoint, an I/O ring.
pub trait Source {
    /// Takes what has completed and starts what was queued, without blocking; `true` when anything happened.
    fn progress(&self) -> bool;

    /// The descriptor that becomes readable when there is something to do.
    fn descriptor(&self) -> Option<RawFd>;

    /// Called before the thread sleeps on the descriptor; `false` when there is something to do after all.
    fn prepare_sleep(&self) -> bool {
        true
    }
}

/// Tasks that are ready to run, filled from any thread.
struct Ready {
    queue: Mutex<VecDeque<u64>>,
    sleeping: AtomicBool,
    doorbell: Doorbell,
}

impl Ready {
    fn push(&self, task: u64) {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push_back(task);
        if self.sleeping.load(Ordering::SeqCst) {
            self.doorbell.ring();
        }
    }

    fn pop(&self) -> Option<u64> {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).pop_front()
    }

    fn is_empty(&self) -> bool {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).is_empty()
    }
}

struct TaskWaker {
    task: u64,
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.ready.push(self.task);
        }
    }
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    state: Arc<TaskWaker>,
    waker: Waker,
}

struct Inner {
    clock: Arc<dyn Clock>,
    ready: Arc<Ready>,
    tasks: RefCell<OwnIds<Task>>,
    next_task: Cell<u64>,
    sources: RefCell<Vec<Rc<dyn Source>>>,
    timers: RefCell<Timers>,
}

/// Starts tasks and timers of one executor; cheap to clone, not to be sent to other threads.
#[derive(Clone)]
pub struct Spawner(Rc<Inner>);

/// Runs tasks on the thread that calls it.
///
/// The order of a round is fixed: sources, tasks, timers. When a round did nothing, [`Waiting`] decides whether the executor looks again at once or
/// sleeps in `poll(2)` on the descriptors of its sources. A busy thread thus does not sleep, and an idle one uses no processor time.
pub struct Executor {
    spawner: Spawner,
    waiting: RefCell<Waiting>,
    /// When the timers were looked at in the last round: to read a clock costs a good part of a round that does nothing.
    looked: Cell<Option<Duration>>,
}

/// The result of a task to wait for; dropping it leaves the task running.
pub struct JoinHandle<T>(Receiver<T>);

impl<T> Future for JoinHandle<T> {
    type Output = Option<T>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.0).poll(context)
    }
}

/// A task with the sender of its result. An `async` block would hold the future twice: as what it was given, and as what it waits for.
struct Joined<F: Future> {
    future: F,
    sender: Option<Sender<F::Output>>,
}

impl<F: Future> Future for Joined<F> {
    type Output = ();
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // SAFETY: the future is not moved until it is dropped in its place; the sender is not pinned.
        let (future, sender) = unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.future), &mut this.sender)
        };
        future.poll(context).map(|value| {
            if let Some(sender) = sender.take() {
                sender.send(value);
            }
        })
    }
}

impl Spawner {
    /// Starts a task.
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        let (sender, receiver) = oneshot();
        self.spawn_boxed(Box::pin(Joined { future, sender: Some(sender) }));
        JoinHandle(receiver)
    }

    /// Starts a task whose end nobody waits for.
    pub fn detach(&self, future: impl Future<Output = ()> + 'static) {
        self.spawn_boxed(Box::pin(future));
    }

    fn spawn_boxed(&self, future: Pin<Box<dyn Future<Output = ()>>>) {
        let inner = &self.0;
        let number = inner.next_task.get();
        inner.next_task.set(number + 1);
        let state = Arc::new(TaskWaker { task: number, queued: AtomicBool::new(true), ready: inner.ready.clone() });
        let waker = Waker::from(state.clone());
        inner.tasks.borrow_mut().insert(number, Task { future, state, waker });
        inner.ready.push(number);
    }

    /// The clock that timers follow.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Waits.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.0.clock.monotonic() + duration).await;
    }

    /// Waits until the clock shows `deadline`.
    pub async fn sleep_until(&self, deadline: Duration) {
        let mut timer = Timer { inner: self.0.clone(), number: None };
        std::future::poll_fn(move |context| timer.poll(deadline, context)).await;
    }

    /// The result of a future, or `None` when it takes longer than `limit`.
    pub async fn timeout<T>(&self, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
        let mut future = Box::pin(future);
        let mut timer = Timer { inner: self.0.clone(), number: None };
        let deadline = self.0.clock.monotonic() + limit;
        std::future::poll_fn(move |context| match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => timer.poll(deadline, context).map(|()| None),
        })
        .await
    }

    /// Adds a source of completions.
    pub fn add_source(&self, source: Rc<dyn Source>) {
        self.0.sources.borrow_mut().push(source);
    }

    /// Removes a source that was added.
    pub fn remove_source(&self, source: &Rc<dyn Source>) {
        self.0.sources.borrow_mut().retain(|known| !Rc::ptr_eq(known, source));
    }
}

struct Timer {
    inner: Rc<Inner>,
    number: Option<u64>,
}

impl Timer {
    fn poll(&mut self, deadline: Duration, context: &mut Context<'_>) -> Poll<()> {
        if self.inner.clock.monotonic() >= deadline {
            return Poll::Ready(());
        }
        let mut timers = self.inner.timers.borrow_mut();
        match self.number {
            Some(number) => timers.update(number, context.waker()),
            None => self.number = Some(timers.add(deadline, context.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.inner.timers.borrow_mut().remove(number);
        }
    }
}

impl Executor {
    /// An executor without tasks, for the thread that will drive it, whose wake-ups cost so much ([`WAKE_COST`](crate::WAKE_COST), or nothing for
    /// one that always sleeps when it has nothing to do).
    pub fn new(clock: Arc<dyn Clock>, wake_cost: Duration) -> std::io::Result<Executor> {
        let ready =
            Ready { queue: Mutex::new(VecDeque::new()), sleeping: AtomicBool::new(false), doorbell: Doorbell::new()? };
        let inner = Inner {
            clock,
            ready: Arc::new(ready),
            tasks: RefCell::default(),
            next_task: Cell::new(0),
            sources: RefCell::default(),
            timers: RefCell::default(),
        };
        // On one core, what is waited for does not happen while this thread spins. To yield instead would be worse: among other
        // busy processes a thread that yields waits for all of them, while one that sleeps is preferred when it is woken.
        let is_alone = std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
        let wake_cost = if is_alone { Duration::ZERO } else { wake_cost };
        Ok(Executor {
            spawner: Spawner(Rc::new(inner)),
            waiting: RefCell::new(Waiting::new(wake_cost)),
            looked: Cell::new(None),
        })
    }

    /// Starts tasks and timers.
    pub fn spawner(&self) -> &Spawner {
        &self.spawner
    }

    /// One round of sources, tasks and timers; `true` when anything was done.
    pub fn run_once(&self) -> bool {
        let inner = &self.spawner.0;
        self.looked.set(None);
        let mut busy = false;
        for index in 0.. {
            // A source may add sources: the list is not borrowed while one runs.
            let Some(source) = inner.sources.borrow().get(index).cloned() else { break };
            busy |= source.progress();
        }
        for _ in 0..TASKS_PER_ROUND {
            let Some(number) = inner.ready.pop() else { break };
            busy = true;
            self.run_task(number);
        }
        busy |= self.run_timers();
        if busy {
            self.waiting.borrow_mut().event();
        }
        busy
    }

    fn run_task(&self, number: u64) {
        let inner = &self.spawner.0;
        let Some(mut task) = inner.tasks.borrow_mut().remove(&number) else { return };
        task.state.queued.store(false, Ordering::Release);
        let waker = task.waker.clone();
        if task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            inner.tasks.borrow_mut().insert(number, task);
        }
    }

    fn run_timers(&self) -> bool {
        let inner = &self.spawner.0;
        let Some(deadline) = inner.timers.borrow().next_deadline() else { return false };
        let now = inner.clock.monotonic();
        self.looked.set(Some(now));
        if deadline > now {
            return false;
        }
        let mut due = Vec::new();
        inner.timers.borrow_mut().take_due(now, &mut due);
        let busy = !due.is_empty();
        due.into_iter().for_each(Waker::wake);
        busy
    }

    /// Runs rounds until one does nothing.
    pub fn run_until_stalled(&self) {
        while self.run_once() {}
    }

    /// The moment of the next timer, by the monotonic clock.
    pub fn next_timer(&self) -> Option<Duration> {
        self.spawner.0.timers.borrow().next_deadline()
    }

    /// Runs everything until `future` is done, and gives its result.
    pub fn block_on<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Option<T> {
        let mut handle = Box::pin(self.spawner.spawn(future));
        let mut context = Context::from_waker(Waker::noop());
        self.begin();
        loop {
            let busy = self.run_once();
            if let Poll::Ready(value) = handle.as_mut().poll(&mut context) {
                return value;
            }
            self.rest(busy, None);
        }
    }

    /// Says that the thread has done something else since it drove this executor last: that was no waiting.
    pub fn begin(&self) {
        self.waiting.borrow_mut().forget();
    }

    /// After a round: when nothing was done, looks again at once or sleeps, at most until `limit` (monotonic time).
    pub fn rest(&self, busy: bool, limit: Option<Duration>) {
        if busy {
            return;
        }
        let clock = &self.spawner.0.clock;
        let now = self.looked.take().unwrap_or_else(|| clock.monotonic());
        let rest = self.waiting.borrow_mut().nothing(now);
        match rest {
            Rest::Spin => std::hint::spin_loop(),
            Rest::Yield => std::thread::yield_now(),
            Rest::Sleep => {
                self.sleep(limit);
                self.waiting.borrow_mut().woke(clock.monotonic());
            }
        }
    }

    /// How it has waited.
    pub fn wait_statistics(&self) -> WaitStatistics {
        self.waiting.borrow().statistics()
    }

    /// Sleeps until a source, a wake-up from another thread, a timer or `limit` (monotonic time).
    pub fn sleep(&self, limit: Option<Duration>) {
        let inner = &self.spawner.0;
        inner.ready.sleeping.store(true, Ordering::SeqCst);
        let sources: Vec<Rc<dyn Source>> = inner.sources.borrow().clone();
        if inner.ready.is_empty() && sources.iter().all(|source| source.prepare_sleep()) {
            let deadline = [self.next_timer(), limit].into_iter().flatten().min();
            self.wait(&sources, deadline);
        }
        inner.ready.sleeping.store(false, Ordering::SeqCst);
        inner.ready.doorbell.clear();
    }

    fn wait(&self, sources: &[Rc<dyn Source>], deadline: Option<Duration>) {
        let inner = &self.spawner.0;
        let mut descriptors: Vec<libc::pollfd> = std::iter::once(inner.ready.doorbell.descriptor())
            .chain(sources.iter().filter_map(|source| source.descriptor()))
            .map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 })
            .collect();
        let timeout = deadline.map(|deadline| {
            let left = deadline.saturating_sub(inner.clock.monotonic());
            libc::timespec { tv_sec: left.as_secs() as libc::time_t, tv_nsec: i64::from(left.subsec_nanos()) }
        });
        let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: the array and the time-out live through the call. An interrupted wait is a wake-up like any other.
        unsafe {
            libc::ppoll(descriptors.as_mut_ptr(), descriptors.len() as libc::nfds_t, timeout, std::ptr::null());
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        // Tasks hold the spawner, and the spawner the tasks: break the circle, outside the borrow since dropping a
        // task may start or wake others. In the order of their start, so that a simulation ends the same way each time.
        let tasks = std::mem::take(&mut *self.spawner.0.tasks.borrow_mut());
        let mut tasks: Vec<(u64, Task)> = tasks.into_iter().collect();
        tasks.sort_unstable_by_key(|(number, _)| *number);
        tasks.into_iter().for_each(drop);
        self.spawner.0.sources.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests;
