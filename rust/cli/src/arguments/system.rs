//! `system` commands.

use super::manual;
use super::pool::PoolListOptions;
use super::values::ranks;
use crate::hosts::{Hosts, hosts};
use clap::{Args, Subcommand};

/// What can be done with the system.
#[derive(Subcommand, Debug)]
pub enum SystemCommand {
    /// Show the engines and their states; of a local engine, which is started when none runs, its fabric and targets
    #[command(long_about = manual::SYSTEM_QUERY, after_long_help = manual::SYSTEM_QUERY_EXAMPLES)]
    Query(SystemQueryOptions),
    /// Stop engines in good order: they write checkpoints and serve no longer; their processes wait for 'start'
    #[command(after_long_help = manual::SYSTEM_STOP_EXAMPLES)]
    Stop(LiveRanksOptions),
    /// Start engines that were stopped
    #[command(after_long_help = manual::SYSTEM_STOP_EXAMPLES)]
    Start(LiveRanksOptions),
    /// Take ranks out of the system: they stop, and may not come back before 'clear-exclude'
    #[command(after_long_help = manual::SYSTEM_EXCLUDE_EXAMPLES)]
    Exclude(RanksOptions),
    /// Let ranks come back that were excluded; 'start' starts them
    #[command(after_long_help = manual::SYSTEM_EXCLUDE_EXAMPLES)]
    ClearExclude(RanksOptions),
    /// Take ranks out of use in all pools that have targets on them, when nothing is on these
    #[command(long_about = manual::SYSTEM_DRAIN, after_long_help = manual::SYSTEM_DRAIN_EXAMPLES)]
    Drain(RankList),
    /// Take ranks into use again in all pools that have targets on them
    #[command(visible_alias = "reint", after_long_help = manual::SYSTEM_DRAIN_EXAMPLES)]
    Reintegrate(RankList),
    /// Show which engine leads the metadata service, and which keep it
    #[command(after_long_help = manual::SYSTEM_LEADER_QUERY_EXAMPLES)]
    LeaderQuery {
        /// Show only those of the engines that keep it which do not serve
        #[arg(long, short = 'N')]
        down_replicas: bool,
    },
    /// List the pools, as 'pool list' does
    #[command(after_long_help = manual::POOL_LIST_EXAMPLES)]
    ListPools(PoolListOptions),
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
pub struct RankList {
    /// Ranks, as numbers and ranges separated by commas: 0,2-4 [default: all, where that can be meant]
    #[arg(long, short = 'r', value_name = "RANKS", value_parser = ranks)]
    pub ranks: Option<Ranks>,
    /// All ranks at these hosts, separated by commas, node[1-8] for a range; node1:10002 means the one at that port
    #[arg(long, value_name = "HOST[:PORT]", value_parser = hosts, conflicts_with = "ranks")]
    pub rank_hosts: Option<Hosts>,
}

/// What is done to ranks.
#[derive(Args, Debug, Default)]
pub struct RanksOptions {
    /// Which.
    #[command(flatten)]
    pub list: RankList,
    /// Also where too few ranks would be left that keep the system's metadata
    #[arg(long, short = 'f')]
    pub force: bool,
}

/// What is done to ranks that are not out of the system.
#[derive(Args, Debug, Default)]
pub struct LiveRanksOptions {
    /// Which, and how.
    #[command(flatten)]
    pub ranks: RanksOptions,
    /// Leave out ranks that an administrator excluded, instead of an error for each
    #[arg(long)]
    pub ignore_admin_excluded: bool,
}

/// Options of `system query`.
#[derive(Args, Debug, Default)]
pub struct SystemQueryOptions {
    /// Which.
    #[command(flatten)]
    pub list: RankList,
    /// Show only ranks that do not serve, or that cannot do all that they should
    #[arg(long)]
    pub not_ok: bool,
    /// Show only ranks in these states, separated by commas: joined,stopped
    #[arg(long, value_name = "STATES", value_delimiter = ',', value_parser = member_state, conflicts_with = "not_ok")]
    pub with_states: Vec<String>,
}

/// Upstream's words for states of ranks; not all of them occur here.
const MEMBER_STATES: &[&str] = &[
    "awaitformat",
    "starting",
    "ready",
    "joined",
    "stopping",
    "stopped",
    "excluded",
    "adminexcluded",
    "errored",
    "unresponsive",
    "checkerstarted",
];

/// A state of ranks, in any case.
fn member_state(text: &str) -> Result<String, String> {
    let word = text.trim().to_ascii_lowercase();
    match MEMBER_STATES.contains(&word.as_str()) {
        true => Ok(word),
        false => Err(format!("'{text}' is no state of ranks; there are {}", MEMBER_STATES.join(", "))),
    }
}

/// A set of ranks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ranks(pub Vec<u32>);
