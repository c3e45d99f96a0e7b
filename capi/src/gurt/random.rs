//! Random numbers of one sequence for the whole program, as of lrand48().

use core::ffi::{c_double, c_long};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The lower bits of the state that a seed stands for.
const SEED_END: u64 = 0x330e;

/// The state, of 48 bits; glibc's begins with zero, too.
static STATE: AtomicU64 = AtomicU64::new(0);

fn step(state: u64) -> u64 {
    state.wrapping_mul(0x5_deec_e66d).wrapping_add(0xb) & 0xffff_ffff_ffff
}

/// The next 48 bits.
fn next() -> u64 {
    let before = STATE.fetch_update(Relaxed, Relaxed, |state| Some(step(state)));
    step(before.unwrap_or_else(|state| state))
}

/// Begins the sequence that a number stands for.
#[unsafe(no_mangle)]
pub extern "C" fn d_srand(seed: c_long) {
    STATE.store((seed as u64 & 0xffff_ffff) << 16 | SEED_END, Relaxed);
}

/// A random number from 0 to 2^31 - 1. Any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn d_rand() -> c_long {
    (next() >> 17) as c_long
}

/// A random number from 0 to 1, without 1. Any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn d_randd() -> c_double {
    next() as c_double / (1u64 << 48) as c_double
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_lrand48() {
        // No other test uses it, nor libc's functions, which take no pointers here: both begin at the same place, without a seed and with one.
        for seed in [None, Some(7)] {
            if let Some(seed) = seed {
                d_srand(seed);
                // SAFETY: as above.
                unsafe { libc::srand48(seed) };
            }
            // SAFETY: as above.
            let expected: Vec<c_long> = (0..5).map(|_| unsafe { libc::lrand48() }).collect();
            assert_eq!((0..5).map(|_| d_rand()).collect::<Vec<_>>(), expected, "{seed:?}");
        }
        assert!((0.0..1.0).contains(&d_randd()));
    }
}
