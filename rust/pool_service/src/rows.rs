//! The stored form of the service's state: one row per pool, container and attribute.

use daos_status::{Code, Result, Status, fail};
use daos_types::{ContainerId, EngineId, PoolId, Rank, SystemId, TargetIndex};
use daos_wire::{AttributeOwner, Blob, Properties, Reader, Wire, Writer, decode, encode};

/// The format of all rows; it stands before every row's value.
const FORMAT_VERSION: u8 = 1;

/// What a row is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RowKey {
    /// The system.
    System,
    /// An engine of the system.
    Rank(Rank),
    /// A pool.
    Pool(PoolId),
    /// A container of a pool.
    Container(PoolId, ContainerId),
    /// A user attribute of a pool.
    PoolAttribute(PoolId, String),
    /// A user attribute of a container.
    ContainerAttribute(PoolId, ContainerId, String),
}

impl RowKey {
    /// The key of an attribute.
    pub(crate) fn attribute(owner: &AttributeOwner, name: String) -> RowKey {
        match owner {
            AttributeOwner::Pool(pool) => RowKey::PoolAttribute(*pool, name),
            AttributeOwner::Container((pool, container)) => RowKey::ContainerAttribute(*pool, *container, name),
        }
    }

    /// The key as stored: a letter, identifiers, name.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            RowKey::System => b"s".to_vec(),
            RowKey::Rank(rank) => [&b"r"[..], &rank.0.to_be_bytes()].concat(),
            RowKey::Pool(pool) => [&b"p"[..], &pool.to_bytes()].concat(),
            RowKey::Container(pool, container) => [&b"c"[..], &pool.to_bytes(), &container.to_bytes()].concat(),
            RowKey::PoolAttribute(pool, name) => [&b"q"[..], &pool.to_bytes(), name.as_bytes()].concat(),
            RowKey::ContainerAttribute(pool, container, name) => {
                [&b"d"[..], &pool.to_bytes(), &container.to_bytes(), name.as_bytes()].concat()
            }
        }
    }

    /// The key of stored bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<RowKey> {
        let damaged =
            || Status::new(Code::DfInval, format!("\"{}\" is no key of the pool service", bytes.escape_ascii()));
        let (kind, rest) = bytes.split_first().ok_or_else(damaged)?;
        match (kind, rest) {
            (b's', []) => return Ok(RowKey::System),
            (b'r', rank) => {
                return Ok(RowKey::Rank(Rank(u32::from_be_bytes(rank.try_into().map_err(|_| damaged())?))));
            }
            _ => {}
        }
        let (pool, rest) = rest.split_first_chunk::<16>().ok_or_else(damaged)?;
        let pool = PoolId::from_bytes(*pool);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| damaged());
        let container = || {
            let (container, rest) = rest.split_first_chunk::<16>().ok_or_else(damaged)?;
            Ok::<_, Status>((ContainerId::from_bytes(*container), rest))
        };
        match kind {
            b'p' if rest.is_empty() => Ok(RowKey::Pool(pool)),
            b'q' => Ok(RowKey::PoolAttribute(pool, text(rest)?)),
            b'c' => match container()? {
                (container, []) => Ok(RowKey::Container(pool, container)),
                _ => Err(damaged()),
            },
            b'd' => container().and_then(|(id, name)| Ok(RowKey::ContainerAttribute(pool, id, text(name)?))),
            _ => Err(damaged()),
        }
    }
}

/// A row to be stored, or removed when it has no value.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// What it is about.
    pub key: RowKey,
    /// Its value as stored.
    pub value: Option<Vec<u8>>,
}

impl Row {
    pub(crate) fn put(key: RowKey, value: &impl Wire) -> Row {
        let mut bytes = vec![FORMAT_VERSION];
        bytes.extend(encode(value));
        Row { key, value: Some(bytes) }
    }

    pub(crate) fn remove(key: RowKey) -> Row {
        Row { key, value: None }
    }
}

/// Reads the value of a row.
pub(crate) fn parse<T: Wire>(key: &RowKey, value: &[u8]) -> Result<T> {
    match value.split_first() {
        Some((&FORMAT_VERSION, rest)) => decode(rest)
            .map_err(|error| Status::new(Code::DfInval, format!("row {key:?} is damaged: {}", error.context()))),
        Some((version, _)) => {
            fail!(Code::DfIncompt, "row {key:?} has format {version}; this release knows {FORMAT_VERSION}")
        }
        None => fail!(Code::DfInval, "row {key:?} is empty"),
    }
}

