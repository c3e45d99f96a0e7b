//! Lists of tasks that the caller keeps: each task can be in one.

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use std::time::Duration;

use daos_status::{Code, Result, fail};

use super::graph::graph;
use super::place::TaskPlace;
use super::run;
use crate::abi::{d_list_t, tse_task_cb_t, tse_task_t};
use crate::guard::{guard, guard_count, guard_value};
use crate::pointer::Caller;

/// The tasks of a list, in its order.
fn tasks(caller: Caller, head: *mut d_list_t) -> Result<Vec<TaskPlace>> {
    let first = caller.read(head, "head")?.next;
    let mut found = Vec::new();
    let mut link = first;
    let mut graph = graph();
    while link != head {
        let place = TaskPlace::of_link(link);
        graph.task(place)?;
        if found.len() >= graph.count() {
            fail!(Code::Inval, "the list does not end: a task of it was put into another one, or has gone");
        }
        found.push(place);
        link = caller.read(link, "a task of the list")?.next;
    }
    Ok(found)
}

fn unlink(place: TaskPlace) {
    let link = place.link();
    // SAFETY: the link is in a list of the caller, or by itself.
    unsafe {
        let d_list_t { next, prev } = *link;
        (*prev).next = next;
        (*next).prev = prev;
        link.write(d_list_t { next: link, prev: link });
    }
}

/// Puts a task at the end of a list.
///
/// @return zero, -DER_INVAL when it is in a list
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_list_add(task: *mut tse_task_t, head: *mut d_list_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("tse_task_list_add", |caller| {
            let place = TaskPlace::of(task);
            graph().task(place)?;
            let last = caller.read(head, "head")?.prev;
            caller.out(last, "the end of the list")?;
            let link = place.link();
            if (*link).next != link {
                fail!(Code::Inval, "the task is in a list");
            }
            link.write(d_list_t { next: head, prev: last });
            (*last).next = link;
            (*head).prev = link;
            Ok(())
        })
    }
}

/// Takes a task out of its list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_list_del(task: *mut tse_task_t) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_task_list_del", (), |_| {
            let place = TaskPlace::of(task);
            graph().task(place)?;
            unlink(place);
            Ok(())
        });
    }
}

/// The first task of a list; NULL when it is empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_list_first(head: *mut d_list_t) -> *mut tse_task_t {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_task_list_first", null_mut(), |caller| {
            let first = caller.read(head, "head")?.next;
            Ok(if first == head { null_mut() } else { TaskPlace::of_link(first).as_ptr() })
        })
    }
}

/// Takes all tasks out of a list and schedules them, see tse_task_schedule.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_list_sched(head: *mut d_list_t, instant: bool) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_task_list_sched", (), |caller| {
            for place in tasks(caller, head)? {
                unlink(place);
                run::schedule(place, instant, Duration::ZERO)?;
            }
            Ok(())
        });
    }
}

/// Takes all tasks out of a list and completes them with this result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_list_abort(head: *mut d_list_t, rc: c_int) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_task_list_abort", (), |caller| {
            for place in tasks(caller, head)? {
                unlink(place);
                run::complete(place, rc);
            }
            Ok(())
        });
    }
}

/// Makes every task of a list wait for a task.
///
/// @return zero, -DER_INVAL, -DER_NO_PERM when one has completed
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_list_depend(head: *mut d_list_t, task: *mut tse_task_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("tse_task_list_depend", |caller| {
            for place in tasks(caller, head)? {
                graph().depend(place, TaskPlace::of(task))?;
            }
            Ok(())
        })
    }
}

/// Makes a task wait for every task of a list.
///
/// @return zero, -DER_INVAL, -DER_NO_PERM when it has completed
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_depend_list(task: *mut tse_task_t, head: *mut d_list_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("tse_task_depend_list", |caller| {
            for place in tasks(caller, head)? {
                graph().depend(TaskPlace::of(task), place)?;
            }
            Ok(())
        })
    }
}

/// Calls a function for each task of a list; it may take the task out.
///
/// @return zero, or the last other number that the function gave
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_list_traverse(head: *mut d_list_t, cb: tse_task_cb_t, arg: *mut c_void) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_count("tse_task_list_traverse", |caller| traverse(caller, head, cb, arg)) }
}

/// Calls a function for each task of a list; it may take the task out, complete it or let go of it.
///
/// @return zero, or the last other number that the function gave
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_list_traverse_adv(head: *mut d_list_t, cb: tse_task_cb_t, arg: *mut c_void) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_count("tse_task_list_traverse_adv", |caller| traverse(caller, head, cb, arg)) }
}

fn traverse(caller: Caller, head: *mut d_list_t, cb: tse_task_cb_t, arg: *mut c_void) -> Result<c_int> {
    let Some(function) = cb else { fail!(Code::Inval, "cb is NULL") };
    let mut last = 0;
    for place in tasks(caller, head)? {
        // SAFETY: the function is the caller's, for this task and what it is given.
        let number = unsafe { function(place.as_ptr(), arg) };
        if number != 0 {
            last = number;
        }
    }
    Ok(last)
}
