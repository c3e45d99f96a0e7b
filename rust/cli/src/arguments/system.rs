//! `system` commands.

use super::manual;
use super::values::ranks;
use clap::{Args, Subcommand};

/// What can be done with the system.
#[derive(Subcommand, Debug)]
pub enum SystemCommand {
    /// Show the engines and their states; of a local engine, which is started when none runs, its fabric and targets
    #[command(long_about = manual::SYSTEM_QUERY, after_long_help = manual::SYSTEM_QUERY_EXAMPLES)]
    Query(RanksOptions),
    /// Stop engines in good order: they write checkpoints and serve no longer; their processes wait for 'start'
    #[command(after_long_help = manual::SYSTEM_STOP_EXAMPLES)]
    Stop(RanksOptions),
    /// Start engines that were stopped
    #[command(after_long_help = manual::SYSTEM_STOP_EXAMPLES)]
    Start(RanksOptions),
    /// Take ranks out of the system: they stop, and may not come back before 'clear-exclude'
    #[command(after_long_help = manual::SYSTEM_EXCLUDE_EXAMPLES)]
    Exclude(RanksOptions),
    /// Let ranks come back that were excluded; 'start' starts them
    #[command(after_long_help = manual::SYSTEM_EXCLUDE_EXAMPLES)]
    ClearExclude(RanksOptions),
    /// Show which engine leads the metadata service, and which keep it
    #[command(after_long_help = manual::SYSTEM_LEADER_QUERY_EXAMPLES)]
    LeaderQuery,
    /// List the pools, as 'pool list' does
    #[command(after_long_help = manual::POOL_LIST_EXAMPLES)]
    ListPools,
    /// Show properties of the system
    #[command(visible_alias = "getprop", after_long_help = manual::SYSTEM_GET_PROP_EXAMPLES)]
    GetProp {
        /// Names of properties, separated by commas; all when there are none
        #[arg(value_delimiter = ',', value_name = "NAME")]
        names: Vec<String>,
    },
}

/// What programs ask about the system.
#[derive(Subcommand, Debug)]
pub enum DaosSystemCommand {
    /// Show the engines and their states; of a local engine, which is started when none runs, its fabric and targets
    #[command(long_about = manual::SYSTEM_QUERY, after_long_help = manual::SYSTEM_QUERY_EXAMPLES)]
    Query,
}

/// Which ranks are meant.
#[derive(Args, Debug, Default)]
pub struct RanksOptions {
    /// Ranks, as numbers and ranges separated by commas: 0,2-4 [default: all, where that can be meant]
    #[arg(long, short = 'r', value_name = "RANKS", value_parser = ranks)]
    pub ranks: Option<Ranks>,
    /// Also where too few ranks would be left that keep the system's metadata
    #[arg(long, short = 'f')]
    pub force: bool,
}

/// A set of ranks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ranks(pub Vec<u32>);

impl RanksOptions {
    /// The ranks; none when all are meant.
    pub fn list(&self) -> Vec<u32> {
        self.ranks.clone().unwrap_or_default().0
    }
}
