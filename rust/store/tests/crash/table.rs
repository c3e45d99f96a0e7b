//! Updates of several akeys at once, which all say the same number: in the arena, on the device, and in array extents that overlap.

use crate::life::{TABLES, extent, key, read_number, value};
use daos_status::{Code, Result};
use daos_store::*;
use daos_types::{Epoch, Extent, ObjectId};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Records of the array lie below this index.
const RECORDS: u64 = 20_000;

#[derive(Clone, Default)]
struct State {
    /// Zero when the dkey is punched, or was never there.
    number: u64,
    /// The array: for each range the number that wrote it, in the order of their being written.
    written: Vec<(Extent, u64)>,
}

pub struct Table {
    task: u64,
    state: RefCell<State>,
    /// How many requests were acknowledged.
    done: Cell<u64>,
    is_under_way: Cell<bool>,
    /// How many were refused for want of space.
    refused: Cell<u64>,
}

fn small(number: u64) -> Vec<u8> {
    value(number, 1 + (number * 631 % 4000) as usize)
}

fn large(number: u64) -> Vec<u8> {
    // Half of them so small that the log carries them.
    let longest = if number.is_multiple_of(2) { 60_000 } else { 12_000 };
    value(number + 1, 4000 + (number * 7919 % longest) as usize)
}

impl Table {
    pub fn new(task: u64) -> Table {
        Table {
            task,
            state: RefCell::default(),
            done: Cell::new(0),
            is_under_way: Cell::new(false),
            refused: Cell::new(0),
        }
    }

    fn object(&self) -> ObjectId {
        ObjectId { hi: 0, lo: self.task }
    }

    pub fn done(&self) -> u64 {
        self.done.get()
    }

    pub fn refused(&self) -> u64 {
        self.refused.get()
    }

    fn is_punch(number: u64) -> bool {
        number % 9 == 7
    }

    /// The range that a request writes: now and then more than a page of the arena, and always over others.
    fn range(&self, number: u64) -> Extent {
        let start = (number * 4099 + self.task) % (RECORDS / 2);
        extent(start, 1 + (number * 2711) % (RECORDS / 2))
    }

    fn epoch(number: u64) -> Epoch {
        // Some of them share their epoch with the one before.
        Epoch(100 + number / 2)
    }

    fn update(&self, number: u64) -> UpdateRequest {
        let akey = |name: &str, value| AkeyUpdate { akey: key(name), value, conditions: Conditions::NONE };
        let range = self.range(number);
        let bytes = Data::Bytes(value(number, range.count() as usize));
        UpdateRequest {
            container: TABLES,
            object: self.object(),
            epoch: Table::epoch(number),
            dkey: key("d"),
            conditions: Conditions::NONE,
            akeys: Few::from([
                akey("small", UpdateValue::Single(small(number).into())),
                akey("large", UpdateValue::Single(large(number).into())),
                akey("array", UpdateValue::Array { record_size: 1, pieces: Few::from([(range, bytes)]) }),
                akey("n", UpdateValue::Single(number.to_le_bytes().to_vec().into())),
            ]),
        }
    }

    fn after(&self, number: u64) -> State {
        if Table::is_punch(number) {
            return State::default();
        }
        let mut next = self.state.borrow().clone();
        next.number = number;
        next.written.push((self.range(number), number));
        next
    }

    pub async fn work(&self, store: &Store, requests: u64) -> Result<()> {
        for _ in 0..requests {
            let number = self.done.get() + 1;
            self.is_under_way.set(true);
            let result = if Table::is_punch(number) {
                let what = PunchTarget::Dkeys(vec![key("d")]);
                let (epoch, conditions) = (Table::epoch(number), Conditions::NONE);
                store.punch(PunchRequest { container: TABLES, object: self.object(), epoch, what, conditions }).await
            } else {
                store.update(self.update(number)).await
            };
            match result {
                Ok(()) => self.settle(),
                Err(status) if status.code() == Code::Nospace => {
                    let found = read_number(store, TABLES, self.object()).await?.unwrap_or(0);
                    assert_eq!(found, self.state.borrow().number, "refused, and done all the same");
                    self.is_under_way.set(false);
                    self.refused.set(self.refused.get() + 1);
                }
                Err(status) => return Err(status),
            }
        }
        Ok(())
    }

    fn settle(&self) {
        let number = self.done.get() + 1;
        let next = self.after(number);
        self.state.replace(next);
        self.done.set(number);
        self.is_under_way.set(false);
    }

    /// Compares what has survived with the last request, or the one under way.
    pub async fn verify(&self, store: &Store) {
        let found = read_number(store, TABLES, self.object()).await.expect("readable").unwrap_or(0);
        if self.is_under_way.get()
            && found != self.state.borrow().number
            && found == self.after(self.done.get() + 1).number
        {
            self.settle();
        }
        self.is_under_way.set(false);
        let state = self.state.borrow().clone();
        assert_eq!(found, state.number, "task {}: request {} is the last one known", self.task, self.done.get());
        let whole = extent(0, RECORDS);
        let akey = |name: &str, what| AkeyFetch { akey: key(name), what, conditions: Conditions::NONE };
        let request = FetchRequest {
            container: TABLES,
            object: self.object(),
            epoch: Epoch::MAX,
            dkey: key("d"),
            akeys: Few::from([
                akey("small", FetchWhat::Single),
                akey("large", FetchWhat::Single),
                akey("array", FetchWhat::Array(Few::from([whole]))),
            ]),
            size_only: false,
            conditions: Conditions::NONE,
        };
        let reply = match store.fetch(request).await {
            Ok(reply) => reply,
            // No request has come that far.
            Err(status) if status.code() == Code::ContNonexist && state.number == 0 => return,
            Err(status) => panic!("{status}"),
        };
        check_single(&reply.akeys[0], (state.number > 0).then(|| small(state.number)));
        check_single(&reply.akeys[1], (state.number > 0).then(|| large(state.number)));
        check_array(&reply.akeys[2], &state);
    }
}

fn check_single(found: &Fetched, expected: Option<Vec<u8>>) {
    match (found, expected) {
        (Fetched::Missing, None) => {}
        (Fetched::Single { data, .. }, Some(expected)) => assert!(data[..] == expected[..], "a value is another"),
        (found, expected) => panic!("{found:?} instead of {:?} bytes", expected.map(|bytes| bytes.len())),
    }
}

fn check_array(found: &Fetched, state: &State) {
    let mut expected = BTreeMap::new();
    for (range, number) in &state.written {
        for (index, byte) in value(*number, range.count() as usize).into_iter().enumerate() {
            expected.insert(range.start() + index as u64, byte);
        }
    }
    let Fetched::Array { pieces, .. } = found else {
        return assert!(expected.is_empty() && matches!(found, Fetched::Missing), "{found:?}");
    };
    let mut at = 0;
    for piece in pieces {
        assert_eq!(piece.extent.start(), at);
        at = piece.extent.end();
        for index in piece.extent.start()..at {
            let is = match &piece.content {
                Content::Data(data) => Some(data[(index - piece.extent.start()) as usize]),
                _ => None,
            };
            assert_eq!(is, expected.get(&index).copied(), "record {index}");
        }
    }
}
