//! The one client context of the process: counted by `daos_init` and `daos_fini`, refused after `fork`.

use std::sync::{Arc, Mutex, MutexGuard};

use daos_client::{ClientSettings, Context};
use daos_env::Env;
use daos_status::{Code, Result, fail};

use crate::event_run;
use crate::fork;
use crate::handle_table;
use crate::launcher::Launcher;

/// What the process has of the library.
pub(crate) struct State {
    initialised: u32,
    process: u32,
    context: Option<Arc<Context>>,
}

static STATE: Mutex<State> = Mutex::new(State { initialised: 0, process: 0, context: None });

/// The right to look at it.
pub(crate) type StateGuard = MutexGuard<'static, State>;

/// Takes the lock of the state.
pub(crate) fn state() -> StateGuard {
    crate::fork::take(&STATE)
}

/// Counts one more user; the first starts the client. Nothing is attached before it is needed.
pub fn initialise() -> Result<()> {
    fork::prepare();
    let mut state = state();
    if state.initialised == 0 {
        drop(state);
        fork::adopt();
        state = self::state();
    }
    if state.initialised == 0 {
        state.context = Some(Arc::new(start()?));
        state.process = fork::process();
    }
    state.initialised += 1;
    Ok(())
}

/// Counts one user less; the last stops the client and invalidates every handle.
pub fn finalise() -> Result<()> {
    let mut state = state();
    if state.initialised == 0 {
        fail!(Code::Uninit, "daos_fini without daos_init");
    }
    state.initialised -= 1;
    if state.initialised > 0 {
        return Ok(());
    }
    let mut context = state.context.take();
    let is_inherited = state.process != fork::process();
    if is_inherited {
        abandon(context.take());
    }
    // With the lock: what another thread opens after its daos_init is not of this client, nor is what a child opens after this of its parent.
    let handles = handle_table::take_all();
    drop(state);
    drop(handles);
    if is_inherited {
        return Ok(());
    }
    // A call that still runs on another thread keeps its context; the last to let go ends it.
    if let Some(context) = context.and_then(|context| Arc::try_unwrap(context).ok()) {
        context.stop();
    }
    // The calls that it ended were cancelled: no thread will wait for their events any more, and run what these call back.
    while event_run::has_finished() {
        event_run::run_callbacks();
    }
    Ok(())
}

/// Starts anew in a child process; handles of the parent are unknown here.
pub fn reinitialise() -> Result<()> {
    let state = state();
    if state.initialised == 0 {
        fail!(Code::Uninit, "daos_reinit without daos_init");
    }
    if state.process == fork::process() {
        return Ok(());
    }
    drop(state);
    fork::adopt();
    let mut state = self::state();
    if state.process == fork::process() {
        return Ok(());
    }
    let new = Arc::new(start()?);
    abandon(state.context.replace(new));
    state.process = fork::process();
    let handles = handle_table::take_all();
    drop(state);
    drop(handles);
    Ok(())
}

/// Contexts of the parent, of which leak checkers see here that they are not lost.
pub(crate) static ABANDONED: Mutex<Vec<Arc<Context>>> = Mutex::new(Vec::new());

/// The right to add to them.
pub(crate) type Abandoned = MutexGuard<'static, Vec<Arc<Context>>>;

/// Keeps a context of the parent for ever: the sockets are the parent's, and this copy must not say goodbye for it.
fn abandon(context: Option<Arc<Context>>) {
    match fork::take_if_possible(&ABANDONED) {
        Some(mut abandoned) => abandoned.extend(context),
        None => std::mem::forget(context),
    }
}

/// The client context.
pub fn context() -> Result<Arc<Context>> {
    let state = state();
    let Some(context) = &state.context else {
        fail!(Code::Uninit, "daos_init was not called");
    };
    if state.process != fork::process() {
        fail!(Code::Uninit, "this process was forked after daos_init; call daos_reinit in it");
    }
    Ok(Arc::clone(context))
}

fn start() -> Result<Context> {
    Context::start(ClientSettings::from_environment()?, Env::system(), Arc::new(Launcher))
}
