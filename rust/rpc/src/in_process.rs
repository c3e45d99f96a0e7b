//! Endpoints of one process, on one thread or many.
//!
//! Messages go through bounded mailboxes; remote memory is copied directly by the thread that asks for it.

mod mailbox;
mod memory;
mod network;
mod transport;

pub use network::InProcessNetwork;
pub use transport::InProcessTransport;

use crate::Address;

/// The scheme of addresses of this transport.
pub const SCHEME: &str = "inproc";

/// Messages in a mailbox before senders are told to wait. It exceeds the calls that a few busy endpoints may have
/// outstanding, and is small against the memory of any machine.
pub const MAILBOX_MESSAGES_MAX: usize = 8192;

/// Bytes in a mailbox before senders are told to wait.
pub const MAILBOX_BYTES_MAX: usize = 64 << 20;

/// The largest message: what libfabric's default is too, so that code tested in one process runs on the network.
pub const MESSAGE_SIZE_MAX: usize = crate::settings::MESSAGE_SIZE_DEFAULT;

/// An engine on threads of the calling process, as its clients know it; it ends when dropped.
pub trait InsideEngine {
    /// The network that it is on.
    fn network(&self) -> InProcessNetwork;
    /// Addresses of its targets; the first is the pool service's.
    fn targets(&self) -> Vec<Address>;
    /// The token that goes with every request of this process.
    fn session(&self) -> u64;
}
