//! What a client is told before it starts.

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

/// Settings of a [`crate::Context`].
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Directory of the local engine.
    pub local_directory: PathBuf,
    /// Where the local engine runs.
    pub local_mode: LocalMode,
    /// How long a call waits for its reply.
    pub call_timeout: Duration,
}

impl ClientSettings {
    /// Settings by the documented environment variables: `DAOS_LOCAL_PATH`, else `$XDG_DATA_HOME/daos`, else
    /// `~/.local/share/daos`; `DAOS_LOCAL_MODE` is `process` or `inside`.
    pub fn from_environment() -> daos_status::Result<ClientSettings> {
        let directory = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let local_directory = directory("DAOS_LOCAL_PATH")
            .or_else(|| directory("XDG_DATA_HOME").map(|path| path.join("daos")))
            .or_else(|| directory("HOME").map(|path| path.join(".local/share/daos")));
        let Some(local_directory) = local_directory else {
            daos_status::fail!(
                daos_status::Code::Inval,
                "no directory for the local engine: set DAOS_LOCAL_PATH, or HOME"
            );
        };
        ClientSettings::for_directory(local_directory)
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
        Ok(ClientSettings { local_directory, local_mode, call_timeout: Duration::from_secs(60) })
    }
}
