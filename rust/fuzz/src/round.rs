//! A round of one target within a test of another crate, for decoders that only that crate can reach.

use crate::{Run, Settings, Target};

/// Inputs unless `DAOS_FUZZ_INPUTS` says otherwise.
const INPUTS: u64 = 2000;

/// Tries changed inputs; `DAOS_FUZZ_SEED` decides which, `DAOS_FUZZ_INPUTS` how many.
///
/// # Panics
/// When one fails: with the input, and the seed that has it again.
pub fn round(target: Target) {
    let variable = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let settings = Settings { seed: variable("DAOS_FUZZ_SEED", 1), inputs_max: variable("DAOS_FUZZ_INPUTS", INPUTS) };
    let mut run = Run::new(target, settings);
    while !run.is_over() {
        if let Err(failure) = run.step() {
            let (name, seed, count) = (run.name(), settings.seed, settings.inputs_max);
            let (why, input) = (&failure.why, String::from_utf8_lossy(&failure.input).into_owned());
            let again = format!("DAOS_FUZZ_SEED={seed} DAOS_FUZZ_INPUTS={count}");
            panic!("{name}: {why}\nwith the input {} ({input:?}); again with {again}", failure.hexadecimal());
        }
    }
}
