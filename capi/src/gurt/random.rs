//! Random numbers of one sequence for the whole program, as of lrand48().

use core::ffi::{c_double, c_long};
use std::sync::{Mutex, PoisonError};

/// The state that lrand48() starts from.
const START: u64 = 0x1234_abcd_330e;

static STATE: Mutex<u64> = Mutex::new(START);

/// The next 48 bits.
fn next() -> u64 {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    *state = state.wrapping_mul(0x5_deec_e66d).wrapping_add(0xb) & 0xffff_ffff_ffff;
    *state
}

/// Begins the sequence that a number stands for.
#[unsafe(no_mangle)]
pub extern "C" fn d_srand(seed: c_long) {
    *STATE.lock().unwrap_or_else(PoisonError::into_inner) = (seed as u64 & 0xffff_ffff) << 16 | START & 0xffff;
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
        // SAFETY: libc's functions take no pointers here, and no other test uses them.
        let expected: Vec<c_long> = unsafe {
            libc::srand48(7);
            (0..5).map(|_| libc::lrand48()).collect()
        };
        d_srand(7);
        assert_eq!((0..5).map(|_| d_rand()).collect::<Vec<_>>(), expected);
        assert!((0.0..1.0).contains(&d_randd()));
    }
}
