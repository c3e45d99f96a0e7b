//! What one target does for objects: update, fetch, punch, enumerate, query.
//!
//! An [`ObjectService`] serves the requests of one target's endpoint, on that target's thread. It decodes them (their bytes
//! are hostile), checks the container handle they name, moves values between the client's memory and the store, and
//! answers. It knows neither pools nor other targets: what it needs of them is a [`TargetContext`].
//!
//! Values that came with a request are copied into the store; larger ones are pulled into buffers that the store writes to its
//! device as they are. How many bytes such buffers may take is bounded for the whole target: a request that finds no room
//! waits in line, and is answered with `DER_BUSY` when that takes too long.

mod body;
mod check;
mod fetch;
mod gates;
mod grants;
mod indirect;
mod listing;
mod moving;
mod pieces;
mod punch;
mod query;
mod remote_memory;
mod removal;
mod service;
mod settings;
mod snapshots;
mod transaction;
mod update;

pub use service::{ObjectService, TargetContext};
pub use settings::ObjectServiceSettings;
