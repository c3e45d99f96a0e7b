mod crowd;

use super::*;
use crate::{Random, SeededRandom};
use proptest::prelude::*;

const MICROSECOND: Duration = Duration::from_micros(1);
/// How long a round takes that finds nothing.
const ROUND: Duration = Duration::from_nanos(300);

/// One thread on a core of its own in virtual time.
struct Thread {
    waiting: Waiting,
    now: Duration,
    /// Time on the processor without an event.
    burnt: Duration,
    /// Time between events and the moments when they were seen.
    late: Duration,
}

impl Thread {
    fn new() -> Thread {
        Thread { waiting: Waiting::new(WAKE_COST), now: Duration::ZERO, burnt: Duration::ZERO, late: Duration::ZERO }
    }

    /// Waits for an event; waking takes as long as is said. Returns whether it was asleep when the event came.
    fn wait(&mut self, event: Duration, wake: Duration) -> bool {
        let mut slept = false;
        while self.now < event {
            match self.waiting.nothing(self.now) {
                Rest::Spin | Rest::Yield => {
                    self.now += ROUND;
                    self.burnt += ROUND;
                }
                Rest::Sleep => {
                    self.now = event + wake;
                    self.waiting.woke(self.now);
                    slept = true;
                }
            }
        }
        self.late += self.now - event;
        self.waiting.event();
        slept
    }

    /// Gaps of these lengths.
    fn gaps(&mut self, gaps: impl IntoIterator<Item = Duration>) {
        for gap in gaps {
            self.wait(self.now + gap, WAKE_COST);
        }
    }
}

/// Two threads that work for each other in turns: how often each one slept in the last calls of so many.
fn sleeps_of_pair(threads: [Thread; 2], work: [Duration; 2], wake: Duration, calls: u32, last: u32) -> u32 {
    sleeps_of_pair_with(threads, work, || wake, calls, last)
}

/// The same, where wake-ups differ.
fn sleeps_of_pair_with(
    mut threads: [Thread; 2],
    work: [Duration; 2],
    mut wake: impl FnMut() -> Duration,
    calls: u32,
    last: u32,
) -> u32 {
    let mut sleeps = 0;
    let mut event = Duration::ZERO;
    for call in 0..calls {
        for (thread, work) in threads.iter_mut().zip(work) {
            let slept = thread.wait(event, wake());
            if call + last >= calls {
                sleeps += u32::from(slept);
            }
            thread.now += work;
            event = thread.now;
        }
    }
    sleeps
}

/// A thread that has found it best to sleep.
fn sleeper() -> Thread {
    let mut thread = Thread::new();
    thread.gaps([Duration::from_millis(1); 20]);
    assert!(!thread.waiting.spins);
    thread.now = Duration::ZERO;
    thread
}

/// Before this rule, a thread polled for longer only when it had slept for less than 100 microseconds, which two threads that both slept never
/// did, since each of them was woken too late: 4 KiB were fetched 7,700 instead of 170,000 times a second.
#[test]
fn a_pair_that_sleeps_for_each_call_wakes_up() {
    for (wake, work) in [(15, 3), (15, 30), (30, 5), (50, 3), (50, 20), (60, 25)] {
        let (wake, work) = (MICROSECOND * wake, MICROSECOND * work);
        let asleep = || {
            let (mut one, mut other) = (sleeper(), sleeper());
            (one.waiting.gap, other.waiting.gap) = (None, None);
            [one, other]
        };
        let sleeps = sleeps_of_pair(asleep(), [MICROSECOND * 3, work], wake, 50, 30);
        assert_eq!(sleeps, 0, "wake {wake:?}, work {work:?}");
    }
}

/// A fetch of 64 KiB over `tcp` took 90 microseconds or 800, for as long as it was looked at: once both sides slept, each of them saw gaps of
/// 250 microseconds, which were the other's wake-up and its own, in a virtual machine whose idle cores take that long to wake.
#[test]
fn a_pair_finds_out_that_its_wake_ups_take_long() {
    for (wake, work) in [(100, 3), (100, 40), (150, 40), (200, 40), (240, 20)] {
        let (wake, work) = (MICROSECOND * wake, MICROSECOND * work);
        let (mut one, mut other) = (sleeper(), sleeper());
        (one.waiting.gap, other.waiting.gap) = (None, None);
        let sleeps = sleeps_of_pair([one, other], [MICROSECOND * 3, work], wake, 4000, 100);
        assert_eq!(sleeps, 0, "wake {wake:?}, work {work:?}");
    }
}

