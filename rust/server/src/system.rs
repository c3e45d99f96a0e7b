//! An engine of a system of several: it listens on a control port, begins the system or joins it, and serves.

mod answers;
mod door;
mod engine;
mod identity;
mod joining;
mod link;
mod logging;
mod machine;
mod measuring;
mod opening;
mod orders;
mod running;
mod scan;
mod settings;
mod storage;
mod targets;
mod telemetry;

pub use engine::SystemEngine;
pub use machine::{Machine, TargetGround};
pub use settings::{SystemEngineSettings, SystemNews, SystemReady};

pub(crate) use identity::FILE as IDENTITY_FILE;
