//! Whole systems of members in one thread: a seed decides whom they ask, and what is lost, how late things come, who is paused or
//! killed, and where the network is cut. A failure prints the seed; the same seed gives the same trace.

use daos_membership::{Event, Member, Membership, MembershipSettings};
use daos_types::Rank;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit.max(1)
    }
}

/// Milliseconds, so that runs are easy to read.
type Time = u64;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Message { from: usize, to: usize, bytes: Vec<u8> },
    Wake(usize),
}

struct Node {
    member: Option<Membership>,
    paused: bool,
    /// What came while it was paused.
    waiting: Vec<Vec<u8>>,
    wake_at: Time,
    sent: u64,
    /// Who it thinks lives, by the events that it gave.
    alive: BTreeMap<Rank, u64>,
    events: Vec<(Time, Event)>,
}

struct World {
    now: Time,
    order: u64,
    random: Random,
    queue: BinaryHeap<Reverse<(Time, u64, What)>>,
    nodes: Vec<Node>,
    loss_percent: u64,
    delay: (Time, Time),
    /// Ranks of one number hear each other.
    islands: Vec<u32>,
}

fn duration(time: Time) -> Duration {
    Duration::from_millis(time)
}

impl World {
    fn new(count: usize, seed: u64) -> World {
        let mut world = World {
            now: 0,
            order: 0,
            random: Random(seed | 1),
            queue: BinaryHeap::new(),
            nodes: Vec::new(),
            loss_percent: 0,
            delay: (1, 5),
            islands: vec![0; count],
        };
        for number in 0..count {
            world.nodes.push(Node {
                member: None,
                paused: false,
                waiting: Vec::new(),
                wake_at: Time::MAX,
                sent: 0,
                alive: BTreeMap::new(),
                events: Vec::new(),
            });
            world.start(number, 1);
        }
        world
    }

    /// Starts a member, which meets the first ones.
    fn start(&mut self, number: usize, incarnation: u64) {
        let own = Member { rank: Rank(number as u32), incarnation };
        let seed = self.random.next();
        let mut member = Membership::new(own, &MembershipSettings::default(), seed, duration(self.now));
        let first: Vec<Member> =
            (0..3.min(number as u32)).map(|rank| Member { rank: Rank(rank), incarnation: 1 }).collect();
        member.meet(duration(self.now), &first).expect("there is room");
        self.nodes[number].member = Some(member);
        self.nodes[number].alive.clear();
        self.take(number);
    }

    fn push(&mut self, at: Time, what: What) {
        self.order += 1;
        self.queue.push(Reverse((at, self.order, what)));
    }

    /// Takes what a member has to say.
    fn take(&mut self, number: usize) {
        let Some(mut member) = self.nodes[number].member.take() else { return };
        while let Some(event) = member.take_event() {
            let node = &mut self.nodes[number];
            node.events.push((self.now, event));
            match event {
                Event::Alive(other) => {
                    node.alive.insert(other.rank, other.incarnation);
                }
                Event::Dead(other) => {
                    node.alive.remove(&other.rank);
                }
                Event::Excluded(_) | Event::Overtaken(_) => {}
            }
        }
        while let Some(message) = member.take_message() {
            self.nodes[number].sent += 1;
            let to = message.to.0 as usize;
            let reaches = to < self.nodes.len() && self.islands[to] == self.islands[number];
            if reaches && self.random.below(100) >= self.loss_percent {
                let delay = self.delay.0 + self.random.below(self.delay.1 - self.delay.0 + 1);
                self.push(self.now + delay, What::Message { from: number, to, bytes: message.bytes });
            }
        }
        let at = self.now + (member.next_due().as_millis() as Time).max(1);
        if at != self.nodes[number].wake_at {
            self.nodes[number].wake_at = at;
            self.push(at, What::Wake(number));
        }
        self.nodes[number].member = Some(member);
    }

    fn run(&mut self, until: Time) {
        while self.queue.peek().is_some_and(|Reverse((at, _, _))| *at <= until) {
            let Some(Reverse((at, _, what))) = self.queue.pop() else { break };
            self.now = at;
            let (number, bytes) = match what {
                What::Message { to, bytes, .. } => (to, Some(bytes)),
                What::Wake(number) => (number, None),
            };
            let node = &mut self.nodes[number];
            let Some(member) = &mut node.member else { continue };
            match bytes {
                Some(bytes) if node.paused => node.waiting.push(bytes),
                Some(bytes) => member.receive(duration(at), &bytes).expect("members send sense"),
                None if node.paused || node.wake_at != at => continue,
                None => {
                    node.wake_at = Time::MAX;
                    member.tick(duration(at));
                }
            }
            self.take(number);
        }
        self.now = until;
    }