/// On a host with more to do than cores, wake-ups took between 7 and 1400 microseconds. A pair that slept went on to sleep for seconds: 2,000 calls
/// a second instead of 200,000.
#[test]
fn a_pair_finds_out_that_its_wake_ups_take_long_when_no_two_are_the_same() {
    for seed in 0..60 {
        let random = SeededRandom::new(seed);
        let wake = || {
            let chance = random.next_u64() % 1000;
            let length = random.next_u64()
                % [60, 120, 200, 1000]
                    [usize::from(chance > 300) + usize::from(chance > 900) + usize::from(chance > 980)];
            MICROSECOND * (60 + length as u32)
        };
        let (mut one, mut other) = (sleeper(), sleeper());
        (one.waiting.gap, other.waiting.gap) = (None, None);
        let sleeps = sleeps_of_pair_with([one, other], [MICROSECOND * 3, MICROSECOND * 10], wake, 2000, 100);
        assert_eq!(sleeps, 0, "seed {seed}");
    }
}

/// The core was gone for some milliseconds: the thread sleeps for a moment, and spins on as before.
#[test]
fn gaps_of_a_thread_that_may_not_spin_teach_nothing() {
    let mut thread = Thread::new();
    thread.gaps([MICROSECOND * 5; 100]);
    thread.waiting.nothing(thread.now);
    thread.now += Duration::from_millis(5);
    thread.waiting.nothing(thread.now);
    thread.waiting.event();
    assert_eq!(thread.waiting.statistics().crowded, 1);
    let until = thread.waiting.crowded_until;
    while thread.now < until {
        assert!(thread.wait(thread.now + MICROSECOND * 300, WAKE_COST), "there is no core to spin on");
    }
    assert!(!thread.wait(thread.now + MICROSECOND * 5, WAKE_COST));
}

#[test]
fn gaps_that_really_are_long_are_slept_through_whatever_a_wake_up_costs() {
    for wake in [5, 50, 200] {
        let mut thread = sleeper();
        for _ in 0..10_000 {
            thread.wait(thread.now + MICROSECOND * 450, MICROSECOND * wake);
        }
        let sleeps = thread.waiting.statistics().sleeps;
        let before = thread.burnt;
        for _ in 0..10_000 {
            thread.wait(thread.now + MICROSECOND * 450, MICROSECOND * wake);
        }
        assert!(thread.waiting.statistics().sleeps - sleeps > 9_900, "wake {wake}");
        assert!(thread.burnt - before < MICROSECOND * 450 * 100, "wake {wake}");
    }
}

#[test]
fn a_pair_that_works_for_longer_than_a_wake_up_matters_sleeps() {
    let work = Duration::from_millis(1);
    let pair = || [Thread::new(), Thread::new()];
    // The one that works is waited for by the other; it is itself asked at once.
    let sleeps = sleeps_of_pair(pair(), [MICROSECOND * 3, work], WAKE_COST, 50, 30);
    assert!((30..=60).contains(&sleeps), "{sleeps}");
}

#[test]
fn one_long_gap_does_not_end_the_spinning_and_one_short_one_does_not_begin_it() {
    let mut thread = Thread::new();
    thread.gaps([MICROSECOND * 5; 10]);
    thread.gaps([Duration::from_millis(5)]);
    assert!(thread.waiting.spins);
    thread.gaps([Duration::from_millis(5); 10]);
    assert!(!thread.waiting.spins);
    thread.gaps([MICROSECOND * 5]);
    assert!(!thread.waiting.spins);
    thread.gaps([MICROSECOND * 5; 3]);
    assert!(thread.waiting.spins);
}

