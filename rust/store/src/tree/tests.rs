use super::*;
use daos_env::{Random, SeededRandom};
use std::collections::BTreeMap;

/// Records are (order, tie) pairs in the arena; a third of the order words are shared by many.
struct Pair(u64, u64);

impl Probe for Pair {
    fn order(&self) -> u64 {
        self.0
    }
    fn compare(&self, arena: &Arena, link: u32) -> Result<Ordering> {
        Ok(arena.read_value::<u64>(u64::from(link) * 8)?.cmp(&self.1))
    }
}

fn contents(tree: &Tree, arena: &Arena, forward: bool) -> Vec<(u64, u64, u64)> {
    let mut found = Vec::new();
    let mut cursor = if forward { tree.first(arena) } else { tree.last(arena) }.expect("sound");
    while let Some(at) = &mut cursor {
        let entry = at.entry(arena).expect("sound");
        found.push((entry.order, arena.read_value(u64::from(entry.link) * 8).expect("sound"), entry.end));
        let more = if forward { at.next(arena) } else { at.previous(arena) }.expect("sound");
        if !more {
            break;
        }
    }
    found
}

fn insert(tree: &Tree, arena: &Arena, order: u64, tie: u64, end: u64) {
    let mut transaction = arena.begin();
    let record = transaction.allocate(16).expect("allocate");
    transaction.fill(record.get(), &tie.to_le_bytes()).expect("fill");
    tree.insert(&mut transaction, &Pair(order, tie), record.link(), end).expect("insert");
    drop(transaction.commit());
}

fn check(tree: &Tree, arena: &Arena, model: &BTreeMap<(u64, u64), u64>) {
    let expected: Vec<_> = model.iter().map(|((order, tie), end)| (*order, *tie, *end)).collect();
    assert_eq!(contents(tree, arena, true), expected);
    let reversed: Vec<_> = expected.iter().rev().copied().collect();
    assert_eq!(contents(tree, arena, false), reversed);
}

fn run(augmented: bool, seed: u64) {
    let random = SeededRandom::new(seed);
    let arena = Arena::reserve(64 << 20).expect("reserve");
    let mut transaction = arena.begin();
    let (tree, _) = Tree::create(&mut transaction, augmented).expect("create");
    drop(transaction.commit());
    let mut model = BTreeMap::new();
    for round in 0..6000u64 {
        let pick = random.next_u64();
        let order = if pick.is_multiple_of(3) { pick >> 62 } else { (pick >> 32) % 5000 };
        let key = (order, random.next_u64() % 300);
        let grows = if round < 4000 { 3 } else { 1 };
        if pick >> 8 & 3 < grows {
            model.entry(key).or_insert_with(|| {
                let end = if augmented { key.0 + 1 + random.next_u64() % 200 } else { 0 };
                insert(&tree, &arena, key.0, key.1, end);
                end
            });
        } else if let Some((&key, _)) = model.range(key..).next() {
            let cursor = tree.find(&arena, &Pair(key.0, key.1)).expect("sound").expect("there");
            let mut transaction = arena.begin();
            tree.remove(&mut transaction, cursor).expect("remove");
            drop(transaction.commit());
            model.remove(&key);
        }
        if round % 500 == 0 {
            check(&tree, &arena, &model);
        }
        let probe = (pick >> 40) % 5000;
        check_searches(&tree, &arena, &model, (probe, pick % 300));
        if augmented && round % 50 == 0 {
            check_overlaps(&tree, &arena, &model, probe);
        }
    }
    check(&tree, &arena, &model);
    while let Some(cursor) = tree.last(&arena).expect("sound") {
        let mut transaction = arena.begin();
        tree.remove(&mut transaction, cursor).expect("remove");
        drop(transaction.commit());
    }
    let mut transaction = arena.begin();
    tree.destroy(&mut transaction).expect("destroy");
    drop(transaction.commit());
}

fn check_searches(tree: &Tree, arena: &Arena, model: &BTreeMap<(u64, u64), u64>, key: (u64, u64)) {
    let of = |cursor: Option<Cursor>| cursor.map(|cursor| cursor.entry(arena).expect("sound").order);
    let probe = Pair(key.0, key.1);
    let from = tree.seek(arena, &probe, false).expect("sound");
    assert_eq!(of(from), model.range(key..).next().map(|((order, _), _)| *order));
    let behind = tree.seek(arena, &probe, true).expect("sound");
    let expected = model.range((std::ops::Bound::Excluded(key), std::ops::Bound::Unbounded)).next();
    assert_eq!(of(behind), expected.map(|((order, _), _)| *order));
    let last = tree.seek_last(arena, &probe).expect("sound");
    assert_eq!(of(last.clone()), model.range(..=key).next_back().map(|((order, _), _)| *order));
    assert_eq!(tree.find(arena, &probe).expect("sound").is_some(), model.contains_key(&key));
    // The searches without a path find the same.
    let found = tree.find(arena, &probe).expect("sound").map(|cursor| cursor.entry(arena).expect("sound").link);
    assert_eq!(tree.look_up(arena, &probe).expect("sound").ok(), found);
    let last = last.map(|cursor| cursor.entry(arena).expect("sound"));
    assert_eq!(tree.last_before(arena, &probe).expect("sound"), last);
}

