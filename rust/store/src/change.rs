//! How requests change the levels: within one transaction, which the caller commits or drops.

mod check;
mod looks;
mod placing;

pub(crate) use check::{check_epoch, check_update, is_other_kind};
pub(crate) use looks::{Looks, Watches, still_looking};
pub(crate) use placing::{PlacedValue, has_large_values, place_values};

use crate::array;
use crate::ends::Ends;
use crate::key_order::{KeyProbe, fixed_probe, object_key};
use crate::level::{ChildOrder, Children, Level, NewAkey, ROOM_MAX, Search, Span, ValueKind};
use crate::punch::{OwnEpoch, Sealed};
use crate::single;
use crate::stored::Source;
use crate::value_space::{Placed, ValueSpace};
use crate::visibility::{Depth, Window, span};
use crate::{AkeyUpdate, ChecksumKind, Conditions, Data, UpdateRequest, UpdateValue};
use daos_media::{Arena, Transaction};
use daos_status::{Code, Result, fail};
use daos_types::{Extent, Key, KeyKind, ObjectId};
use std::cell::{Cell, RefCell};

/// What a change needs of the store.
pub(crate) struct Change<'a, 't, 'o> {
    pub transaction: &'a mut Transaction<'t>,
    pub space: &'a ValueSpace,
    pub kind: ChecksumKind,
    pub ends: &'a Ends,
    /// How a punch finds what has its own epoch.
    pub own_epoch: OwnEpoch<'o>,
    /// What has to be done before the change can be made; it is refused then.
    pub pause: &'a Cell<Option<Box<Pause>>>,
    /// What its conditions have looked at, and how many of them have been looked at.
    pub looks: &'a RefCell<Looks>,
    pub asked: Cell<usize>,
}

/// What takes so long that it is not done within a change.
pub(crate) enum Pause {
    /// A sealed punch of the same epoch has to become a plain one.
    Unseal(Sealed),
    /// A condition looks through so many entries that others have to run first.
    Look,
}

/// The object that a change is about, on its way.
pub(crate) struct Target {
    pub object: Level,
    pub window: Window,
    pub dkey_order: ChildOrder,
    pub akey_order: ChildOrder,
    pub akey_kind: KeyKind,
}

/// The first value of an akey.
enum First<'a> {
    Single(Source<'a>),
    Extent(Extent, array::Content<'a>),
}

impl First<'_> {
    /// Bytes of its record in the room of its akey, and whether that can be brief.
    fn size(&self, record_size: u32) -> (usize, bool) {
        match self {
            First::Single(source) => (single::size_of_record(source), true),
            First::Extent(extent, content) => match content.size_of_brief_record(record_size, *extent, 0) {
                Some(size) => (size, true),
                None => (content.size_of_record(), false),
            },
        }
    }
}

fn no_spans(_arena: &Arena, _level: &Level) -> Result<Span> {
    Ok(Span::EMPTY)
}

pub(crate) fn span_of_dkey(arena: &Arena, level: &Level) -> Result<Span> {
    span(arena, level, Depth::Dkey)
}

pub(crate) fn span_of_akey(arena: &Arena, level: &Level) -> Result<Span> {
    span(arena, level, Depth::Akey)
}

