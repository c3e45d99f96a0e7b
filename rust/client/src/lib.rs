//! The asynchronous client: pools, containers, objects, key-values, arrays.
//!
//! A process has one [`Context`]. It owns an executor, an endpoint and the connection to the system, and any thread may
//! drive it: the thread that waits for a result does the work, so that a synchronous call costs no switch to another
//! thread. Work is handed in as a closure that is given a [`Client`] and returns a future; futures run inside the
//! context and never leave it. [`Pool`], [`Container`] and [`Object`] are plain handles that may be kept and shared
//! anywhere.
//!
//! ```ignore
//! let context = Context::start(settings, launcher)?;
//! let pool = context.block_on(|client| async move { Pool::connect(&client, &reference, PoolFlags::READ_WRITE).await })?;
//! ```
#![allow(
    unsafe_code,
    reason = "memory of callers is read and written in place; the context moves between threads under its lock"
)]

mod access;
pub mod array;
mod attach;
mod attributes;
mod buffers;
mod changes;
mod classes;
mod client;
mod container;
mod context;
mod engines;
#[doc(hidden)]
pub mod fuzzing;
mod global;
pub mod key_value;
mod management;
mod object;
mod object_table;
mod pool;
mod ranks;
mod repeat;
mod route;
mod settings;
mod snapshot;
mod submissions;
mod system;
mod transaction;
mod waiting;

pub use access::{AccessInfo, change_owner, delete_access, overwrite_access, update_access};
pub use attach::{EngineLauncher, LocalDirectory, SystemAccess};
pub use buffers::{Destination, ScatterList, Source};
pub use classes::{ClassAttributes, ClassEntry};
pub use client::{Client, OpenTransport};
pub use container::{Container, ContainerFlags, ContainerInfo, ContainerListEntry, ContainerProperties, ContainerType};
pub use context::{Context, Started, Work, WorkId};
pub use daos_rpc::in_process::InsideEngine;
pub use daos_wire::{
    AccessChange, CONTROL_PORT_DEFAULT, EngineInterfaces, FabricInterface, host_and_port, with_control_port,
};
pub use engines::{EngineAnswers, EngineStorage};
pub use management::{PoolCreate, PoolListEntry, PoolProperties, PoolTargetsAction, PoolTargetsOutcome, SystemInfo};
pub use object::{
    AkeyFetch, AkeyFetched, AkeyUpdate, Anchor, Conditions, EndAndNewest, FetchKind, ListLimits, MapPiece, NameMove,
    NameMoved, NamePunch, NamePunched, Object, ObjectFlags, PieceState, QueryResult, QueryWhat, UpdateValue,
};
pub use object_table::{MARK_LENGTH_MAX, ObjectAnchor, ObjectTable};
pub use pool::{ContainerCondition, Pool, PoolFlags, PoolInfo, SpaceInfo, TargetInfo};
pub use settings::{ClientSettings, LocalMode, SYSTEM_NAME_DEFAULT, TransportChoice};
pub use snapshot::{SNAPSHOT_OBJECT_TABLE, Snapshot};
pub use system::{RankAction, RankInfo, RankOutcome};
pub use transaction::Transaction;