/// Entries in any order leave their leaves well filled: neighbours help out before a leaf is cut in two.
#[test]
fn leaves_of_random_entries_are_well_filled() {
    let random = SeededRandom::new(5);
    let arena = Arena::reserve(64 << 20).expect("reserve");
    let mut transaction = arena.begin();
    let (tree, _) = Tree::create(&mut transaction, false).expect("create");
    const ENTRIES: u64 = 20_000;
    for _ in 0..ENTRIES {
        tree.insert(&mut transaction, &Unique(random.next_u64()), 2, 0).expect("insert");
    }
    drop(transaction.commit());
    let bytes = arena.space().expect("space").used as f64 / ENTRIES as f64;
    assert!(bytes < 15.4, "{bytes} bytes per entry");
}

/// Where most entries go away, the nodes of the others become fewer, and levels go.
#[test]
fn sparse_nodes_are_joined_and_levels_go() {
    for augmented in [false, true] {
        let arena = Arena::reserve(64 << 20).expect("reserve");
        let mut transaction = arena.begin();
        let (tree, _) = Tree::create(&mut transaction, augmented).expect("create");
        drop(transaction.commit());
        let mut model = BTreeMap::new();
        for order in 0..20_000u64 {
            let end = if augmented { order + 1 + order % 50 } else { 0 };
            insert(&tree, &arena, order, 0, end);
            model.insert((order, 0), end);
        }
        let high = tree.head(&arena).expect("sound").height;
        let full = arena.space().expect("space").used;
        for order in (0..20_000).filter(|order| order % 250 != 7) {
            let cursor = tree.find(&arena, &Pair(order, 0)).expect("sound").expect("there");
            let mut transaction = arena.begin();
            tree.remove(&mut transaction, cursor).expect("remove");
            drop(transaction.commit());
            model.remove(&(order, 0));
            if augmented && order % 1000 == 0 {
                check_overlaps(&tree, &arena, &model, order);
            }
        }
        check(&tree, &arena, &model);
        // The records stay, in this test: what was given back are nodes.
        let given_back = full - arena.space().expect("space").used;
        let nodes = 20_000 * if augmented { 20 } else { 12 };
        assert!(given_back > nodes * 9 / 10, "{given_back} bytes of nodes came back, of more than {nodes}");
        assert!(tree.head(&arena).expect("sound").height < high, "it was {high} levels high and still is");
    }
}

fn check_overlaps(tree: &Tree, arena: &Arena, model: &BTreeMap<(u64, u64), u64>, start: u64) {
    let mut found = Vec::new();
    let mut cursor = tree.first_with_end_behind(arena, start).expect("sound");
    while let Some(at) = &mut cursor {
        let entry = at.entry(arena).expect("sound");
        found.push((entry.order, entry.end));
        if !at.next_with_end_behind(arena, start).expect("sound") {
            break;
        }
    }
    let expected: Vec<_> =
        model.iter().filter(|(_, end)| **end > start).map(|((order, _), end)| (*order, *end)).collect();
    assert_eq!(found, expected);
}

#[test]
fn random_changes_agree_with_a_map() {
    (0..3).for_each(|seed| run(false, seed));
}

#[test]
fn random_changes_of_an_augmented_tree_agree_with_a_map() {
    (0..3).for_each(|seed| run(true, seed));
}

#[test]
fn appended_entries_fill_their_leaves() {
    let arena = Arena::reserve(64 << 20).expect("reserve");
    let mut transaction = arena.begin();
    let (tree, _) = Tree::create(&mut transaction, false).expect("create");
    let used = || arena.space().expect("space").used;
    let before = used();
    for order in 0..100_000 {
        tree.insert(&mut transaction, &Unique(order), 7, 0).expect("insert");
    }
    let per_entry = (used() - before) as f64 / 100_000.0;
    assert!(per_entry < 12.7, "{per_entry} bytes per entry");
}

