//! The arguments of a task's call, spread over the parameters of the function that it stands for.

use core::ffi::{c_char, c_int, c_uint, c_void};

use daos_status::Code;

use crate::abi::*;
use crate::{array, container, container_attributes, container_security, kv, management, object};
use crate::{object_io, object_list, pool, pool_attributes, pool_filter, pool_target};

/// The call with no name in the list of calls.
const REGISTER_CLASS: daos_opc_t = 43;

/// What a call without a function answers.
const NOT_THERE: c_int = -(Code::Nosys as c_int);

/// Calls the function of a call with the arguments at `buffer`.
///
/// # Safety
/// The buffer has the arguments of this call; what they point to is as the function wants it. The event is initialised.
pub(super) unsafe fn begin(opcode: daos_opc_t, buffer: *mut c_void, ev: *mut daos_event_t) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        match opcode {
            DAOS_OPC_MGMT_LIST_POOLS..=DAOS_OPC_POOL_LIST_CONT | DAOS_OPC_POOL_FILTER_CONT => pools(opcode, buffer, ev),
            DAOS_OPC_CONT_CREATE..=DAOS_OPC_CONT_DEL_ATTR => containers(opcode, buffer, ev),
            DAOS_OPC_CONT_ALLOC_OIDS..=DAOS_OPC_TX_RESTART | DAOS_OPC_CONT_SNAP_OIT_CREATE => {
                versions(opcode, buffer, ev)
            }
            DAOS_OPC_ARRAY_CREATE..=DAOS_OPC_ARRAY_STAT => arrays(opcode, buffer, ev),
            DAOS_OPC_KV_OPEN..=DAOS_OPC_KV_LIST => key_values(opcode, buffer, ev),
            DAOS_OPC_OBJ_FETCH..=DAOS_OPC_OBJ_LIST_RECX => records(opcode, buffer, ev),
            _ => objects(opcode, buffer, ev),
        }
    }
}

/// A copy of the arguments.
macro_rules! arguments {
    ($buffer:ident as $type:ty) => {
        $buffer.cast::<$type>().read()
    };
}

/// The name that the arguments have: a label, or the text of a UUID, written to `room`.
fn name(label: *const c_char, uuid: uuid_t, room: &mut [c_char; 37]) -> *const c_char {
    if !label.is_null() {
        return label;
    }
    let mut place = 0;
    for (index, byte) in uuid.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            room[place] = b'-' as c_char;
            place += 1;
        }
        for digit in [byte >> 4, byte & 15] {
            room[place] = b"0123456789abcdef"[usize::from(digit)] as c_char;
            place += 1;
        }
    }
    room.as_ptr()
}

