//! What a client is told before it starts.

use crate::SystemAccess;
use std::path::PathBuf;
use std::time::Duration;

/// Where the local engine runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LocalMode {
    /// In a process of its own, shared by all processes of the user.
    #[default]
    Process,
    /// On threads of the calling process; no other process can use the directory meanwhile.
    Inside,
}

/// How data goes between this process and the engines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TransportChoice {
    /// Through shared memory to engines of this machine that allow it, over the network to others.
    #[default]
    Automatic,
    /// Through shared memory only.
    SharedMemory,
    /// Over the network only, also to engines of this machine.
    Network,
}

/// Settings of a [`crate::Context`].
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Directory of the local engine.
    pub local_directory: PathBuf,
    /// Where the local engine runs.
    pub local_mode: LocalMode,
    /// The system of several engines to use instead of a local engine.
    pub system: Option<SystemAccess>,
    /// How data goes to the engines.
    pub transport: TransportChoice,
    /// How long a call waits for its reply.
    pub call_timeout: Duration,
}

impl ClientSettings {
    /// Settings by the documented environment variables. `DAOS_ACCESS_POINTS` (`host:port`, several separated by commas) and
    /// `DAOS_SYSTEM` (a name, else `daos_server`) say which system to use; without access points it is the local engine:
    /// `DAOS_LOCAL_PATH`, else `$XDG_DATA_HOME/daos`, else
    /// `~/.local/share/daos`; `DAOS_LOCAL_MODE` is `process` or `inside`. `DAOS_TRANSPORT` is `automatic`,
    /// `shared_memory` or `tcp`.
    pub fn from_environment() -> daos_status::Result<ClientSettings> {
        let directory = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let local_directory = directory("DAOS_LOCAL_PATH")
            .or_else(|| directory("XDG_DATA_HOME").map(|path| path.join("daos")))
            .or_else(|| directory("HOME").map(|path| path.join(".local/share/daos")));
        let system = system_of_environment();
        let Some(local_directory) = local_directory.or_else(|| system.as_ref().map(|_| PathBuf::from("/"))) else {
            daos_status::fail!(
                daos_status::Code::Inval,
                "no directory for the local engine: set DAOS_LOCAL_PATH, or HOME"
            );
        };
        Ok(ClientSettings { system, ..ClientSettings::for_directory(local_directory)? })
    }

    /// Settings for a directory that the caller names; the rest by the environment.
    pub fn for_directory(local_directory: PathBuf) -> daos_status::Result<ClientSettings> {
        let local_mode = match std::env::var("DAOS_LOCAL_MODE").as_deref() {
            Ok("inside") => LocalMode::Inside,
            Ok("process" | "") | Err(_) => LocalMode::Process,
            Ok(other) => daos_status::fail!(
                daos_status::Code::Inval,
                "DAOS_LOCAL_MODE is '{other}'; it must be 'process' or 'inside'"
            ),
        };
        let transport = match std::env::var("DAOS_TRANSPORT").as_deref() {
            Ok("automatic" | "") | Err(_) => TransportChoice::Automatic,
            Ok("shared_memory") => TransportChoice::SharedMemory,
            Ok("tcp") => TransportChoice::Network,
            Ok(other) => daos_status::fail!(
                daos_status::Code::Inval,
                "DAOS_TRANSPORT is '{other}'; it must be 'automatic', 'shared_memory' or 'tcp'"
            ),
        };
        let call_timeout = Duration::from_secs(60);
        Ok(ClientSettings { local_directory, local_mode, system: None, transport, call_timeout })
    }
}

/// The name of a system when nobody says; upstream's.
pub const SYSTEM_NAME_DEFAULT: &str = "daos_server";

impl SystemAccess {
    /// The system at these access points, by the name that the environment says.
    pub fn at(access_points: &str) -> SystemAccess {
        let name = std::env::var("DAOS_SYSTEM").ok().filter(|name| !name.is_empty());
        let points = access_points.split(',').map(str::trim).filter(|point| !point.is_empty());
        SystemAccess {
            name: name.unwrap_or_else(|| SYSTEM_NAME_DEFAULT.to_owned()),
            access_points: points
                .map(|point| daos_wire::with_control_port(point, daos_wire::CONTROL_PORT_DEFAULT))
                .collect(),
        }
    }
}

/// The system that the environment names.
fn system_of_environment() -> Option<SystemAccess> {
    let points = std::env::var("DAOS_ACCESS_POINTS").ok().filter(|points| !points.is_empty())?;
    Some(SystemAccess::at(&points))
}
