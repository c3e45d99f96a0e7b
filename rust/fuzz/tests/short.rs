//! A short round of every fuzz target: as many inputs as a test has time for, always the same ones.

use daos_fuzz::{Run, Settings, targets};

/// Inputs per target.
const INPUTS: u64 = 300;

#[test]
fn a_short_round_of_every_target_finds_nothing() {
    let mut wrong = Vec::new();
    for target in targets::all() {
        let mut run = Run::new(target, Settings { seed: 1, inputs_max: INPUTS });
        while !run.is_over() {
            if let Err(failure) = run.step() {
                wrong.push(format!("{}: {} with the input {}", run.name(), failure.why, failure.hexadecimal()));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn targets_have_names_of_their_own_and_seeds_that_pass() {
    let mut names = std::collections::BTreeSet::new();
    for mut target in targets::all() {
        assert!(names.insert(target.name.clone()), "{} is there twice", target.name);
        for seed in target.seeds.clone() {
            assert_eq!(daos_fuzz::replay(&mut target, &seed), Ok(()), "{}", target.name);
        }
    }
    assert!(names.len() > 90, "{}", names.len());
}
