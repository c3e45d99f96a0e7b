//! What the targets measure, asked for once for all who want to know: metrics, and how full the storage is.

use super::SystemEngine;
use super::door::ConnectionId;
use super::targets::Targets;
use crate::target::Measures;
use std::time::Duration;

/// How long targets that are busy are waited for; what there is to tell then lacks theirs.
const LIMIT: Duration = Duration::from_secs(2);

/// One measurement after the other.
#[derive(Default)]
pub(super) struct Measuring {
    /// Until when measures are waited for, while they are.
    until: Option<Duration>,
    /// The number of the measurement that is under way, or was the last one.
    round: u64,
    expected: usize,
    measures: Vec<Measures>,
    /// Who wants to know how full the storage is, and the measurement that they wait for.
    pub storage_askers: Vec<(ConnectionId, u64)>,
}

/// A measurement that is over.
pub(super) struct Measured {
    /// Its number.
    pub round: u64,
    /// Whether all targets have answered.
    pub is_complete: bool,
    /// What they said, by target.
    pub measures: Vec<Measures>,
}

impl Measuring {
    /// When it is over though not every target has answered.
    pub fn deadline(&self) -> Option<Duration> {
        self.until
    }

    /// The number of the next measurement: it knows all that was done before this call.
    pub fn next_round(&self) -> u64 {
        self.round + 1
    }

    /// Ends the measurement that is over, and begins another one when somebody waits for that: for metrics any will do, and who asks how full
    /// the storage is waits for one that knows all that was done before. `ask` asks the targets, and says how many there are.
    fn go_on(&mut self, for_metrics: bool, now: Duration, ask: impl FnOnce() -> usize) -> Option<Measured> {
        let measured = self.finish(now);
        // Only now: who asked while a measurement was under way is not answered by it, and nothing else may happen that begins the next one.
        let is_wanted =
            (for_metrics && measured.is_none()) || self.storage_askers.iter().any(|(_, of)| *of > self.round);
        if is_wanted && self.until.is_none() {
            self.begin(ask(), now);
        }
        measured
    }

    fn begin(&mut self, expected: usize, now: Duration) {
        self.round += 1;
        // Without targets it is over at once.
        self.until = Some(if expected == 0 { now } else { now + LIMIT });
        self.expected = expected;
        self.measures.clear();
    }

    /// A target has answered. One that was late with an answer to an earlier measurement has two.
    pub fn take(&mut self, measures: Measures) {
        self.measures.retain(|known| known.target != measures.target);
        self.measures.push(measures);
    }

    /// The measurement, when all targets have answered or it takes too long.
    fn finish(&mut self, now: Duration) -> Option<Measured> {
        let until = self.until?;
        let is_complete = self.measures.len() >= self.expected;
        if !is_complete && now < until {
            return None;
        }
        self.until = None;
        let mut measures = std::mem::take(&mut self.measures);
        measures.sort_by_key(|measures| measures.target);
        Some(Measured { round: self.round, is_complete, measures })
    }
}

impl SystemEngine {
    /// Asks the targets for their measures when somebody wants them, and answers with those that are there.
    pub(super) fn look_at_measures(&mut self, at_telemetry: &[bool]) {
        let for_metrics = self.telemetry.as_mut().is_some_and(|telemetry| telemetry.serve(at_telemetry));
        let now = self.makings.env.clock.monotonic();
        let targets = &self.targets;
        let ask = || if let Targets::Serving(threads) = targets { threads.measure() } else { 0 };
        if let Some(measured) = self.measuring.go_on(for_metrics, now, ask) {
            self.answer_metrics(&measured.measures);
            self.answer_storage(&measured);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_rpc::Statistics;

    fn of(target: u32, running: u64) -> Measures {
        let (requests, latencies, failures, pools) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Measures { target, running, requests, latencies, failures, statistics: Statistics::default(), pools }
    }

    #[test]
    fn a_measurement_is_over_when_all_have_answered_or_its_time_is_over() {
        let mut measuring = Measuring::default();
        assert!(measuring.finish(Duration::MAX).is_none(), "nobody asked");
        assert_eq!(measuring.next_round(), 1);
        measuring.begin(2, Duration::ZERO);
        measuring.take(of(1, 5));
        assert!(measuring.finish(LIMIT - Duration::from_nanos(1)).is_none());
        measuring.take(of(0, 6));
        let all = measuring.finish(Duration::ZERO).expect("both have answered");
        assert_eq!((all.round, all.is_complete, all.measures[0].running), (1, true, 6));
        // A late answer to an earlier measurement does not stand for that of another target.
        measuring.begin(2, Duration::ZERO);
        assert_eq!(measuring.next_round(), 3, "what happens now, the one that is under way may miss");
        measuring.take(of(1, 7));
        measuring.take(of(1, 8));
        let some = measuring.finish(LIMIT).expect("its time is over");
        assert_eq!((some.round, some.is_complete, some.measures.len()), (2, false, 1));
        assert!(measuring.deadline().is_none());
    }

    /// Who asked while a measurement was under way waits for the next one, which began only when something else happened at the engine.
    #[test]
    fn who_asks_during_a_measurement_gets_the_next_one_at_once() {
        let mut measuring = Measuring::default();
        let mut begun = 0;
        let mut ids = (0..).map(ConnectionId::of_test);
        let mut go_on = |measuring: &mut Measuring| {
            measuring.go_on(false, Duration::ZERO, || {
                begun += 1;
                1
            })
        };
        for _ in 0..2 {
            let round = measuring.next_round();
            measuring.storage_askers.push((ids.next().expect("endless"), round));
            assert!(go_on(&mut measuring).is_none());
        }
        measuring.take(of(0, 1));
        assert_eq!(go_on(&mut measuring).map(|measured| measured.round), Some(1));
        assert!(measuring.deadline().is_some(), "the second is under way");
        measuring.storage_askers.retain(|(_, round)| *round > 1);
        measuring.take(of(0, 2));
        assert_eq!(go_on(&mut measuring).map(|measured| measured.round), Some(2));
        assert_eq!((begun, measuring.deadline()), (2, None));
    }

    #[test]
    fn metrics_without_targets_are_told_at_once() {
        let mut measuring = Measuring::default();
        assert!(measuring.go_on(true, LIMIT, || 0).is_none());
        assert_eq!(measuring.deadline(), Some(LIMIT), "it is due");
        assert_eq!(measuring.go_on(true, LIMIT, || 0).map(|measured| measured.is_complete), Some(true));
        assert_eq!(measuring.deadline(), None, "who came meanwhile is answered, too");
    }
}