/// # Safety
/// As for [`begin`].
unsafe fn pools(opcode: daos_opc_t, buffer: *mut c_void, ev: *mut daos_event_t) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        match opcode {
            DAOS_OPC_MGMT_LIST_POOLS => {
                let a = arguments!(buffer as daos_mgmt_pool_list_t);
                management::daos_mgmt_list_pools(a.grp, a.npools, a.pools, ev)
            }
            DAOS_OPC_SET_PARAMS => {
                let a = arguments!(buffer as daos_set_params_t);
                daos_debug_set_params(a.grp, a.rank, a.key_id, a.value, a.value_extra, ev)
            }
            DAOS_OPC_MGMT_GET_BS_STATE => {
                let mut a = arguments!(buffer as daos_mgmt_get_bs_state_t);
                daos_mgmt_get_bs_state(a.grp, &raw mut a.uuid, a.state, ev)
            }
            DAOS_OPC_POOL_CONNECT => {
                let a = arguments!(buffer as daos_pool_connect_t);
                let mut room = [0; 37];
                pool::daos_pool_connect2(name(a.pool, a.uuid, &mut room), a.grp, a.flags, a.poh, a.info, ev)
            }
            DAOS_OPC_POOL_DISCONNECT => {
                pool::daos_pool_disconnect(arguments!(buffer as daos_pool_disconnect_t).poh, ev)
            }
            DAOS_OPC_POOL_QUERY => {
                let a = arguments!(buffer as daos_pool_query_t);
                pool::daos_pool_query(a.poh, a.ranks, a.info, a.prop, ev)
            }
            DAOS_OPC_POOL_QUERY_INFO => {
                let a = arguments!(buffer as daos_pool_query_target_t);
                pool_target::daos_pool_query_target(a.poh, a.tgt_idx, a.rank, a.info, ev)
            }
            DAOS_OPC_POOL_LIST_ATTR => {
                let a = arguments!(buffer as daos_pool_list_attr_t);
                pool_attributes::daos_pool_list_attr(a.poh, a.buf, a.size, ev)
            }
            DAOS_OPC_POOL_GET_ATTR => {
                let a = arguments!(buffer as daos_pool_get_attr_t);
                pool_attributes::daos_pool_get_attr(a.poh, a.n, a.names, a.values, a.sizes, ev)
            }
            DAOS_OPC_POOL_SET_ATTR => {
                let a = arguments!(buffer as daos_pool_set_attr_t);
                pool_attributes::daos_pool_set_attr(a.poh, a.n, a.names, a.values, a.sizes, ev)
            }
            DAOS_OPC_POOL_DEL_ATTR => {
                let a = arguments!(buffer as daos_pool_del_attr_t);
                pool_attributes::daos_pool_del_attr(a.poh, a.n, a.names, ev)
            }
            DAOS_OPC_POOL_STOP_SVC => daos_pool_stop_svc(arguments!(buffer as daos_pool_stop_svc_t).poh, ev),
            DAOS_OPC_POOL_LIST_CONT => {
                let a = arguments!(buffer as daos_pool_list_cont_t);
                pool::daos_pool_list_cont(a.poh, a.ncont, a.cont_buf, ev)
            }
            DAOS_OPC_POOL_FILTER_CONT => {
                let a = arguments!(buffer as daos_pool_filter_cont_t);
                pool_filter::daos_pool_filter_cont(a.poh, a.filt, a.ncont, a.cont_buf, ev)
            }
            _ => NOT_THERE,
        }
    }
}

/// # Safety
/// As for [`begin`].
unsafe fn containers(opcode: daos_opc_t, buffer: *mut c_void, ev: *mut daos_event_t) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        match opcode {
            DAOS_OPC_CONT_CREATE => {
                let a = arguments!(buffer as daos_cont_create_t);
                container::daos_cont_create2(a.poh, a.cuuid, a.prop, ev)
            }
            DAOS_OPC_CONT_OPEN => {
                let a = arguments!(buffer as daos_cont_open_t);
                let mut room = [0; 37];
                container::daos_cont_open2(a.poh, name(a.cont, a.uuid, &mut room), a.flags, a.coh, a.info, ev)
            }
            DAOS_OPC_CONT_CLOSE => container::daos_cont_close(arguments!(buffer as daos_cont_close_t).coh, ev),
            DAOS_OPC_CONT_DESTROY => {
                let a = arguments!(buffer as daos_cont_destroy_t);
                let mut room = [0; 37];
                container::daos_cont_destroy2(a.poh, name(a.cont, a.uuid, &mut room), a.force, ev)
            }
            DAOS_OPC_CONT_QUERY => {
                let a = arguments!(buffer as daos_cont_query_t);
                container::daos_cont_query(a.coh, a.info, a.prop, ev)
            }
            DAOS_OPC_CONT_SET_PROP => {
                let a = arguments!(buffer as daos_cont_set_prop_t);
                container::daos_cont_set_prop(a.coh, a.prop, ev)
            }
            DAOS_OPC_CONT_UPDATE_ACL => {
                let a = arguments!(buffer as daos_cont_update_acl_t);
                container_security::daos_cont_update_acl(a.coh, a.acl, ev)
            }
            DAOS_OPC_CONT_DELETE_ACL => {
                let a = arguments!(buffer as daos_cont_delete_acl_t);
                container_security::daos_cont_delete_acl(a.coh, a.r#type.into(), a.name, ev)
            }
            DAOS_OPC_CONT_AGGREGATE => {
                let a = arguments!(buffer as daos_cont_aggregate_t);
                daos_cont_aggregate(a.coh, a.epoch, ev)
            }
            DAOS_OPC_CONT_ROLLBACK => {
                let a = arguments!(buffer as daos_cont_rollback_t);
                daos_cont_rollback(a.coh, a.epoch, ev)
            }
            DAOS_OPC_CONT_SUBSCRIBE => {
                let a = arguments!(buffer as daos_cont_subscribe_t);
                daos_cont_subscribe(a.coh, a.epoch, ev)
            }
            DAOS_OPC_CONT_LIST_ATTR => {
                let a = arguments!(buffer as daos_cont_list_attr_t);
                container_attributes::daos_cont_list_attr(a.coh, a.buf, a.size, ev)
            }
            DAOS_OPC_CONT_GET_ATTR => {
                let a = arguments!(buffer as daos_cont_get_attr_t);
                container_attributes::daos_cont_get_attr(a.coh, a.n, a.names, a.values, a.sizes, ev)
            }
            DAOS_OPC_CONT_SET_ATTR => {
                let a = arguments!(buffer as daos_cont_set_attr_t);
                container_attributes::daos_cont_set_attr(a.coh, a.n, a.names, a.values, a.sizes, ev)
            }
            DAOS_OPC_CONT_DEL_ATTR => {
                let a = arguments!(buffer as daos_cont_del_attr_t);
                container_attributes::daos_cont_del_attr(a.coh, a.n, a.names, ev)
            }
            _ => NOT_THERE,
        }
    }
}

