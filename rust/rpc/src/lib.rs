//! Requests, replies and bulk transfer between endpoints.
//!
//! A [`Transport`] moves messages and remote memory for one thread; an [`Endpoint`] makes calls of them. The backends:
//! [`in_process`] for endpoints of one process, [`shared_memory`] for processes of one machine, [`libfabric`] for the network. The simulated one lives with the simulator.
//!
//! What callers can rely on:
//!
//! * Every call ends: with its reply, or with an error when its time is over, when its peer is declared dead
//!   ([`Endpoint::fail_peer`]), or when the endpoint closes. A reply that comes later, or twice, is dropped and counted.
//! * A request is carried out once at most, also when the fabric doubles it. One that was lost is sent again, and an answer that was lost
//!   comes again; where nobody knows any more, the call fails and says so. `docs/calls.md` has the rules, and all bounds.
//! * Memory that was lent to a call is not touched any more when it was given back, however the call ended.
//! * What comes in is hostile: bytes that are not a valid frame are dropped, counted and logged at a bounded rate.
//! * Bulk data is moved by the server: the caller exposes memory, sends its descriptor in the request, and the server reads
//!   or writes it before it replies.
#![allow(unsafe_code, reason = "memory is lent to peers, and libfabric is a C library")]

mod address;
mod bulk;
mod composite;
mod control;
mod endpoint;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
pub mod in_process;
pub mod libfabric;
mod parts;
mod settings;
pub mod shared_memory;
mod statistics;
mod transport;

pub use address::Address;
pub use bulk::BulkDescriptor;
pub use composite::{CompositeTransport, Opener};
pub use control::{ControlListener, ControlNetwork, ControlStream, TcpControl};
pub use endpoint::{Endpoint, Exposed, ReplyBody, Request};
pub use frame::{HEADER_LENGTH, OVERHEAD_MAX};
pub use parts::Parts;
pub use settings::{EndpointSettings, MESSAGE_SIZE_DEFAULT};
pub use statistics::{Statistics, Traffic};
pub use transport::{Access, PeerIndex, Receiver, Registration, RemoteRegion, Transfer, Transport};
