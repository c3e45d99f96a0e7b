//! The fabric that an engine's endpoints are on.

use daos_env::Spawner;
use daos_rpc::Transport;
use daos_rpc::in_process::InProcessNetwork;
use daos_status::{Code, Result, fail};
use std::rc::Rc;

/// How the targets of an engine are reached. Given to each target's thread, which opens its own endpoint.
#[derive(Clone)]
pub(crate) enum Fabric {
    /// By threads of the same process.
    InProcess(InProcessNetwork),
}

impl Fabric {
    /// The fabric between the processes of one machine.
    pub fn local() -> Result<Fabric> {
        fail!(Code::Nosys, "the fabric between processes is being written")
    }

    /// Opens an endpoint for the calling thread.
    pub fn open(&self, _spawner: &Spawner) -> Result<Rc<dyn Transport>> {
        match self {
            Fabric::InProcess(network) => Ok(network.open()?),
        }
    }

    /// The name of its provider.
    pub fn provider(&self) -> &'static str {
        match self {
            Fabric::InProcess(_) => "in-process",
        }
    }
}
