//! `cargo xtask soak`: random tests with one seed after the other, for as long as one likes.

use crate::process;
use crate::stopwatch::Stopwatch;
use crate::table::Table;
use crate::workspace::{cargo, shown};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde::Deserialize;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Run random tests with one seed after the other.
#[derive(clap::Args)]
#[command(long_about = "Run the random tests of one layer with one seed after the other, for as long as asked.\n\n\
        Each round takes one seed and gives it to every program: random requests against the model, power cuts and \
        failing devices, damage; or random bytes at every door of a running engine. They are built with all optimisations and all assertions. A failure ends the run; the last line says how to have it again.")]
pub struct Arguments {
    /// What to test
    #[arg(value_enum)]
    layer: Layer,
    /// Stop after the round that is running when so many minutes are over; 0 is one round
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// The seed of the first round
    #[arg(long, default_value_t = 1000)]
    seed: u64,
    /// Run only programs with this in their name
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

/// A layer with random tests.
#[derive(Clone, Copy, ValueEnum)]
enum Layer {
    /// The store of one target, with the media below it
    Store,
    /// Whole clusters with their clients
    Cluster,
    /// Running engines against bytes, connections and messages of strangers
    Wire,
}

impl Layer {
    fn word(self) -> &'static str {
        match self {
            Layer::Store => "store",
            Layer::Cluster => "cluster",
            Layer::Wire => "wire",
        }
    }

    fn programs(self) -> &'static [Program] {
        match self {
            Layer::Store => STORE,
            Layer::Cluster => CLUSTER,
            Layer::Wire => WIRE,
        }
    }
}

/// A test program that takes its seeds from the environment.
struct Program {
    package: &'static str,
    /// The test target; `None` for the tests inside the library.
    target: Option<&'static str>,
    /// Which of its tests.
    filter: &'static str,
    /// The variable of the first seed, and how many seeds one round of this program has.
    first_seed: &'static str,
    seeds: (&'static str, u64),
    /// What else is set.
    more: &'static [(&'static str, &'static str)],
}

const STORE: &[Program] = &[
    Program {
        package: "daos-store",
        target: Some("model"),
        filter: "random_changes_agree_with_the_model",
        first_seed: "DAOS_STORE_FIRST_SEED",
        seeds: ("DAOS_STORE_SEEDS", 8),
        more: &[],
    },
    Program {
        package: "daos-store",
        target: Some("mixed"),
        filter: "mixed_sequences",
        first_seed: "DAOS_MIXED_FIRST_SEED",
        seeds: ("DAOS_MIXED_SEEDS", 4),
        more: &[("DAOS_MIXED_CUTS", "40")],
    },
    Program {
        package: "daos-store",
        target: Some("aggregation"),
        filter: "aggregated_stores_agree_with_the_model",
        first_seed: "DAOS_STORE_FIRST_SEED",
        seeds: ("DAOS_STORE_SEEDS", 8),
        more: &[],
    },
    Program {
        package: "daos-store",
        target: Some("crash"),
        filter: "loses_nothing",
        first_seed: "DAOS_CRASH_FIRST_SEED",
        seeds: ("DAOS_CRASH_SEEDS", 1),
        more: &[("DAOS_CRASH_CUTS", "60")],
    },
    Program {
        package: "daos-store",
        target: Some("damage"),
        filter: "flipped_bits",
        first_seed: "DAOS_STORE_FIRST_FLIP",
        seeds: ("DAOS_STORE_FLIPS", 400),
        more: &[],
    },
    Program {
        package: "daos-store",
        target: None,
        filter: "damage_tests",
        first_seed: "DAOS_STORE_FIRST_DAMAGE",
        seeds: ("DAOS_STORE_DAMAGES", 200),
        more: &[],
    },
];

/// Its tests without the filter's word in their names take no seeds.
const WIRE: &[Program] = &[Program {
    package: "daos-cli",
    target: Some("hostile"),
    filter: "harm",
    first_seed: "DAOS_HOSTILE_FIRST_SEED",
    seeds: ("DAOS_HOSTILE_SEEDS", 4),
    more: &[],
}];

const CLUSTER: &[Program] = &[Program {
    package: "daos-sim",
    target: Some("cluster"),
    filter: "fixed_seeds",
    first_seed: "DAOS_SIM_FIRST_SEED",
    seeds: ("DAOS_SIM_SEEDS", 100),
    more: &[],
}];

/// A line of `cargo test --message-format=json`.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<MessageTarget>,
    #[serde(default)]
    package_id: String,
}

