//! What is global here is used by one thread at a time: HDF5 calls a connector under its own lock, and a library without one may only
//! be called by one thread.

/// Something that HDF5's lock guards.
pub struct Serial<T>(T);

// SAFETY: HDF5 makes one call to a connector at a time, whichever thread it comes from.
unsafe impl<T> Sync for Serial<T> {}

impl<T> Serial<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    pub fn get(&self) -> &T {
        &self.0
    }
}
