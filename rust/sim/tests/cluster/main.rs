//! A whole cluster with its clients in one thread: several engines as they are, with their control ports, targets, replicas of the
//! metadata, membership and services, over simulated media, fabric and clocks. One seed decides everything.
//!
//! `DAOS_SIM_SEED=N cargo nextest run -p daos-sim --test cluster a_seed` replays a seed; with `DAOS_SIM_LOG=1` it tells what happens.

mod actor;
mod deaths;
mod faults;
mod history;
mod machine;
mod snapshots;
mod stops;
mod story;
mod transactions;
mod world;

use actor::Shared;
use daos_env::{Clock, Executor, Random};
use daos_sim::QuickHasher;
use daos_testkit::seeds::variable;
use faults::Faults;
use std::any::Any;
use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;
use story::{Conductor, Plan, Planted};
use world::{Shape, Tally, World};

/// Turns that a seed may take: one that takes more stands still in a circle.
const TURNS_MAX: u64 = 20_000_000;
/// Simulated time that it may take.
const TIME_MAX: Duration = Duration::from_secs(3000);

/// Seeds from here on have more kinds of faults, and pools that come and go. Those before stay as they were when they were found.
const FIRST_WITH_MORE: u64 = 1_000_000_000_000;

/// Seeds from here on have snapshots, too.
const FIRST_WITH_SNAPSHOTS: u64 = 10_000_000_000_000;

/// Seeds from here on have transactions, too.
const FIRST_WITH_TRANSACTIONS: u64 = 20_000_000_000_000;

/// Seeds from here on have rollbacks, too.
const FIRST_WITH_ROLLBACKS: u64 = 30_000_000_000_000;

/// In some of the seeds from here on, an administrator stops ranks and starts them, too.
const FIRST_WITH_ORDERS: u64 = 40_000_000_000_000;

/// In some of the seeds from here on, an administrator excludes ranks and lets them back, too, and what is away stays so for longer sometimes.
const FIRST_WITH_EXCLUSIONS: u64 = 50_000_000_000_000;

/// Seeds that have shown a defect, beside the first ones: see `docs/cluster.md`.
const FOUND: &[u64] = &[
    1001,
    1278,
    1290,
    1189,
    1749,
    1261,
    103119,
    102456,
    103457,
    102937,
    103667,
    300610,
    300767,
    401213,
    401410,
    401678,
    2026112942,
    186021132656,
    2026112600165,
    2026112600826,
    2026112705270,
    2026112707538,
    2026112712972,
    2026112714113,
    2026112725300,
    2026112725795,
    2026112801915,
    2026113128751,
    2026113137393,
    2026114003112,
    2026114032605,
    2026115015104,
    2026115038120,
    20000000100059,
    20000000100595,
    20000000101323,
    20000000101835,
    20000000102622,
    30000000100110,
    30000000100238,
    30000001018420,
    30000001033916,
    30000001047638,
    30000005007472,
    30000006001819,
    30000006007238,
    40000000000002,
    40000001024474,
    50000002000364,
    50000003024737,
];

/// What became of a seed.
#[derive(Clone, Debug)]
struct Outcome {
    tally: Tally,
    fingerprint: u64,
    violations: Vec<String>,
}

fn run(seed: u64) -> Outcome {
    let has_more = seed >= FIRST_WITH_MORE;
    let choices = World::new(seed ^ 0x5eed, Shape::new(1, 1, 1));
    let engines = 1 + choices.below(4).min(2);
    let replicas = if engines == 3 && choices.below(2) == 0 { 3 } else { 1 };
    let mut shape = Shape::new(engines, replicas, 1 + choices.below(3) as u32 / 2);
    let mut faults = Faults::choose(&choices, has_more);
    faults.has_late_engine &= engines > 1;
    shape.has_late_engine = faults.has_late_engine;
    shape.has_pools = has_more && choices.below(3) == 0;
    shape.has_snapshots = seed >= FIRST_WITH_SNAPSHOTS;
    shape.has_transactions = seed >= FIRST_WITH_TRANSACTIONS;
    shape.has_rollbacks = seed >= FIRST_WITH_ROLLBACKS;
    faults.has_orders = seed >= FIRST_WITH_ORDERS && faults.any() && choices.below(2) == 0;
    shape.has_long_absences = seed >= FIRST_WITH_EXCLUSIONS;
    faults.has_exclusions = seed >= FIRST_WITH_EXCLUSIONS && faults.any() && choices.below(2) == 0;
    run_with(seed, shape, faults, None)
}

