//! The client of a process, driven by whichever thread waits.
//!
//! One thread at a time holds the world and runs rounds of its executor. A thread that wants something while another one
//! drives hands its work in and sleeps; it wakes when its work is done, or when the driver leaves and somebody has to take
//! over.
//!
//! # Why no thread sleeps for ever
//!
//! A thread enters the list of those who wait before it looks for the last time whether its work is done and whether the
//! world is free. Who lets go of the world wakes the first of the list afterwards; who was woken and does not drive, since its
//! work is done or its time is over, wakes the next one. So when the world is free and threads wait, one of them is awake.

use crate::submissions::{Ended, Submissions};
use crate::waiting::{For, Waiting};
use crate::{Client, ClientSettings, EngineLauncher};
use daos_env::{Clock, Env, Executor, WAKE_COST};
use daos_status::{Code, Result, Status};
use std::future::Future;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

mod work;

use work::{Outcome, Told, Tracked};
pub use work::{Started, Work};

/// Everything that lives inside the context: bound to no thread, but used by one at a time.
struct World {
    executor: Executor,
    client: Client,
    /// Work that ended and whose waiting threads were not told yet.
    ended: Ended,
}

/// Moves the world between threads.
struct Movable(World);

// SAFETY: all `Rc`s of the world stay inside it (futures and clients are created inside and only `Send` values leave), and
// every access goes through the mutex of `Context::world`. So its reference counts are never touched by two threads at once.
unsafe impl Send for Movable {}

/// Work that was handed in: what [`Context::drive_for`] waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WorkId(u64);

/// The client of a process. Share it between threads with an `Arc`.
pub struct Context {
    world: Mutex<Movable>,
    submissions: Arc<Submissions>,
    waiting: Waiting,
    work_ids: AtomicU64,
    clock: Arc<dyn Clock>,
    process: u32,
}

/// Tells that work has ended, also when its future is dropped or panics.
struct Ending {
    work: u64,
    ended: Ended,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.ended.borrow_mut().push(self.work);
    }
}

