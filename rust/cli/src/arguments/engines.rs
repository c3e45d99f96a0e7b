//! Commands of `dmg` that ask or tell each engine by itself: `storage`, `server`, `network`.

use super::manual;
use super::system::Ranks;
use super::values::ranks;
use clap::{Args, Subcommand};

/// Which engines are meant.
#[derive(Args, Debug, Default)]
pub struct EnginesOptions {
    /// Ranks of the engines that are meant, as numbers and ranges separated by commas: 0,2-4 [default: those at the hosts of
    /// --host-list; all when there is none]
    #[arg(long, short = 'r', value_name = "RANKS", value_parser = ranks)]
    pub ranks: Option<Ranks>,
}

/// What can be done with the storage of engines.
#[derive(Subcommand, Debug)]
pub enum StorageCommand {
    /// Show what engines store on: directory, file system, device
    #[command(long_about = manual::STORAGE_SCAN, after_long_help = manual::STORAGE_SCAN_EXAMPLES)]
    Scan(StorageScanOptions),
    /// Ask about the storage of engines
    #[command(subcommand)]
    Query(StorageQueryCommand),
}

/// What can be asked about the storage of engines.
#[derive(Subcommand, Debug)]
pub enum StorageQueryCommand {
    /// Show how much of the storage of each engine its pools have
    #[command(long_about = manual::STORAGE_QUERY_USAGE, after_long_help = manual::STORAGE_QUERY_USAGE_EXAMPLES)]
    Usage(StorageUsageOptions),
}

/// Options of `storage scan`.
#[derive(Args, Debug)]
pub struct StorageScanOptions {
    /// Which engines.
    #[command(flatten)]
    pub engines: EnginesOptions,
    /// Refused: engines have no NVMe devices of their own that would tell their health
    #[arg(long, short = 'n')]
    pub nvme_health: bool,
}

/// Options of `storage query usage`.
#[derive(Args, Debug)]
pub struct StorageUsageOptions {
    /// Which engines.
    #[command(flatten)]
    pub engines: EnginesOptions,
    /// Accepted for scripts written for upstream, and said to be without effect: metadata has no device of its own here
    #[arg(long, short = 'u')]
    pub show_usable: bool,
    /// Accepted with --show-usable, as that one
    #[arg(long, value_name = "PERCENT", requires = "show_usable")]
    pub mem_ratio: Option<String>,
}

/// What can be done with running engines.
#[derive(Subcommand, Debug)]
pub enum EngineServerCommand {
    /// Change what running engines write to their logs
    #[command(visible_alias = "slm", long_about = manual::SET_LOGMASKS, after_long_help = manual::SET_LOGMASKS_EXAMPLES)]
    SetLogmasks(LogMaskOptions),
}

/// Options of `server set-logmasks`.
#[derive(Args, Debug)]
pub struct LogMaskOptions {
    /// Which engines.
    #[command(flatten)]
    pub engines: EnginesOptions,
    /// The level, and levels of single areas: WARN, or ERR,rpc=DEBUG [default: what each engine was started with]
    #[arg(long, short = 'm', value_name = "MASK")]
    pub masks: Option<String>,
    /// Accepted for scripts written for upstream (there also -d), and said to be without effect: level DEBUG has no streams here
    #[arg(long, value_name = "STREAMS")]
    pub streams: Option<String>,
    /// Accepted for scripts written for upstream, and said to be without effect: areas of --masks choose
    #[arg(long, short = 's', value_name = "FACILITIES")]
    pub subsystems: Option<String>,
}

/// What can be done with the networks of engines.
#[derive(Subcommand, Debug)]
pub enum NetworkCommand {
    /// Show the network interfaces of the machines of engines, and the providers that serve them
    #[command(long_about = manual::NETWORK_SCAN, after_long_help = manual::NETWORK_SCAN_EXAMPLES)]
    Scan(NetworkScanOptions),
}

/// Options of `dmg network scan`.
#[derive(Args, Debug)]
pub struct NetworkScanOptions {
    /// Which engines.
    #[command(flatten)]
    pub engines: EnginesOptions,
    /// Only what this provider serves: ofi+tcp, tcp, ofi+verbs;ofi_rxm, the beginning of its name, or 'all' [default: the
    /// provider of each engine]
    #[arg(long, short = 'p', value_name = "PROVIDER")]
    pub provider: Option<String>,
}

/// What can be done with the network of this machine.
#[derive(Subcommand, Debug)]
pub enum LocalNetworkCommand {
    /// Show the network interfaces of this machine, and the providers that serve them
    #[command(long_about = manual::LOCAL_NETWORK_SCAN, after_long_help = manual::LOCAL_NETWORK_SCAN_EXAMPLES)]
    Scan(LocalScanOptions),
}

/// Options of `daos_server network scan`.
#[derive(Args, Debug)]
pub struct LocalScanOptions {
    /// Only what this provider serves: ofi+tcp, tcp, ofi+verbs;ofi_rxm, the beginning of its name, or 'all' [default: 'provider'
    /// of the file of settings; all without a file]
    #[arg(long, short = 'p', value_name = "PROVIDER")]
    pub provider: Option<String>,
    /// File of settings of 'daos_server start'
    #[arg(long, short = 'o', visible_alias = "config", value_name = "FILE")]
    pub config_path: Option<std::path::PathBuf>,
}
