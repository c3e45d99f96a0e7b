//! `gurt/telemetry_common.h`: numbers that an engine publishes about itself.

use core::ffi::{c_char, c_int, c_void};

use libc::{pthread_mutex_t, timespec};

c_enum! {
    /// Kinds of nodes.
    pub enum anonymous: u32 {
        /// A group of others.
        D_TM_DIRECTORY = 0x001,
        /// A number that grows.
        D_TM_COUNTER = 0x002,
        /// A time.
        D_TM_TIMESTAMP = 0x004,
        /// The reading of a clock.
        D_TM_TIMER_SNAPSHOT = 0x008,
        /// How long something took.
        D_TM_DURATION = 0x010,
        /// A number that grows and shrinks.
        D_TM_GAUGE = 0x020,
        /// Such a number, with statistics.
        D_TM_STATS_GAUGE = 0x040,
        /// Of the clock that tells the time.
        D_TM_CLOCK_REALTIME = 0x080,
        /// Of the clock of the process.
        D_TM_CLOCK_PROCESS_CPUTIME = 0x100,
        /// Of the clock of the thread.
        D_TM_CLOCK_THREAD_CPUTIME = 0x200,
        /// Points to a group in another piece of memory.
        D_TM_LINK = 0x400,
        /// The use of memory.
        D_TM_MEMINFO = 0x800,
        /// All of them.
        D_TM_ALL_NODES = 0xc7f,
    }
}

c_enum! {
    /// Forms of printed numbers.
    pub enum anonymous: u32 {
        /// For people.
        D_TM_STANDARD = 0x001,
        /// Values with commas between them.
        D_TM_CSV = 0x002,
    }
}

c_enum! {
    /// What is printed beside the numbers.
    pub enum anonymous: u32 {
        /// The time of day.
        D_TM_INCLUDE_TIMESTAMP = 0x001,
        /// Descriptions and units.
        D_TM_INCLUDE_METADATA = 0x002,
        /// The kind.
        D_TM_INCLUDE_TYPE = 0x004,
    }
}

/// Where an engine's numbers are read from.
#[repr(C)]
pub struct d_tm_context {
    _opaque: [u8; 0],
}

/// Statistics of a number.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_tm_stats_t {
    pub dtm_min: u64,
    pub dtm_max: u64,
    pub dtm_sum: u64,
    pub std_dev: f64,
    pub mean: f64,
    pub sum_of_squares: f64,
    pub sample_size: u64,
}

/// A range of values, and how many fell into it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_tm_bucket_t {
    pub dtb_min: u64,
    pub dtb_max: u64,
    pub dtb_bucket: *mut d_tm_node_t,
}

/// How values are spread.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_tm_histogram_t {
    pub dth_buckets: *mut d_tm_bucket_t,
    pub dth_fast_bucketing: bool,
    pub dth_num_buckets: c_int,
    pub dth_initial_width: c_int,
    pub dth_value_multiplier: c_int,
}

/// The use of memory, as mallinfo() tells it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_tm_meminfo_t {
    pub arena: u64,
    pub ordblks: u64,
    pub uordblks: u64,
    pub fordblks: u64,
}

/// The value of a node, whose kind says which member counts.
#[repr(C)]
#[derive(Clone, Copy)]
pub union AnonymousMetricData {
    pub value: u64,
    pub tms: [timespec; 2],
    pub meminfo: d_tm_meminfo_t,
}

/// What a node says.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_tm_metric_t {
    pub dtm_data: AnonymousMetricData,
    pub dtm_stats: *mut d_tm_stats_t,
    pub dtm_histogram: *mut d_tm_histogram_t,
    pub dtm_desc: *mut c_char,
    pub dtm_units: *mut c_char,
}

/// One number, or a group of them.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_tm_node_t {
    /// The first of its group.
    pub dtn_child: *mut d_tm_node_t,
    /// The next of the group that it is in.
    pub dtn_sibling: *mut d_tm_node_t,
    pub dtn_name: *mut c_char,
    /// Kinds.
    pub dtn_type: c_int,
    /// The key of the shared memory that it is in.
    pub dtn_shmem_key: c_int,
    pub dtn_lock: pthread_mutex_t,
    pub dtn_metric: *mut d_tm_metric_t,
    /// Whether the lock is taken for each change.
    pub dtn_protect: bool,
    /// Whether it is complete.
    pub dtn_readable: bool,
}

/// A list of nodes, which d_tm_list_free() frees.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_tm_nodeList_t {
    pub dtnl_node: *mut d_tm_node_t,
    pub dtnl_next: *mut d_tm_nodeList_t,
}

/// Called for each node of d_tm_iterate().
pub type d_tm_iter_cb_t = Option<
    unsafe extern "C" fn(
        ctx: *mut d_tm_context,
        node: *mut d_tm_node_t,
        level: c_int,
        path: *mut c_char,
        format: c_int,
        opt_fields: c_int,
        cb_arg: *mut c_void,
    ),
>;
