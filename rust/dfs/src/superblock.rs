//! The superblock: one record of one object that says how a container's namespace is laid out (upstream's layout).
//!
//! The root's entry stands in the same object under the name `/`. It is written before the superblock, and both only where
//! nothing is yet: whoever sees a superblock sees a root, and of several first mounts at once one decides for all.

use crate::entry_store::{self, StoredEntry};
use crate::error::{DfsError, Result, fail};
use crate::inode::{Inode, Timestamp};
use crate::object_ids::RESERVED_LOWER;
use daos_client::{
    AkeyFetch, AkeyUpdate, Client, Conditions, Container, Destination, FetchKind, Object, ObjectFlags, Source,
    UpdateValue,
};
use daos_types::{Epoch, Key, ObjectClass, ObjectId, ObjectType};

/// Dkey of the superblock.
const DKEY: &[u8] = b"DFS_SB_METADATA";
/// Name of the root's entry.
pub(crate) const ROOT_NAME: &[u8] = b"/";

/// The consistency mode in which mounts must ask for it (upstream's `DFS_BALANCED`).
pub(crate) const BALANCED: u32 = 4;

const MAGIC: u64 = 0xda05_df50_da05_df50;
const SUPERBLOCK_VERSION: u16 = 2;
/// The layout of entries that this crate reads and writes.
const LAYOUT_VERSION: u16 = 3;
/// Bytes of the hints.
pub const HINTS_LENGTH: usize = 128;

/// Bytes per chunk of files, unless a caller or a directory says otherwise.
pub const CHUNK_SIZE_DEFAULT: u64 = 1 << 20;
/// The largest chunk size that is accepted: a chunk is one request, and its bytes must be addressable.
pub(crate) const CHUNK_SIZE_MAX: u64 = 1 << 40;

/// Akeys and the bytes of their values.
const MAGIC_FIELD: (&[u8], usize) = (b"DFS_MAGIC", 8);
const SUPERBLOCK_VERSION_FIELD: (&[u8], usize) = (b"DFS_SB_VERSION", 2);
const LAYOUT_VERSION_FIELD: (&[u8], usize) = (b"DFS_LAYOUT_VERSION", 2);
const CHUNK_SIZE_FIELD: (&[u8], usize) = (b"DFS_CHUNK_SIZE", 8);
const CLASS_FIELD: (&[u8], usize) = (b"DFS_OBJ_CLASS", 4);
const DIRECTORY_CLASS_FIELD: (&[u8], usize) = (b"DFS_DIR_OBJ_CLASS", 4);
const FILE_CLASS_FIELD: (&[u8], usize) = (b"DFS_FILE_OBJ_CLASS", 4);
const MODE_FIELD: (&[u8], usize) = (b"DFS_MODE", 4);
const HINTS_FIELD: (&[u8], usize) = (b"DFS_HINTS", HINTS_LENGTH);

/// In the order in which they are written and read.
const FIELDS: [(&[u8], usize); 9] = [
    MAGIC_FIELD,
    SUPERBLOCK_VERSION_FIELD,
    LAYOUT_VERSION_FIELD,
    CHUNK_SIZE_FIELD,
    CLASS_FIELD,
    DIRECTORY_CLASS_FIELD,
    FILE_CLASS_FIELD,
    MODE_FIELD,
    HINTS_FIELD,
];

/// What a namespace is made with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attributes {
    /// Bytes per chunk of files; 0 for the default.
    pub chunk_size: u64,
    /// Class of files and directories; unknown when both are decided apart.
    pub class: ObjectClass,
    /// Class of directories; unknown leaves it to the system.
    pub directory_class: ObjectClass,
    /// Class of files; unknown leaves it to the system.
    pub file_class: ObjectClass,
    /// Consistency mode: 0 relaxed, 4 balanced (`DFS_RELAXED`, `DFS_BALANCED`).
    pub mode: u32,
    /// Hints for object classes, as text of at most 127 bytes.
    pub hints: String,
}

impl Default for Attributes {
    fn default() -> Attributes {
        Attributes {
            chunk_size: CHUNK_SIZE_DEFAULT,
            class: ObjectClass::UNKNOWN,
            directory_class: ObjectClass::UNKNOWN,
            file_class: ObjectClass::UNKNOWN,
            mode: 0,
            hints: String::new(),
        }
    }
}

