//! The engine of a local directory on threads of the calling process.

use daos_env::Env;
use daos_rpc::Address;
use daos_rpc::in_process::InProcessNetwork;
use daos_status::{Code, Result, fail};
use std::path::Path;

/// An engine on threads of the calling process; it ends when dropped.
pub struct InsideEngine {
    network: InProcessNetwork,
    targets: Vec<Address>,
    session: u64,
}

impl InsideEngine {
    /// Starts the engine of a directory, which is made when it is missing.
    ///
    /// # Errors
    /// [`Code::Busy`] when another engine serves the directory, and whatever else keeps this one from starting.
    pub fn start(directory: &Path, _env: &Env) -> Result<InsideEngine> {
        fail!(Code::Nosys, "an engine inside the process cannot be started yet for {}", directory.display())
    }

    /// The network that the targets are on.
    pub fn network(&self) -> InProcessNetwork {
        self.network.clone()
    }

    /// Where the targets are; the first one is the pool service's.
    pub fn targets(&self) -> Vec<Address> {
        self.targets.clone()
    }

    /// The token that goes with every request of this process.
    pub fn session(&self) -> u64 {
        self.session
    }
}
