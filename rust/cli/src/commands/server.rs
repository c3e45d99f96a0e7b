//! `daos_server start`: an engine of a system.

use crate::arguments::{GlobalOptions, StartOptions};
use crate::failure::{Failure, Result};
use crate::reply::Reply;
use daos_rpc::libfabric::FabricSettings;
use daos_server::{SystemEngine, SystemEngineSettings, SystemReady};
use daos_status::Code;
use std::io::Write;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::PathBuf;

/// Serves until it is told to stop.
pub fn start(global: &GlobalOptions, options: StartOptions) -> Result<Reply> {
    let settings = settings_of(options)?;
    let doing = format!("serve {}", settings.directory.display());
    let as_json = global.json;
    SystemEngine::serve(settings, move |ready| announce(ready, as_json))
        .map_err(|error| Failure::from(error).doing(doing))?;
    Ok(Reply::default())
}

/// One line, when the engine is ready: whoever started it waits for that.
fn announce(ready: &SystemReady, as_json: bool) {
    let SystemReady { system, rank, control, targets, provider } = ready;
    let line = if as_json {
        let value = serde_json::json!({
            "system": system, "rank": rank.0, "control": control, "targets": targets, "provider": provider,
        });
        value.to_string()
    } else {
        format!("rank {} of system {system} is ready: control port {control}, {targets} targets, {provider}", rank.0)
    };
    let mut output = std::io::stdout().lock();
    // Who started it and does not read may be gone: the engine serves all the same.
    let _nobody = writeln!(output, "{line}").and_then(|()| output.flush());
}

fn settings_of(options: StartOptions) -> Result<SystemEngineSettings> {
    let port = options.port.unwrap_or(daos_client::CONTROL_PORT_DEFAULT);
    let directory = match options.storage {
        Some(directory) => directory,
        None => default_directory(port)?,
    };
    let mut settings = SystemEngineSettings::new(directory);
    settings.port = port;
    if let Some(name) = options.name {
        settings.system = name;
    }
    if let Some(host) = options.host {
        settings.host = host;
    }
    settings.replicas = options.replicas;
    settings.targets = options.targets;
    settings.domain = options.fault_domain;
    let mut fabric = FabricSettings::new(options.fabric.as_deref().unwrap_or("tcp"));
    match options.interface {
        Some(interface) => fabric.interface = Some(interface),
        None => fabric.host = Some(address_of(&settings.host)?.to_string()),
    }
    fabric.port = options.fabric_port.unwrap_or(0);
    settings.fabric = fabric;
    Ok(settings)
}

/// The address of a host name.
fn address_of(host: &str) -> Result<IpAddr> {
    let found = (host, 0).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    match found {
        Some(address) => Ok(address.ip()),
        None => {
            let sentence = format!("host '{host}' has no address; give this machine's name or address");
            Err(Failure::new(Code::Inval, sentence))
        }
    }
}

/// Where an engine stores when nobody says.
fn default_directory(port: u16) -> Result<PathBuf> {
    let directory = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = directory("XDG_DATA_HOME").or_else(|| directory("HOME").map(|home| home.join(".local/share")));
    match data {
        Some(data) => Ok(data.join("daos_server").join(port.to_string())),
        None => Err(Failure::new(Code::Inval, "no directory for the engine: give --storage, or set HOME")),
    }
}