impl Attributes {
    /// Accepts attributes of a caller, with the defaults filled in.
    pub(crate) fn checked(mut self) -> Result<Attributes> {
        if self.chunk_size == 0 {
            self.chunk_size = CHUNK_SIZE_DEFAULT;
        }
        check_chunk_size(self.chunk_size)?;
        for class in [self.class, self.directory_class, self.file_class] {
            check_class(class)?;
        }
        if self.hints.len() >= HINTS_LENGTH || self.hints.contains('\0') {
            fail!(libc::EINVAL, "hints have at most {} bytes, not {}", HINTS_LENGTH - 1, self.hints.len());
        }
        if self.mode != 0 && self.mode != BALANCED {
            fail!(libc::EINVAL, "{} is no consistency mode; 0 is relaxed, {BALANCED} balanced", self.mode);
        }
        if self.directory_class == ObjectClass::UNKNOWN {
            self.directory_class = self.class;
        }
        if self.file_class == ObjectClass::UNKNOWN {
            self.file_class = self.class;
        }
        Ok(self)
    }

    /// The values of [`FIELDS`].
    pub(crate) fn encode(&self) -> Vec<Vec<u8>> {
        let mut hints = self.hints.as_bytes().to_vec();
        hints.resize(HINTS_LENGTH, 0);
        vec![
            MAGIC.to_le_bytes().to_vec(),
            SUPERBLOCK_VERSION.to_le_bytes().to_vec(),
            LAYOUT_VERSION.to_le_bytes().to_vec(),
            self.chunk_size.to_le_bytes().to_vec(),
            self.class.0.to_le_bytes().to_vec(),
            self.directory_class.0.to_le_bytes().to_vec(),
            self.file_class.0.to_le_bytes().to_vec(),
            self.mode.to_le_bytes().to_vec(),
            hints,
        ]
    }

    /// Reads the values of [`FIELDS`].
    pub(crate) fn decode(values: &[Vec<u8>]) -> Result<Attributes> {
        let number =
            |field: usize| values[field].iter().rev().fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
        if values.len() != FIELDS.len() || values.iter().zip(FIELDS).any(|(value, field)| value.len() != field.1) {
            fail!(libc::EIO, "the superblock is damaged");
        }
        if number(0) != MAGIC {
            fail!(libc::EINVAL, "the superblock begins with {:#x}, which is no file system's", number(0));
        }
        let (version, layout) = (number(1), number(2));
        if version > u64::from(SUPERBLOCK_VERSION) || layout != u64::from(LAYOUT_VERSION) {
            fail!(
                libc::EINVAL,
                "the file system has superblock version {version} and layout version {layout}; \
                 this release reads {SUPERBLOCK_VERSION} and {LAYOUT_VERSION}"
            );
        }
        let hints = values[8].split(|byte| *byte == 0).next().unwrap_or_default();
        let attributes = Attributes {
            chunk_size: number(3),
            class: ObjectClass(number(4) as u32),
            directory_class: ObjectClass(number(5) as u32),
            file_class: ObjectClass(number(6) as u32),
            mode: number(7) as u32,
            hints: String::from_utf8_lossy(hints).into_owned(),
        };
        attributes.checked().map_err(|error| DfsError::new(libc::EIO, error.context).while_doing("the superblock"))
    }
}

/// Accepts a chunk size.
pub(crate) fn check_chunk_size(chunk_size: u64) -> Result<()> {
    if chunk_size == 0 || chunk_size > CHUNK_SIZE_MAX {
        fail!(libc::EINVAL, "a chunk of {chunk_size} bytes is not possible; 1 to {CHUNK_SIZE_MAX} are");
    }
    Ok(())
}

/// Accepts an object class, or none.
pub(crate) fn check_class(class: ObjectClass) -> Result<()> {
    if class != ObjectClass::UNKNOWN && class.groups().is_none() {
        fail!(libc::EINVAL, "{:#x} is not an object class", class.0);
    }
    Ok(())
}

/// The object of the superblock: its identifier is known before anything is read, so its class is always the same.
pub(crate) fn super_object(container: &Container, flags: ObjectFlags) -> Result<Object> {
    Ok(Object::open(container, super_id(), flags)?)
}

fn super_id() -> ObjectId {
    ObjectId::generate(ObjectId { lo: RESERVED_LOWER, hi: 0 }, ObjectType::MULTI_HASHED, ObjectClass::S1)
}

/// The property `DAOS_PROP_CO_ROOTS` of a container: the identifiers of superblock and root, as programs find them with upstream's libdfs. A text
/// of the 64 bytes of `daos_prop_co_roots` in hexadecimal: four identifiers, each its lower and its upper half, little-endian.
pub(crate) fn roots(directory_class: ObjectClass) -> (u32, String) {
    const KIND: u32 = 0x1011;
    let none = ObjectId { lo: 0, hi: 0 };
    let halves = [super_id(), root_id(directory_class), none, none].map(|id| [id.lo, id.hi]);
    let bytes = halves.as_flattened().iter().flat_map(|half| half.to_le_bytes());
    (KIND, bytes.map(|byte| format!("{byte:02x}")).collect())
}