/// # Safety
/// As for [`begin`].
unsafe fn versions(opcode: daos_opc_t, buffer: *mut c_void, ev: *mut daos_event_t) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        match opcode {
            DAOS_OPC_CONT_ALLOC_OIDS => {
                let a = arguments!(buffer as daos_cont_alloc_oids_t);
                container::daos_cont_alloc_oids(a.coh, a.num_oids, a.oid, ev)
            }
            DAOS_OPC_CONT_LIST_SNAP => {
                let a = arguments!(buffer as daos_cont_list_snap_t);
                daos_cont_list_snap(a.coh, a.nr, a.epochs, a.names, a.anchor, ev)
            }
            DAOS_OPC_CONT_CREATE_SNAP => {
                let a = arguments!(buffer as daos_cont_create_snap_t);
                daos_cont_create_snap_opt(a.coh, a.epoch, a.name, a.opts, ev)
            }
            DAOS_OPC_CONT_DESTROY_SNAP => {
                let a = arguments!(buffer as daos_cont_destroy_snap_t);
                daos_cont_destroy_snap(a.coh, a.epr, ev)
            }
            DAOS_OPC_CONT_SNAP_OIT_CREATE => {
                let a = arguments!(buffer as daos_cont_snap_oit_create_t);
                daos_cont_snap_oit_create(a.coh, a.epoch, a.name, ev)
            }
            DAOS_OPC_TX_OPEN => {
                let a = arguments!(buffer as daos_tx_open_t);
                daos_tx_open(a.coh, a.th, a.flags, ev)
            }
            DAOS_OPC_TX_COMMIT => daos_tx_commit(arguments!(buffer as daos_tx_commit_t).th, ev),
            DAOS_OPC_TX_ABORT => daos_tx_abort(arguments!(buffer as daos_tx_abort_t).th, ev),
            DAOS_OPC_TX_OPEN_SNAP => {
                let a = arguments!(buffer as daos_tx_open_snap_t);
                daos_tx_open_snap(a.coh, a.epoch, a.th, ev)
            }
            DAOS_OPC_TX_CLOSE => daos_tx_close(arguments!(buffer as daos_tx_close_t).th, ev),
            DAOS_OPC_TX_RESTART => daos_tx_restart(arguments!(buffer as daos_tx_restart_t).th, ev),
            _ => NOT_THERE,
        }
    }
}

