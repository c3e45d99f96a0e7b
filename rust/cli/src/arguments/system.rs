//! `system` commands.

use super::manual;
use clap::Subcommand;

/// What can be done with the system.
#[derive(Subcommand, Debug)]
pub enum SystemCommand {
    /// Show the engine, its fabric and its targets; starts the engine when none runs
    #[command(after_long_help = manual::SYSTEM_QUERY_EXAMPLES)]
    Query,
}
