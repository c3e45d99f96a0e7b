//! The walk over a container: from object to object, key to key and value to value, a bounded piece per transaction.
//!
//! Where it stands is kept as the keys of the path, so that everything may change between two steps. What is left below a level is
//! gathered while its children are walked over: it tells, at the level's end, which of its punches still hide something, and whether the
//! level itself can go. Changes that come meanwhile are all newer than what is decided about.

use super::children::Place;
use super::extents::ExtentPlace;
use super::rule::{Hidden, Rule};
use super::step::Step;
use super::sweep::Sweep;
use super::versions::span_of_versions;
use crate::key_order::{KeyProbe, object_of_key};
use crate::level::{ChildOrder, Children, Level, Span, ValueKind};
use crate::place::Place as PreparedPlace;
use crate::prepared::intents::Part;
use crate::recent::Recent;
use crate::tree::damaged;
use crate::visibility::{Depth, span};
use daos_media::{Arena, Lsn};
use daos_status::Result;
use daos_types::{ContainerId, Key, ObjectId};

/// What the children are of the container, of an object and of a dkey.
const DEPTHS: [Depth; 3] = [Depth::Object, Depth::Dkey, Depth::Akey];

/// Where the akey is in the path.
const AKEY: usize = 3;

/// A level that the walk is in.
pub(super) struct Frame {
    /// Its key in the level above.
    key: Vec<u8>,
    /// The last of its children that is done.
    behind: Option<Vec<u8>>,
    /// What is left below, as far as the walk has come.
    pub(super) below: Span,
    /// Nothing of its object has changed since the walk came here, so that what is left below is known exactly.
    is_clean: bool,
    /// Of an akey: where the walk stands in its versions.
    pub(super) after: Option<u64>,
    /// Of an akey with extents.
    pub(super) extents: ExtentPlace,
    /// At the end of a level: where the walk stands in its punches.
    pub(super) behind_punch: Option<u64>,
}

impl Frame {
    fn new(key: Vec<u8>) -> Frame {
        let extents = ExtentPlace::default();
        Frame { key, behind: None, below: Span::EMPTY, is_clean: true, after: None, extents, behind_punch: None }
    }
}

/// What became of a child.
enum Outcome {
    /// The step ended within it.
    Paused,
    Stays,
    /// Its record is gone.
    Gone,
}

pub(super) struct Walk {
    container: ContainerId,
    /// Only this object, if only one.
    only: Option<ObjectId>,
    pub(super) rule: Rule,
    /// The container first.
    pub(super) frames: Vec<Frame>,
    /// The last change of the object that the walk is in, at the end of the last step.
    seen: Lsn,
}

impl Walk {
    pub(super) fn new(container: ContainerId, only: Option<ObjectId>, rule: Rule) -> Walk {
        Walk { container, only, rule, frames: vec![Frame::new(Vec::new())], seen: Lsn(0) }
    }

    /// Does one step; `true` at the end of the walk.
    pub(super) fn step(&mut self, step: &mut Step<'_, '_>, container: &mut Level) -> Result<bool> {
        if self.last_change(step.recent) != self.seen {
            self.frames[1..].iter_mut().for_each(|frame| frame.is_clean = false);
        }
        let hidden = self.rule.nothing_hidden();
        match self.only {
            None => self.children(step, container, 0, &hidden),
            Some(object) => {
                let key = crate::key_order::object_key(object);
                self.only_child(step, container, &key, &hidden)
            }
        }
    }

    /// To be called when the step is committed.
    pub(super) fn note_committed(&mut self, recent: &Recent) {
        self.seen = self.last_change(recent);
    }

    /// The last change of the object that the walk is in.
    fn last_change(&self, recent: &Recent) -> Lsn {
        let object = self.frames.get(1).and_then(|frame| object_of_key(&frame.key));
        object.map_or(Lsn(0), |object| recent.of_object(self.container, object))
    }

    fn only_child(
        &mut self,
        step: &mut Step<'_, '_>,
        container: &mut Level,
        key: &[u8],
        hidden: &Hidden,
    ) -> Result<bool> {
        let probe = KeyProbe { order: ChildOrder::Fixed.order_of(key)?, bytes: key };
        let Some(child) = container.find_child(step.arena(), &probe)? else { return Ok(true) };
        if self.frames.len() == 1 {
            self.frames.push(Frame::new(key.to_vec()));
        }
        Ok(!matches!(self.child(step, container, child, 0, hidden)?, Outcome::Paused))
    }

