//! Commands of `dmg` that ask or tell each engine by itself: `storage`, `server`.

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
