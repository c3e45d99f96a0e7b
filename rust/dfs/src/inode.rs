//! The record that a directory keeps of an entry.

use crate::error::{Result, fail};
use crate::quoted::quoted;
use daos_types::{Extent, ObjectClass, ObjectId};

/// Bytes of the stored record.
pub(crate) const INODE_LENGTH: usize = 88;

/// Where the fields stand (upstream's layout version 3); all little-endian, the object identifier lower half first.
mod offset {
    pub const MODE: usize = 0;
    pub const ID_LO: usize = 4;
    pub const ID_HI: usize = 12;
    pub const MTIME: usize = 20;
    pub const CTIME: usize = 28;
    pub const CHUNK_SIZE: usize = 36;
    pub const CLASS: usize = 44;
    pub const MTIME_NANOSECONDS: usize = 48;
    pub const CTIME_NANOSECONDS: usize = 56;
    pub const UID: usize = 64;
    pub const GID: usize = 68;
    pub const SIZE: usize = 72;
    pub const OBJECT_EPOCH: usize = 80;
}

/// Where the identifier of the object stands.
pub(crate) const ID_AT: u32 = offset::ID_LO as u32;

/// Where type and permissions stand.
pub(crate) const MODE_AT: u32 = offset::MODE as u32;

const _: () = assert!(offset::ID_HI == offset::ID_LO + 8 && offset::OBJECT_EPOCH + 8 == INODE_LENGTH);

/// A moment by the calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Timestamp {
    /// Seconds since the Unix epoch.
    pub seconds: i64,
    /// Nanoseconds of the second.
    pub nanoseconds: u32,
}

impl Timestamp {
    /// The moment so many nanoseconds after the Unix epoch.
    pub fn from_nanoseconds(nanoseconds: u64) -> Timestamp {
        const SECOND: u64 = 1_000_000_000;
        Timestamp { seconds: (nanoseconds / SECOND) as i64, nanoseconds: (nanoseconds % SECOND) as u32 }
    }

    /// A moment; `None` when there are not so many nanoseconds in a second.
    pub fn new(seconds: i64, nanoseconds: i64) -> Option<Timestamp> {
        let nanoseconds = u32::try_from(nanoseconds).ok().filter(|nanoseconds| *nanoseconds < 1_000_000_000)?;
        Some(Timestamp { seconds, nanoseconds })
    }
}

/// The record of an entry: what `stat` needs but the size of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Inode {
    /// Type and permission bits (`st_mode`).
    pub mode: u32,
    /// The object of a file or directory; zero for a symbolic link.
    pub id: ObjectId,
    /// Time of the last modification, as set by a user or at creation.
    pub mtime: Timestamp,
    /// Time of the last change of this record.
    pub ctime: Timestamp,
    /// Chunk size of the file, or the default for files in the directory; 0 for the namespace's default.
    pub chunk_size: u64,
    /// Class of the file, or the default for entries of the directory; 0 for the namespace's default.
    pub class: ObjectClass,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Length of a symbolic link's target.
    pub size: u64,
    /// The object's newest change when `mtime` was set: while the object has no newer one, `mtime` holds.
    pub object_epoch: u64,
}

impl Inode {
    /// The stored form.
    pub fn encode(&self) -> [u8; INODE_LENGTH] {
        let mut bytes = [0; INODE_LENGTH];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(offset::MODE, &self.mode.to_le_bytes());
        put(offset::ID_LO, &self.id.lo.to_le_bytes());
        put(offset::ID_HI, &self.id.hi.to_le_bytes());
        put(offset::MTIME, &self.mtime.seconds.to_le_bytes());
        put(offset::CTIME, &self.ctime.seconds.to_le_bytes());
        put(offset::CHUNK_SIZE, &self.chunk_size.to_le_bytes());
        put(offset::CLASS, &self.class.0.to_le_bytes());
        put(offset::MTIME_NANOSECONDS, &u64::from(self.mtime.nanoseconds).to_le_bytes());
        put(offset::CTIME_NANOSECONDS, &u64::from(self.ctime.nanoseconds).to_le_bytes());
        put(offset::UID, &self.uid.to_le_bytes());
        put(offset::GID, &self.gid.to_le_bytes());
        put(offset::SIZE, &self.size.to_le_bytes());
        put(offset::OBJECT_EPOCH, &self.object_epoch.to_le_bytes());
        bytes
    }

