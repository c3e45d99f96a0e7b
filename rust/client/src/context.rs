//! The client of a process, driven by whichever thread waits.
//!
//! One thread at a time holds the world and runs rounds of its executor. A thread that wants something while another one
//! drives hands its work in and sleeps; it wakes when its work is done, or when the driver leaves and somebody has to take
//! over.

use crate::submissions::Submissions;
use crate::{Client, ClientSettings, EngineLauncher};
use daos_env::{Clock, Env, Executor};
use daos_status::{Code, Result, Status};
use std::future::Future;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a waiting thread polls before it sleeps: about what waking it from another core costs.
const SPIN: Duration = Duration::from_micros(20);

/// Everything that lives inside the context: bound to no thread, but used by one at a time.
struct World {
    executor: Executor,
    client: Client,
}

/// Moves the world between threads.
struct Movable(World);

// SAFETY: all `Rc`s of the world stay inside it (futures and clients are created inside and only `Send` values leave), and
// every access goes through the mutex of `Context::world`. So its reference counts are never touched by two threads at once.
unsafe impl Send for Movable {}

/// The client of a process. Share it between threads with an `Arc`.
pub struct Context {
    world: Mutex<Movable>,
    submissions: Arc<Submissions>,
    turn: Mutex<()>,
    turn_changed: Condvar,
    waiting: Arc<AtomicU32>,
    clock: Arc<dyn Clock>,
    process: u32,
}

/// A result on its way from the thread that drives to the one that waits.
struct Outcome<T>(Mutex<Option<T>>);

impl<T> Outcome<T> {
    fn take(&self) -> Option<T> {
        lock(&self.0).take()
    }
}

/// Locks without minding that another thread panicked: the guard of the C API turns panics into errors, and the world's
/// own structures are only changed by code that does not unwind halfway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Context {
    /// A context that attaches to the system at the first call that needs it.
    pub fn start(settings: ClientSettings, env: Env, launcher: Arc<dyn EngineLauncher>) -> Result<Context> {
        let executor = Executor::new(env.clock.clone(), SPIN)?;
        let submissions = Arc::new(Submissions::new()?);
        let clock = env.clock.clone();
        let client = Client::new(settings, env, executor.spawner().clone(), launcher);
        executor.spawner().add_source(Rc::new(submissions.source(client.clone())));
        Ok(Context {
            world: Mutex::new(Movable(World { executor, client })),
            submissions,
            turn: Mutex::new(()),
            turn_changed: Condvar::new(),
            waiting: Arc::new(AtomicU32::new(0)),
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
    /// waits at the same time, does the driving.
    pub fn block_on<T, F>(&self, work: impl FnOnce(Client) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + 'static,
    {
        let outcome = Arc::new(Outcome(Mutex::new(None)));
        let theirs = outcome.clone();
        self.spawn(move |client| {
            let future = work(client);
            async move {
                let value = future.await;
                *lock(&theirs.0) = Some(value);
            }
        });
        let mut result = None;
        self.drive(None, || {
            result = outcome.take();
            result.is_some()
        });
        result.expect("without a time limit, driving ends when the result is there")
    }

    /// Starts the future that `work` makes; it goes on whenever any thread drives the context. The future itself must
    /// tell its end (set an event, send on a channel).
    pub fn spawn<F>(&self, work: impl FnOnce(Client) -> F + Send + 'static)
    where
        F: Future<Output = ()> + 'static,
    {
        let start = move |client: &Client| {
            client.spawner().spawn(work(client.clone()));
        };
        match self.world.try_lock() {
            Ok(world) => start(&world.0.client),
            Err(std::sync::TryLockError::Poisoned(world)) => start(&world.into_inner().0.client),
            Err(std::sync::TryLockError::WouldBlock) => self.submissions.push(Box::new(start)),
        }
    }

    /// Drives the context until `done` holds or `limit` has passed (`None`: no limit; zero: one round without waiting).
    /// Returns what `done` gave last.
    ///
    /// `done` may be asked by this thread only, at any moment between rounds.
    pub fn drive(&self, limit: Option<Duration>, mut done: impl FnMut() -> bool) -> bool {
        let deadline = limit.map(|limit| self.clock.monotonic().saturating_add(limit));
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let result = loop {
            if done() {
                break true;
            }
            match self.world.try_lock() {
                Ok(world) => break self.drive_world(&world.0, deadline, &mut done),
                Err(std::sync::TryLockError::Poisoned(world)) => {
                    break self.drive_world(&world.into_inner().0, deadline, &mut done);
                }
                Err(std::sync::TryLockError::WouldBlock) => {
                    if !self.wait_for_turn(deadline, &mut done) {
                        break done();
                    }
                }
            }
        };
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        self.pass_turn();
        result
    }

    /// Runs rounds as the one thread that holds the world.
    fn drive_world(&self, world: &World, deadline: Option<Duration>, done: &mut impl FnMut() -> bool) -> bool {
        let mut idle_since = None;
        loop {
            let busy = world.executor.run_once();
            if busy {
                // Somebody else's work may have ended in this round.
                self.pass_turn_if(1);
            }
            if done() {
                return true;
            }
            if deadline.is_some_and(|deadline| self.clock.monotonic() >= deadline) {
                return false;
            }
            world.executor.rest(busy, &mut idle_since, deadline);
        }
    }

    /// Sleeps until the driver says that something changed; `false` when the deadline has passed.
    fn wait_for_turn(&self, deadline: Option<Duration>, done: &mut impl FnMut() -> bool) -> bool {
        let turn = lock(&self.turn);
        // Looked at again under the lock: the driver takes it before it notifies, so nothing is missed in between.
        if done() || self.world.try_lock().is_ok() {
            return true;
        }
        let left = match deadline {
            None => None,
            Some(deadline) => match deadline.checked_sub(self.clock.monotonic()) {
                Some(left) if !left.is_zero() => Some(left),
                _ => return false,
            },
        };
        match left {
            None => drop(self.turn_changed.wait(turn).unwrap_or_else(PoisonError::into_inner)),
            Some(left) => drop(self.turn_changed.wait_timeout(turn, left).unwrap_or_else(PoisonError::into_inner)),
        }
        true
    }

    fn pass_turn(&self) {
        self.pass_turn_if(0);
    }

    /// Wakes the waiting threads, if there are more than `own`.
    fn pass_turn_if(&self, own: u32) {
        if self.waiting.load(Ordering::SeqCst) > own {
            drop(lock(&self.turn));
            self.turn_changed.notify_all();
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
