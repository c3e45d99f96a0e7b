//! Maps and objects for the tests of placement.

use daos_placement::{Layout, NewRank, PoolMap, Shape, place_into};
use daos_types::{ObjectClass, ObjectId, ObjectType, Rank};

/// A map of racks of nodes of ranks: of each rank, how many targets it has.
pub fn map(ranks: &[NewRank]) -> PoolMap {
    PoolMap::create(ranks).expect("a pool map")
}

/// Ranks in no domains of their own, with these numbers of targets, counted from `first`.
pub fn ranks(first: u32, targets: &[u32]) -> Vec<NewRank> {
    targets.iter().zip(first..).map(|(targets, rank)| NewRank::alone(Rank(rank), *targets)).collect()
}

/// `racks` racks of `nodes` nodes of two ranks, each of `targets` targets, counted from rack `first`.
#[allow(dead_code, reason = "not every test has racks")]
pub fn racks(first: u32, racks: u32, nodes: u32, targets: u32) -> Vec<NewRank> {
    let mut all = Vec::new();
    for rack in first..first + racks {
        for node in 0..nodes {
            for rank in 0..2 {
                let number = (rack * nodes + node) * 2 + rank;
                all.push(NewRank { rank: Rank(number), domains: vec![rack, node], targets });
            }
        }
    }
    all
}

pub fn class(name: &str) -> ObjectClass {
    ObjectClass::from_name(name).unwrap_or_else(|| panic!("{name} is a class"))
}

pub fn object(lo: u64, class: ObjectClass) -> ObjectId {
    ObjectId::generate(ObjectId { hi: 0, lo }, ObjectType::MULTI_HASHED, class)
}

#[allow(dead_code, reason = "not every test numbers objects so")]
/// Objects as containers number them, one after the other.
pub fn objects(count: u64, name: &str) -> impl Iterator<Item = ObjectId> {
    let class = class(name);
    (0..count).map(move |lo| object(lo + 1_000_000, class))
}

#[allow(dead_code, reason = "not every test places many")]
/// Places objects, and gives each with its layout to a function.
pub fn each(map: &PoolMap, objects: impl Iterator<Item = ObjectId>, mut with: impl FnMut(ObjectId, &Layout)) {
    let mut layout = Layout::new();
    for object in objects {
        place_into(map, object, Shape::of(object).expect("a class"), &mut layout).expect("it fits");
        with(object, &layout);
    }
}

/// The targets of all shards, group behind group.
#[allow(dead_code, reason = "not every test compares layouts")]
pub fn targets(layout: &Layout) -> Vec<u32> {
    layout.shards().iter().map(|shard| shard.target).collect()
}
