//! What the commands do. Each gives a [`Reply`]; nothing here writes to standard output.

mod access;
mod attributes;
mod chosen;
mod container;
mod container_link;
mod copy;
mod engines;
mod filesystem;
mod hdf5;
mod libraries;
mod local;
mod logging;
mod mpi;
mod network;
mod object;
mod pool;
mod pool_create;
mod pool_properties;
mod pool_targets;
mod posix;
mod ranks;
mod server;
mod snapshot;
mod storage;
mod system;
mod telemetry;

use crate::arguments::{AgentArguments, AgentCommand, DaosArguments, DaosCommand, DmgArguments, DmgCommand};
use crate::arguments::{
    ConfigCommand, ContainerCommand, DaosSystemCommand, DmgContainerCommand, EngineServerCommand, GlobalOptions,
    LocalNetworkCommand, NetworkCommand, PoolCommand, ServerArguments, ServerCommand, SystemQueryOptions,
};
use crate::failure::Result;
use crate::reply::Reply;
use crate::session::Session;
use serde_json::json;

/// The version of the C API, which programs ask for (`include/daos_version.h`).
const API_VERSION: &str = "2.8.0";

/// Runs a command of `daos`.
pub fn daos(arguments: DaosArguments) -> Result<Reply> {
    let global = arguments.global;
    match arguments.command {
        DaosCommand::Pool(command) => with_session(&global, |session| pool::run(session, &global, command)),
        DaosCommand::Container(command) => with_session(&global, |session| container::run(session, &global, command)),
        DaosCommand::Filesystem(command) => filesystem::run(&global, command),
        DaosCommand::Object(command) => with_session(&global, |session| object::run(session, command)),
        DaosCommand::System(DaosSystemCommand::Query) => {
            with_session(&global, |session| system::query(session, global.verbose, &SystemQueryOptions::default()))
        }
        DaosCommand::Local(command) => local::run(&global, &command),
        DaosCommand::Hdf5Env { pool, container, .. } => hdf5::environment(pool.zip(container)),
        DaosCommand::MpiEnv { program } => mpi::environment(program.as_deref()),
        DaosCommand::ServerVersion => with_session(&global, system::server_version),
        DaosCommand::Version => Ok(version("daos")),
    }
}

/// Runs a command of `dmg`.
pub fn dmg(arguments: DmgArguments) -> Result<Reply> {
    let host_list = arguments.host_list.map(|hosts| hosts.0.join(","));
    let global = GlobalOptions { host_list, control_file: arguments.config_path, ..arguments.global };
    match arguments.command {
        DmgCommand::Pool(command) => {
            let asks_for_targets = matches!(command, PoolCommand::QueryTargets { .. });
            let mut reply = with_session(&global, |session| pool::run(session, &global, command))?;
            if asks_for_targets {
                // Here dmg and daos differ.
                reply.json = json!({ "status": 0, "Infos": reply.json });
            }
            Ok(reply)
        }
        DmgCommand::Container(DmgContainerCommand::SetOwner(asked)) => {
            let command = ContainerCommand::SetOwner(asked);
            with_session(&global, |session| container::run(session, &global, command))
        }
        DmgCommand::Config(ConfigCommand::Generate) => Ok(server::generate()),
        DmgCommand::System(command) => with_session(&global, |session| system::run(session, global.verbose, &command)),
        DmgCommand::Server(EngineServerCommand::SetLogmasks(options)) => {
            with_session(&global, |session| logging::set_masks(session, &global, &options))
        }
        DmgCommand::Network(NetworkCommand::Scan(options)) => {
            with_session(&global, |session| network::scan(session, &global, &options))
        }
        DmgCommand::Storage(command) => with_session(&global, |session| storage::run(session, &global, &command)),
        DmgCommand::Telemetry(command) => telemetry::run(&global, &command),
        DmgCommand::ServerVersion => with_session(&global, system::server_version),
        DmgCommand::Version => Ok(version("dmg")),
    }
}

/// Runs a command of `daos_server`.
pub fn server(arguments: ServerArguments) -> Result<Reply> {
    match arguments.command {
        ServerCommand::Start(options) => server::start(&arguments.global, &options),
        ServerCommand::Config(ConfigCommand::Generate) => Ok(server::generate()),
        ServerCommand::Network(LocalNetworkCommand::Scan(options)) => network::scan_here(&options),
        ServerCommand::Local(options) => local::serve(&arguments.global, &options),
        ServerCommand::Version => Ok(version("daos_server")),
    }
}

/// Runs a command of `daos_agent`.
pub fn agent(arguments: &AgentArguments) -> Result<Reply> {
    match arguments.command {
        Some(AgentCommand::Version) => Ok(version("daos_agent")),
        Some(AgentCommand::Start) | None => Ok(Reply::new(
            "No agent is needed: programs find their local engine by themselves, and the permissions of its directory \
             decide who may use it. 'daos local status' shows the engine.",
            json!({ "needed": false }),
        )),
    }
}

fn version(name: &str) -> Reply {
    let version = env!("CARGO_PKG_VERSION");
    Reply::new(
        format!("{name} version {version}, libdaos v{API_VERSION}"),
        json!({ "name": name, "version": version, "api_version": API_VERSION }),
    )
}

fn with_session(global: &GlobalOptions, work: impl FnOnce(&Session) -> Result<Reply>) -> Result<Reply> {
    let session = Session::start(global)?;
    let result = work(&session);
    session.stop();
    result
}
