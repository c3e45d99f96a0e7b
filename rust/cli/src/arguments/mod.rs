//! The command lines of the four names, and their manual.

mod access;
mod container;
mod engines;
mod filesystem;
mod local;
mod manual;
mod object;
mod pool;
mod server;
mod snapshot;
mod system;
mod telemetry;
mod values;

pub use access::{ListChange, ListOutput, OwnerOptions};
pub use container::{ContainerCommand, ContainerCreateOptions, ContainerOf, DmgContainerCommand, LinkArguments};
pub use engines::{
    EngineServerCommand, EnginesOptions, LocalNetworkCommand, LocalScanOptions, LogMaskOptions, NetworkCommand,
    NetworkScanOptions, StorageCommand, StorageQueryCommand,
};
pub use filesystem::{CheckArguments, CheckFlag, CopyArguments, FileOf, FilesystemCommand, SetAttrArguments};
pub use local::{LocalCommand, ServeOptions};
pub use object::ObjectCommand;
pub use pool::{PoolCommand, PoolCreateOptions, PoolListOptions, PoolQueryOptions, PoolTargetsOptions};
pub use server::{ConfigCommand, StartOptions};
pub use snapshot::SnapshotOf;
pub use system::{
    DaosSystemCommand, LiveRanksOptions, RankList, Ranks, RanksOptions, SystemCommand, SystemQueryOptions,
};
pub use telemetry::{MetricsCommand, MetricsOptions, TelemetryCommand};
pub use values::{CONTAINER_TYPES, PoolSize, pair};

use crate::hosts::{Hosts, hosts};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Options that every command takes, before or behind its words.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Options of every command")]
pub struct GlobalOptions {
    /// Print one JSON object
    ///
    /// Standard output then holds exactly one object {"response": ..., "error": null or text, "status": number}, also
    /// when the command fails; the status is 0 or a negative DER number.
    #[arg(long, short = 'j', global = true)]
    pub json: bool,
    /// Directory of the local engine [default: DAOS_LOCAL_PATH, else ~/.local/share/daos]
    #[arg(long, global = true, value_name = "DIR")]
    pub local_path: Option<PathBuf>,
    /// Control ports of the system's engines, from the words of `dmg`.
    #[arg(skip)]
    pub host_list: Option<String>,
    /// The file that says where the system is, from the words of `dmg`.
    #[arg(skip)]
    pub control_file: Option<PathBuf>,
    /// Say more: identifiers in lists, and log lines on standard error
    #[arg(long, short = 'v', global = true)]
    pub verbose: bool,
}

/// `daos`.
#[derive(Parser, Debug)]
#[command(
    name = "daos",
    bin_name = "daos",
    version,
    about = "Create, look at and fill DAOS pools and containers",
    long_about = manual::DAOS_ABOUT,
    after_long_help = manual::DAOS_SECTIONS,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct DaosArguments {
    /// What every command takes.
    #[command(flatten)]
    pub global: GlobalOptions,
    /// What to do.
    #[command(subcommand)]
    pub command: DaosCommand,
}

/// Commands of `daos`.
#[derive(Subcommand, Debug)]
pub enum DaosCommand {
    /// Create, list, query and destroy pools
    #[command(subcommand)]
    Pool(PoolCommand),
    /// Create, list, query and destroy containers
    #[command(subcommand, alias = "cont")]
    Container(ContainerCommand),
    /// Copy files into and out of POSIX containers, and check these
    #[command(subcommand, visible_alias = "fs")]
    Filesystem(FilesystemCommand),
    /// Look at an object
    #[command(subcommand, visible_alias = "obj")]
    Object(ObjectCommand),
    /// Look at the system
    #[command(subcommand)]
    System(DaosSystemCommand),
    /// Look at or stop the engine process of the local directory
    #[command(subcommand)]
    Local(LocalCommand),
    /// Print the environment of HDF5 programs that use containers
    #[command(long_about = manual::HDF5_ENV, after_long_help = manual::HDF5_ENV_EXAMPLES)]
    Hdf5Env {
        /// The pool of the container in which files with relative names are
        #[arg(requires = "container")]
        pool: Option<String>,
        /// That container
        container: Option<String>,
        /// In place of POOL and CONTAINER a path that stands for the container or is in it, as of other commands
        #[arg(long, short = 'p', value_name = "PATH")]
        path: Option<PathBuf>,
    },
    /// Print the environment of MPI programs that use containers
    #[command(long_about = manual::MPI_ENV, after_long_help = manual::MPI_ENV_EXAMPLES)]
    MpiEnv {
        /// A program that is to use it: refused when it is linked with an MPI library of another kind
        program: Option<PathBuf>,
    },
    /// Print the release of the engines
    #[command(after_long_help = manual::SERVER_VERSION_EXAMPLES)]
    ServerVersion,
    /// Print the version
    Version,
}