impl<'t> Change<'_, 't, '_> {
    pub(crate) fn arena(&self) -> &'t Arena {
        self.transaction.arena()
    }

    pub(crate) fn target(&mut self, container: &mut Level, id: ObjectId, epoch: u64) -> Result<Target> {
        let key = object_key(id);
        let probe = fixed_probe(&key);
        let object = match container.find_child(self.arena(), &probe)? {
            Some(object) => object,
            None => container.add_child(self.transaction, ChildOrder::Fixed, &probe, no_spans)?,
        };
        let window = Window::until(epoch).below(self.arena(), &object)?;
        let kind = id.object_type();
        Ok(Target {
            object,
            window,
            dkey_order: ChildOrder::Keys(kind.dkey_kind()),
            akey_order: ChildOrder::Keys(kind.akey_kind()),
            akey_kind: kind.akey_kind(),
        })
    }

    /// Carries out an update whose large values were placed.
    pub(crate) fn update(
        &mut self,
        container: &mut Level,
        request: &UpdateRequest,
        placed: &[PlacedValue],
    ) -> Result<()> {
        let epoch = request.epoch.0;
        let mut target = self.target(container, request.object, epoch)?;
        let probe = KeyProbe::new(request.object.object_type().dkey_kind(), &request.dkey)?;
        if target.window.from > epoch {
            return self.meet_sealed(request, None, None);
        }
        self.ends.note_update(request.container, request.object, probe.order, probe.bytes);
        let (found, place) = match target.object.search_child(self.arena(), &probe)? {
            Search::Found(dkey) => (Some(dkey), None),
            Search::Absent(place) => (None, place),
        };
        if let Some(dkey) = &found
            && dkey.is_sealed_at(self.arena(), epoch)?
        {
            return self.meet_sealed(request, Some(&request.dkey), None);
        }
        if request.conditions != Conditions::NONE {
            self.check_dkey(request, found.as_ref(), target.window)?;
            self.check_akeys(request, found.as_ref(), &target)?;
        }
        let mut placed = placed.iter().peekable();
        let mut dkey = found;
        for (index, update) in request.akeys.iter().enumerate() {
            let mut next = |piece: usize| {
                placed.next_if(|value| (value.akey, value.piece) == (index, piece)).map(|value| &value.placed)
            };
            let wrote = match &mut dkey {
                Some(dkey) => self.update_akey(dkey, &target, (request, update), epoch, &mut next)?,
                None => {
                    let (new, akey, done) = self.first_value(update, epoch, &mut next, Some(&request.dkey))?;
                    target.object.add_record(
                        self.transaction,
                        target.dkey_order,
                        (&probe, place),
                        span_of_dkey,
                        &new,
                    )?;
                    dkey = Some(new);
                    self.put_values(&mut { akey }, update, epoch, &mut next, done)?
                }
            };
            for level in dkey.iter().chain([&target.object]) {
                if let Children::Tree(tree) = level.children()? {
                    match wrote {
                        true => tree.note_epoch(self.transaction, epoch)?,
                        false => tree.note_touched(self.transaction, epoch, false)?,
                    }
                }
            }
        }
        if dkey.is_none() {
            target.object.add_child(self.transaction, target.dkey_order, &probe, span_of_dkey)?;
        }
        Ok(())
    }

    /// Refuses an update below a punch that hides its epoch, and says what has to be done about it.
    #[cold]
    fn meet_sealed(&self, request: &UpdateRequest, dkey: Option<&Key>, akey: Option<&Key>) -> Result<()> {
        let UpdateRequest { container, object, epoch, .. } = request;
        let (container, object, epoch) = (*container, *object, epoch.0);
        let sealed = Sealed { container, object, dkey: dkey.cloned(), akey: akey.cloned(), epoch };
        self.pause.set(Some(Box::new(Pause::Unseal(sealed))));
        fail!(Code::Busy, "object {object} was punched at epoch {epoch}, which is still being carried out; try again")
    }

    /// Writes the values of one akey of a dkey that is there; whether there were any.
    fn update_akey<'p>(
        &mut self,
        dkey: &mut Level,
        target: &Target,
        (request, update): (&UpdateRequest, &AkeyUpdate),
        epoch: u64,
        next: &mut impl FnMut(usize) -> Option<&'p Placed>,
    ) -> Result<bool> {
        let probe = KeyProbe::new(target.akey_kind, &update.akey)?;
        match dkey.search_child(self.arena(), &probe)? {
            Search::Found(mut akey) => {
                if akey.is_sealed_at(self.arena(), epoch)? {
                    self.meet_sealed(request, Some(&request.dkey), Some(&update.akey))?;
                }
                self.put_values(&mut akey, update, epoch, next, 0)
            }
            Search::Absent(place) => {
                let (record, mut akey, done) = self.first_value(update, epoch, next, None)?;
                let (order, place) = (target.akey_order, (&probe, place));
                dkey.add_record(self.transaction, order, place, span_of_akey, &record)?;
                self.put_values(&mut akey, update, epoch, next, done)
            }
        }
    }

    /// Makes an akey with its first value beside it when that is small, and in the same allocation as its dkey, when that is new.
    /// Gives the record to be put into a tree, the akey, and how many values were written.
    fn first_value<'p>(
        &mut self,
        update: &AkeyUpdate,
        epoch: u64,
        next: &mut impl FnMut(usize) -> Option<&'p Placed>,
        dkey: Option<&Key>,
    ) -> Result<(Level, Level, usize)> {
        let (kind, record_size, first) = match &update.value {
            UpdateValue::Single(data) => (ValueKind::Single, 0, Some(First::Single(self.source(data, next(0))?))),
            UpdateValue::Array { record_size, pieces } => {
                let first = match pieces.first() {
                    Some((extent, data)) => {
                        Some(First::Extent(*extent, array::Content::Data(self.source(data, next(0))?)))
                    }
                    None => None,
                };
                (ValueKind::Array, *record_size as u32, first)
            }
            UpdateValue::PunchExtents(extents) => {
                let first = extents.first().map(|extent| First::Extent(*extent, array::Content::Punch));
                (ValueKind::Array, 0, first)
            }
        };
        let (room, is_brief) = first.as_ref().map_or((0, false), |first| first.size(record_size));
        let mut new = NewAkey { key: &update.akey, kind, record_size, room, is_brief };
        if new.size() > ROOM_MAX {
            (new.room, new.is_brief) = (0, false);
        }
        let (record, mut akey) = match dkey {
            Some(key) if new.size() <= ROOM_MAX => Level::create_dkey(self.transaction, key, &new)?,
            Some(key) => {
                let mut dkey = Level::create(self.transaction, key)?;
                let akey = Level::create_akey(self.transaction, &new)?;
                dkey.set_children(self.transaction, akey.link(), false)?;
                (dkey, akey)
            }
            None => {
                let akey = Level::create_akey(self.transaction, &new)?;
                (akey, akey)
            }
        };
        match (&first, new.room > 0) {
            (None, _) => return Ok((record, akey, 0)),
            (Some(First::Single(source)), true) => single::fill(self.transaction, &akey, epoch, self.kind, source)?,
            (Some(First::Single(source)), false) => {
                single::put(self.transaction, self.space, &mut akey, epoch, self.kind, source)?;
            }
            (Some(First::Extent(extent, content)), true) => {
                array::fill(self.transaction, &akey, *extent, epoch, self.kind, content)?;
            }
            (Some(First::Extent(extent, content)), false) => {
                array::put(self.transaction, self.space, &mut akey, *extent, epoch, self.kind, content)?;
            }
        }
        let record = if dkey.is_none() { akey } else { record };
        Ok((record, akey, 1))
    }

    /// Writes the values of one akey but for those that are written already; whether there were any, punched ranges included: they make a key exist, too.
    fn put_values<'p>(
        &mut self,
        akey: &mut Level,
        update: &AkeyUpdate,
        epoch: u64,
        next: &mut impl FnMut(usize) -> Option<&'p Placed>,
        done: usize,
    ) -> Result<bool> {
        match &update.value {
            UpdateValue::Single(data) => {
                if done == 0 {
                    self.set_kind(akey, &update.akey, ValueKind::Single, 0)?;
                    let source = self.source(data, next(0))?;
                    single::put(self.transaction, self.space, akey, epoch, self.kind, &source)?;
                }
                Ok(true)
            }
            UpdateValue::Array { record_size, pieces } => {
                self.set_kind(akey, &update.akey, ValueKind::Array, *record_size as u32)?;
                for (index, (extent, data)) in pieces.iter().enumerate().skip(done) {
                    let content = array::Content::Data(self.source(data, next(index))?);
                    array::put(self.transaction, self.space, akey, *extent, epoch, self.kind, &content)?;
                }
                Ok(!pieces.is_empty())
            }
            UpdateValue::PunchExtents(extents) => {
                self.set_kind(akey, &update.akey, ValueKind::Array, 0)?;
                for extent in extents.iter().skip(done) {
                    let content = array::Content::Punch;
                    array::put(self.transaction, self.space, akey, *extent, epoch, self.kind, &content)?;
                }
                Ok(!extents.is_empty())
            }
        }
    }

    fn source<'p>(&mut self, data: &'p Data, placed: Option<&'p Placed>) -> Result<Source<'p>> {
        Ok(match placed {
            None => Source::Inline(data),
            Some(placed) => {
                self.space.publish(self.transaction, placed)?;
                Source::Placed(placed)
            }
        })
    }
}