/// Locks without minding that another thread panicked: what the mutex holds is changed in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Context {
    /// A context that attaches to the system at the first call that needs it.
    pub fn start(settings: ClientSettings, env: Env, launcher: Arc<dyn EngineLauncher>) -> Result<Context> {
        let executor = Executor::new(env.clock.clone(), WAKE_COST)?;
        let submissions = Arc::new(Submissions::new()?);
        let clock = env.clock.clone();
        let client = Client::new(settings, env, executor.spawner().clone(), launcher);
        let ended = Ended::default();
        executor.spawner().add_source(Rc::new(submissions.source(client.clone(), Rc::clone(&ended))));
        Ok(Context {
            world: Mutex::new(Movable(World { executor, client, ended })),
            submissions,
            waiting: Waiting::default(),
            work_ids: AtomicU64::new(0),
            clock,
            process: std::process::id(),
        })
    }

    /// Refuses a process that was forked from the one that started the context: its sockets and memory registrations
    /// belong to the parent.
    pub fn check_process(&self) -> Result<()> {
        if self.process != std::process::id() {
            return Err(Status::new(
                Code::Uninit,
                "this process was forked after daos_init: call daos_reinit (or daos_init) in the child first",
            ));
        }
        Ok(())
    }

    /// Runs the future that `work` makes inside the context, and gives its result; this thread, or another one that
    /// waits at the same time, does the driving. A panic of the work comes back to this thread.
    pub fn block_on<T, F>(&self, work: impl FnOnce(Client) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + 'static,
    {
        let started = self.start_work(work);
        let mut result = None;
        self.drive_for(started.id(), None, || {
            result = started.take();
            result.is_some()
        });
        match result.expect("without a time limit, driving ends when the result is there") {
            Ok(value) => value,
            Err(payload) => resume_unwind(payload),
        }
    }

    /// Starts the future that `work` makes, whose result is taken from what this gives; it goes on whenever any thread drives the
    /// context.
    pub fn start_work<T, F>(&self, work: impl FnOnce(Client) -> F + Send + 'static) -> Started<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + 'static,
    {
        let outcome = Arc::new(Outcome::new(None));
        let theirs = outcome.clone();
        let id = self.spawn(move |client| Told::new(Work::new(work, client), theirs));
        Started::new(id, outcome)
    }

    /// Starts the future that `work` makes; it goes on whenever any thread drives the context. The future itself must
    /// tell its end (set an event, send on a channel), before it ends: then the threads that wait look for it.
    pub fn spawn<F>(&self, work: impl FnOnce(Client) -> F + Send + 'static) -> WorkId
    where
        F: Future<Output = ()> + 'static,
    {
        let id = self.work_ids.fetch_add(1, Ordering::Relaxed);
        let start = move |client: &Client, ended: &Ended| {
            let ending = Ending { work: id, ended: ended.clone() };
            client.spawner().detach(Tracked::new(work(client.clone()), ending));
        };
        match self.try_world() {
            Some(world) => {
                start(&world.0.client, &world.0.ended);
                drop(world);
                // Somebody who came to drive may have found the world taken, and waits.
                self.waiting.pass_turn();
            }
            None => self.submissions.push(Box::new(start)),
        }
        WorkId(id)
    }

    /// Drives the context until `done` holds or `limit` has passed (`None`: no limit; zero: one round without waiting).
    /// Returns what `done` gave last. While another thread drives, `done` is asked whenever any work has ended.
    ///
    /// `done` is asked by this thread only, between rounds.
    pub fn drive(&self, limit: Option<Duration>, done: impl FnMut() -> bool) -> bool {
        self.drive_until(For::Any, limit, done)
    }

    /// As [`Context::drive`], for a thread that waits for one piece of work: while another thread drives, `done` is asked only
    /// when that work has ended.
    pub fn drive_for(&self, work: WorkId, limit: Option<Duration>, done: impl FnMut() -> bool) -> bool {
        self.drive_until(For::Work(work.0), limit, done)
    }

    fn drive_until(&self, what: For, limit: Option<Duration>, mut done: impl FnMut() -> bool) -> bool {
        let deadline = limit.map(|limit| self.clock.monotonic().saturating_add(limit));
        // Without company, this is the whole way.
        if let Some(world) = self.try_world() {
            return self.drive_world(world, deadline, done);
        }
        let place = self.waiting.enter(what);
        let result = loop {
            if done() {
                break true;
            }
            if let Some(world) = self.try_world() {
                // Who drives is not among those who wait.
                drop(place);
                return self.drive_world(world, deadline, done);
            }
            match deadline.map(|deadline| deadline.saturating_sub(self.clock.monotonic())) {
                None => thread::park(),
                Some(Duration::ZERO) => break false,
                Some(left) => thread::park_timeout(left),
            }
        };
        drop(place);
        // It may have been woken to drive.
        self.waiting.pass_turn();
        result
    }

    fn try_world(&self) -> Option<MutexGuard<'_, Movable>> {
        match self.world.try_lock() {
            Ok(world) => Some(world),
            // The executor keeps its own structures right when a task panics.
            Err(TryLockError::Poisoned(world)) => Some(world.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Runs rounds as the one thread that holds the world.
    fn drive_world(
        &self,
        world: MutexGuard<'_, Movable>,
        deadline: Option<Duration>,
        mut done: impl FnMut() -> bool,
    ) -> bool {
        // Dropped in the opposite order, also by a panic: first the world, then the turn.
        let _turn = Turn { waiting: &self.waiting };
        let world = world;
        let World { executor, ended, .. } = &world.0;
        executor.begin();
        loop {
            let busy = executor.run_once();
            self.waiting.tell(&ended.take());
            if done() {
                return true;
            }
            if deadline.is_some_and(|deadline| self.clock.monotonic() >= deadline) {
                return false;
            }
            executor.rest(busy, deadline);
        }
    }

    /// Ends the context: detaches from the system. Calls still running get `Code::Canceled`.
    pub fn stop(self) {
        let world = self.world.into_inner().unwrap_or_else(PoisonError::into_inner).0;
        world.client.close();
        // One more round lets the calls that were cancelled tell their callers.
        world.executor.run_until_stalled();
    }
}

/// Passes the turn on when a thread stops driving, also by a panic.
struct Turn<'a> {
    waiting: &'a Waiting,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.waiting.pass_turn();
    }
}

#[cfg(test)]
mod tests;
