//! `pool` commands.

use super::access::{ListChange, ListOutput, OwnerOptions, PrincipalOption};
use super::manual;
use super::system::Ranks;
use super::values::{PoolSize, pair, principal_name, ranks};
use crate::units::parse_size;
use clap::{Args, Subcommand};

/// What can be done with pools.
#[derive(Subcommand, Debug)]
pub enum PoolCommand {
    /// Create a pool
    #[command(long_about = manual::POOL_CREATE, after_long_help = manual::POOL_CREATE_EXAMPLES)]
    Create(Box<PoolCreateOptions>),
    /// List the pools
    #[command(visible_alias = "ls", after_long_help = manual::POOL_LIST_EXAMPLES)]
    List(PoolListOptions),
    /// Show what a pool is and how full it is
    #[command(after_long_help = manual::POOL_QUERY_EXAMPLES)]
    Query(PoolQueryOptions),
    /// Show what targets of a pool are good for and how full they are
    #[command(after_long_help = manual::POOL_QUERY_TARGETS_EXAMPLES)]
    QueryTargets {
        /// The pool, by label or UUID
        pool: String,
        /// The rank whose targets are meant
        #[arg(long, value_name = "RANK")]
        rank: u32,
        /// Targets of the rank, as numbers and ranges separated by commas: 0,2-4 [default: all]
        #[arg(long = "target-idx", value_name = "TARGETS", value_parser = ranks)]
        targets: Option<Ranks>,
    },
    /// Bring a pool to the format of this release, which engines do by themselves
    #[command(long_about = manual::POOL_UPGRADE, after_long_help = manual::POOL_UPGRADE_EXAMPLES)]
    Upgrade {
        /// The pool, by label or UUID
        pool: String,
    },
    /// Destroy a pool with everything in it
    #[command(long_about = manual::POOL_DESTROY, after_long_help = manual::POOL_DESTROY_EXAMPLES)]
    Destroy {
        /// The pool, by label or UUID
        pool: String,
        /// Also when it is in use or holds containers
        #[arg(long, short = 'f')]
        force: bool,
        /// Also when it holds containers
        #[arg(long, short = 'r')]
        recursive: bool,
    },
    /// Close handles of a pool, whoever holds them
    #[command(long_about = manual::POOL_EVICT, after_long_help = manual::POOL_EVICT_EXAMPLES)]
    Evict {
        /// The pool, by label or UUID
        pool: String,
        /// UUIDs of handles, separated by commas [default: all]
        #[arg(long, value_delimiter = ',', value_name = "UUID")]
        handles: Vec<uuid::Uuid>,
    },
    /// Give a pool the targets of more ranks
    #[command(long_about = manual::POOL_EXTEND, after_long_help = manual::POOL_EXTEND_EXAMPLES)]
    Extend {
        /// The pool, by label or UUID
        pool: String,
        /// Ranks that the pool is not on yet: 0,2-4
        #[arg(long, short = 'r', visible_alias = "rank", value_name = "RANKS", value_parser = ranks, required = true)]
        ranks: Ranks,
    },
    /// Take targets of a pool out of use when nothing is on them
    #[command(long_about = manual::POOL_DRAIN, after_long_help = manual::POOL_DRAIN_EXAMPLES)]
    Drain(PoolTargetsOptions),
    /// Take targets of a pool out of use
    #[command(long_about = manual::POOL_EXCLUDE, after_long_help = manual::POOL_EXCLUDE_EXAMPLES)]
    Exclude(PoolExcludeOptions),
    /// Take targets of a pool into use again
    #[command(visible_alias = "reint", long_about = manual::POOL_REINTEGRATE, after_long_help = manual::POOL_REINTEGRATE_EXAMPLES)]
    Reintegrate(PoolTargetsOptions),
    /// Show owner and access control list of a pool
    #[command(after_long_help = manual::POOL_GET_ACL_EXAMPLES)]
    GetAcl {
        /// The pool, by label or UUID
        pool: String,
        /// Where it goes.
        #[command(flatten)]
        output: ListOutput,
    },
    /// Replace the access control list of a pool
    #[command(long_about = manual::OVERWRITE_ACL, after_long_help = manual::POOL_OVERWRITE_ACL_EXAMPLES)]
    OverwriteAcl {
        /// The pool, by label or UUID
        pool: String,
        /// The new list.
        #[command(flatten)]
        list: ListChange,
    },
    /// Add entries to the access control list of a pool, or change those about the same principals
    #[command(long_about = manual::UPDATE_ACL, after_long_help = manual::POOL_UPDATE_ACL_EXAMPLES)]
    UpdateAcl {
        /// The pool, by label or UUID
        pool: String,
        /// The entries.
        #[command(flatten)]
        list: ListChange,
    },
    /// Remove an entry of the access control list of a pool
    #[command(after_long_help = manual::POOL_DELETE_ACL_EXAMPLES)]
    DeleteAcl {
        /// The pool, by label or UUID
        pool: String,
        /// Whom it is about.
        #[command(flatten)]
        principal: PrincipalOption,
    },
    /// Change the owner of a pool
    #[command(after_long_help = manual::POOL_SET_OWNER_EXAMPLES)]
    SetOwner {
        /// The pool, by label or UUID
        pool: String,
        /// The new owner.
        #[command(flatten)]
        owner: OwnerOptions,
    },
    /// Show properties of a pool
    #[command(visible_alias = "getprop", long_about = manual::POOL_GET_PROP, after_long_help = manual::POOL_GET_PROP_EXAMPLES)]
    GetProp {
        /// The pool, by label or UUID
        pool: String,
        /// Names of properties, separated by commas; all when there are none
        #[arg(value_delimiter = ',', value_name = "NAME")]
        names: Vec<String>,
    },
    /// Set properties of a pool
    #[command(visible_alias = "setprop", long_about = manual::POOL_SET_PROP, after_long_help = manual::POOL_SET_PROP_EXAMPLES)]
    SetProp {
        /// The pool, by label or UUID
        pool: String,
        /// Properties, separated by commas
        #[arg(value_name = "NAME:VALUE", value_delimiter = ',', value_parser = pair, required = true)]
        properties: Vec<(String, String)>,
    },
    /// Set user attributes of a pool
    #[command(visible_alias = "setattr", long_about = manual::SET_ATTR, after_long_help = manual::POOL_SET_ATTR_EXAMPLES)]
    SetAttr {
        /// The pool, by label or UUID
        pool: String,
        /// NAME VALUE, or NAME:VALUE[,NAME:VALUE...]
        #[arg(required = true, num_args = 1..=2, value_name = "ATTRIBUTE")]
        attribute: Vec<String>,
    },
    /// Show user attributes of a pool
    #[command(visible_alias = "getattr", after_long_help = manual::POOL_GET_ATTR_EXAMPLES)]
    GetAttr {
        /// The pool, by label or UUID
        pool: String,
        /// Names, separated by commas; all when there are none
        #[arg(value_delimiter = ',', value_name = "NAME")]
        names: Vec<String>,
    },
    /// List the names of user attributes of a pool; with --verbose also their values
    #[command(visible_aliases = ["list-attrs", "lsattr"], after_long_help = manual::POOL_LIST_ATTR_EXAMPLES)]
    ListAttr {
        /// The pool, by label or UUID
        pool: String,
    },
    /// Delete user attributes of a pool
    #[command(visible_alias = "delattr", after_long_help = manual::POOL_DEL_ATTR_EXAMPLES)]
    DelAttr {
        /// The pool, by label or UUID
        pool: String,
        /// Names, separated by commas
        #[arg(value_delimiter = ',', value_name = "NAME", required = true)]
        names: Vec<String>,
    },
    /// List the containers of a pool
    #[command(visible_aliases = ["list-cont", "list-conts", "ls-cont"], after_long_help = manual::CONTAINER_LIST_EXAMPLES)]
    ListContainers {
        /// The pool, by label or UUID
        pool: String,
    },
}

