//! Links of a group: each a value under a dkey that is its name, and, where the group tracks it, a number in creation order.

use crate::daos::fetch_all;
use crate::failure::{Failure, Minor, Result};
use crate::format::{LinkRecord, LinkTarget, key};
use crate::fresh::Of;
use crate::node::Node;
use crate::user_links;

/// Headers of up to so many bytes have copies beside links, and room for one of the two when both are read.
const COPY_MAX: usize = 1 << 10;
const LINK_AND_COPY_ROOM: usize = COPY_MAX;
/// Room for a link's record when many are read; one with a longer path is read by itself.
const LINK_ROOM: usize = 512;

/// Room for a name when many are read; a longer one is read by itself.
const NAME_ROOM: usize = 256;

/// The longest name: what a dkey takes.
const NAME_MAX: usize = u16::MAX as usize;

/// A name and what is under it.
pub type Named<T> = (Vec<u8>, T);

/// Refuses a name that no link can have.
pub fn check_name(name: &[u8]) -> Result<()> {
    if name.len() > NAME_MAX {
        return Err(Failure::new(Minor::BadValue, format!("a name of {} bytes is too long", name.len())));
    }
    if name.is_empty() || name.contains(&b'/') || name == b"." {
        return Err(Failure::new(Minor::BadValue, "a link's name is empty, has a slash, or is a dot"));
    }
    Ok(())
}

impl Node {
    /// The link with a name.
    pub fn link(&self, name: &[u8]) -> Result<Option<LinkRecord>> {
        self.require_group()?;
        check_name(name)?;
        if let Some(link) = self.known_link(name) {
            return Ok(Some(link));
        }
        if self.file.fresh.borrow().lacks(self.token, Of::Links, name) {
            return Ok(None);
        }
        let link = self.file.get(&self.object, name, key::LINK)?.map(|bytes| LinkRecord::decode(&bytes)).transpose()?;
        Ok(link.inspect(|link| self.know_link(name, link)))
    }

    /// The link with a name, and the header of the object that it leads to, when a copy lies beside it.
    pub fn link_and_header(&self, name: &[u8]) -> Result<Option<(LinkRecord, Option<Vec<u8>>)>> {
        self.require_group()?;
        check_name(name)?;
        if let Some(link) = self.links_ahead.borrow_mut().take(self.link_changes.get(), name) {
            return Ok(Some((link, None)));
        }
        if let Some(link) = self.known_link(name) {
            return Ok(Some((link, None)));
        }
        let is_known = self.file.fresh.borrow().lacks(self.token, Of::Links, name)
            || self.file.peek(&self.object, name, key::LINK).is_some();
        if !is_known && let Some(found) = self.object.fetch_within(name, &[key::LINK, key::COPY], LINK_AND_COPY_ROOM)? {
            let [link, header] = <[_; 2]>::try_from(found)
                .map_err(|_| Failure::new(Minor::Internal, "a request gives another number of values"))?;
            let link = link.map(|link| LinkRecord::decode(&link)).transpose()?;
            return Ok(link.inspect(|link| self.know_link(name, link)).map(|link| (link, header)));
        }
        Ok(self.link(name)?.map(|link| (link, None)))
    }

    /// A link that is known without asking.
    fn known_link(&self, name: &[u8]) -> Option<LinkRecord> {
        self.file.known()?.link(self.token, name).cloned()
    }

    fn know_link(&self, name: &[u8], link: &LinkRecord) {
        if let Some(mut known) = self.file.known() {
            known.keep_link(self.token, name, link);
        }
    }

    /// Refuses a name that is there.
    pub fn require_new(&self, name: &[u8]) -> Result<()> {
        if self.link(name)?.is_none() {
            return Ok(());
        }
        let sentence = format!("unable to create link (name already exists): {}", String::from_utf8_lossy(name));
        Err(Failure::new(Minor::Exists, sentence))
    }

    /// Adds a link, which must not be there.
    pub fn add_link(&self, name: &[u8], character_set: u8, target: LinkTarget) -> Result<()> {
        self.require_new(name)?;
        self.add_new_link(name, character_set, target)
    }

