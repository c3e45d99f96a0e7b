//! Numbers that bound what a target does.

use daos_membership::MembershipSettings;
use daos_object_service::ObjectServiceSettings;
use daos_rpc::EndpointSettings;
use std::time::Duration;

/// What the first target of an engine has to do with the system's metadata.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplicaRole {
    /// Nothing: other engines keep it.
    None,
    /// It keeps a replica, which the one that leads brings in.
    Member,
    /// Its replica founds the group in a system that is new; others reach the engine at this control port.
    Founder(String),
}

/// The bounds of a [`crate::Target`].
#[derive(Clone, Debug)]
pub struct TargetSettings {
    /// Of its endpoint.
    pub endpoint: EndpointSettings,
    /// Of its object service.
    pub objects: ObjectServiceSettings,
    /// How long a request to another target may take; removing the files of a large pool takes longest.
    pub call_timeout: Duration,
    /// How long requests that are under way when the engine is told to end may take.
    pub drain_timeout: Duration,
    /// Bytes of the pool service's metadata beyond which it is copied, without what was deleted.
    pub renew_system_at: u64,
    /// How the engines of a system look after each other.
    pub membership: MembershipSettings,
    /// Whether it keeps a replica of the metadata.
    pub replica: ReplicaRole,
}

impl Default for TargetSettings {
    fn default() -> TargetSettings {
        TargetSettings {
            endpoint: EndpointSettings::default(),
            objects: ObjectServiceSettings::default(),
            call_timeout: Duration::from_secs(120),
            drain_timeout: Duration::from_secs(5),
            renew_system_at: 32 << 20,
            membership: MembershipSettings::default(),
            replica: ReplicaRole::Founder(String::new()),
        }
    }
}
