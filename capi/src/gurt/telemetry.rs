//! Numbers that engines publish about themselves in shared memory: the engines of this release publish none there. Programs that look
//! for them compile, link, and find no engine.

use core::ffi::{c_char, c_int, c_void};

use daos_status::Code;
use libc::{time_t, timespec};

use crate::abi::{
    d_tm_bucket_t, d_tm_context, d_tm_histogram_t, d_tm_iter_cb_t, d_tm_node_t, d_tm_nodeList_t, d_tm_stats_t,
};

/// An argument that makes no sense.
const INVALID: c_int = -(Code::Inval as c_int);

/// What a program that has no engine's numbers asks for: nothing is written.
const NOT_FOUND: c_int = -(Code::MetricNotFound as c_int);

/// The version of upstream's format of numbers.
const VERSION: c_int = 1;

/// What the keys of engines' shared memory begin with.
const ENGINE_KEY: c_int = 0x1024_2048;

/// What the keys of programs' shared memory begin with.
const PROGRAM_KEY: c_int = 0x1024_2048 + 0x1000;

/// Begins to read the numbers of an engine.
///
/// @id which one of this machine
///
/// @return NULL: no engine publishes any
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_open(_id: c_int) -> *mut d_tm_context {
    core::ptr::null_mut()
}

/// Ends reading.
///
/// @ctx [out] NULL; may be NULL itself
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_tm_close(ctx: *mut *mut d_tm_context) {
    if !ctx.is_null() {
        // SAFETY: the caller promises a place.
        unsafe { ctx.write(core::ptr::null_mut()) };
    }
}

/// Gives back what is not needed any more.
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_gc_ctx(_ctx: *mut d_tm_context) {}

/// An address of the engine as one of this process.
///
/// @return NULL
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_conv_ptr(_ctx: *mut d_tm_context, _node: *mut d_tm_node_t, _ptr: *mut c_void) -> *mut c_void {
    core::ptr::null_mut()
}

/// The group that has all others.
///
/// @return NULL
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_get_root(_ctx: *mut d_tm_context) -> *mut d_tm_node_t {
    core::ptr::null_mut()
}

/// The first node of a group.
///
/// @return NULL
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_get_child(_ctx: *mut d_tm_context, _node: *mut d_tm_node_t) -> *mut d_tm_node_t {
    core::ptr::null_mut()
}

/// The next node of the same group.
///
/// @return NULL
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_get_sibling(_ctx: *mut d_tm_context, _node: *mut d_tm_node_t) -> *mut d_tm_node_t {
    core::ptr::null_mut()
}

/// The name of a node.
///
/// @return NULL
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_get_name(_ctx: *mut d_tm_context, _node: *mut d_tm_node_t) -> *mut c_char {
    core::ptr::null_mut()
}

/// The node at a path.
///
/// @return NULL: there is none
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_find_metric(_ctx: *mut d_tm_context, _path: *mut c_char) -> *mut d_tm_node_t {
    core::ptr::null_mut()
}

/// The group that a link points to.
///
/// @return NULL
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_follow_link(_ctx: *mut d_tm_context, _link: *mut d_tm_node_t) -> *mut d_tm_node_t {
    core::ptr::null_mut()
}

/// How many nodes of these kinds there are below a node.
///
/// @return zero
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_count_metrics(_ctx: *mut d_tm_context, _node: *mut d_tm_node_t, _d_tm_type: c_int) -> u64 {
    0
}

/// Lists the nodes of these kinds below a node.
///
/// @return -DER_INVAL for NULL, -DER_METRIC_NOT_FOUND
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_list(
    ctx: *mut d_tm_context,
    head: *mut *mut d_tm_nodeList_t,
    node: *mut d_tm_node_t,
    _d_tm_type: c_int,
) -> c_int {
    if ctx.is_null() || head.is_null() || node.is_null() { INVALID } else { NOT_FOUND }
}

/// Lists the groups below a node.
///
/// @return -DER_INVAL for NULL, -DER_METRIC_NOT_FOUND
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_list_subdirs(
    ctx: *mut d_tm_context,
    head: *mut *mut d_tm_nodeList_t,
    node: *mut d_tm_node_t,
    _node_count: *mut u64,
    _max_depth: c_int,
) -> c_int {
    if ctx.is_null() || head.is_null() || node.is_null() { INVALID } else { NOT_FOUND }
}

/// Calls a function for each node below a node: there is none.
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_iterate(
    _ctx: *mut d_tm_context,
    _node: *mut d_tm_node_t,
    _level: c_int,
    _filter: c_int,
    _path: *mut c_char,
    _format: c_int,
    _opt_fields: c_int,
    _iter_cb: d_tm_iter_cb_t,
    _cb_arg: *mut c_void,
) {
}

