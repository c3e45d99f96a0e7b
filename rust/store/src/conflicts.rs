//! Whether a change may be made now: what transactions have read and prepared may be in its way.
//!
//! The epochs of transactions are their order. Three things would break it, and make a transaction start again at a newer epoch:
//! somebody has read what it changes at a later epoch (or at its own), something at exactly its epoch is there already, or what a condition
//! of it looks at was changed at a later epoch, so that the answer would be out of date. (The last one is not needed for the order, but what
//! is out of date should not be acted on.)
//!
//! Plain changes are not refused for what was read. Their epoch comes from the clock of the target at the moment at which they are
//! made, and that clock is past everything that was read here; where it does not, copies of a change have to arrive at all targets and old
//! data has to keep its epochs, and a refusal would make copies differ.

use crate::key_order::{KeyProbe, fixed_probe, object_key};
use crate::level::{Children, Level, ValueKind};
use crate::place::{Named, Place, Scope, for_each_change, for_each_condition, has_conditions};
use crate::prepared::intents::{Intent, Part};
use crate::timestamps::Reader;
use crate::tree::Unique;
use crate::visibility::{Depth, span};
use crate::{Operation, PunchRequest, Store, TransactionRead, UpdateRequest, UpdateValue, array, single};
use daos_media::Arena;
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, TransactionId};

/// The transaction that makes a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Attempt {
    pub transaction: TransactionId,
    pub epoch: u64,
}

impl Store {
    /// Refuses a change that comes too late, or in the way of which a prepared one is.
    #[inline]
    pub(crate) fn admit(&self, operations: &[Operation], attempt: Option<Attempt>) -> Result<()> {
        if !self.prepared.intents.is_empty() {
            operations.iter().try_for_each(|operation| self.check_intents(operation, attempt))?;
        }
        match attempt {
            None => Ok(()),
            Some(attempt) => operations.iter().try_for_each(|operation| self.admit_attempt(operation, attempt)),
        }
    }

    /// A change must not touch what a prepared one will change: that would not be as it was when it was prepared. Its conditions must
    /// not look at it, unless they look at an older epoch. Transactions wait for older ones only, so that nobody waits in a circle.
    #[cold]
    fn check_intents(&self, operation: &Operation, attempt: Option<Attempt>) -> Result<()> {
        let own = attempt.map(|attempt| attempt.transaction);
        let refuse = |named: &Named<'_>, until: u64| {
            let part = Part::of(named.value);
            let Some(intent) = self.prepared.intents.overlapping(&named.place, &part, until, own) else {
                return Ok(());
            };
            let Intent { transaction, epoch } = intent;
            match attempt {
                Some(attempt) if attempt.epoch <= epoch => {
                    let why =
                        format!("is to be changed by transaction {transaction} of epoch {epoch}, which is prepared");
                    restart(attempt, named, &why)
                }
                _ => fail!(
                    Code::Inprogress,
                    "{named}: transaction {transaction} of epoch {epoch} has prepared a change of it; try again when it is done"
                ),
            }
        };
        for_each_change(operation, |named| refuse(&named, u64::MAX))?;
        let (Operation::Update(UpdateRequest { epoch, .. }) | Operation::Punch(PunchRequest { epoch, .. })) = operation;
        for_each_condition(operation, |named| refuse(&named, epoch.0))
    }

    fn admit_attempt(&self, operation: &Operation, attempt: Attempt) -> Result<()> {
        let (epoch, reader) = (attempt.epoch, Reader::of(attempt.transaction));
        let arena = self.durable.arena();
        let (Operation::Update(UpdateRequest { container, .. }) | Operation::Punch(PunchRequest { container, .. })) =
            operation;
        let container = self.container(arena, *container)?;
        for_each_change(operation, |named| {
            if let Some(read) = self.timestamps.read_after(&named.place, &Part::of(named.value), epoch, reader) {
                return restart(attempt, &named, &format!("was read at epoch {read}"));
            }
            if has_epoch(arena, &container, &named, epoch)? {
                return restart(attempt, &named, "has something of the same epoch, or was changed since");
            }
            Ok(())
        })?;
        for_each_condition(operation, |named| {
            if newest_change(arena, &container, &named)? > epoch {
                return restart(attempt, &named, "has a condition and was changed since");
            }
            Ok(())
        })
    }

    /// The conditions of operations were looked at.
    #[inline]
    pub(crate) fn note_conditions(&self, operations: &[Operation], attempt: Option<Attempt>) {
        for operation in operations {
            if has_conditions(operation) {
                self.note_conditions_of(operation, attempt);
            }
        }
    }

    fn note_conditions_of(&self, operation: &Operation, attempt: Option<Attempt>) {
        let (Operation::Update(UpdateRequest { epoch, .. }) | Operation::Punch(PunchRequest { epoch, .. })) = operation;
        let reader = Reader::from(attempt.map(|attempt| attempt.transaction));
        // Keys that cannot be were refused before.
        let _marked = for_each_condition(operation, |named| {
            self.timestamps.mark(&named.place, epoch.0, reader);
            Ok(())
        });
    }

    /// Takes what a transaction has read elsewhere as read here.
    pub(crate) fn note_reads(&self, container: ContainerId, reads: &[TransactionRead], attempt: Attempt) -> Result<()> {
        for read in reads {
            let place = place_of_read(container, read)?;
            self.note_read(&place, Epoch(attempt.epoch), Some(attempt.transaction))?;
        }
        Ok(())
    }
}

