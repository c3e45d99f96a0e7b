//! The plain model: everything that was ever done, in order. What is visible is worked out from the definitions each time.

use daos_status::Code;
use daos_store::{AkeyUpdate, Conditions, Operation, PunchRequest, PunchTarget, UpdateRequest, UpdateValue};
use daos_types::{Extent, Key, ObjectId};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// Records of an array lie below this index.
pub const RECORDS: u64 = 64;

/// Something that an update put under an akey.
#[derive(Clone, Debug)]
pub enum What {
    Single(Vec<u8>),
    Data { extent: Extent, record_size: u64, bytes: Vec<u8> },
    Punched(Extent),
}

impl What {
    fn records(&self) -> u64 {
        match self {
            What::Single(_) => 0,
            What::Data { extent, .. } | What::Punched(extent) => extent.count(),
        }
    }

    fn covers(&self, index: u64) -> bool {
        match self {
            What::Single(_) => false,
            What::Data { extent, .. } | What::Punched(extent) => extent.start() <= index && index < extent.end(),
        }
    }
}

#[derive(Clone, Debug)]
enum Event {
    Put { object: ObjectId, dkey: Key, akey: Key, epoch: u64, what: What },
    Punch { object: ObjectId, dkey: Option<Key>, akey: Option<Key>, epoch: u64 },
}

/// A run of records with one origin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    pub extent: Extent,
    pub epoch: u64,
    /// `None` for a punch.
    pub bytes: Option<Vec<u8>>,
    /// Records of the whole extent that was written.
    pub stored_records: u64,
}

#[derive(Clone, Default)]
pub struct Model {
    events: Vec<Event>,
}

/// What an akey is, by the first updates that say so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Unknown,
    Single,
    Array(u64),
}

impl Model {
    /// Does all operations or none.
    pub fn apply(&mut self, operations: &[Operation]) -> Result<(), Code> {
        let before = self.events.len();
        let result = operations.iter().try_for_each(|operation| match operation {
            Operation::Update(update) => self.update(update),
            Operation::Punch(punch) => self.punch(punch),
        });
        if result.is_err() {
            self.events.truncate(before);
        }
        result
    }

    fn update(&mut self, request: &UpdateRequest) -> Result<(), Code> {
        let (object, dkey, epoch) = (request.object, &request.dkey, request.epoch.0);
        let exists = self.dkey_exists(object, dkey, epoch);
        if exists && request.conditions.has(Conditions::DKEY_INSERT) {
            return Err(Code::Exist);
        }
        if !exists && request.conditions.has(Conditions::DKEY_UPDATE) {
            return Err(Code::Nonexist);
        }
        for update in &request.akeys {
            let per_akey = request.conditions.has(Conditions::PER_AKEY);
            let conditions = if per_akey { update.conditions } else { request.conditions };
            let exists = self.akey_exists(object, dkey, &update.akey, epoch);
            if exists && conditions.has(Conditions::AKEY_INSERT) {
                return Err(Code::Exist);
            }
            if !exists && conditions.has(Conditions::AKEY_UPDATE) {
                return Err(Code::Nonexist);
            }
        }
        request.akeys.iter().try_for_each(|update| self.put(object, dkey, epoch, update))
    }

    fn put(&mut self, object: ObjectId, dkey: &Key, epoch: u64, update: &AkeyUpdate) -> Result<(), Code> {
        let akey = &update.akey;
        let kind = self.kind(object, dkey, akey);
        let whats: Vec<What> = match &update.value {
            UpdateValue::Single(_) if matches!(kind, Kind::Array(_)) => return Err(Code::NoPerm),
            UpdateValue::Single(data) => vec![What::Single(data.to_vec())],
            _ if kind == Kind::Single => return Err(Code::NoPerm),
            UpdateValue::Array { record_size, pieces } => {
                if let Kind::Array(old) = kind
                    && old != 0
                    && old != *record_size
                {
                    return Err(Code::RecSize);
                }
                let data = |(extent, data): &(Extent, daos_store::Data)| What::Data {
                    extent: *extent,
                    record_size: *record_size,
                    bytes: data.to_vec(),
                };
                pieces.iter().map(data).collect()
            }
            UpdateValue::PunchExtents(extents) => extents.iter().map(|extent| What::Punched(*extent)).collect(),
        };
        for what in whats {
            self.events.push(Event::Put { object, dkey: dkey.clone(), akey: akey.clone(), epoch, what });
        }
        Ok(())
    }

