//! An array, the plain model of it, and what is done to both.

use crate::common::*;
use daos_env::{Random, SeededRandom};
use daos_status::Result;
use daos_store::*;
use daos_types::{Epoch, Extent};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Records of an array, and their size in bytes.
pub const SHAPES: [(u64, u64); 5] = [(3000, 1), (3000, 100), (500, 3000), (500, 4096), (3000, 7)];

/// What a record holds: who wrote it.
type State = Vec<Option<u64>>;

/// The array as it was at every epoch.
#[derive(Clone)]
pub struct Array {
    records: u64,
    pub size: u64,
    versions: BTreeMap<u64, State>,
    pub pins: Vec<u64>,
    pub aggregated: u64,
}

/// Something that is done to an array.
#[derive(Clone, Debug)]
pub enum Action {
    Write(u64, Vec<Extent>),
    Punch(u64, Vec<Extent>),
    Pin(u64),
    Unpin(u64),
    Aggregate(u64),
}

fn record(size: u64, number: u64, index: u64) -> Vec<u8> {
    let word = (number << 32 ^ index).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    let mut bytes = vec![word[0]; size as usize];
    for (byte, other) in bytes.iter_mut().rev().zip(word) {
        *byte = other;
    }
    bytes
}

fn bytes(size: u64, number: u64, extent: Extent) -> Vec<u8> {
    (extent.start()..extent.end()).flat_map(|index| record(size, number, index)).collect()
}

impl Array {
    pub fn new((records, size): (u64, u64)) -> Array {
        Array { records, size, versions: BTreeMap::new(), pins: Vec::new(), aggregated: 0 }
    }

    pub fn newest(&self) -> u64 {
        self.versions.last_key_value().map_or(0, |(epoch, _)| *epoch)
    }

    fn at(&self, epoch: u64) -> State {
        let found = self.versions.range(..=epoch).next_back();
        found.map_or_else(|| vec![None; self.records as usize], |(_, content)| content.clone())
    }

    fn set(&mut self, epoch: u64, extents: &[Extent], number: Option<u64>) {
        let mut content = self.at(epoch);
        for extent in extents {
            content[extent.start() as usize..extent.end() as usize].fill(number);
        }
        self.versions.insert(epoch, content);
    }

    /// Does it to the model.
    pub fn apply(&mut self, action: &Action) {
        match action {
            Action::Write(epoch, extents) => self.set(*epoch, extents, Some(*epoch)),
            Action::Punch(epoch, extents) => self.set(*epoch, extents, None),
            Action::Pin(epoch) => self.pins.push(*epoch),
            Action::Unpin(epoch) => self.pins.retain(|pin| pin != epoch),
            Action::Aggregate(epoch) => self.aggregated = self.aggregated.max(*epoch),
        }
    }

    /// Does it to a store; aggregation in steps of the size that the random numbers say.
    pub async fn carry_out(&self, store: &Rc<Store>, action: &Action, random: &SeededRandom) -> Result<()> {
        match action {
            Action::Write(epoch, extents) => {
                let pieces =
                    extents.iter().map(|extent| (*extent, Data::Bytes(bytes(self.size, *epoch, *extent)))).collect();
                let value = UpdateValue::Array { record_size: self.size, pieces };
                store.update(update(*epoch, "d", "a", value)).await
            }
            Action::Punch(epoch, extents) => {
                store.update(update(*epoch, "d", "a", UpdateValue::PunchExtents(extents.clone()))).await
            }
            Action::Pin(epoch) => store.snapshot_create(CONTAINER, Epoch(*epoch)).await,
            Action::Unpin(epoch) => store.snapshot_destroy(CONTAINER, Epoch(*epoch)).await,
            Action::Aggregate(epoch) => {
                let mut run = store.aggregation_begin(CONTAINER, Epoch(*epoch)).await?;
                run.set_budget(StepBudget::new(*pick(random, &[1, 8, 64, 512])));
                while run.step().await? {}
                Ok(())
            }
        }
    }

