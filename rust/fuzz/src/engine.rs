//! Tries inputs on a target until time is over or one fails.

use crate::allocator::peak_of;
use crate::corpus::Corpus;
use crate::coverage::{self, Map};
use crate::mutate::{Material, mutate};
use crate::random::Numbers;
use crate::report;
use crate::target::Target;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// How often an input from the corpus is changed before another one is drawn.
const CHANGES_PER_INPUT: usize = 32;
/// The most inputs that are tried to make a failing one shorter.
const SHORTENINGS_MAX: usize = 4000;

/// What a run begins with.
#[derive(Clone, Copy)]
pub struct Settings {
    /// Decides every input, as long as the program is the same.
    pub seed: u64,
    /// Stop after so many inputs.
    pub inputs_max: u64,
}

/// How far a run has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Inputs that were tried.
    pub inputs: u64,
    /// Inputs that are kept.
    pub corpus: usize,
    /// Edges of the program that were reached; zero when they are not counted.
    pub edges: usize,
}

/// An input that should not fail, and does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The input, made as short as it could be.
    pub input: Vec<u8>,
    /// What happened.
    pub why: String,
}

impl Failure {
    /// The input in hexadecimal.
    pub fn hexadecimal(&self) -> String {
        report::hexadecimal(&self.input)
    }
}

thread_local! {
    /// What the last panic said, while inputs are tried.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
    static IS_TRYING: RefCell<bool> = const { RefCell::new(false) };
}

/// Keeps what a panic says, in place of printing it, while inputs are tried.
fn listen_to_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |information| {
            if IS_TRYING.with_borrow(|trying| *trying) {
                PANIC.set(Some(information.to_string()));
            } else {
                usual(information);
            }
        }));
    });
}

/// Tries one input.
fn attempt(target: &mut Target, input: &[u8]) -> Result<(), String> {
    let allowance = target.allowance(input);
    report::begin(&target.name, input);
    IS_TRYING.set(true);
    let run = &mut target.run;
    let (outcome, peak) = peak_of(|| catch_unwind(AssertUnwindSafe(|| run(input))));
    IS_TRYING.set(false);
    if outcome.is_err() {
        return Err(PANIC.take().unwrap_or_else(|| "it panicked".to_owned()));
    }
    if peak > allowance {
        return Err(format!(
            "it allocated {peak} bytes at a time, for an input of {}: {allowance} would do",
            input.len()
        ));
    }
    Ok(())
}

/// Tries one input of which it is known that it failed, or may.
pub fn replay(target: &mut Target, input: &[u8]) -> Result<(), Failure> {
    listen_to_panics();
    attempt(target, input).map_err(|why| Failure { input: input.to_vec(), why })
}

/// A run that goes on step by step.
pub struct Run {
    target: Target,
    settings: Settings,
    random: Numbers,
    corpus: Corpus,
    map: Map,
    progress: Progress,
    comparisons: Vec<(u64, u64)>,
    /// Inputs that it began with, and how many of them were tried.
    seeds: usize,
    seeded: usize,
}