/// # Safety
/// As for [`begin`].
unsafe fn objects(opcode: daos_opc_t, buffer: *mut c_void, ev: *mut daos_event_t) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        match opcode {
            DAOS_OPC_OBJ_QUERY_CLASS => {
                let a = arguments!(buffer as daos_obj_query_class_t);
                daos_obj_query_class(a.coh, a.cid, a.cattr, ev)
            }
            DAOS_OPC_OBJ_LIST_CLASS => {
                let a = arguments!(buffer as daos_obj_list_class_t);
                daos_obj_list_class(a.coh, a.clist, a.anchor, ev)
            }
            REGISTER_CLASS => {
                let a = arguments!(buffer as daos_obj_register_class_t);
                daos_obj_register_class(a.coh, a.cid, a.cattr, ev)
            }
            DAOS_OPC_OBJ_OPEN => {
                let a = arguments!(buffer as daos_obj_open_t);
                object::daos_obj_open(a.coh, a.oid, a.mode, a.oh, ev)
            }
            DAOS_OPC_OBJ_CLOSE => object::daos_obj_close(arguments!(buffer as daos_obj_close_t).oh, ev),
            DAOS_OPC_OBJ_PUNCH => {
                let a = arguments!(buffer as daos_obj_punch_t);
                object::daos_obj_punch(a.oh, a.th, a.flags, ev)
            }
            DAOS_OPC_OBJ_PUNCH_DKEYS => {
                let a = arguments!(buffer as daos_obj_punch_t);
                object::daos_obj_punch_dkeys(a.oh, a.th, a.flags, 1, a.dkey, ev)
            }
            DAOS_OPC_OBJ_PUNCH_AKEYS => {
                let a = arguments!(buffer as daos_obj_punch_t);
                object::daos_obj_punch_akeys(a.oh, a.th, a.flags, a.dkey, a.akey_nr, a.akeys, ev)
            }
            DAOS_OPC_OBJ_QUERY => {
                let a = arguments!(buffer as daos_obj_query_t);
                daos_obj_query(a.oh, a.oa, a.ranks, ev)
            }
            DAOS_OPC_OBJ_KEY2ANCHOR => {
                let a = arguments!(buffer as daos_obj_list_t);
                daos_obj_key2anchor(a.oh, a.th, a.dkey, a.akey, a.anchor, ev)
            }
            DAOS_OPC_OBJ_QUERY_KEY => {
                let a = arguments!(buffer as daos_obj_query_key_t);
                if a.flags == 0 && !a.max_epoch.is_null() {
                    return object::daos_obj_query_max_epoch(a.oh, a.th, a.max_epoch, ev);
                }
                object_list::daos_obj_query_key(a.oh, a.th, a.flags, a.dkey, a.akey, a.recx, ev)
            }
            _ => NOT_THERE,
        }
    }
}

/// # Safety
/// As for [`begin`].
unsafe fn records(opcode: daos_opc_t, buffer: *mut c_void, ev: *mut daos_event_t) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        match opcode {
            DAOS_OPC_OBJ_FETCH => {
                let a = arguments!(buffer as daos_obj_rw_t);
                object_io::daos_obj_fetch(a.oh, a.th, a.flags, a.dkey, a.nr, a.iods, a.sgls, a.ioms, ev)
            }
            DAOS_OPC_OBJ_UPDATE => {
                let a = arguments!(buffer as daos_obj_rw_t);
                object_io::daos_obj_update(a.oh, a.th, a.flags, a.dkey, a.nr, a.iods, a.sgls, ev)
            }
            DAOS_OPC_OBJ_LIST_DKEY => {
                let a = arguments!(buffer as daos_obj_list_t);
                let anchor = first_of(a.dkey_anchor, a.anchor);
                object_list::daos_obj_list_dkey(a.oh, a.th, a.nr, a.kds, a.sgl, anchor, ev)
            }
            DAOS_OPC_OBJ_LIST_AKEY => {
                let a = arguments!(buffer as daos_obj_list_t);
                let anchor = first_of(a.akey_anchor, a.anchor);
                object_list::daos_obj_list_akey(a.oh, a.th, a.dkey, a.nr, a.kds, a.sgl, anchor, ev)
            }
            DAOS_OPC_OBJ_LIST_RECX => {
                let a = arguments!(buffer as daos_obj_list_t);
                let (size, order) = (a.size, a.incr_order);
                object_list::daos_obj_list_recx(
                    a.oh, a.th, a.dkey, a.akey, size, a.nr, a.recxs, a.eprs, a.anchor, order, ev,
                )
            }
            _ => NOT_THERE,
        }
    }
}

