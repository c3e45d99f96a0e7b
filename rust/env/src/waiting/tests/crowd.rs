//! More threads than cores, in virtual time: a client that asks several targets in turn, and programs that want the processor for
//! themselves.

use super::super::*;
use std::collections::VecDeque;

const TICK: Duration = Duration::from_nanos(500);
/// A tenth of a second.
const TICKS: u64 = 200_000;
/// Ticks that a thread may run for before another one that is ready gets the core: three milliseconds, as Linux has it.
const SLICE: u32 = 6000;
/// Ticks of work for a request, and for what is done with a reply.
const WORK: u32 = 6;
/// Ticks until a thread that is woken is ready.
const WAKE: u64 = 60;

struct Thread {
    waiting: Waiting,
    messages: u32,
    work: u32,
    asleep: bool,
    slept: bool,
    /// A program that computes, and never waits.
    computes: bool,
    ran: u64,
}

/// Cores with a queue of ready threads, as plain as a scheduler can be. Thread 0 is the client, then come targets and programs.
struct Machine {
    threads: Vec<Thread>,
    targets: usize,
    cores: Vec<Option<(usize, u32)>>,
    ready: VecDeque<usize>,
    /// Threads that are being woken, with the tick when they are ready.
    waking: VecDeque<(u64, usize)>,
    tick: u64,
    calls: u64,
}

impl Machine {
    fn new(cores: usize, targets: usize, programs: usize) -> Machine {
        let thread = |number| Thread {
            waiting: Waiting::new(WAKE_COST),
            messages: u32::from(number == 0),
            work: 0,
            asleep: false,
            slept: false,
            computes: number > targets,
            ran: 0,
        };
        let threads: Vec<Thread> = (0..=targets + programs).map(thread).collect();
        let ready = (0..threads.len()).collect();
        Machine { threads, targets, cores: vec![None; cores], ready, waking: VecDeque::new(), tick: 0, calls: 0 }
    }

    fn send(&mut self, to: usize) {
        self.threads[to].messages += 1;
        if std::mem::take(&mut self.threads[to].asleep) {
            self.waking.push_back((self.tick + WAKE, to));
        }
    }

    /// One round of a thread on a core, and what it does then.
    fn round(&mut self, number: usize) -> Rest {
        let now = TICK * self.tick as u32;
        let thread = &mut self.threads[number];
        thread.ran += 1;
        if std::mem::take(&mut thread.slept) {
            thread.waiting.woke(now);
        }
        if thread.computes {
            return Rest::Spin;
        }
        if thread.work == 0 {
            if thread.messages == 0 {
                return thread.waiting.nothing(now);
            }
            thread.messages -= 1;
            thread.work = WORK;
        }
        thread.waiting.event();
        thread.work -= 1;
        if thread.work == 0 {
            let to = if number == 0 { 1 + self.calls as usize % self.targets } else { 0 };
            self.calls += u64::from(number == 0);
            self.send(to);
        }
        Rest::Spin
    }

    fn step(&mut self) {
        while let Some((_, number)) = self.waking.pop_front_if(|(at, _)| *at <= self.tick) {
            // Who slept is preferred to those that run, unless nobody is.
            self.ready.push_front(number);
        }
        for core in 0..self.cores.len() {
            let next = self.cores[core].take().or_else(|| self.ready.pop_front().map(|number| (number, 0)));
            let Some((number, ran)) = next else { continue };
            match self.round(number) {
                Rest::Sleep => (self.threads[number].asleep, self.threads[number].slept) = (true, true),
                Rest::Yield if !self.ready.is_empty() => self.ready.push_back(number),
                _ if ran >= SLICE && !self.ready.is_empty() => self.ready.push_back(number),
                _ => self.cores[core] = Some((number, ran + 1)),
            }
        }
        self.tick += 1;
    }

    /// Calls a second, once everybody knows how it goes.
    fn calls_per_second(&mut self) -> u64 {
        (0..TICKS).for_each(|_| self.step());
        let before = self.calls;
        (0..TICKS).for_each(|_| self.step());

        (self.calls - before) * 10
    }
}

#[test]
fn two_cores_are_enough_for_a_client_and_any_number_of_targets() {
    for targets in [1, 2, 3, 16] {
        let calls = Machine::new(2, targets, 0).calls_per_second();
        // A call takes six microseconds of work. Without yielding, three threads make 12,000.
        assert!(calls > 25_000, "{targets} targets: {calls} calls a second");
    }
}

#[test]
fn a_pair_with_a_core_each_makes_as_many_calls_as_it_can() {
    let mut machine = Machine::new(2, 1, 0);
    let calls = machine.calls_per_second();
    assert!(calls > 120_000, "{calls} calls a second");
    assert_eq!(machine.threads[0].waiting.statistics().sleeps, 0);
}

/// A scheduler may keep two threads that are always ready on one core for a while. They spun for ten microseconds before they let each other run: 27
/// microseconds for a call of 64 bytes, of which the work is 5.
#[test]
fn a_pair_on_one_core_does_not_spin_in_turns() {
    let calls = Machine::new(1, 1, 0).calls_per_second();
    assert!(calls > 100_000, "{calls} calls a second");
}

/// Where others compute, spinning only uses up the own share: nobody is kept from work by threads that wait.
#[test]
fn threads_that_wait_leave_the_cores_to_those_that_compute() {
    let mut machine = Machine::new(2, 2, 3);
    machine.calls_per_second();
    let computed: u64 = machine.threads[3..].iter().map(|thread| thread.ran).sum();
    let share = computed as f64 / (4 * TICKS) as f64;
    assert!(share > 0.9, "{share}");
}