    /// Adds a link, which must not be there, to what may have links already: a hard one is counted. The count is durable before the link is
    /// written: a program that is killed between the two leaves an object that stays, and not one that goes while a link leads to it.
    pub fn add_counted_link(&self, name: &[u8], character_set: u8, target: LinkTarget) -> Result<()> {
        self.require_new(name)?;
        if let LinkTarget::Hard(token) = target {
            self.file.node(token)?.add_reference()?;
            self.file.settle()?;
        }
        self.add_new_link(name, character_set, target)
    }

    /// Adds a link of which the caller has seen that it is not there.
    pub fn add_new_link(&self, name: &[u8], character_set: u8, target: LinkTarget) -> Result<()> {
        self.file.require_writable()?;
        let creation_order = if self.tracking()?.links { Some(self.next_order()?) } else { None };
        if let Some(number) = creation_order {
            let order = self.file.order_object(self.token)?;
            self.file.put(&order, &number.to_le_bytes(), key::NAME, name.to_vec())?;
        }
        if let LinkTarget::Hard(token) = &target
            && let Some(header) = self.file.known_header(*token).filter(|header| header.len() <= COPY_MAX)
        {
            self.file.put(&self.object, name, key::COPY, header)?;
        }
        let record = LinkRecord { character_set, creation_order, target };
        self.know_link_change();
        self.file.fresh.borrow_mut().add(self.token, Of::Links, name);
        self.file.put(&self.object, name, key::LINK, record.encode())?;
        self.know_link(name, &record);
        Ok(())
    }

    /// What was listed or kept of the links counts no more.
    pub fn know_link_change(&self) {
        self.link_changes.set(self.link_changes.get() + 1);
    }

    /// Removes a link, and what only it led to. Where the program has defined what it is, the program is told before.
    pub fn remove_link(&self, name: &[u8]) -> Result<()> {
        let record = self.link_to_remove(name)?;
        if let LinkTarget::UserDefined { kind, value } = &record.target {
            user_links::Link { kind: *kind, name, value }.tell_removal(&self.file.node(self.token)?)?;
        }
        self.remove_record(name, &record)?;
        if let LinkTarget::Hard(token) = record.target {
            self.file.node(token)?.drop_reference()?;
        }
        Ok(())
    }

    /// Removes a link, and leaves what it led to.
    pub fn take_link(&self, name: &[u8]) -> Result<LinkRecord> {
        let record = self.link_to_remove(name)?;
        self.remove_record(name, &record)?;
        Ok(record)
    }

    fn link_to_remove(&self, name: &[u8]) -> Result<LinkRecord> {
        self.file.require_writable()?;
        let missing = || Failure::new(Minor::NotFound, format!("there is no link {}", String::from_utf8_lossy(name)));
        self.link(name)?.ok_or_else(missing)
    }

    fn remove_record(&self, name: &[u8], record: &LinkRecord) -> Result<()> {
        self.file.settle()?;
        // Before it goes: where removing it fails it may be gone.
        self.know_link_change();
        self.file.removed.borrow_mut().add(name);
        if let Some(mut known) = self.file.known() {
            known.forget_link(self.token, name);
        }
        self.object.punch_dkey(name)?;
        self.file.fresh.borrow_mut().remove(self.token, Of::Links, name);
        if let Some(number) = record.creation_order {
            self.file.order_object(self.token)?.punch_dkey(&number.to_le_bytes())?;
        }
        Ok(())
    }

    /// The next number in creation order.
    fn next_order(&self) -> Result<u64> {
        if self.file.is_independent() {
            // Other ranks count, too; numbers of the container are nobody else's.
            return self.file.new_number();
        }
        let place = (self.token, false);
        let known = self.file.orders.borrow().get(&place).copied();
        let next = match known {
            Some(next) => next,
            None => self.order_numbers()?.last().map_or(0, |last| last + 1),
        };
        self.file.orders.borrow_mut().insert(place, next + 1);
        Ok(next)
    }