    fn punch(&mut self, request: &PunchRequest) -> Result<(), Code> {
        let (object, epoch) = (request.object, request.epoch.0);
        let targets: Vec<(Option<&Key>, Option<&Key>)> = match &request.what {
            PunchTarget::Object => vec![(None, None)],
            PunchTarget::Dkeys(dkeys) => dkeys.iter().map(|dkey| (Some(dkey), None)).collect(),
            PunchTarget::Akeys { dkey, akeys } => akeys.iter().map(|akey| (Some(dkey), Some(akey))).collect(),
        };
        if request.conditions.has(Conditions::PUNCH) {
            for target in &targets {
                let exists = match *target {
                    (Some(dkey), Some(akey)) => self.akey_exists(object, dkey, akey, epoch),
                    (Some(dkey), None) => self.dkey_exists(object, dkey, epoch),
                    (None, _) => self.object_exists(object, epoch),
                };
                if !exists {
                    return Err(Code::Nonexist);
                }
            }
        }
        for (dkey, akey) in targets {
            self.events.push(Event::Punch { object, dkey: dkey.cloned(), akey: akey.cloned(), epoch });
        }
        Ok(())
    }

    /// What was put somewhere and shows at an epoch, in the order of its being done.
    fn visible(&self, epoch: u64) -> impl Iterator<Item = (&ObjectId, &Key, &Key, u64, usize, &What)> {
        let is_punch = |(_, event): &(usize, &Event)| matches!(event, Event::Punch { .. });
        let punches: Vec<_> = self.events.iter().enumerate().filter(is_punch).collect();
        self.events.iter().enumerate().filter_map(move |(number, event)| {
            let Event::Put { object, dkey, akey, epoch: at, what } = event else { return None };
            let hides = |(later, punch): &(usize, &Event)| {
                let Event::Punch { object: o, dkey: d, akey: a, epoch: p } = punch else { return false };
                let above = o == object && d.as_ref().is_none_or(|d| d == dkey) && a.as_ref().is_none_or(|a| a == akey);
                above && *p <= epoch && (at < p || (at == p && number < *later))
            };
            let shows = *at <= epoch && !punches.iter().any(hides);
            shows.then_some((object, dkey, akey, *at, number, what))
        })
    }

    pub fn object_exists(&self, object: ObjectId, epoch: u64) -> bool {
        self.visible(epoch).any(|(o, ..)| *o == object)
    }

    pub fn dkey_exists(&self, object: ObjectId, dkey: &Key, epoch: u64) -> bool {
        self.visible(epoch).any(|(o, d, ..)| *o == object && d == dkey)
    }

    pub fn akey_exists(&self, object: ObjectId, dkey: &Key, akey: &Key, epoch: u64) -> bool {
        self.visible(epoch).any(|(o, d, a, ..)| *o == object && d == dkey && a == akey)
    }

    pub fn objects(&self, epoch: u64) -> BTreeSet<ObjectId> {
        self.visible(epoch).map(|entry| *entry.0).collect()
    }

    pub fn dkeys(&self, object: ObjectId, epoch: u64) -> BTreeSet<Key> {
        let there = self.visible(epoch).filter(|entry| *entry.0 == object);
        there.map(|entry| entry.1.clone()).collect()
    }

    pub fn akeys(&self, object: ObjectId, dkey: &Key, epoch: u64) -> BTreeSet<Key> {
        let there = self.visible(epoch).filter(|entry| *entry.0 == object && entry.1 == dkey);
        there.map(|entry| entry.2.clone()).collect()
    }

    /// The single value of an akey, with its epoch.
    pub fn single(&self, object: ObjectId, dkey: &Key, akey: &Key, epoch: u64) -> Option<(u64, Vec<u8>)> {
        let newest = self
            .visible(epoch)
            .filter(|(o, d, a, ..)| **o == object && *d == dkey && *a == akey)
            .max_by_key(|(_, _, _, at, number, _)| (*at, *number))?;
        match newest.5 {
            What::Single(bytes) => Some((newest.3, bytes.clone())),
            _ => None,
        }
    }