macro_rules! stored {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug)]
        pub(crate) struct $name { $(pub $field: $type,)* }
        impl Wire for $name {
            fn encode(&self, writer: &mut Writer) { $(self.$field.encode(writer);)* }
            fn decode(reader: &mut Reader<'_>) -> Result<Self> { Ok($name { $($field: Wire::decode(reader)?,)* }) }
        }
    )*};
}

stored! {
    /// A pool.
    PoolRow {
        label: String,
        state: u8,
        meta_bytes_per_target: u64,
        data_bytes_per_target: u64,
        log_bytes_per_target: u64,
        durability: String,
        map_version: u32,
        targets: Vec<(Rank, TargetIndex)>,
        numbers: Trailing,
    }
    /// A container.
    ContainerRow {
        destroying: bool,
        properties: Properties,
        next_object: u64,
        modify_time: u64,
    }
    /// The system.
    SystemRow {
        id: SystemId,
        name: String,
        token: u64,
        starts: u32,
        next_rank: u32,
    }
    /// An engine of the system.
    RankRow {
        engine: EngineId,
        control: String,
        domain: String,
        node: String,
        directory: String,
        targets: Vec<String>,
        state: u8,
    }
    /// A user attribute.
    AttributeRow {
        value: Blob,
    }
}

/// Numbers by property type at the end of a row; rows that were written before there were any end without them.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Trailing(pub Vec<(u32, u64)>);

impl Wire for Trailing {
    fn encode(&self, writer: &mut Writer) {
        if !self.0.is_empty() {
            self.0.encode(writer);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Trailing> {
        if reader.remaining() == 0 { Ok(Trailing::default()) } else { Wire::decode(reader).map(Trailing) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_pool_stand_at_the_end_of_its_row() {
        let bytes = [b"\x01\0\0\0\x10\0\0\0".to_vec(), 2u64.to_le_bytes().to_vec()].concat();
        let numbers = Trailing(vec![(16, 2)]);
        assert_eq!(encode(&numbers), bytes);
        assert_eq!(decode::<Trailing>(&bytes), Ok(numbers));
        assert_eq!(decode::<Trailing>(&[]), Ok(Trailing::default()));
        assert!(decode::<Trailing>(&bytes[..5]).is_err());
    }

    /// Rows of format 1 are read for ever: these bytes must not change.
    #[test]
    fn rows_have_these_bytes() {
        let pool = PoolRow {
            label: "p".into(),
            state: 1,
            meta_bytes_per_target: 2,
            data_bytes_per_target: 3,
            log_bytes_per_target: 4,
            durability: "log".into(),
            map_version: 5,
            targets: vec![(Rank(6), TargetIndex(7))],
            numbers: Trailing::default(),
        };
        let properties =
            Properties { label: "c".into(), kind: 8, numbers: vec![(9, 10)], texts: vec![(11, "t".into())] };
        let container = ContainerRow { destroying: true, properties, next_object: 12, modify_time: 13 };
        let (pool_id, container_id) = (PoolId::from_bytes([0xa1; 16]), ContainerId::from_bytes([0xa2; 16]));
        let rows = [
            Row::put(RowKey::Pool(pool_id), &pool),
            Row::put(RowKey::Container(pool_id, container_id), &container),
            Row::put(RowKey::PoolAttribute(pool_id, "n".into()), &AttributeRow { value: Blob(vec![14]) }),
        ];
        let number = |value: u64| value.to_le_bytes().to_vec();
        let golden = [
            [
                &b"\x01\x01\0\0\0p\x01"[..],
                &number(2),
                &number(3),
                &number(4),
                b"\x03\0\0\0log\x05\0\0\0",
                b"\x01\0\0\0\x06\0\0\0\x07\0\0\0",
            ]
            .concat(),
            [
                &b"\x01\x01\x01\0\0\0c\x08\0\x01\0\0\0\x09\0\0\0"[..],
                &number(10),
                b"\x01\0\0\0\x0b\0\0\0\x01\0\0\0t",
                &number(12),
                &number(13),
            ]
            .concat(),
            b"\x01\x01\0\0\0\x0e".to_vec(),
        ];
        let keys = [
            [&b"p"[..], &[0xa1; 16]].concat(),
            [&b"c"[..], &[0xa1; 16], &[0xa2; 16]].concat(),
            [&b"q"[..], &[0xa1; 16], b"n"].concat(),
        ];
        for ((row, golden), key) in rows.iter().zip(golden).zip(keys) {
            assert_eq!(row.value, Some(golden), "{:?}", row.key);
            assert_eq!(row.key.to_bytes(), key);
            assert_eq!(RowKey::from_bytes(&key), Ok(row.key.clone()));
        }
    }
}
