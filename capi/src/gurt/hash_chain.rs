//! A hash table of the caller as Rust sees it: its buckets, its locks and its callbacks.

use core::ffi::{c_uint, c_void};

use daos_env::log;
use daos_status::{Code, Result, fail};

use super::hash::d_hash_string_u32;
use super::hash_lock::{HashLock, Held, Purpose};
use crate::abi::{
    D_HASH_FT_EPHEMERAL, D_HASH_FT_GLOCK, D_HASH_FT_LRU, D_HASH_FT_NOLOCK, d_hash_bucket, d_hash_table,
    d_hash_table_ops_t, d_list_t,
};
use crate::pointer::Caller;

/// A table that was created and not destroyed.
#[derive(Clone, Copy)]
pub struct Table {
    pointer: *mut d_hash_table,
    /// Its `D_HASH_FT_*` flags.
    pub features: u32,
    bits: u32,
    operations: d_hash_table_ops_t,
    buckets: *mut d_hash_bucket,
    locks: *mut crate::abi::d_hash_lock,
}

/// A key of the caller.
#[derive(Clone, Copy)]
pub struct HashKey {
    pointer: *const c_void,
    size: c_uint,
}

impl HashKey {
    /// The key at a pointer.
    pub fn at(pointer: *const c_void, size: c_uint) -> Result<HashKey> {
        if pointer.is_null() || size == 0 {
            fail!(Code::Inval, "the key is NULL or has no bytes");
        }
        Ok(HashKey { pointer, size })
    }
}

/// Where found records go within their bucket, in a table that sorts by use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// To the front.
    Front,
    /// To the end.
    Back,
    /// Nowhere.
    Stay,
}

impl Table {
    /// The table at a pointer; an error when it was not created.
    pub fn at(caller: Caller, pointer: *mut d_hash_table) -> Result<Table> {
        let value = caller.read(pointer, "htable")?;
        if value.ht_buckets.is_null() || value.ht_ops.is_null() {
            fail!(Code::Uninit, "the hash table was not created, or was destroyed");
        }
        let operations = caller.read(value.ht_ops, "ht_ops")?;
        Ok(Table {
            pointer,
            features: value.ht_feats,
            bits: value.ht_bits,
            operations,
            buckets: value.ht_buckets,
            locks: value.ht_locks,
        })
    }

    /// Whether it has a feature.
    pub fn has(&self, feature: u32) -> bool {
        self.features & feature != 0
    }

    /// How many buckets there are.
    pub fn count(&self) -> usize {
        1 << self.bits
    }

    /// The head of a bucket.
    pub fn head(&self, index: usize) -> *mut d_list_t {
        // SAFETY: an index is below the count, by construction.
        unsafe { &raw mut (*self.buckets.add(index)).hb_head }
    }

    /// Takes the lock of a bucket.
    pub fn lock(&self, index: usize, purpose: Purpose) -> Held {
        if self.has(D_HASH_FT_NOLOCK) {
            return Held::nothing();
        }
        // SAFETY: the locks were made with the table and last as long.
        unsafe {
            let place =
                if self.has(D_HASH_FT_GLOCK) { &raw mut (*self.pointer).ht_lock } else { self.locks.add(index) };
            HashLock::at(place, self.features).take(purpose)
        }
    }

    fn bucket_of(&self, hash: u32) -> usize {
        (hash & ((1u32 << self.bits) - 1)) as usize
    }

    /// The bucket of a key.
    pub fn index(&self, key: HashKey) -> usize {
        // SAFETY: the callback is the owner's; the key is as long as its caller said.
        let hash = unsafe {
            match self.operations.hop_key_hash {
                Some(hash) => hash(self.pointer, key.pointer, key.size),
                None => d_hash_string_u32(key.pointer.cast(), key.size),
            }
        };
        self.bucket_of(hash)
    }

    /// The bucket of a record; the first one where the owner cannot tell, which matters for locks alone and then there is one.
    pub fn index_of(&self, link: *mut d_list_t) -> usize {
        // SAFETY: the callback is the owner's, and the link is of one of its records.
        self.operations.hop_rec_hash.map_or(0, |hash| self.bucket_of(unsafe { hash(self.pointer, link) }))
    }

    /// Whether the owner can tell the bucket of a record.
    pub fn knows_buckets(&self) -> bool {
        self.operations.hop_rec_hash.is_some()
    }

    /// Looks for a key in a bucket whose lock is held.
    pub fn find(&self, index: usize, key: HashKey, how: Move) -> Option<*mut d_list_t> {
        let compare = self.operations.hop_key_cmp?;
        let head = self.head(index);
        // SAFETY: links of a bucket are of records that the owner keeps while they are linked; the lock is held.
        unsafe {
            let mut link = (*head).next;
            while link != head {
                if compare(self.pointer, link, key.pointer, key.size) {
                    self.touch(head, link, how);
                    return Some(link);
                }
                link = (*link).next;
            }
        }
        None
    }