    /// The visible runs of an array, from left to right.
    pub fn runs(&self, object: ObjectId, dkey: &Key, akey: &Key, epoch: u64) -> Vec<Run> {
        let there: Vec<_> =
            self.visible(epoch).filter(|(o, d, a, ..)| **o == object && *d == dkey && *a == akey).collect();
        let mut runs: Vec<(usize, Run)> = Vec::new();
        for index in 0..RECORDS {
            let top = there.iter().filter(|entry| entry.5.covers(index)).max_by_key(|entry| (entry.3, entry.4));
            let Some((_, _, _, at, number, what)) = top else { continue };
            let record = match what {
                What::Data { extent, record_size, bytes } => {
                    let start = ((index - extent.start()) * record_size) as usize;
                    Some(bytes[start..start + *record_size as usize].to_vec())
                }
                _ => None,
            };
            match runs.last_mut() {
                Some((last, run)) if last == number && run.extent.end() == index => {
                    run.extent = Extent::from_bounds(run.extent.start(), index + 1).expect("grows");
                    if let (Some(bytes), Some(record)) = (&mut run.bytes, record) {
                        bytes.extend(record);
                    }
                }
                _ => {
                    let extent = Extent::new(index, 1).expect("one");
                    let stored_records = what.records();
                    runs.push((*number, Run { extent, epoch: *at, bytes: record, stored_records }));
                }
            }
        }
        runs.into_iter().map(|(_, run)| run).collect()
    }

    /// What an akey has become: what was punched away stays what it was.
    pub fn kind(&self, object: ObjectId, dkey: &Key, akey: &Key) -> Kind {
        let mut kind = Kind::Unknown;
        for event in &self.events {
            let Event::Put { object: o, dkey: d, akey: a, what, .. } = event else { continue };
            if (*o, d, a) != (object, dkey, akey) {
                continue;
            }
            kind = match (kind, what) {
                (Kind::Unknown, What::Single(_)) => Kind::Single,
                (Kind::Unknown | Kind::Array(0), What::Data { record_size, .. }) => Kind::Array(*record_size),
                (Kind::Unknown, What::Punched(_)) => Kind::Array(0),
                (other, _) => other,
            };
        }
        kind
    }

    /// As if nothing had ever been done at some epochs.
    #[allow(dead_code, reason = "not every test that has the model discards")]
    pub fn discard(&mut self, only: Option<ObjectId>, epochs: RangeInclusive<u64>) {
        self.events.retain(|event| {
            let (Event::Put { object, epoch, .. } | Event::Punch { object, epoch, .. }) = event;
            !epochs.contains(epoch) || only.is_some_and(|only| only != *object)
        });
    }

    /// What was done below a dkey, for messages.
    pub fn history(&self, object: ObjectId, dkey: &Key) -> String {
        let concerns = |event: &&Event| match event {
            Event::Put { object: o, dkey: d, .. } => *o == object && d == dkey,
            Event::Punch { object: o, dkey: d, .. } => *o == object && d.as_ref().is_none_or(|d| d == dkey),
        };
        let text = |event: &Event| match event {
            Event::Put { akey, epoch, what: What::Single(bytes), .. } => {
                format!("put {akey:?} at {epoch}: {} bytes", bytes.len())
            }
            Event::Put { akey, epoch, what: What::Data { extent, .. }, .. } => {
                format!("put {akey:?} at {epoch}: {extent:?}")
            }
            other => format!("{other:?}"),
        };
        self.events.iter().filter(concerns).map(text).collect::<Vec<_>>().join("\n")
    }

    pub fn max_epoch(&self, object: ObjectId) -> Option<u64> {
        let of = |event: &Event| match event {
            Event::Put { object: o, epoch, .. } | Event::Punch { object: o, epoch, .. } => {
                (*o == object).then_some(*epoch)
            }
        };
        self.events.iter().filter_map(of).max()
    }
}
