//! The stored form of the service's state: one row per pool, container, access control list, attribute, client, handle and
//! remembered answer.

use daos_placement::Runs;
use daos_status::{Code, Result, Status, fail};
use daos_types::{ContainerId, EngineId, Epoch, HandleId, HolderId, PoolId, Rank, SystemId, TargetIndex};
use daos_wire::{AttributeOwner, Blob, ContainerPlacement, Properties, Reader, Wire, Writer, decode, encode};

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
    /// Owner and access control list of a pool.
    PoolAccess(PoolId),
    /// Owner and access control list of a container.
    ContainerAccess(PoolId, ContainerId),
    /// A client that holds handles, or whose answers are remembered.
    Holder(HolderId),
    /// An open handle of a pool.
    PoolHandle(PoolId, HandleId),
    /// An open handle of a container.
    ContainerHandle(PoolId, ContainerId, HandleId),
    /// The answer to a change, by client and number.
    Operation(HolderId, u64),
    /// A pool handle that was evicted.
    Evicted(HandleId),
    /// The map of a pool; a pool whose row is older than maps has none.
    PoolMap(PoolId),
    /// A snapshot of a container.
    Snapshot(PoolId, ContainerId, Epoch),
    /// A container is being brought back to a snapshot.
    Rollback(PoolId, ContainerId),
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
            RowKey::PoolAccess(pool) => [&b"a"[..], &pool.to_bytes()].concat(),
            RowKey::ContainerAccess(pool, container) => [&b"b"[..], &pool.to_bytes(), &container.to_bytes()].concat(),
            RowKey::Holder(holder) => [&b"k"[..], &holder.to_bytes()].concat(),
            RowKey::PoolHandle(pool, handle) => [&b"h"[..], &pool.to_bytes(), &handle.to_bytes()].concat(),
            RowKey::ContainerHandle(pool, container, handle) => {
                [&b"j"[..], &pool.to_bytes(), &container.to_bytes(), &handle.to_bytes()].concat()
            }
            RowKey::Operation(holder, sequence) => [&b"o"[..], &holder.to_bytes(), &sequence.to_be_bytes()].concat(),
            RowKey::Evicted(handle) => [&b"e"[..], &handle.to_bytes()].concat(),
            RowKey::PoolMap(pool) => [&b"t"[..], &pool.to_bytes()].concat(),
            RowKey::Snapshot(pool, container, epoch) => {
                [&b"n"[..], &pool.to_bytes(), &container.to_bytes(), &epoch.0.to_be_bytes()].concat()
            }
            RowKey::Rollback(pool, container) => [&b"w"[..], &pool.to_bytes(), &container.to_bytes()].concat(),
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
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| damaged());
        let (first, rest) = rest.split_first_chunk::<16>().ok_or_else(damaged)?;
        let (pool, ids) = (PoolId::from_bytes(*first), rest.as_chunks::<16>());
        match (kind, ids) {
            (b'p', ([], [])) => Ok(RowKey::Pool(pool)),
            (b'a', ([], [])) => Ok(RowKey::PoolAccess(pool)),
            (b'k', ([], [])) => Ok(RowKey::Holder(HolderId::from_bytes(*first))),
            (b't', ([], [])) => Ok(RowKey::PoolMap(pool)),
            (b'e', ([], [])) => Ok(RowKey::Evicted(HandleId::from_bytes(*first))),
            (b'c', ([id], [])) => Ok(RowKey::Container(pool, ContainerId::from_bytes(*id))),
            (b'b', ([id], [])) => Ok(RowKey::ContainerAccess(pool, ContainerId::from_bytes(*id))),
            (b'h', ([id], [])) => Ok(RowKey::PoolHandle(pool, HandleId::from_bytes(*id))),
            (b'j', ([id, handle], [])) => {
                Ok(RowKey::ContainerHandle(pool, ContainerId::from_bytes(*id), HandleId::from_bytes(*handle)))
            }
            (b'o', _) => match rest.try_into() {
                Ok(sequence) => Ok(RowKey::Operation(HolderId::from_bytes(*first), u64::from_be_bytes(sequence))),
                Err(_) => Err(damaged()),
            },
            (b'w', ([id], [])) => Ok(RowKey::Rollback(pool, ContainerId::from_bytes(*id))),
            (b'n', ([id], epoch)) => {
                let epoch = u64::from_be_bytes(epoch.try_into().map_err(|_| damaged())?);
                Ok(RowKey::Snapshot(pool, ContainerId::from_bytes(*id), Epoch(epoch)))
            }
            (b'q', _) => Ok(RowKey::PoolAttribute(pool, text(rest)?)),
            (b'd', _) => {
                let (container, name) = rest.split_first_chunk::<16>().ok_or_else(damaged)?;
                Ok(RowKey::ContainerAttribute(pool, ContainerId::from_bytes(*container), text(name)?))
            }
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
            let known = u32::from(FORMAT_VERSION);
            Err(Status::unknown_format(format_args!("row {key:?}"), u32::from(*version), known..=known))
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
        numbers: Trailing<Vec<(u32, u64)>>,
    }
    /// A container.
    ContainerRow {
        destroying: bool,
        properties: Properties,
        next_object: u64,
        modify_time: u64,
        placement: Trailing<ContainerPlacement>,
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
        // Stood for the machine and the directory, which nobody needs: empty in rows that are written now.
        unused: (String, String),
        targets: Vec<String>,
        state: u8,
    }
    /// A user attribute.
    AttributeRow {
        value: Blob,
    }
    /// Owner and access control list.
    AccessRow {
        user: String,
        group: String,
        list: Blob,
    }
    /// A client: where its process is, and up to which number its changes have been answered.
    HolderRow {
        place: String,
        answered: u64,
    }
    /// An open pool handle, and what it may be used for.
    PoolHandleRow {
        holder: HolderId,
        flags: u32,
        rights: u64,
    }
    /// An open container handle, and what it may be used for.
    ContainerHandleRow {
        holder: HolderId,
        pool_handle: HandleId,
        flags: u32,
        rights: u64,
        user: String,
        opened: u64,
    }
    /// The answer to a change.
    OperationRow {
        opcode: u16,
        status: i32,
        sentence: String,
        reply: Blob,
    }
    /// The map of a pool, as placement encodes it.
    PoolMapRow {
        map: Blob,
        kept_out: Trailing<Runs>,
    }
    /// When a handle was evicted.
    EvictedRow {
        time: u64,
    }
    /// A snapshot.
    SnapshotRow {
        name: String,
        time: u64,
        options: u32,
    }
    /// To which snapshot a container is being brought back, or was when `done` is not 0: that is newer than all that was there before.
    RollbackRow {
        epoch: u64,
        done: Trailing<u64>,
    }
}

