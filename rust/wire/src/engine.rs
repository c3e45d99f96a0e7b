//! What an engine tells of itself at its control port, whether it leads or not: what it stores on.

use crate::Space;
use crate::macros::wire_structs;
use daos_types::Rank;

wire_structs! {
    /// The engine that is meant. Another one that listens at its place says that it is another one.
    EngineOf {
        /// The system that is meant.
        system: String,
        /// The engine's rank.
        rank: Rank,
    }
    /// What an engine stores on, and how full that is.
    EngineStorage {
        /// Its directory.
        directory: String,
        /// What the file system of the directory is on; empty when that is not known.
        device: String,
        /// The kind of the file system; empty when that is not known.
        file_system: String,
        /// Bytes of the file system.
        total: u64,
        /// Bytes of it that can be written.
        available: u64,
        /// How many targets it has.
        targets: u32,
        /// How many pools have a part on it.
        pools: u32,
        /// Metadata and small values of its parts of pools on storage.
        meta: Space,
        /// Large values of its parts of pools on storage.
        data: Space,
        /// Its parts of pools in memory.
        memory: Space,
    }
    /// What an engine stores on, whether it serves or not.
    EngineFileSystem {
        /// Its directory.
        directory: String,
        /// What the file system of the directory is on; empty when that is not known.
        device: String,
        /// The kind of the file system; empty when that is not known.
        file_system: String,
        /// Bytes of the file system.
        total: u64,
        /// Bytes of it that can be written.
        available: u64,
        /// How many targets it has.
        targets: u32,
    }
}

wire_structs! {
    /// The network interfaces of the machine of an engine.
    EngineInterfaces {
        /// The provider that the engine uses, in the words of its settings.
        provider: String,
        /// Memory nodes of the machine.
        numa_nodes: u32,
        /// Processors of each.
        cores_per_node: u32,
        /// What providers offer.
        interfaces: Vec<FabricInterface>,
    }
    /// A network interface, and a provider that serves it.
    FabricInterface {
        /// The provider, in upstream's words: `ofi+tcp;ofi_rxm`.
        provider: String,
        /// The interface.
        device: String,
        /// The memory node that it is at.
        numa_node: u32,
        /// The place of the provider among all; the best is 0.
        priority: u32,
        /// The kind of the interface, the kernel's number (`ARPHRD_*`).
        class: u32,
    }
}
