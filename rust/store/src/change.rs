//! How requests change the levels: within one transaction, which the caller commits or drops.

use crate::array;
use crate::key_order::{KeyProbe, fixed_probe, object_key};
use crate::level::{ChildOrder, Children, Level, Span, ValueKind};
use crate::single;
use crate::stored::{INLINE_MAX, Source, VALUE_MAX, chunk_of};
use crate::value_space::{Placed, ValueSpace};
use crate::visibility::{Depth, Window, is_visible, span};
use crate::{AkeyUpdate, ChecksumKind, Conditions, Data, PunchRequest, PunchTarget, Store, UpdateRequest, UpdateValue};
use daos_media::{Arena, Transaction};
use daos_status::{Code, Result, Status, fail};
use daos_types::{Epoch, Key, KeyKind, ObjectId};

/// A value that was written to the data device before its transaction, and which one of the request it is.
pub(crate) struct PlacedValue {
    akey: usize,
    piece: usize,
    placed: Placed,
}

impl PlacedValue {
    /// The transaction was committed.
    pub(crate) fn keep(self) {
        self.placed.keep();
    }
}

/// Values so small that they lie beside their record.
fn is_inline(data: &Data) -> bool {
    data.len() < INLINE_MAX
}

/// Checks what can be checked without looking at the store.
pub(crate) fn check_update(request: &UpdateRequest) -> Result<()> {
    check_epoch(request.epoch)?;
    for update in &request.akeys {
        match &update.value {
            UpdateValue::Single(data) => check_length(data.len())?,
            UpdateValue::Array { record_size, pieces } => {
                if *record_size == 0 || u32::try_from(*record_size).is_err() {
                    fail!(Code::Inval, "records of {record_size} bytes: use 1 to {} bytes", u32::MAX);
                }
                for (extent, data) in pieces {
                    check_length(data.len())?;
                    if extent.count().checked_mul(*record_size) != Some(data.len() as u64) {
                        let (count, bytes) = (extent.count(), data.len());
                        fail!(Code::IoInval, "{count} records of {record_size} bytes do not fill {bytes} bytes");
                    }
                }
            }
            UpdateValue::PunchExtents(_) => {}
        }
    }
    Ok(())
}

/// Epoch zero stands for "never", and the greatest one for "the newest".
pub(crate) fn check_epoch(epoch: Epoch) -> Result<()> {
    if epoch == Epoch::ZERO || epoch == Epoch::MAX {
        fail!(Code::Inval, "nothing can be written at epoch {}", epoch.0);
    }
    Ok(())
}

fn check_length(length: usize) -> Result<()> {
    if length > VALUE_MAX {
        fail!(Code::RecordTooBig, "a value of {length} bytes: at most {VALUE_MAX} are stored at once");
    }
    Ok(())
}

/// Writes the large values of an update to the data device; their bytes are taken out of the request.
pub(crate) async fn place_values(store: &Store, request: &mut UpdateRequest) -> Result<Vec<PlacedValue>> {
    let mut values = Vec::new();
    for (akey, update) in request.akeys.iter_mut().enumerate() {
        match &mut update.value {
            UpdateValue::Single(data) if !is_inline(data) => {
                let chunk = data.len();
                values.push(PlacedValue { akey, piece: 0, placed: place(store, data, chunk).await? });
            }
            UpdateValue::Array { pieces, .. } => {
                for (piece, (_, data)) in pieces.iter_mut().enumerate() {
                    if !is_inline(data) {
                        let chunk = chunk_of(data.len());
                        values.push(PlacedValue { akey, piece, placed: place(store, data, chunk).await? });
                    }
                }
            }
            _ => {}
        }
    }
    Ok(values)
}

async fn place(store: &Store, data: &mut Data, chunk: usize) -> Result<Placed> {
    let mut placed = loop {
        match store.values.reserve(data.len()).await {
            Err(status) if status.code() == Code::Nospace && store.reclaim.is_running() => {
                store.reclaim.wait_step().await;
            }
            other => break other?,
        }
    };
    let data = std::mem::replace(data, Data::Bytes(Vec::new()));
    store.values.fill(&mut placed, data, store.settings().checksum, chunk).await?;
    Ok(placed)
}

/// What a change needs of the store.
pub(crate) struct Change<'a, 't> {
    pub transaction: &'a mut Transaction<'t>,
    pub space: &'a ValueSpace,
    pub kind: ChecksumKind,
}

/// The object that a change is about, on its way.
struct Target {
    object: Level,
    window: Window,
    dkey_order: ChildOrder,
    akey_order: ChildOrder,
    akey_kind: KeyKind,
}

fn no_spans(_arena: &Arena, _level: &Level) -> Result<Span> {
    Ok(Span::EMPTY)
}

fn span_of_dkey(arena: &Arena, level: &Level) -> Result<Span> {
    span(arena, level, Depth::Dkey)
}

fn span_of_akey(arena: &Arena, level: &Level) -> Result<Span> {
    span(arena, level, Depth::Akey)
}