/// Options of `pool list`.
#[derive(Args, Debug, Default)]
pub struct PoolListOptions {
    /// Do not ask each pool for its space
    #[arg(long, short = 'n')]
    pub no_query: bool,
    /// List only pools that are being rebuilt: none, as this release does not rebuild
    #[arg(long, short = 'r')]
    pub rebuild_only: bool,
}

/// Options of `pool query`.
#[derive(Args, Debug)]
pub struct PoolQueryOptions {
    /// The pool, by label or UUID
    pub pool: String,
    /// Show the ranks of which the pool uses a target
    #[arg(long, short = 'e')]
    pub show_enabled: bool,
    /// Show the ranks of which a target of the pool is out of use, also when there are none
    #[arg(long, short = 'b')]
    pub show_disabled: bool,
    /// Leave out how full the pool is
    #[arg(long, short = 't')]
    pub health_only: bool,
    /// Accepted for scripts written for upstream: nothing about self_heal is shown
    #[arg(long)]
    pub no_self_heal_check: bool,
}

/// Options of `pool exclude`.
#[derive(Args, Debug)]
pub struct PoolExcludeOptions {
    /// Which targets.
    #[command(flatten)]
    pub targets: PoolTargetsOptions,
    /// Accepted for scripts written for upstream: it is never refused for what would be lost
    #[arg(long, short = 'f')]
    pub force: bool,
}

