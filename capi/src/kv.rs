//! Flat key-value objects.

use core::ffi::{c_char, c_int, c_uint, c_void};

use daos_client::key_value::KeyValue;
use daos_client::{Container, Destination, ScatterList, Source, Transaction};
use daos_status::{Code, Result, fail};

use crate::abi::*;
use crate::completion::{Call, run};
use crate::container::OpenContainer;
use crate::guard::guard_call;
use crate::handle_table;
use crate::object::{conditions, object_id, open_flags};
use crate::object_list::{self, KeyPlaces};
use crate::pointer::Caller;
use crate::transaction::{self, Transactional};

/// What a handle of a key-value object stands for.
pub struct OpenKeyValue {
    /// The open object.
    pub key_value: KeyValue,
}

impl Transactional for OpenKeyValue {
    fn within(&self, transaction: &Transaction) -> OpenKeyValue {
        OpenKeyValue { key_value: self.key_value.within(transaction) }
    }
    fn container(&self) -> &Container {
        self.key_value.object().container()
    }
}

/// A key of the caller.
fn key(caller: Caller, key: *const c_char) -> Result<Vec<u8>> {
    let key = caller.text(key, "key")?;
    if key.is_empty() {
        fail!(Code::Inval, "key is empty");
    }
    Ok(key.into_bytes())
}

/// Memory of the caller, checked.
fn memory(caller: Caller, buf: *mut c_void, size: u64) -> Result<ScatterList> {
    if isize::try_from(size).is_err() {
        fail!(Code::Inval, "a value of {size} bytes cannot be addressed");
    }
    let place = caller.out(buf.cast::<u8>(), "buf")?;
    // SAFETY: that the buffer stays valid and untouched until the call has ended is the caller's promise.
    Ok(unsafe { ScatterList::new(vec![(place.as_ptr(), size as usize)]) })
}

/// Opens a key-value object.
///
/// @oid its id, made by daos_obj_generate_oid with one of the DAOS_OT_KV_* types
/// @mode DAOS_OO_RO or DAOS_OO_RW
/// @oh [out] the handle, closed by daos_kv_close
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_kv_open(
    coh: daos_handle_t,
    oid: daos_obj_id_t,
    mode: c_uint,
    oh: *mut daos_handle_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_kv_open", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let handle = caller.out(oh, "oh")?;
            let flags = open_flags(mode)?;
            run(caller, "daos_kv_open", ev, move |client| async move {
                open.container.know_class(&client, object_id(oid)).await?;
                let key_value = KeyValue::open(&open.container, object_id(oid), flags)?;
                handle.set(handle_table::insert(OpenKeyValue { key_value })?);
                Ok(())
            })
        })
    }
}

/// Closes the handle of a key-value object.
///
/// @return zero, -DER_NO_HDL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_kv_close(oh: daos_handle_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_kv_close", ev, |caller| {
            let (call, _open) = Call::closing::<OpenKeyValue>(caller, "daos_kv_close", ev, oh)?;
            call.run(move |_client| async move { Ok(()) })
        })
    }
}

/// Removes all keys of a key-value object; durable when it has completed.
///
/// @return zero, -DER_NO_HDL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_kv_destroy(oh: daos_handle_t, th: daos_handle_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_kv_destroy", ev, |caller| {
            let open = handle_table::get::<OpenKeyValue>(oh)?;
            let open = transaction::writing(th, open)?;
            run(caller, "daos_kv_destroy", ev, move |client| async move { open.key_value.destroy(&client).await })
        })
    }
}

