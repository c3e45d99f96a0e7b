//! The caller's structures: where a task and a scheduler lie, and what of them the caller reads.

use core::ffi::{c_int, c_void};

use daos_status::{Code, Result, fail};

use super::graph::SchedulerId;
use crate::abi::{d_list_t, tse_sched_t, tse_task_t};
use crate::pointer::Caller;

/// The bytes of a task that are its arguments' or its user's.
pub(crate) const BUFFER_SIZE: usize = 880;

/// The library's part of a task that the caller's pointers lead to.
#[repr(C)]
struct TaskMemory {
    result: c_int,
    padding: c_int,
    buffer: [u64; BUFFER_SIZE / 8],
    /// Links the task in a list of the caller.
    link: d_list_t,
}

const _: () = assert!(size_of::<TaskMemory>() <= size_of::<tse_task_t>());

/// Marks a scheduler that was initialised.
const INITIALISED: u64 = 0xda05_5ced_5eed_0002;

/// Where a task lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct TaskPlace(usize);

impl TaskPlace {
    /// Memory for a new task; `None` when there is none.
    pub(crate) fn allocate() -> Option<TaskPlace> {
        // SAFETY: zeroed memory is a task; libc's is aligned for every type.
        let pointer = unsafe { libc::calloc(1, size_of::<tse_task_t>()) }.cast::<TaskMemory>();
        if pointer.is_null() {
            return None;
        }
        let place = TaskPlace(pointer.expose_provenance());
        let link = place.link();
        // SAFETY: within the memory that was just allocated.
        unsafe { link.write(d_list_t { next: link, prev: link }) };
        Some(place)
    }

    /// The place at a pointer, which is looked up before it is followed.
    pub(crate) fn of(pointer: *mut tse_task_t) -> TaskPlace {
        TaskPlace(pointer.expose_provenance())
    }

    /// The pointer.
    pub(crate) fn as_ptr(self) -> *mut tse_task_t {
        core::ptr::with_exposed_provenance_mut(self.0)
    }

    fn memory(self) -> *mut TaskMemory {
        self.as_ptr().cast()
    }

    /// Frees it.
    pub(crate) fn free(self) {
        // SAFETY: it came from `allocate`, and nobody knows it any more.
        unsafe { libc::free(self.as_ptr().cast()) };
    }

    /// What the task has come to so far.
    pub(crate) fn result(self) -> c_int {
        // SAFETY: the task is known, so that it was allocated and not freed; the caller may write here too, by its own rules.
        unsafe { (&raw const (*self.memory()).result).read_volatile() }
    }

    /// Sets that.
    pub(crate) fn set_result(self, number: c_int) {
        // SAFETY: as for `result`.
        unsafe { (&raw mut (*self.memory()).result).write_volatile(number) }
    }

    /// The first error counts.
    pub(crate) fn fail_with(self, number: c_int) {
        if self.result() == 0 {
            self.set_result(number);
        }
    }

    /// The bytes for arguments.
    pub(crate) fn buffer(self) -> *mut c_void {
        // SAFETY: within the memory of a known task.
        unsafe { (&raw mut (*self.memory()).buffer).cast() }
    }

    /// The link for lists of the caller.
    pub(crate) fn link(self) -> *mut d_list_t {
        // SAFETY: within the memory of a known task.
        unsafe { &raw mut (*self.memory()).link }
    }

    /// The task whose link this is.
    pub(crate) fn of_link(link: *mut d_list_t) -> TaskPlace {
        TaskPlace(link.expose_provenance().wrapping_sub(core::mem::offset_of!(TaskMemory, link)))
    }
}

/// Where a scheduler lies.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct SchedulerPlace(usize);

impl SchedulerPlace {
    /// The scheduler's structure at a pointer.
    pub(crate) fn at(caller: Caller, pointer: *mut tse_sched_t) -> Result<SchedulerPlace> {
        caller.out(pointer, "sched")?;
        Ok(SchedulerPlace(pointer.expose_provenance()))
    }

    /// The pointer.
    pub(crate) fn as_ptr(self) -> *mut tse_sched_t {
        core::ptr::with_exposed_provenance_mut(self.0)
    }

    /// The scheduler that was initialised here.
    pub(crate) fn id(self) -> Result<SchedulerId> {
        // SAFETY: the structure is the caller's, which it promised.
        let [mark, id] = unsafe {
            let space = &raw const (*self.as_ptr()).ds_private.ds_space;
            [(*space)[0], (*space)[1]]
        };
        if mark != INITIALISED {
            fail!(Code::Inval, "the scheduler was not initialised with tse_sched_init, or has ended");
        }
        Ok(SchedulerId(id))
    }

    /// Prepares the structure for a scheduler.
    pub(crate) fn initialise(self, id: SchedulerId, data: *mut c_void) {
        // SAFETY: as for `id`.
        unsafe {
            self.as_ptr().write_bytes(0, 1);
            (*self.as_ptr()).ds_udata = data;
            (*self.as_ptr()).ds_private.ds_space[0] = INITIALISED;
            (*self.as_ptr()).ds_private.ds_space[1] = id.0;
        }
    }

    /// Marks the end of the scheduler.
    pub(crate) fn end(self) {
        // SAFETY: as for `id`.
        unsafe {
            (*self.as_ptr()).ds_udata = core::ptr::null_mut();
            (*self.as_ptr()).ds_private.ds_space[0] = 0;
        }
    }

    /// What all tasks together have come to.
    pub(crate) fn result(self) -> c_int {
        // SAFETY: as for `id`.
        unsafe { (*self.as_ptr()).ds_result }
    }

    /// The first error counts.
    pub(crate) fn fail_with(self, number: c_int) {
        // SAFETY: as for `id`.
        unsafe {
            if (*self.as_ptr()).ds_result == 0 {
                (*self.as_ptr()).ds_result = number;
            }
        }
    }
}
