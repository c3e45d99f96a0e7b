//! `daos_task.h`: argument blocks of system, pool and container calls.

use super::*;
use core::ffi::{c_char, c_int, c_uint, c_void};

/// Arguments of `daos_set_params` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_set_params_t {
    pub grp: *const c_char,
    pub rank: d_rank_t,
    pub key_id: u32,
    pub value: u64,
    pub value_extra: u64,
}

/// Arguments of `daos_pool_connect` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_connect_t {
    pub uuid: uuid_t,
    pub grp: *const c_char,
    pub flags: c_uint,
    pub poh: *mut daos_handle_t,
    pub info: *mut daos_pool_info_t,
    pub pool: *const c_char,
}

/// Arguments of `daos_pool_disconnect` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_disconnect_t {
    pub poh: daos_handle_t,
}

/// Arguments of `daos_pool_update` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_update_t {
    pub uuid: uuid_t,
    pub grp: *const c_char,
    pub svc: *mut d_rank_list_t,
    pub tgts: *mut d_tgt_list,
}

/// Arguments of `daos_mgmt_pool_list` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_mgmt_pool_list_t {
    pub grp: *const c_char,
    pub pools: *mut daos_mgmt_pool_info_t,
    pub npools: *mut daos_size_t,
}

/// Arguments of `daos_pool_query` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_query_t {
    pub poh: daos_handle_t,
    pub ranks: *mut *mut d_rank_list_t,
    pub info: *mut daos_pool_info_t,
    pub prop: *mut daos_prop_t,
}

/// Arguments of `daos_pool_query_target` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_query_target_t {
    pub poh: daos_handle_t,
    pub tgt_idx: u32,
    pub rank: d_rank_t,
    pub info: *mut daos_target_info_t,
}

/// Arguments of `daos_pool_list_cont` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_list_cont_t {
    pub poh: daos_handle_t,
    pub ncont: *mut daos_size_t,
    pub cont_buf: *mut daos_pool_cont_info,
}

/// Arguments of `daos_pool_filter_cont` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_filter_cont_t {
    pub poh: daos_handle_t,
    pub filt: *mut daos_pool_cont_filter_t,
    pub ncont: *mut daos_size_t,
    pub cont_buf: *mut daos_pool_cont_info2,
}

/// Arguments of `daos_pool_list_attr` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_list_attr_t {
    pub poh: daos_handle_t,
    pub buf: *mut c_char,
    pub size: *mut usize,
}

/// Arguments of `daos_pool_get_attr` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_get_attr_t {
    pub poh: daos_handle_t,
    pub n: c_int,
    pub names: *const *const c_char,
    pub values: *const *mut c_void,
    pub sizes: *mut usize,
}

/// Arguments of `daos_pool_set_attr` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_set_attr_t {
    pub poh: daos_handle_t,
    pub n: c_int,
    pub names: *const *const c_char,
    pub values: *const *const c_void,
    pub sizes: *const usize,
}

/// Arguments of `daos_pool_del_attr` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_del_attr_t {
    pub poh: daos_handle_t,
    pub n: c_int,
    pub names: *const *const c_char,
}

/// Arguments of `daos_pool_replicas` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_replicas_t {
    pub uuid: uuid_t,
    pub group: *const c_char,
    pub targets: *mut d_rank_list_t,
    pub failed: *mut d_rank_list_t,
}

/// Arguments of `daos_mgmt_get_bs_state` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_mgmt_get_bs_state_t {
    pub grp: *const c_char,
    pub uuid: uuid_t,
    pub state: *mut c_int,
}

/// Arguments of `daos_pool_stop_svc` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_stop_svc_t {
    pub poh: daos_handle_t,
}

/// Arguments of `daos_cont_create` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_create_t {
    pub poh: daos_handle_t,
    pub uuid: uuid_t,
    pub prop: *mut daos_prop_t,
    pub cuuid: *mut uuid_t,
}

