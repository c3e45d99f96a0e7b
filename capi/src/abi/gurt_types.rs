//! `gurt/types.h`: buffers, scatter-gather lists, ranks and UUIDs.

use core::ffi::{c_char, c_int, c_void};

/// The number of an engine within a system.
pub type d_rank_t = u32;
/// A zero-terminated string that the callee may change.
pub type d_string_t = *mut c_char;
/// A zero-terminated string that the callee only reads.
pub type d_const_string_t = *const c_char;
/// A UUID of sixteen bytes, most significant first.
pub type uuid_t = [u8; 16];

/// A UUID as a structure, to be passed and assigned by value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_uuid {
    pub uuid: uuid_t,
}

/// A buffer: its address, its size and how much of it is in use.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_iov_t {
    pub iov_buf: *mut c_void,
    pub iov_buf_len: usize,
    pub iov_len: usize,
}

/// A list of ranks.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_rank_list_t {
    pub rl_ranks: *mut d_rank_t,
    pub rl_nr: u32,
}

/// Ranks `lo` to `hi`, both included.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_rank_range_t {
    pub lo: d_rank_t,
    pub hi: d_rank_t,
}

/// A list of ranges of ranks.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_rank_range_list_t {
    pub rrl_ranges: *mut d_rank_range_t,
    pub rrl_nr: u32,
}

/// A scatter-gather list: `sg_nr` buffers, used one after the other; `sg_nr_out` of them were filled.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_sg_list_t {
    pub sg_nr: u32,
    pub sg_nr_out: u32,
    pub sg_iovs: *mut d_iov_t,
}

/// A string that grows; `status` is not zero after it could not.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_string_buffer_t {
    pub status: c_int,
    pub str_size: usize,
    pub buf_size: usize,
    pub str: *mut c_char,
}
