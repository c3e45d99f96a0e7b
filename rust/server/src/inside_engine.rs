//! The engine of a local directory on threads of the calling process.

use crate::fabric::Fabric;
use crate::local::{Directory, DirectoryFormat, DirectoryLock, Holder, targets_beside_programs};
use crate::local_engine::{SYSTEM_NAME, refuse_engine_of_system};
use crate::threads::{TargetThreads, ThreadSettings, wait_until_ready};
use crate::{EngineIdentity, HostCapacity, Peer, Ranks, Sessions, TargetSettings};
use daos_env::Env;
use daos_rpc::Address;
use daos_rpc::in_process::InProcessNetwork;
use daos_status::Result;
use std::path::Path;
use std::sync::Arc;

/// An engine on threads of the calling process; it ends when dropped.
///
/// It holds the lock of the directory like an engine with a process of its own, and talks to this process only.
pub struct InsideEngine {
    network: InProcessNetwork,
    targets: TargetThreads,
    session: u64,
    // Given back after the targets have ended, which `Drop` sees to.
    _lock: DirectoryLock,
}

impl InsideEngine {
    /// Starts the engine of a directory, which is made when it is missing.
    ///
    /// # Errors
    /// [`daos_status::Code::Busy`] when another engine serves the directory, and whatever else keeps this one from
    /// starting.
    pub fn start(directory: &Path, env: &Env) -> Result<InsideEngine> {
        let directory = Directory::create(directory)?;
        let Some(lock) = directory.try_lock(Holder::Inside)? else { return Err(directory.in_use()) };
        refuse_engine_of_system(&directory)?;
        let format = DirectoryFormat::read_or_choose(&directory, None, targets_beside_programs()?)?;
        let network = InProcessNetwork::new();
        let fabric = Fabric::InProcess(network.clone());
        let sessions = Arc::new(Sessions::new(&*env.random));
        let session = sessions.admit(&*env.random, Peer::inside());
        let ranks = Arc::new(Ranks::unknown());
        let identity = EngineIdentity {
            system: SYSTEM_NAME.to_owned(),
            provider: fabric.provider().to_owned(),
            process: std::process::id(),
            is_system: false,
        };
        let settings = ThreadSettings {
            directory: directory.path().to_path_buf(),
            targets: format.targets,
            is_new: format.is_new,
            env: env.clone(),
            settings: TargetSettings::default(),
            sessions,
            clocks: Arc::default(),
            ranks: ranks.clone(),
            capacity: Arc::new(HostCapacity::of(directory.path())),
            identity,
            bell: None,
        };
        let mut targets = TargetThreads::start(&settings, &fabric)?;
        wait_until_ready(&mut targets, |addresses| ranks.set_alone(addresses, SYSTEM_NAME, fabric.provider()))?;
        format.write(&directory)?;
        Ok(InsideEngine { network, targets, session, _lock: lock })
    }
}

impl daos_rpc::in_process::InsideEngine for InsideEngine {
    fn network(&self) -> InProcessNetwork {
        self.network.clone()
    }

    fn targets(&self) -> Vec<Address> {
        self.targets.addresses()
    }

    fn session(&self) -> u64 {
        self.session
    }
}

impl Drop for InsideEngine {
    fn drop(&mut self) {
        if let Err(status) = self.targets.stop() {
            daos_env::log!(Error, "engine", "the engine within this process ended with an error: {status}");
        }
    }
}
