//! One entry of an access control list.

use crate::principal::is_valid_name;
use crate::{Permissions, Principal};
use daos_status::{Code, Result, fail};
use std::fmt;

/// What an entry does (`DAOS_ACL_ACCESS_*`, same bits).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kinds(pub u8);

impl Kinds {
    /// Permits.
    pub const ALLOW: Kinds = Kinds(1);
    /// Has accesses logged. Kept, without effect so far.
    pub const AUDIT: Kinds = Kinds(2);
    /// Has accesses reported. Kept, without effect so far.
    pub const ALARM: Kinds = Kinds(4);
    const ALL: u8 = 7;
}

/// Flags of an entry (`DAOS_ACL_FLAG_*`, same bits).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EntryFlags(pub u16);

impl EntryFlags {
    /// The principal is a group.
    pub const GROUP: EntryFlags = EntryFlags(1);
    /// Containers of the pool inherit the entry. Kept, without effect so far.
    pub const POOL_INHERIT: EntryFlags = EntryFlags(2);
    /// About accesses that were refused.
    pub const FAILURE: EntryFlags = EntryFlags(4);
    /// About accesses that were permitted.
    pub const SUCCESS: EntryFlags = EntryFlags(8);
    const ALL: u16 = 15;
}

const KINDS: &[(char, u16, &str)] = &[('A', 1, "Allow"), ('U', 2, "Audit"), ('L', 4, "Alarm")];
const FLAGS: &[(char, u16, &str)] =
    &[('G', 1, "Group"), ('P', 2, "Pool-Inherit"), ('F', 4, "Access-Failure"), ('S', 8, "Access-Success")];

fn bits(letters: &str, table: &[(char, u16, &str)], what: &str) -> Result<u16> {
    let mut bits = 0;
    for letter in letters.chars() {
        match table.iter().find(|(known, ..)| *known == letter) {
            Some((_, bit, _)) => bits |= bit,
            None => fail!(Code::Inval, "'{}' is no {what} of an entry", letter.escape_default()),
        }
    }
    Ok(bits)
}

fn letters(bits: u16, table: &[(char, u16, &str)]) -> String {
    table.iter().filter(|(_, bit, _)| bits & bit != 0).map(|(letter, ..)| *letter).collect()
}

