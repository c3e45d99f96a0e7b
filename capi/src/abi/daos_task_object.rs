//! `daos_task.h`: argument blocks of transaction, object, array and key-value calls.

use super::*;
use core::ffi::{c_char, c_int, c_uint, c_void};

/// Arguments of `daos_obj_register_class` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_obj_register_class_t {
    pub coh: daos_handle_t,
    pub cid: daos_oclass_id_t,
    pub cattr: *mut daos_oclass_attr,
}

/// Arguments of `daos_tx_open` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_tx_open_t {
    pub coh: daos_handle_t,
    pub th: *mut daos_handle_t,
    pub flags: u64,
}

/// Arguments of `daos_tx_commit` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_tx_commit_t {
    pub th: daos_handle_t,
    pub flags: u32,
}

/// Arguments of `daos_tx_abort` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_tx_abort_t {
    pub th: daos_handle_t,
}

/// Arguments of `daos_tx_open_snap` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_tx_open_snap_t {
    pub coh: daos_handle_t,
    pub epoch: daos_epoch_t,
    pub th: *mut daos_handle_t,
}

/// Arguments of `daos_tx_close` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_tx_close_t {
    pub th: daos_handle_t,
}

/// Arguments of `daos_tx_restart` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_tx_restart_t {
    pub th: daos_handle_t,
}

/// Arguments of `daos_obj_query_class` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_obj_query_class_t {
    pub coh: daos_handle_t,
    pub cid: daos_oclass_id_t,
    pub cattr: *mut daos_oclass_attr,
}

/// Arguments of `daos_obj_list_class` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_obj_list_class_t {
    pub coh: daos_handle_t,
    pub clist: *mut daos_oclass_list,
    pub anchor: *mut daos_anchor_t,
}

/// Arguments of `daos_obj_open` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_obj_open_t {
    pub coh: daos_handle_t,
    pub oid: daos_obj_id_t,
    pub mode: c_uint,
    pub oh: *mut daos_handle_t,
}

/// Arguments of `daos_obj_close` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_obj_close_t {
    pub oh: daos_handle_t,
}

/// Arguments of `daos_obj_punch` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_obj_punch_t {
    pub th: daos_handle_t,
    pub oh: daos_handle_t,
    pub dkey: *mut daos_key_t,
    pub akeys: *mut daos_key_t,
    pub flags: u64,
    pub akey_nr: c_uint,
}

/// Arguments of `daos_obj_query` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_obj_query_t {
    pub oh: daos_handle_t,
    pub th: daos_handle_t,
    pub oa: *mut daos_obj_attr,
    pub ranks: *mut d_rank_list_t,
}

/// Arguments of `daos_obj_query_key` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_obj_query_key_t {
    pub oh: daos_handle_t,
    pub th: daos_handle_t,
    pub dkey: *mut daos_key_t,
    pub akey: *mut daos_key_t,
    pub recx: *mut daos_recx_t,
    pub flags: u64,
    pub max_epoch: *mut daos_epoch_t,
}

/// Arguments of `daos_obj_rw` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_obj_rw_t {
    pub th: daos_handle_t,
    pub oh: daos_handle_t,
    pub flags: u64,
    pub dkey: *mut daos_key_t,
    pub nr: u32,
    pub extra_flags: u32,
    pub iods: *mut daos_iod_t,
    pub sgls: *mut d_sg_list_t,
    pub ioms: *mut daos_iom_t,
    pub extra_arg: *mut c_void,
    pub csum_iov: *mut d_iov_t,
}

/// Arguments of `daos_obj_sync` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_obj_sync_args {
    pub oh: daos_handle_t,
    pub epoch: daos_epoch_t,
    pub epochs_p: *mut *mut daos_epoch_t,
    pub nr: *mut c_int,
}

/// Arguments of `daos_obj_list` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_obj_list_t {
    pub oh: daos_handle_t,
    pub th: daos_handle_t,
    pub dkey: *mut daos_key_t,
    pub akey: *mut daos_key_t,
    pub nr: *mut u32,
    pub kds: *mut daos_key_desc_t,
    pub sgl: *mut d_sg_list_t,
    pub size: *mut daos_size_t,
    pub r#type: daos_iod_type_t,
    pub recxs: *mut daos_recx_t,
    pub eprs: *mut daos_epoch_range_t,
    pub anchor: *mut daos_anchor_t,
    pub dkey_anchor: *mut daos_anchor_t,
    pub akey_anchor: *mut daos_anchor_t,
    pub versions: *mut u32,
    pub csum: *mut d_iov_t,
    pub incr_order: bool,
}