impl<'t> Change<'_, 't> {
    fn arena(&self) -> &'t Arena {
        self.transaction.arena()
    }

    fn target(&mut self, container: &mut Level, id: ObjectId, epoch: u64) -> Result<Target> {
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
        let found = target.object.find_child(self.arena(), &probe)?;
        self.check_dkey(request, found.as_ref(), target.window)?;
        self.check_akeys(request, found.as_ref(), &target)?;
        let mut dkey = match found {
            Some(dkey) => dkey,
            None => target.object.add_child(self.transaction, target.dkey_order, &probe, span_of_dkey)?,
        };
        let mut placed = placed.iter().peekable();
        for (index, update) in request.akeys.iter().enumerate() {
            let probe = KeyProbe::new(target.akey_kind, &update.akey)?;
            let mut akey = match dkey.find_child(self.arena(), &probe)? {
                Some(akey) => akey,
                None => dkey.add_child(self.transaction, target.akey_order, &probe, span_of_akey)?,
            };
            let mut next = |piece: usize| {
                placed.next_if(|value| (value.akey, value.piece) == (index, piece)).map(|value| &value.placed)
            };
            let wrote_data = self.put_values(&mut akey, update, epoch, &mut next)?;
            for level in [&dkey, &target.object] {
                if let Children::Tree(tree) = level.children()? {
                    match wrote_data {
                        true => tree.note_epoch(self.transaction, epoch)?,
                        false => tree.note_touched(self.transaction, epoch, false)?,
                    }
                }
            }
        }
        Ok(())
    }

    fn check_dkey(&self, request: &UpdateRequest, dkey: Option<&Level>, window: Window) -> Result<()> {
        let conditions = request.conditions;
        if !conditions.has(Conditions::DKEY_INSERT | Conditions::DKEY_UPDATE) {
            return Ok(());
        }
        let exists = self.is_visible(dkey, Depth::Dkey, window)?;
        if exists && conditions.has(Conditions::DKEY_INSERT) {
            fail!(Code::Exist, "object {}, dkey {:?} exists", request.object, request.dkey);
        }
        if !exists && conditions.has(Conditions::DKEY_UPDATE) {
            fail!(Code::Nonexist, "object {}, dkey {:?} does not exist", request.object, request.dkey);
        }
        Ok(())
    }

    /// All conditions of akeys are looked at before any value of this request is written.
    fn check_akeys(&self, request: &UpdateRequest, dkey: Option<&Level>, target: &Target) -> Result<()> {
        let per_akey = request.conditions.has(Conditions::PER_AKEY);
        for update in &request.akeys {
            let conditions = if per_akey { update.conditions } else { request.conditions };
            if !conditions.has(Conditions::AKEY_INSERT | Conditions::AKEY_UPDATE) {
                continue;
            }
            let probe = KeyProbe::new(target.akey_kind, &update.akey)?;
            let exists = match dkey {
                None => false,
                Some(dkey) => {
                    let akey = dkey.find_child(self.arena(), &probe)?;
                    self.is_visible(akey.as_ref(), Depth::Akey, target.window.below(self.arena(), dkey)?)?
                }
            };
            let name = || format!("object {}, dkey {:?}, akey {:?}", request.object, request.dkey, update.akey);
            if exists && conditions.has(Conditions::AKEY_INSERT) {
                fail!(Code::Exist, "{} exists", name());
            }
            if !exists && conditions.has(Conditions::AKEY_UPDATE) {
                fail!(Code::Nonexist, "{} does not exist", name());
            }
        }
        Ok(())
    }

    fn is_visible(&self, level: Option<&Level>, depth: Depth, window: Window) -> Result<bool> {
        level.map_or(Ok(false), |level| is_visible(self.arena(), level, depth, window))
    }

    /// Writes the values of one akey; whether any was data.
    fn put_values<'p>(
        &mut self,
        akey: &mut Level,
        update: &AkeyUpdate,
        epoch: u64,
        next: &mut impl FnMut(usize) -> Option<&'p Placed>,
    ) -> Result<bool> {
        match &update.value {
            UpdateValue::Single(data) => {
                self.set_kind(akey, &update.akey, ValueKind::Single, 0)?;
                let source = self.source(data, next(0))?;
                single::put(self.transaction, self.space, akey, epoch, self.kind, &source)?;
                Ok(true)
            }
            UpdateValue::Array { record_size, pieces } => {
                self.set_kind(akey, &update.akey, ValueKind::Array, *record_size as u32)?;
                for (index, (extent, data)) in pieces.iter().enumerate() {
                    let content = array::Content::Data(self.source(data, next(index))?);
                    array::put(self.transaction, self.space, akey, *extent, epoch, self.kind, &content)?;
                }
                Ok(!pieces.is_empty())
            }
            UpdateValue::PunchExtents(extents) => {
                self.set_kind(akey, &update.akey, ValueKind::Array, 0)?;
                for extent in extents {
                    let content = array::Content::Punch;
                    array::put(self.transaction, self.space, akey, *extent, epoch, self.kind, &content)?;
                }
                Ok(false)
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

    /// An akey is what its first update made it. A record size of zero leaves open which one it will be.
    fn set_kind(&mut self, akey: &mut Level, key: &Key, kind: ValueKind, record_size: u32) -> Result<()> {
        let (old_kind, old_size) = (akey.value_kind()?, akey.record_size());
        if old_kind == ValueKind::Unknown || (old_kind == kind && old_size == 0 && record_size != 0) {
            return akey.set_value_kind(self.transaction, kind, record_size);
        }
        check_kind(old_kind, kind, key)?;
        if record_size != 0 && record_size != old_size {
            fail!(Code::RecSize, "akey {key:?} has records of {old_size} bytes, not {record_size}");
        }
        Ok(())
    }

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

/// A request must treat an akey as what it is.
pub(crate) fn check_kind(is: ValueKind, wanted: ValueKind, akey: &Key) -> Result<()> {
    match (is, wanted) {
        (ValueKind::Single, ValueKind::Array) => {
            fail!(Code::NoPerm, "akey {akey:?} holds a single value, not an array")
        }
        (ValueKind::Array, ValueKind::Single) => {
            fail!(Code::NoPerm, "akey {akey:?} holds an array, not a single value")
        }
        _ => Ok(()),
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
