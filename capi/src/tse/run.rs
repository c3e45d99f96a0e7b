//! Tasks from their start to their end. Functions and callbacks of the caller are called with no lock held.

use core::ffi::c_int;
use std::sync::Condvar;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use daos_env::{Clock, SystemClock};
use daos_status::{Code, Result, fail};

use super::graph::{CANCELED, Graph, GraphGuard, SchedulerId, Stage, graph};
use super::place::TaskPlace;
use crate::process;
use crate::progress;
use crate::task::call;

/// A round of progress ends after so many looks: a task that always starts itself again must not keep its caller for ever.
const LOOKS_MAX: u32 = 1024;

/// Tells threads that wait without the client that something has changed.
static CHANGED: Condvar = Condvar::new();

/// How many threads wait for a scheduler.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Hands a task over to its scheduler; `instant` calls its function now, if it need not wait.
pub(crate) fn schedule(place: TaskPlace, instant: bool, delay: Duration) -> Result<()> {
    let function = {
        let mut graph = graph();
        let number = graph.number();
        let task = graph.task(place)?;
        let (id, function, stage) = (task.scheduler, task.function, task.stage);
        if stage != Stage::Created {
            fail!(Code::NoPerm, "the task was scheduled before ({stage:?})");
        }
        if instant && (function.is_none() || !delay.is_zero()) {
            fail!(Code::Inval, "a task without a function, or with a delay, cannot run at once");
        }
        let runs = (instant || function.is_none()) && task.dependencies == 0 && task.before.is_empty();
        let stage = match () {
            () if runs => Stage::Running,
            () if !delay.is_zero() => Stage::Sleeping(SystemClock.monotonic().saturating_add(delay), number),
            () => Graph::waiting_stage(task),
        };
        if graph.scheduler(id)?.cancelling {
            fail!(Code::NoPerm, "the tasks of this scheduler are being cancelled");
        }
        graph.task(place)?.references += u32::from(runs && instant);
        graph.set_stage(place, stage);
        if runs && instant { function } else { None }
    };
    if let Some(function) = function {
        // SAFETY: the function is the caller's, for this task, which a reference keeps.
        unsafe { function(place.as_ptr()) };
        give_back(place);
    }
    tell();
    Ok(())
}

/// Gives a reference back, and completes what waited for a task that is gone with it.
pub(crate) fn give_back(place: TaskPlace) {
    let over = graph().give_back(place);
    finish_all(over);
}

/// Runs what is ready, and settles what has completed, until nothing more can be done at once.
pub(crate) fn progress(id: SchedulerId) {
    for _ in 0..LOOKS_MAX {
        let taken = graph().take_ready(id, SystemClock.monotonic());
        let started = taken.len();
        for place in taken {
            start(id, place);
        }
        let settled = settle(vec![id]);
        if started == 0 && settled == 0 {
            return;
        }
        // Another thread may wait for what was done here.
        tell();
    }
}

/// Calls what is to be called before a task, and its function.
fn start(id: SchedulerId, place: TaskPlace) {
    let (cancelling, run) = {
        let mut graph = graph();
        let cancelling = graph.scheduler(id).is_ok_and(|scheduler| scheduler.cancelling);
        let Ok(task) = graph.task(place) else { return };
        if task.stage != Stage::Starting {
            return;
        }
        // Callbacks and function may complete the task and let go of it.
        task.references += 1;
        let run = task.run;
        if !cancelling {
            graph.set_stage(place, Stage::Running);
        }
        (cancelling, run)
    };
    if cancelling {
        complete(place, CANCELED);
    } else if prepare(place, run) {
        let function = {
            let mut graph = graph();
            graph.task(place).ok().and_then(|task| task.function.filter(|_| task.runs(run)))
        };
        if let Some(function) = function {
            // SAFETY: the function is the caller's, for this task, which a reference keeps.
            unsafe { function(place.as_ptr()) };
        }
    }
    give_back(place);
}

/// Calls what is to be called before a task; whether it still runs afterwards, and was not told to run again.
fn prepare(place: TaskPlace, run: u64) -> bool {
    loop {
        let mut callback = {
            let mut graph = graph();
            let Ok(task) = graph.task(place) else { return false };
            if !task.runs(run) {
                return false;
            }
            let Some(callback) = task.before.pop_front() else { return true };
            callback
        };
        let argument = callback.argument();
        let Some(function) = callback.function else { continue };
        // SAFETY: the function is the caller's, the data its copy.
        let number = unsafe { function(place.as_ptr(), argument) };
        let mut graph = graph();
        if graph.task(place).is_ok_and(|task| task.run == run) {
            place.fail_with(number);
        }
    }
}

/// A task has come to its end with this number. Its callbacks are called, unless one of them makes it run again; then it is
/// settled, with all that waited for it. A task that is gone, or has completed, is left alone.
pub(crate) fn complete(place: TaskPlace, number: c_int) {
    complete_quietly(place, number);
    tell();
}

/// As [`complete`], when threads that wait look again anyway.
pub(crate) fn complete_quietly(place: TaskPlace, number: c_int) {
    if let Some(id) = finish(place, number) {
        settle(vec![id]);
    }
}

