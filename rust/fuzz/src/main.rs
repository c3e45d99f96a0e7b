//! Fuzz targets, by turns: `cargo xtask fuzz` builds this with counters and runs it.

use clap::Parser;
use daos_fuzz::{Run, Settings, Target, is_measured, replay, targets};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long one target runs before it is another one's turn.
const TURN: Duration = Duration::from_millis(500);
/// How often it is said how far all are.
const SAYING: Duration = Duration::from_secs(30);

/// Try changed bytes on everything that takes in bytes of others.
#[derive(Parser)]
struct Arguments {
    /// Run only targets with this in their name; may be given several times
    #[arg(long)]
    target: Vec<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Stop each target after so many inputs
    #[arg(long, default_value_t = u64::MAX)]
    inputs: u64,
    /// Decides the inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Try this input, in hexadecimal, and nothing else
    #[arg(long)]
    input: Option<String>,
    /// List the targets
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let wanted = |target: &Target| {
        arguments.target.is_empty() || arguments.target.iter().any(|part| target.name.contains(part.as_str()))
    };
    let chosen: Vec<Target> = targets::all().into_iter().filter(wanted).collect();
    if arguments.list {
        chosen.iter().for_each(|target| println!("{} ({} seeds)", target.name, target.seeds.len()));
        return ExitCode::SUCCESS;
    }
    if chosen.is_empty() {
        eprintln!("no target has that in its name; --list names them");
        return ExitCode::FAILURE;
    }
    match &arguments.input {
        Some(text) => try_input(chosen, text),
        None => run(chosen, &arguments),
    }
}

fn try_input(chosen: Vec<Target>, text: &str) -> ExitCode {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    let bytes: Vec<u8> =
        digits.chunks(2).map(|two| two.iter().fold(0, |byte, digit| byte << 4 | *digit as u8)).collect();
    let mut code = ExitCode::SUCCESS;
    for mut target in chosen {
        match replay(&mut target, &bytes) {
            Ok(()) => println!("{}: nothing is wrong with it", target.name),
            Err(failure) => {
                println!("{}: {}", target.name, failure.why);
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// A run, and how long it had its turn.
struct Turns {
    run: Run,
    spent: Duration,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program of its own, whose time is the machine's; what it tries is decided by the seed"
)]
fn run(chosen: Vec<Target>, arguments: &Arguments) -> ExitCode {
    let settings = Settings { seed: arguments.seed, inputs_max: arguments.inputs };
    let mut limit = Duration::try_from_secs_f64(arguments.minutes * 60.0).unwrap_or(Duration::MAX);
    if arguments.inputs != u64::MAX {
        limit = Duration::MAX;
    }
    if !is_measured() {
        eprintln!("this program counts no edges: inputs are changed blindly; `cargo xtask fuzz` builds one that does");
    }
    let mut open: Vec<Turns> =
        chosen.into_iter().map(|target| Turns { run: Run::new(target, settings), spent: Duration::ZERO }).collect();
    let (mut done, mut failed) = (Vec::new(), 0);
    let mut said = Instant::now();
    while !open.is_empty() {
        let mut next = Vec::new();
        for mut turns in open {
            let start = Instant::now();
            let mut failure = None;
            while failure.is_none() && !turns.run.is_over() && start.elapsed() < TURN.min(limit) {
                failure = turns.run.step().err();
            }
            turns.spent += start.elapsed();
            if let Some(failure) = failure {
                let (name, input) = (turns.run.name(), failure.hexadecimal());
                println!(
                    "{name} fails: {}\n  again with: cargo xtask fuzz --target {name} --input {input}",
                    failure.why
                );
                failed += 1;
            } else if turns.run.is_over() || turns.spent >= limit {
                done.push(turns);
            } else {
                next.push(turns);
            }
        }
        open = next;
        if said.elapsed() >= SAYING {
            said = Instant::now();
            let least = open.iter().map(|turns| turns.spent).min().unwrap_or(limit);
            let inputs: u64 = open.iter().chain(&done).map(|turns| turns.run.progress().inputs).sum();
            eprintln!(
                "  {} targets, {inputs} inputs, {:.1} minutes each, {failed} failed",
                open.len(),
                least.as_secs_f64() / 60.0
            );
        }
    }
    println!("{:<32} {:>12} {:>8} {:>8} {:>8}", "target", "inputs", "corpus", "edges", "seconds");
    for Turns { run, spent } in &done {
        let progress = run.progress();
        let (inputs, corpus, edges) = (progress.inputs, progress.corpus, progress.edges);
        println!("{:<32} {inputs:>12} {corpus:>8} {edges:>8} {:>8.0}", run.name(), spent.as_secs_f64());
    }
    println!("{} targets passed, {failed} failed", done.len());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