/// Arguments of `daos_array_create` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_array_create_t {
    pub coh: daos_handle_t,
    pub oid: daos_obj_id_t,
    pub th: daos_handle_t,
    pub cell_size: daos_size_t,
    pub chunk_size: daos_size_t,
    pub oh: *mut daos_handle_t,
}

/// Arguments of `daos_array_open` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_array_open_t {
    pub coh: daos_handle_t,
    pub oid: daos_obj_id_t,
    pub th: daos_handle_t,
    pub mode: c_uint,
    pub open_with_attr: c_uint,
    pub cell_size: *mut daos_size_t,
    pub chunk_size: *mut daos_size_t,
    pub oh: *mut daos_handle_t,
}

/// Arguments of `daos_array_close` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_array_close_t {
    pub oh: daos_handle_t,
}

/// Arguments of `daos_array_io` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_array_io_t {
    pub oh: daos_handle_t,
    pub th: daos_handle_t,
    pub iod: *mut daos_array_iod_t,
    pub sgl: *mut d_sg_list_t,
}

/// Arguments of `daos_array_get_size` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_array_get_size_t {
    pub oh: daos_handle_t,
    pub th: daos_handle_t,
    pub size: *mut daos_size_t,
}

/// Arguments of `daos_array_stat` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_array_stat_t {
    pub oh: daos_handle_t,
    pub th: daos_handle_t,
    pub stbuf: *mut daos_array_stbuf_t,
}

/// Arguments of `daos_array_set_size` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_array_set_size_t {
    pub oh: daos_handle_t,
    pub th: daos_handle_t,
    pub size: daos_size_t,
}

/// Arguments of `daos_array_destroy` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_array_destroy_t {
    pub oh: daos_handle_t,
    pub th: daos_handle_t,
}

/// Arguments of `daos_kv_open` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_kv_open_t {
    pub coh: daos_handle_t,
    pub oid: daos_obj_id_t,
    pub mode: c_uint,
    pub oh: *mut daos_handle_t,
}

/// Arguments of `daos_kv_close` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_kv_close_t {
    pub oh: daos_handle_t,
}

/// Arguments of `daos_kv_destroy` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_kv_destroy_t {
    pub oh: daos_handle_t,
    pub th: daos_handle_t,
}

/// Arguments of `daos_kv_get` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_kv_get_t {
    pub oh: daos_handle_t,
    pub th: daos_handle_t,
    pub flags: u64,
    pub key: *const c_char,
    pub buf_size: *mut daos_size_t,
    pub buf: *mut c_void,
}

/// Arguments of `daos_kv_put` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_kv_put_t {
    pub oh: daos_handle_t,
    pub th: daos_handle_t,
    pub flags: u64,
    pub key: *const c_char,
    pub buf_size: daos_size_t,
    pub buf: *const c_void,
}

/// Arguments of `daos_kv_remove` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_kv_remove_t {
    pub oh: daos_handle_t,
    pub th: daos_handle_t,
    pub flags: u64,
    pub key: *const c_char,
}

/// Arguments of `daos_kv_list` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_kv_list_t {
    pub oh: daos_handle_t,
    pub th: daos_handle_t,
    pub nr: *mut u32,
    pub kds: *mut daos_key_desc_t,
    pub sgl: *mut d_sg_list_t,
    pub anchor: *mut daos_anchor_t,
}

/// Arguments of `daos_pipeline_run` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pipeline_run_t {
    pub oh: daos_handle_t,
    pub th: daos_handle_t,
    pub pipeline: *mut daos_pipeline_t,
    pub flags: u64,
    pub dkey: *mut daos_key_t,
    pub nr_iods: *mut u32,
    pub iods: *mut daos_iod_t,
    pub anchor: *mut daos_anchor_t,
    pub nr_kds: *mut u32,
    pub kds: *mut daos_key_desc_t,
    pub sgl_keys: *mut d_sg_list_t,
    pub sgl_recx: *mut d_sg_list_t,
    pub recx_size: *mut daos_size_t,
    pub sgl_agg: *mut d_sg_list_t,
    pub stats: *mut daos_pipeline_stats_t,
}
