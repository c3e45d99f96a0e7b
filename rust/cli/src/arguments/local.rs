//! `local` commands, of `daos` and of `daos_server`.

use super::manual;
use clap::{Args, Subcommand};

/// What can be done with the engine process of a directory.
#[derive(Subcommand, Debug)]
pub enum LocalCommand {
    /// Say whether an engine process serves the directory; starts none
    #[command(after_long_help = manual::LOCAL_STATUS_EXAMPLES)]
    Status,
    /// Stop the engine process of the directory, after a checkpoint
    #[command(long_about = manual::LOCAL_STOP, after_long_help = manual::LOCAL_STOP_EXAMPLES)]
    Stop,
}

/// Options of `daos_server local`.
#[derive(Args, Debug)]
#[command(long_about = manual::SERVE, after_long_help = manual::SERVE_EXAMPLES)]
pub struct ServeOptions {
    /// Seconds without clients after which the engine ends; 0 never [default: DAOS_LOCAL_IDLE, else 30]
    #[arg(long, value_name = "SECONDS")]
    pub idle: Option<u64>,
    /// Targets, each a thread with its own share of the data, when the directory is new [default:
    /// DAOS_LOCAL_TARGETS, else one for two processors, at most four]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub targets: Option<u32>,
    /// For programs that start it: say on standard error why it cannot serve, and close it when it can
    #[arg(long)]
    pub detached: bool,
}
