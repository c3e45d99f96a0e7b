//! Records of hash tables.

use core::ffi::{c_int, c_uint, c_void};
use core::ptr::null_mut;

use daos_status::{Code, Result, fail};

use super::hash_chain::{HashKey, Move, Table, is_linked};
use super::hash_lock::{Held, Purpose};
use super::hash_table::traverse;
use crate::abi::{
    D_HASH_FT_EPHEMERAL, D_HASH_FT_GLOCK, D_HASH_FT_LRU, D_HASH_FT_NO_KEYINIT_LOCK, D_HASH_FT_NOLOCK, d_hash_table,
    d_list_t,
};
use crate::guard::{guard, guard_value};
use crate::pointer::Caller;

/// A table and one of its records, or one that will be.
fn record(caller: Caller, htable: *mut d_hash_table, link: *mut d_list_t) -> Result<Table> {
    caller.out(link, "link")?;
    Table::at(caller, htable)
}

/// Takes the lock of the bucket that a record is in.
fn lock_of(table: &Table, link: *mut d_list_t, purpose: Purpose) -> Held {
    if table.has(D_HASH_FT_NOLOCK) { Held::nothing() } else { table.lock(table.index_of(link), purpose) }
}

/// Finds a record by its key and takes a reference on it with hop_rec_addref.
///
/// @return its link, or NULL when there is none or an argument is wrong
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_rec_find(
    htable: *mut d_hash_table,
    key: *const c_void,
    ksize: c_uint,
) -> *mut d_list_t {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("d_hash_rec_find", null_mut(), |caller| {
            let table = Table::at(caller, htable)?;
            let key = HashKey::at(key, ksize)?;
            let index = table.index(key);
            let purpose = if table.has(D_HASH_FT_LRU) { Purpose::Change } else { Purpose::Look };
            let _held = table.lock(index, purpose);
            let Some(link) = table.find(index, key, Move::Front) else { return Ok(null_mut()) };
            table.reference(link);
            Ok(link)
        })
    }
}

/// Finds a record by its key, or inserts this one.
///
/// @link a record that is in no table and has the key
///
/// @return the link of the record that was found, with a reference, or `link`; NULL when an argument is wrong
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_rec_find_insert(
    htable: *mut d_hash_table,
    key: *const c_void,
    ksize: c_uint,
    link: *mut d_list_t,
) -> *mut d_list_t {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("d_hash_rec_find_insert", null_mut(), |caller| {
            let table = record(caller, htable, link)?;
            let key = HashKey::at(key, ksize)?;
            let index = table.index(key);
            let _held = table.lock(index, Purpose::Change);
            match table.find(index, key, Move::Front) {
                Some(found) => {
                    table.reference(found);
                    Ok(found)
                }
                None => {
                    table.insert(index, link);
                    Ok(link)
                }
            }
        })
    }
}

/// Inserts a record; the table takes a reference on it unless it is D_HASH_FT_EPHEMERAL.
///
/// @link a record that is in no table
/// @exclusive whether a record of the same key is an error; without, the newest is the one that is found
///
/// @return zero, -DER_EXIST, -DER_INVAL, -DER_UNINIT
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_rec_insert(
    htable: *mut d_hash_table,
    key: *const c_void,
    ksize: c_uint,
    link: *mut d_list_t,
    exclusive: bool,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_hash_rec_insert", |caller| {
            let table = record(caller, htable, link)?;
            let key = HashKey::at(key, ksize)?;
            let index = table.index(key);
            let _held = table.lock(index, Purpose::Change);
            if exclusive && table.find(index, key, Move::Stay).is_some() {
                fail!(Code::Exist, "the hash table has a record of this key");
            }
            table.insert(index, link);
            Ok(())
        })
    }
}

/// Inserts a record to which hop_key_init gives a key.
///
/// @arg handed to hop_key_init
///
/// @return zero, -DER_INVAL when there is no hop_key_init or no hop_rec_hash, -DER_UNINIT
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_rec_insert_anonym(
    htable: *mut d_hash_table,
    link: *mut d_list_t,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_hash_rec_insert_anonym", |caller| {
            let table = record(caller, htable, link)?;
            if !table.can_name() || !table.knows_buckets() {
                fail!(Code::Inval, "the hash table has no hop_key_init, or no hop_rec_hash: where to put the record?");
            }
            // The bucket is not known before the key, and hop_key_init may need that no bucket changes meanwhile.
            let locks = if table.has(D_HASH_FT_GLOCK) { 1 } else { table.count() };
            let all = !table.has(D_HASH_FT_NO_KEYINIT_LOCK) && !table.has(D_HASH_FT_NOLOCK);
            let _all: Vec<Held> =
                (0..if all { locks } else { 0 }).map(|index| table.lock(index, Purpose::Change)).collect();
            table.name(link, arg);
            let index = table.index_of(link);
            let _held = if all { Held::nothing() } else { table.lock(index, Purpose::Change) };
            table.insert(index, link);
            Ok(())
        })
    }
}

