//! The steps of the demo, one function each, in the words that a user would type.

use super::Done;
use super::compare::{Counts, compare};
use crate::commands::install_tree::InstallTree;
use crate::commands::local_engine::LocalEngine;
use crate::commands::program::{Program, Values};
use crate::process;
use crate::stopwatch::{Stopwatch, bytes_per_second, wait_until};
use crate::workspace::shown;
use anyhow::{Context, Result, bail};
use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

/// Label of the demo's pool.
pub const POOL: &str = "demo";
/// Label of the container that holds the directory tree.
const CONTAINER: &str = "tree";
/// Label of the container that the examples create.
const EXAMPLES_CONTAINER: &str = "examples";
/// Where in the container the tree is put.
const COPY_URL: &str = "daos://demo/tree/copy";
/// Where a copy goes that is cut off, with the number of the attempt behind it.
const KILLED_COPY_URL: &str = "daos://demo/tree/cut-off-";
/// How often a copy is begun that is to be cut off: each time the engine is killed after half the time of the last one.
const KILL_ATTEMPTS: u32 = 8;
/// Programs that show the API to users.
const EXAMPLES: &str = "examples_c";

/// How often a child is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// A copy whose engine is gone must end by itself: a call's time limit twice, and some.
const KILLED_COPY_LIMIT: Duration = Duration::from_secs(150);

/// What all steps share.
pub struct Demo {
    /// Everything of the demo is below it.
    pub directory: PathBuf,
    /// The tree to copy.
    pub source: PathBuf,
    /// The engine.
    pub engine: LocalEngine,
    /// The installation that is shown.
    pub tree: InstallTree,
    /// How long the first copy took.
    pub copy_in_time: Cell<Duration>,
    /// Where the copy went that was cut off.
    pub cut_off: RefCell<String>,
}

impl Demo {
    fn out(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn example_binary(&self, program: &Program) -> PathBuf {
        self.directory.join("examples").join(program.name())
    }

    fn daos(&self, arguments: &[&str]) -> Result<Duration> {
        let watch = Stopwatch::start();
        process::run(&mut self.engine.daos(arguments))?;
        Ok(watch.elapsed())
    }

    fn copy(&self, from: &str, to: &str, measure: &Path) -> Result<Done> {
        let elapsed = self.daos(&["fs", "copy", "--src", from, "--dst", to])?;
        let counts = Counts::of(measure)?;
        Ok(Done {
            what: format!("{} -> {}", short(from), short(to)),
            much: counts.to_string(),
            fast: counts.rate(elapsed),
        })
    }

    fn copy_out_to(&self, url: &str, name: &str) -> Result<Done> {
        let out = self.out(name);
        if out.exists() {
            std::fs::remove_dir_all(&out).with_context(|| format!("cannot remove {}", out.display()))?;
        }
        self.copy(url, &out.to_string_lossy(), &self.source)
    }

    fn compare_with(&self, name: &str) -> Result<Done> {
        let watch = Stopwatch::start();
        let out = self.out(name);
        let counts = compare(&self.source, &out)?;
        Ok(Done {
            what: format!("{} is the same as {}", shown(&out), shown(&self.source)),
            much: counts.to_string(),
            fast: bytes_per_second(counts.bytes, watch.elapsed()),
        })
    }

    /// Runs every example that `arguments` gives arguments for; gives their names.
    fn run_each(&self, arguments: fn(&Program) -> Option<&[String]>) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for program in Program::all_in(EXAMPLES)? {
            let Some(arguments) = arguments(&program) else {
                continue;
            };
            let container = format!("{EXAMPLES_CONTAINER}-{}", program.name());
            let values = Values { pool: POOL, container: &container, directory: &self.directory };
            let mut command = Command::new(self.example_binary(&program));
            command.args(values.fill(arguments));
            process::run(self.engine.prepare(&mut command))?;
            names.push(program.name());
        }
        Ok(names)
    }
}

fn short(place: &str) -> String {
    shown(Path::new(place))
}

fn done(what: impl Into<String>, much: impl Into<String>) -> Done {
    Done { what: what.into(), much: much.into(), fast: String::new() }
}

/// `daos pool create`, which also starts the engine.
pub fn create_pool(demo: &Demo) -> Result<Done> {
    demo.daos(&["pool", "create", POOL])?;
    Ok(done(format!("pool {POOL}, engine started"), "1 pool"))
}