/// Which targets of a pool are meant.
#[derive(Args, Debug)]
pub struct PoolTargetsOptions {
    /// The pool, by label or UUID
    pub pool: String,
    /// Ranks, as numbers and ranges separated by commas: 0,2-4
    #[arg(long, short = 'r', visible_alias = "rank", value_name = "RANKS", value_parser = ranks, required = true)]
    pub ranks: Ranks,
    /// Targets of each of these ranks, by their numbers separated by commas [default: all]
    #[arg(long = "target-idx", visible_alias = "targets", value_name = "TARGETS", value_delimiter = ',')]
    pub targets: Vec<u32>,
}

/// Options of `pool create`.
#[derive(Args, Debug)]
pub struct PoolCreateOptions {
    /// Label of the new pool: up to 127 letters, digits, '_', '-', ':' and '.'; without one it has a UUID only
    pub label: Option<String>,
    /// The same as LABEL
    #[arg(long = "label", short = 'p', value_name = "LABEL", conflicts_with = "label")]
    pub label_option: Option<String>,
    /// Bytes over all targets, metadata and data together: 10G, 10GiB, 10000000000, or 50% of the largest that fits
    /// on each rank what no pool was promised: a full pool takes more than its size [default: the engine chooses by the free space]
    #[arg(long, short = 'z', value_name = "SIZE")]
    pub size: Option<PoolSize>,
    /// Bytes of metadata and small values on each rank; the engine divides the sum of both sizes between the two
    #[arg(long, short = 's', visible_alias = "meta-size", value_name = "SIZE", value_parser = parse_size, conflicts_with = "size")]
    pub scm_size: Option<u64>,
    /// Bytes of large values on each rank; added to --scm-size
    #[arg(long, short = 'n', visible_alias = "data-size", value_name = "SIZE", value_parser = parse_size, requires = "scm_size")]
    pub nvme_size: Option<u64>,
    /// Accepted for scripts written for upstream, and said to be without effect: metadata gets a quarter, or as much as memory allows
    #[arg(long, short = 't', value_name = "PERCENT[,PERCENT]")]
    pub tier_ratio: Option<String>,
    /// As --tier-ratio: metadata is in memory as a whole
    #[arg(long, value_name = "PERCENT[,PERCENT]")]
    pub mem_ratio: Option<String>,
    /// Durability class: 'log' acknowledges what is on the device, 'pmem' what is in persistent memory mapped from a file (made for a
    /// directory on DAX; slow on a disk), 'ram' what is in memory: taken when
    /// the pool is made, as long as a quarter of the machine's is left, and gone with the engine [default: log]
    #[arg(long, value_name = "CLASS")]
    pub durability: Option<String>,
    /// Properties of the new pool, as of 'pool set-prop', and rd_fac, ec_pda, rp_pda, svc_rf, perf_domain
    #[arg(long, short = 'P', value_name = "NAME:VALUE", value_delimiter = ',', value_parser = pair)]
    pub properties: Vec<(String, String)>,
    /// Replicas of the pool's metadata, at most those that the system has: they are the same for all pools
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub nsvc: Option<u32>,
    /// Ranks that the pool is on, as numbers and ranges separated by commas: 0,2-4 [default: all that serve]
    #[arg(long, short = 'r', value_name = "RANKS", value_parser = ranks, conflicts_with = "nranks")]
    pub ranks: Option<Ranks>,
    /// How many ranks the pool is on; the system chooses those with fewest pools, in as many fault domains as it can
    #[arg(long, short = 'k', value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub nranks: Option<u32>,
    /// The owner [default: you]
    #[arg(long, short = 'u', value_name = "USER", value_parser = principal_name)]
    pub user: Option<String>,
    /// The owner's group [default: yours]
    #[arg(long, short = 'g', value_name = "GROUP", value_parser = principal_name)]
    pub group: Option<String>,
    /// A file with the access control list [default: A::OWNER@:rw and A:G:GROUP@:rw]
    #[arg(long, short = 'a', value_name = "FILE")]
    pub acl_file: Option<std::path::PathBuf>,
}
