//! The fabric that an engine's endpoints are on.

use daos_env::Env;
use daos_rpc::Transport;
use daos_rpc::in_process::InProcessNetwork;
use daos_rpc::libfabric::{FabricSettings, FabricTransport};
use daos_status::Result;
use daos_types::TargetIndex;
use std::rc::Rc;

/// The provider between the processes of one machine: every machine has it, and it can sleep.
const LOCAL_PROVIDER: &str = "tcp";

/// How the targets of an engine are reached. Given to each target's thread, which opens its own endpoint.
#[derive(Clone)]
pub(crate) enum Fabric {
    /// By threads of the same process.
    InProcess(InProcessNetwork),
    /// By processes of this machine, on the loopback interface.
    Local,
    /// By everybody who reaches an interface; each target listens on a port of its own, counted from the first, or on any when
    /// that is 0.
    Network(FabricSettings),
}

impl Fabric {
    /// Opens an endpoint for the calling thread.
    pub fn open(&self, env: &Env, index: TargetIndex) -> Result<Rc<dyn Transport>> {
        match self {
            Fabric::InProcess(network) => Ok(network.open()?),
            Fabric::Network(settings) => {
                let mut settings = settings.clone();
                if settings.port != 0 {
                    settings.port = settings.port.saturating_add(u16::try_from(index.0).unwrap_or(u16::MAX));
                }
                Ok(FabricTransport::open(env, &settings)?)
            }
            Fabric::Local => Ok(FabricTransport::open(env, &FabricSettings::new(LOCAL_PROVIDER))?),
        }
    }

    /// The name of its provider.
    pub fn provider(&self) -> &str {
        match self {
            Fabric::InProcess(_) => "in-process",
            Fabric::Network(settings) => &settings.provider,
            Fabric::Local => LOCAL_PROVIDER,
        }
    }
}
