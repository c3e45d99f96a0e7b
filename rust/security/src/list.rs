//! Access control lists.

use crate::{Entry, Permissions, Principal};
use daos_status::{Code, Result, fail};

/// The most bytes of entries: `DAOS_ACL_MAX_ACE_LEN` less the head, so that a list fits every message.
pub const ACCESS_LIST_BYTES_MAX: usize = 32 << 10;

/// An access control list: entries by kind of principal, and none twice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccessList {
    entries: Vec<Entry>,
}

impl AccessList {
    /// A list of entries in any order.
    ///
    /// # Errors
    /// [`Code::Inval`]: an entry does not fit together, or two are about the same principal.
    pub fn new(entries: Vec<Entry>) -> Result<AccessList> {
        for (index, entry) in entries.iter().enumerate() {
            entry.check()?;
            if entries[..index].iter().any(|other| other.principal == entry.principal) {
                fail!(Code::Inval, "two entries are about '{}'", entry.principal);
            }
        }
        let mut list = AccessList { entries };
        // Stable: within a kind they stay in the order in which they came.
        list.entries.sort_by_key(|entry| entry.principal.kind());
        list.check_size()?;
        Ok(list)
    }

    /// A list of texts of entries.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<AccessList> {
        AccessList::new(texts.into_iter().map(Entry::parse).collect::<Result<_>>()?)
    }

    /// What a new pool gets: its owner and the owner's group may use it, and make and delete containers.
    pub fn default_of_pool() -> AccessList {
        let both = Permissions::READ | Permissions::WRITE;
        let entries = vec![Entry::allow(Principal::Owner, both), Entry::allow(Principal::OwnerGroup, both)];
        AccessList { entries }
    }

    /// What a new container gets: its owner may do everything, the owner's group use it and its properties.
    pub fn default_of_container() -> AccessList {
        let group = Permissions::READ | Permissions::WRITE | Permissions::GET_PROPERTIES | Permissions::SET_PROPERTIES;
        let entries =
            vec![Entry::allow(Principal::Owner, Permissions::CONTAINER), Entry::allow(Principal::OwnerGroup, group)];
        AccessList { entries }
    }

    /// The entries, by kind of principal.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry about somebody.
    pub fn entry(&self, principal: &Principal) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.principal == *principal)
    }

    /// Adds an entry, or takes it in place of the one about the same principal.
    pub fn set(&mut self, entry: Entry) -> Result<()> {
        entry.check()?;
        match self.entries.iter_mut().find(|known| known.principal == entry.principal) {
            Some(known) => *known = entry,
            None => {
                let place = self.entries.partition_point(|known| known.principal.kind() <= entry.principal.kind());
                self.entries.insert(place, entry);
            }
        }
        self.check_size()
    }

    /// Adds the entries of another list, or changes those about the same principals.
    pub fn update(&mut self, other: &AccessList) -> Result<()> {
        let mut updated = self.clone();
        other.entries.iter().try_for_each(|entry| updated.set(entry.clone()))?;
        *self = updated;
        Ok(())
    }

    /// Removes the entry about somebody.
    pub fn remove(&mut self, principal: &Principal) -> Result<()> {
        match self.entries.iter().position(|entry| entry.principal == *principal) {
            Some(index) => {
                self.entries.remove(index);
                Ok(())
            }
            None => fail!(Code::Nonexist, "the list has no entry about '{principal}'"),
        }
    }

    /// Accepts a list with permissions that mean something for what it is about.
    pub fn check_permissions(&self, meaningful: Permissions, what: &str) -> Result<()> {
        for entry in &self.entries {
            let all = entry.allow | entry.audit | entry.alarm;
            if !meaningful.contains(all) {
                fail!(
                    Code::Inval,
                    "the entry about '{}' has permissions '{}' that {what} does not know; it knows '{meaningful}'",
                    entry.principal,
                    all & !meaningful
                );
            }
        }
        Ok(())
    }

    fn check_size(&self) -> Result<()> {
        let bytes = self.encoded_length();
        if bytes > ACCESS_LIST_BYTES_MAX {
            fail!(Code::Inval, "the list takes {bytes} bytes; {ACCESS_LIST_BYTES_MAX} are allowed");
        }
        Ok(())
    }
}