/// The value of a counter.
///
/// @return -DER_INVAL for NULL, -DER_METRIC_NOT_FOUND
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_get_counter(_ctx: *mut d_tm_context, val: *mut u64, node: *mut d_tm_node_t) -> c_int {
    answer(val, node)
}

/// The value of a time.
///
/// @return -DER_INVAL for NULL, -DER_METRIC_NOT_FOUND
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_get_timestamp(_ctx: *mut d_tm_context, val: *mut time_t, node: *mut d_tm_node_t) -> c_int {
    answer(val, node)
}

/// The value of a clock's reading.
///
/// @return -DER_INVAL for NULL, -DER_METRIC_NOT_FOUND
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_get_timer_snapshot(
    _ctx: *mut d_tm_context,
    tms: *mut timespec,
    node: *mut d_tm_node_t,
) -> c_int {
    answer(tms, node)
}

/// The value of a number that grows and shrinks, and its statistics.
///
/// @return -DER_INVAL for NULL, -DER_METRIC_NOT_FOUND
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_get_gauge(
    _ctx: *mut d_tm_context,
    val: *mut u64,
    _stats: *mut d_tm_stats_t,
    node: *mut d_tm_node_t,
) -> c_int {
    answer(val, node)
}

/// How long something took, and the statistics of it.
///
/// @return -DER_INVAL for NULL, -DER_METRIC_NOT_FOUND
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_get_duration(
    _ctx: *mut d_tm_context,
    tms: *mut timespec,
    _stats: *mut d_tm_stats_t,
    node: *mut d_tm_node_t,
) -> c_int {
    answer(tms, node)
}

/// Description and unit of a node.
///
/// @return -DER_INVAL when both places or the node are NULL, -DER_METRIC_NOT_FOUND
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_get_metadata(
    _ctx: *mut d_tm_context,
    desc: *mut *mut c_char,
    units: *mut *mut c_char,
    node: *mut d_tm_node_t,
) -> c_int {
    answer(if desc.is_null() { units } else { desc }, node)
}

/// How a number's values are spread.
///
/// @return -DER_INVAL for NULL, -DER_METRIC_NOT_FOUND
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_get_num_buckets(
    _ctx: *mut d_tm_context,
    histogram: *mut d_tm_histogram_t,
    node: *mut d_tm_node_t,
) -> c_int {
    answer(histogram, node)
}

/// One range of a number's values.
///
/// @return -DER_INVAL for NULL, -DER_METRIC_NOT_FOUND
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_get_bucket_range(
    _ctx: *mut d_tm_context,
    bucket: *mut d_tm_bucket_t,
    _bucket_id: c_int,
    node: *mut d_tm_node_t,
) -> c_int {
    answer(bucket, node)
}

/// The answer to a question for a value: there is none, whatever the node.
fn answer<T>(place: *mut T, node: *mut d_tm_node_t) -> c_int {
    if place.is_null() || node.is_null() { INVALID } else { NOT_FOUND }
}

/// The version of the format of numbers.
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_get_version() -> c_int {
    VERSION
}

/// The key of an engine's shared memory, which no engine of this release makes.
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_get_srv_key(srv_idx: c_int) -> c_int {
    ENGINE_KEY.wrapping_add(srv_idx)
}

/// The key of a program's shared memory, which no program of this release makes.
#[unsafe(no_mangle)]
pub extern "C" fn d_tm_cli_pid_key(pid: c_int) -> c_int {
    PROGRAM_KEY.wrapping_add(pid)
}

/// Puts a node at the end of a list.
///
/// @nodelist [in,out] the list; NULL where it points is an empty one
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_tm_list_add_node(src: *mut d_tm_node_t, nodelist: *mut *mut d_tm_nodeList_t) -> c_int {
    if nodelist.is_null() {
        return INVALID;
    }
    // SAFETY: the caller promises a list that this function made, or none; the new member is checked before it is written.
    unsafe {
        let mut place = nodelist;
        while !(*place).is_null() {
            place = &raw mut (**place).dtnl_next;
        }
        let member = libc::calloc(1, size_of::<d_tm_nodeList_t>()).cast::<d_tm_nodeList_t>();
        if member.is_null() {
            return -(Code::Nomem as c_int);
        }
        member.write(d_tm_nodeList_t { dtnl_node: src, dtnl_next: core::ptr::null_mut() });
        place.write(member);
    }
    0
}

/// Frees a list, but not its nodes; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_tm_list_free(nodelist: *mut d_tm_nodeList_t) {
    let mut member = nodelist;
    while !member.is_null() {
        // SAFETY: the caller promises a list of d_tm_list_add_node() that is not used afterwards.
        unsafe {
            let next = (*member).dtnl_next;
            libc::free(member.cast());
            member = next;
        }
    }
}