    fn pause(&mut self, number: usize) {
        self.nodes[number].paused = true;
    }

    /// A paused process goes on: its timers are all late, and what came is in its socket.
    fn resume(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        node.paused = false;
        let waiting = std::mem::take(&mut node.waiting);
        if let Some(member) = &mut node.member {
            member.tick(duration(self.now));
            for bytes in waiting {
                member.receive(duration(self.now), &bytes).expect("members send sense");
            }
        }
        self.take(number);
    }

    fn kill(&mut self, number: usize) {
        self.nodes[number].member = None;
    }

    /// Whether every living member knows all the others to live, in the life that they are in, and nobody else.
    fn agrees(&self) -> bool {
        let living: BTreeSet<Member> =
            self.nodes.iter().filter_map(|node| node.member.as_ref().map(Membership::own)).collect();
        self.nodes.iter().filter(|node| node.member.is_some()).all(|node| {
            let own = node.member.as_ref().map(Membership::own);
            let others: BTreeSet<Member> = living.iter().copied().filter(|member| Some(*member) != own).collect();
            let known: BTreeSet<Member> = node.member.as_ref().map(Membership::members).into_iter().flatten().collect();
            let told: BTreeSet<Member> = node
                .alive
                .iter()
                .map(|(rank, incarnation)| Member { rank: *rank, incarnation: *incarnation })
                .collect();
            known == others && told == others
        })
    }

    fn run_until_agreed(&mut self, within: Time, what: &str) {
        let end = self.now + within;
        while !self.agrees() {
            assert!(self.now < end, "{what}: no agreement within {within} ms{}", self.opinions());
            self.run(self.now + 100);
        }
    }

    fn opinions(&self) -> String {
        let living = self.nodes.iter().filter_map(|node| Some((node.member.as_ref()?, &node.alive)));
        let short = |member: &Member| format!("{}.{}", member.rank.0, member.incarnation);
        living
            .map(|(member, told)| {
                let known: Vec<String> = member.members().iter().map(short).collect();
                let told: Vec<String> = told.iter().map(|(rank, life)| format!("{}.{life}", rank.0)).collect();
                format!("\n{} knows {known:?}, was told {told:?}", short(&member.own()))
            })
            .collect()
    }

    fn deaths(&self) -> Vec<(Time, usize, Member)> {
        let each = self.nodes.iter().enumerate();
        each.flat_map(|(number, node)| {
            node.events.iter().filter_map(move |(at, event)| match event {
                Event::Dead(member) => Some((*at, number, *member)),
                _ => None,
            })
        })
        .collect()
    }
}

