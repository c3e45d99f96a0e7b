//! The fabric that an engine's endpoints are on.

use daos_env::Env;
use daos_rpc::in_process::InProcessNetwork;
use daos_rpc::libfabric::{FabricSettings, FabricTransport};
use daos_rpc::shared_memory::{SharedMemorySettings, SharedMemoryTransport, Users};
use daos_rpc::{CompositeTransport, Transport};
use daos_status::Result;
use daos_types::TargetIndex;
use std::rc::Rc;

/// The provider for processes of this machine that cannot share memory with the engine: every machine has it, and it can sleep.
const LOCAL_PROVIDER: &str = "tcp";

/// How the targets of an engine are reached. Given to each target's thread, which opens its own endpoint.
#[derive(Clone)]
pub(crate) enum Fabric {
    /// By threads of the same process.
    InProcess(InProcessNetwork),
    /// By processes of this machine, through shared memory, and on the loopback interface.
    Local,
    /// By processes of this machine through shared memory, and by everybody who reaches an interface; each target listens on a port of its own, counted from the first, or on any when
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
                // Who may use the network may also share memory: what counts is the session that goes with each request.
                open_both(env, settings, Users::All)
            }
            Fabric::Local => open_both(env, FabricSettings::new(LOCAL_PROVIDER), Users::Own),
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

/// An endpoint for processes of this machine and on a network. Without the first it works, too; an engine that has
/// `DAOS_TRANSPORT=tcp` in its environment offers none, so that a network can be tested on one machine.
fn open_both(env: &Env, settings: FabricSettings, users: Users) -> Result<Rc<dyn Transport>> {
    let network = {
        let env = env.clone();
        move || -> Result<Rc<dyn Transport>> { Ok(FabricTransport::open(&env, &settings)?) }
    };
    if std::env::var("DAOS_TRANSPORT").is_ok_and(|choice| choice == "tcp") {
        return network();
    }
    let settings = SharedMemorySettings { users, ..SharedMemorySettings::default() };
    match SharedMemoryTransport::open(env, &settings) {
        Ok(shared) => {
            let both = CompositeTransport::new(Some(shared), Box::new(network))?;
            both.open_network()?;
            Ok(both)
        }
        Err(status) => {
            daos_env::log!(Warn, "engine", "clients of this machine go by the network, too: {status}");
            network()
        }
    }
}
