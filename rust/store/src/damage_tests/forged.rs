//! Directed forgeries: a link, or the place of something, that leads to another record than it should: to itself, to what is above it, into the
//! middle of an allocation, to a record of another kind, to one that somebody else has, or to nowhere.
//!
//! The same variables as for damages say how many are tried.

use super::*;
use crate::tree::visits;

/// What a place of the arena holds. The byte map is read here as it stands in the documentation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Level,
    Head,
    Node,
    Value,
    Room,
    Checksums,
}

/// Words that say where something lies.
#[derive(Clone, Copy, Debug)]
struct Field {
    position: u64,
    /// Whether it is a link, in units of eight bytes; otherwise a position in 64 bits.
    is_link: bool,
    /// The record that has it, and the one above that.
    owner: u64,
    above: u64,
}

struct Map<'a> {
    arena: &'a Arena,
    fields: Vec<Field>,
    records: Vec<(Kind, u64)>,
}

impl Map<'_> {
    fn word(&self, position: u64) -> u32 {
        self.arena.read_value(position).expect("in the arena")
    }

    fn link(&mut self, position: u64, owner: u64, above: u64) -> u64 {
        self.fields.push(Field { position, is_link: true, owner, above });
        u64::from(self.word(position)) * 8
    }

    /// A record of a level; akeys are at depth 4.
    fn level(&mut self, position: u64, depth: u64, above: u64) {
        self.records.push((Kind::Level, position));
        let children = self.link(position, position, above);
        let punches = self.link(position + 4, position, above);
        let key = self.word(position + 8);
        let (length, room, shape) = (u64::from(key & 0x1_ffff), key >> 17 & 0x7f, key >> 24);
        if room > 0 {
            // A brief record has four bytes less.
            let header = if shape & 128 == 0 { 16 } else { 12 };
            self.records.push((Kind::Room, position + (header + length).next_multiple_of(8)));
        }
        if punches != 0 {
            self.tree(punches, position, |_, _| {});
        }
        let is_array = shape >> 4 & 7 == 2;
        let child = |map: &mut Self, child: u64| match depth {
            4 => map.value(child, is_array),
            _ => map.level(child, depth + 1, position),
        };
        match shape & 3 {
            1 => child(self, children),
            2 => self.tree(children, position, child),
            _ => {}
        }
    }

    fn tree(&mut self, head: u64, above: u64, mut take: impl FnMut(&mut Self, u64)) {
        self.records.push((Kind::Head, head));
        let root = self.link(head, head, above);
        let mut nodes = vec![root];
        while let Some(node) = nodes.pop() {
            self.records.push((Kind::Node, node));
            let [level, count, capacity, ..] = self.arena.read_value::<[u8; 8]>(node).expect("in the arena");
            for index in 0..u64::from(count) {
                let below = self.link(node + 8 + u64::from(capacity) * 8 + index * 4, node, head);
                if level > 0 { nodes.push(below) } else { take(self, below) }
            }
        }
    }

    fn value(&mut self, position: u64, is_array: bool) {
        self.records.push((Kind::Value, position));
        let (checksum, flags) = match is_array {
            true => (position + 24, self.word(position + 36) >> 24),
            false => (position + 8, self.word(position + 20)),
        };
        if flags & 4 != 0 {
            self.fields.push(Field { position: checksum, is_link: false, owner: position, above: position });
            self.records.push((Kind::Checksums, self.arena.read_value(checksum).expect("in the arena")));
        }
        if flags & 3 == 1 {
            let pieces = if is_array { position + 40 } else { position + 24 };
            self.fields.push(Field { position: pieces, is_link: false, owner: position, above: position });
        }
    }
}

/// All of a store.
fn map(arena: &Arena) -> Map<'_> {
    let superblock = arena.root(0).expect("a header");
    let mut map = Map { arena, fields: Vec::new(), records: Vec::new() };
    // The bitmap, the record above all containers, and the directory of transactions.
    for at in [48, 56, 72] {
        map.fields.push(Field { position: superblock + at, is_link: false, owner: superblock, above: 0 });
    }
    let containers = arena.read_value(superblock + 56).expect("in the arena");
    map.level(containers, 0, superblock);
    map
}

/// Where a field may be made to lead.
fn target(map: &Map<'_>, field: &Field, random: &SeededRandom) -> u64 {
    let pick = |count: usize| (random.next_u64() % count as u64) as usize;
    let any = || map.records[pick(map.records.len())].1;
    match random.next_u64() % 9 {
        0 => field.owner,
        1 => field.above,
        2 => 0,
        3 => [ARENA_BYTES - 8, ARENA_BYTES, u64::from(u32::MAX) * 8, 8][pick(4)],
        // Into the middle of something.
        4 => any() + 8 * (1 + random.next_u64() % 8),
        5 => field.position / 8 * 8,
        // Something of the same kind, or of another.
        _ => {
            let kinds = [Kind::Level, Kind::Head, Kind::Node, Kind::Value, Kind::Room, Kind::Checksums];
            let kind = kinds[pick(kinds.len())];
            let same: Vec<u64> = map.records.iter().filter(|record| record.0 == kind).map(|record| record.1).collect();
            if same.is_empty() { any() } else { same[pick(same.len())] }
        }
    }
}

