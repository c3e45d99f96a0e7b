//! HDF5 in DAOS containers: a connector for HDF5's virtual object layer, which HDF5 loads as a plugin.
//!
//! ```text
//! program ── HDF5 ──> plugin: callbacks ──> handle, file, node, dataset, attribute ──> daos: libdaos.so.2
//!               ^                                  │          │
//!               └── hdf5: types, spaces, lists ────┘          └── queue: written behind; heap; format: bytes
//! ```
//! It links neither with HDF5 nor with libdaos: functions of the first are taken from the library that loaded it, those of the second
//! are found when they are needed. `docs/mapping.md` says what lies where in a container.
#![expect(unsafe_code, reason = "both neighbours are C")]
// HDF5 calls a connector from one thread at a time; its objects are shared by counting without atomics.

mod ahead;
mod along;
mod among;
mod asynchronous;
mod attribute;
mod attributes;
mod boxes;
mod callbacks;
mod cells;
mod chosen;
mod chunk_cache;
mod chunks;
mod committed;
mod convert;
mod daos;
mod dataset;
mod detour;
mod duplicate;
mod elements;
mod external;
mod failure;
mod file;
mod fill;
mod filtered;
mod filters;
mod format;
mod fresh;
mod guard;
mod handle;
mod hdf5;
mod heap;
mod information;
mod known;
#[cfg(test)]
mod layout_tests;
mod links;
mod listing;
mod locking;
mod map;
mod memory;
mod mounts;
mod mpi;
mod name;
mod new_references;
mod node;
mod outside;
mod pieces;
mod plugin;
mod programs;
mod properties;
mod queue;
mod ranks;
mod raw_files;
mod references;
mod removed;
mod selection;
mod serial;
mod together;
mod turns;
mod undo;
mod user_links;
mod virtual_dataset;
mod walk;
