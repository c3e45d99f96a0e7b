//! A client that changes keys of its own, and reads them at any epoch that can be read.

use crate::life::{CONTAINER, Shared};
use crate::model::{ARRAY, Change, Name, Shown};
use daos_env::sync::yield_now;
use daos_env::{Random, SeededRandom, Spawner};
use daos_status::{Code, Result};
use daos_store::{
    AkeyFetch, AkeyUpdate, Conditions, Content, Data, FetchRequest, FetchWhat, Fetched, Few, PunchRequest, PunchTarget,
    Store, UpdateRequest, UpdateValue,
};
use daos_types::{Epoch, Extent, Key, ObjectId};
use std::rc::Rc;
use std::time::Duration;

/// Operations of a writer in one life.
const OPERATIONS: u64 = 150;
/// Keys of each.
const KEYS: u64 = 5;
/// The longest value: some lie in the arena, some on the data device.
const LENGTH_MAX: u64 = 6000;
/// Random bytes of this many differ.
const LENGTH_MIN: u64 = 8;
const CONDITIONS: Conditions = Conditions::NONE;

pub fn below(random: &SeededRandom, bound: u64) -> u64 {
    random.next_u64() % bound
}

fn random_bytes(random: &SeededRandom, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; length as usize];
    random.fill(&mut bytes);
    bytes
}

/// Lets others run, for no time or for some.
pub async fn pause(random: &SeededRandom, spawner: &Spawner) {
    match below(random, 4) {
        0 => {}
        1 => spawner.sleep(Duration::from_micros(below(random, 8000))).await,
        _ => {
            for _ in 0..below(random, 6) {
                yield_now().await;
            }
        }
    }
}

fn object(name: Name) -> ObjectId {
    ObjectId { hi: 0, lo: 1 + name.0 }
}

fn akeys() -> [Key; 2] {
    [Key::from_u64(1), Key::from_u64(2)]
}

/// What an epoch shows of a key.
pub async fn read(store: &Store, name: Name, epoch: u64) -> Result<Shown> {
    let whole = Extent::new(0, ARRAY as u64).expect("not empty");
    let [single, array] = akeys();
    let akeys = vec![
        AkeyFetch { akey: single, what: FetchWhat::Single, conditions: CONDITIONS },
        AkeyFetch { akey: array, what: FetchWhat::Array(Few::from([whole])), conditions: CONDITIONS },
    ];
    let akeys = Few::from(akeys);
    let (object, dkey, conditions) = (object(name), Key::from_u64(name.1), CONDITIONS);
    let size_only = false;
    let request =
        FetchRequest { container: CONTAINER, object, epoch: Epoch(epoch), dkey, akeys, size_only, conditions };
    let mut shown = Shown { single: None, records: vec![None; ARRAY] };
    for fetched in store.fetch(request).await?.akeys {
        match fetched {
            Fetched::Missing => {}
            Fetched::Single { data, .. } => shown.single = Some(data.to_vec()),
            Fetched::Array { pieces, .. } => {
                for piece in pieces {
                    let Content::Data(data) = piece.content else { continue };
                    let start = piece.extent.start() as usize;
                    let bytes = data.to_vec();
                    bytes.iter().enumerate().for_each(|(index, byte)| shown.records[start + index] = Some(*byte));
                }
            }
        }
    }
    Ok(shown)
}

pub struct Writer {
    pub number: u64,
    pub random: SeededRandom,
    pub store: Rc<Store>,
    pub shared: Rc<Shared>,
}

impl Writer {
    pub async fn work(self) {
        for _ in 0..OPERATIONS {
            pause(&self.random, &self.shared.spawner).await;
            let name = (self.number, below(&self.random, KEYS));
            match below(&self.random, 5) {
                0..3 => self.change(name).await,
                _ => self.look(name).await,
            }
        }
    }

