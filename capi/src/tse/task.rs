//! Tasks.

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use std::time::Duration;

use daos_env::{Clock, SystemClock};
use daos_status::{Code, Result, fail};

use super::graph::{Callback, Graph, REFERENCES_MAX, Stage, Task, graph};
use super::place::{BUFFER_SIZE, TaskPlace};
use super::{run, scheduler_at};
use crate::abi::{tse_sched_t, tse_task_cb_t, tse_task_func_t, tse_task_t};
use crate::guard::{guard, guard_value};
use crate::pointer::{BYTES_ARGUMENT_LENGTH_MAX, Caller};

/// A new task of a scheduler.
pub(crate) fn create(
    caller: Caller,
    function: tse_task_func_t,
    sched: *mut tse_sched_t,
    private: *mut c_void,
) -> Result<TaskPlace> {
    let (_, id) = scheduler_at(caller, sched)?;
    let Some(place) = TaskPlace::allocate() else { fail!(Code::Nomem, "no memory for a task") };
    graph().add_task(place, id, function, private.expose_provenance());
    Ok(place)
}

/// Makes a completed task a new one.
pub(crate) fn renew(place: TaskPlace, function: tse_task_func_t, private: *mut c_void) -> Result<()> {
    let mut graph = graph();
    let task = graph.task(place)?;
    let id = task.scheduler;
    if task.stage != Stage::Settled {
        fail!(Code::NoPerm, "a task can be reset when it has completed ({:?})", task.stage);
    }
    if !task.before.is_empty() || !task.after.is_empty() {
        fail!(Code::NoPerm, "the task has callbacks that were not called");
    }
    if graph.scheduler(id)?.cancelling {
        fail!(Code::NoPerm, "the tasks of this scheduler are being cancelled");
    }
    let task = graph.task(place)?;
    task.function = function;
    task.private = private.expose_provenance();
    task.call = None;
    graph.set_stage(place, Stage::Created);
    place.set_result(0);
    Ok(())
}

/// Lets a task run again.
fn restart(graph: &mut Graph, place: TaskPlace, delay: Duration) -> Result<()> {
    let number = graph.number();
    let task = graph.task(place)?;
    let (id, stage) = (task.scheduler, task.stage);
    if task.function.is_none() {
        fail!(Code::Inval, "the task has no function");
    }
    if !matches!(stage, Stage::Running | Stage::Settled) {
        fail!(Code::NoPerm, "only a task that runs or has completed can run again ({stage:?})");
    }
    if graph.scheduler(id)?.cancelling {
        fail!(Code::NoPerm, "the tasks of this scheduler are being cancelled");
    }
    let task = graph.task(place)?;
    // The scheduler has given its reference back when the task completed.
    task.references += u32::from(stage == Stage::Settled);
    task.generation += 1;
    task.run += 1;
    let next = if delay.is_zero() {
        Graph::waiting_stage(task)
    } else {
        Stage::Sleeping(SystemClock.monotonic().saturating_add(delay), number)
    };
    graph.set_stage(place, next);
    place.set_result(0);
    Ok(())
}

/// Lets a task run again, and threads that wait know it.
fn run_again(place: TaskPlace, delay: Duration) -> Result<()> {
    restart(&mut graph(), place, delay)?;
    run::tell();
    Ok(())
}

/// A function to be called before or after a task, with a copy of its data.
fn callback(caller: Caller, function: tse_task_cb_t, data: *mut c_void, size: usize) -> Result<Callback> {
    if size > BYTES_ARGUMENT_LENGTH_MAX {
        fail!(Code::Inval, "the data of a callback has {size} bytes; at most {BYTES_ARGUMENT_LENGTH_MAX} are taken");
    }
    let mut copy = vec![0u128; size.div_ceil(size_of::<u128>())];
    if !data.is_null() {
        let bytes = caller.bytes(data, size, "the data of a callback")?;
        // SAFETY: the copy is at least as long as the bytes.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), copy.as_mut_ptr().cast(), bytes.len()) };
    }
    Ok(Callback { function, data: copy })
}

/// The task at a place, unless it has completed and calls nobody any more.
fn incomplete(graph: &mut Graph, place: TaskPlace) -> Result<&mut Task> {
    let task = graph.task(place)?;
    if matches!(task.stage, Stage::Completed | Stage::Settled) {
        fail!(Code::NoPerm, "the task has completed");
    }
    Ok(task)
}

/// Makes a task wait for several.
pub(crate) fn depend_on_all(caller: Caller, place: TaskPlace, count: c_int, tasks: *mut *mut tse_task_t) -> Result<()> {
    let Ok(count) = u64::try_from(count) else { fail!(Code::Inval, "{count} tasks to wait for") };
    let tasks = caller.array(tasks, count, "dep_tasks")?;
    let mut graph = graph();
    for task in &tasks {
        graph.task(TaskPlace::of(*task))?;
    }
    for task in tasks {
        graph.depend(place, TaskPlace::of(task))?;
    }
    Ok(())
}

