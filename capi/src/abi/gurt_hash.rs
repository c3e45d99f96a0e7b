//! `gurt/hash.h`: hash tables whose links lie in the caller's structures.

use core::ffi::{c_int, c_uint, c_void};

use super::{d_hash_lock, d_list_t};

c_enum! {
    /// How a hash table behaves. Without a word about locks, each bucket is protected by a spin lock.
    pub enum d_hash_feats: u32 {
        /// No lock: the caller has one, or one thread alone uses the table.
        D_HASH_FT_NOLOCK = 1,
        /// Mutexes.
        D_HASH_FT_MUTEX = 2,
        /// Locks that readers share; reference counts that callbacks change must be atomic.
        D_HASH_FT_RWLOCK = 4,
        /// The table holds no reference: a record leaves it with its last one.
        D_HASH_FT_EPHEMERAL = 8,
        /// What is found moves to the front of its bucket.
        D_HASH_FT_LRU = 16,
        /// hop_key_init needs no lock of the table.
        D_HASH_FT_NO_KEYINIT_LOCK = 32,
        /// One lock for the whole table instead of one for each bucket.
        D_HASH_FT_GLOCK = 32768,
    }
}

/// What a hash table asks its owner. All but hop_key_cmp may be NULL. They are called with the lock of the bucket held, but
/// for hop_rec_free, and must not call the table.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_hash_table_ops_t {
    /// Whether a record has this key.
    pub hop_key_cmp: Option<
        unsafe extern "C" fn(htable: *mut d_hash_table, link: *mut d_list_t, key: *const c_void, ksize: c_uint) -> bool,
    >,
    /// Gives a key to a record that is inserted without one.
    pub hop_key_init: Option<unsafe extern "C" fn(htable: *mut d_hash_table, link: *mut d_list_t, arg: *mut c_void)>,
    /// The hash of a key; d_hash_string_u32 when it is NULL.
    pub hop_key_hash: Option<unsafe extern "C" fn(htable: *mut d_hash_table, key: *const c_void, ksize: c_uint) -> u32>,
    /// The hash of a record's key, the same as hop_key_hash gives; without it one lock protects the whole table.
    pub hop_rec_hash: Option<unsafe extern "C" fn(htable: *mut d_hash_table, link: *mut d_list_t) -> u32>,
    /// Takes a reference on a record.
    pub hop_rec_addref: Option<unsafe extern "C" fn(htable: *mut d_hash_table, link: *mut d_list_t)>,
    /// Gives a reference back; true when it was the last one and the record is to be freed.
    pub hop_rec_decref: Option<unsafe extern "C" fn(htable: *mut d_hash_table, link: *mut d_list_t) -> bool>,
    /// Gives several references back; 1 when they were the last ones, negative on errors.
    pub hop_rec_ndecref:
        Option<unsafe extern "C" fn(htable: *mut d_hash_table, link: *mut d_list_t, count: c_int) -> c_int>,
    /// Frees a record that nobody refers to.
    pub hop_rec_free: Option<unsafe extern "C" fn(htable: *mut d_hash_table, link: *mut d_list_t)>,
}

/// The records whose hashes end alike.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_hash_bucket {
    pub hb_head: d_list_t,
}

/// A hash table. Its members belong to the library, but for ht_priv.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_hash_table {
    pub ht_lock: d_hash_lock,
    pub ht_bits: u32,
    pub ht_feats: u32,
    /// What the owner gave, for its functions.
    pub ht_priv: *mut c_void,
    pub ht_ops: *mut d_hash_table_ops_t,
    pub ht_buckets: *mut d_hash_bucket,
    pub ht_locks: *mut d_hash_lock,
}

/// Called for each record of a table; a number other than zero ends it.
pub type d_hash_traverse_cb_t = Option<unsafe extern "C" fn(link: *mut d_list_t, arg: *mut c_void) -> c_int>;
