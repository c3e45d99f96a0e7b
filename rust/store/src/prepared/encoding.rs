//! The operations of a prepared change as bytes.
//!
//! ```text
//! operations u32, then for each: kind u8, object hi u64, object lo u64, and
//!   kind 0, update:        dkey, akeys u32, then for each: akey, and
//!     0 single value:      data
//!     1 array:             record size u64, pieces u32, then for each: start u64, end u64, data
//!     2 punched extents:   extents u32, then for each: start u64, end u64
//!   kind 1, punch of the object
//!   kind 2, punch of dkeys:  keys u32, then the keys
//!   kind 3, punch of akeys:  dkey, keys u32, then the keys
//! key   length u32, bytes
//! data  0 u8, length u32, bytes; or, on the device, 1 u8, length u32, checksum kind u8, chunk bytes u32, words u32, words u64,
//!       pieces u32, pieces u64
//! ```
//! Conditions are not there: they were decided when the change was prepared. Nor are the container and the epoch, which the record
//! has.

use crate::change::PlacedValue;
use crate::checksums::Computed;
use crate::stored::VALUE_MAX;
use crate::tree::damaged;
use crate::value_space::{Placed, ValueSpace, piece_range, piece_word};
use crate::{
    AkeyUpdate, ChecksumKind, Conditions, Data, Few, Operation, PunchRequest, PunchTarget, UpdateRequest, UpdateValue,
};
use daos_media::{BLOCK_SIZE, BlockRange};
use daos_status::Result;
use daos_types::{ContainerId, Epoch, Extent, Key, ObjectId};

const UPDATE: u8 = 0;
const PUNCH_OBJECT: u8 = 1;
const PUNCH_DKEYS: u8 = 2;
const PUNCH_AKEYS: u8 = 3;

const SINGLE: u8 = 0;
const ARRAY: u8 = 1;
const EXTENTS: u8 = 2;

const INLINE: u8 = 0;
const ON_DEVICE: u8 = 1;

/// Operations with the values that lie on the device.
pub(crate) struct Decoded {
    pub operations: Vec<Operation>,
    pub placed: Vec<Vec<PlacedValue>>,
}

/// The bytes of operations whose large values were placed.
pub(crate) fn encode(operations: &[Operation], placed: &[Vec<PlacedValue>]) -> Vec<u8> {
    let mut out = Writer(Vec::new());
    out.count(operations.len());
    for (index, operation) in operations.iter().enumerate() {
        match operation {
            Operation::Update(update) => {
                out.head(UPDATE, update.object);
                out.key(&update.dkey);
                out.count(update.akeys.len());
                let mut placed = placed.get(index).map_or(&[][..], |values| values).iter().peekable();
                for (akey, update) in update.akeys.iter().enumerate() {
                    out.key(&update.akey);
                    let mut next = |piece| placed.next_if(|value| value.is_at(akey, piece)).map(PlacedValue::placed);
                    out.value(&update.value, &mut next);
                }
            }
            Operation::Punch(PunchRequest { object, what, .. }) => match what {
                PunchTarget::Object => out.head(PUNCH_OBJECT, *object),
                PunchTarget::Dkeys(dkeys) => {
                    out.head(PUNCH_DKEYS, *object);
                    out.keys(dkeys);
                }
                PunchTarget::Akeys { dkey, akeys } => {
                    out.head(PUNCH_AKEYS, *object);
                    out.key(dkey);
                    out.keys(akeys);
                }
            },
        }
    }
    out.0
}

struct Writer(Vec<u8>);

impl Writer {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }
    fn count(&mut self, count: usize) {
        self.0.extend_from_slice(&(count as u32).to_le_bytes());
    }
    fn word(&mut self, word: u64) {
        self.0.extend_from_slice(&word.to_le_bytes());
    }
    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }
    fn head(&mut self, kind: u8, object: ObjectId) {
        self.byte(kind);
        self.word(object.hi);
        self.word(object.lo);
    }
    fn key(&mut self, key: &Key) {
        self.bytes(key);
    }
    fn keys(&mut self, keys: &[Key]) {
        self.count(keys.len());
        keys.iter().for_each(|key| self.key(key));
    }
    fn extent(&mut self, extent: Extent) {
        self.word(extent.start());
        self.word(extent.end());
    }
    fn value<'p>(&mut self, value: &UpdateValue, next: &mut impl FnMut(usize) -> Option<&'p Placed>) {
        match value {
            UpdateValue::Single(data) => {
                self.byte(SINGLE);
                self.data(data, next(0));
            }
            UpdateValue::Array { record_size, pieces } => {
                self.byte(ARRAY);
                self.word(*record_size);
                self.count(pieces.len());
                for (index, (extent, data)) in pieces.iter().enumerate() {
                    self.extent(*extent);
                    self.data(data, next(index));
                }
            }
            UpdateValue::PunchExtents(extents) => {
                self.byte(EXTENTS);
                self.count(extents.len());
                extents.iter().for_each(|extent| self.extent(*extent));
            }
        }
    }
    fn data(&mut self, data: &[u8], placed: Option<&Placed>) {
        let Some(placed) = placed else {
            self.byte(INLINE);
            return self.bytes(data);
        };
        self.byte(ON_DEVICE);
        self.count(placed.length);
        self.byte(placed.checksums.kind.number());
        self.count(placed.checksums.chunk);
        self.count(placed.checksums.words.len());
        placed.checksums.words.iter().for_each(|word| self.word(*word));
        self.count(placed.ranges.len());
        placed.ranges.iter().for_each(|range| self.word(piece_word(*range)));
    }
}