fn seeds(count: u64) -> impl Iterator<Item = u64> {
    (1..=count).map(|seed| seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

#[test]
fn members_find_each_other() {
    for (seed, count) in seeds(20).zip([2, 3, 5, 8, 16, 40].into_iter().cycle()) {
        let mut world = World::new(count, seed);
        world.run_until_agreed(40_000, &format!("seed {seed} of {count}"));
        world.run(world.now + 60_000);
        assert!(world.agrees() && world.deaths().is_empty(), "seed {seed}: {:?}", world.deaths());
    }
}

#[test]
fn loss_and_delay_kill_nobody() {
    for (seed, count) in seeds(12).zip([3, 5, 12].into_iter().cycle()) {
        let mut world = World::new(count, seed);
        world.run_until_agreed(40_000, "start");
        (world.loss_percent, world.delay) = (10, (1, 120));
        world.run(world.now + 120_000);
        let excluded =
            world.nodes.iter().flat_map(|node| &node.events).any(|(_, event)| matches!(event, Event::Excluded(_)));
        assert!(world.deaths().is_empty() && !excluded, "seed {seed} of {count}: {:?}", world.deaths());
    }
}

#[test]
fn a_killed_member_is_found_dead_by_all() {
    for (seed, count) in seeds(20).zip([3, 5, 8, 20].into_iter().cycle()) {
        let mut world = World::new(count, seed);
        world.run_until_agreed(40_000, "start");
        world.loss_percent = seed % 10;
        let victim = world.random.below(count as u64) as usize;
        world.kill(victim);
        let died = world.now;
        // A round of questions until somebody asks it, the suspicion, and the word going round.
        let within = 1000 * count as Time + 5_000 + 10_000;
        world.run_until_agreed(within, &format!("seed {seed}: {victim} of {count}"));
        assert!(world.deaths().iter().all(|(at, _, member)| member.rank.0 == victim as u32 && *at > died + 4_000));
        // Its next life is known to be one.
        world.start(victim, 2);
        world.run_until_agreed(20_000, &format!("seed {seed}: {victim} of {count} came back"));
    }
}

/// A rank of which nothing but its number is known is met by a greeting.
#[test]
fn a_greeting_is_enough() {
    let mut world = World::new(3, 5);
    world.run_until_agreed(40_000, "start");
    world.kill(2);
    world.run_until_agreed(60_000, "killed");
    let own = Member { rank: Rank(2), incarnation: 77 };
    let mut member = Membership::new(own, &MembershipSettings::default(), 3, duration(world.now));
    member.greet(duration(world.now), Rank(1)).expect("it knows nobody");
    member.greet(duration(world.now), Rank(99)).expect("nobody hears that");
    world.nodes[2].member = Some(member);
    world.nodes[2].alive.clear();
    world.take(2);
    world.run_until_agreed(5_000, "greeted");
}

#[test]
fn a_restart_before_anybody_noticed_is_a_new_life() {
    for seed in seeds(10) {
        let mut world = World::new(4, seed);
        world.run_until_agreed(40_000, "start");
        world.kill(2);
        world.start(2, 7);
        world.run_until_agreed(10_000, &format!("seed {seed}"));
        let told = world.nodes[0].alive.get(&Rank(2));
        assert_eq!(told, Some(&7));
    }
}

/// A new life whose calendar has gone back by 9 s begins with a lesser reading than the life before, which the others know, alive or dead.
/// It finds its way back, with few messages: how far the calendar has gone back does not matter.
#[test]
fn a_calendar_that_has_gone_back_costs_few_messages() {
    const READING: u64 = 1_790_000_000_000_000_000;
    for (seed, (count, away)) in seeds(30).zip([(2, 0), (3, 0), (3, 30_000), (5, 200), (8, 20_000)].into_iter().cycle())
    {
        let mut world = World::new(count, seed);
        world.run_until_agreed(40_000, "start");
        let victim = world.random.below(count as u64) as usize;
        world.kill(victim);
        world.start(victim, READING);
        world.run_until_agreed(20_000, &format!("seed {seed}: the life before, of {count}"));
        world.kill(victim);
        world.run(world.now + away);
        let sent = |world: &World| world.nodes.iter().map(|node| node.sent).sum::<u64>();
        let (before, begun) = (sent(&world), world.now);
        world.start(victim, READING - 9_000_000_000);
        for other in 0..count as u32 {
            // As an engine does that has joined.
            if other != victim as u32 {
                let member = world.nodes[victim].member.as_mut().expect("it lives");
                member.greet(duration(begun), Rank(other)).expect("is greeted");
            }
        }
        world.take(victim);
        for _ in 0..200 {
            world.run(world.now + 50);
            let (spent, seconds) = (sent(&world) - before, 1 + (world.now - begun) / 1000);
            assert!(spent <= 40 * count as u64 * seconds, "seed {seed} of {count}: {spent} messages in {seconds} s");
        }
        world.run_until_agreed(20_000, &format!("seed {seed}: {victim} of {count}, away for {away} ms"));
        let own = world.nodes[victim].member.as_ref().map(Membership::own);
        assert!(own.is_some_and(|own| own.incarnation > READING), "seed {seed}: {own:?}");
    }
}

/// Whoever claims to come from the last of all lives does not make this one the last.
#[test]
fn a_life_that_no_calendar_shows_is_not_believed() {
    for incarnation in [1 << 63, u64::MAX] {
        let (own, later) = (Member { rank: Rank(1), incarnation: 5 }, Member { rank: Rank(1), incarnation });
        let mut other =
            Membership::new(Member { rank: Rank(2), incarnation: 5 }, &MembershipSettings::default(), 1, duration(0));
        other.meet(duration(0), &[later]).expect("there is room");
        let mut member = Membership::new(own, &MembershipSettings::default(), 2, duration(0));
        while let Some(message) = other.take_message() {
            member.receive(duration(0), &message.bytes).expect("a message");
        }
        assert_eq!(member.own(), own);
    }
}

/// A process that is stopped and goes on (SIGSTOP): briefly, and nobody takes it for dead; for long, and it comes back by itself, told
/// that it was taken for dead; it takes nobody else for dead for not having heard of them.
#[test]
fn a_paused_member_comes_back() {
    for (seed, (count, pause)) in
        seeds(30).zip([(3, 2_000), (3, 30_000), (5, 60_000), (9, 15_000), (5, 1_000)].into_iter().cycle())
    {
        let mut world = World::new(count, seed);
        world.run_until_agreed(40_000, "start");
        let paused = world.random.below(count as u64) as usize;
        world.pause(paused);
        world.run(world.now + pause);
        world.resume(paused);
        world.run_until_agreed(30_000, &format!("seed {seed}: {paused} of {count} for {pause} ms"));
        let others_died = world.deaths().iter().any(|(_, _, member)| member.rank.0 != paused as u32);
        assert!(!others_died, "seed {seed}: {:?}", world.deaths());
        let was_told = world.nodes[paused].events.iter().any(|(_, event)| matches!(event, Event::Excluded(_)));
        assert_eq!(was_told, !world.deaths().is_empty(), "seed {seed}");
        if pause <= 2_000 {
            assert!(world.deaths().is_empty(), "seed {seed}: {:?}", world.deaths());
        }
        if pause >= 30_000 {
            assert!(was_told, "seed {seed}");
        }
    }
}

#[test]
fn a_network_that_was_cut_heals() {
    for (seed, (left, count)) in seeds(20).zip([(1, 3), (2, 5), (3, 6), (1, 2), (4, 12)].into_iter().cycle()) {
        let mut world = World::new(count, seed);
        world.run_until_agreed(40_000, "start");
        for number in 0..left {
            world.islands[number] = 1;
        }
        world.run(world.now + 60_000);
        assert!(!world.deaths().is_empty());
        world.islands = vec![0; count];
        world.run_until_agreed(120_000, &format!("seed {seed}: {left} of {count}"));
    }
}

/// How much a member says does not depend on how many there are.
#[test]
fn messages_per_period_are_bounded() {
    for (count, seed) in [3, 10, 40, 120].into_iter().zip(seeds(4)) {
        let mut world = World::new(count, seed);
        world.run_until_agreed(60_000, "start");
        world.run(world.now + 60_000);
        let before: Vec<u64> = world.nodes.iter().map(|node| node.sent).collect();
        world.run(world.now + 60_000);
        let sent = world.nodes.iter().zip(before).map(|(node, before)| node.sent - before);
        let (most, all) = sent.fold((0, 0), |(most, all), sent| (sent.max(most), all + sent));
        println!(
            "{count} members: {:.2} messages per member and second, {:.2} at most",
            all as f64 / 60.0 / count as f64,
            most as f64 / 60.0
        );
        // A question and an answer each second, and news for two when there are some.
        assert!(all <= 60 * 5 * count as u64 && most <= 60 * 8, "{count}: {all} in all, {most} of one");
    }
}

/// The same seed gives the same trace, event for event.
#[test]
fn a_seed_decides_everything() {
    let trace = |seed| {
        let mut world = World::new(7, seed);
        world.loss_percent = 20;
        world.run(20_000);
        world.pause(3);
        world.islands[5] = 1;
        world.run(60_000);
        world.resume(3);
        world.islands[5] = 0;
        world.run(100_000);
        let events: Vec<Vec<(Time, Event)>> = world.nodes.iter().map(|node| node.events.clone()).collect();
        let sent: Vec<u64> = world.nodes.iter().map(|node| node.sent).collect();
        (events, sent, world.order)
    };
    for seed in seeds(3) {
        assert_eq!(trace(seed), trace(seed));
    }
    assert_ne!(trace(11).2, trace(12).2);
}

/// Everything at once; after the faults have ended, all agree again.
#[test]
fn after_the_faults_all_agree() {
    for seed in seeds(150) {
        let mut world = World::new(3 + (seed % 7) as usize, seed);
        let count = world.nodes.len();
        let mut incarnation = 1_000;
        for _ in 0..12 {
            let number = world.random.below(count as u64) as usize;
            match world.random.below(6) {
                0 => world.loss_percent = world.random.below(40),
                1 => world.islands[number] = 1 - world.islands[number],
                2 => world.kill(number),
                3 if world.nodes[number].member.is_some() => world.pause(number),
                4 => world.resume(number),
                _ if world.nodes[number].member.is_none() => {
                    incarnation += 1_000;
                    world.start(number, incarnation);
                }
                _ => {}
            }
            let step = world.random.below(15_000);
            world.run(world.now + step);
        }
        (world.loss_percent, world.islands) = (0, vec![0; count]);
        for number in 0..count {
            world.resume(number);
            if world.nodes[number].member.is_none() {
                incarnation += 1_000;
                world.start(number, incarnation);
            }
        }
        world.run_until_agreed(200_000, &format!("seed {seed}"));
    }
}
