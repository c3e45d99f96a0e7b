//! What one target does for objects: update, fetch, punch, enumerate, query.
//!
//! An [`ObjectService`] serves the requests of one target's endpoint, on that target's thread. It decodes them (their bytes
//! are hostile), checks the container handle they name, moves values between the client's memory and the store, and
//! answers. It knows neither pools nor other targets: what it needs of them is a [`TargetContext`].

mod service;
mod settings;

pub use service::{ObjectService, TargetContext};
pub use settings::ObjectServiceSettings;
