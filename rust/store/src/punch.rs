//! Punches: they hide what is older, and remove what has their own epoch.

mod own;
mod removal;
mod unseal;

pub(crate) use own::OwnWrites;
pub(crate) use unseal::Sealed;

use crate::change::{Change, Target, span_of_akey, span_of_dkey};
use crate::key_order::{KeyProbe, fixed_probe, object_key};
use crate::level::{Children, Level};
use crate::tree::damaged;
use crate::visibility::{Depth, Window, entries_max};
use crate::{Conditions, PunchRequest, PunchTarget, UpdateValue};
use daos_media::Arena;
use daos_status::{Code, Result, Status};
use daos_types::{ContainerId, Key, KeyKind, ObjectId};
use removal::Removal;

/// Entries that a punch looks at for values of its own epoch, and records that it frees then.
pub(crate) const LOOKED_AT_ONCE: usize = 512;
const FREED_AT_ONCE: usize = 128;

/// How a change finds what has its own epoch when it punches.
pub(crate) enum OwnEpoch<'a> {
    /// Among so many entries at most; when there are more, the punch is sealed.
    Few(usize),
    /// Among all entries: in a list of plain changes, of which others after the punch write at its epoch below its object.
    All,
    /// By name: of a transaction, nothing has its epoch but what it has written itself.
    Named(OwnWrites<'a>),
}

/// What is punched: an object, or one of its dkeys or akeys.
#[derive(Clone, Copy)]
struct Punched<'a> {
    object: (ContainerId, ObjectId),
    dkey: Option<&'a Key>,
    akey: Option<&'a Key>,
}