    /// The stored form of a new entry: what nothing was before is read as zeros, so that two fields at the end that are zero of nearly all new
    /// entries need no space.
    pub fn encode_new(&self) -> Vec<u8> {
        let is_short = self.size == 0 && self.object_epoch == 0;
        self.encode()[..if is_short { offset::SIZE } else { INODE_LENGTH }].to_vec()
    }

    /// Reads the stored form, which may end before fields that are zero; `name` is for the message.
    pub fn decode(bytes: &[u8], name: &[u8]) -> Result<Inode> {
        if !(offset::SIZE..=INODE_LENGTH).contains(&bytes.len()) {
            fail!(libc::EIO, "the record of {} has {} bytes instead of {INODE_LENGTH}", quoted(&name), bytes.len());
        }
        let mut whole = [0; INODE_LENGTH];
        whole[..bytes.len()].copy_from_slice(bytes);
        let bytes = &whole;
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let half = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let time = |seconds: usize, nanoseconds: usize| Timestamp {
            seconds: word(seconds) as i64,
            nanoseconds: word(nanoseconds).min(999_999_999) as u32,
        };
        let inode = Inode {
            mode: half(offset::MODE),
            id: ObjectId { hi: word(offset::ID_HI), lo: word(offset::ID_LO) },
            mtime: time(offset::MTIME, offset::MTIME_NANOSECONDS),
            ctime: time(offset::CTIME, offset::CTIME_NANOSECONDS),
            chunk_size: word(offset::CHUNK_SIZE),
            class: ObjectClass(half(offset::CLASS)),
            uid: half(offset::UID),
            gid: half(offset::GID),
            size: word(offset::SIZE),
            object_epoch: word(offset::OBJECT_EPOCH),
        };
        if !inode.is_file() && !inode.is_directory() && !inode.is_symlink() {
            fail!(libc::EIO, "the record of {} has the unknown type {:o}", quoted(&name), inode.mode);
        }
        Ok(inode)
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFREG
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFDIR
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFLNK
    }
}

/// A change of some fields of a record; the others keep what others may have written meanwhile.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct InodeChange {
    /// New type and permission bits.
    pub mode: Option<u32>,
    /// New time of modification, and up to which change of the object it holds. Who sets it says with `size` what stands before the latter.
    pub mtime: Option<(Timestamp, u64)>,
    /// The length of a link's target, as it was: a record that ended before it would have a hole there, when what is behind it is written.
    /// Programs that list the extents of a record, like mpiFileUtils' `daos-serialize`, take them for contiguous.
    pub size: Option<u64>,
    /// New time of the last change of the record.
    pub ctime: Option<Timestamp>,
    /// New chunk size.
    pub chunk_size: Option<u64>,
    /// New class.
    pub class: Option<ObjectClass>,
    /// New owner.
    pub uid: Option<u32>,
    /// New group.
    pub gid: Option<u32>,
}

impl InodeChange {
    /// The parts of the stored form that change, and their bytes.
    pub fn encode(&self) -> (Vec<Extent>, Vec<u8>) {
        let mut inode = Inode::default();
        let mut fields: Vec<(usize, usize)> = Vec::new();
        if let Some(mode) = self.mode {
            inode.mode = mode;
            fields.push((offset::MODE, 4));
        }
        if let Some((mtime, object_epoch)) = self.mtime {
            (inode.mtime, inode.object_epoch) = (mtime, object_epoch);
            fields.extend([(offset::MTIME, 8), (offset::MTIME_NANOSECONDS, 8), (offset::OBJECT_EPOCH, 8)]);
        }
        if let Some(size) = self.size {
            inode.size = size;
            fields.push((offset::SIZE, 8));
        }
        if let Some(ctime) = self.ctime {
            inode.ctime = ctime;
            fields.extend([(offset::CTIME, 8), (offset::CTIME_NANOSECONDS, 8)]);
        }
        if let Some(chunk_size) = self.chunk_size {
            inode.chunk_size = chunk_size;
            fields.push((offset::CHUNK_SIZE, 8));
        }
        if let Some(class) = self.class {
            inode.class = class;
            fields.push((offset::CLASS, 4));
        }
        if let Some(uid) = self.uid {
            inode.uid = uid;
            fields.push((offset::UID, 4));
        }
        if let Some(gid) = self.gid {
            inode.gid = gid;
            fields.push((offset::GID, 4));
        }
        fields.sort_unstable();
        let stored = inode.encode();
        let bytes = fields.iter().flat_map(|&(at, length)| stored[at..at + length].to_vec()).collect();
        let extents = fields.iter().filter_map(|&(at, length)| Extent::new(at as u64, length as u64)).collect();
        (extents, bytes)
    }