/// Disjoint extents, whose ends rise in every node and are searched by halves, and then a few long ones, after which they do not.
#[test]
fn ends_that_rise_and_ends_that_do_not_are_searched_alike() {
    let random = SeededRandom::new(9);
    let arena = Arena::reserve(64 << 20).expect("reserve");
    let mut transaction = arena.begin();
    let (tree, _) = Tree::create(&mut transaction, true).expect("create");
    drop(transaction.commit());
    let mut model = BTreeMap::new();
    let mut places: Vec<u64> = (0..4000).collect();
    (1..places.len()).rev().for_each(|index| places.swap(index, (random.next_u64() % (index as u64 + 1)) as usize));
    for (number, place) in places.iter().enumerate() {
        let (start, end) = (place * 10, place * 10 + 1 + place % 10);
        insert(&tree, &arena, start, 0, end);
        model.insert((start, 0), end);
        if number % 500 == 499 {
            (0..20).for_each(|_| check_overlaps(&tree, &arena, &model, random.next_u64() % 40_000));
        }
        if number >= 3000 && number % 100 == 0 {
            let (start, end) = (place * 10 + 5, place * 10 + 5 + (random.next_u64() % 3000));
            insert(&tree, &arena, start, 0, end);
            model.insert((start, 0), end);
            (0..20)
                .for_each(|_| check_overlaps(&tree, &arena, &model, (end + random.next_u64() % 40).saturating_sub(20)));
        }
    }
    check(&tree, &arena, &model);
}

/// An inner root that lost everything is a leaf of its own size, which may hold more than the two halves of another.
#[test]
fn a_tree_that_was_emptied_is_filled_again() {
    for augmented in [false, true] {
        let arena = Arena::reserve(64 << 20).expect("reserve");
        let mut transaction = arena.begin();
        let (tree, _) = Tree::create(&mut transaction, augmented).expect("create");
        drop(transaction.commit());
        let end = |order: u64| if augmented { order + 3 } else { 0 };
        let model: BTreeMap<(u64, u64), u64> = (0..5000).map(|order| ((order, 0), end(order))).collect();
        for round in 0..3u64 {
            for number in 0..5000u64 {
                let order = number * 7919 % 5000;
                insert(&tree, &arena, order, 0, end(order));
            }
            check(&tree, &arena, &model);
            for number in 0..5000u64 {
                let order = if round == 0 { number } else { number * 3571 % 5000 };
                let cursor = tree.find(&arena, &Pair(order, 0)).expect("sound").expect("there");
                let mut transaction = arena.begin();
                tree.remove(&mut transaction, cursor).expect("remove");
                drop(transaction.commit());
            }
            check(&tree, &arena, &BTreeMap::new());
        }
        let mut transaction = arena.begin();
        tree.destroy(&mut transaction).expect("empty");
        drop(transaction.commit());
    }
}

/// A key of a listing came twice: entries that came in before all others had left the first word of an inner node greater
/// than the second, and a search by halves among words that are not in order misses its place.
#[test]
fn entries_before_all_others_are_found() {
    let arena = Arena::reserve(64 << 20).expect("reserve");
    let mut transaction = arena.begin();
    let (tree, _) = Tree::create(&mut transaction, false).expect("create");
    drop(transaction.commit());
    let mut model = BTreeMap::new();
    for order in (0..20_000).rev() {
        insert(&tree, &arena, order, 0, 0);
        model.insert((order, 0), 0);
    }
    for order in 0..20_000 {
        check_searches(&tree, &arena, &model, (order, 0));
    }
    check(&tree, &arena, &model);
}

/// All checksums would be right: only a walk that counts notices that it comes by the same nodes again and again.
#[test]
fn a_forged_tree_whose_nodes_share_their_children_ends() {
    for augmented in [false, true] {
        let arena = Arena::reserve(1 << 20).expect("reserve");
        let mut transaction = arena.begin();
        let (tree, head) = Tree::create(&mut transaction, augmented).expect("create");
        drop(transaction.commit());
        insert(&tree, &arena, 7, 0, u64::MAX);
        let head = u64::from(head) * 8;
        let root = |arena: &Arena| arena.read_value::<u32>(head).expect("in the arena");
        // The root and all that are put above it hold only the same child, in every place.
        for level in 1..HEIGHT_MAX as u8 {
            let child = root(&arena);
            let mut transaction = arena.begin();
            let mut node = Node::create(&mut transaction, level, usize::MAX, augmented).expect("create");
            for index in 0..usize::from(node.capacity) {
                let entry = Entry { order: 0, link: child, end: u64::MAX };
                node.insert(&mut transaction, index, entry).expect("insert");
            }
            transaction.write(head, &node.link_of_node().to_le_bytes()).expect("write");
            transaction.write(head + 4, &[level]).expect("write");
            drop(transaction.commit());
        }
        let mut cursor = tree.first(&arena).expect("there").expect("an entry");
        while cursor.next(&arena).is_ok() {}
        let mut cursor = tree.last(&arena).expect("there").expect("an entry");
        while cursor.previous(&arena).is_ok() {}
        if augmented {
            let mut cursor = tree.first_with_end_behind(&arena, 5).expect("there").expect("an entry");
            while cursor.next_with_end_behind(&arena, 5).is_ok() {}
        }
    }
}
