//! The engine of a local directory, as a process.

use daos_status::{Code, Result, fail};
use std::path::PathBuf;
use std::time::Duration;

/// What the engine of a local directory is told before it starts.
#[derive(Clone, Debug, Default)]
pub struct LocalEngineSettings {
    /// The directory; made when it is missing.
    pub directory: PathBuf,
    /// How long the engine stays without clients; `None` takes `DAOS_LOCAL_IDLE` (seconds), else 30 seconds.
    pub idle: Option<Duration>,
    /// How many targets a new directory gets; `None` chooses by the number of cores. A directory keeps what it has.
    pub targets: Option<u32>,
}

/// The engine of a local directory.
pub struct LocalEngine;

impl LocalEngine {
    /// Serves the directory until nobody has needed it for a while, or until SIGTERM or SIGINT.
    ///
    /// To be called by the main thread of a process before it has others: the signals are blocked here.
    ///
    /// # Errors
    /// Why the engine could not start, or had to end; the sentence names the directory and the remedy. When it could not
    /// start, `engine.error` in the directory says the same.
    pub fn serve(settings: LocalEngineSettings) -> Result<()> {
        fail!(Code::Nosys, "the engine of {} cannot be started yet", settings.directory.display())
    }
}
