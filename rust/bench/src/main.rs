//! Benchmarks of the layers, each figure beside a limit that was measured in the same run.
//!
//! Started by `cargo xtask bench LAYER`. Machines are shared and noisy: what counts is the ratio to the limit, and the median
//! of several repetitions. A figure is printed with its durability class, checksum setting and depth (requests under way).
#![allow(unsafe_code, reason = "memory is lent to peers, as clients do")]

mod client;
mod dfs;
mod engine;
mod fabric;
mod fuse;
mod histogram;
mod huge_memory;
mod limits;
mod measure;
mod ping;
mod placement;
mod report;
mod store;
mod system;

use clap::{Parser, ValueEnum};
use daos_status::Result;
use measure::Plan;
use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures one layer and prints a table; with --json also one JSON object per case.
#[derive(Parser)]
#[command(name = "daos-bench", version)]
struct Arguments {
    /// What to measure
    #[arg(value_enum)]
    layer: Layer,
    /// Fewer sizes and repetitions: ends within a minute
    #[arg(long)]
    quick: bool,
    /// One short round of everything: shows that it runs, not how fast
    #[arg(long, conflicts_with = "quick")]
    smoke: bool,
    /// Also write one JSON object per case to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where data goes; its file system is what is measured
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    directory: PathBuf,
    #[command(flatten)]
    selection: store::Selection,
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
    /// A mount of dfuse beside the disk's file system
    Fuse,
    /// Layouts of objects, and pool maps
    Placement,
    /// Systems of engine processes: costs of requests, clients and handles, restart, failover
    System,
}

fn main() -> ExitCode {
    if let Some(code) = fuse::mount_if_asked() {
        return code;
    }
    let asked = engine::serve_if_asked().or_else(system::serve_if_asked);
    if let Some(outcome) = asked.or_else(dfs::work_if_asked).or_else(client::work_if_asked) {
        return exit_code(outcome);
    }
    exit_code(run(&Arguments::parse()))
}

fn exit_code(outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("daos-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let plan = match (arguments.quick, arguments.smoke) {
        (true, _) => Plan::quick(),
        (_, true) => Plan::smoke(),
        _ => Plan::full(),
    };
    std::fs::create_dir_all(&arguments.directory)?;
    let mut report = Report::new();
    let measured = match arguments.layer {
        Layer::Store => store::run(&plan, &arguments.selection, &arguments.directory, &mut report),
        Layer::Fabric => fabric::run(&plan, &mut report),
        Layer::Client => client::run(&plan, &arguments.selection, &arguments.directory, &mut report),
        Layer::Dfs => dfs::run(&plan, &arguments.selection, &arguments.directory, &mut report),
        Layer::Fuse => fuse::run(&plan, &arguments.selection, &arguments.directory, &mut report),
        Layer::Placement => placement::run(&plan, &mut report),
        Layer::System => system::run(&plan, &arguments.directory, &mut report),
    };
    // What was measured before a failure is worth printing.
    report.print();
    if let Some(file) = &arguments.json {
        report.write_json(file)?;
    }
    measured
}