fn run_with(seed: u64, shape: Shape, faults: Faults, planted: Option<Planted>) -> Outcome {
    let world = World::new(seed, shape);
    let shared = Shared::new(world.clone());
    let conductor = Executor::new(world.base.clone(), Duration::ZERO).expect("eventfd");
    let lead = Conductor { world: world.clone(), shared: shared.clone(), spawner: conductor.spawner().clone() };
    let is_done = Rc::new(Cell::new(false));
    let done = is_done.clone();
    let plan = Plan { planted, ..Plan::new(&world, faults) };
    conductor.spawner().spawn(async move {
        lead.lead(plan).await;
        done.set(true);
    });
    let begin = world.now();
    drive(&world, &conductor, &is_done);
    world.violations.borrow_mut().extend(world.fabric.violations());
    let (wrong, unknown) = shared.history.borrow().check();
    world.violations.borrow_mut().extend(wrong);
    let mut hasher = QuickHasher::default();
    (world.fabric.fingerprint(), shared.history.borrow().fingerprint(), world.now()).hash(&mut hasher);
    world.engines().iter().for_each(|machine| (machine.media.persists(), machine.media.calls()).hash(&mut hasher));
    let mut tally = *world.tally.borrow();
    tally.unknown_checks = unknown;
    tally.virtual_seconds = (world.now() - begin).as_secs();
    // Everything holds everything else.
    drop(conductor);
    world.dissolve();
    let violations = world.violations.take();
    Outcome { tally, fingerprint: hasher.finish(), violations }
}

/// Lets everything happen until it is done, or for too long.
fn drive(world: &World, conductor: &Executor, is_done: &Cell<bool>) {
    let begin = world.now();
    while !is_done.get() {
        let busy = conductor.run_once();
        if is_done.get() {
            break;
        }
        let goes_on = world.turn(busy, conductor.next_timer());
        if !goes_on || world.now() - begin > TIME_MAX || world.tally.borrow().turns > TURNS_MAX {
            world.violate("the cluster stands still, or goes round in circles".to_owned());
            break;
        }
    }
}

/// As [`run`], when something panics, too.
fn outcome(seed: u64) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| run(seed))).unwrap_or_else(|panic| Outcome {
        tally: Tally::default(),
        fingerprint: 0,
        violations: vec![format!("a panic: {}", text_of(&*panic))],
    })
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".to_owned())
}

/// Runs seeds one after the other, and tells of each that is wrong how to have it again.
fn run_all(seeds: impl Iterator<Item = u64>) -> (u64, Tally, Vec<u64>) {
    let (mut count, mut sum, mut wrong) = (0, Tally::default(), Vec::new());
    for seed in seeds {
        let outcome = outcome(seed);
        count += 1;
        sum.add(&outcome.tally);
        if !outcome.violations.is_empty() {
            wrong.push(seed);
            println!("violation: DAOS_SIM_SEED={seed} cargo nextest run -p daos-sim --test cluster a_seed");
            outcome.violations.iter().for_each(|sentence| println!("  {sentence}"));
        }
    }
    (count, sum, wrong)
}

fn quiet() {
    let most = variable("DAOS_SIM_LOG", 0);
    daos_env::set_log_sink(move |level, area, message| {
        if most > 0 && (level <= daos_env::LogLevel::Info || most > 1) {
            eprintln!("{level:?} {area}: {message}");
        }
    });
}

/// The seed of `DAOS_SIM_SEED`, and by default one that every run has.
#[test]
fn a_seed_of_the_environment_has_no_violation() {
    quiet();
    let seed = variable("DAOS_SIM_SEED", 1);
    let outcome = run(seed);
    println!("{:?}", outcome.tally);
    assert!(outcome.violations.is_empty(), "DAOS_SIM_SEED={seed}: {:#?}", outcome.violations);
}

#[test]
fn seeds_that_showed_defects_have_no_violation() {
    quiet();
    let (count, sum, wrong) = run_all(FOUND.iter().copied());
    println!("{count} seeds: {sum:?}");
    assert!(wrong.is_empty(), "seeds {wrong:?}");
}

#[test]
fn fixed_seeds_have_no_violation() {
    quiet();
    let (first, count) = (variable("DAOS_SIM_FIRST_SEED", 1), variable("DAOS_SIM_SEEDS", 60));
    let (count, sum, wrong) = run_all(first..first + count);
    println!("{count} seeds: {sum:?}");
    assert!(wrong.is_empty(), "seeds {wrong:?}");
}

