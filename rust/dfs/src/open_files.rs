//! Files that are open in this mount while their names go: their content stays until the last of them is closed.
//!
//! Other mounts do not know of them. There such a file is empty from then on, or from when this mount gives it up.

use daos_types::ObjectId;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Open {
    count: u64,
    has_lost_its_name: bool,
}

#[derive(Default)]
struct State {
    open: HashMap<ObjectId, Open>,
    /// Neither open nor named any more: the content can go.
    gone: Vec<ObjectId>,
    /// Files that are being looked for, to be opened.
    opening: u64,
}

/// The files that are open in a mount.
#[derive(Default)]
pub(crate) struct OpenFiles(Mutex<State>);

impl OpenFiles {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file is going to be looked for and opened, until what this gives is dropped.
    pub fn begin_opening(&self) -> Opening<'_> {
        self.state().opening += 1;
        Opening(self)
    }

    /// Whether no file is open, and none is being opened: then nobody here can miss what goes.
    pub fn is_idle(&self) -> bool {
        let state = self.state();
        state.open.is_empty() && state.opening == 0
    }

    /// A file was opened.
    pub fn opened(&self, id: ObjectId) {
        self.state().open.entry(id).or_default().count += 1;
    }

    /// A file was closed. Whoever can send requests gives up what has gone by that.
    pub fn closed(&self, id: ObjectId) {
        let mut state = self.state();
        let Some(open) = state.open.get_mut(&id) else { return };
        open.count -= 1;
        if open.count == 0 {
            let is_gone = open.has_lost_its_name;
            state.open.remove(&id);
            if is_gone {
                state.gone.push(id);
            }
        }
    }

    /// A file has lost its name; whether its content must wait until it is closed.
    pub fn outlives_its_name(&self, id: ObjectId) -> bool {
        let mut state = self.state();
        let open = state.open.get_mut(&id);
        open.map(|open| open.has_lost_its_name = true).is_some()
    }

    /// Whether there are files that are neither open nor named any more.
    pub fn has_gone(&self) -> bool {
        !self.state().gone.is_empty()
    }

    /// Whether there are files without a name, open or not.
    pub fn has_nameless(&self) -> bool {
        let state = self.state();
        !state.gone.is_empty() || state.open.values().any(|open| open.has_lost_its_name)
    }

    /// A file that is neither open nor named any more: the same one until [`OpenFiles::discarded`].
    pub fn next_gone(&self) -> Option<ObjectId> {
        self.state().gone.last().copied()
    }

    /// The content of a file that was neither open nor named has gone.
    pub fn discarded(&self, id: ObjectId) {
        self.state().gone.retain(|gone| *gone != id);
    }

    /// From now on, files without a name count as closed, also those that are open.
    pub fn give_up_nameless(&self) {
        let mut state = self.state();
        let State { open, gone, .. } = &mut *state;
        for (id, open) in open {
            if std::mem::take(&mut open.has_lost_its_name) {
                gone.push(*id);
            }
        }
    }
}

/// See [`OpenFiles::begin_opening`].
pub(crate) struct Opening<'a>(&'a OpenFiles);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.state().opening -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_waits_for_the_last_that_has_it_open() {
        let files = OpenFiles::default();
        let (one, other) = (ObjectId { lo: 1, hi: 0 }, ObjectId { lo: 2, hi: 0 });
        assert!(!files.outlives_its_name(one));
        files.opened(one);
        files.opened(one);
        files.opened(other);
        assert!(files.outlives_its_name(one));
        files.closed(one);
        assert_eq!(files.next_gone(), None);
        files.closed(one);
        files.closed(other);
        // Who could not discard it finds it again.
        assert_eq!([files.next_gone(), files.next_gone()], [Some(one); 2]);
        files.discarded(one);
        assert_eq!(files.next_gone(), None);
        files.closed(one);
    }

    #[test]
    fn a_mount_is_idle_when_nothing_is_open_or_about_to_be() {
        let files = OpenFiles::default();
        let id = ObjectId { lo: 1, hi: 0 };
        assert!(files.is_idle());
        let opening = files.begin_opening();
        assert!(!files.is_idle());
        files.opened(id);
        drop(opening);
        assert!(!files.is_idle());
        files.closed(id);
        assert!(files.is_idle());
    }

    #[test]
    fn the_end_of_a_mount_waits_for_nobody() {
        let files = OpenFiles::default();
        let id = ObjectId { lo: 1, hi: 0 };
        files.opened(id);
        assert!(files.outlives_its_name(id));
        files.give_up_nameless();
        assert_eq!(files.next_gone(), Some(id));
        files.discarded(id);
        files.give_up_nameless();
        files.closed(id);
        assert_eq!(files.next_gone(), None);
    }
}