impl Run {
    /// A run that has not begun.
    pub fn new(target: Target, settings: Settings) -> Run {
        listen_to_panics();
        // Each target has numbers of its own.
        let name = target.name.bytes().fold(0, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        let random = Numbers::new(settings.seed ^ name.rotate_left(32));
        let corpus = Corpus::new(target.seeds.clone());
        let seeds = corpus.inputs().len();
        let (progress, map, comparisons) = (Progress::default(), Map::new(), Vec::new());
        Run { target, settings, random, corpus, map, progress, comparisons, seeds, seeded: 0 }
    }

    /// The target's name.
    pub fn name(&self) -> &str {
        &self.target.name
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        Progress { corpus: self.corpus.inputs().len(), edges: self.map.edges(), ..self.progress }
    }

    /// Whether all inputs that were asked for were tried.
    pub fn is_over(&self) -> bool {
        self.progress.inputs >= self.settings.inputs_max
    }

    /// Tries some inputs: the seeds first, then changes of one of the corpus.
    pub fn step(&mut self) -> Result<(), Failure> {
        if self.seeded < self.seeds {
            let seed = self.corpus.inputs()[self.seeded].clone();
            self.seeded += 1;
            self.look_at(&seed)?;
            if self.map.sweep() {
                self.look_at(&seed)?;
            }
            return Ok(());
        }
        let base = self.corpus.draw(&mut self.random).to_vec();
        let mut tried = Vec::with_capacity(CHANGES_PER_INPUT);
        self.change(&base, &mut tried)?;
        if self.map.sweep() {
            // One of them has reached something far from all that was reached before.
            for input in tried {
                if self.look_at(&input)? {
                    self.corpus.add(input, &mut self.random);
                }
            }
        }
        Ok(())
    }

    /// Tries changes of an input, until one of them reaches something new; `tried` gets those that do not.
    fn change(&mut self, base: &[u8], tried: &mut Vec<Vec<u8>>) -> Result<(), Failure> {
        self.map.clear();
        // What this input compares is worth trying in its changes.
        attempt(&mut self.target, base).map_err(|why| Failure { input: base.to_vec(), why })?;
        self.comparisons = coverage::comparisons();
        for _ in 0..CHANGES_PER_INPUT {
            let mut input = base.to_vec();
            let material = Material {
                others: self.corpus.inputs(),
                words: self.target.words,
                comparisons: &self.comparisons,
                length_max: self.target.length_max,
            };
            mutate(&mut input, &material, &mut self.random);
            if self.look_at(&input)? {
                self.corpus.add(input, &mut self.random);
                break;
            }
            tried.push(input);
        }
        Ok(())
    }

    /// Tries an input; whether it reached something new.
    fn look_at(&mut self, input: &[u8]) -> Result<bool, Failure> {
        self.progress.inputs += 1;
        self.map.clear();
        match attempt(&mut self.target, input) {
            Ok(()) => Ok(self.map.take()),
            Err(why) => Err(self.shorten(Failure { input: input.to_vec(), why })),
        }
    }

    /// Takes out of a failing input what it fails without.
    fn shorten(&mut self, mut failure: Failure) -> Failure {
        let mut tries = 0;
        let mut size = failure.input.len().next_power_of_two() / 2;
        while size > 0 {
            let mut start = 0;
            while start < failure.input.len() && tries < SHORTENINGS_MAX {
                let mut shorter = failure.input.clone();
                shorter.drain(start..shorter.len().min(start + size));
                tries += 1;
                match attempt(&mut self.target, &shorter) {
                    Err(why) => failure = Failure { input: shorter, why },
                    Ok(()) => start += size,
                }
            }
            size /= 2;
        }
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(target: Target, inputs_max: u64) -> Result<Progress, Failure> {
        let mut run = Run::new(target, Settings { seed: 1, inputs_max });
        while !run.is_over() {
            run.step()?;
        }
        Ok(run.progress())
    }

    #[test]
    fn a_panic_is_found_and_made_short() {
        let target = Target::new("test/panic", |bytes| assert!(!bytes.contains(&b'!'), "a mark of {}", bytes.len()));
        let failure = run(target.seeded([b"something long"]), 100_000).expect_err("it fails");
        assert_eq!(failure.input, b"!");
        assert!(failure.why.contains("a mark of 1"), "{failure:?}");
        assert_eq!(failure.hexadecimal(), "21");
    }

    #[test]
    fn more_memory_than_the_input_is_worth_is_found() {
        let hungry = Target::new("test/hungry", |bytes| {
            if bytes.first().is_some_and(|first| *first == 7) {
                drop(std::hint::black_box(vec![0u8; 8 << 20]));
            }
        });
        let failure = run(hungry.up_to(8), 100_000).expect_err("it fails");
        assert_eq!(failure.input, [7]);
        assert!(failure.why.contains("at a time"), "{failure:?}");
        let mut modest = Target::new("test/modest", |bytes| drop(std::hint::black_box(bytes.to_vec())));
        assert_eq!(replay(&mut modest, &[7; 100]), Ok(()));
    }

    #[test]
    fn what_does_not_fail_ends_with_its_inputs() {
        let progress = run(Target::new("test/fine", |_| {}).seeded([b"a", b"b"]), 500).expect("nothing fails");
        assert!(progress.inputs >= 500 && progress.corpus >= 2, "{progress:?}");
    }
}
