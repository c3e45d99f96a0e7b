//! Numbers that bound what the service does.

use std::time::Duration;

/// The bounds of an [`ObjectService`](crate::ObjectService).
#[derive(Clone, Debug)]
pub struct ObjectServiceSettings {
    /// Bytes of bulk data that requests may hold in memory at a time; what exceeds them waits.
    pub bulk_bytes_max: u64,
    /// Bytes that requests and replies may hold in memory at a time when they do not fit a message.
    pub indirect_bytes_max: u64,
    /// How long a request waits for room for its bulk data before it is answered with `DER_BUSY`. Below the time that
    /// clients wait for a reply, so that they learn why.
    pub bulk_wait: Duration,
    /// Container handles whose grants are remembered; for others the pool service is asked again.
    pub handles_max: usize,
}

impl Default for ObjectServiceSettings {
    fn default() -> ObjectServiceSettings {
        ObjectServiceSettings {
            bulk_bytes_max: 256 << 20,
            indirect_bytes_max: 64 << 20,
            bulk_wait: Duration::from_secs(20),
            handles_max: 16 * 1024,
        }
    }
}
