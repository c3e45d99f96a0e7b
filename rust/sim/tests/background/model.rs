//! All versions of what was written, and what each epoch shows of them.

use std::collections::{BTreeMap, BTreeSet};

/// Records of an array, one byte each.
pub const ARRAY: usize = 256;

/// The writer and its key.
pub type Name = (u64, u64);

/// What a change does to a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Replaces the single value.
    Single(Vec<u8>),
    /// Writes records of the array from here on.
    Records(usize, Vec<u8>),
    /// Empties so many records of the array from here on.
    PunchRecords(usize, usize),
    /// Takes the key away, with both.
    PunchKey,
}

/// What an epoch shows of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    pub single: Option<Vec<u8>>,
    pub records: Vec<Option<u8>>,
}

/// A key with all its changes, by epoch.
#[derive(Default, Debug)]
pub struct Versions {
    changes: BTreeMap<u64, Change>,
    /// The last one, while its writer has not been told that it was made.
    pending: Option<(u64, Change)>,
}

impl Versions {
    pub fn begin(&mut self, epoch: u64, change: Change) {
        assert!(self.pending.is_none(), "one at a time");
        self.pending = Some((epoch, change));
    }

    /// The change that has begun was made.
    pub fn acknowledge(&mut self) {
        self.changes.extend(self.pending.take());
    }

    /// It was not.
    pub fn forget(&mut self) {
        self.pending = None;
    }

    /// Whether a crash has left one of which nobody knows whether it was made.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    pub fn epochs(&self) -> impl Iterator<Item = u64> {
        self.changes.keys().copied()
    }

    pub fn shown_at(&self, epoch: u64) -> Shown {
        shown(self.changes.range(..=epoch).map(|(_, change)| change))
    }

    /// What shows when the pending change was made.
    pub fn shown_with_pending(&self) -> Shown {
        shown(self.changes.values().chain(self.pending.as_ref().map(|(_, change)| change)))
    }
}

fn shown<'a>(changes: impl Iterator<Item = &'a Change>) -> Shown {
    let mut shown = Shown { single: None, records: vec![None; ARRAY] };
    for change in changes {
        match change {
            Change::Single(bytes) => shown.single = Some(bytes.clone()),
            Change::Records(start, bytes) => {
                bytes.iter().enumerate().for_each(|(index, byte)| shown.records[start + index] = Some(*byte));
            }
            Change::PunchRecords(start, count) => shown.records[*start..start + count].fill(None),
            Change::PunchKey => shown = Shown { single: None, records: vec![None; ARRAY] },
        }
    }
    shown
}

/// What is known of a container.
#[derive(Default, Debug)]
pub struct Model {
    pub keys: BTreeMap<Name, Versions>,
    /// Epochs that are pinned.
    pub pins: BTreeSet<u64>,
    /// The container is there: from then on nothing may be missing.
    pub is_made: bool,
    /// One that is being pinned, or is being given up.
    pub pin_under_way: Option<u64>,
    pub tally: Tally,
}

/// What a seed did, to see that it did something, and the same each time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    pub acknowledged: u64,
    pub reads: u64,
    /// Reads of epochs that could not be read any more.
    pub too_old: u64,
    pub power_cuts: u64,
    pub checkpoints: u64,
    pub freed: u64,
    pub scrubbed: u64,
    pub fingerprint: u64,
}
