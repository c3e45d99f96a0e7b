//! `gurt/fault_inject.h`: faults that tests put in.

use core::ffi::{c_char, c_int, c_ushort};

/// Where and how often a fault is put in.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_fault_attr_t {
    /// The number of the place.
    pub fa_id: u32,
    /// Only every so many times.
    pub fa_interval: u32,
    /// Only so often; 0: without limit.
    pub fa_max_faults: u64,
    /// So often until now.
    pub fa_num_faults: u64,
    /// How often the place was passed.
    pub fa_num_hits: u64,
    /// Words for the place.
    pub fa_argument: *mut c_char,
    /// A spin lock.
    pub fa_lock: c_int,
    /// The error to be given.
    pub fa_err_code: i32,
    /// State of nrand48().
    pub fa_rand_state: [c_ushort; 3],
    /// The probability is x by y.
    pub fa_probability_x: u32,
    pub fa_probability_y: u32,
}