#[derive(Deserialize)]
struct MessageTarget {
    name: String,
    kind: Vec<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let all = arguments.layer.programs();
    let wanted = |program: &&Program| arguments.only.as_ref().is_none_or(|only| program.name().contains(only));
    let programs: Vec<&Program> = all.iter().filter(wanted).collect();
    if programs.is_empty() {
        bail!("no program has that name; there are {}", all.iter().map(Program::name).collect::<Vec<_>>().join(", "));
    }
    let built = build(&programs)?;
    let watch = Stopwatch::start();
    let mut seconds = vec![0.0; programs.len()];
    let (mut rounds, mut violations) = (0, 0);
    loop {
        let seed = arguments.seed + rounds;
        for (index, (program, executable)) in programs.iter().zip(&built).enumerate() {
            let one = Stopwatch::start();
            let (status, text) = process::gather(&mut program.command(executable, seed))?;
            seconds[index] += one.elapsed().as_secs_f64();
            if matches!(arguments.layer, Layer::Cluster) {
                violations += tell_seeds(&text);
                continue;
            }
            if !status.success() {
                eprintln!("{text}");
                let name = program.name();
                let layer = arguments.layer.word();
                bail!("{name} fails; again with: cargo xtask soak {layer} --minutes 0 --seed {seed} --only {name}");
            }
        }
        rounds += 1;
        eprintln!("  seed {seed} ended after {}", watch.seconds());
        if watch.elapsed() >= Duration::from_secs(arguments.minutes * 60) {
            break;
        }
    }
    let mut table = Table::new(&["program", "seeds", "seconds"]);
    for (program, seconds) in programs.iter().zip(seconds) {
        table.row([program.name(), (rounds * program.seeds.1).to_string(), format!("{seconds:.0}")]);
    }
    eprintln!("\n{}", table.render());
    if violations > 0 {
        bail!("{violations} seeds have violations; each has its line above, which replays it");
    }
    println!("{rounds} rounds passed, from seed {}", arguments.seed);
    Ok(())
}

/// Tells what a round of clusters has said: each violation with the line that replays it, and the sums. Gives how many seeds had any. A
/// program that said nothing has failed as a whole.
fn tell_seeds(text: &str) -> usize {
    let mut count = 0;
    let mut is_told = false;
    for line in text.lines() {
        let is_new = line.starts_with("violation: ");
        count += usize::from(is_new);
        // What belongs to a violation is indented.
        is_told = is_new || (is_told && line.starts_with(' '));
        if is_told || line.contains(" seeds: Tally") {
            eprintln!("{line}");
        }
    }
    if count == 0 && !text.contains("test result: ok") {
        eprintln!("{text}");
        return 1;
    }
    count
}

/// Builds the programs; where each of them is.
fn build(programs: &[&Program]) -> Result<Vec<PathBuf>> {
    let mut command = cargo();
    command.args([
        "test",
        "--profile",
        "soak",
        "--locked",
        "--no-run",
        "--tests",
        "--message-format=json-render-diagnostics",
    ]);
    let mut packages: Vec<&str> = programs.iter().map(|program| program.package).collect();
    packages.dedup();
    for package in packages {
        command.args(["--package", package]);
    }
    let text = process::capture(&mut command)?;
    let messages: Vec<Message> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let find = |program: &&Program| {
        let found = messages.iter().find(|message| program.is_built_by(message));
        let executable = found.and_then(|message| message.executable.clone());
        executable.with_context(|| format!("cargo built no program of {}", program.name()))
    };
    programs.iter().map(find).collect()
}

impl Program {
    fn name(&self) -> String {
        format!("{}/{}", self.package.trim_start_matches("daos-"), self.target.unwrap_or(self.filter))
    }

    fn is_built_by(&self, message: &Message) -> bool {
        let (Some(target), Some(_)) = (&message.target, &message.executable) else { return false };
        // A package's identifier names its directory or itself, as versions of cargo differ in.
        let directory = self.package.trim_start_matches("daos-");
        let ours = message.package_id.contains(&format!("/{directory}#")) || message.package_id.contains(self.package);
        let is_test = target.kind.iter().any(|kind| kind == "test");
        ours && match self.target {
            Some(name) => is_test && target.name == name,
            None => !is_test,
        }
    }

    fn command(&self, executable: &PathBuf, seed: u64) -> Command {
        let (count, seeds) = self.seeds;
        let mut command = Command::new(executable);
        command.args([self.filter, "--nocapture"]);
        // Rounds of programs that take several seeds do not overlap.
        command.env(self.first_seed, (seed * seeds).to_string()).env(count, seeds.to_string());
        command.envs(self.more.iter().copied());
        eprintln!("  > {} of {} with seed {seed}", self.filter, shown(executable));
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_in_what_cargo_says() {
        let message = |kind: &str, name: &str, id: &str| Message {
            executable: Some("program".into()),
            target: Some(MessageTarget { name: name.to_owned(), kind: vec![kind.to_owned()] }),
            package_id: id.to_owned(),
        };
        let id = "path+file:///somewhere/rust/store#daos-store@0.1.0";
        let [model, .., inside] = STORE else { panic!("several programs") };
        assert!(model.is_built_by(&message("test", "model", id)));
        assert!(!model.is_built_by(&message("test", "crash", id)));
        assert!(!model.is_built_by(&message("test", "model", "path+file:///somewhere/rust/media#daos-media@0.1.0")));
        assert!(inside.is_built_by(&message("lib", "daos_store", id)));
        assert!(!inside.is_built_by(&message("test", "model", id)));
    }

    #[test]
    fn rounds_take_seeds_that_do_not_overlap() {
        let command = STORE[0].command(&"program".into(), 5);
        let first = command.get_envs().find(|(name, _)| *name == "DAOS_STORE_FIRST_SEED");
        assert_eq!(first.and_then(|(_, value)| value), Some("40".as_ref()));
    }
}
