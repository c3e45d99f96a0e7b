//! The client of a process, driven by whichever thread waits.

use crate::{Client, ClientSettings, EngineLauncher};
use daos_env::Env;
use daos_status::Result;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// The client of a process. Share it between threads with an `Arc`.
pub struct Context {}

impl Context {
    /// A context that attaches to the system at the first call that needs it.
    pub fn start(settings: ClientSettings, env: Env, launcher: Arc<dyn EngineLauncher>) -> Result<Context> {
        todo!()
    }

    /// Runs the future that `work` makes inside the context, and gives its result; this thread, or another one that
    /// waits at the same time, does the driving.
    pub fn block_on<T, F>(&self, work: impl FnOnce(Client) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + 'static,
    {
        todo!()
    }

    /// Starts the future that `work` makes; it goes on whenever any thread drives the context. The future itself must
    /// tell its end (set an event, send on a channel).
    pub fn spawn<F>(&self, work: impl FnOnce(Client) -> F + Send + 'static)
    where
        F: Future<Output = ()> + 'static,
    {
        todo!()
    }

    /// Drives the context until `done` holds or `limit` has passed (`None`: no limit; zero: one round without waiting).
    /// Returns what `done` gave last.
    pub fn drive(&self, limit: Option<Duration>, done: impl FnMut() -> bool) -> bool {
        todo!()
    }

    /// Ends the context: detaches from the system. Calls still running get `Code::Canceled`.
    pub fn stop(self) {}
}
