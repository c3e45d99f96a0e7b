//! User attributes of pools.

use core::ffi::{c_char, c_int, c_void};

use crate::abi::*;
use crate::attributes::{Attributes, Buffers, give_names};
use crate::completion::run;
use crate::guard::guard_call;
use crate::handle_table;
use crate::pool::OpenPool;

/// Stores user attributes of a pool; durable when it has completed.
///
/// @n how many; the arrays have as many elements
/// @names their names, 1 to DAOS_ATTR_NAME_MAX bytes each
/// @values their values
/// @sizes sizes of the values in bytes
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_set_attr(
    poh: daos_handle_t,
    n: c_int,
    names: *const *const c_char,
    values: *const *const c_void,
    sizes: *const usize,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_pool_set_attr", ev, |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            let attributes = Attributes::names(caller, n, names)?.with_values(caller, values, sizes)?;
            run(caller, "daos_pool_set_attr", ev, move |client| async move {
                open.pool.set_attributes(&client, attributes).await
            })
        })
    }
}

/// Reads user attributes of a pool.
///
/// @n how many; the arrays have as many elements
/// @names their names
/// @buffers [out] their values, cut to the room there is; NULL to get the sizes alone
/// @sizes [in,out] room in bytes; sizes of the values
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NONEXIST when one of them is not there
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_get_attr(
    poh: daos_handle_t,
    n: c_int,
    names: *const *const c_char,
    buffers: *const *mut c_void,
    sizes: *mut usize,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_pool_get_attr", ev, |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            let names = Attributes::names(caller, n, names)?.names;
            let places = Buffers::read(caller, names.len(), buffers, sizes)?;
            run(caller, "daos_pool_get_attr", ev, move |client| async move {
                let values = open.pool.get_attributes(&client, names.clone()).await?;
                places.give(&names, &values)
            })
        })
    }
}

/// Lists the names of the user attributes of a pool, each with its zero, one after the other.
///
/// @buffer [out] the names that fit; NULL to get the size alone
/// @size [in,out] room in bytes; bytes that all names need
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_list_attr(
    poh: daos_handle_t,
    buffer: *mut c_char,
    size: *mut usize,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_pool_list_attr", ev, |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            let size = caller.out(size, "size")?;
            let room = if buffer.is_null() { 0 } else { size.get() };
            let buffer = caller.out_bytes(buffer.cast::<u8>(), room, "buffer")?;
            run(caller, "daos_pool_list_attr", ev, move |client| async move {
                give_names(&open.pool.list_attributes(&client).await?, &buffer, size);
                Ok(())
            })
        })
    }
}

/// Deletes user attributes of a pool; durable when it has completed.
///
/// @n how many names there are
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_del_attr(
    poh: daos_handle_t,
    n: c_int,
    names: *const *const c_char,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_pool_del_attr", ev, |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            let names = Attributes::names(caller, n, names)?.names;
            run(caller, "daos_pool_del_attr", ev, move |client| async move {
                open.pool.delete_attributes(&client, names).await
            })
        })
    }
}
