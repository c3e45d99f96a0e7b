//! The clocks of an engine's targets, for whoever speaks for all of them.

use daos_env::HybridClock;
use daos_types::Epoch;
use std::sync::{Arc, Mutex, PoisonError};

/// The clocks of the targets that have run in this process, the ended ones among them: what they had acknowledged stays.
#[derive(Default)]
pub struct Clocks(Mutex<Vec<Arc<HybridClock>>>);

impl Clocks {
    /// Another target begins.
    pub fn add(&self, clock: Arc<HybridClock>) {
        let mut clocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that has ended says nothing new: its last reading goes on in the one that follows.
        clocks.retain(|ended| {
            let is_used = Arc::strong_count(ended) > 1;
            if !is_used {
                clock.observe(ended.newest());
            }
            is_used
        });
        clocks.push(clock);
    }

    /// The newest reading of all of them: nothing is newer that was written here so far.
    pub fn newest(&self) -> Epoch {
        let clocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Epoch(clocks.iter().map(|clock| clock.newest()).max().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_env::ManualClock;

    #[test]
    fn what_an_ended_target_has_read_is_not_forgotten() {
        let clocks = Clocks::default();
        assert_eq!(clocks.newest(), Epoch::ZERO);
        let clock = || Arc::new(HybridClock::new(Arc::new(ManualClock::starting_at(100))));
        let (first, second) = (clock(), clock());
        clocks.add(first.clone());
        clocks.add(second.clone());
        second.observe(5000);
        assert_eq!((first.next(), clocks.newest()), (100, Epoch(5000)));
        drop(second);
        assert_eq!(clocks.newest(), Epoch(5000));
        let third = clock();
        clocks.add(third.clone());
        assert_eq!((third.next(), clocks.newest()), (5001, Epoch(5001)));
    }
}
