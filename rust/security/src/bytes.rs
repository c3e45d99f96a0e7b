//! Lists and entries as bytes: those of the C structures.

use crate::entry::{EntryFlags, Kinds};
use crate::principal::PRINCIPAL_LENGTH_MAX;
use crate::{AccessList, Entry, Permissions, Principal};
use daos_status::{Code, Result, fail};

/// Bytes before the entries.
pub const LIST_HEAD_LENGTH: usize = 8;
/// Bytes of an entry before its name.
pub const ENTRY_HEAD_LENGTH: usize = 32;

/// `DAOS_ACL_VERSION`.
const VERSION: u16 = 1;
/// Entries take a multiple of so many bytes.
const ALIGNMENT: usize = 8;
/// The longest name with its zero and padding.
const NAME_LENGTH_MAX: usize = (PRINCIPAL_LENGTH_MAX + 1).next_multiple_of(ALIGNMENT);

fn number<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N]> {
    match bytes.get(offset..).and_then(|rest| rest.first_chunk::<N>()) {
        Some(number) => Ok(*number),
        None => fail!(Code::Inval, "an access control list ends too early"),
    }
}

impl Entry {
    /// Bytes that [`Entry::to_bytes`] gives.
    pub fn encoded_length(&self) -> usize {
        ENTRY_HEAD_LENGTH + name_length(self)
    }

    /// As the C structure.
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = name_length(self);
        let mut bytes = vec![self.kinds.0, self.principal.kind()];
        bytes.extend((length as u16).to_le_bytes());
        bytes.extend(self.flags.0.to_le_bytes());
        bytes.extend([0; 2]);
        for permissions in [self.allow, self.audit, self.alarm] {
            bytes.extend(permissions.0.to_le_bytes());
        }
        bytes.extend(self.principal.name().unwrap_or_default().as_bytes());
        bytes.resize(ENTRY_HEAD_LENGTH + length, 0);
        bytes
    }

    /// How long the entry is that begins with these bytes; its content may be anything.
    pub fn length_of_head(head: &[u8]) -> Result<usize> {
        let length = usize::from(u16::from_le_bytes(number(head, 2)?));
        if !length.is_multiple_of(ALIGNMENT) || length > NAME_LENGTH_MAX {
            fail!(Code::Inval, "the name of an entry takes {length} bytes");
        }
        Ok(ENTRY_HEAD_LENGTH + length)
    }

    /// The entry that begins with these bytes, and how many of them it takes.
    pub fn from_bytes(bytes: &[u8]) -> Result<(Entry, usize)> {
        let length = Entry::length_of_head(bytes)?;
        let Some(name) = bytes.get(ENTRY_HEAD_LENGTH..length) else {
            fail!(Code::Inval, "an entry of an access control list ends too early");
        };
        let [kinds, kind] = number(bytes, 0)?;
        let name = match name.iter().position(|byte| *byte == 0) {
            Some(end) => &name[..end],
            None if name.is_empty() => name,
            None => fail!(Code::Inval, "the name of an entry does not end with a zero"),
        };
        let Ok(name) = std::str::from_utf8(name) else { fail!(Code::Inval, "the name of an entry is no UTF-8") };
        let is_named = matches!(kind, 1 | 3);
        if !is_named && length > ENTRY_HEAD_LENGTH {
            fail!(Code::Inval, "an entry that is about no user or group has a name");
        }
        let permissions = |offset| number(bytes, offset).map(|bits| Permissions(u64::from_le_bytes(bits)));
        let entry = Entry {
            principal: Principal::from_kind(kind.into(), is_named.then_some(name))?,
            kinds: Kinds(kinds),
            flags: EntryFlags(u16::from_le_bytes(number(bytes, 4)?)),
            allow: permissions(8)?,
            audit: permissions(16)?,
            alarm: permissions(24)?,
        };
        entry.check()?;
        Ok((entry, length))
    }
}

fn name_length(entry: &Entry) -> usize {
    entry.principal.name().map_or(0, |name| (name.len() + 1).next_multiple_of(ALIGNMENT))
}

impl AccessList {
    /// Bytes of the entries.
    pub(crate) fn encoded_length(&self) -> usize {
        self.entries().iter().map(Entry::encoded_length).sum()
    }

    /// As the C structure.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = VERSION.to_le_bytes().to_vec();
        bytes.extend([0; 2]);
        bytes.extend((self.encoded_length() as u32).to_le_bytes());
        self.entries().iter().for_each(|entry| bytes.extend(entry.to_bytes()));
        bytes
    }

    /// Bytes of entries that follow a head.
    pub fn length_of_entries(head: &[u8]) -> Result<usize> {
        let version = u16::from_le_bytes(number(head, 0)?);
        if version != VERSION {
            fail!(Code::Inval, "an access control list has version {version}; this release knows {VERSION}");
        }
        let length = u32::from_le_bytes(number(head, 4)?) as usize;
        if !length.is_multiple_of(ALIGNMENT) || length > crate::ACCESS_LIST_BYTES_MAX {
            fail!(
                Code::Inval,
                "an access control list of {length} bytes; they are a multiple of {ALIGNMENT}, and at most {}",
                crate::ACCESS_LIST_BYTES_MAX
            );
        }
        Ok(length)
    }

    /// The list of bytes, all of which belong to it.
    ///
    /// # Errors
    /// [`Code::Inval`] also when the entries are not in the order of their kinds.
    pub fn from_bytes(bytes: &[u8]) -> Result<AccessList> {
        let length = AccessList::length_of_entries(bytes)?;
        if bytes.len() != LIST_HEAD_LENGTH + length {
            fail!(Code::Inval, "an access control list of {length} bytes came in {}", bytes.len());
        }
        let (mut rest, mut entries) = (&bytes[LIST_HEAD_LENGTH..], Vec::<Entry>::new());
        while !rest.is_empty() {
            let (entry, length) = Entry::from_bytes(rest)?;
            if entries.last().is_some_and(|last| last.principal.kind() > entry.principal.kind()) {
                fail!(Code::Inval, "the entry about '{}' stands behind those that come after it", entry.principal);
            }
            entries.push(entry);
            rest = &rest[length..];
        }
        AccessList::new(entries)
    }
}