    /// # Safety
    /// The link is in the bucket of this head, whose lock is held for changes.
    unsafe fn touch(&self, head: *mut d_list_t, link: *mut d_list_t, how: Move) {
        if !self.has(D_HASH_FT_LRU) || how == Move::Stay {
            return;
        }
        // SAFETY: promised by the caller.
        unsafe {
            unlink(link);
            if how == Move::Front { link_after(link, head) } else { link_after(link, (*head).prev) }
        }
    }

    /// Puts a record at the front of a bucket whose lock is held.
    pub fn insert(&self, index: usize, link: *mut d_list_t) {
        if !self.has(D_HASH_FT_EPHEMERAL) {
            self.reference(link);
        }
        // SAFETY: the link is of a record of the caller that is in no list.
        unsafe { link_after(link, self.head(index)) };
    }

    /// Takes a record out of its bucket, whose lock is held; true when it is to be freed.
    pub fn delete(&self, link: *mut d_list_t) -> bool {
        // SAFETY: the link is in a bucket of this table.
        unsafe { unlink(link) };
        !self.has(D_HASH_FT_EPHEMERAL) && self.dereference(link)
    }

    /// Moves a record to the end of its bucket, whose lock is held; whether it was elsewhere.
    pub fn move_back(&self, index: usize, link: *mut d_list_t) -> bool {
        let head = self.head(index);
        // SAFETY: the link is in this bucket, by its caller's promise.
        unsafe {
            let moves = (*head).prev != link;
            if moves {
                self.touch(head, link, Move::Back);
            }
            moves
        }
    }

    /// Takes a reference.
    pub fn reference(&self, link: *mut d_list_t) {
        if let Some(function) = self.operations.hop_rec_addref {
            // SAFETY: the callback is the owner's, and the link is of one of its records.
            unsafe { function(self.pointer, link) };
        }
    }

    /// Gives a reference back; true when the record is to be freed.
    pub fn dereference(&self, link: *mut d_list_t) -> bool {
        // SAFETY: as in `reference`.
        self.operations.hop_rec_decref.is_some_and(|function| unsafe { function(self.pointer, link) })
    }

    /// Gives several references back; true when the record is to be freed.
    pub fn dereference_many(&self, link: *mut d_list_t, count: i32) -> Result<bool> {
        if let Some(function) = self.operations.hop_rec_ndecref {
            // SAFETY: as in `reference`.
            let number = unsafe { function(self.pointer, link, count) };
            if number < 0 {
                fail!(Code::from_number(-number).unwrap_or(Code::Inval), "hop_rec_ndecref refused {count} references");
            }
            return Ok(number > 0);
        }
        for given in 1..=count {
            if self.dereference(link) {
                if given < count {
                    log!(Warn, "libgurt", "a record had {given} references, not {count}");
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// After a reference was given back, with the lock still held: whether to free the record. One with no reference leaves
    /// a table that holds none; in any other table it must have been deleted before.
    pub fn settle(&self, link: *mut d_list_t, is_last: bool) -> bool {
        if !is_last {
            return false;
        }
        if !is_linked(link) {
            return true;
        }
        if self.has(D_HASH_FT_EPHEMERAL) {
            // SAFETY: the link is in a bucket of this table.
            unsafe { unlink(link) };
            return true;
        }
        log!(Error, "libgurt", "the last reference of a record that is still in its table was given back: it is kept");
        false
    }

    /// Frees a record, without a lock.
    pub fn free(&self, link: *mut d_list_t) {
        if let Some(function) = self.operations.hop_rec_free {
            // SAFETY: as in `reference`; nobody refers to the record any more.
            unsafe { function(self.pointer, link) };
        }
    }

    /// Lets the owner give a key to a record; false when it cannot.
    pub fn name(&self, link: *mut d_list_t, argument: *mut c_void) -> bool {
        // SAFETY: as in `reference`.
        self.operations.hop_key_init.map(|function| unsafe { function(self.pointer, link, argument) }).is_some()
    }

    /// Whether the owner can give keys.
    pub fn can_name(&self) -> bool {
        self.operations.hop_key_init.is_some()
    }
}

/// Whether a record is in a list.
pub fn is_linked(link: *mut d_list_t) -> bool {
    // SAFETY: callers have a link of a record of the owner's.
    unsafe { (*link).next != link && !(*link).next.is_null() }
}

/// # Safety
/// The link is in no list that matters, and `before` is in one.
unsafe fn link_after(link: *mut d_list_t, before: *mut d_list_t) {
    // SAFETY: promised by the caller.
    unsafe {
        let after = (*before).next;
        link.write(d_list_t { next: after, prev: before });
        (*before).next = link;
        (*after).prev = link;
    }
}

/// # Safety
/// The link is in a list.
unsafe fn unlink(link: *mut d_list_t) {
    // SAFETY: promised by the caller.
    unsafe {
        let d_list_t { next, prev } = *link;
        (*prev).next = next;
        (*next).prev = prev;
        link.write(d_list_t { next: link, prev: link });
    }
}
