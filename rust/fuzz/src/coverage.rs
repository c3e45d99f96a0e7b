//! What code an input reached, told by counters that the compiler puts in when it is asked to.
//!
//! `cargo xtask fuzz` builds with LLVM's `sancov-module` pass, which stable Rust can run: a counter of eight bits for every edge, and a call
//! before every comparison of numbers. Without the pass nothing is told, and inputs are tried blindly.
#![allow(
    unsafe_code,
    reason = "the counters are statics of the compiler, and the functions that it calls have fixed names"
)]

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Comparisons that are kept of a run; a power of two.
const COMPARISONS: usize = 512;

static START: AtomicUsize = AtomicUsize::new(0);
static END: AtomicUsize = AtomicUsize::new(0);
static NEXT: AtomicUsize = AtomicUsize::new(0);
static COMPARED: [[AtomicU64; 2]; COMPARISONS] = [const { [const { AtomicU64::new(0) }; 2] }; COMPARISONS];

/// Called by what the compiler puts in, before `main`, once for each part of the program with the same range.
///
/// # Safety
/// The range is that of the counters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, end: *mut u8) {
    START.store(start as usize, Relaxed);
    END.store(end as usize, Relaxed);
}

macro_rules! comparisons {
    ($($name:ident $constant:ident $type:ty)*) => {$(
        /// Called before a comparison. It must not compare anything itself.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(left: $type, right: $type) {
            let place = NEXT.fetch_add(1, Relaxed) & (COMPARISONS - 1);
            COMPARED[place][0].store(left as u64, Relaxed);
            COMPARED[place][1].store(right as u64, Relaxed);
        }

        /// Called before a comparison with a constant.
        #[unsafe(no_mangle)]
        pub extern "C" fn $constant(left: $type, right: $type) {
            $name(left, right);
        }
    )*};
}

comparisons! {
    __sanitizer_cov_trace_cmp1 __sanitizer_cov_trace_const_cmp1 u8
    __sanitizer_cov_trace_cmp2 __sanitizer_cov_trace_const_cmp2 u16
    __sanitizer_cov_trace_cmp4 __sanitizer_cov_trace_const_cmp4 u32
    __sanitizer_cov_trace_cmp8 __sanitizer_cov_trace_const_cmp8 u64
}

/// Called before a `switch`; its cases are found by chance.
#[unsafe(no_mangle)]
pub extern "C" fn __sanitizer_cov_trace_switch(_value: u64, _cases: *const u64) {}

/// Whether the program was built with counters.
pub fn is_measured() -> bool {
    START.load(Relaxed) != END.load(Relaxed)
}

/// The counters, which count during the run of an input and are read and cleared between runs, on the same thread.
fn counters() -> &'static mut [u8] {
    let (start, end) = (START.load(Relaxed), END.load(Relaxed));
    if start == end {
        return &mut [];
    }
    // SAFETY: the range is that of the counters, for the life of the process. They are bytes; other threads may count meanwhile, which
    // makes a number wrong, and nothing else.
    unsafe { std::slice::from_raw_parts_mut(start as *mut u8, end - start) }
}

/// What was reached so far, by all inputs.
pub struct Map {
    /// Of each edge the classes of counts that were seen, one bit each.
    seen: Vec<u8>,
    edges: usize,
}

impl Map {
    pub fn new() -> Map {
        Map { seen: vec![0; counters().len()], edges: 0 }
    }

    /// Edges that were reached.
    pub fn edges(&self) -> usize {
        self.edges
    }

    /// Begins a run.
    pub fn clear(&self) {
        counters().fill(0);
        NEXT.store(0, Relaxed);
    }

    /// Ends a run; whether it reached something new, or something much more often.
    pub fn take(&mut self) -> bool {
        let mut is_new = false;
        let counted = counters();
        for (seen, counts) in self.seen.chunks_mut(8).zip(counted.chunks(8)) {
            if counts == [0; 8] {
                continue;
            }
            for (seen, count) in seen.iter_mut().zip(counts) {
                let class = class_of(*count);
                if class & !*seen != 0 {
                    self.edges += usize::from(*seen == 0);
                    *seen |= class;
                    is_new = true;
                }
            }
        }
        is_new
    }
}

/// One bit for counts that are about the same.
fn class_of(count: u8) -> u8 {
    match count {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        4..8 => 8,
        8..16 => 16,
        16..32 => 32,
        32..128 => 64,
        _ => 128,
    }
}

/// Numbers that were compared in the last run and were not equal.
pub fn comparisons() -> Vec<(u64, u64)> {
    let count = NEXT.load(Relaxed).min(COMPARISONS);
    let pair = |[left, right]: &[AtomicU64; 2]| (left.load(Relaxed), right.load(Relaxed));
    let mut pairs: Vec<(u64, u64)> = COMPARED[..count].iter().map(pair).filter(|(left, right)| left != right).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_grow_with_counts() {
        let classes: Vec<u8> = (0..=u8::MAX).map(class_of).collect();
        assert!(classes.is_sorted() && classes[0] == 0 && classes[1..].iter().all(|class| class.is_power_of_two()));
    }

    #[test]
    fn what_was_compared_is_told() {
        Map::new().clear();
        __sanitizer_cov_trace_const_cmp4(5, 9);
        __sanitizer_cov_trace_cmp8(5, 9);
        __sanitizer_cov_trace_cmp1(3, 3);
        let pairs = comparisons();
        assert!(pairs.contains(&(5, 9)) && !pairs.contains(&(3, 3)));
    }
}