/// `dmg`.
#[derive(Parser, Debug)]
#[command(
    name = "dmg",
    bin_name = "dmg",
    version,
    about = "Manage the engines and pools of a DAOS system",
    long_about = manual::DMG_ABOUT,
    after_long_help = manual::DMG_SECTIONS,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct DmgArguments {
    /// What every command takes.
    #[command(flatten)]
    pub global: GlobalOptions,
    /// Accepted for scripts written for a cluster: a local engine has no certificates
    #[arg(long, short = 'i', global = true)]
    pub insecure: bool,
    /// Accepted for scripts written for a cluster: what goes wrong is told with the answer
    #[arg(long, short = 'd', global = true)]
    pub debug: bool,
    /// Accepted for scripts written for a cluster: no proxy is used
    #[arg(long, global = true)]
    pub allow_proxy: bool,
    /// Accepted for scripts written for a cluster; --json is what makes the answer an object
    #[arg(long, short = 'J', global = true)]
    pub json_logging: bool,
    /// Accepted for scripts written for a cluster; nothing is written to it
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// File with 'name', 'hostlist' and 'port' of the system
    #[arg(long, short = 'o', global = true, value_name = "FILE")]
    pub config_path: Option<PathBuf>,
    /// Control ports of engines of the system, separated by commas, node[1-8] for a range [default: DAOS_ACCESS_POINTS, else the local
    /// engine]
    #[arg(long, short = 'l', global = true, value_name = "HOST[:PORT]", value_parser = hosts)]
    pub host_list: Option<Hosts>,
    /// What to do.
    #[command(subcommand)]
    pub command: DmgCommand,
}

/// Commands of `dmg`.
#[derive(Subcommand, Debug)]
pub enum DmgCommand {
    /// Create, list, query and destroy pools
    #[command(subcommand)]
    Pool(PoolCommand),
    /// Look at the system, stop and start its engines
    #[command(subcommand)]
    System(SystemCommand),
    /// Look at the networks of engines
    #[command(subcommand, visible_alias = "net")]
    Network(NetworkCommand),
    /// Change running engines
    #[command(subcommand, visible_alias = "srv")]
    Server(EngineServerCommand),
    /// Look at the storage of engines
    #[command(subcommand, visible_alias = "sto")]
    Storage(StorageCommand),
    /// Look at metrics of an engine
    #[command(subcommand, visible_alias = "telem")]
    Telemetry(TelemetryCommand),
    /// Change the owner of a container
    #[command(subcommand, alias = "cont")]
    Container(DmgContainerCommand),
    /// Print a file of settings for engines
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the release of the engines
    #[command(after_long_help = manual::SERVER_VERSION_EXAMPLES)]
    ServerVersion,
    /// Print the version
    Version,
}

/// `daos_server`.
#[derive(Parser, Debug)]
#[command(
    name = "daos_server",
    bin_name = "daos_server",
    version,
    about = "Serve as an engine of a system, or serve a local directory",
    long_about = manual::SERVER_ABOUT,
    after_long_help = manual::SERVER_SECTIONS,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct ServerArguments {
    /// What every command takes.
    #[command(flatten)]
    pub global: GlobalOptions,
    /// What to do.
    #[command(subcommand)]
    pub command: ServerCommand,
}

/// Commands of `daos_server`.
#[derive(Subcommand, Debug)]
#[expect(clippy::large_enum_variant, reason = "a process has one of it")]
pub enum ServerCommand {
    /// Serve as an engine of a system of several, until stopped
    Start(StartOptions),
    /// Make a configuration file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at the network of this machine
    #[command(subcommand)]
    Network(LocalNetworkCommand),
    /// Serve a local directory until it is idle
    Local(ServeOptions),
    /// Print the version
    Version,
}

/// `daos_agent`.
#[derive(Parser, Debug)]
#[command(
    name = "daos_agent",
    bin_name = "daos_agent",
    version,
    about = "Explain that no DAOS agent is needed",
    long_about = manual::AGENT_ABOUT,
    after_long_help = manual::AGENT_SECTIONS
)]
pub struct AgentArguments {
    /// What every command takes.
    #[command(flatten)]
    pub global: GlobalOptions,
    /// Where an agent would be configured: accepted and not read
    #[arg(long, short = 'o', global = true, value_name = "FILE")]
    pub config_path: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<AgentCommand>,
}

/// Commands of `daos_agent`.
#[derive(Subcommand, Debug)]
pub enum AgentCommand {
    /// Say that there is nothing to start
    Start,
    /// Print the version
    Version,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Command, CommandFactory};

    fn all() -> [Command; 4] {
        [DaosArguments::command(), DmgArguments::command(), ServerArguments::command(), AgentArguments::command()]
    }

    #[test]
    fn command_lines_are_consistent() {
        for command in all() {
            command.debug_assert();
        }
    }

    fn check_help(path: &str, command: &Command) {
        assert!(command.get_about().is_some(), "{path} has no help");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path}: {} has no help", argument.get_id());
        }
        let leaf = command.get_subcommands().next().is_none();
        let plain = matches!(command.get_name(), "version" | "start" | "help");
        if leaf && !plain {
            let sections = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            assert!(sections.contains("Examples:"), "{path} has no examples");
        }
        for child in command.get_subcommands() {
            check_help(&format!("{path} {}", child.get_name()), child);
        }
    }

    #[test]
    fn every_command_and_option_has_help_and_every_command_examples() {
        for command in all() {
            check_help(command.get_name(), &command);
        }
    }

    #[test]
    fn lines_set_by_hand_fit_a_narrow_terminal() {
        fn check(command: &Command) {
            let sections = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            for line in sections.lines().filter(|line| line.starts_with("  ")) {
                assert!(line.chars().count() < 80, "{}: {line}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        all().iter().for_each(check);
    }

    #[test]
    fn options_of_every_command_may_stand_anywhere() {
        for line in [
            &["daos", "-j", "pool", "list"][..],
            &["daos", "pool", "-j", "list"],
            &["daos", "pool", "list", "--json"],
            &["daos", "pool", "ls", "--json", "--local-path", "x"],
        ] {
            let arguments = DaosArguments::try_parse_from(line).expect("a valid line");
            assert!(arguments.global.json);
        }
    }
}
