//! `cargo xtask bench`: benchmarks, each figure beside the limit it is compared with.

use super::{bench_hdf5, bench_mpi};
use crate::process;
use crate::workspace::cargo;
use anyhow::Result;
use clap::ValueEnum;
use std::path::PathBuf;
use std::process::Command;

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
    /// MPI-IO through the driver beside the local file system and the calls of arrays
    Mpi,
    /// HDF5's files in containers beside its own in memory and on the disk: one process, and 1, 2 and 4 ranks
    Hdf5,
    /// A mount of dfuse beside the disk's file system: a source tree copied, read, compiled, removed
    Fuse,
    /// Layouts of objects, and pool maps
    Placement,
    /// Systems of engine processes: costs of requests, clients and handles, restart, failover
    #[value(alias = "cluster")]
    System,
}

impl Layer {
    fn word(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Fabric => "fabric",
            Self::Client => "client",
            Self::Dfs => "dfs",
            Self::Mpi => "mpi",
            Self::Hdf5 => "hdf5",
            Self::Fuse => "fuse",
            Self::Placement => "placement",
            Self::System => "system",
        }
    }
}

/// What the build of a peer leaves, below the folder of release builds.
const BUILT_PEER: (&str, &str) = ("librocksdb-sys-", "output");
/// Names the folder of that peer's library, where the system has it ready.
const LIBRARY_VARIABLE: &str = "ROCKSDB_LIB_DIR";
const LIBRARY: &str = "librocksdb.so";

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    if matches!(arguments.layer, Layer::Mpi) {
        return bench_mpi::run(arguments.quick);
    }
    if matches!(arguments.layer, Layer::Hdf5) {
        return bench_hdf5::run(arguments.quick, arguments.json.as_deref());
    }
    let mut command = cargo();
    command.args(["run", "--release", "--package", "daos-bench"]);
    if matches!(arguments.layer, Layer::Store) {
        add_peers(&mut command, !arguments.quick && arguments.rest.is_empty());
    }
    command.arg("--").arg(arguments.layer.word());
    if arguments.quick {
        command.arg("--quick");
    }
    if let Some(file) = &arguments.json {
        command.arg("--json").arg(file);
    }
    command.args(&arguments.rest);
    process::run(&mut command)
}

/// The whole benchmark of the store meets its peers; a part of it does when they are built already.
fn add_peers(command: &mut Command, is_whole: bool) {
    if !is_whole && !peers_are_built() {
        return;
    }
    command.args(["--features", "peers"]);
    if std::env::var_os(LIBRARY_VARIABLE).is_some() {
        return;
    }
    let folders = ["/usr/lib64", "/usr/lib"].map(PathBuf::from).into_iter().chain(folders_of("/usr/lib"));
    if let Some(folder) = folders.into_iter().find(|folder| folder.join(LIBRARY).is_file()) {
        command.env(LIBRARY_VARIABLE, folder);
    } else if is_whole {
        eprintln!(
            "bench store: builds RocksDB first, which takes many minutes and libclang; `cargo xtask setup bench` installs \
             what it needs, and a RocksDB that is built already"
        );
    }
}

fn folders_of(parent: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// Whether an earlier run has built them.
fn peers_are_built() -> bool {
    folders_of("target/release/build").iter().any(|folder| {
        let is_peer = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(BUILT_PEER.0));
        is_peer && folder.join(BUILT_PEER.1).is_file()
    })
}
