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
            // Not one step: another thread that compares meanwhile takes the place of this, which costs nothing but it.
            let next = NEXT.load(Relaxed);
            NEXT.store(next.wrapping_add(1), Relaxed);
            let place = next & (COMPARISONS - 1);
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

/// Where the counters are, which count during the run of an input and are read and cleared between runs, on the same thread.
#[derive(Clone, Copy)]
struct Counters {
    start: usize,
    count: usize,
}

impl Counters {
    /// Those of the compiler.
    fn of_program() -> Counters {
        let (start, end) = (START.load(Relaxed), END.load(Relaxed));
        Counters { start, count: end - start }
    }

    fn get(self) -> &'static mut [u8] {
        if self.count == 0 {
            return &mut [];
        }
        // SAFETY: the range is that of the counters, for the life of the process. They are bytes; other threads may count meanwhile, which
        // makes a number wrong, and nothing else.
        unsafe { std::slice::from_raw_parts_mut(self.start as *mut u8, self.count) }
    }
}

/// Counters that are looked at together.
const BLOCK: usize = 64;
/// Counters that are compared at once to find those that counted; a multiple of a block.
const PAGE: usize = 4096;

/// Whether none of some counters has counted. It is the C library that looks: this file has counters, too, and each turn of a loop in it costs as much
/// as the turn of one that is tried.
fn is_zero(counts: &[u8]) -> bool {
    static ZEROS: [u8; PAGE] = [0; PAGE];
    *counts == ZEROS[..counts.len()]
}

/// What was reached so far, by all inputs.
///
/// A program has a million counters, and an input reaches some hundred of them. Those blocks of counters that were reached before are looked at
/// after each input, and all others now and then: [`Map::sweep`].
pub struct Map {
    counters: Counters,
    /// Of each edge the classes of counts that were seen, one bit each.
    seen: Vec<u8>,
    edges: usize,
    /// The blocks that were reached.
    known: Vec<usize>,
    is_known: Vec<bool>,
}

impl Map {
    pub fn new() -> Map {
        Map::over(Counters::of_program())
    }

    fn over(counters: Counters) -> Map {
        let is_known = vec![false; counters.count.div_ceil(BLOCK)];
        Map { counters, seen: vec![0; counters.count], edges: 0, known: Vec::new(), is_known }
    }

    /// Edges that were reached.
    pub fn edges(&self) -> usize {
        self.edges
    }

    /// Begins a run.
    pub fn clear(&self) {
        let counted = self.counters.get();
        for block in &self.known {
            let end = counted.len().min((block + 1) * BLOCK);
            counted[block * BLOCK..end].fill(0);
        }
        NEXT.store(0, Relaxed);
    }

    /// Ends a run; whether it reached something new, or something much more often, where something was reached before.
    pub fn take(&mut self) -> bool {
        let counted = self.counters.get();
        let (mut is_new, mut edges) = (false, 0);
        for block in &self.known {
            let range = block * BLOCK..counted.len().min((block + 1) * BLOCK);
            if is_zero(&counted[range.clone()]) {
                continue;
            }
            for (seen, count) in self.seen[range.clone()].iter_mut().zip(&counted[range]) {
                let class = class_of(*count);
                if class & !*seen != 0 {
                    edges += usize::from(*seen == 0);
                    *seen |= class;
                    is_new = true;
                }
            }
        }
        self.edges += edges;
        is_new
    }

    /// Looks at all counters, and clears them. Whether some counted since the last time that no input had reached: those runs are to be repeated,
    /// and will find them.
    pub fn sweep(&mut self) -> bool {
        let mut is_new = false;
        for (page, counts) in self.counters.get().chunks_mut(PAGE).enumerate().filter(|(_, counts)| !is_zero(counts)) {
            for (index, _) in counts.chunks(BLOCK).enumerate().filter(|(_, counts)| !is_zero(counts)) {
                let block = page * (PAGE / BLOCK) + index;
                if !std::mem::replace(&mut self.is_known[block], true) {
                    self.known.push(block);
                    is_new = true;
                }
            }
            counts.fill(0);
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
    fn what_is_reached_is_new_once() {
        let own: &'static mut [u8] = Vec::leak(vec![0; 2 * PAGE + BLOCK / 2]);
        let counters = Counters { start: own.as_mut_ptr() as usize, count: own.len() };
        let count = |edge: usize, times: u8| counters.get()[edge] = times;
        let mut map = Map::over(counters);
        assert!(!map.sweep() && !map.take());
        for edge in [0, PAGE - 1, counters.count - 1] {
            count(edge, 1);
            assert!(!map.take() && map.sweep() && !map.sweep(), "edge {edge} is in a block that nothing had reached");
            map.clear();
            count(edge, 1);
            assert!(map.take() && !map.take());
            count(edge, 9);
            assert!(map.take(), "edge {edge} is reached much more often");
            map.clear();
            assert!(counters.get().iter().all(|count| *count == 0) && !map.sweep());
        }
        assert_eq!(map.edges(), 3);
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