/// Arguments of `daos_cont_open` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_open_t {
    pub poh: daos_handle_t,
    pub uuid: uuid_t,
    pub flags: c_uint,
    pub coh: *mut daos_handle_t,
    pub info: *mut daos_cont_info_t,
    pub cont: *const c_char,
}

/// Arguments of `daos_cont_close` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_close_t {
    pub coh: daos_handle_t,
}

/// Arguments of `daos_cont_destroy` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_destroy_t {
    pub poh: daos_handle_t,
    pub uuid: uuid_t,
    pub force: c_int,
    pub cont: *const c_char,
}

/// Arguments of `daos_cont_query` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_query_t {
    pub coh: daos_handle_t,
    pub info: *mut daos_cont_info_t,
    pub prop: *mut daos_prop_t,
}

/// Arguments of `daos_cont_set_prop` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_set_prop_t {
    pub coh: daos_handle_t,
    pub prop: *mut daos_prop_t,
}

/// Arguments of `daos_cont_update_acl` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_update_acl_t {
    pub coh: daos_handle_t,
    pub acl: *mut daos_acl,
}

/// Arguments of `daos_cont_delete_acl` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_delete_acl_t {
    pub coh: daos_handle_t,
    pub r#type: u8,
    pub name: d_string_t,
}

/// Arguments of `daos_cont_aggregate` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_aggregate_t {
    pub coh: daos_handle_t,
    pub epoch: daos_epoch_t,
}

/// Arguments of `daos_cont_rollback` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_rollback_t {
    pub coh: daos_handle_t,
    pub epoch: daos_epoch_t,
}

/// Arguments of `daos_cont_subscribe` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_subscribe_t {
    pub coh: daos_handle_t,
    pub epoch: *mut daos_epoch_t,
}

/// Arguments of `daos_cont_list_attr` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_list_attr_t {
    pub coh: daos_handle_t,
    pub buf: *mut c_char,
    pub size: *mut usize,
}

/// Arguments of `daos_cont_get_attr` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_get_attr_t {
    pub coh: daos_handle_t,
    pub n: c_int,
    pub names: *const *const c_char,
    pub values: *const *mut c_void,
    pub sizes: *mut usize,
}

/// Arguments of `daos_cont_set_attr` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_set_attr_t {
    pub coh: daos_handle_t,
    pub n: c_int,
    pub names: *const *const c_char,
    pub values: *const *const c_void,
    pub sizes: *const usize,
}

/// Arguments of `daos_cont_del_attr` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_del_attr_t {
    pub coh: daos_handle_t,
    pub n: c_int,
    pub names: *const *const c_char,
}

/// Arguments of `daos_cont_alloc_oids` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_alloc_oids_t {
    pub coh: daos_handle_t,
    pub num_oids: daos_size_t,
    pub oid: *mut u64,
}

/// Arguments of `daos_cont_list_snap` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_list_snap_t {
    pub coh: daos_handle_t,
    pub nr: *mut c_int,
    pub epochs: *mut daos_epoch_t,
    pub names: *mut *mut c_char,
    pub anchor: *mut daos_anchor_t,
}

/// Arguments of `daos_cont_create_snap` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_create_snap_t {
    pub coh: daos_handle_t,
    pub opts: c_uint,
    pub epoch: *mut daos_epoch_t,
    pub name: *mut c_char,
}

/// Arguments of `daos_cont_destroy_snap` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_destroy_snap_t {
    pub coh: daos_handle_t,
    pub epr: daos_epoch_range_t,
}

/// Arguments of `daos_cont_snap_oit_oid_get` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_snap_oit_oid_get_t {
    pub coh: daos_handle_t,
    pub epoch: daos_epoch_t,
    pub oid: *mut daos_obj_id_t,
}

/// Arguments of `daos_cont_snap_oit_create` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_snap_oit_create_t {
    pub coh: daos_handle_t,
    pub epoch: daos_epoch_t,
    pub name: *mut c_char,
}

/// Arguments of `daos_cont_snap_oit_destroy` made as a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_snap_oit_destroy_t {
    pub coh: daos_handle_t,
    pub epoch: daos_epoch_t,
}
