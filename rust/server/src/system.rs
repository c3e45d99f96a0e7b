//! An engine of a system of several: it listens on a control port, begins the system or joins it, and serves.

mod answers;
mod door;
mod engine;
mod identity;
mod link;
mod orders;
mod running;
mod settings;
mod socket;
mod telemetry;

pub use engine::SystemEngine;
pub use settings::{SystemEngineSettings, SystemReady};

pub(crate) use identity::FILE as IDENTITY_FILE;
