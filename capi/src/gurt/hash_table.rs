//! Hash tables: made, gone over, destroyed.

use core::ffi::{c_int, c_void};

use daos_env::log;
use daos_status::{Code, Result, fail};

use super::hash_chain::Table;
use super::hash_lock::{HashLock, Purpose};
use crate::abi::{
    D_HASH_FT_EPHEMERAL, D_HASH_FT_GLOCK, D_HASH_FT_LRU, D_HASH_FT_MUTEX, D_HASH_FT_NO_KEYINIT_LOCK, D_HASH_FT_NOLOCK,
    D_HASH_FT_RWLOCK, d_hash_bucket, d_hash_lock, d_hash_table, d_hash_table_ops_t, d_hash_traverse_cb_t, d_list_t,
};
use crate::guard::{guard, guard_count};
use crate::pointer::Caller;

/// The most bits of a table: 16 GiB of buckets. More is a mistake of the caller.
const BITS_MAX: u32 = 30;

const FEATURES: u32 = D_HASH_FT_NOLOCK
    | D_HASH_FT_MUTEX
    | D_HASH_FT_RWLOCK
    | D_HASH_FT_EPHEMERAL
    | D_HASH_FT_LRU
    | D_HASH_FT_NO_KEYINIT_LOCK
    | D_HASH_FT_GLOCK;

/// Memory of libc that is given back unless it is kept.
struct Memory(*mut c_void);

impl Memory {
    fn zeroed(count: usize, size: usize, what: &str) -> Result<Memory> {
        // SAFETY: any size may be asked for.
        let pointer = unsafe { libc::calloc(count, size) };
        if pointer.is_null() {
            fail!(Code::Nomem, "no memory for {what}");
        }
        Ok(Memory(pointer))
    }

    fn keep<T>(self) -> *mut T {
        let pointer = self.0.cast();
        core::mem::forget(self);
        pointer
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it came from calloc and was not kept.
        unsafe { libc::free(self.0) };
    }
}

/// Makes a hash table in the place at `table`.
fn create(
    caller: Caller,
    feats: u32,
    bits: u32,
    private: *mut c_void,
    hops: *mut d_hash_table_ops_t,
    table: *mut d_hash_table,
) -> Result<()> {
    let operations = caller.read(hops, "hops")?;
    if operations.hop_key_cmp.is_none() {
        fail!(Code::Inval, "hop_key_cmp is NULL");
    }
    if bits > BITS_MAX || feats & !FEATURES != 0 {
        fail!(Code::Inval, "a hash table of {bits} bits (at most {BITS_MAX}) and features {feats:#x}");
    }
    let mut features = feats;
    if operations.hop_rec_hash.is_none() && feats & D_HASH_FT_NOLOCK == 0 {
        features |= D_HASH_FT_GLOCK;
    }
    let count = 1usize << bits;
    let buckets = Memory::zeroed(count, size_of::<d_hash_bucket>(), "the buckets of a hash table")?;
    let is_locked = features & D_HASH_FT_NOLOCK == 0;
    let many = if is_locked && features & D_HASH_FT_GLOCK == 0 { count } else { 0 };
    let locks = Memory::zeroed(many.max(1), size_of::<d_hash_lock>(), "the locks of a hash table")?;
    // SAFETY: the place is the caller's; the memory has as many buckets and locks as are written.
    unsafe {
        for index in 0..count {
            let head = &raw mut (*buckets.0.cast::<d_hash_bucket>().add(index)).hb_head;
            head.write(d_list_t { next: head, prev: head });
        }
        for index in 0..many {
            HashLock::at(locks.0.cast::<d_hash_lock>().add(index), features).initialise()?;
        }
        table.write_bytes(0, 1);
        if is_locked && many == 0 {
            HashLock::at(&raw mut (*table).ht_lock, features).initialise()?;
        }
        (*table).ht_bits = bits;
        (*table).ht_feats = features;
        (*table).ht_priv = private;
        (*table).ht_ops = hops;
        (*table).ht_buckets = buckets.keep();
        (*table).ht_locks = if many == 0 { core::ptr::null_mut() } else { locks.keep() };
    }
    Ok(())
}