    fn next_change(&self) -> Change {
        let random = &self.random;
        let start = below(random, ARRAY as u64 - LENGTH_MIN) as usize;
        let count = LENGTH_MIN + below(random, (ARRAY - start) as u64 - LENGTH_MIN + 1);
        match below(random, 12) {
            0 => Change::PunchKey,
            1 => Change::PunchRecords(start, count as usize),
            2..7 => Change::Records(start, random_bytes(random, count)),
            7 => Change::Single(random_bytes(random, 4096 + below(random, LENGTH_MAX - 4096))),
            _ => Change::Single(random_bytes(random, LENGTH_MIN + below(random, 200))),
        }
    }

    async fn change(&self, name: Name) {
        let change = self.next_change();
        let epoch = self.shared.epochs.next();
        self.shared.model.borrow_mut().keys.entry(name).or_default().begin(epoch, change.clone());
        let result = self.apply(name, epoch, change).await;
        self.shared.check(result).await;
        let mut model = self.shared.model.borrow_mut();
        model.tally.acknowledged += 1;
        model.keys.entry(name).or_default().acknowledge();
    }

    async fn apply(&self, name: Name, epoch: u64, change: Change) -> Result<()> {
        let (object, dkey, conditions, epoch) = (object(name), Key::from_u64(name.1), CONDITIONS, Epoch(epoch));
        let [single, array] = akeys();
        let extent = |start: usize, count: usize| Extent::new(start as u64, count as u64).expect("not empty");
        let (akey, value) = match change {
            Change::PunchKey => {
                let what = PunchTarget::Dkeys(vec![dkey]);
                return self.store.punch(PunchRequest { container: CONTAINER, object, epoch, conditions, what }).await;
            }
            Change::Single(bytes) => (single, UpdateValue::Single(Data::Bytes(bytes))),
            Change::Records(start, bytes) => {
                let pieces = Few::from([(extent(start, bytes.len()), Data::Bytes(bytes))]);
                (array, UpdateValue::Array { record_size: 1, pieces })
            }
            Change::PunchRecords(start, count) => (array, UpdateValue::PunchExtents(vec![extent(start, count)])),
        };
        let akeys = Few::from([AkeyUpdate { akey, value, conditions }]);
        self.store.update(UpdateRequest { container: CONTAINER, object, epoch, dkey, conditions, akeys }).await
    }

    /// Reads a key at the newest epoch, at a pinned one, or at one at which it was changed, which can perhaps still be read.
    async fn look(&self, name: Name) {
        let now = self.shared.epochs.next();
        let (pins, own): (Vec<u64>, Vec<u64>) = {
            let mut model = self.shared.model.borrow_mut();
            (model.pins.iter().copied().collect(), model.keys.entry(name).or_default().epochs().collect())
        };
        let epoch = match below(&self.random, 3) {
            0 if !pins.is_empty() => pins[below(&self.random, pins.len() as u64) as usize],
            // The last ones may not be aggregated yet.
            1 if !own.is_empty() => own[own.len() - 1 - below(&self.random, own.len().min(6) as u64) as usize],
            _ => now,
        };
        let expected = self.shared.model.borrow_mut().keys.entry(name).or_default().shown_at(epoch);
        match read(&self.store, name, epoch).await {
            Ok(seen) => {
                assert_eq!(seen, expected, "{name:?} at {epoch}");
                self.shared.model.borrow_mut().tally.reads += 1;
            }
            Err(status) if status.code() == Code::EpOld => {
                let aggregated = self.store.aggregated(CONTAINER).await;
                let aggregated = self.shared.check(aggregated).await.0;
                let mut model = self.shared.model.borrow_mut();
                let is_pinned = model.pins.contains(&epoch) && model.pin_under_way != Some(epoch);
                assert!(epoch < aggregated && !is_pinned, "{name:?} at {epoch} of {aggregated}: {status}");
                model.tally.too_old += 1;
            }
            Err(status) => self.shared.check(Err(status)).await,
        }
    }
}
