//! The arguments of a task's call, spread over the parameters of the function that it stands for.

use core::ffi::{c_char, c_int, c_void};

use daos_client::PoolTargetsAction;
use daos_status::Code;

use super::only;
use crate::abi::*;
use crate::pointer::Caller;
use crate::{
    array, container, container_attributes, container_security, debug, kv, management, object, object_io, object_list,
    object_registry, object_view, pool, pool_attributes, pool_filter, pool_target, snapshot, transaction,
};

/// The call with no name in the list of calls.
const REGISTER_CLASS: daos_opc_t = 43;

/// What a call without a function answers.
const NOT_THERE: c_int = -(Code::Nosys as c_int);

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

/// The first anchor that is there.
fn first_of(one: *mut daos_anchor_t, other: *mut daos_anchor_t) -> *mut daos_anchor_t {
    if one.is_null() { other } else { one }
}

/// One call stands for two functions: the attributes are asked for, or given.
///
/// # Safety
/// As for [`begin`].
unsafe fn open_array(a: daos_array_open_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        if a.open_with_attr == 0 {
            return array::daos_array_open(a.coh, a.oid, a.th, a.mode, a.cell_size, a.chunk_size, a.oh, ev);
        }
        let caller = Caller::promised();
        let given = (caller.read(a.cell_size, "cell_size"), caller.read(a.chunk_size, "chunk_size"));
        let (Ok(cell), Ok(chunk)) = given else { return -(Code::Inval as c_int) };
        array::daos_array_open_with_attr(a.coh, a.oid, a.th, a.mode, cell, chunk, a.oh, ev)
    }
}

/// Makes [`begin`] of a table: each call with the type of its arguments, and the function that gets them.
macro_rules! calls {
    (|$ev:ident| $($opcode:ident => |$a:ident: $type:ty| $call:expr;)*) => {
        /// Calls the function of a call with the arguments at `buffer`.
        ///
        /// # Safety
        /// The buffer has the arguments of this call; what they point to is as the function wants it. The event is
        /// initialised.
        pub(super) unsafe fn begin(opcode: daos_opc_t, buffer: *mut c_void, $ev: *mut daos_event_t) -> c_int {
            // SAFETY: promised by the caller.
            unsafe {
                match opcode {
                    $($opcode => {
                        let $a = buffer.cast::<$type>().read();
                        $call
                    })*
                    _ => NOT_THERE,
                }
            }
        }
    };
}