/// Calls the callbacks of a task and marks it as completed; gives its scheduler when that has to settle it.
fn finish(place: TaskPlace, number: c_int) -> Option<SchedulerId> {
    {
        let mut graph = graph();
        let task = graph.task(place).ok()?;
        if matches!(task.stage, Stage::Completed | Stage::Settled) {
            return None;
        }
        task.references += 1;
        place.fail_with(number);
    }
    let (mut graph, is_done) = call_after(place);
    let task = graph.task(place).ok()?;
    let (id, stage) = (task.scheduler, task.stage);
    let is_done = is_done && !matches!(stage, Stage::Completed | Stage::Settled);
    let mut over = Vec::new();
    if is_done && graph.scheduler(id).is_err() {
        // Its scheduler has ended before it: nobody else will settle it.
        graph.set_stage(place, Stage::Settled);
        over.extend(graph.release_dependents(place, place.result()));
        over.extend(graph.give_back(place));
    } else if is_done {
        graph.set_stage(place, Stage::Completed);
    }
    over.extend(graph.give_back(place));
    drop(graph);
    finish_all(over);
    is_done.then_some(id)
}

/// Calls what is to be called after a task, the newest first; false when one of them made it run again or wait for more. The lock
/// is held since then: whoever adds a callback or makes the task run again comes before or after its end, and is told so.
fn call_after(place: TaskPlace) -> (GraphGuard, bool) {
    let mut held = graph();
    loop {
        let Ok(task) = held.task(place) else { return (held, false) };
        let Some(mut callback) = task.after.pop() else { return (held, true) };
        let generation = task.generation;
        drop(held);
        let argument = callback.argument();
        // SAFETY: the function is the caller's, the data its copy.
        let number = callback.function.map_or(0, |function| unsafe { function(place.as_ptr(), argument) });
        held = graph();
        match held.task(place) {
            Ok(task) if task.generation == generation => place.fail_with(number),
            _ => return (held, false),
        }
    }
}

/// Releases what waits for completed tasks, and lets go of those; how many there were.
fn settle(schedulers: Vec<SchedulerId>) -> usize {
    let mut schedulers = schedulers;
    let mut settled = 0;
    while let Some(id) = schedulers.pop() {
        loop {
            let over = {
                let mut graph = graph();
                let Some(place) = graph.take_completed(id) else { break };
                let result = place.result();
                if let Ok(scheduler) = graph.scheduler(id) {
                    scheduler.place.fail_with(result);
                }
                let mut over = graph.release_dependents(place, result);
                graph.set_stage(place, Stage::Settled);
                over.extend(graph.give_back(place));
                over
            };
            settled += 1;
            for place in over {
                schedulers.extend(finish(place, 0));
                let more = graph().give_back(place);
                finish_all(more);
            }
        }
    }
    settled
}

/// Completes tasks that waited, while running, for something that is over or gone.
fn finish_all(over: Vec<TaskPlace>) {
    let mut over = over;
    let mut schedulers = Vec::new();
    while let Some(place) = over.pop() {
        schedulers.extend(finish(place, 0));
        over.extend(graph().give_back(place));
    }
    if !schedulers.is_empty() {
        settle(schedulers);
    }
}

/// Makes threads that wait for schedulers look again.
pub(crate) fn tell() {
    if WAITING.load(Ordering::Acquire) == 0 {
        return;
    }
    CHANGED.notify_all();
    if let Ok(context) = process::context() {
        progress::wake(&context);
    }
}

/// Waits until a scheduler has something to do, or nothing any more, or so much time has passed.
pub(crate) fn wait(id: SchedulerId, limit: Option<Duration>) -> Result<bool> {
    let is_due = |graph: &mut Graph| {
        graph.scheduler(id).map_or(true, |scheduler| {
            let is_awake = scheduler.next_time().is_some_and(|time| time <= SystemClock.monotonic());
            scheduler.has_work() || is_awake || scheduler.is_idle()
        })
    };
    let next = graph().scheduler(id)?.next_time().map(|time| time.saturating_sub(SystemClock.monotonic()));
    let limit = match (limit, next) {
        (Some(limit), Some(next)) => Some(limit.min(next)),
        (limit, next) => limit.or(next),
    };
    WAITING.fetch_add(1, Ordering::AcqRel);
    let outcome = match process::context() {
        Ok(context) => progress::drive(&context, limit, || is_due(&mut graph())),
        Err(_) => {
            // Tasks of the caller alone: another thread completes them.
            let guard = graph();
            let limit = limit.unwrap_or(Duration::MAX);
            let waited = CHANGED.wait_timeout_while(guard, limit, |graph| !is_due(graph));
            let (mut graph, _) = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
            Ok(is_due(&mut graph))
        }
    };
    WAITING.fetch_sub(1, Ordering::AcqRel);
    outcome
}

/// Runs a scheduler until it is idle; what does not end by itself is cancelled when its scheduler says so.
pub(crate) fn run_to_end(id: SchedulerId) -> Result<()> {
    loop {
        progress(id);
        let (is_idle, cancelling) = {
            let mut graph = graph();
            let scheduler = graph.scheduler(id)?;
            (scheduler.is_idle(), scheduler.cancelling)
        };
        if is_idle {
            return Ok(());
        }
        if cancelling && cancel_running(id) {
            continue;
        }
        wait(id, None)?;
    }
}

/// Whether the scheduler of a task cancels what it has.
pub(crate) fn is_cancelling(place: TaskPlace) -> bool {
    let mut graph = graph();
    let Ok(id) = graph.task(place).map(|task| task.scheduler) else { return false };
    graph.scheduler(id).is_ok_and(|scheduler| scheduler.cancelling)
}

/// Ends what runs in a scheduler: tasks of the caller at once, calls by aborting them. Whether one has ended.
fn cancel_running(id: SchedulerId) -> bool {
    let mut ended = false;
    let running = graph().running(id);
    for place in running {
        let call = match graph().task(place) {
            Ok(task) if task.stage == Stage::Running => call::call_of(task),
            _ => continue,
        };
        match call {
            Some(call) => call.abort(),
            None => {
                complete(place, CANCELED);
                ended = true;
            }
        }
    }
    ended
}
