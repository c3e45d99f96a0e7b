//! An engine: targets, the pool service and what holds them together, as a process of its own or within a client's.
//!
//! [`LocalEngine::serve`] is the engine of a local directory: it greets clients on a socket in the directory, holds their
//! leases, and ends when nobody has needed it for a while. [`InsideEngine`] is the same engine on threads of the calling
//! process. Both start a [`Target`] per thread; a simulator starts them all on one executor.
//!
#![doc = include_str!("../docs/design.md")]

mod allocator;
mod capacity;
mod channel;
mod clocks;
mod detach;
mod fabric;
mod inside_engine;
mod interfaces;
mod local;
mod local_engine;
mod locks;
mod mounts;
mod node;
mod peer;
mod ranks;
mod replica;
mod service;
mod sessions;
mod settings;
mod standing;
mod system;
mod target;
mod threads;

pub use capacity::{Capacity, FileSystem, HostCapacity};
pub use clocks::Clocks;
pub use daos_pool_service::largest_on_storage;
pub use detach::{SERVER_NAME, own_program, spawn_detached, spawn_local_engine};
pub use inside_engine::InsideEngine;
pub use interfaces::network_interfaces;
pub use local::{LOG_AREAS, LogMask, SmallFiles};
pub use local_engine::{LocalEngine, LocalEngineSettings};
pub use peer::Peer;
pub use ranks::Ranks;
pub use sessions::Sessions;
pub use settings::{ReplicaRole, TargetSettings};
pub use system::{Machine, SystemEngine, SystemEngineSettings, SystemNews, SystemReady, TargetGround};
pub use target::{EngineIdentity, Target, TargetParts};
