//! `telemetry` commands of `dmg`.

use super::manual;
use clap::{Args, Subcommand};

/// What can be asked for.
#[derive(Subcommand, Debug)]
pub enum TelemetryCommand {
    /// Metrics of an engine
    #[command(subcommand)]
    Metrics(MetricsCommand),
}

/// What can be done with metrics.
#[derive(Subcommand, Debug)]
pub enum MetricsCommand {
    /// List the metrics of an engine, with what they mean
    #[command(after_long_help = manual::METRICS_EXAMPLES)]
    List(MetricsOptions),
    /// Show the metrics of an engine
    #[command(after_long_help = manual::METRICS_EXAMPLES)]
    Query(MetricsOptions),
}

/// Whose metrics, and which.
#[derive(Args, Debug)]
pub struct MetricsOptions {
    /// Telemetry port of the engine [default: 9191]
    #[arg(long, short = 'p', value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Names of metrics, separated by commas [default: all]
    #[arg(long, short = 'm', value_name = "NAME", value_delimiter = ',')]
    pub metrics: Vec<String>,
}