/// What stands at the end of a row, unless it is what rows have that were written before there was such a thing.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Trailing<T>(pub T);

impl<T: Wire + Default + PartialEq> Wire for Trailing<T> {
    fn encode(&self, writer: &mut Writer) {
        if self.0 != T::default() {
            self.0.encode(writer);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Trailing<T>> {
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
        assert_eq!(decode::<Trailing<Vec<(u32, u64)>>>(&bytes), Ok(numbers));
        assert_eq!(decode::<Trailing<Vec<(u32, u64)>>>(&[]), Ok(Trailing::default()));
        assert!(decode::<Trailing<Vec<(u32, u64)>>>(&bytes[..5]).is_err());
    }

    /// Rows of ranks named the machine and the directory once. Such rows are read, and rows that are written now could be read then.
    #[test]
    fn rows_of_ranks_keep_the_place_of_what_is_not_used() {
        let text = |text: &str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
        let row = |machine: &str, directory: &str| {
            let targets = [&1u32.to_le_bytes(), &text("tcp://h:1")[..]].concat();
            [&[1][..], &[7; 16], &text("h:1"), &text("/h"), &text(machine), &text(directory), &targets, &[1]].concat()
        };
        let key = RowKey::Rank(Rank(1));
        let old = parse::<RankRow>(&key, &row("m", "/d")).expect("a row of format 1");
        let now = RankRow { unused: Default::default(), ..old.clone() };
        assert_eq!((old.control.as_str(), old.targets.len(), old.state), ("h:1", 1, 1));
        assert_eq!(Row::put(key, &now).value, Some(row("", "")));
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
        let container = ContainerRow {
            destroying: true,
            properties,
            next_object: 12,
            modify_time: 13,
            placement: Trailing::default(),
        };
        let (pool_id, container_id) = (PoolId::from_bytes([0xa1; 16]), ContainerId::from_bytes([0xa2; 16]));
        let (handle, holder) = (HandleId::from_bytes([0xa3; 16]), HolderId::from_bytes([0xa4; 16]));
        let rows = [
            Row::put(RowKey::Pool(pool_id), &pool),
            Row::put(RowKey::Container(pool_id, container_id), &container),
            Row::put(RowKey::PoolAttribute(pool_id, "n".into()), &AttributeRow { value: Blob(vec![14]) }),
            Row::put(
                RowKey::ContainerAccess(pool_id, container_id),
                &AccessRow { user: "u".into(), group: "g".into(), list: Blob(vec![15]) },
            ),
            Row::put(RowKey::Holder(holder), &HolderRow { place: "p".into(), answered: 16 }),
            Row::put(RowKey::PoolHandle(pool_id, handle), &PoolHandleRow { holder, flags: 2, rights: 17 }),
            Row::put(
                RowKey::ContainerHandle(pool_id, container_id, handle),
                &ContainerHandleRow { holder, pool_handle: handle, flags: 1, rights: 18, user: "u".into(), opened: 19 },
            ),
            Row::put(
                RowKey::Operation(holder, 20),
                &OperationRow { opcode: 0x104, status: -1, sentence: "s".into(), reply: Blob(vec![20]) },
            ),
            Row::put(RowKey::Evicted(handle), &EvictedRow { time: 21 }),
            Row::put(RowKey::PoolMap(pool_id), &PoolMapRow { map: Blob(vec![22]), kept_out: Trailing::default() }),
            Row::put(
                RowKey::Snapshot(pool_id, container_id, Epoch(23)),
                &SnapshotRow { name: "s".into(), time: 24, options: 2 },
            ),
            Row::put(RowKey::Rollback(pool_id, container_id), &RollbackRow { epoch: 25, done: Trailing(0) }),
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
            b"\x01\x01\0\0\0u\x01\0\0\0g\x01\0\0\0\x0f".to_vec(),
            [&b"\x01\x01\0\0\0p"[..], &number(16)].concat(),
            [&b"\x01"[..], &[0xa4; 16], b"\x02\0\0\0", &number(17)].concat(),
            [&b"\x01"[..], &[0xa4; 16], &[0xa3; 16], b"\x01\0\0\0", &number(18), b"\x01\0\0\0u", &number(19)].concat(),
            [&b"\x01\x04\x01"[..], &(-1i32).to_le_bytes(), b"\x01\0\0\0s\x01\0\0\0\x14"].concat(),
            [&b"\x01"[..], &number(21)].concat(),
            b"\x01\x01\0\0\0\x16".to_vec(),
            [&b"\x01\x01\0\0\0s"[..], &number(24), b"\x02\0\0\0"].concat(),
            [&b"\x01"[..], &number(25)].concat(),
        ];
        let keys = [
            [&b"p"[..], &[0xa1; 16]].concat(),
            [&b"c"[..], &[0xa1; 16], &[0xa2; 16]].concat(),
            [&b"q"[..], &[0xa1; 16], b"n"].concat(),
            [&b"b"[..], &[0xa1; 16], &[0xa2; 16]].concat(),
            [&b"k"[..], &[0xa4; 16]].concat(),
            [&b"h"[..], &[0xa1; 16], &[0xa3; 16]].concat(),
            [&b"j"[..], &[0xa1; 16], &[0xa2; 16], &[0xa3; 16]].concat(),
            [&b"o"[..], &[0xa4; 16], &20u64.to_be_bytes()].concat(),
            [&b"e"[..], &[0xa3; 16]].concat(),
            [&b"t"[..], &[0xa1; 16]].concat(),
            [&b"n"[..], &[0xa1; 16], &[0xa2; 16], &23u64.to_be_bytes()].concat(),
            [&b"w"[..], &[0xa1; 16], &[0xa2; 16]].concat(),
        ];
        for ((row, golden), key) in rows.iter().zip(golden).zip(keys) {
            assert_eq!(row.value, Some(golden), "{:?}", row.key);
            assert_eq!(row.key.to_bytes(), key);
            assert_eq!(RowKey::from_bytes(&key), Ok(row.key.clone()));
        }
    }
}