/// `daos cont create`.
pub fn create_container(demo: &Demo) -> Result<Done> {
    demo.daos(&["cont", "create", POOL, CONTAINER, "--type", "POSIX"])?;
    Ok(done(format!("POSIX container {POOL}/{CONTAINER}"), "1 container"))
}

/// The tree into the container.
pub fn copy_in(demo: &Demo) -> Result<Done> {
    let watch = Stopwatch::start();
    let done = demo.copy(&demo.source.to_string_lossy(), COPY_URL, &demo.source)?;
    demo.copy_in_time.set(watch.elapsed());
    Ok(done)
}

/// The tree out of the container.
pub fn copy_out(demo: &Demo) -> Result<Done> {
    demo.copy_out_to(COPY_URL, "out")
}

/// Byte for byte.
pub fn compare_trees(demo: &Demo) -> Result<Done> {
    demo.compare_with("out")
}

/// Compiles the examples as a user would and runs their writing half.
pub fn run_examples(demo: &Demo) -> Result<Done> {
    for program in Program::all_in(EXAMPLES)? {
        eprintln!("  compiling {}", shown(&program.path));
        program.build(&demo.tree, &demo.example_binary(&program), &[])?;
    }
    let names = demo.run_each(|program| Some(&program.run))?;
    if names.is_empty() {
        bail!("{EXAMPLES}/ holds no program");
    }
    Ok(done(names.join(", "), format!("{} programs", names.len())))
}

/// As a power cut would, in the middle of a second copy. That copy may fail or go on with the next engine; the steps that
/// follow repeat it, and judge what was acknowledged before.
pub fn kill_engine(demo: &Demo) -> Result<Done> {
    let source = demo.source.to_string_lossy();
    // A machine may have other things to do during the first copy and none during this one, which is done then before a third of that time.
    let mut part = demo.copy_in_time.get() / 3;
    for attempt in 1..=KILL_ATTEMPTS {
        let url = format!("{KILLED_COPY_URL}{attempt}");
        let mut command = demo.engine.daos(&["fs", "copy", "--src", &source, "--dst", &url]);
        let mut copy = process::spawn(&mut command)?;
        let has_ended = |copy: &mut Child| !matches!(copy.try_wait(), Ok(None));
        if wait_until(part, POLL_INTERVAL, || has_ended(&mut copy)) {
            let status = copy.wait()?;
            if !status.success() {
                bail!("`{}` failed before its engine was killed: {status}", process::line(&command));
            }
            part /= 2;
            continue;
        }
        let pid = demo.engine.kill()?;
        demo.cut_off.replace(url);
        if !wait_until(KILLED_COPY_LIMIT, POLL_INTERVAL, || has_ended(&mut copy)) {
            copy.kill().ok();
            copy.wait()?;
            let (line, limit) = (process::line(&command), KILLED_COPY_LIMIT.as_secs());
            bail!("`{line}` neither succeeded nor failed within {limit} s after its engine was killed");
        }
        let status = copy.wait()?;
        return Ok(done(format!("process {pid} is gone, the copy it served ended with {status}"), "1 process"));
    }
    bail!(
        "each of {KILL_ATTEMPTS} copies of {source} ended before its engine could be killed: name a larger tree with --tree"
    )
}

/// The copy that was cut off once more, to the same place, on the recovered engine.
pub fn copy_in_again(demo: &Demo) -> Result<Done> {
    demo.copy(&demo.source.to_string_lossy(), &demo.cut_off.borrow(), &demo.source)
}

/// What it has become, out of the container.
pub fn copy_repaired_out(demo: &Demo) -> Result<Done> {
    demo.copy_out_to(&demo.cut_off.borrow(), "out-repaired")
}

/// Byte for byte, what was half there when the engine was killed.
pub fn compare_repaired(demo: &Demo) -> Result<Done> {
    demo.compare_with("out-repaired")
}

/// The reading half of the examples, on a new engine that recovers.
pub fn rerun_examples(demo: &Demo) -> Result<Done> {
    let names = demo.run_each(|program| program.rerun.as_deref())?;
    if names.is_empty() {
        bail!("no program of {EXAMPLES}/ has a line `rerun: ARGUMENTS`");
    }
    Ok(done(names.join(", "), format!("{} programs", names.len())))
}

/// The tree once more, as the recovered engine has it.
pub fn copy_out_again(demo: &Demo) -> Result<Done> {
    demo.copy_out_to(COPY_URL, "out-recovered")
}

/// Byte for byte, after recovery.
pub fn compare_again(demo: &Demo) -> Result<Done> {
    demo.compare_with("out-recovered")
}
