//! Whom an entry is about.

use daos_status::{Code, Result, fail};
use std::fmt;

/// The longest name of a user or group.
pub const PRINCIPAL_LENGTH_MAX: usize = 255;

/// Whom an entry is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Principal {
    /// The owner.
    Owner,
    /// A user by name, `name@` or `name@domain`.
    User(String),
    /// The group of the owner.
    OwnerGroup,
    /// A group by name.
    Group(String),
    /// Everyone else.
    Everyone,
}

/// Whether a text can be the name of a user or group: 1 to 255 bytes, one `@` that is not the first of them, and nothing
/// that would break an entry apart.
pub fn is_valid_name(name: &str) -> bool {
    let at = name.find('@');
    (1..=PRINCIPAL_LENGTH_MAX).contains(&name.len())
        && at.is_some_and(|at| at > 0 && !name[at + 1..].contains('@'))
        && !name.chars().any(|character| character == ':' || character.is_control())
}

/// Accepts the name of a user or group.
pub fn check_name(name: &str) -> Result<()> {
    if !is_valid_name(name) {
        let (end, dots) = match name.char_indices().nth(40) {
            Some((end, _)) => (end, "..."),
            None => (name.len(), ""),
        };
        fail!(
            Code::Inval,
            "'{}{dots}' is no name of a user or group; one has the form name@ or name@domain, and up to {PRINCIPAL_LENGTH_MAX} \
             bytes",
            name[..end].escape_debug()
        );
    }
    Ok(())
}

impl Principal {
    /// The number of its kind (`DAOS_ACL_OWNER` and so on).
    pub const fn kind(&self) -> u8 {
        match self {
            Principal::Owner => 0,
            Principal::User(_) => 1,
            Principal::OwnerGroup => 2,
            Principal::Group(_) => 3,
            Principal::Everyone => 4,
        }
    }

    /// The principal of a kind; a name is wanted for users and groups, and for no other.
    pub fn from_kind(kind: u32, name: Option<&str>) -> Result<Principal> {
        let named = || match name {
            Some(name) => check_name(name).map(|()| name.to_owned()),
            None => fail!(Code::Inval, "an entry about a user or a group needs a name"),
        };
        Ok(match kind {
            0 => Principal::Owner,
            1 => Principal::User(named()?),
            2 => Principal::OwnerGroup,
            3 => Principal::Group(named()?),
            4 => Principal::Everyone,
            other => fail!(Code::Inval, "{other} is no kind of principal"),
        })
    }

    /// The name of a user or group.
    pub fn name(&self) -> Option<&str> {
        match self {
            Principal::User(name) | Principal::Group(name) => Some(name),
            _ => None,
        }
    }

    /// Whether it is a group.
    pub const fn is_group(&self) -> bool {
        matches!(self, Principal::OwnerGroup | Principal::Group(_))
    }

    /// Of `u:NAME`, `g:NAME`, `OWNER@`, `GROUP@`, `EVERYONE@`.
    pub fn parse(text: &str) -> Result<Principal> {
        match (text, text.split_once(':')) {
            ("OWNER@", _) => Ok(Principal::Owner),
            ("GROUP@", _) => Ok(Principal::OwnerGroup),
            ("EVERYONE@", _) => Ok(Principal::Everyone),
            (_, Some(("u", name))) => Principal::from_kind(1, Some(name)),
            (_, Some(("g", name))) => Principal::from_kind(3, Some(name)),
            _ => fail!(
                Code::Inval,
                "'{}' is no principal; it is u:USER@, g:GROUP@, OWNER@, GROUP@ or EVERYONE@",
                text.chars().take(80).collect::<String>().escape_debug()
            ),
        }
    }

    pub(crate) const fn word(&self) -> Option<&'static str> {
        match self {
            Principal::Owner => Some("Owner"),
            Principal::OwnerGroup => Some("Owner-Group"),
            Principal::Everyone => Some("Everyone"),
            Principal::User(_) | Principal::Group(_) => None,
        }
    }
}

/// As in the text of an entry, where a flag tells groups from users.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Principal::Owner => "OWNER@",
            Principal::OwnerGroup => "GROUP@",
            Principal::Everyone => "EVERYONE@",
            Principal::User(name) | Principal::Group(name) => name,
        })
    }
}
