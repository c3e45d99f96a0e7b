//! The locks of `gurt/hash.h`; its template declares them by hand, since strict C does not know all of their types.

use libc::{pthread_mutex_t, pthread_rwlock_t, pthread_spinlock_t};

/// A lock of the kind that a table was made with.
#[repr(C)]
#[derive(Clone, Copy)]
pub union d_hash_lock {
    pub spin: pthread_spinlock_t,
    pub mutex: pthread_mutex_t,
    pub rwlock: pthread_rwlock_t,
}