/// Makes a task of a function.
///
/// @task_func called when the task is run: it completes the task with tse_task_complete, at once or later from any thread, or
/// makes it wait for tasks with which it completes; what it returns is not looked at. NULL makes a task that is completed by
/// somebody else.
/// @priv for tse_task_get_priv
/// @taskp [out] the task, with one reference that its scheduler gives back when it has completed
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_create(
    task_func: tse_task_func_t,
    sched: *mut tse_sched_t,
    r#priv: *mut c_void,
    taskp: *mut *mut tse_task_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("tse_task_create", |caller| {
            let out = caller.out(taskp, "taskp")?;
            out.set(create(caller, task_func, sched, r#priv)?.as_ptr());
            Ok(())
        })
    }
}

/// Hands a task over to its scheduler, which runs it when all that it waits for has completed.
///
/// @instant whether to run it now, on this thread, if it waits for nothing and has no callback to be called before
///
/// @return zero, -DER_INVAL, -DER_NO_PERM when it was scheduled before; how it ends is told by dt_result
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_schedule(task: *mut tse_task_t, instant: bool) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard("tse_task_schedule", |_| run::schedule(TaskPlace::of(task), instant, Duration::ZERO)) }
}

/// Hands a task over to its scheduler to be run after some time at the earliest, see tse_task_schedule.
///
/// @delay in microseconds
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_schedule_with_delay(task: *mut tse_task_t, instant: bool, delay: u64) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("tse_task_schedule_with_delay", |_| {
            run::schedule(TaskPlace::of(task), instant, Duration::from_micros(delay))
        })
    }
}

/// Tells the result of a task, whatever it is doing. The callbacks for its end are called, the newest first, and may change
/// its result from zero; unless one of them makes it run again, what waits for it is released and gets its error. A task that
/// has completed is left alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_complete(task: *mut tse_task_t, ret: c_int) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_task_complete", (), |_| {
            let place = TaskPlace::of(task);
            graph().task(place)?;
            run::complete(place, ret);
            Ok(())
        });
    }
}

/// Makes a task wait for others; one that has completed is not waited for. When one fails, its error becomes the task's
/// result, and the task is run nevertheless: a callback before it can look at dt_result.
///
/// @return zero, -DER_INVAL, -DER_NO_PERM when the task has completed, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_register_deps(
    task: *mut tse_task_t,
    num_deps: c_int,
    dep_tasks: *mut *mut tse_task_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard("tse_task_register_deps", |caller| depend_on_all(caller, TaskPlace::of(task), num_deps, dep_tasks)) }
}

/// Registers functions to be called before a task runs (in the order of registration) and after it has run (the newest
/// first), each once, with a copy of its data. What they return becomes the result when that is zero; one before may complete
/// the task, which then does not run, and either may make it run again.
///
/// @prep_cb,@comp_cb one of them may be NULL
///
/// @return zero, -DER_INVAL, -DER_NO_PERM when the task has completed
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_register_cbs(
    task: *mut tse_task_t,
    prep_cb: tse_task_cb_t,
    prep_data: *mut c_void,
    prep_data_size: usize,
    comp_cb: tse_task_cb_t,
    comp_data: *mut c_void,
    comp_data_size: usize,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("tse_task_register_cbs", |caller| {
            let place = TaskPlace::of(task);
            if prep_cb.is_none() && comp_cb.is_none() {
                fail!(Code::Inval, "prep_cb and comp_cb are NULL");
            }
            let before = prep_cb.is_some().then(|| callback(caller, prep_cb, prep_data, prep_data_size)).transpose()?;
            let after = comp_cb.is_some().then(|| callback(caller, comp_cb, comp_data, comp_data_size)).transpose()?;
            let mut graph = graph();
            let task = incomplete(&mut graph, place)?;
            task.before.extend(before);
            task.after.extend(after);
            Ok(())
        })
    }
}

/// Registers a function to be called after a task, see tse_task_register_cbs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_register_comp_cb(
    task: *mut tse_task_t,
    comp_cb: tse_task_cb_t,
    arg: *mut c_void,
    arg_size: usize,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("tse_task_register_comp_cb", |caller| {
            if comp_cb.is_none() {
                fail!(Code::Inval, "comp_cb is NULL");
            }
            let after = callback(caller, comp_cb, arg, arg_size)?;
            incomplete(&mut graph(), TaskPlace::of(task))?.after.push(after);
            Ok(())
        })
    }
}

