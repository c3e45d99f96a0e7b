//! Attaching to the engine of a local directory.

use daos_status::Result;
use std::path::{Path, PathBuf};

/// Brings up the engine of a directory when there is none. Implemented by the front doors, which know how.
pub trait EngineLauncher: Send + Sync {
    /// Starts a process that serves the directory; returns when it was started, not when it is ready.
    fn launch_process(&self, directory: &Path) -> Result<()>;
}

/// What an engine tells a client that attaches.
#[derive(Clone, Debug)]
pub struct Hello {}

/// The files of a local engine.
#[derive(Clone, Debug)]
pub struct LocalDirectory(pub PathBuf);
