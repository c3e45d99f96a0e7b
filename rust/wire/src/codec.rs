//! Writing and reading of values.

use daos_status::{Code, Result, Status, fail};
use daos_types::{
    ContainerId, EngineId, Epoch, Extent, HandleId, HolderId, Key, ObjectId, PoolId, Rank, Reference, SystemId,
    TargetIndex, TransactionId,
};

/// Room that a message gets at first: what most have without their values. To grow byte by byte costs more than all else.
const USUAL_BYTES: usize = 256;

/// Bytes under construction.
#[derive(Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Appends bytes as they are.
    pub fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

/// Bytes being read.
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of all of these bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    /// Takes `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        match self.bytes.split_at_checked(count) {
            Some((head, tail)) => {
                self.bytes = tail;
                Ok(head)
            }
            None => fail!(Code::Proto, "a message ends {} bytes too early", count - self.bytes.len()),
        }
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// Fails when something is left.
    pub(crate) fn end(&self) -> Result<()> {
        if self.remaining() > 0 {
            fail!(Code::Proto, "a message has {} bytes left over", self.remaining());
        }
        Ok(())
    }

    /// Reads the number of elements of a list whose elements take at least one byte each.
    pub fn length(&mut self) -> Result<usize> {
        let length = u32::decode(self)? as usize;
        if length > self.remaining() {
            fail!(Code::Proto, "a list of {length} elements does not fit the {} bytes left", self.remaining());
        }
        Ok(length)
    }
}

/// A value with a form on the wire.
pub trait Wire: Sized {
    /// Appends the value.
    fn encode(&self, writer: &mut Writer);
    /// Reads a value.
    fn decode(reader: &mut Reader<'_>) -> Result<Self>;
}

/// A value that is one of several, by a number that may stand apart from what belongs to it.
pub trait Variants: Wire {
    /// Which one it is.
    fn number(&self) -> u8;
    /// Appends what belongs to it.
    fn encode_content(&self, writer: &mut Writer);
    /// Reads what belongs to a number; `None` when there is no such variant.
    fn decode_content(number: u8, reader: &mut Reader<'_>) -> Result<Option<Self>>;
}

/// The bytes of a value.
pub fn encode(value: &impl Wire) -> Vec<u8> {
    let mut writer = Writer { bytes: Vec::with_capacity(USUAL_BYTES) };
    value.encode(&mut writer);
    writer.bytes
}

/// The value of bytes; all of them must belong to it.
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T> {
    let mut reader = Reader { bytes };
    let value = T::decode(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// The bytes of what belongs to a variant, without its number.
pub fn encode_content(value: &impl Variants) -> Vec<u8> {
    let mut writer = Writer::default();
    value.encode_content(&mut writer);
    writer.bytes
}

/// The variant of a number and of bytes that must all belong to it; `None` when there is no such variant.
pub fn decode_content<T: Variants>(number: u8, bytes: &[u8]) -> Result<Option<T>> {
    let mut reader = Reader { bytes };
    let value = T::decode_content(number, &mut reader)?;
    if value.is_some() {
        reader.end()?;
    }
    Ok(value)
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Wire for $type {
            fn encode(&self, writer: &mut Writer) {
                writer.put(&self.to_le_bytes());
            }
            fn decode(reader: &mut Reader<'_>) -> Result<Self> {
                let mut bytes = [0; size_of::<$type>()];
                bytes.copy_from_slice(reader.take(size_of::<$type>())?);
                Ok(<$type>::from_le_bytes(bytes))
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, i32);

impl Wire for bool {
    fn encode(&self, writer: &mut Writer) {
        u8::from(*self).encode(writer);
    }
    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        match u8::decode(reader)? {
            0 => Ok(false),
            1 => Ok(true),
            other => fail!(Code::Proto, "{other} is neither true nor false"),
        }
    }
}

impl Wire for () {
    fn encode(&self, _: &mut Writer) {}
    fn decode(_: &mut Reader<'_>) -> Result<Self> {
        Ok(())
    }
}

/// Bytes as one value: a list of bytes is written and read at once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Blob(pub Vec<u8>);

impl Wire for Blob {
    fn encode(&self, writer: &mut Writer) {
        (self.0.len() as u32).encode(writer);
        writer.put(&self.0);
    }
    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let length = reader.length()?;
        Ok(Blob(reader.take(length)?.to_vec()))
    }
}

impl Wire for String {
    fn encode(&self, writer: &mut Writer) {
        (self.len() as u32).encode(writer);
        writer.put(self.as_bytes());
    }
    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        String::from_utf8(Blob::decode(reader)?.0)
            .map_err(|_| Status::new(Code::Proto, "a text in a message is not UTF-8"))
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn encode(&self, writer: &mut Writer) {
        (self.len() as u32).encode(writer);
        for element in self {
            element.encode(writer);
        }
    }
    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        // Grown as elements arrive: a length alone allocates nothing.
        let length = reader.length()?;
        let mut list = Vec::new();
        for _ in 0..length {
            list.push(T::decode(reader)?);
        }
        Ok(list)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn encode(&self, writer: &mut Writer) {
        self.is_some().encode(writer);
        if let Some(value) = self {
            value.encode(writer);
        }
    }
    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        Ok(if bool::decode(reader)? { Some(T::decode(reader)?) } else { None })
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn encode(&self, writer: &mut Writer) {
        self.0.encode(writer);
        self.1.encode(writer);
    }
    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        Ok((A::decode(reader)?, B::decode(reader)?))
    }
}

macro_rules! uuids {
    ($($type:ty),*) => {$(
        impl Wire for $type {
            fn encode(&self, writer: &mut Writer) {
                writer.put(&self.to_bytes());
            }
            fn decode(reader: &mut Reader<'_>) -> Result<Self> {
                let mut bytes = [0; 16];
                bytes.copy_from_slice(reader.take(16)?);
                Ok(<$type>::from_bytes(bytes))
            }
        }
    )*};
}

uuids!(PoolId, ContainerId, HandleId, HolderId, SystemId, EngineId, TransactionId);

macro_rules! newtypes {
    ($($type:ty: $inner:ty),*) => {$(
        impl Wire for $type {
            fn encode(&self, writer: &mut Writer) {
                self.0.encode(writer);
            }
            fn decode(reader: &mut Reader<'_>) -> Result<Self> {
                Ok(Self(<$inner>::decode(reader)?))
            }
        }
    )*};
}

newtypes!(Epoch: u64, Rank: u32, TargetIndex: u32);

impl Wire for ObjectId {
    fn encode(&self, writer: &mut Writer) {
        (self.hi, self.lo).encode(writer);
    }
    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let (hi, lo) = Wire::decode(reader)?;
        Ok(ObjectId { hi, lo })
    }
}

impl Wire for Extent {
    fn encode(&self, writer: &mut Writer) {
        (self.start(), self.count()).encode(writer);
    }
    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let (start, count) = Wire::decode(reader)?;
        Extent::new(start, count)
            .ok_or_else(|| Status::new(Code::Proto, format!("no extent has start {start} and count {count}")))
    }
}

impl Wire for Key {
    fn encode(&self, writer: &mut Writer) {
        (self.len() as u32).encode(writer);
        writer.put(self);
    }
    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let length = reader.length()?;
        Key::new(reader.take(length)?)
    }
}

impl Wire for Reference {
    fn encode(&self, writer: &mut Writer) {
        self.to_string().encode(writer);
    }
    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        Reference::parse(&String::decode(reader)?)
    }
}
