#![doc = include_str!("../docs/shared_memory.md")]

mod connection;
mod handshake;
pub(crate) mod hostile;
mod intake;
mod layout;
mod lent;
mod link;
mod mapping;
mod outgoing;
mod peers;
mod process;
mod record;
mod ring;
mod serving;
mod settings;
mod socket;
mod transfers;
mod transport;
mod watch;

pub use settings::{SharedMemorySettings, Users};
pub use transport::SharedMemoryTransport;

/// The scheme of addresses of this transport.
pub const SCHEME: &str = "shm";

/// The largest message: what other transports have, too.
const MESSAGE_SIZE_MAX: usize = crate::settings::MESSAGE_SIZE_DEFAULT;