/// Deletes the record of a key; the table gives its reference back.
///
/// @return whether there was one
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_rec_delete(htable: *mut d_hash_table, key: *const c_void, ksize: c_uint) -> bool {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("d_hash_rec_delete", false, |caller| {
            let table = Table::at(caller, htable)?;
            let key = HashKey::at(key, ksize)?;
            let index = table.index(key);
            let held = table.lock(index, Purpose::Change);
            let Some(link) = table.find(index, key, Move::Stay) else { return Ok(false) };
            let is_last = table.delete(link);
            drop(held);
            if is_last {
                table.free(link);
            }
            Ok(true)
        })
    }
}

/// Deletes a record; the table gives its reference back.
///
/// @return whether it was in the table
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_rec_delete_at(htable: *mut d_hash_table, link: *mut d_list_t) -> bool {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("d_hash_rec_delete_at", false, |caller| {
            let table = record(caller, htable, link)?;
            let held = lock_of(&table, link, Purpose::Change);
            if !is_linked(link) {
                return Ok(false);
            }
            let is_last = table.delete(link);
            drop(held);
            if is_last {
                table.free(link);
            }
            Ok(true)
        })
    }
}

/// Moves the record of a key to the end of its bucket, in a table with D_HASH_FT_LRU.
///
/// @return whether there is one
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_rec_evict(htable: *mut d_hash_table, key: *const c_void, ksize: c_uint) -> bool {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("d_hash_rec_evict", false, |caller| {
            let table = Table::at(caller, htable)?;
            if !table.has(D_HASH_FT_LRU) {
                return Ok(false);
            }
            let key = HashKey::at(key, ksize)?;
            let index = table.index(key);
            let _held = table.lock(index, Purpose::Change);
            Ok(table.find(index, key, Move::Back).is_some())
        })
    }
}

/// Moves a record to the end of its bucket, in a table with D_HASH_FT_LRU and hop_rec_hash.
///
/// @return whether it was not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_rec_evict_at(htable: *mut d_hash_table, link: *mut d_list_t) -> bool {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("d_hash_rec_evict_at", false, |caller| {
            let table = record(caller, htable, link)?;
            if !table.has(D_HASH_FT_LRU) || !table.knows_buckets() {
                return Ok(false);
            }
            let index = table.index_of(link);
            let _held = table.lock(index, Purpose::Change);
            Ok(is_linked(link) && table.move_back(index, link))
        })
    }
}

/// Takes a reference on a record with hop_rec_addref, under the lock of its bucket.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_rec_addref(htable: *mut d_hash_table, link: *mut d_list_t) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("d_hash_rec_addref", (), |caller| {
            let table = record(caller, htable, link)?;
            let _held = lock_of(&table, link, Purpose::Look);
            table.reference(link);
            Ok(())
        });
    }
}

/// Gives a reference on a record back with hop_rec_decref. When it says that it was the last one, the record is freed with
/// hop_rec_free; a table with D_HASH_FT_EPHEMERAL lets go of it before, from any other it must have been deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_rec_decref(htable: *mut d_hash_table, link: *mut d_list_t) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("d_hash_rec_decref", (), |caller| {
            let table = record(caller, htable, link)?;
            release(&table, link, |table| Ok(table.dereference(link)))
        });
    }
}

/// Gives several references on a record back, see d_hash_rec_decref.
///
/// @return zero, -DER_INVAL when count is not positive or more than there are
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_rec_ndecref(htable: *mut d_hash_table, count: c_int, link: *mut d_list_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_hash_rec_ndecref", |caller| {
            let table = record(caller, htable, link)?;
            if count <= 0 {
                fail!(Code::Inval, "{count} references cannot be given back");
            }
            release(&table, link, |table| table.dereference_many(link, count))
        })
    }
}

fn release(table: &Table, link: *mut d_list_t, give_back: impl FnOnce(&Table) -> Result<bool>) -> Result<()> {
    let purpose = if table.has(D_HASH_FT_EPHEMERAL) { Purpose::Change } else { Purpose::Look };
    let held = lock_of(table, link, purpose);
    let is_last = give_back(table)?;
    let is_free = table.settle(link, is_last);
    drop(held);
    if is_free {
        table.free(link);
    }
    Ok(())
}

/// Any record of a table, without a reference.
///
/// @return its link, or NULL when there is none
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_rec_first(htable: *mut d_hash_table) -> *mut d_list_t {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("d_hash_rec_first", null_mut(), |caller| {
            let mut first = null_mut();
            traverse(&Table::at(caller, htable)?, |link| {
                first = link;
                1
            });
            Ok(first)
        })
    }
}

/// Whether a record is in no table; its link must have been initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_rec_unlinked(link: *mut d_list_t) -> bool {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("d_hash_rec_unlinked", true, |caller| {
            caller.out(link, "link")?;
            Ok(!is_linked(link))
        })
    }
}