/// Stores a value; durable when it has completed.
///
/// @flags DAOS_COND_KEY_INSERT, DAOS_COND_KEY_UPDATE or zero
/// @key zero-terminated
/// @size bytes of the value; zero makes a key without a value, which is listed, and which DAOS_COND_KEY_GET tells from a missing one
/// @buf the value, NULL where it has no bytes; it must stay untouched until completion
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_EXIST, -DER_NONEXIST, -DER_NO_PERM, -DER_NOSPACE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_kv_put(
    oh: daos_handle_t,
    th: daos_handle_t,
    flags: u64,
    key: *const c_char,
    size: daos_size_t,
    buf: *const c_void,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_kv_put", ev, |caller| {
            let open = handle_table::get::<OpenKeyValue>(oh)?;
            let open = transaction::writing(th, open)?;
            let conditions = conditions(flags)?;
            let key = self::key(caller, key)?;
            let value = match size {
                0 => Source::Owned(Vec::new()),
                _ => Source::Memory(memory(caller, buf.cast_mut(), size)?),
            };
            run(caller, "daos_kv_put", ev, move |client| async move {
                open.key_value.put(&client, conditions, &key, value).await
            })
        })
    }
}

/// Reads a value.
///
/// @flags DAOS_COND_KEY_GET to fail when the key does not exist, or zero
/// @key zero-terminated
/// @size [in,out] room in bytes; the size of the value, zero when the key does not exist
/// @buf [out] the value; NULL to get the size alone
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NONEXIST, -DER_REC2BIG when there is too little room (size is set)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_kv_get(
    oh: daos_handle_t,
    th: daos_handle_t,
    flags: u64,
    key: *const c_char,
    size: *mut daos_size_t,
    buf: *mut c_void,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_kv_get", ev, |caller| {
            let open = handle_table::get::<OpenKeyValue>(oh)?;
            let (open, epoch) = transaction::reading(th, open)?;
            let conditions = conditions(flags)?;
            let key = self::key(caller, key)?;
            let place = caller.out(size, "size")?;
            let wanted = !buf.is_null() && place.get() > 0;
            let destination = if wanted { Some(memory(caller, buf, place.get())?) } else { None };
            run(caller, "daos_kv_get", ev, move |client| async move {
                // On the heap: the state of every call would otherwise have room for it.
                let size = || Box::pin(open.key_value.size(&client, epoch, conditions, &key));
                let Some(list) = destination else {
                    place.set(size().await?);
                    return Ok(());
                };
                match open.key_value.get(&client, epoch, conditions, &key, Destination::Memory(list)).await {
                    Ok(found) => place.set(found.size),
                    Err(status) => {
                        if status.code() == Code::RecordTooBig {
                            place.set(size().await?);
                        }
                        return Err(status);
                    }
                }
                Ok(())
            })
        })
    }
}

/// Removes a key; durable when it has completed.
///
/// @flags DAOS_COND_KEY_REMOVE to fail when the key does not exist, or zero
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NONEXIST, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_kv_remove(
    oh: daos_handle_t,
    th: daos_handle_t,
    flags: u64,
    key: *const c_char,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_kv_remove", ev, |caller| {
            let open = handle_table::get::<OpenKeyValue>(oh)?;
            let open = transaction::writing(th, open)?;
            let conditions = conditions(flags)?;
            let key = self::key(caller, key)?;
            run(caller, "daos_kv_remove", ev, move |client| async move {
                open.key_value.remove(&client, conditions, &key).await
            })
        })
    }
}

/// Lists keys, as daos_obj_list_dkey lists dkeys.
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_KEY2BIG when the next key does not fit the list: its length is in kds[0]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_kv_list(
    oh: daos_handle_t,
    th: daos_handle_t,
    nr: *mut u32,
    kds: *mut daos_key_desc_t,
    sgl: *mut d_sg_list_t,
    anchor: *mut daos_anchor_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_kv_list", ev, |caller| {
            let open = handle_table::get::<OpenKeyValue>(oh)?;
            let (open, epoch) = transaction::reading(th, open)?;
            let places = KeyPlaces::read(caller, nr, kds, sgl, anchor)?;
            run(caller, "daos_kv_list", ev, move |client| async move {
                object_list::list(open.key_value.object(), &client, epoch, None, places).await
            })
        })
    }
}