#[test]
fn who_loses_the_core_sleeps_for_longer_each_time_and_forgets_it() {
    let mut waiting = Waiting::new(WAKE_COST);
    let mut now = Duration::from_secs(1);
    let mut pauses = Vec::new();
    for _ in 0..9 {
        assert_eq!(waiting.nothing(now), Rest::Spin);
        // Others had the core meanwhile.
        now += WAKE_COST * LOST_MIN;
        assert_eq!(waiting.nothing(now), Rest::Sleep);
        let start = now;
        while waiting.nothing(now) == Rest::Sleep {
            waiting.event();
            now += MICROSECOND * 50;
        }
        waiting.event();
        pauses.push((now - start).as_millis());
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
    assert_eq!(waiting.statistics().crowded, 9);
    now += Duration::from_secs(1);
    waiting.nothing(now);
    now += WAKE_COST * LOST_MIN;
    waiting.nothing(now);
    assert_eq!(waiting.crowded_for, WAKE_COST * CROWDED_MIN);
}

/// A virtual machine loses its core for a moment now and then. To stop spinning for that would cost more than it can bring.
#[test]
fn who_loses_the_core_for_a_moment_spins_on() {
    let mut waiting = Waiting::new(WAKE_COST);
    let mut now = Duration::ZERO;
    for gap in 0..10_000 {
        for _ in 0..10 {
            now += MICROSECOND * 2;
            assert_ne!(waiting.nothing(now), Rest::Sleep);
        }
        if gap % 20 == 0 {
            now += WAKE_COST + MICROSECOND * 20;
            assert_ne!(waiting.nothing(now), Rest::Sleep);
        }
        waiting.event();
    }
    assert_eq!(waiting.statistics().crowded, 0);
}

/// Who yields for somebody on the same core finds out when it has the core to itself again.
#[test]
fn a_thread_yields_at_once_only_as_long_as_that_lets_somebody_run() {
    let mut waiting = Waiting::new(WAKE_COST);
    let mut now = Duration::ZERO;
    while waiting.nothing(now) != Rest::Yield {
        now += ROUND;
    }
    assert!(now >= WAKE_COST / YIELD_AFTER);
    for _ in 0..100 {
        waiting.event();
        assert_eq!(waiting.nothing(now), Rest::Yield);
        now += MICROSECOND * 5;
    }
    waiting.event();
    assert_eq!(waiting.nothing(now), Rest::Yield);
    assert_eq!(waiting.nothing(now + ROUND), Rest::Spin, "nobody else ran");
    waiting.event();
    assert_eq!(waiting.nothing(now + ROUND * 2), Rest::Spin);
}

#[test]
fn time_spent_on_something_else_is_no_gap() {
    let mut waiting = Waiting::new(WAKE_COST);
    for turn in 1..100 {
        let now = Duration::from_millis(turn);
        waiting.forget();
        assert_eq!(waiting.nothing(now), Rest::Spin);
        assert_eq!(waiting.nothing(now + MICROSECOND), Rest::Spin);
    }
    assert_eq!(waiting.statistics().crowded, 0);
}

/// Gaps as they are: short, about as long as a wake-up, and long.
fn gap() -> impl Strategy<Value = Duration> {
    prop_oneof![0u64..10_000, 10_000u64..400_000, 400_000u64..20_000_000].prop_map(Duration::from_nanos)
}

proptest! {
    #[test]
    fn no_gap_is_spun_through_for_longer_than_the_bound(gaps in proptest::collection::vec(gap(), 1..100)) {
        let mut thread = Thread::new();
        for gap in gaps {
            let before = thread.burnt;
            thread.gaps([gap]);
            // A trial is for as long as ten wake-ups; what is found can make the usual bound fifteen at most.
            prop_assert!(thread.burnt - before <= WAKE_COST * 5 * SPIN_MAX + ROUND);
        }
    }

    /// However gaps come, the rule is not far from the better of the two: always to spin up to the bound, and always to sleep.
    #[test]
    fn the_rule_is_not_much_worse_than_the_better_of_both(
        pieces in proptest::collection::vec((gap(), 1usize..40), 1..20),
    ) {
        let gaps: Vec<Duration> = pieces.iter().flat_map(|(gap, count)| vec![*gap; *count]).collect();
        let mut thread = Thread::new();
        thread.gaps(gaps.iter().copied());
        let longest = WAKE_COST * SPIN_MAX;
        let spinning: Duration = gaps.iter().map(|gap| if *gap <= longest { *gap } else { longest + WAKE_COST }).sum();
        let sleeping = WAKE_COST * gaps.len() as u32;
        let cost = thread.burnt + thread.late;
        // What it takes to learn is paid for each change of how gaps come.
        let learning = longest * 4 * (pieces.len() as u32 + 1);
        prop_assert!(cost <= spinning.min(sleeping) * 3 + learning, "{cost:?} {spinning:?} {sleeping:?}");
    }

    /// From any past, a pair whose work is short stops sleeping, and a thread to which nothing comes stops spinning.
    #[test]
    fn the_past_does_not_matter_for_long(
        pasts in [proptest::collection::vec(gap(), 0..30), proptest::collection::vec(gap(), 0..30)],
        wake in 5u64..55,
        work in [1u64..20, 1u64..25],
    ) {
        let threads = pasts.map(|past| {
            let mut thread = Thread::new();
            thread.gaps(past);
            thread.now = Duration::ZERO;
            thread
        });
        let sleeps = sleeps_of_pair(threads, work.map(Duration::from_micros), Duration::from_micros(wake), 60, 30);
        prop_assert_eq!(sleeps, 0);
    }

    #[test]
    fn nothing_is_burnt_where_nothing_comes(past in proptest::collection::vec(gap(), 0..50), pause_ms in 1u64..1000) {
        let mut thread = Thread::new();
        thread.gaps(past);
        let pause = Duration::from_millis(pause_ms);
        thread.gaps(vec![pause; 5]);
        let before = thread.burnt;
        thread.gaps(vec![pause; 100]);
        prop_assert_eq!(thread.burnt, before);
    }
}