impl Change<'_, '_, '_> {
    /// Carries out a punch.
    pub(crate) fn punch(&mut self, container: &mut Level, request: &PunchRequest) -> Result<()> {
        let epoch = request.epoch.0;
        if request.conditions.has(Conditions::PUNCH) {
            self.check_punched(container, request)?;
        }
        let mut target = self.target(container, request.object, epoch)?;
        let named = Punched { object: (request.container, request.object), dkey: None, akey: None };
        match &request.what {
            PunchTarget::Object => self.hide(&mut target.object, Depth::Object, (epoch, named)).map(|_| ()),
            PunchTarget::Dkeys(keys) => {
                for key in keys {
                    let probe = KeyProbe::new(request.object.object_type().dkey_kind(), key)?;
                    let mut dkey = match target.object.find_child(self.arena(), &probe)? {
                        Some(dkey) => dkey,
                        None => target.object.add_child(self.transaction, target.dkey_order, &probe, span_of_dkey)?,
                    };
                    let named = Punched { dkey: Some(key), ..named };
                    let removed = self.hide(&mut dkey, Depth::Dkey, (epoch, named))?;
                    self.note_punch(&target.object, epoch, removed)?;
                }
                Ok(())
            }
            PunchTarget::Akeys { dkey, akeys } => self.punch_akeys(&mut target, request, dkey, akeys),
        }
    }

    fn punch_akeys(
        &mut self,
        target: &mut Target,
        request: &PunchRequest,
        dkey_name: &Key,
        akeys: &[Key],
    ) -> Result<()> {
        let epoch = request.epoch.0;
        let probe = KeyProbe::new(request.object.object_type().dkey_kind(), dkey_name)?;
        let mut dkey = match target.object.find_child(self.arena(), &probe)? {
            Some(dkey) => dkey,
            None => target.object.add_child(self.transaction, target.dkey_order, &probe, span_of_dkey)?,
        };
        for key in akeys {
            let probe = KeyProbe::new(target.akey_kind, key)?;
            let mut akey = match dkey.find_child(self.arena(), &probe)? {
                Some(akey) => akey,
                None => dkey.add_child(self.transaction, target.akey_order, &probe, span_of_akey)?,
            };
            let object = (request.container, request.object);
            let named = Punched { object, dkey: Some(dkey_name), akey: Some(key) };
            let removed = self.hide(&mut akey, Depth::Akey, (epoch, named))?;
            self.note_punch(&dkey, epoch, removed)?;
            self.note_punch(&target.object, epoch, removed)?;
        }
        Ok(())
    }

    /// Takes a punch below a level into the summary of its children.
    fn note_punch(&mut self, level: &Level, epoch: u64, removed: bool) -> Result<()> {
        if let Children::Tree(tree) = level.children()? {
            tree.note_touched(self.transaction, epoch, true)?;
            if removed {
                tree.note_removal(self.transaction)?;
            }
        }
        Ok(())
    }

    /// [`Conditions::PUNCH`]: everything that is named must exist.
    fn check_punched(&self, container: &Level, request: &PunchRequest) -> Result<()> {
        let arena = self.arena();
        let kind = request.object.object_type();
        let missing =
            |what: String| Status::new(Code::Nonexist, format!("object {}{what} does not exist", request.object));
        let key = object_key(request.object);
        let Some(object) = container.find_child(arena, &fixed_probe(&key))? else { return Err(missing(String::new())) };
        let above = Window::until(request.epoch.0);
        let window = above.below(arena, &object)?;
        match &request.what {
            PunchTarget::Object => {
                if !self.is_visible(Some(&object), Depth::Object, above)? {
                    return Err(missing(String::new()));
                }
            }
            PunchTarget::Dkeys(keys) => {
                for key in keys {
                    let dkey = object.find_child(arena, &KeyProbe::new(kind.dkey_kind(), key)?)?;
                    if !self.is_visible(dkey.as_ref(), Depth::Dkey, window)? {
                        return Err(missing(format!(", dkey {key:?}")));
                    }
                }
            }
            PunchTarget::Akeys { dkey: dkey_name, akeys } => {
                let dkey = object.find_child(arena, &KeyProbe::new(kind.dkey_kind(), dkey_name)?)?;
                let Some(dkey) = dkey else { return Err(missing(format!(", dkey {dkey_name:?}"))) };
                let window = window.below(arena, &dkey)?;
                for key in akeys {
                    let akey = dkey.find_child(arena, &KeyProbe::new(kind.akey_kind(), key)?)?;
                    if !self.is_visible(akey.as_ref(), Depth::Akey, window)? {
                        return Err(missing(format!(", dkey {dkey_name:?}, akey {key:?}")));
                    }
                }
            }
        }
        Ok(())
    }

    /// Removes the values of the punch's own epoch below a level, or seals the punch when that would take long, and records it. Whether the
    /// epochs of something above may not be those of what shows any more.
    fn hide(&mut self, level: &mut Level, depth: Depth, (epoch, named): (u64, Punched<'_>)) -> Result<bool> {
        let (mut removed, mut sealed) = (false, false);
        match &mut self.own_epoch {
            OwnEpoch::Named(writes) => {
                let writes = writes.take(named.object, named.dkey, named.akey);
                removed = self.remove_writes(level, depth, (epoch, named), writes)?;
            }
            OwnEpoch::Few(_) | OwnEpoch::All => {
                let limits = match self.own_epoch {
                    OwnEpoch::Few(looks) => (looks, FREED_AT_ONCE),
                    _ => (entries_max(self.arena()), usize::MAX),
                };
                let mut removal = Removal::new(epoch);
                let to_change = (&mut *self.transaction, self.space);
                sealed = !removal.step(to_change, level, depth, limits)?;
                if sealed && matches!(self.own_epoch, OwnEpoch::All) {
                    return Err(damaged("keys that share what is below them", 0));
                }
                removed |= removal.removed;
            }
        }
        level.punch(self.transaction, epoch, sealed)?;
        Ok(removed || sealed)
    }

    /// Removes what the changes before this one in a list have written below a level.
    fn remove_writes(
        &mut self,
        level: &Level,
        depth: Depth,
        (epoch, named): (u64, Punched<'_>),
        writes: Vec<(&Key, &Key, Vec<&UpdateValue>)>,
    ) -> Result<bool> {
        let kind = named.object.1.object_type();
        let arena = self.arena();
        let mut removed = false;
        for (dkey, akey, values) in writes {
            let mut path = Vec::new();
            if depth == Depth::Object {
                let Some(dkey) = level.find_child(arena, &KeyProbe::new(kind.dkey_kind(), dkey)?)? else { continue };
                path.push(dkey);
            }
            let above = *path.last().unwrap_or(level);
            let mut akey = match depth {
                Depth::Akey => *level,
                _ => match above.find_child(arena, &KeyProbe::new(kind.akey_kind(), akey)?)? {
                    Some(akey) => akey,
                    None => continue,
                },
            };
            if own::remove_values((&mut *self.transaction, self.space), &mut akey, &values, epoch)? {
                removed = true;
                for above in path.iter().chain((depth != Depth::Akey).then_some(level)) {
                    if let Children::Tree(tree) = above.children()? {
                        tree.note_removal(self.transaction)?;
                    }
                }
            }
        }
        Ok(removed)
    }
}

/// Whether everything that a punch names has a record, so that the punch takes hardly any space.
pub(crate) fn is_known(arena: &Arena, container: &Level, request: &PunchRequest) -> Result<bool> {
    let kind = request.object.object_type();
    let key = object_key(request.object);
    let Some(object) = container.find_child(arena, &fixed_probe(&key))? else { return Ok(false) };
    let find = |level: &Level, kind: KeyKind, key: &Key| level.find_child(arena, &KeyProbe::new(kind, key)?);
    match &request.what {
        PunchTarget::Object => Ok(true),
        PunchTarget::Dkeys(keys) => {
            for key in keys {
                if find(&object, kind.dkey_kind(), key)?.is_none() {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        PunchTarget::Akeys { dkey, akeys } => {
            let Some(dkey) = find(&object, kind.dkey_kind(), dkey)? else { return Ok(false) };
            for key in akeys {
                if find(&dkey, kind.akey_kind(), key)?.is_none() {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
}