fn root_id(class: ObjectClass) -> ObjectId {
    let class = if class == ObjectClass::UNKNOWN { ObjectClass::S1 } else { class };
    ObjectId::generate(ObjectId { lo: RESERVED_LOWER, hi: 1 }, ObjectType::MULTI_HASHED, class)
}

/// Reads the superblock; `None` when there is none yet.
pub(crate) async fn load(client: &Client, object: &Object, epoch: Epoch) -> Result<Option<Attributes>> {
    let mut akeys = Vec::new();
    for (akey, length) in FIELDS {
        let destination = Some(Destination::Owned(length as u64));
        akeys.push(AkeyFetch { akey: Key::new(akey)?, kind: FetchKind::Single, destination });
    }
    let found = object.fetch(client, epoch, Conditions::NONE, Key::new(DKEY)?, akeys).await?;
    if found.first().is_none_or(|magic| magic.size == 0) {
        return Ok(None);
    }
    let values: Vec<Vec<u8>> = found.into_iter().map(|value| value.bytes).collect();
    Attributes::decode(&values).map(Some)
}

/// Writes root and superblock where there are none; what another one has written meanwhile stays.
pub(crate) async fn create(
    client: &Client,
    object: &Object,
    attributes: &Attributes,
    (uid, gid): (u32, u32),
) -> Result<()> {
    let now = Timestamp::from_nanoseconds(client.env().clock.wall_nanoseconds());
    let inode = Inode {
        mode: libc::S_IFDIR | 0o755,
        id: root_id(attributes.directory_class),
        mtime: now,
        ctime: now,
        uid,
        gid,
        ..Inode::default()
    };
    let root = StoredEntry { inode, ..StoredEntry::default() };
    unless_there(entry_store::insert(client, object, ROOT_NAME, &root).await)?;
    let values = FIELDS.iter().zip(attributes.encode()).map(|((akey, _), value)| {
        Ok(AkeyUpdate { akey: Key::new(akey)?, value: UpdateValue::Single(Source::Owned(value)) })
    });
    let akeys = values.collect::<Result<Vec<_>>>()?;
    let written = object.update(client, Conditions::DKEY_INSERT, Key::new(DKEY)?, akeys).await;
    unless_there(written.map_err(DfsError::from))
}

fn unless_there(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.errno != libc::EEXIST => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Attributes {
        Attributes {
            chunk_size: 4096,
            class: ObjectClass::S2,
            directory_class: ObjectClass::S1,
            file_class: ObjectClass::SX,
            mode: 4,
            hints: "file:single,dir:max".to_owned(),
        }
    }

    #[test]
    fn the_stored_form_is_upstreams() {
        let values = sample().encode();
        assert_eq!(values[0], [0x50, 0xdf, 0x05, 0xda, 0x50, 0xdf, 0x05, 0xda]);
        assert_eq!((values[1].as_slice(), values[2].as_slice()), (&[2, 0][..], &[3, 0][..]));
        assert!(values.iter().zip(FIELDS).all(|(value, field)| value.len() == field.1));
        assert_eq!(Attributes::decode(&values), Ok(sample()));
        assert_eq!((root_id(ObjectClass::UNKNOWN).hi & 0xffff_ffff, root_id(ObjectClass::S2).lo), (1, 0));
    }

    #[test]
    fn foreign_and_newer_superblocks_are_refused() {
        for (field, value) in [(0, vec![1; 8]), (1, vec![3, 0]), (2, vec![4, 0]), (3, vec![0xff; 8]), (4, vec![9; 4])] {
            let mut values = sample().encode();
            values[field] = value;
            assert!(Attributes::decode(&values).is_err(), "field {field}");
        }
        assert!(Attributes::decode(&[]).is_err());
    }

    #[test]
    fn attributes_of_callers_are_checked_and_completed() {
        let plain = Attributes { chunk_size: 0, class: ObjectClass::S4, ..Attributes::default() }.checked();
        let plain = plain.expect("all are possible");
        assert_eq!((plain.chunk_size, plain.directory_class), (CHUNK_SIZE_DEFAULT, ObjectClass::S4));
        for bad in [
            Attributes { chunk_size: u64::MAX, ..Attributes::default() },
            Attributes { file_class: ObjectClass(5), ..Attributes::default() },
            Attributes { mode: 1, ..Attributes::default() },
            Attributes { hints: "x".repeat(HINTS_LENGTH), ..Attributes::default() },
        ] {
            assert_eq!(bad.checked().map_err(|error| error.errno), Err(libc::EINVAL));
        }
    }

    proptest! {
        #[test]
        fn any_values_are_read_or_refused(values in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..10), 0..10)) {
            let _ = Attributes::decode(&values);
        }
    }
}
