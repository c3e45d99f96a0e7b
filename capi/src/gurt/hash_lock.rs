//! The locks of hash tables: of POSIX threads, since they lie in the caller's structure and are of its choice.

use core::ffi::c_int;

use daos_status::{Code, Result, fail};

use crate::abi::{D_HASH_FT_MUTEX, D_HASH_FT_RWLOCK, d_hash_lock};

/// What a holder of a lock does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Look only; reference counts are the callbacks' own.
    Look,
    /// Change links.
    Change,
}

/// A lock of a table that has these features.
#[derive(Clone, Copy)]
pub struct HashLock {
    lock: *mut d_hash_lock,
    features: u32,
}

impl HashLock {
    /// The lock at a place.
    ///
    /// # Safety
    /// The place holds a lock of this kind, or memory for one that is initialised next, for as long as this is used.
    pub unsafe fn at(lock: *mut d_hash_lock, features: u32) -> HashLock {
        HashLock { lock, features }
    }

    /// Makes it.
    pub fn initialise(self) -> Result<()> {
        // SAFETY: promised when this was made; the members of the union start at its place.
        let number = unsafe {
            match self.features & (D_HASH_FT_MUTEX | D_HASH_FT_RWLOCK) {
                0 => libc::pthread_spin_init(self.lock.cast(), libc::PTHREAD_PROCESS_PRIVATE),
                D_HASH_FT_RWLOCK => libc::pthread_rwlock_init(self.lock.cast(), core::ptr::null()),
                _ => libc::pthread_mutex_init(self.lock.cast(), core::ptr::null()),
            }
        };
        if number != 0 {
            fail!(Code::Nomem, "a lock of a hash table cannot be made: errno {number}");
        }
        Ok(())
    }

    /// Ends its use.
    pub fn destroy(self) {
        // SAFETY: promised when this was made.
        let _errno: c_int = unsafe {
            match self.features & (D_HASH_FT_MUTEX | D_HASH_FT_RWLOCK) {
                0 => libc::pthread_spin_destroy(self.lock.cast()),
                D_HASH_FT_RWLOCK => libc::pthread_rwlock_destroy(self.lock.cast()),
                _ => libc::pthread_mutex_destroy(self.lock.cast()),
            }
        };
    }

    /// Takes it until the result is dropped.
    pub fn take(self, purpose: Purpose) -> Held {
        // SAFETY: promised when this was made.
        let _errno: c_int = unsafe {
            match (self.features & (D_HASH_FT_MUTEX | D_HASH_FT_RWLOCK), purpose) {
                (0, _) => libc::pthread_spin_lock(self.lock.cast()),
                (D_HASH_FT_RWLOCK, Purpose::Look) => libc::pthread_rwlock_rdlock(self.lock.cast()),
                (D_HASH_FT_RWLOCK, Purpose::Change) => libc::pthread_rwlock_wrlock(self.lock.cast()),
                _ => libc::pthread_mutex_lock(self.lock.cast()),
            }
        };
        Held(Some(self))
    }
}

/// A lock that is held; or none, of a table that has no locks.
pub struct Held(Option<HashLock>);

impl Held {
    /// Of a table without locks.
    pub fn nothing() -> Held {
        Held(None)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(HashLock { lock, features }) = self.0 else { return };
        // SAFETY: the lock was taken, and lasts as promised.
        let _errno: c_int = unsafe {
            match features & (D_HASH_FT_MUTEX | D_HASH_FT_RWLOCK) {
                0 => libc::pthread_spin_unlock(lock.cast()),
                D_HASH_FT_RWLOCK => libc::pthread_rwlock_unlock(lock.cast()),
                _ => libc::pthread_mutex_unlock(lock.cast()),
            }
        };
    }
}
