//! Commands of `daos_server` for an engine of a system.

use super::manual;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Options of `daos_server start`.
#[derive(Args, Debug)]
#[command(long_about = manual::START, after_long_help = manual::START_EXAMPLES)]
pub struct StartOptions {
    /// Configuration file; what the line says counts more
    #[arg(long, short = 'o', value_name = "FILE")]
    pub config_path: Option<PathBuf>,
    /// For several engines of one file: serve as this one
    #[arg(long, value_name = "NUMBER", hide = true)]
    pub engine: Option<usize>,
    /// Name of the system [default: daos_server]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Directory in which the engine keeps everything [default: ~/.local/share/daos_server/PORT]
    #[arg(long, short = 's', value_name = "DIR")]
    pub storage: Option<PathBuf>,
    /// Host name or address of this machine, on which it listens and by which others reach it [default: 127.0.0.1]
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Control port [default: 10001]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Engines that hold the system's metadata, separated by commas; the first begins the system [default: this machine's port
    /// 10001]
    #[arg(long, value_name = "HOST[:PORT]", value_delimiter = ',', visible_alias = "access-points")]
    pub replicas: Vec<String>,
    /// Targets, each a thread with its own share of the data, when the directory is new [default: one a
    /// processor, at most four]
    #[arg(long, short = 't', value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub targets: Option<u32>,
    /// Provider of the fabric: tcp, or what libfabric offers beyond it [default: tcp]
    #[arg(long, value_name = "PROVIDER")]
    pub fabric: Option<String>,
    /// Network interface of the fabric [default: the one of --host]
    #[arg(long, value_name = "NAME")]
    pub interface: Option<String>,
    /// First fabric port; each target takes one [default: any that is free]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub fabric_port: Option<u16>,
    /// Fault domain, from the root: /rack1/node7 [default: / and the machine's name]
    #[arg(long, value_name = "PATH")]
    pub fault_domain: Option<String>,
    /// Serve metrics in Prometheus format over HTTP at this port [default: none]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub telemetry_port: Option<u16>,
    /// What goes into the log: DEBUG, INFO, WARN or ERR and above, for single areas otherwise as in WARN,rpc=DEBUG; 'dmg server
    /// set-logmasks' changes it [default: INFO]
    #[arg(long, value_name = "MASK")]
    pub log_mask: Option<String>,
}

/// What can be done with configuration files.
#[derive(Subcommand, Debug)]
pub enum ConfigCommand {
    /// Print a file to begin with, in which every key is explained
    #[command(after_long_help = manual::CONFIG_GENERATE_EXAMPLES)]
    Generate,
}
