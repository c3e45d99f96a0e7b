//! `cargo xtask bench`: benchmarks, each figure beside the limit it is compared with.

use crate::process;
use crate::workspace::cargo;
use anyhow::Result;
use clap::ValueEnum;
use std::path::PathBuf;

/// Run the benchmarks of one layer.
#[derive(clap::Args)]
#[command(long_about = "Run the benchmarks of one layer, built for release.\n\n\
        A figure counts as a ratio in one run: each is printed next to something measured beside it, with its \
        durability class, checksum setting and queue depth.")]
pub struct Arguments {
    /// What to measure
    #[arg(value_enum)]
    layer: Layer,
    /// Fewer sizes and repetitions: ends within a minute
    #[arg(long)]
    quick: bool,
    /// Also write one JSON object per case to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What else the benchmark takes, such as `--case fetch --layout single --size 64 --class ram --records 1000000`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    rest: Vec<String>,
}

/// A layer with benchmarks.
#[derive(Clone, Copy, ValueEnum)]
enum Layer {
    /// The store of one target, alone
    Store,
    /// Messages and bulk transfer
    Fabric,
    /// Client to engine
    Client,
    /// The POSIX namespace
    Dfs,
}

impl Layer {
    fn word(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Fabric => "fabric",
            Self::Client => "client",
            Self::Dfs => "dfs",
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut command = cargo();
    command.args(["run", "--release", "--package", "daos-bench", "--"]);
    command.arg(arguments.layer.word());
    if arguments.quick {
        command.arg("--quick");
    }
    if let Some(file) = &arguments.json {
        command.arg("--json").arg(file);
    }
    command.args(&arguments.rest);
    process::run(&mut command)
}
