//! The targets of an engine of a system, which come and go while its process lives.

use super::machine::Machine;
use crate::fabric::Fabric;
use crate::local::{Directory, DirectoryFormat};
use crate::threads::{TargetThreads, ThreadSettings};
use crate::{Capacity, Clocks, EngineIdentity, HostCapacity, Ranks, ReplicaRole, Sessions, TargetSettings};
use daos_env::{Doorbell, Env};
use daos_rpc::ControlNetwork;
use daos_status::Result;
use std::rc::Rc;
use std::sync::Arc;

/// Where an engine runs.
pub(super) enum Ground {
    /// On this machine, its targets on threads of their own.
    Host(Fabric),
    /// In a simulation.
    Simulated(Rc<dyn Machine>),
}

impl Ground {
    /// The name of the fabric's provider.
    pub fn provider(&self) -> String {
        match self {
            Ground::Host(fabric) => fabric.provider().to_owned(),
            Ground::Simulated(machine) => machine.provider(),
        }
    }

    /// The number of the process.
    pub fn process(&self) -> u32 {
        match self {
            Ground::Host(_) => std::process::id(),
            Ground::Simulated(_) => 1,
        }
    }
}

/// What the targets of an engine are started with, as often as that happens.
pub(super) struct Makings {
    pub directory: Directory,
    pub format: DirectoryFormat,
    pub env: Env,
    pub ground: Ground,
    pub control: Arc<dyn ControlNetwork>,
    pub sessions: Arc<Sessions>,
    pub clocks: Arc<Clocks>,
    pub ranks: Arc<Ranks>,
    pub system: String,
    pub bell: Arc<Doorbell>,
    pub role: ReplicaRole,
}

impl Makings {
    /// What there is room for.
    pub fn capacity(&self) -> Arc<dyn Capacity> {
        match &self.ground {
            Ground::Host(_) => Arc::new(HostCapacity::of(self.directory.path())),
            Ground::Simulated(machine) => machine.capacity(),
        }
    }

    /// Starts the targets.
    pub fn start(&self) -> Result<TargetThreads> {
        let settings = ThreadSettings {
            directory: self.directory.path().to_path_buf(),
            targets: self.format.targets,
            is_new: self.format.is_new,
            env: self.env.clone(),
            settings: TargetSettings { replica: self.role.clone(), ..TargetSettings::default() },
            sessions: self.sessions.clone(),
            clocks: self.clocks.clone(),
            ranks: self.ranks.clone(),
            capacity: self.capacity(),
            identity: EngineIdentity {
                system: self.system.clone(),
                provider: self.ground.provider(),
                process: self.ground.process(),
                is_system: true,
            },
            bell: Some(self.bell.clone()),
        };
        match &self.ground {
            Ground::Host(fabric) => TargetThreads::start(&settings, fabric),
            Ground::Simulated(machine) => TargetThreads::start_simulated(&settings, machine),
        }
    }
}