    /// What comes next.
    pub fn choose(&self, random: &SeededRandom) -> Action {
        let next = self.newest().max(self.aggregated) + 1;
        if next == 1 {
            return Action::Write(next, self.extents(random));
        }
        match below(random, 24) {
            0 => Action::Pin(next - 1).filter_pin(self),
            1 if !self.pins.is_empty() => Action::Unpin(*pick(random, &self.pins)),
            2 | 3 => Action::Aggregate(next - 1),
            4 | 5 => Action::Punch(next, self.extents(random)),
            _ => Action::Write(next, self.extents(random)),
        }
    }

    /// Some extents that do not overlap: one of any size, or several small ones.
    fn extents(&self, random: &SeededRandom) -> Vec<Extent> {
        let count = 1 + below(random, 3) * below(random, 4);
        let longest = *pick(random, &[1, 8, 60, self.records]);
        let mut at = below(random, self.records);
        let mut found = Vec::new();
        for _ in 0..count {
            let length = 1 + below(random, longest.min(self.records - at));
            found.push(extent(at, length));
            at += length + if below(random, 2) == 0 { 0 } else { below(random, 100) };
            if at >= self.records {
                break;
            }
        }
        found
    }

    /// Compares what can be read with the model.
    pub async fn check(&self, store: &Store, text: &str) {
        let mut epochs: Vec<u64> = self.pins.clone();
        let newest = self.newest().max(self.aggregated);
        epochs.extend([
            self.aggregated,
            (self.aggregated + newest) / 2,
            newest.saturating_sub(1).max(self.aggregated),
            newest,
        ]);
        for epoch in epochs {
            let reply =
                store.fetch(fetch(epoch, "d", "a", FetchWhat::Array(vec![extent(0, self.records)].into()))).await;
            let reply = reply.unwrap_or_else(|status| panic!("at {epoch}: {status}\n{text}"));
            let expected = self.at(epoch);
            let Fetched::Array { pieces, .. } = &reply.akeys[0] else {
                assert!(expected.iter().all(Option::is_none), "missing at {epoch}\n{text}");
                continue;
            };
            let mut at = 0;
            for piece in pieces {
                let Content::Data(data) = &piece.content else { continue };
                let is_hole = expected[at as usize..piece.extent.start() as usize].iter().all(Option::is_none);
                assert!(is_hole, "a hole from {at} to {:?} at {epoch}\n{text}", piece.extent);
                for (index, found) in (piece.extent.start()..piece.extent.end()).zip(data.chunks(self.size as usize)) {
                    let Some(number) = expected[index as usize] else {
                        panic!("record {index} is there at {epoch}\n{text}")
                    };
                    assert!(found == record(self.size, number, index), "{index} at {epoch}\n{text}");
                }
                at = piece.extent.end();
            }
            assert!(expected[at as usize..].iter().all(Option::is_none), "a hole from {at} at {epoch}\n{text}");
        }
    }

    /// Bytes that show at any epoch that can be read.
    pub fn visible_bytes(&self) -> u64 {
        let epochs = self.pins.iter().copied().chain([self.newest()]);
        epochs.map(|epoch| self.at(epoch).iter().flatten().count() as u64 * self.size).sum()
    }
}

impl Action {
    /// An epoch is pinned once, and above what is aggregated; otherwise this aggregates.
    fn filter_pin(self, array: &Array) -> Action {
        match self {
            Action::Pin(epoch) if epoch <= array.aggregated || array.pins.contains(&epoch) => {
                Action::Aggregate(array.newest().max(1))
            }
            other => other,
        }
    }
}

pub fn below(random: &SeededRandom, bound: u64) -> u64 {
    random.next_u64() % bound.max(1)
}

pub fn pick<'a, T>(random: &SeededRandom, from: &'a [T]) -> &'a T {
    &from[below(random, from.len() as u64) as usize]
}

/// Visible pieces at the newest epoch.
pub async fn pieces(store: &Store) -> usize {
    let (object, dkey, akey) = (OBJECT, key("d"), key("a"));
    let limits = Limits { count: 1_000_000, bytes: usize::MAX };
    let (epoch, direction, anchor) = (Epoch::MAX, Direction::Forward, &Anchor::Start);
    let listed = store.list_extents(CONTAINER, object, &dkey, &akey, epoch, direction, anchor, limits).await;
    listed.expect("list").entries.len()
}

/// Bytes in use on the data device.
pub async fn used(store: &Store) -> u64 {
    let space = store.space().expect("space").data;
    space.total - space.free
}
