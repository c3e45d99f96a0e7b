//! By what a file is open in the program, and what may be known of it therefore.

use super::File;
use crate::callbacks::default_list;
use crate::failure::Result;
use crate::handle::Maker;
use crate::hdf5::{Hid, Identifier, Variable, library};
use crate::information::Information;
use crate::known::Known;
use crate::locking::Locking;
use crate::mpi;
use std::cell::RefMut;

impl File {
    /// A number for one more handle of the file.
    pub fn count_opening(&self) -> u64 {
        self.opened.set(self.opened.get() + 1);
        self.opened.get()
    }

    /// Whether the program has opened it and not closed it again.
    pub(super) fn is_programs(&self) -> bool {
        self.openings.borrow().values().any(|opening| opening.maker == Maker::Program)
    }

    /// The program has closed one of its handles. After the last one the file may have another writer, while it is open here behind a link.
    pub fn leave(&self) {
        if self.is_programs() {
            return;
        }
        self.is_changed.set(false);
        *self.known.borrow_mut() = Known::default();
        self.fresh.borrow_mut().forget();
        self.orders.borrow_mut().clear();
        self.shared_attributes.set(None);
    }

    /// Keeps the list of properties with which it is opened, unless it is open already. Of one with a communicator it is a default one that says the
    /// same of locking: to copy a communicator all its ranks would have to make the call.
    pub fn know_access(&self, list: Hid) -> Result<()> {
        if self.information.get().is_none() {
            let _first = self.information.set(Information { snapshot: None, ..Information::of(list)? });
        }
        if self.access.get().is_some() {
            return Ok(());
        }
        // SAFETY: takes no pointer.
        let has_communicator = Some(unsafe { library().list_driver(list) }) == mpi::driver();
        let kept = if has_communicator {
            let plain = default_list(Variable::FILE_ACCESS)?;
            Locking::of(list)?.set(plain.get())?;
            plain
        } else {
            // SAFETY: the same.
            Identifier::new(unsafe { library().list_copy(list) }, "copy of a property list")?
        };
        let _first = self.access.set(kept);
        Ok(())
    }

    /// A copy of the list that is kept.
    pub fn access_list(&self) -> Result<Identifier> {
        let Some(list) = self.access.get() else { return default_list(Variable::FILE_ACCESS) };
        // SAFETY: takes no pointer.
        Identifier::new(unsafe { library().list_copy(list.get()) }, "copy of a property list")
    }

    /// Links and headers that are known without asking; none where others may change the file, and none after a change was lost: it may be any of
    /// them. A file that is open for an external link or as that of a source is writable when the file that leads to it is; it may have another
    /// writer until it is changed here. So may one that the program has closed and that is open behind a link.
    pub fn known(&self) -> Option<RefMut<'_, Known>> {
        let is_writer = self.is_writable() && (self.is_changed.get() || self.is_programs());
        if !is_writer || self.is_shared() || self.sharing.get() != 0 {
            return None;
        }
        let mut known = self.known.borrow_mut();
        if self.queue.borrow().outcome().is_err() {
            *known = Known::default();
            return None;
        }
        Some(known)
    }
}
