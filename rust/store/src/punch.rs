//! Punches: they hide what is older, and remove what has their own epoch.

use crate::array;
use crate::change::{Change, Target, span_of_akey, span_of_dkey};
use crate::key_order::{KeyProbe, fixed_probe, object_key};
use crate::level::{Children, Level, ValueKind};
use crate::single;
use crate::visibility::{Depth, Window, is_visible};
use crate::{Conditions, PunchRequest, PunchTarget};
use daos_media::Arena;
use daos_status::{Code, Result, Status};
use daos_types::{Key, KeyKind};

impl Change<'_, '_> {
    /// Carries out a punch.
    pub(crate) fn punch(&mut self, container: &mut Level, request: &PunchRequest) -> Result<()> {
        let epoch = request.epoch.0;
        if request.conditions.has(Conditions::PUNCH) {
            self.check_punched(container, request)?;
        }
        let mut target = self.target(container, request.object, epoch)?;
        match &request.what {
            PunchTarget::Object => {
                self.remove_at(&mut target.object, Depth::Object, epoch)?;
                target.object.punch(self.transaction, epoch)
            }
            PunchTarget::Dkeys(keys) => {
                for key in keys {
                    let probe = KeyProbe::new(request.object.object_type().dkey_kind(), key)?;
                    let mut dkey = match target.object.find_child(self.arena(), &probe)? {
                        Some(dkey) => dkey,
                        None => target.object.add_child(self.transaction, target.dkey_order, &probe, span_of_dkey)?,
                    };
                    let removed = self.remove_at(&mut dkey, Depth::Dkey, epoch)?;
                    dkey.punch(self.transaction, epoch)?;
                    self.note_punch(&target.object, epoch, removed)?;
                }
                Ok(())
            }
            PunchTarget::Akeys { dkey, akeys } => self.punch_akeys(&mut target, request, dkey, akeys),
        }
    }

    fn punch_akeys(&mut self, target: &mut Target, request: &PunchRequest, dkey: &Key, akeys: &[Key]) -> Result<()> {
        let epoch = request.epoch.0;
        let probe = KeyProbe::new(request.object.object_type().dkey_kind(), dkey)?;
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
            let removed = self.remove_at(&mut akey, Depth::Akey, epoch)?;
            akey.punch(self.transaction, epoch)?;
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
                if !is_visible(arena, &object, Depth::Object, above)? {
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

    /// Removes the values of exactly this epoch below a level; whether there were any.
    fn remove_at(&mut self, level: &mut Level, depth: Depth, epoch: u64) -> Result<bool> {
        let Some(below) = depth.below() else {
            return match level.value_kind()? {
                ValueKind::Unknown => Ok(false),
                ValueKind::Single => single::remove_at(self.transaction, self.space, level, epoch),
                ValueKind::Array => array::remove_at(self.transaction, self.space, level, epoch),
            };
        };
        let tree = match level.children()? {
            Children::None => return Ok(false),
            Children::Direct(link) => return self.remove_at(&mut Level::load(self.arena(), link)?, below, epoch),
            Children::Tree(tree) => tree,
        };
        // What is punched is older than the punch nearly always, and then there is nothing to look for.
        if tree.head(self.arena())?.touched < epoch {
            return Ok(false);
        }
        let mut removed = false;
        let mut cursor = tree.first(self.arena())?;
        while let Some(at) = &mut cursor {
            // The children change, but the tree that names them does not.
            let mut child = Level::load(self.arena(), at.entry(self.arena())?.link)?;
            removed |= self.remove_at(&mut child, below, epoch)?;
            if !at.next(self.arena())? {
                break;
            }
        }
        if removed {
            tree.note_removal(self.transaction)?;
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
