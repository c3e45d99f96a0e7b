//! Looking whether an answer has come on a socket that the executor does not watch: soon at first, as answers mostly come at once, then less and less
//! often. A thread that always looked as often as at first would never sleep while it waits for an engine that is stopped.

use crate::Client;
use std::time::Duration;

/// How long it waits before it looks again: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(20));

/// The pauses between looks for one answer.
pub(super) struct Looks(Duration);

impl Looks {
    /// For an answer that may be there at once.
    pub(super) fn new() -> Looks {
        Looks(PAUSES.0)
    }

    /// Waits before the next look.
    pub(super) async fn pause(&mut self, client: &Client) {
        let pause = self.next();
        client.spawner().sleep(pause).await;
    }

    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 5 / 4).min(PAUSES.1);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_many_in_a_millisecond_and_few_in_a_minute() {
        let looks_within = |limit: Duration| {
            let (mut looks, mut waited, mut count) = (Looks::new(), Duration::ZERO, 0);
            while waited < limit {
                waited += looks.next();
                count += 1;
            }
            count
        };
        assert!(looks_within(Duration::from_millis(1)) >= 4);
        let in_a_minute = looks_within(Duration::from_secs(60));
        assert!(in_a_minute < 60 * 60, "{in_a_minute}");
    }
}
