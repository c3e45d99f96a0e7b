//! What the conditions of a change or fetch have looked at, when that took longer than one go: it is refused and made again, and then goes on
//! where it was.
//!
//! What a condition sees is decided by epochs up to the change's own. While others run, a change of such an epoch may come that it would have
//! seen: then it looks from the beginning again.

use super::{Change, Pause};
use crate::level::Level;
use crate::punch::LOOKED_AT_ONCE;
use crate::visibility::{Depth, Look, Window, entries_max};
use crate::{Operation, PunchRequest, Store, UpdateRequest};
use daos_env::sync::yield_now;
use daos_media::Arena;
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, ObjectId};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// So often a change looks from the beginning again; then it looks in one go.
const RESTARTS_MAX: usize = 8;

/// The looks of one change or fetch, by the order in which its conditions are looked at.
#[derive(Default)]
pub(crate) struct Looks {
    known: Vec<(Look, Option<bool>)>,
    restarts: usize,
    watch: Option<Watch>,
}

/// Changes that look for something.
#[derive(Default)]
pub(crate) struct Watches {
    all: RefCell<Vec<Rc<Watched>>>,
    count: Cell<usize>,
}

struct Watched {
    objects: Vec<(ContainerId, ObjectId)>,
    /// The newest epoch of the change.
    epoch: u64,
    is_disturbed: Cell<bool>,
}

/// Is told while it lives.
struct Watch {
    watches: Rc<Watches>,
    watched: Rc<Watched>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut all = self.watches.all.borrow_mut();
        all.retain(|watched| !Rc::ptr_eq(watched, &self.watched));
        self.watches.count.set(all.len());
    }
}

fn place_of(operation: &Operation) -> (ContainerId, ObjectId) {
    let (Operation::Update(UpdateRequest { container, object, .. })
    | Operation::Punch(PunchRequest { container, object, .. })) = operation;
    (*container, *object)
}

impl Watches {
    /// Operations were made.
    #[inline]
    pub(crate) fn note_changes(&self, operations: &[Operation]) {
        if self.count.get() > 0 {
            self.disturb(operations);
        }
    }

    #[cold]
    fn disturb(&self, operations: &[Operation]) {
        for watched in self.all.borrow().iter() {
            let is_seen = |operation: &Operation| {
                operation.epoch().0 <= watched.epoch && watched.objects.contains(&place_of(operation))
            };
            if operations.iter().any(is_seen) {
                watched.is_disturbed.set(true);
            }
        }
    }

    /// Something was uncovered, wherever it is.
    pub(crate) fn disturb_all(&self) {
        self.all.borrow().iter().for_each(|watched| watched.is_disturbed.set(true));
    }
}

impl Store {
    /// Lets a change go on with what it has looked at so far.
    pub(crate) fn with_looks<T>(&self, looks: &mut Looks, change: impl FnOnce() -> T) -> T {
        std::mem::swap(&mut *self.looks.borrow_mut(), looks);
        let result = change();
        std::mem::swap(&mut *self.looks.borrow_mut(), looks);
        result
    }

    /// Lets others run before a change is made again that has not looked at everything yet.
    pub(crate) async fn look_on(&self, looks: &mut Looks, operations: &[Operation]) {
        let epoch = operations.iter().map(|operation| operation.epoch().0).max().unwrap_or(0);
        self.look_on_at(looks, epoch, || operations.iter().map(place_of).collect()).await;
    }

    /// As [`Store::look_on`], of whoever looks at objects at an epoch.
    pub(crate) async fn look_on_at(
        &self,
        looks: &mut Looks,
        epoch: u64,
        objects: impl FnOnce() -> Vec<(ContainerId, ObjectId)>,
    ) {
        if looks.watch.is_none() {
            let watched = Rc::new(Watched { objects: objects(), epoch, is_disturbed: Cell::new(false) });
            let mut all = self.watches.all.borrow_mut();
            all.push(watched.clone());
            self.watches.count.set(all.len());
            looks.watch = Some(Watch { watches: self.watches.clone(), watched });
        }
        yield_now().await;
        if looks.watch.as_ref().is_some_and(|watch| watch.watched.is_disturbed.replace(false)) {
            looks.known.clear();
            looks.restarts += 1;
        }
    }
}

impl Looks {
    /// Whether anything below a level is visible, which is asked as this one of all such questions; `None` when that takes longer than one go.
    pub(crate) fn is_visible(
        &mut self,
        number: usize,
        arena: &Arena,
        level: &Level,
        depth: Depth,
        window: Window,
    ) -> Result<Option<bool>> {
        if let Some((_, Some(answer))) = self.known.get(number) {
            return Ok(Some(*answer));
        }
        let known = self.known.get(number);
        let (is_known, mut look) = (known.is_some(), known.map_or_else(Look::default, |(look, _)| look.clone()));
        let mut budget = if self.restarts > RESTARTS_MAX { entries_max(arena) } else { LOOKED_AT_ONCE };
        let answer = look.is_visible(arena, level, depth, window, &mut budget)?;
        if is_known || answer.is_none() {
            if self.known.len() <= number {
                self.known.resize_with(number + 1, Default::default);
            }
            self.known[number] = (look, answer);
        }
        Ok(answer)
    }
}

/// What takes longer than one go is not known yet.
#[cold]
pub(crate) fn still_looking<T>() -> Result<T> {
    fail!(Code::Busy, "what a condition looks at is still being looked through; try again")
}

impl Change<'_, '_, '_> {
    /// Whether anything below a level is visible. When that takes longer than one go, the change is refused, and made again later.
    pub(crate) fn is_visible(&self, level: Option<&Level>, depth: Depth, window: Window) -> Result<bool> {
        let number = self.asked.replace(self.asked.get() + 1);
        let Some(level) = level else { return Ok(false) };
        if let Some(answer) = self.looks.borrow_mut().is_visible(number, self.arena(), level, depth, window)? {
            return Ok(answer);
        }
        self.pause.set(Some(Box::new(Pause::Look)));
        still_looking()
    }
}
