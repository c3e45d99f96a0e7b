//! Finding requests that came before.

/// Ids remembered below the highest: more than a connection that breaks and comes back brings out of order.
const WINDOW: u64 = 1024;

/// A caller that skips more ids than this is another one, whose ids begin anew at random.
const SKIP_MAX: u64 = 1 << 32;

const WORDS: usize = (WINDOW / 64) as usize;

/// The call ids of one peer that were seen lately. Ids of one caller grow; they do not come in their order always.
pub(super) struct Seen {
    highest: Option<u64>,
    /// A bit for each id of the window, at the id modulo its size.
    bits: [u64; WORDS],
}

impl Seen {
    pub fn new() -> Seen {
        Seen { highest: None, bits: [0; WORDS] }
    }

    /// `false` when the id was seen before.
    pub fn add(&mut self, id: u64) -> bool {
        let Some(highest) = self.highest else { return self.restart(id) };
        let (ahead, behind) = (id.wrapping_sub(highest), highest.wrapping_sub(id));
        if behind < WINDOW {
            return self.set(id);
        }
        if ahead > SKIP_MAX {
            return self.restart(id);
        }
        if ahead >= WINDOW {
            self.bits = [0; WORDS];
        } else {
            for skipped in 1..=ahead {
                self.clear(highest.wrapping_add(skipped));
            }
        }
        self.highest = Some(id);
        self.set(id)
    }

    fn restart(&mut self, id: u64) -> bool {
        *self = Seen { highest: Some(id), bits: [0; WORDS] };
        self.set(id)
    }

    fn place(id: u64) -> (usize, u64) {
        let bit = id % WINDOW;
        ((bit / 64) as usize, 1 << (bit % 64))
    }

    fn set(&mut self, id: u64) -> bool {
        let (word, mask) = Seen::place(id);
        let is_new = self.bits[word] & mask == 0;
        self.bits[word] |= mask;
        is_new
    }

    fn clear(&mut self, id: u64) {
        let (word, mask) = Seen::place(id);
        self.bits[word] &= !mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn another_caller_begins_anew() {
        let mut seen = Seen::new();
        assert!(seen.add(u64::MAX) && seen.add(0) && !seen.add(u64::MAX), "ids go round");
        assert!(seen.add(1 << 60) && !seen.add(1 << 60));
        assert!(seen.add(5) && seen.add(6) && !seen.add(5));
    }

    proptest! {
        #[test]
        fn what_comes_twice_within_the_window_is_found(
            start in any::<u64>(),
            steps in proptest::collection::vec((0u64..40, 0u64..300), 1..400),
        ) {
            let (mut seen, mut known, mut highest) = (Seen::new(), HashSet::new(), start);
            seen.add(start);
            known.insert(start);
            for (ahead, back) in steps {
                highest = highest.wrapping_add(ahead);
                // Going back stays within the window of all ids so far.
                let id = highest.wrapping_sub(back);
                if start.wrapping_sub(id) <= 300 && id != start {
                    continue;
                }
                prop_assert_eq!(seen.add(id), known.insert(id));
            }
        }
    }
}
