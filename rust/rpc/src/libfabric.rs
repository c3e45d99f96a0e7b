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
//! `verbs`, `cxi`, `opx` and `ucx` are chosen by [`FabricSettings`] in upstream's words, and run the same code. **They are untested here**: no
//! machine of ours has their hardware. A provider that cannot be slept on (`opx`) is looked at every millisecond while its thread has nothing else
//! to do.
//!
//! What is left to it is the security of its own protocol: bytes that are no messages of ours are dropped, but a peer who
//! speaks the provider's protocol, and breaks it on purpose, is the provider's to survive.

mod blocked;
mod domain;
mod failure;
mod fragment;
mod hostile;
mod interfaces;
mod listener;
mod offers;
mod outbox;
mod place;
mod port;
mod probe;
mod settings;
mod slots;
mod transport;
mod wake;
mod watch;

use std::net::Ipv4Addr;

/// Where an endpoint listens when nobody says where.
const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// What a process of our own should have in its environment before it starts, unless its user has said otherwise.
///
/// By default `rxm` prepares 4096 receive buffers of 16 KiB for each endpoint, of which the first page is used at once: some 50 MB
/// for an endpoint that does nothing. It has no other way to be told. A library must not change the environment of the
/// program that loads it, so programs of others pay.
pub const PROCESS_ENVIRONMENT: &[(&str, &str)] = &[("FI_OFI_RXM_MSG_RX_SIZE", "256")];

pub(crate) use hostile::Fragments;
pub use offers::{FabricOffer, fabric_offers};
pub use settings::FabricSettings;
pub use transport::FabricTransport;