fn words(bits: u16, table: &[(char, u16, &'static str)]) -> String {
    table.iter().filter(|(_, bit, _)| bits & bit != 0).map(|(_, _, word)| *word).collect::<Vec<_>>().join("/")
}

/// One entry: who, and what is permitted, logged and reported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Whom it is about.
    pub principal: Principal,
    /// What it does.
    pub kinds: Kinds,
    /// Flags; [`EntryFlags::GROUP`] is set exactly for groups.
    pub flags: EntryFlags,
    /// What is permitted.
    pub allow: Permissions,
    /// What is logged.
    pub audit: Permissions,
    /// What is reported.
    pub alarm: Permissions,
}

impl Entry {
    /// An entry that says nothing yet.
    pub fn new(principal: Principal) -> Entry {
        let flags = if principal.is_group() { EntryFlags::GROUP } else { EntryFlags::default() };
        let none = Permissions::NONE;
        Entry { principal, kinds: Kinds::default(), flags, allow: none, audit: none, alarm: none }
    }

    /// An entry that permits.
    pub fn allow(principal: Principal, allow: Permissions) -> Entry {
        Entry { kinds: Kinds::ALLOW, allow, ..Entry::new(principal) }
    }

    /// Kind of access, and permissions of that kind.
    fn by_kind(&self) -> [(Kinds, Permissions); 3] {
        [(Kinds::ALLOW, self.allow), (Kinds::AUDIT, self.audit), (Kinds::ALARM, self.alarm)]
    }

    /// Accepts an entry in which everything fits together.
    pub fn check(&self) -> Result<()> {
        if self.kinds.0 & !Kinds::ALL != 0 || self.flags.0 & !EntryFlags::ALL != 0 {
            fail!(Code::Inval, "kinds {:#x} or flags {:#x} of an entry are unknown", self.kinds.0, self.flags.0);
        }
        if self.principal.name().is_some_and(|name| !is_valid_name(name)) {
            fail!(Code::Inval, "an entry has a name that is none");
        }
        if (self.flags.0 & EntryFlags::GROUP.0 != 0) != self.principal.is_group() {
            fail!(Code::Inval, "the flag G belongs to entries about groups, and to these only");
        }
        for (kind, permissions) in self.by_kind() {
            if !Permissions::ALL.contains(permissions) {
                fail!(Code::Inval, "permissions {:#x} of an entry are unknown", permissions.0);
            }
            if self.kinds.0 & kind.0 == 0 && permissions != Permissions::NONE {
                fail!(Code::Inval, "an entry has permissions of a kind of access that it does not name");
            }
        }
        let reports = self.kinds.0 & (Kinds::AUDIT.0 | Kinds::ALARM.0) != 0;
        let says_when = self.flags.0 & (EntryFlags::FAILURE.0 | EntryFlags::SUCCESS.0) != 0;
        if reports != says_when {
            fail!(Code::Inval, "the flags F and S go with audit and alarm entries, and these need one of them");
        }
        Ok(())
    }

    /// An entry of its text.
    pub fn parse(text: &str) -> Result<Entry> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let &[kinds, flags, who, permissions] = parts.as_slice() else {
            fail!(Code::Inval, "an entry has four parts, as in A:G:GROUP@:rw, not {}", parts.len());
        };
        let kinds = Kinds(bits(kinds, KINDS, "kind of access")? as u8);
        if kinds == Kinds::default() {
            fail!(Code::Inval, "an entry begins with A, U or L");
        }
        let flags = EntryFlags(bits(flags, FLAGS, "flag")?);
        let principal = match who {
            "OWNER@" => Principal::Owner,
            "GROUP@" => Principal::OwnerGroup,
            "EVERYONE@" => Principal::Everyone,
            name => Principal::from_kind(if flags.0 & EntryFlags::GROUP.0 != 0 { 3 } else { 1 }, Some(name))?,
        };
        let permissions = Permissions::from_letters(permissions)?;
        let of = |kind: Kinds| if kinds.0 & kind.0 != 0 { permissions } else { Permissions::NONE };
        let (allow, audit, alarm) = (of(Kinds::ALLOW), of(Kinds::AUDIT), of(Kinds::ALARM));
        let entry = Entry { principal, kinds, flags, allow, audit, alarm };
        entry.check()?;
        Ok(entry)
    }

    /// Its text.
    ///
    /// # Errors
    /// [`Code::Inval`]: it has none, as it names no kind of access or other permissions for one kind than for another.
    pub fn to_text(&self) -> Result<String> {
        self.check()?;
        let mut named = self.by_kind().into_iter().filter(|(kind, _)| self.kinds.0 & kind.0 != 0);
        let Some((_, permissions)) = named.next() else {
            fail!(Code::Inval, "an entry without a kind of access has no text");
        };
        if named.any(|(_, other)| other != permissions) {
            fail!(Code::Inval, "an entry with other permissions for one kind of access than for another has no text");
        }
        let (kinds, flags) = (letters(self.kinds.0.into(), KINDS), letters(self.flags.0, FLAGS));
        Ok(format!("{kinds}:{flags}:{}:{permissions}", self.principal))
    }

    /// Its text in words.
    pub fn to_words(&self) -> Result<String> {
        self.to_text()?;
        let permissions = self.allow | self.audit | self.alarm;
        let (kinds, flags) = (words(self.kinds.0.into(), KINDS), words(self.flags.0, FLAGS));
        let who = self.principal.word().map_or_else(|| self.principal.to_string(), str::to_owned);
        Ok(format!("{kinds}:{flags}:{who}:{}", permissions.words()))
    }
}

/// Its text, or what keeps it from having one.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_text() {
            Ok(text) => f.write_str(&text),
            Err(status) => write!(f, "({})", status.context()),
        }
    }
}