calls! { |ev|
    DAOS_OPC_MGMT_LIST_POOLS => |a: daos_mgmt_pool_list_t| {
        management::daos_mgmt_list_pools(a.grp, a.npools, a.pools, ev)
    };
    DAOS_OPC_SET_PARAMS => |a: daos_set_params_t| {
        debug::daos_debug_set_params(a.grp, a.rank, a.key_id, a.value, a.value_extra, ev)
    };
    DAOS_OPC_MGMT_GET_BS_STATE => |a: daos_mgmt_get_bs_state_t| {
        let mut uuid = a.uuid;
        management::daos_mgmt_get_bs_state(a.grp, uuid.as_mut_ptr(), a.state, ev)
    };
    DAOS_OPC_POOL_CONNECT => |a: daos_pool_connect_t| {
        let mut room = [0; 37];
        pool::daos_pool_connect2(name(a.pool, a.uuid, &mut room), a.grp, a.flags, a.poh, a.info, ev)
    };
    DAOS_OPC_POOL_DISCONNECT => |a: daos_pool_disconnect_t| pool::daos_pool_disconnect(a.poh, ev);
    DAOS_OPC_POOL_EXCLUDE => |a: daos_pool_update_t| {
        only::change_targets("daos_pool_exclude", PoolTargetsAction::Exclude, a, ev)
    };
    DAOS_OPC_POOL_EXCLUDE_OUT => |a: daos_pool_update_t| {
        only::change_targets("daos_pool_exclude_out", PoolTargetsAction::ExcludeOut, a, ev)
    };
    DAOS_OPC_POOL_ADD => |a: daos_pool_update_t| {
        only::change_targets("daos_pool_add", PoolTargetsAction::Reintegrate, a, ev)
    };
    DAOS_OPC_POOL_QUERY => |a: daos_pool_query_t| pool::daos_pool_query(a.poh, a.ranks, a.info, a.prop, ev);
    DAOS_OPC_POOL_QUERY_INFO => |a: daos_pool_query_target_t| {
        pool_target::daos_pool_query_target(a.poh, a.tgt_idx, a.rank, a.info, ev)
    };
    DAOS_OPC_POOL_LIST_ATTR => |a: daos_pool_list_attr_t| {
        pool_attributes::daos_pool_list_attr(a.poh, a.buf, a.size, ev)
    };
    DAOS_OPC_POOL_GET_ATTR => |a: daos_pool_get_attr_t| {
        pool_attributes::daos_pool_get_attr(a.poh, a.n, a.names, a.values, a.sizes, ev)
    };
    DAOS_OPC_POOL_SET_ATTR => |a: daos_pool_set_attr_t| {
        pool_attributes::daos_pool_set_attr(a.poh, a.n, a.names, a.values, a.sizes, ev)
    };
    DAOS_OPC_POOL_DEL_ATTR => |a: daos_pool_del_attr_t| pool_attributes::daos_pool_del_attr(a.poh, a.n, a.names, ev);
    DAOS_OPC_POOL_STOP_SVC => |a: daos_pool_stop_svc_t| management::daos_pool_stop_svc(a.poh, ev);
    DAOS_OPC_POOL_LIST_CONT => |a: daos_pool_list_cont_t| pool::daos_pool_list_cont(a.poh, a.ncont, a.cont_buf, ev);
    DAOS_OPC_POOL_FILTER_CONT => |a: daos_pool_filter_cont_t| {
        pool_filter::daos_pool_filter_cont(a.poh, a.filt, a.ncont, a.cont_buf, ev)
    };
    DAOS_OPC_CONT_CREATE => |a: daos_cont_create_t| container::daos_cont_create2(a.poh, a.cuuid, a.prop, ev);
    DAOS_OPC_CONT_OPEN => |a: daos_cont_open_t| {
        let mut room = [0; 37];
        container::daos_cont_open2(a.poh, name(a.cont, a.uuid, &mut room), a.flags, a.coh, a.info, ev)
    };
    DAOS_OPC_CONT_CLOSE => |a: daos_cont_close_t| container::daos_cont_close(a.coh, ev);
    DAOS_OPC_CONT_DESTROY => |a: daos_cont_destroy_t| {
        let mut room = [0; 37];
        container::daos_cont_destroy2(a.poh, name(a.cont, a.uuid, &mut room), a.force, ev)
    };
    DAOS_OPC_CONT_QUERY => |a: daos_cont_query_t| container::daos_cont_query(a.coh, a.info, a.prop, ev);
    DAOS_OPC_CONT_SET_PROP => |a: daos_cont_set_prop_t| container::daos_cont_set_prop(a.coh, a.prop, ev);
    DAOS_OPC_CONT_UPDATE_ACL => |a: daos_cont_update_acl_t| container_security::daos_cont_update_acl(a.coh, a.acl, ev);
    DAOS_OPC_CONT_DELETE_ACL => |a: daos_cont_delete_acl_t| {
        container_security::daos_cont_delete_acl(a.coh, a.r#type.into(), a.name, ev)
    };
    DAOS_OPC_CONT_AGGREGATE => |a: daos_cont_aggregate_t| snapshot::daos_cont_aggregate(a.coh, a.epoch, ev);
    DAOS_OPC_CONT_ROLLBACK => |a: daos_cont_rollback_t| snapshot::daos_cont_rollback(a.coh, a.epoch, ev);
    DAOS_OPC_CONT_SUBSCRIBE => |a: daos_cont_subscribe_t| snapshot::daos_cont_subscribe(a.coh, a.epoch, ev);
    DAOS_OPC_CONT_LIST_ATTR => |a: daos_cont_list_attr_t| {
        container_attributes::daos_cont_list_attr(a.coh, a.buf, a.size, ev)
    };
    DAOS_OPC_CONT_GET_ATTR => |a: daos_cont_get_attr_t| {
        container_attributes::daos_cont_get_attr(a.coh, a.n, a.names, a.values, a.sizes, ev)
    };
    DAOS_OPC_CONT_SET_ATTR => |a: daos_cont_set_attr_t| {
        container_attributes::daos_cont_set_attr(a.coh, a.n, a.names, a.values, a.sizes, ev)
    };
    DAOS_OPC_CONT_DEL_ATTR => |a: daos_cont_del_attr_t| {
        container_attributes::daos_cont_del_attr(a.coh, a.n, a.names, ev)
    };
    DAOS_OPC_CONT_ALLOC_OIDS => |a: daos_cont_alloc_oids_t| {
        container::daos_cont_alloc_oids(a.coh, a.num_oids, a.oid, ev)
    };
    DAOS_OPC_CONT_LIST_SNAP => |a: daos_cont_list_snap_t| {
        snapshot::daos_cont_list_snap(a.coh, a.nr, a.epochs, a.names, a.anchor, ev)
    };
    DAOS_OPC_CONT_CREATE_SNAP => |a: daos_cont_create_snap_t| {
        snapshot::daos_cont_create_snap_opt(a.coh, a.epoch, a.name, a.opts, ev)
    };
    DAOS_OPC_CONT_DESTROY_SNAP => |a: daos_cont_destroy_snap_t| snapshot::daos_cont_destroy_snap(a.coh, a.epr, ev);
    DAOS_OPC_CONT_SNAP_OIT_CREATE => |a: daos_cont_snap_oit_create_t| {
        snapshot::daos_cont_snap_oit_create(a.coh, a.epoch, a.name, ev)
    };
    DAOS_OPC_CONT_SNAP_OIT_DESTROY => |a: daos_cont_snap_oit_destroy_t| {
        snapshot::destroy_object_table(a.coh, a.epoch, ev)
    };
    DAOS_OPC_TX_OPEN => |a: daos_tx_open_t| transaction::daos_tx_open(a.coh, a.th, a.flags, ev);
    DAOS_OPC_TX_COMMIT => |a: daos_tx_commit_t| transaction::daos_tx_commit(a.th, ev);
    DAOS_OPC_TX_ABORT => |a: daos_tx_abort_t| transaction::daos_tx_abort(a.th, ev);
    DAOS_OPC_TX_OPEN_SNAP => |a: daos_tx_open_snap_t| transaction::daos_tx_open_snap(a.coh, a.epoch, a.th, ev);
    DAOS_OPC_TX_CLOSE => |a: daos_tx_close_t| transaction::daos_tx_close(a.th, ev);
    DAOS_OPC_TX_RESTART => |a: daos_tx_restart_t| transaction::daos_tx_restart(a.th, ev);
    DAOS_OPC_OBJ_QUERY_CLASS => |a: daos_obj_query_class_t| {
        object_registry::daos_obj_query_class(a.coh, a.cid, a.cattr, ev)
    };
    DAOS_OPC_OBJ_LIST_CLASS => |a: daos_obj_list_class_t| {
        object_registry::daos_obj_list_class(a.coh, a.clist, a.anchor, ev)
    };
    REGISTER_CLASS => |a: daos_obj_register_class_t| {
        object_registry::daos_obj_register_class(a.coh, a.cid, a.cattr, ev)
    };
    DAOS_OPC_OBJ_OPEN => |a: daos_obj_open_t| object::daos_obj_open(a.coh, a.oid, a.mode, a.oh, ev);
    DAOS_OPC_OBJ_CLOSE => |a: daos_obj_close_t| object::daos_obj_close(a.oh, ev);
    DAOS_OPC_OBJ_PUNCH => |a: daos_obj_punch_t| object::daos_obj_punch(a.oh, a.th, a.flags, ev);
    DAOS_OPC_OBJ_PUNCH_DKEYS => |a: daos_obj_punch_t| object::daos_obj_punch_dkeys(a.oh, a.th, a.flags, 1, a.dkey, ev);
    DAOS_OPC_OBJ_PUNCH_AKEYS => |a: daos_obj_punch_t| {
        object::daos_obj_punch_akeys(a.oh, a.th, a.flags, a.dkey, a.akey_nr, a.akeys, ev)
    };
    DAOS_OPC_OBJ_QUERY => |a: daos_obj_query_t| object_view::daos_obj_query(a.oh, a.oa, a.ranks, ev);
    DAOS_OPC_OBJ_KEY2ANCHOR => |a: daos_obj_list_t| {
        object_view::daos_obj_key2anchor(a.oh, a.th, a.dkey, a.akey, a.anchor, ev)
    };
    DAOS_OPC_OBJ_QUERY_KEY => |a: daos_obj_query_key_t| match a.flags {
        0 if !a.max_epoch.is_null() => object::daos_obj_query_max_epoch(a.oh, a.th, a.max_epoch, ev),
        flags => object_list::daos_obj_query_key(a.oh, a.th, flags, a.dkey, a.akey, a.recx, ev),
    };
    DAOS_OPC_OBJ_SYNC => |a: daos_obj_sync_args| only::sync_object(a, ev);
    DAOS_OPC_OBJ_FETCH => |a: daos_obj_rw_t| {
        object_io::daos_obj_fetch(a.oh, a.th, a.flags, a.dkey, a.nr, a.iods, a.sgls, a.ioms, ev)
    };
    DAOS_OPC_OBJ_UPDATE => |a: daos_obj_rw_t| {
        object_io::daos_obj_update(a.oh, a.th, a.flags, a.dkey, a.nr, a.iods, a.sgls, ev)
    };
    DAOS_OPC_OBJ_LIST_DKEY => |a: daos_obj_list_t| {
        let anchor = first_of(a.dkey_anchor, a.anchor);
        object_list::daos_obj_list_dkey(a.oh, a.th, a.nr, a.kds, a.sgl, anchor, ev)
    };
    DAOS_OPC_OBJ_LIST_AKEY => |a: daos_obj_list_t| {
        let anchor = first_of(a.akey_anchor, a.anchor);
        object_list::daos_obj_list_akey(a.oh, a.th, a.dkey, a.nr, a.kds, a.sgl, anchor, ev)
    };
    DAOS_OPC_OBJ_LIST_RECX => |a: daos_obj_list_t| {
        let (nr, order) = (a.nr, a.incr_order);
        object_list::daos_obj_list_recx(a.oh, a.th, a.dkey, a.akey, a.size, nr, a.recxs, a.eprs, a.anchor, order, ev)
    };
    DAOS_OPC_ARRAY_CREATE => |a: daos_array_create_t| {
        array::daos_array_create(a.coh, a.oid, a.th, a.cell_size, a.chunk_size, a.oh, ev)
    };
    DAOS_OPC_ARRAY_OPEN => |a: daos_array_open_t| open_array(a, ev);
    DAOS_OPC_ARRAY_CLOSE => |a: daos_array_close_t| array::daos_array_close(a.oh, ev);
    DAOS_OPC_ARRAY_DESTROY => |a: daos_array_destroy_t| array::daos_array_destroy(a.oh, a.th, ev);
    DAOS_OPC_ARRAY_READ => |a: daos_array_io_t| array::daos_array_read(a.oh, a.th, a.iod, a.sgl, ev);
    DAOS_OPC_ARRAY_WRITE => |a: daos_array_io_t| array::daos_array_write(a.oh, a.th, a.iod, a.sgl, ev);
    DAOS_OPC_ARRAY_PUNCH => |a: daos_array_io_t| array::daos_array_punch(a.oh, a.th, a.iod, ev);
    DAOS_OPC_ARRAY_GET_SIZE => |a: daos_array_get_size_t| array::daos_array_get_size(a.oh, a.th, a.size, ev);
    DAOS_OPC_ARRAY_SET_SIZE => |a: daos_array_set_size_t| array::daos_array_set_size(a.oh, a.th, a.size, ev);
    DAOS_OPC_ARRAY_STAT => |a: daos_array_stat_t| array::daos_array_stat(a.oh, a.th, a.stbuf, ev);
    DAOS_OPC_KV_OPEN => |a: daos_kv_open_t| kv::daos_kv_open(a.coh, a.oid, a.mode, a.oh, ev);
    DAOS_OPC_KV_CLOSE => |a: daos_kv_close_t| kv::daos_kv_close(a.oh, ev);
    DAOS_OPC_KV_DESTROY => |a: daos_kv_destroy_t| kv::daos_kv_destroy(a.oh, a.th, ev);
    DAOS_OPC_KV_GET => |a: daos_kv_get_t| kv::daos_kv_get(a.oh, a.th, a.flags, a.key, a.buf_size, a.buf, ev);
    DAOS_OPC_KV_PUT => |a: daos_kv_put_t| kv::daos_kv_put(a.oh, a.th, a.flags, a.key, a.buf_size, a.buf, ev);
    DAOS_OPC_KV_REMOVE => |a: daos_kv_remove_t| kv::daos_kv_remove(a.oh, a.th, a.flags, a.key, ev);
    DAOS_OPC_KV_LIST => |a: daos_kv_list_t| kv::daos_kv_list(a.oh, a.th, a.nr, a.kds, a.sgl, a.anchor, ev);
}