/// Where something was read.
pub(crate) fn place_of_read(container: ContainerId, read: &TransactionRead) -> Result<Place> {
    match read {
        TransactionRead::Objects => Ok(Place::of_container(container)),
        TransactionRead::Object(object) => Ok(Place::of_object(container, *object)),
        TransactionRead::Dkey(object, dkey) => Place::of_object(container, *object).dkey(*object, dkey),
        TransactionRead::Akey(object, dkey, akey) => {
            Place::of_object(container, *object).dkey(*object, dkey)?.akey(*object, akey)
        }
    }
}

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "object {}", self.object)?;
        self.dkey.map_or(Ok(()), |dkey| write!(f, ", dkey {dkey:?}"))?;
        self.akey.map_or(Ok(()), |akey| write!(f, ", akey {akey:?}"))
    }
}

#[cold]
fn restart(attempt: Attempt, named: &Named<'_>, why: &str) -> Result<()> {
    let Attempt { transaction, epoch } = attempt;
    fail!(Code::TxRestart, "transaction {transaction} of epoch {epoch}: {named} {why}; begin again at a newer epoch")
}

/// The levels that lead to a place, as far as they are there.
struct Path {
    object: Option<Level>,
    dkey: Option<Level>,
    akey: Option<Level>,
}

impl Path {
    fn find(arena: &Arena, container: &Level, named: &Named<'_>) -> Result<Path> {
        let kind = named.object.object_type();
        let mut path = Path { object: None, dkey: None, akey: None };
        path.object = container.find_child(arena, &fixed_probe(&object_key(named.object)))?;
        if let (Some(object), Some(key)) = (&path.object, named.dkey) {
            path.dkey = object.find_child(arena, &KeyProbe::new(kind.dkey_kind(), key)?)?;
        }
        if let (Some(dkey), Some(key)) = (&path.dkey, named.akey) {
            path.akey = dkey.find_child(arena, &KeyProbe::new(kind.akey_kind(), key)?)?;
        }
        Ok(path)
    }

    fn levels(&self) -> impl Iterator<Item = &Level> {
        [&self.object, &self.dkey, &self.akey].into_iter().flatten()
    }

    /// The level of the place itself.
    fn end(&self, scope: Scope) -> Option<(&Level, Depth)> {
        match scope {
            Scope::Container => None,
            Scope::Object => Some((self.object.as_ref()?, Depth::Object)),
            Scope::Dkey => Some((self.dkey.as_ref()?, Depth::Dkey)),
            Scope::Akey => Some((self.akey.as_ref()?, Depth::Akey)),
        }
    }
}

/// Whether a change of a place would meet something of exactly its epoch. A punch is taken for one that does when anything below is as
/// new as it: to look for what would have to be removed would have no bound.
fn has_epoch(arena: &Arena, container: &Level, named: &Named<'_>, epoch: u64) -> Result<bool> {
    let path = Path::find(arena, container, named)?;
    for level in path.levels() {
        if let Some(punches) = level.punches()?
            && punches.find(arena, &Unique(epoch))?.is_some()
        {
            return Ok(true);
        }
    }
    let Some((level, depth)) = path.end(named.place.scope) else { return Ok(false) };
    let Some(value) = named.value else { return Ok(span(arena, level, depth)?.touched >= epoch) };
    let mut found = false;
    match (level.value_kind()?, value) {
        (ValueKind::Single, UpdateValue::Single(_)) => {
            found = match level.children()? {
                Children::None => false,
                Children::Direct(link) => single::epoch_of(arena, link)? == epoch,
                Children::Tree(tree) => tree.find(arena, &Unique(epoch))?.is_some(),
            };
        }
        (ValueKind::Array, UpdateValue::Array { pieces, .. }) => {
            for (extent, _) in pieces {
                array::for_each_overlapping(arena, level, *extent, |record| {
                    found |= record.epoch == epoch;
                    Ok(())
                })?;
            }
        }
        (ValueKind::Array, UpdateValue::PunchExtents(extents)) => {
            for extent in extents {
                array::for_each_overlapping(arena, level, *extent, |record| {
                    found |= record.epoch == epoch;
                    Ok(())
                })?;
            }
        }
        // Another kind of value is refused when it is put there.
        _ => {}
    }
    Ok(found)
}

/// The epoch of the newest change of a place.
fn newest_change(arena: &Arena, container: &Level, named: &Named<'_>) -> Result<u64> {
    let path = Path::find(arena, container, named)?;
    let mut newest = 0;
    for level in path.levels() {
        newest = newest.max(level.last_punch(arena)?.map_or(0, |(epoch, _)| epoch));
    }
    if let Some((level, depth)) = path.end(named.place.scope) {
        newest = newest.max(span(arena, level, depth)?.touched);
    }
    Ok(newest)
}
