//! Random requests over few keys and epochs, so that they meet each other.

use crate::model::RECORDS;
use daos_env::{Random, SeededRandom};
use daos_store::{AkeyUpdate, Conditions, Data, Operation, PunchRequest, PunchTarget, UpdateRequest, UpdateValue};
use daos_types::{ContainerId, Epoch, Extent, Key, KeyKind, ObjectClass, ObjectId, ObjectType};

pub const CONTAINER: ContainerId = ContainerId::from_bytes([9; 16]);

/// Epochs of changes lie from 1 up to here.
pub const EPOCHS: u64 = 14;

/// Objects with every order of keys.
/// All records that an array can have here.
fn whole() -> Extent {
    Extent::new(0, RECORDS).expect("valid")
}

pub fn objects() -> Vec<ObjectId> {
    let of =
        |kind: u8| ObjectId::generate(ObjectId { hi: 0, lo: u64::from(kind) % 3 }, ObjectType(kind), ObjectClass::S1);
    [0, 4, 7, 11].map(of).to_vec()
}

fn keys(kind: KeyKind, count: u64) -> Vec<Key> {
    let long = |number: u64| [&[b'p'; 70][..], &number.to_be_bytes()].concat();
    let text = |number: u64| match number % 3 {
        0 => long(number),
        1 => format!("key {number}").into_bytes(),
        _ => vec![number as u8; (number % 4) as usize],
    };
    match kind {
        KeyKind::Integer => (0..count).map(|number| Key::from_u64(number * 0x0101)).collect(),
        _ => (0..count).map(|number| Key::new(&text(number)).expect("short")).collect(),
    }
}

pub fn dkeys(object: ObjectId) -> Vec<Key> {
    keys(object.object_type().dkey_kind(), 7)
}

pub fn akeys(object: ObjectId) -> Vec<Key> {
    keys(object.object_type().akey_kind(), 4)
}

pub struct Generator {
    random: SeededRandom,
    step: u64,
}

impl Generator {
    pub fn new(seed: u64) -> Generator {
        Generator { random: SeededRandom::new(seed), step: 0 }
    }

    pub fn below(&self, limit: u64) -> u64 {
        self.random.next_u64() % limit
    }

    pub fn one_in(&self, count: u64) -> bool {
        self.below(count) == 0
    }

    pub fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// Rising on the whole, but not always.
    fn epoch(&self) -> Epoch {
        if self.one_in(3) { Epoch(1 + self.below(EPOCHS)) } else { Epoch(1 + (self.step / 16) % EPOCHS) }
    }

    fn bytes(&self, length: usize) -> Data {
        let seed = self.random.next_u64();
        let bytes: Vec<u8> = (0..length as u64).map(|at| (seed.wrapping_mul(at + 1) >> 32) as u8).collect();
        if self.one_in(2) {
            return Data::Bytes(bytes);
        }
        Data::Buffer(daos_env::IoBuffer::copy_of(&bytes))
    }

    pub fn extent(&self) -> Extent {
        let start = self.below(RECORDS - 1);
        Extent::new(start, 1 + self.below((RECORDS - start).min(20))).expect("in range")
    }

    /// Akeys of even numbers are single values and the others arrays of records of 1 or of 3000 bytes, nearly always.
    fn value(&self, akey: usize) -> UpdateValue {
        let as_usual = !self.one_in(40);
        if akey.is_multiple_of(2) == as_usual {
            let length = match self.below(5) {
                0 => 0,
                1 => 4095 + self.below(3),
                2 => self.below(80_000),
                _ => self.below(50),
            };
            return UpdateValue::Single(self.bytes(length as usize));
        }
        let mut extents: Vec<Extent> = (0..1 + self.below(3)).map(|_| self.extent()).collect();
        match self.below(12) {
            0..=2 => return UpdateValue::PunchExtents(extents),
            // It is there as before, and has nothing in it.
            3 | 4 => return UpdateValue::PunchExtents(vec![whole()]),
            5 => extents = vec![whole()],
            _ => {}
        }
        let record_size = if akey == 3 { 3000 } else { 1 + u64::from(self.one_in(40)) };
        let piece = |extent: Extent| (extent, self.bytes((extent.count() * record_size) as usize));
        UpdateValue::Array { record_size, pieces: extents.into_iter().map(piece).collect() }
    }

    fn conditions(&self, from: &[Conditions]) -> Conditions {
        if self.one_in(3) { *self.pick(from) } else { Conditions::NONE }
    }

    fn update(&self) -> UpdateRequest {
        let object = *self.pick(&objects());
        let akeys = akeys(object);
        let first = self.below(akeys.len() as u64) as usize;
        // An akey is named once in a request.
        let updates = (0..1 + self.below(3) as usize).map(|index| {
            let number = (first + index) % akeys.len();
            let conditions = self.conditions(&[Conditions::AKEY_INSERT, Conditions::AKEY_UPDATE]);
            AkeyUpdate { akey: akeys[number].clone(), value: self.value(number), conditions }
        });
        let akeys = updates.collect();
        let conditions = self.conditions(&[
            Conditions::DKEY_INSERT,
            Conditions::DKEY_UPDATE,
            Conditions::AKEY_INSERT,
            Conditions::AKEY_UPDATE,
            Conditions::PER_AKEY,
            Conditions::PER_AKEY | Conditions::DKEY_UPDATE,
        ]);
        let dkey = self.pick(&dkeys(object)).clone();
        UpdateRequest { container: CONTAINER, object, epoch: self.epoch(), dkey, conditions, akeys }
    }

    fn punch(&self) -> PunchRequest {
        let object = *self.pick(&objects());
        let several = |keys: Vec<Key>| (0..1 + self.below(2)).map(|_| self.pick(&keys).clone()).collect();
        let what = match self.below(8) {
            0 => PunchTarget::Object,
            1..=3 => PunchTarget::Dkeys(several(dkeys(object))),
            _ => PunchTarget::Akeys { dkey: self.pick(&dkeys(object)).clone(), akeys: several(akeys(object)) },
        };
        let conditions = self.conditions(&[Conditions::PUNCH]);
        PunchRequest { container: CONTAINER, object, epoch: self.epoch(), what, conditions }
    }

    /// One to three changes that are made together.
    pub fn operations(&mut self) -> Vec<Operation> {
        self.step += 1;
        let count = if self.one_in(4) { 1 + self.below(3) } else { 1 };
        let one = |_| if self.one_in(4) { Operation::Punch(self.punch()) } else { Operation::Update(self.update()) };
        (0..count).map(one).collect()
    }
}