#[test]
fn seeds_with_snapshots_have_no_violation() {
    quiet();
    let (first, count) = (variable("DAOS_SIM_FIRST_SEED", FIRST_WITH_SNAPSHOTS), variable("DAOS_SIM_SEEDS", 20));
    let (count, sum, wrong) = run_all(first..first + count);
    println!("{count} seeds: {sum:?}");
    assert!(wrong.is_empty(), "seeds {wrong:?}");
    assert!(sum.snapshots > 0 && sum.snapshot_reads > sum.snapshots, "{sum:?}");
}

#[test]
fn seeds_with_transactions_have_no_violation() {
    quiet();
    let (first, count) = (variable("DAOS_SIM_FIRST_SEED", FIRST_WITH_TRANSACTIONS), variable("DAOS_SIM_SEEDS", 20));
    let (count, sum, wrong) = run_all(first..first + count);
    println!("{count} seeds: {sum:?}");
    assert!(wrong.is_empty(), "seeds {wrong:?}");
    assert!(sum.transactions > 0 && sum.transaction_restarts > 0, "{sum:?}");
}

#[test]
fn seeds_with_rollbacks_have_no_violation() {
    quiet();
    let (first, count) = (variable("DAOS_SIM_FIRST_SEED", FIRST_WITH_ROLLBACKS), variable("DAOS_SIM_SEEDS", 20));
    let (count, sum, wrong) = run_all(first..first + count);
    println!("{count} seeds: {sum:?}");
    assert!(wrong.is_empty(), "seeds {wrong:?}");
    assert!(sum.rollbacks > 0, "{sum:?}");
}

#[test]
fn seeds_with_orders_have_no_violation() {
    quiet();
    let (first, count) = (variable("DAOS_SIM_FIRST_SEED", FIRST_WITH_ORDERS), variable("DAOS_SIM_SEEDS", 10));
    let (count, sum, wrong) = run_all(first..first + count);
    println!("{count} seeds: {sum:?}");
    assert!(wrong.is_empty(), "seeds {wrong:?}");
    assert!(sum.orders > 0, "{sum:?}");
}

#[test]
fn seeds_with_exclusions_have_no_violation() {
    quiet();
    let (first, count) = (variable("DAOS_SIM_FIRST_SEED", FIRST_WITH_EXCLUSIONS), variable("DAOS_SIM_SEEDS", 10));
    let (count, sum, wrong) = run_all(first..first + count);
    println!("{count} seeds: {sum:?}");
    assert!(wrong.is_empty(), "seeds {wrong:?}");
    assert!(sum.exclusions > 0, "{sum:?}");
}

/// That ranks stop was noted before they did, and a snapshot that was made in between did not ask them: what they had acknowledged with clocks that
/// were ahead was missing from it.
#[test]
fn a_snapshot_has_what_ranks_acknowledged_that_are_being_stopped() {
    quiet();
    for seed in 1..=5 {
        let world = World::new(seed, Shape::new(2, 1, 1));
        lead(&world, |conductor| conductor.lead_through_a_stop());
        assert_eq!(*world.violations.borrow(), Vec::<String>::new(), "seed {seed}");
    }
}

/// Questions to the metadata service that were under way when it was stopped were answered by nobody: who wanted something of ranks at that moment
/// waited for two and a half minutes.
#[test]
fn who_wants_something_of_ranks_while_the_system_stops_is_answered() {
    quiet();
    for seed in 1..=3 {
        let world = World::new(seed, Shape::new(1, 1, 1));
        lead(&world, |conductor| conductor.lead_through_a_stop_with_others());
        assert_eq!(*world.violations.borrow(), Vec::<String>::new(), "seed {seed}");
    }
}

/// While operations were gone through, one of them stopped the metadata service, and those that came after it were not found by what refused
/// their questions.
#[test]
fn who_wants_a_rank_back_while_the_system_stops_is_answered() {
    quiet();
    for (seed, after) in (1..=8).flat_map(|seed| [1500, 1750, 2000].map(|after| (seed, Duration::from_micros(after)))) {
        let world = World::new(seed, Shape::new(2, 1, 1));
        lead(&world, |conductor| conductor.lead_through_a_stop_with_one_excluded(after));
        assert_eq!(*world.violations.borrow(), Vec::<String>::new(), "seed {seed}, after {after:?}");
    }
}