async fn run_forged(seeds: std::ops::Range<u64>, spawner: Spawner) {
    let durable = sample(&spawner).await;
    let arena = durable.arena();
    let image = arena.read(0, ARENA_BYTES as usize).expect("all of it").to_vec();
    let map = map(arena);
    for kind in [Kind::Level, Kind::Head, Kind::Node, Kind::Value, Kind::Room, Kind::Checksums] {
        let count = map.records.iter().filter(|record| record.0 == kind).count();
        assert!(count > 10, "{count} of {kind:?}: the sample has something of everything");
    }
    let before = visits();
    exercise(&durable, &SeededRandom::new(1), &spawner, "nothing is forged").await;
    // What is shared in a forgery is walked over once for each that leads there.
    let bound = (visits() - before) * 100;
    for seed in seeds {
        let random = SeededRandom::new(seed);
        arena.restore(0, &image).expect("all of it");
        let mut text = format!("seed {seed}:");
        for _ in 0..1 + random.next_u64() % 2 {
            let field = map.fields[(random.next_u64() % map.fields.len() as u64) as usize];
            let to = target(&map, &field, &random);
            text = format!("{text} {field:?} leads to {to};");
            let bytes =
                if field.is_link { ((to / 8) as u32).to_le_bytes().to_vec() } else { to.to_le_bytes().to_vec() };
            arena.restore(field.position, &bytes).expect("in the arena");
        }
        let before = visits();
        exercise(&durable, &random, &spawner, &text).await;
        let visited = visits() - before;
        assert!(visited < bound, "{text} {visited} nodes visited, {bound} were expected at most");
    }
}

#[test]
fn forged_links_give_errors_and_end() {
    let variable = |name, default| std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default);
    let first = variable("DAOS_STORE_FIRST_DAMAGE", 0);
    let seeds = first..first + variable("DAOS_STORE_DAMAGES", 120);
    let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
    let spawner = executor.spawner().clone();
    executor.block_on(run_forged(seeds, spawner)).expect("it ends");
}

/// Children of each level of [`many_of_everything`].
const MANY: u64 = 300;

/// An object with many dkeys, one of which has many akeys, one of which has many extents: all of them too new to be seen.
async fn many_of_everything(store: &Store) {
    let (container, object) = (CONTAINERS[0], objects()[1]);
    let hole = |start: u64| UpdateValue::PunchExtents(vec![extent(start * 10, 5)]);
    let put = async |dkey: u64, akey_number: u64, value| {
        let akey = AkeyUpdate { akey: key(akey_number), value, conditions: Conditions::NONE };
        let (epoch, dkey, conditions) = (Epoch(2500), key(dkey), Conditions::NONE);
        store
            .update(UpdateRequest { container, object, epoch, dkey, conditions, akeys: vec![akey].into() })
            .await
            .expect("put");
    };
    for number in 0..MANY {
        put(1000 + number, 0, hole(0)).await;
        put(1000, number, hole(1)).await;
        put(1000, 0, hole(number)).await;
    }
}

/// Makes all entries of a tree lead to the child that its first one leads to, and its summary say that something may be below.
fn share(map: &Map<'_>, head: u64, child: u64) {
    let arena = map.arena;
    let mut nodes = vec![u64::from(map.word(head)) * 8];
    while let Some(node) = nodes.pop() {
        let [level, count, capacity, ..] = arena.read_value::<[u8; 8]>(node).expect("in the arena");
        for index in 0..u64::from(count) {
            let place = node + 8 + u64::from(capacity) * 8 + index * 4;
            match level {
                0 => arena.restore(place, &((child / 8) as u32).to_le_bytes()).expect("in the arena"),
                _ => nodes.push(u64::from(map.word(place)) * 8),
            }
        }
    }
    arena.restore(head + 5, &[1]).expect("in the arena");
    arena.restore(head + 8, &[500u64, 500, 500].map(u64::to_le_bytes).concat()).expect("in the arena");
}

/// Three trees, each of which leads many times to the same next one: a walk over all of it would be one over their product.
async fn run_shared(spawner: Spawner) {
    let durable = sample(&spawner).await;
    let store = Store::start(durable.clone(), &spawner).expect("sound");
    many_of_everything(&store).await;
    let (arena, container, object) = (durable.arena(), CONTAINERS[0], objects()[1]);
    let level = store.container(arena, container).expect("there");
    let probe = crate::key_order::object_key(object);
    let found = level.find_child(arena, &crate::key_order::fixed_probe(&probe)).expect("sound").expect("there");
    let kind = object.object_type();
    let (dkey_name, akey_name) = (key(1000), key(0));
    let dkey = crate::key_order::KeyProbe::new(kind.dkey_kind(), &dkey_name).expect("a key");
    let dkey = found.find_child(arena, &dkey).expect("sound").expect("there");
    let akey = crate::key_order::KeyProbe::new(kind.akey_kind(), &akey_name).expect("a key");
    let akey = dkey.find_child(arena, &akey).expect("sound").expect("there");
    let map = Map { arena, fields: Vec::new(), records: Vec::new() };
    let children = |link: u32| u64::from(map.word(u64::from(link) * 8)) * 8;
    share(&map, children(found.link()), u64::from(dkey.link()) * 8);
    share(&map, children(dkey.link()), u64::from(akey.link()) * 8);
    let head = children(akey.link());
    arena.restore(head + 5, &[1]).expect("in the arena");
    arena.restore(head + 8, &[500u64, 500, 500].map(u64::to_le_bytes).concat()).expect("in the arena");
    // Of each request, as much is looked at as the arena could hold of the smallest things, and a few more.
    let bound = 4 * ARENA_BYTES / 16;
    let (epoch, conditions) = (Epoch(2000), Conditions::PUNCH);
    let before = visits();
    let punch = PunchRequest { container, object, epoch, what: PunchTarget::Object, conditions };
    assert!(store.punch(punch).await.is_err(), "nothing is there, or nobody can tell");
    let visited = visits() - before;
    assert!(visited < bound, "a condition visited {visited} nodes");
}

#[test]
fn forged_trees_that_share_what_is_below_end() {
    let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
    let spawner = executor.spawner().clone();
    executor.block_on(run_shared(spawner)).expect("it ends");
}