/// The first anchor that is there.
fn first_of(one: *mut daos_anchor_t, other: *mut daos_anchor_t) -> *mut daos_anchor_t {
    if one.is_null() { other } else { one }
}

/// # Safety
/// As for [`begin`].
unsafe fn arrays(opcode: daos_opc_t, buffer: *mut c_void, ev: *mut daos_event_t) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        match opcode {
            DAOS_OPC_ARRAY_CREATE => {
                let a = arguments!(buffer as daos_array_create_t);
                array::daos_array_create(a.coh, a.oid, a.th, a.cell_size, a.chunk_size, a.oh, ev)
            }
            DAOS_OPC_ARRAY_OPEN => {
                let a = arguments!(buffer as daos_array_open_t);
                if a.open_with_attr == 0 {
                    return array::daos_array_open(a.coh, a.oid, a.th, a.mode, a.cell_size, a.chunk_size, a.oh, ev);
                }
                if a.cell_size.is_null() || a.chunk_size.is_null() {
                    return -(Code::Inval as c_int);
                }
                let (cell, chunk) = (a.cell_size.read(), a.chunk_size.read());
                array::daos_array_open_with_attr(a.coh, a.oid, a.th, a.mode, cell, chunk, a.oh, ev)
            }
            DAOS_OPC_ARRAY_CLOSE => array::daos_array_close(arguments!(buffer as daos_array_close_t).oh, ev),
            DAOS_OPC_ARRAY_DESTROY => {
                let a = arguments!(buffer as daos_array_destroy_t);
                array::daos_array_destroy(a.oh, a.th, ev)
            }
            DAOS_OPC_ARRAY_READ => {
                let a = arguments!(buffer as daos_array_io_t);
                array::daos_array_read(a.oh, a.th, a.iod, a.sgl, ev)
            }
            DAOS_OPC_ARRAY_WRITE => {
                let a = arguments!(buffer as daos_array_io_t);
                array::daos_array_write(a.oh, a.th, a.iod, a.sgl, ev)
            }
            DAOS_OPC_ARRAY_PUNCH => {
                let a = arguments!(buffer as daos_array_io_t);
                array::daos_array_punch(a.oh, a.th, a.iod, ev)
            }
            DAOS_OPC_ARRAY_GET_SIZE => {
                let a = arguments!(buffer as daos_array_get_size_t);
                array::daos_array_get_size(a.oh, a.th, a.size, ev)
            }
            DAOS_OPC_ARRAY_SET_SIZE => {
                let a = arguments!(buffer as daos_array_set_size_t);
                array::daos_array_set_size(a.oh, a.th, a.size, ev)
            }
            DAOS_OPC_ARRAY_STAT => {
                let a = arguments!(buffer as daos_array_stat_t);
                array::daos_array_stat(a.oh, a.th, a.stbuf, ev)
            }
            _ => NOT_THERE,
        }
    }
}

/// # Safety
/// As for [`begin`].
unsafe fn key_values(opcode: daos_opc_t, buffer: *mut c_void, ev: *mut daos_event_t) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        match opcode {
            DAOS_OPC_KV_OPEN => {
                let a = arguments!(buffer as daos_kv_open_t);
                kv::daos_kv_open(a.coh, a.oid, a.mode, a.oh, ev)
            }
            DAOS_OPC_KV_CLOSE => kv::daos_kv_close(arguments!(buffer as daos_kv_close_t).oh, ev),
            DAOS_OPC_KV_DESTROY => {
                let a = arguments!(buffer as daos_kv_destroy_t);
                kv::daos_kv_destroy(a.oh, a.th, ev)
            }
            DAOS_OPC_KV_GET => {
                let a = arguments!(buffer as daos_kv_get_t);
                kv::daos_kv_get(a.oh, a.th, a.flags, a.key, a.buf_size, a.buf, ev)
            }
            DAOS_OPC_KV_PUT => {
                let a = arguments!(buffer as daos_kv_put_t);
                kv::daos_kv_put(a.oh, a.th, a.flags, a.key, a.buf_size, a.buf, ev)
            }
            DAOS_OPC_KV_REMOVE => {
                let a = arguments!(buffer as daos_kv_remove_t);
                kv::daos_kv_remove(a.oh, a.th, a.flags, a.key, ev)
            }
            DAOS_OPC_KV_LIST => {
                let a = arguments!(buffer as daos_kv_list_t);
                kv::daos_kv_list(a.oh, a.th, a.nr, a.kds, a.sgl, a.anchor, ev)
            }
            _ => NOT_THERE,
        }
    }
}