    /// Counts links from zero again: the group has none.
    pub fn restart_order(&self) {
        self.file.orders.borrow_mut().insert((self.token, false), 0);
    }

    /// The greatest number that a link of the group can have now.
    pub fn order_end(&self) -> Result<u64> {
        let known = self.file.orders.borrow().get(&(self.token, false)).copied();
        match known {
            Some(next) => Ok(next),
            None => Ok(self.order_numbers()?.last().map_or(0, |last| last + 1)),
        }
    }

    fn order_numbers(&self) -> Result<Vec<u64>> {
        self.file.settle()?;
        let keys = self.file.order_object(self.token)?.dkeys()?;
        let mut numbers: Vec<u64> =
            keys.iter().filter_map(|key| key.as_slice().try_into().ok().map(u64::from_le_bytes)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Keeps links that the program is going to follow, as it has just listed them.
    pub fn keep_links(&self, names: &[Vec<u8>], links: &[Option<LinkRecord>]) {
        // Other ranks may change them at any time.
        if self.file.is_shared() {
            return;
        }
        let mut ahead = self.links_ahead.borrow_mut();
        for (name, link) in names.iter().zip(links) {
            // One with a value is rare, and may be long.
            if let Some(link) = link.as_ref().filter(|link| matches!(link.target, LinkTarget::Hard(_))) {
                let _when_there_is_room =
                    ahead.put(self.link_changes.get(), name, link.clone(), size_of::<LinkRecord>());
            }
        }
    }

    /// The names of all links, in the order of their bytes.
    pub fn link_names(&self) -> Result<Vec<Vec<u8>>> {
        self.require_group()?;
        self.file.settle()?;
        let mut names = self.object.dkeys()?;
        names.retain(|name| !name.contains(&b'/'));
        names.sort_unstable();
        Ok(names)
    }

    /// All links, by name.
    pub fn links(&self) -> Result<Vec<Named<LinkRecord>>> {
        let names = self.link_names()?;
        let records = self.records(&names)?;
        // One that is gone since the names were listed was removed by another program.
        Ok(names.into_iter().zip(records).filter_map(|(name, record)| Some((name, record?))).collect())
    }

    /// The links of names that were listed just before; none for one that is gone meanwhile.
    pub fn records(&self, names: &[Vec<u8>]) -> Result<Vec<Option<LinkRecord>>> {
        self.file.settle()?;
        let values = fetch_all(&self.object, names, key::LINK, LINK_ROOM)?;
        values.into_iter().map(|value| value.map(|bytes| LinkRecord::decode(&bytes)).transpose()).collect()
    }

    /// The name of the link with a number in an order.
    pub fn nth_link_name(&self, by_creation: bool, decreasing: bool, number: u64) -> Result<Vec<u8>> {
        let list = || self.ordered_link_names(by_creation, decreasing);
        if self.file.is_shared() {
            // Other ranks may have changed them.
            self.know_link_change();
        }
        let changes = self.link_changes.get();
        let found = self.listed_links.borrow_mut().get((by_creation, decreasing), number, changes, list)?;
        found.ok_or_else(|| Failure::new(Minor::BadValue, "the group has not so many links"))
    }

    /// The names of all links, in an order that is asked for.
    pub fn ordered_link_names(&self, by_creation: bool, decreasing: bool) -> Result<Vec<Vec<u8>>> {
        let mut names = if by_creation {
            self.require_group()?;
            if !self.tracking()?.links {
                return Err(Failure::new(Minor::BadValue, "the group does not track the order of creation"));
            }
            let order = self.file.order_object(self.token)?;
            let numbers: Vec<_> =
                self.order_numbers()?.into_iter().map(|number| number.to_le_bytes().to_vec()).collect();
            self.file.get_all(&order, &numbers, key::NAME, NAME_ROOM)?.into_iter().flatten().collect()
        } else {
            self.link_names()?
        };
        if decreasing {
            names.reverse();
        }
        Ok(names)
    }
}