    /// How the children of a frame's level are ordered.
    fn order(&self, index: usize) -> Result<ChildOrder> {
        if index == 0 {
            return Ok(ChildOrder::Fixed);
        }
        let object = self.frames.get(1).and_then(|frame| object_of_key(&frame.key));
        let Some(object) = object else { return Err(damaged("an object's key", 0)) };
        let kind = object.object_type();
        Ok(ChildOrder::Keys(if index == 1 { kind.dkey_kind() } else { kind.akey_kind() }))
    }

    /// Walks over the children of a level; `false` when the step ended before the last of them.
    fn children(&mut self, step: &mut Step<'_, '_>, level: &mut Level, index: usize, hidden: &Hidden) -> Result<bool> {
        let records = step.done.records;
        let result = self.each_child(step, level, index, hidden)?;
        if step.done.records > records
            && index > 0
            && let Children::Tree(tree) = level.children()?
        {
            tree.note_removal(step.transaction)?;
        }
        Ok(result)
    }

    fn each_child(
        &mut self,
        step: &mut Step<'_, '_>,
        level: &mut Level,
        index: usize,
        hidden: &Hidden,
    ) -> Result<bool> {
        let order = self.order(index)?;
        if let Some(frame) = self.frames.get(index + 1) {
            // The step before has ended within this child.
            let key = frame.key.clone();
            let probe = KeyProbe { order: order.order_of(&key)?, bytes: &key };
            match level.find_child(step.arena(), &probe)? {
                Some(child) => {
                    if let Outcome::Paused = self.child(step, level, child, index, hidden)? {
                        return Ok(false);
                    }
                }
                None => self.frames.truncate(index + 1),
            }
            self.frames[index].behind = Some(key);
        }
        let mut place = Place::Unknown;
        let mut last = None;
        let is_done = loop {
            if step.is_exhausted() {
                break false;
            }
            let arena = step.arena();
            let Some(link) = place.next(arena, level, order, self.frames[index].behind.as_deref())? else { break true };
            let child = Level::load(arena, link)?;
            step.look();
            let below = span(arena, &child, DEPTHS[index])?;
            if self.rule.skips(&below, hidden) {
                self.frames[index].below.add(below);
                last = Some(child);
                continue;
            }
            last = None;
            let key = child.key(arena)?;
            self.frames.push(Frame::new(key.clone()));
            match self.child(step, level, child, index, hidden)? {
                Outcome::Paused => return Ok(false),
                Outcome::Stays => {}
                Outcome::Gone => place = Place::Unknown,
            }
            self.frames[index].behind = Some(key);
        };
        if let Some(last) = last {
            self.frames[index].behind = Some(last.key(step.arena())?);
        }
        Ok(is_done)
    }

    /// Walks over what is below a child, which has the last frame, and then decides about the child itself.
    fn child(
        &mut self,
        step: &mut Step<'_, '_>,
        parent: &mut Level,
        mut child: Level,
        index: usize,
        hidden: &Hidden,
    ) -> Result<Outcome> {
        let hidden = self.rule.hidden_below(step.arena(), &child, hidden)?;
        let is_done = match DEPTHS[index].below() {
            Some(_) => self.children(step, &mut child, index + 1, &hidden)?,
            None => self.values(step, &mut child, index + 1, &hidden)?,
        };
        if !is_done || !self.drop_punches(step, &mut child, index + 1)? {
            return Ok(Outcome::Paused);
        }
        let Some(frame) = self.frames.get(index + 1) else { return Err(damaged("the path of a walk", 0)) };
        let (mut below, is_clean) = (frame.below, frame.is_clean);
        child.collapse(step.transaction)?;
        let is_empty = matches!(child.children()?, Children::None) && child.punches()?.is_none();
        let stays = is_empty && self.is_prepared(step, index + 1)?;
        if is_empty && !stays {
            let order = self.order(index)?;
            let key = &self.frames[index + 1].key;
            let probe = KeyProbe { order: order.order_of(key)?, bytes: key };
            parent.remove_child(step.transaction, &probe)?;
            child.free(step.transaction)?;
            step.note_freed(0, 0);
            self.frames.truncate(index + 1);
            return Ok(Outcome::Gone);
        }
        if is_clean {
            finish_tree(step, &mut child, DEPTHS[index], below)?;
        }
        // What is empty and stays is looked at again.
        below.is_exact &= is_clean && !stays;
        below.note_punch(child.last_punch(step.arena())?);
        self.frames.truncate(index + 1);
        self.frames[index].below.add(below);
        Ok(Outcome::Stays)
    }

