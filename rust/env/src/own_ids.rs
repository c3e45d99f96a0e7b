//! Tables by numbers that this process has chosen itself.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A table by ids of our own. No peer chooses them, so that they need no hash that withstands a peer.
pub type OwnIds<T> = HashMap<u64, T, BuildHasherDefault<Spread>>;

/// Spreads numbers that follow each other over all bits.
#[derive(Default)]
pub struct Spread(u64);

/// An odd number whose bits look random: the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u64(&mut self, number: u64) {
        // The table takes some bits from the top and some from the bottom.
        self.0 = (self.0 ^ number).wrapping_mul(FACTOR).rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn numbers_in_a_row_do_not_meet() {
        let hash = |number: u64| {
            let mut hasher = Spread::default();
            hasher.write_u64(number);
            hasher.finish()
        };
        let low: HashSet<u64> = (0..64).map(|number| hash(number) & 0xff).collect();
        let high: HashSet<u64> = (0..64).map(|number| hash(number) >> 57).collect();
        assert!(low.len() > 40 && high.len() > 30, "{} {}", low.len(), high.len());
    }
}
