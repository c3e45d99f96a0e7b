//! Numbers that bound what an endpoint does.

use std::time::Duration;

/// Largest message, header included, unless a transport is told otherwise. What is larger goes as bulk: the receiver
/// then decides when memory is used for it.
pub const MESSAGE_SIZE_DEFAULT: usize = 128 << 10;

/// The bounds of an [`Endpoint`](crate::Endpoint).
#[derive(Clone, Debug)]
pub struct EndpointSettings {
    /// Calls and transfers that wait for an end; one more fails with `DER_BUSY`.
    pub outstanding_max: usize,
    /// Requests that the handler has and has not answered; one more is answered with `DER_BUSY`.
    pub requests_max: usize,
    /// Bytes of these requests; one more is answered with `DER_BUSY`.
    pub request_bytes_max: usize,
    /// Of these requests, how many may be one peer's; one more is answered with `DER_BUSY`. More than a caller sends, so that only one meets
    /// it that does not keep to [`EndpointSettings::calls_per_peer_max`].
    pub requests_per_peer_max: usize,
    /// Calls to one peer at a time; one more waits for its turn, within its time.
    pub calls_per_peer_max: usize,
    /// Peers that are remembered; one more makes the endpoint forget the one that was quiet for longest.
    pub peers_max: usize,
    /// How long a transfer of remote memory may take before it fails with `DER_TIMEDOUT`.
    pub transfer_timeout: Duration,
    /// Calls that take longer are asked for, again and again after so long, to find out that a request or a reply was
    /// lost. Longer than nearly any operation takes, and short for a person who waits.
    pub ask_interval: Duration,
}

impl Default for EndpointSettings {
    fn default() -> EndpointSettings {
        EndpointSettings {
            outstanding_max: 4096,
            requests_max: 4096,
            request_bytes_max: 64 << 20,
            requests_per_peer_max: 2048,
            calls_per_peer_max: 1024,
            peers_max: 4096,
            transfer_timeout: Duration::from_secs(30),
            ask_interval: Duration::from_secs(2),
        }
    }
}