/// Takes all records out, if that is wanted or there are none, and frees what the table holds.
fn destroy(caller: Caller, pointer: *mut d_hash_table, force: bool) -> Result<()> {
    let table = Table::at(caller, pointer)?;
    for index in 0..table.count() {
        let head = table.head(index);
        loop {
            let held = table.lock(index, Purpose::Change);
            // SAFETY: the head is the bucket's.
            let link = unsafe { (*head).next };
            if link == head {
                break;
            }
            if !force {
                fail!(Code::Busy, "the hash table has records");
            }
            let is_last = table.delete(link);
            drop(held);
            if is_last {
                table.free(link);
            }
        }
    }
    let value = caller.read(pointer, "htable")?;
    // SAFETY: the locks and the memory were made with the table, and nobody may use it any more.
    unsafe {
        if !table.has(D_HASH_FT_NOLOCK) {
            if value.ht_locks.is_null() {
                HashLock::at(&raw mut (*pointer).ht_lock, table.features).destroy();
            } else {
                for index in 0..table.count() {
                    HashLock::at(value.ht_locks.add(index), table.features).destroy();
                }
            }
        }
        libc::free(value.ht_locks.cast());
        libc::free(value.ht_buckets.cast());
        pointer.write_bytes(0, 1);
    }
    Ok(())
}

/// Makes a hash table of records that lie in structures of the caller, linked by a d_list_t in each.
///
/// @feats D_HASH_FT_* flags
/// @bits the table has 2^bits buckets; at most 30
/// @priv for the owner's functions, in ht_priv
/// @hops what the table asks its owner; it must stay as long as the table
/// @htable_pp [out] the table
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_table_create(
    feats: u32,
    bits: u32,
    r#priv: *mut c_void,
    hops: *mut d_hash_table_ops_t,
    htable_pp: *mut *mut d_hash_table,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_hash_table_create", |caller| {
            let place = caller.out(htable_pp, "htable_pp")?;
            place.set(core::ptr::null_mut());
            let table = Memory::zeroed(1, size_of::<d_hash_table>(), "a hash table")?;
            create(caller, feats, bits, r#priv, hops, table.0.cast())?;
            place.set(table.keep());
            Ok(())
        })
    }
}

/// Makes a hash table in memory of the caller, see d_hash_table_create.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_table_create_inplace(
    feats: u32,
    bits: u32,
    r#priv: *mut c_void,
    hops: *mut d_hash_table_ops_t,
    htable: *mut d_hash_table,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_hash_table_create_inplace", |caller| {
            let place = caller.out(htable, "htable")?;
            create(caller, feats, bits, r#priv, hops, place.as_ptr())
        })
    }
}

/// Calls a function for each record until it gives another number than zero. It runs with the lock of a bucket held and must
/// not change the table.
///
/// @return what the function gave last, -DER_INVAL, -DER_UNINIT
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_table_traverse(
    htable: *mut d_hash_table,
    cb: d_hash_traverse_cb_t,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_count("d_hash_table_traverse", |caller| {
            let table = Table::at(caller, htable)?;
            let Some(function) = cb else { fail!(Code::Inval, "cb is NULL") };
            Ok(traverse(&table, |link| function(link, arg)))
        })
    }
}

/// Goes over the records until `visit` gives another number than zero.
pub(super) fn traverse(table: &Table, mut visit: impl FnMut(*mut d_list_t) -> c_int) -> c_int {
    for index in 0..table.count() {
        let _held = table.lock(index, Purpose::Look);
        let head = table.head(index);
        // SAFETY: links of a bucket are of records that their owner keeps while they are linked. The next one is read before
        // the visit, which may take the current one out of a table without locks.
        let mut link = unsafe { (*head).next };
        while link != head {
            // SAFETY: as above.
            let next = unsafe { (*link).next };
            let number = visit(link);
            if number != 0 {
                return number;
            }
            link = next;
        }
    }
    0
}

/// Destroys a hash table that d_hash_table_create made.
///
/// @force whether its records are deleted first, as d_hash_rec_delete_at does
///
/// @return zero, -DER_BUSY when it has records and force is not set, -DER_UNINIT, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_table_destroy(htable: *mut d_hash_table, force: bool) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_hash_table_destroy", |caller| {
            destroy(caller, htable, force)?;
            libc::free(htable.cast());
            Ok(())
        })
    }
}

/// Destroys a hash table in memory of the caller and zeroes that, see d_hash_table_destroy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_table_destroy_inplace(htable: *mut d_hash_table, force: bool) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard("d_hash_table_destroy_inplace", |caller| destroy(caller, htable, force)) }
}

/// Logs how full a hash table is, at the level of debugging.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_table_debug(htable: *mut d_hash_table) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    let _number = unsafe {
        guard("d_hash_table_debug", |caller| {
            let table = Table::at(caller, htable)?;
            let mut count = 0u64;
            traverse(&table, |_| {
                count += 1;
                0
            });
            log!(Debug, "libgurt", "hash table {htable:p}: {count} records in {} buckets", table.count());
            Ok(())
        })
    };
}