// Functions that are about to leave their modules: found by their C names.
unsafe extern "C" {
    fn daos_debug_set_params(
        grp: *const c_char,
        rank: d_rank_t,
        key_id: c_uint,
        value: u64,
        value_extra: u64,
        ev: *mut daos_event_t,
    ) -> c_int;
    fn daos_mgmt_get_bs_state(
        group: *const c_char,
        blobstore_uuid: *mut uuid_t,
        blobstore_state: *mut c_int,
        ev: *mut daos_event_t,
    ) -> c_int;
    fn daos_pool_stop_svc(poh: daos_handle_t, ev: *mut daos_event_t) -> c_int;
    fn daos_cont_aggregate(coh: daos_handle_t, epoch: daos_epoch_t, ev: *mut daos_event_t) -> c_int;
    fn daos_cont_rollback(coh: daos_handle_t, epoch: daos_epoch_t, ev: *mut daos_event_t) -> c_int;
    fn daos_cont_subscribe(coh: daos_handle_t, epoch: *mut daos_epoch_t, ev: *mut daos_event_t) -> c_int;
    fn daos_cont_list_snap(
        coh: daos_handle_t,
        nr: *mut c_int,
        epochs: *mut daos_epoch_t,
        names: *mut *mut c_char,
        anchor: *mut daos_anchor_t,
        ev: *mut daos_event_t,
    ) -> c_int;
    fn daos_cont_create_snap_opt(
        coh: daos_handle_t,
        epoch: *mut daos_epoch_t,
        name: *mut c_char,
        opts: c_uint,
        ev: *mut daos_event_t,
    ) -> c_int;
    fn daos_cont_destroy_snap(coh: daos_handle_t, epr: daos_epoch_range_t, ev: *mut daos_event_t) -> c_int;
    fn daos_cont_snap_oit_create(
        coh: daos_handle_t,
        epoch: daos_epoch_t,
        name: *mut c_char,
        ev: *mut daos_event_t,
    ) -> c_int;
    fn daos_tx_open(coh: daos_handle_t, th: *mut daos_handle_t, flags: u64, ev: *mut daos_event_t) -> c_int;
    fn daos_tx_commit(th: daos_handle_t, ev: *mut daos_event_t) -> c_int;
    fn daos_tx_abort(th: daos_handle_t, ev: *mut daos_event_t) -> c_int;
    fn daos_tx_open_snap(
        coh: daos_handle_t,
        epoch: daos_epoch_t,
        th: *mut daos_handle_t,
        ev: *mut daos_event_t,
    ) -> c_int;
    fn daos_tx_close(th: daos_handle_t, ev: *mut daos_event_t) -> c_int;
    fn daos_tx_restart(th: daos_handle_t, ev: *mut daos_event_t) -> c_int;
    fn daos_obj_register_class(
        coh: daos_handle_t,
        cid: daos_oclass_id_t,
        attr: *mut daos_oclass_attr,
        ev: *mut daos_event_t,
    ) -> c_int;
    fn daos_obj_query_class(
        coh: daos_handle_t,
        cid: daos_oclass_id_t,
        attr: *mut daos_oclass_attr,
        ev: *mut daos_event_t,
    ) -> c_int;
    fn daos_obj_list_class(
        coh: daos_handle_t,
        list: *mut daos_oclass_list,
        anchor: *mut daos_anchor_t,
        ev: *mut daos_event_t,
    ) -> c_int;
    fn daos_obj_key2anchor(
        oh: daos_handle_t,
        th: daos_handle_t,
        dkey: *mut daos_key_t,
        akey: *mut daos_key_t,
        anchor: *mut daos_anchor_t,
        ev: *mut daos_event_t,
    ) -> c_int;
    fn daos_obj_query(
        oh: daos_handle_t,
        oa: *mut daos_obj_attr,
        ranks: *mut d_rank_list_t,
        ev: *mut daos_event_t,
    ) -> c_int;
}
