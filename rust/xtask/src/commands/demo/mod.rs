//! `cargo xtask demo`: from nothing to the main job, end to end.

mod compare;
mod mpi_jobs;
mod source_tree;
mod steps;

use super::install_tree::{self, Profile};
use super::local_engine::LocalEngine;
use crate::stopwatch::Stopwatch;
use crate::table::Table;
use crate::workspace::{Metadata, shown};
use anyhow::{Context, Result};
use std::path::PathBuf;
use steps::Demo;

/// Install, build, and run the main job end to end.
#[derive(clap::Args)]
#[command(long_about = "Install, build, and run the main job end to end.\n\n\
        Creates a pool and a POSIX container, copies a real directory tree in and out and compares every byte, builds \
        the C and Fortran examples through pkg-config and runs them, runs jobs of MPI where it is there, kills the engine with kill -9 in the middle of another copy, \
        reads everything again, repeats that copy and compares it as well. Ends in a table: step, what was done, how much, how fast, and where the data is.\n\n\
        Everything is under the target directory; each demo begins with an empty data directory. The first one builds \
        for some minutes, the next ones take seconds.")]
pub struct Arguments {
    /// The directory tree to copy [default: sources of the cargo registry, else of this repository and of Rust]
    #[arg(long, value_name = "DIR")]
    tree: Option<PathBuf>,
}

/// What one step did.
pub struct Done {
    /// What was done, on what.
    pub what: String,
    /// How much.
    pub much: String,
    /// How fast, where that means something.
    pub fast: String,
}

struct Step {
    name: &'static str,
    run: fn(&Demo) -> Result<Done>,
}

const STEPS: &[Step] = &[
    Step { name: "create a pool", run: steps::create_pool },
    Step { name: "create a container", run: steps::create_container },
    Step { name: "copy in", run: steps::copy_in },
    Step { name: "copy out", run: steps::copy_out },
    Step { name: "compare", run: steps::compare_trees },
    Step { name: "run examples", run: steps::run_examples },
    Step { name: "run MPI jobs", run: mpi_jobs::run },
    Step { name: "kill -9 in mid-copy", run: steps::kill_engine },
    Step { name: "read examples' data", run: steps::rerun_examples },
    Step { name: "copy out again", run: steps::copy_out_again },
    Step { name: "compare", run: steps::compare_again },
    Step { name: "copy in again", run: steps::copy_in_again },
    Step { name: "copy out", run: steps::copy_repaired_out },
    Step { name: "compare", run: steps::compare_repaired },
];

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let metadata = Metadata::read()?;
    let watch = Stopwatch::start();
    eprintln!("demo: build and install");
    let tree = install_tree::install(&metadata, Profile::Release, None)?;
    let mut table = Table::new(&["step", "what", "how much", "how fast", "time"]);
    let installed = format!("installed under {}", shown(&tree.prefix));
    table.row(["build".to_owned(), installed, String::new(), String::new(), watch.seconds()]);

    let directory = metadata.target_directory.join("demo");
    std::fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let source = source_tree::choose(arguments.tree.as_deref(), &directory)?;
    let engine = LocalEngine::fresh(&tree, &directory.join("data"))?;
    let demo = Demo { directory, source, engine, tree, copy_in_time: Default::default(), cut_off: Default::default() };
    for (index, step) in STEPS.iter().enumerate() {
        eprintln!("demo {}/{}: {}", index + 1, STEPS.len(), step.name);
        let watch = Stopwatch::start();
        let done = (step.run)(&demo).with_context(|| format!("demo step `{}` failed", step.name))?;
        table.row([step.name.to_owned(), done.what, done.much, done.fast, watch.seconds()]);
    }
    println!("\n{}", table.render());
    let data = shown(demo.engine.directory());
    println!("The data is in {data}. Look at it with:");
    println!("  export DAOS_LOCAL_PATH={}", demo.engine.directory().display());
    println!("  {} cont list {}", shown(&demo.tree.program("daos")), steps::POOL);
    Ok(())
}