    /// Whether something prepared will change the level of a frame, or what is below it.
    fn is_prepared(&self, step: &Step<'_, '_>, index: usize) -> Result<bool> {
        let Some(intents) = step.intents.filter(|intents| !intents.is_empty()) else { return Ok(false) };
        let keys: Vec<&[u8]> = self.frames[1..=index].iter().map(|frame| &frame.key[..]).collect();
        let Some(object) = keys.first().and_then(|key| object_of_key(key)) else { return Ok(true) };
        let mut place = PreparedPlace::of_object(self.container, object);
        if let Some(dkey) = keys.get(1) {
            place = place.dkey(object, &Key::new(dkey)?)?;
        }
        if let Some(akey) = keys.get(2) {
            place = place.akey(object, &Key::new(akey)?)?;
        }
        Ok(intents.overlapping(&place, &Part::All, u64::MAX, None).is_some())
    }

    /// Walks over the values of an akey; `false` when the step ended before the last.
    fn values(&mut self, step: &mut Step<'_, '_>, akey: &mut Level, index: usize, hidden: &Hidden) -> Result<bool> {
        match akey.value_kind()? {
            ValueKind::Array => {
                let records = step.done.records;
                let is_done = self.extents(step, akey, index, hidden)?;
                if step.done.records > records
                    && let Children::Tree(tree) = akey.children()?
                {
                    tree.note_removal(step.transaction)?;
                }
                Ok(is_done)
            }
            ValueKind::Single => {
                let is_done = self.versions(step, akey, index, hidden)?;
                if is_done {
                    self.frames[index].below = Span { has_punches: false, ..span_of_versions(step.arena(), akey)? };
                }
                Ok(is_done)
            }
            ValueKind::Unknown => Ok(true),
        }
    }
}

/// What the walk is told between steps.
impl Walk {
    /// The array that the walk stands in, where something is to be joined: the sweep that says so.
    pub(super) fn wanted_join(&mut self) -> Option<&mut Sweep> {
        let sweep = self.frames.get_mut(AKEY)?.extents.sweeps.last_mut()?;
        sweep.join.is_some().then_some(sweep)
    }

    /// The keys of the object, the dkey and the akey that the walk is in.
    pub(super) fn path(&self) -> Option<(ObjectId, Vec<u8>, Vec<u8>)> {
        let [_, object, dkey, akey] = &self.frames[..] else { return None };
        Some((object_of_key(&object.key)?, dkey.key.clone(), akey.key.clone()))
    }

    /// The akey that the walk is in, and what is hidden below it.
    pub(super) fn find_akey(&self, arena: &Arena, container: &Level) -> Result<Option<(Level, Hidden)>> {
        let (mut level, mut hidden) = (*container, self.rule.nothing_hidden());
        if self.frames.len() != AKEY + 1 {
            return Ok(None);
        }
        for index in 0..AKEY {
            let key = &self.frames[index + 1].key;
            let probe = KeyProbe { order: self.order(index)?.order_of(key)?, bytes: key };
            let Some(child) = level.find_child(arena, &probe)? else { return Ok(None) };
            hidden = self.rule.hidden_below(arena, &child, &hidden)?;
            level = child;
        }
        Ok(Some((level, hidden)))
    }
}

/// Makes the summary of a level as exact as those below it.
fn finish_tree(step: &mut Step<'_, '_>, level: &mut Level, depth: Depth, below: Span) -> Result<()> {
    let Children::Tree(tree) = level.children()? else { return Ok(()) };
    let keeps_summary = depth != Depth::Akey || level.value_kind()? == ValueKind::Array;
    if keeps_summary {
        tree.set_summary(step.transaction, below)?;
    }
    Ok(())
}