/// A client that had lost its connection to the metadata service did not look any more what had become of the other engines: a call to one that had
/// been killed within two seconds before the engine that led lasted all of its minute.
#[test]
fn a_call_ends_soon_when_its_engine_is_killed_and_then_the_leader() {
    quiet();
    for seed in 1..=5 {
        let world = World::new(seed, Shape::new(4, 3, 1));
        lead(&world, |conductor| conductor.lead_through_two_deaths());
        assert_eq!(*world.violations.borrow(), Vec::<String>::new(), "seed {seed}");
    }
}

#[test]
fn a_client_has_the_service_led_by_another_engine() {
    quiet();
    for seed in 1..=5 {
        let world = World::new(seed, Shape::new(3, 3, 1));
        lead(&world, |conductor| conductor.lead_elsewhere());
        assert_eq!(*world.violations.borrow(), Vec::<String>::new(), "seed {seed}");
    }
}

/// Lets a story of its own happen in a world.
fn lead<F: Future<Output = ()> + 'static>(world: &Rc<World>, story: impl FnOnce(Conductor) -> F) {
    let shared = Shared::new(world.clone());
    let conductor = Executor::new(world.base.clone(), Duration::ZERO).expect("eventfd");
    let lead = Conductor { world: world.clone(), shared, spawner: conductor.spawner().clone() };
    let is_done = Rc::new(Cell::new(false));
    let (done, story) = (is_done.clone(), story(lead));
    conductor.spawner().spawn(async move {
        story.await;
        done.set(true);
    });
    drive(world, &conductor, &is_done);
    drop(conductor);
    world.dissolve();
}

/// A transaction that reads at a target whose clock is seconds behind, and writes where somebody has just read, began again at an epoch of the late
/// clock each time, and was refused for seconds.
#[test]
fn transactions_end_soon_though_clocks_differ() {
    quiet();
    let world = World::new(5, Shape::new(2, 1, 2));
    lead(&world, |conductor| conductor.lead_across_clocks());
    assert!(world.tally.borrow().transaction_restarts > 0, "the clocks are in nobody's way");
    assert_eq!(*world.violations.borrow(), Vec::<String>::new());
}

/// Seeds that nobody has run before, for a minute or for `DAOS_SIM_SECONDS`.
#[test]
fn fresh_seeds_have_no_violation() {
    quiet();
    let seconds = variable("DAOS_SIM_SECONDS", 60);
    let clock = daos_env::SystemClock;
    let end = clock.monotonic() + Duration::from_secs(seconds);
    let first = variable("DAOS_SIM_FIRST_SEED", FIRST_WITH_EXCLUSIONS + (daos_env::SystemRandom.next_u64() >> 24));
    let (count, sum, wrong) = run_all((first..).take_while(|_| clock.monotonic() < end));
    println!("{count} seeds from {first}: {sum:?}");
    assert!(wrong.is_empty(), "seeds {wrong:?}");
}

/// What is found when something wrong is planted, at the latest after so many seeds.
fn planted_is_found(planted: Planted, faults: Faults, seeds: u64, sentence: &str) {
    quiet();
    let shape = Shape::new(2, 1, 1);
    let mut found = (1..=seeds).flat_map(|seed| run_with(seed, shape, faults, Some(planted)).violations);
    assert!(found.any(|violation| violation.contains(sentence)), "{planted:?} is not found");
}

#[test]
fn what_is_acknowledged_and_lost_is_found() {
    let faults = Faults { has_power_cuts: true, ..Faults::default() };
    // Values are missing, or so much that an engine cannot start any more.
    planted_is_found(Planted::LyingDevices, faults, 20, "");
}

#[test]
fn a_handle_that_stays_is_found() {
    planted_is_found(Planted::OpenHandle, Faults::default(), 1, "no handle is left: not after");
}

#[test]
fn space_that_stays_taken_is_found() {
    planted_is_found(Planted::ForgottenContainer, Faults::default(), 1, "the space of what was destroyed is free: not");
}

#[test]
fn a_system_that_stands_still_is_found() {
    planted_is_found(Planted::LastingCut, Faults::default(), 1, "not after");
}

#[test]
fn the_same_seed_has_the_same_trace() {
    quiet();
    for seed in [3, 4, 5] {
        let (one, other) = (run(seed), run(seed));
        assert_eq!(one.fingerprint, other.fingerprint, "seed {seed}");
        assert_eq!(one.tally, other.tally, "seed {seed}");
    }
    assert_ne!(run(3).fingerprint, run(4).fingerprint);
}
