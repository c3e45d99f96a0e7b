//! What an engine of a system is told before it starts.

use crate::{LogMask, ReplicaRole};
use daos_env::LogLevel;
use daos_rpc::libfabric::FabricSettings;
use daos_status::{Code, Result, Status, fail};
use daos_types::Rank;
use daos_wire::{CONTROL_PORT_DEFAULT, with_control_port};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;

/// The settings of a [`crate::SystemEngine`].
#[derive(Clone, Debug)]
pub struct SystemEngineSettings {
    /// Where it stores; made when it is missing.
    pub directory: PathBuf,
    /// The system's name.
    pub system: String,
    /// The host, or its address, on which the control port listens and by which others reach it.
    pub host: String,
    /// The control port.
    pub port: u16,
    /// Control ports, `host:port`, of the engines that hold the system's metadata; the first of them begins the system.
    pub replicas: Vec<String>,
    /// How many targets a new directory gets; `None` chooses by the number of cores.
    pub targets: Option<u32>,
    /// The fabric; with a port, each target has one, counted from it.
    pub fabric: FabricSettings,
    /// The fault domain; `/` and the name of the machine when there is none.
    pub domain: Option<String>,
    /// Where metrics are served over HTTP; nowhere when there is none.
    pub telemetry_port: Option<u16>,
    /// Log lines that are less important are left out.
    pub log_mask: LogMask,
    /// Where it logs; `engine.log` in its directory when there is none.
    pub log_file: Option<PathBuf>,
}

/// What an engine tells when it is ready.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SystemReady {
    /// The system's name.
    pub system: String,
    /// The engine's rank.
    pub rank: Rank,
    /// Its control port.
    pub control: String,
    /// How many targets it has.
    pub targets: usize,
    /// Provider of its fabric.
    pub provider: String,
}

/// What an engine tells whoever started it.
#[derive(Clone, Copy, Debug)]
pub enum SystemNews<'a> {
    /// It is part of the system and serves: said once.
    Ready(&'a SystemReady),
    /// It is not part of the system yet, since this happened; it goes on trying. Said again when something else happens.
    Waits(&'a Status),
}

impl SystemEngineSettings {
    /// An engine on this machine's loopback interface.
    pub fn new(directory: PathBuf) -> SystemEngineSettings {
        SystemEngineSettings {
            directory,
            system: crate::local_engine::SYSTEM_NAME.to_owned(),
            host: "127.0.0.1".to_owned(),
            port: CONTROL_PORT_DEFAULT,
            replicas: Vec::new(),
            targets: None,
            fabric: FabricSettings::new("tcp"),
            domain: None,
            telemetry_port: None,
            log_mask: LogMask::of(LogLevel::Info),
            log_file: None,
        }
    }

    /// `host:port` of its own control port.
    pub fn control(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The control ports of the metadata service's replicas; the default port of this machine when none is named.
    pub(crate) fn replicas(&self) -> Vec<String> {
        match self.replicas.as_slice() {
            [] => vec![format!("127.0.0.1:{CONTROL_PORT_DEFAULT}")],
            named => named.iter().map(|name| with_control_port(name, CONTROL_PORT_DEFAULT)).collect(),
        }
    }

    /// Whether this engine begins the system: it is the first replica.
    pub(crate) fn begins_system(&self) -> Result<bool> {
        match self.replicas().first() {
            Some(first) => is_own(first, self.port),
            None => Ok(false),
        }
    }

    /// Whether this engine keeps a replica of the metadata.
    pub(crate) fn keeps_replica(&self) -> Result<bool> {
        for place in self.replicas() {
            if is_own(&place, self.port)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Nobody leads the metadata service, which has replicas at these places, and what to do about it.
    pub(crate) fn leaderless(&self) -> Status {
        let replicas = self.replicas();
        let sentence = match replicas.len() {
            0 | 1 => "nobody leads the metadata service at the moment: its engine is starting; try again".to_owned(),
            count => format!(
                "nobody leads the metadata service at the moment: {} of the engines at {} have to run and to reach each other; start those \
                 that do not, or try again in some seconds",
                count / 2 + 1,
                replicas.join(", ")
            ),
        };
        Status::new(Code::Again, sentence)
    }

    /// The replicas of other engines; one whose name says nothing now is another engine's. Names are looked up for it, which may wait.
    pub(crate) fn other_replicas(&self) -> Vec<String> {
        let is_other = |place: &String| !is_own(place, self.port).unwrap_or(false);
        self.replicas().into_iter().filter(is_other).collect()
    }

    /// What the first target has to do with the metadata.
    pub(crate) fn role(&self) -> Result<ReplicaRole> {
        Ok(match (self.begins_system()?, self.keeps_replica()?) {
            (true, _) => ReplicaRole::Founder(self.control()),
            (false, true) => ReplicaRole::Member,
            (false, false) => ReplicaRole::None,
        })
    }

    /// Refuses what cannot work.
    pub(crate) fn check(&self) -> Result<()> {
        if self.system.is_empty() || self.system.len() > 15 || self.system.chars().any(char::is_control) {
            fail!(
                Code::Inval,
                "'{}' is no name of a system: it has 1 to 15 characters, none of them a control character",
                self.system.escape_default()
            );
        }
        if self.port == 0 {
            fail!(Code::Inval, "the control port must be a number from 1 to 65535: others have to know it");
        }
        Ok(())
    }
}

/// Whether `host:port` is this port of this machine.
fn is_own(place: &str, port: u16) -> Result<bool> {
    let addresses = place.to_socket_addrs().map_err(|error| {
        let sentence =
            format!("access point '{place}' is not found: {error}; correct 'mgmt_svc_replicas' (--replicas)");
        Status::new(Status::from(error).code(), sentence)
    })?;
    Ok(addresses.into_iter().any(|address| address.port() == port && is_of_this_machine(address.ip())))
}

/// An address is this machine's when something can listen on it; nothing is sent to find out.
fn is_of_this_machine(address: IpAddr) -> bool {
    UdpSocket::bind(SocketAddr::new(address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_replica_begins_the_system() {
        let mut settings = SystemEngineSettings::new("x".into());
        assert_eq!(settings.begins_system(), Ok(true));
        settings.port = 10002;
        assert_eq!(settings.begins_system(), Ok(false));
        settings.replicas = vec!["localhost:10002".into(), "localhost".into()];
        assert_eq!(settings.begins_system(), Ok(true));
        settings.replicas = vec!["192.0.2.1:10002".into()];
        assert_eq!(settings.begins_system(), Ok(false), "an address of documents is nobody's");
        assert!(settings.leaderless().context().ends_with("; try again"), "one engine only starts");
        settings.replicas = vec!["a:1".into(), "b:2".into(), "c".into()];
        let sentence = settings.leaderless().context().to_owned();
        assert!(sentence.contains(": 2 of the engines at a:1, b:2, c:10001 have to run"), "{sentence}");
        for bad in ["", "a name that is too long", "a\nb"] {
            settings.system = bad.to_owned();
            assert!(settings.check().is_err(), "{bad}");
        }
    }
}
