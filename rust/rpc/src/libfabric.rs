//! Endpoints on a network, by libfabric.
//!
//! [`FabricTransport`] is an RDM endpoint of any provider that can sleep on a descriptor and access remote memory; `tcp` is
//! the one that every machine has. Addresses are `PROVIDER://HOST:PORT`, where the scheme is the provider's word.
//!
//! What a provider is not relied on for, because one or the other fails at it:
//!
//! * **Long messages.** They are cut into fragments that each fit a provider's own buffers: a rendezvous between
//!   provider and peer could hang for ever, or lose a receive buffer, when the peer dies in the midst of it.
//! * **Saying that a peer is not there.** Some try to connect for ever. What waits for longer than
//!   [`FabricSettings::connect_limit`] is given back as failed, and the connection is ended.
//! * **Bounds.** Queues before the provider are ours, by peer, so that a peer that does not read holds up nobody else.
//!
//! What is left to it is the security of its own protocol: bytes that are no messages of ours are dropped, but a peer who
//! speaks the provider's protocol, and breaks it on purpose, is the provider's to survive.

mod blocked;
mod domain;
mod failure;
mod fragment;
mod outbox;
mod place;
mod port;
mod probe;
mod settings;
mod slots;
mod transport;
mod wake;

/// Where an endpoint listens when nobody says where.
const LOOPBACK: &str = "127.0.0.1";

pub use settings::FabricSettings;
pub use transport::FabricTransport;