/// Registers a function to be called after a task, and lets the task run again.
///
/// @delay in microseconds
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_register_comp_cb_and_reinit(
    task: *mut tse_task_t,
    comp_cb: tse_task_cb_t,
    arg: *mut c_void,
    arg_size: usize,
    delay: u64,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("tse_task_register_comp_cb_and_reinit", |caller| {
            let place = TaskPlace::of(task);
            if comp_cb.is_none() {
                fail!(Code::Inval, "comp_cb is NULL");
            }
            let after = callback(caller, comp_cb, arg, arg_size)?;
            let mut graph = graph();
            incomplete(&mut graph, place)?;
            restart(&mut graph, place, Duration::from_micros(delay))?;
            graph.task(place)?.after.push(after);
            drop(graph);
            run::tell();
            Ok(())
        })
    }
}

/// Lets a task run again, from its function or a callback, or after it has completed. Its result is zero again; callbacks that
/// were not called yet stay.
///
/// @return zero, -DER_INVAL when it has no function, -DER_NO_PERM when it neither runs nor has completed
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_reinit(task: *mut tse_task_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard("tse_task_reinit", |_| run_again(TaskPlace::of(task), Duration::ZERO)) }
}

/// Lets a task run again after some time, see tse_task_reinit.
///
/// @delay in microseconds
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_reinit_with_delay(task: *mut tse_task_t, delay: u64) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard("tse_task_reinit_with_delay", |_| run_again(TaskPlace::of(task), Duration::from_micros(delay))) }
}

/// Makes a completed task, kept with tse_task_addref, a new one of another function; it is to be scheduled again.
///
/// @return zero, -DER_INVAL, -DER_NO_PERM when it has not completed
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_reset(
    task: *mut tse_task_t,
    task_func: tse_task_func_t,
    r#priv: *mut c_void,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard("tse_task_reset", |_| renew(TaskPlace::of(task), task_func, r#priv)) }
}

/// Keeps a task for one more user, also after it has completed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_addref(task: *mut tse_task_t) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_task_addref", (), |_| {
            let mut graph = graph();
            let task = graph.task(TaskPlace::of(task))?;
            if task.references >= REFERENCES_MAX {
                fail!(Code::Nomem, "a task has at most {REFERENCES_MAX} references");
            }
            task.references += 1;
            Ok(())
        });
    }
}

/// Lets go of a task; the last one frees it. What waits for a task that is gone before it has run is told -DER_CANCELED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_decref(task: *mut tse_task_t) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_task_decref", (), |_| {
            let place = TaskPlace::of(task);
            {
                let mut graph = graph();
                let task = graph.task(place)?;
                if task.references == 1 && !matches!(task.stage, Stage::Created | Stage::Settled) {
                    fail!(Code::Inval, "the last reference of a scheduled task is its scheduler's");
                }
            }
            run::give_back(place);
            run::tell();
            Ok(())
        });
    }
}

/// The private pointer of a task; NULL when it is no task.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_get_priv(task: *mut tse_task_t) -> *mut c_void {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_task_get_priv", null_mut(), |_| {
            Ok(core::ptr::with_exposed_provenance_mut(graph().task(TaskPlace::of(task))?.private))
        })
    }
}

/// Sets the private pointer of a task; gives the former one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_set_priv(task: *mut tse_task_t, r#priv: *mut c_void) -> *mut c_void {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_task_set_priv", null_mut(), |_| {
            let mut graph = graph();
            let task = graph.task(TaskPlace::of(task))?;
            let former = core::mem::replace(&mut task.private, r#priv.expose_provenance());
            Ok(core::ptr::with_exposed_provenance_mut(former))
        })
    }
}

/// Memory within a task, for arguments of its function: always the same, zero at first.
///
/// @size at most 880 bytes
///
/// @return NULL when size is more, or it is no task
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_buf_embedded(task: *mut tse_task_t, size: c_int) -> *mut c_void {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_task_buf_embedded", null_mut(), |_| {
            let place = TaskPlace::of(task);
            graph().task(place)?;
            if usize::try_from(size).is_err() || size as usize > BUFFER_SIZE {
                fail!(Code::Inval, "a task has {BUFFER_SIZE} bytes of memory, not {size}");
            }
            Ok(place.buffer())
        })
    }
}

/// The scheduler of a task; NULL when it is gone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task2sched(task: *mut tse_task_t) -> *mut tse_sched_t {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_task2sched", null_mut(), |_| {
            let mut graph = graph();
            let id = graph.task(TaskPlace::of(task))?.scheduler;
            Ok(graph.scheduler(id)?.place.as_ptr())
        })
    }
}

/// Keeps errors of tasks that this one waits for from becoming its result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_disable_propagate(task: *mut tse_task_t) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_disable_propagate", (), |_| {
            graph().task(TaskPlace::of(task))?.takes_errors = false;
            Ok(())
        });
    }
}
