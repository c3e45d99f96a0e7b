//! The targets of an engine of a system, which come and go while its process lives.

use crate::fabric::Fabric;
use crate::local::{Directory, DirectoryFormat};
use crate::threads::{TargetThreads, ThreadSettings};
use crate::{EngineIdentity, HostCapacity, Ranks, ReplicaRole, Sessions, TargetSettings};
use daos_env::{Doorbell, Env};
use daos_status::Result;
use std::sync::Arc;

/// What the targets of an engine are started with, as often as that happens.
pub(super) struct Makings {
    pub directory: Directory,
    pub format: DirectoryFormat,
    pub env: Env,
    pub fabric: Fabric,
    pub sessions: Arc<Sessions>,
    pub ranks: Arc<Ranks>,
    pub system: String,
    pub bell: Arc<Doorbell>,
    pub role: ReplicaRole,
}

impl Makings {
    /// Starts the targets.
    pub fn start(&self) -> Result<TargetThreads> {
        TargetThreads::start(&ThreadSettings {
            directory: self.directory.path().to_path_buf(),
            targets: self.format.targets,
            is_new: self.format.is_new,
            env: self.env.clone(),
            fabric: self.fabric.clone(),
            settings: TargetSettings { replica: self.role.clone(), ..TargetSettings::default() },
            sessions: self.sessions.clone(),
            ranks: self.ranks.clone(),
            capacity: Arc::new(HostCapacity::of(self.directory.path())),
            identity: EngineIdentity {
                system: self.system.clone(),
                provider: self.fabric.provider().to_owned(),
                process: std::process::id(),
                is_system: true,
            },
            bell: Some(self.bell.clone()),
        })
    }
}