/// The operations of bytes that [`encode`] gave; their values on the device belong to whoever they belonged to before.
pub(crate) fn decode(bytes: &[u8], container: ContainerId, epoch: Epoch, space: &ValueSpace) -> Result<Decoded> {
    let mut reader = Reader { bytes, length: bytes.len(), container, epoch, space };
    let count = reader.count(17)?;
    let mut decoded = Decoded { operations: Vec::with_capacity(count), placed: Vec::with_capacity(count) };
    for _ in 0..count {
        let (operation, placed) = reader.operation()?;
        decoded.operations.push(operation);
        decoded.placed.push(placed);
    }
    if reader.bytes.is_empty() { Ok(decoded) } else { Err(reader.damaged()) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    length: usize,
    container: ContainerId,
    epoch: Epoch,
    space: &'a ValueSpace,
}

impl<'a> Reader<'a> {
    #[cold]
    fn damaged(&self) -> daos_status::Status {
        damaged("the operations of a prepared change", (self.length - self.bytes.len()) as u64)
    }
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((first, rest)) = self.bytes.split_first_chunk::<N>() else { return Err(self.damaged()) };
        self.bytes = rest;
        Ok(*first)
    }
    fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }
    fn number(&mut self) -> Result<usize> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }
    /// A number of things of at least so many bytes each: so many can be there.
    fn count(&mut self, least: usize) -> Result<usize> {
        let count = self.number()?;
        if count > self.bytes.len() / least { Err(self.damaged()) } else { Ok(count) }
    }
    fn word(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }
    fn taken(&mut self) -> Result<&'a [u8]> {
        let length = self.count(1)?;
        let (first, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        Ok(first)
    }
    fn key(&mut self) -> Result<Key> {
        let bytes = self.taken()?;
        Key::new(bytes).map_err(|_| self.damaged())
    }
    fn keys(&mut self) -> Result<Vec<Key>> {
        (0..self.count(4)?).map(|_| self.key()).collect()
    }
    fn extent(&mut self) -> Result<Extent> {
        let (start, end) = (self.word()?, self.word()?);
        Extent::from_bounds(start, end).ok_or_else(|| self.damaged())
    }

    fn operation(&mut self) -> Result<(Operation, Vec<PlacedValue>)> {
        let kind = self.byte()?;
        let object = ObjectId { hi: self.word()?, lo: self.word()? };
        let what = match kind {
            UPDATE => return self.update(object),
            PUNCH_OBJECT => PunchTarget::Object,
            PUNCH_DKEYS => PunchTarget::Dkeys(self.keys()?),
            PUNCH_AKEYS => PunchTarget::Akeys { dkey: self.key()?, akeys: self.keys()? },
            _ => return Err(self.damaged()),
        };
        let (container, epoch, conditions) = (self.container, self.epoch, Conditions::NONE);
        Ok((Operation::Punch(PunchRequest { container, object, epoch, what, conditions }), Vec::new()))
    }

    fn update(&mut self, object: ObjectId) -> Result<(Operation, Vec<PlacedValue>)> {
        let dkey = self.key()?;
        let count = self.count(5)?;
        let mut akeys = Few::new();
        let mut placed = Vec::new();
        for index in 0..count {
            let akey = self.key()?;
            let value = self.value(index, &mut placed)?;
            akeys.push(AkeyUpdate { akey, value, conditions: Conditions::NONE });
        }
        let (container, epoch, conditions) = (self.container, self.epoch, Conditions::NONE);
        Ok((Operation::Update(UpdateRequest { container, object, epoch, dkey, conditions, akeys }), placed))
    }

    fn value(&mut self, akey: usize, placed: &mut Vec<PlacedValue>) -> Result<UpdateValue> {
        match self.byte()? {
            SINGLE => Ok(UpdateValue::Single(self.data(akey, 0, placed)?.0)),
            ARRAY => {
                let record_size = self.word()?;
                let mut pieces = Few::new();
                for piece in 0..self.count(21)? {
                    let extent = self.extent()?;
                    let (data, length) = self.data(akey, piece, placed)?;
                    let is_whole = extent.count().checked_mul(record_size) == Some(length as u64);
                    if record_size == 0 || u32::try_from(record_size).is_err() || !is_whole {
                        return Err(self.damaged());
                    }
                    pieces.push((extent, data));
                }
                Ok(UpdateValue::Array { record_size, pieces })
            }
            EXTENTS => {
                Ok(UpdateValue::PunchExtents((0..self.count(16)?).map(|_| self.extent()).collect::<Result<_>>()?))
            }
            _ => Err(self.damaged()),
        }
    }

    /// A value and its length.
    fn data(&mut self, akey: usize, piece: usize, placed: &mut Vec<PlacedValue>) -> Result<(Data, usize)> {
        match self.byte()? {
            INLINE => {
                let bytes = self.taken()?;
                return Ok((Data::copy_of(bytes), bytes.len()));
            }
            ON_DEVICE => {}
            _ => return Err(self.damaged()),
        }
        let length = self.number()?;
        let kind = ChecksumKind::from_number(u64::from(self.byte()?)).ok_or_else(|| self.damaged())?;
        let chunk = self.number()?;
        let words = (0..self.count(8)?).map(|_| self.word()).collect::<Result<Vec<u64>>>()?;
        let ranges = (0..self.count(8)?).map(|_| Ok(piece_range(self.word()?))).collect::<Result<Vec<BlockRange>>>()?;
        let blocks = ranges.iter().try_fold(0u64, |sum, range| sum.checked_add(range.count));
        if length > VALUE_MAX || blocks != Some(length.div_ceil(BLOCK_SIZE) as u64) {
            return Err(self.damaged());
        }
        let checksums = Computed { kind, chunk, words };
        placed.push(PlacedValue::new(akey, piece, self.space.adopt(ranges, length, checksums)));
        Ok((Data::Bytes(Vec::new()), length))
    }
}
