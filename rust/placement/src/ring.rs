//! Circles of targets on which what fails together stands together.

use crate::hash::{below, mix};

/// Entries of the tables of one generation: as many rings are made as fit, within bounds.
const ENTRIES: usize = 1 << 20;
/// The least and the most rings. More of them let the shards of one target have more neighbours.
const RINGS: std::ops::Range<usize> = 32..512;

/// Nodes of a tree, each with its children behind each other. The first is the root.
pub(crate) struct Tree {
    /// Where the children of a node begin and how many there are; a leaf has none.
    nodes: Vec<(u32, u32)>,
    /// Children: numbers of nodes.
    children: Vec<u32>,
    /// The leaf that a node is.
    leaves: Vec<u32>,
}

impl Tree {
    /// The tree of leaves with these paths, of which so many steps count.
    pub fn new(paths: &[&[u32]], depth: usize) -> Tree {
        let mut order: Vec<u32> = (0..paths.len() as u32).collect();
        order.sort_by_key(|leaf| &paths[*leaf as usize][..depth]);
        let mut tree = Tree { nodes: vec![(0, 0)], children: Vec::new(), leaves: vec![u32::MAX] };
        let mut open = vec![(0usize, 0..order.len(), 0usize)];
        while let Some((node, range, level)) = open.pop() {
            let first = tree.children.len() as u32;
            let mut start = range.start;
            while start < range.end {
                let key = |leaf: u32| paths[leaf as usize].get(level).filter(|_| level < depth);
                let of_one = order[start..range.end].iter().take_while(|leaf| key(**leaf) == key(order[start])).count();
                let end = if level < depth { start + of_one } else { start + 1 };
                let child = tree.nodes.len();
                tree.nodes.push((0, 0));
                tree.leaves.push(if level < depth { u32::MAX } else { order[start] });
                tree.children.push(child as u32);
                if level < depth {
                    open.push((child, start..end, level + 1));
                }
                start = end;
            }
            tree.nodes[node] = (first, tree.children.len() as u32 - first);
        }
        tree
    }

    /// The leaves in an order that a seed decides, those of each node together.
    pub fn shuffled(&self, seed: u64) -> Vec<u32> {
        let mut children = self.children.clone();
        let mut state = mix(seed);
        for (first, count) in &self.nodes {
            let of_it = &mut children[*first as usize..][..*count as usize];
            for last in (1..of_it.len()).rev() {
                state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                of_it.swap(last, below(mix(state), last as u64 + 1) as usize);
            }
        }
        let mut order = Vec::with_capacity(self.leaves.len());
        let mut open = vec![0u32];
        while let Some(node) = open.pop() {
            let (first, count) = self.nodes[node as usize];
            if self.leaves[node as usize] != u32::MAX {
                order.push(self.leaves[node as usize]);
            }
            open.extend(children[first as usize..][..count as usize].iter().rev());
        }
        order
    }
}

/// How many rings leaves of a number get.
fn ring_count(leaves: usize, entries: usize) -> usize {
    (entries / leaves.max(1)).clamp(RINGS.start, RINGS.end)
}

/// Rings on which every target has an equal part.
#[derive(Debug)]
pub(crate) struct Rings {
    /// How many.
    count: u32,
    /// Targets of a unit, which stand together: a rank, where all have as many targets.
    unit: u32,
    /// Units of a ring.
    units: u32,
    /// The units of each ring.
    order: Vec<u32>,
}

impl Rings {
    /// Rings of the leaves of a tree, each of so many targets.
    pub fn even(tree: &Tree, unit: u32, seed: u64) -> Rings {
        let mut order = tree.shuffled(seed);
        let units = order.len();
        let count = ring_count(units, ENTRIES);
        order.reserve((count - 1) * units);
        for ring in 1..count as u64 {
            order.extend(tree.shuffled(seed ^ (ring << 32)));
        }
        Rings { count: count as u32, unit, units: units as u32, order }
    }

    /// The ring that a coordinate chooses.
    pub fn choose(&self, coordinate: u64) -> Ring<'_> {
        let ring = below(coordinate, u64::from(self.count)) as usize;
        let units = self.units as usize;
        Ring { order: &self.order[ring * units..][..units], unit: self.unit, turn: coordinate as u32 }
    }

    pub fn bytes(&self) -> usize {
        4 * self.order.len()
    }
}

/// One ring, of which every unit is turned by a number of targets of its own.
#[derive(Clone, Copy)]
pub(crate) struct Ring<'a> {
    order: &'a [u32],
    unit: u32,
    turn: u32,
}

impl Ring<'_> {
    /// The target at a place, counted from the first one of the generation.
    pub fn target(self, place: u32) -> u32 {
        let unit = self.order[(place / self.unit) as usize];
        let turn = (unit.wrapping_mul(0x9e37_79b9) ^ self.turn).wrapping_mul(0xc2b2_ae3d);
        let turn = ((u64::from(turn) * u64::from(self.unit)) >> 32) as u32;
        let inside = place % self.unit + turn;
        unit * self.unit + if inside >= self.unit { inside - self.unit } else { inside }
    }
}

/// Rings on which targets have parts of their own.
#[derive(Debug)]
pub(crate) struct WeightedRings {
    count: u32,
    targets: usize,
    /// The targets of each ring.
    order: Vec<u32>,
    /// Where the part of each ends.
    ends: Vec<u64>,
}

/// Entries of the tables of weighted rings, which are larger and rarely needed.
const WEIGHTED_ENTRIES: usize = 1 << 17;

impl WeightedRings {
    /// Rings of the leaves of a tree, which are targets, with their weights.
    pub fn new(tree: &Tree, weights: &[u64]) -> WeightedRings {
        let count = (WEIGHTED_ENTRIES / weights.len().max(1)).clamp(8, 128);
        let mut rings =
            WeightedRings { count: count as u32, targets: weights.len(), order: Vec::new(), ends: Vec::new() };
        for ring in 0..count as u64 {
            let order = tree.shuffled(!ring);
            let mut end = 0;
            rings.ends.extend(order.iter().map(|target| {
                end += weights[*target as usize];
                end
            }));
            rings.order.extend(order);
        }
        rings
    }

    /// The ring that a coordinate chooses.
    pub fn choose(&self, coordinate: u64) -> u32 {
        below(coordinate, u64::from(self.count)) as u32
    }

    /// The target whose part of a ring holds a place.
    pub fn target(&self, ring: u32, place: u64) -> u32 {
        let start = ring as usize * self.targets;
        let ends = &self.ends[start..start + self.targets];
        self.order[start + ends.partition_point(|end| *end <= place)]
    }

    pub fn bytes(&self) -> usize {
        4 * self.order.len() + 8 * self.ends.len()
    }
}
