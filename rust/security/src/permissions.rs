//! Permissions and their letters.

use daos_status::{Code, Result, fail};
use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

/// A set of permissions (`DAOS_ACL_PERM_*`, same bits).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Permissions(pub u64);

/// Letter, bit and word of each permission, in the order of their letters in a text.
const TABLE: &[(char, Permissions, &str)] = &[
    ('r', Permissions::READ, "Read"),
    ('w', Permissions::WRITE, "Write"),
    ('c', Permissions::CREATE_CONTAINER, "Create-Container"),
    ('d', Permissions::DELETE_CONTAINER, "Delete-Container"),
    ('t', Permissions::GET_PROPERTIES, "Get-Prop"),
    ('T', Permissions::SET_PROPERTIES, "Set-Prop"),
    ('a', Permissions::GET_LIST, "Get-ACL"),
    ('A', Permissions::SET_LIST, "Set-ACL"),
    ('o', Permissions::SET_OWNER, "Set-Owner"),
];

impl Permissions {
    /// None.
    pub const NONE: Permissions = Permissions(0);
    /// Reading data, or using a pool.
    pub const READ: Permissions = Permissions(1);
    /// Writing data; in a pool, creating and deleting containers.
    pub const WRITE: Permissions = Permissions(1 << 1);
    /// Creating containers in a pool.
    pub const CREATE_CONTAINER: Permissions = Permissions(1 << 2);
    /// Deleting any container of a pool, or this container.
    pub const DELETE_CONTAINER: Permissions = Permissions(1 << 3);
    /// Reading properties.
    pub const GET_PROPERTIES: Permissions = Permissions(1 << 4);
    /// Changing properties.
    pub const SET_PROPERTIES: Permissions = Permissions(1 << 5);
    /// Reading the access control list.
    pub const GET_LIST: Permissions = Permissions(1 << 6);
    /// Changing the access control list.
    pub const SET_LIST: Permissions = Permissions(1 << 7);
    /// Changing the owner.
    pub const SET_OWNER: Permissions = Permissions(1 << 8);
    /// All that have a meaning for a pool.
    pub const POOL: Permissions = Permissions(0x1f);
    /// All that have a meaning for a container.
    pub const CONTAINER: Permissions = Permissions(0x1fb);
    /// All.
    pub const ALL: Permissions = Permissions(0x1ff);

    /// Whether all of `other` are among these.
    pub const fn contains(self, other: Permissions) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether one of `other` is among these.
    pub const fn intersects(self, other: Permissions) -> bool {
        self.0 & other.0 != 0
    }

    /// The permissions of letters; a letter may stand there twice.
    pub fn from_letters(letters: &str) -> Result<Permissions> {
        let mut permissions = Permissions::NONE;
        for letter in letters.chars() {
            match TABLE.iter().find(|(known, ..)| *known == letter) {
                Some((_, bit, _)) => permissions |= *bit,
                None => fail!(Code::Inval, "'{}' is no permission; they are rwcdtTaAo", letter.escape_default()),
            }
        }
        Ok(permissions)
    }

    /// In words.
    pub fn words(self) -> String {
        let words: Vec<&str> =
            TABLE.iter().filter(|(_, bit, _)| self.contains(*bit)).map(|(_, _, word)| *word).collect();
        if words.is_empty() { "No-Access".to_owned() } else { words.join("/") }
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TABLE.iter().filter(|(_, bit, _)| self.contains(*bit)).try_for_each(|(letter, ..)| write!(f, "{letter}"))
    }
}

impl BitOr for Permissions {
    type Output = Permissions;
    fn bitor(self, other: Permissions) -> Permissions {
        Permissions(self.0 | other.0)
    }
}

impl BitOrAssign for Permissions {
    fn bitor_assign(&mut self, other: Permissions) {
        self.0 |= other.0;
    }
}

impl BitAnd for Permissions {
    type Output = Permissions;
    fn bitand(self, other: Permissions) -> Permissions {
        Permissions(self.0 & other.0)
    }
}

impl Not for Permissions {
    type Output = Permissions;
    fn not(self) -> Permissions {
        Permissions(!self.0)
    }
}