    /// What the record becomes.
    pub fn apply(&self, inode: &mut Inode) {
        inode.mode = self.mode.unwrap_or(inode.mode);
        (inode.mtime, inode.object_epoch) = self.mtime.unwrap_or((inode.mtime, inode.object_epoch));
        inode.size = self.size.unwrap_or(inode.size);
        inode.ctime = self.ctime.unwrap_or(inode.ctime);
        inode.chunk_size = self.chunk_size.unwrap_or(inode.chunk_size);
        inode.class = self.class.unwrap_or(inode.class);
        inode.uid = self.uid.unwrap_or(inode.uid);
        inode.gid = self.gid.unwrap_or(inode.gid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Inode {
        Inode {
            mode: libc::S_IFREG | 0o644,
            id: ObjectId { hi: 0x0102_0304_0506_0708, lo: 0x1112_1314_1516_1718 },
            mtime: Timestamp { seconds: 1_700_000_000, nanoseconds: 5 },
            ctime: Timestamp { seconds: -1, nanoseconds: 999_999_999 },
            chunk_size: 1 << 20,
            class: ObjectClass::SX,
            uid: 1000,
            gid: 100,
            size: 0,
            object_epoch: 77,
        }
    }

    #[test]
    fn the_stored_form_is_upstreams() {
        let bytes = sample().encode();
        assert_eq!(bytes[..4], (libc::S_IFREG | 0o644).to_le_bytes());
        assert_eq!((bytes[4], bytes[12], bytes[64..66].to_vec(), bytes[80]), (0x18, 0x08, vec![0xe8, 3], 77));
        assert_eq!(Inode::decode(&bytes, b"x"), Ok(sample()));
    }

    #[test]
    fn new_records_end_before_fields_that_are_zero() {
        for (size, object_epoch) in [(0, 0), (1, 0), (0, 1)] {
            let inode = Inode { size, object_epoch, ..sample() };
            let bytes = inode.encode_new();
            assert_eq!(bytes.len(), if (size, object_epoch) == (0, 0) { 72 } else { INODE_LENGTH });
            assert_eq!(Inode::decode(&bytes, b"x"), Ok(inode));
            assert!(Inode::decode(&bytes[..71], b"x").is_err());
        }
    }

    #[test]
    fn changes_write_what_they_name_and_nothing_else() {
        let time = Timestamp { seconds: 9, nanoseconds: 8 };
        let all = InodeChange {
            mode: Some(libc::S_IFREG | 0o600),
            mtime: Some((time, 3)),
            size: Some(0),
            ctime: Some(time),
            chunk_size: Some(4096),
            class: Some(ObjectClass::S1),
            uid: Some(1),
            gid: Some(2),
        };
        let only_owner = InodeChange { uid: Some(5), ..InodeChange::default() };
        for change in [all, only_owner, InodeChange::default()] {
            let (extents, bytes) = change.encode();
            let mut stored = sample().encode();
            let mut done = 0;
            for extent in extents {
                let (start, count) = (extent.start() as usize, extent.count() as usize);
                stored[start..start + count].copy_from_slice(&bytes[done..done + count]);
                done += count;
            }
            assert_eq!(done, bytes.len());
            let mut expected = sample();
            change.apply(&mut expected);
            assert_eq!(Inode::decode(&stored, b"x"), Ok(expected));
        }
    }

    #[test]
    fn moments_have_less_than_a_second_of_nanoseconds() {
        assert_eq!(Timestamp::new(1, 2), Some(Timestamp { seconds: 1, nanoseconds: 2 }));
        assert_eq!(Timestamp::new(1, 1_000_000_000), None);
        assert_eq!(Timestamp::new(1, -1), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Inode::decode(&bytes, b"x");
        }

        #[test]
        fn records_of_known_types_round_trip(mut bytes in proptest::collection::vec(any::<u8>(), INODE_LENGTH)) {
            bytes[..4].copy_from_slice(&(libc::S_IFDIR | 0o755).to_le_bytes());
            let inode = Inode::decode(&bytes, b"x").expect("the type is known");
            prop_assert_eq!(Inode::decode(&inode.encode(), b"x"), Ok(inode));
        }
    }
}
