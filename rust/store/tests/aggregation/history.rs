//! What is done to a store and to the model alike.

use crate::generate::{CONTAINER, EPOCHS, Generator, akeys, objects};
use crate::model::Model;
use daos_status::{Code, Result};
use daos_store::{
    AggregationRun, Anchor, Conditions, Limits, Operation, PunchRequest, PunchTarget, StepBudget, Store, UpdateValue,
};
use daos_types::{Epoch, Key, ObjectId};
use std::ops::RangeInclusive;
use std::rc::Rc;

#[derive(Clone, Default)]
pub struct History {
    pub model: Model,
    pub aggregated: u64,
    pub pins: Vec<u64>,
    /// Epochs of changes lie up to here.
    pub newest: u64,
}

/// Something that is done.
pub enum Action {
    Change(Vec<Operation>),
    Aggregate(u64),
    Discard(Option<ObjectId>, RangeInclusive<u64>),
    Pin(u64),
    Unpin(u64),
    RollBack(u64),
}

impl History {
    /// Whether what was there at an epoch can be asked for.
    pub fn is_readable(&self, epoch: u64) -> bool {
        epoch >= self.aggregated || self.pins.contains(&epoch)
    }

    pub fn choose(&self, generator: &mut Generator) -> Action {
        let near = |generator: &Generator| (self.aggregated + generator.below(EPOCHS + 2)).saturating_sub(1).max(1);
        match generator.below(30) {
            0 => Action::Pin(near(generator)),
            1 => match &self.pins[..] {
                [] => Action::Unpin(near(generator)),
                pins => Action::Unpin(*generator.pick(pins)),
            },
            2 | 3 => Action::Aggregate(near(generator)),
            4 => {
                let first = near(generator);
                let only = generator.one_in(2).then(|| *generator.pick(&objects()));
                Action::Discard(only, first..=first + generator.below(6))
            }
            5 => match &self.pins[..] {
                [] => Action::RollBack(near(generator)),
                [.., newest] if !generator.one_in(4) => Action::RollBack(*newest),
                pins => Action::RollBack(*generator.pick(pins)),
            },
            _ => Action::Change(self.operations(generator)),
        }
    }

    /// Changes that are nearly always newer than what was aggregated.
    pub fn operations(&self, generator: &mut Generator) -> Vec<Operation> {
        let shift = if generator.one_in(30) { self.aggregated.saturating_sub(3) } else { self.aggregated };
        let mut operations = generator.operations();
        operations.retain(is_usual);
        for operation in &mut operations {
            let (Operation::Update(daos_store::UpdateRequest { epoch, .. })
            | Operation::Punch(daos_store::PunchRequest { epoch, .. })) = operation;
            epoch.0 += shift;
        }
        operations
    }

    /// What the model says becomes of an action; it does it.
    pub fn apply(&mut self, action: &Action) -> Result<(), Code> {
        match action {
            Action::Change(operations) => {
                let epochs = operations.iter().map(|operation| match operation {
                    Operation::Update(update) => update.epoch.0,
                    Operation::Punch(punch) => punch.epoch.0,
                });
                let epochs: Vec<u64> = epochs.collect();
                if epochs.iter().any(|epoch| *epoch <= self.aggregated) {
                    return Err(Code::EpOld);
                }
                self.model.apply(operations)?;
                self.newest = self.newest.max(epochs.into_iter().max().unwrap_or(0));
            }
            Action::Aggregate(up_to) => self.aggregated = self.aggregated.max(*up_to),
            Action::Discard(only, epochs) => {
                if *epochs.start() <= self.aggregated {
                    return Err(Code::EpOld);
                }
                self.model.discard(*only, epochs.clone());
            }
            Action::RollBack(epoch) => {
                if !self.pins.contains(epoch) {
                    return Err(Code::Nonexist);
                }
                if self.pins.last() != Some(epoch) {
                    return Err(Code::Busy);
                }
                self.model.discard(None, epoch + 1..=u64::MAX);
            }
            Action::Pin(epoch) if self.pins.contains(epoch) => {}
            Action::Pin(epoch) if *epoch <= self.aggregated => return Err(Code::EpOld),
            Action::Pin(epoch) => {
                self.pins.push(*epoch);
                self.pins.sort_unstable();
            }
            Action::Unpin(epoch) => {
                let before = self.pins.len();
                self.pins.retain(|pin| pin != epoch);
                if self.pins.len() == before {
                    return Err(Code::Nonexist);
                }
            }
        }
        Ok(())
    }

    pub async fn act(&mut self, store: &Rc<Store>, generator: &mut Generator) {
        let action = self.choose(generator);
        if let Action::Aggregate(up_to) = action
            && generator.one_in(2)
        {
            return self.aggregate_among_changes(store, generator, up_to).await.expect("aggregated");
        }
        if let Action::Discard(only, epochs) = &action
            && *epochs.start() > self.aggregated
            && generator.one_in(2)
        {
            return self.discard_among_changes(store, generator, *only, epochs.clone()).await.expect("discarded");
        }
        let expected = self.apply(&action);
        let (text, result) = carry_out(store, action, generator).await;
        let result = result.map_err(|status| status.code());
        assert!(is_as_expected(result, expected), "{result:?}, not {expected:?}: {text}");
        let pins = store.snapshot_list(CONTAINER).await.expect("list");
        assert_eq!(pins, self.pins.iter().copied().map(Epoch).collect::<Vec<_>>());
        assert_eq!(store.aggregated(CONTAINER).await.expect("there"), Epoch(self.aggregated));
    }

    /// Aggregates in small steps, with changes between them.
    async fn aggregate_among_changes(
        &mut self,
        store: &Rc<Store>,
        generator: &mut Generator,
        up_to: u64,
    ) -> Result<()> {
        let run = store.aggregation_begin(CONTAINER, Epoch(up_to)).await?;
        let mut run = run.with_budget(budget(generator));
        self.aggregated = self.aggregated.max(up_to);
        while run.step().await? {
            if !generator.one_in(3) {
                continue;
            }
            let action = match generator.below(10) {
                0 if !self.pins.is_empty() => Action::Unpin(*generator.pick(&self.pins)),
                1 => Action::Pin(self.aggregated + generator.below(EPOCHS)),
                _ => Action::Change(self.operations(generator)),
            };
            let expected = self.apply(&action);
            let (text, result) = carry_out(store, action, generator).await;
            let result = result.map_err(|status| status.code());
            assert!(is_as_expected(result, expected), "{result:?}, not {expected:?}: {text}");
            if generator.one_in(20) {
                crate::compare::compare(store, self, generator).await;
            }
        }
        Ok(())
    }

    /// Discards in small steps, with changes between them.
    async fn discard_among_changes(
        &mut self,
        store: &Rc<Store>,
        generator: &mut Generator,
        only: Option<ObjectId>,
        epochs: RangeInclusive<u64>,
    ) -> Result<()> {
        let run = store.discard_begin(CONTAINER, only, Epoch(*epochs.start())..=Epoch(*epochs.end()))?;
        let mut run = run.with_budget(budget(generator));
        self.model.discard(only, epochs.clone());
        while run.step().await? {
            if generator.one_in(3) {
                let mut operations = self.operations(generator);
                make_newer(&mut operations, &epochs, generator);
                let action = Action::Change(operations);
                self.apply(&action).expect("it has no conditions");
                let (text, result) = carry_out(store, action, generator).await;
                assert!(result.is_ok(), "{result:?}: {text}");
            }
        }
        Ok(())
    }

    /// Takes everything away; nothing at all is left behind.
    pub async fn clear(&mut self, store: &Rc<Store>) -> Result<()> {
        for epoch in std::mem::take(&mut self.pins) {
            store.snapshot_destroy(CONTAINER, Epoch(epoch)).await?;
        }
        let epoch = Epoch(self.newest.max(self.aggregated) + 1);
        for object in objects() {
            let (what, conditions) = (PunchTarget::Object, Conditions::NONE);
            store.punch(PunchRequest { container: CONTAINER, object, epoch, what, conditions }).await?;
        }
        store.aggregate(CONTAINER, epoch).await?;
        for object in objects() {
            assert_eq!(store.max_epoch(CONTAINER, object).await?, None, "something is left of {object}");
        }
        let limits = Limits { count: 10, bytes: 1000 };
        let listing = store.list_objects(CONTAINER, Epoch::MAX, &Anchor::Start, limits).await?;
        assert!(listing.entries.is_empty());
        Ok(())
    }
}

/// What is discarded may or may not be there while others ask for it: changes meanwhile look at nothing, and are newer.
fn make_newer(operations: &mut [Operation], epochs: &RangeInclusive<u64>, generator: &Generator) {
    for operation in operations {
        let newer = Epoch(epochs.end() + 1 + generator.below(4));
        match operation {
            Operation::Update(update) => {
                (update.epoch, update.conditions) = (newer, Conditions::NONE);
                update.akeys.iter_mut().for_each(|akey| akey.conditions = Conditions::NONE);
            }
            Operation::Punch(punch) => (punch.epoch, punch.conditions) = (newer, Conditions::NONE),
        }
    }
}

/// Akeys of even numbers are single values and the others arrays of one record size: what an akey is, is forgotten with the last that is left
/// of it, and that may be at any time.
pub fn record_size(object: ObjectId, akey: &Key) -> Option<u64> {
    match akeys(object).iter().position(|other| other == akey) {
        Some(3) => Some(3000),
        Some(1) => Some(1),
        _ => None,
    }
}

fn is_usual(operation: &Operation) -> bool {
    let Operation::Update(update) = operation else { return true };
    update.akeys.iter().all(|akey| {
        let usual = record_size(update.object, &akey.akey);
        match &akey.value {
            UpdateValue::Single(_) => usual.is_none(),
            UpdateValue::Array { record_size, .. } => usual == Some(*record_size),
            UpdateValue::PunchExtents(_) => usual.is_some(),
        }
    })
}

/// Does it to the store.
pub async fn carry_out(store: &Rc<Store>, action: Action, generator: &Generator) -> (String, Result<()>) {
    match action {
        Action::Change(operations) => (format!("{operations:?}"), store.apply(operations).await),
        Action::Aggregate(up_to) => {
            let run = store.aggregation_begin(CONTAINER, Epoch(up_to)).await;
            (format!("aggregate up to {up_to}"), walk(run, generator).await)
        }
        Action::Discard(only, epochs) => {
            let text = format!("discard {only:?} {epochs:?}");
            let run = store.discard_begin(CONTAINER, only, Epoch(*epochs.start())..=Epoch(*epochs.end()));
            (text, walk(run, generator).await)
        }
        Action::RollBack(epoch) => {
            let run = store.rollback_begin(CONTAINER, Epoch(epoch));
            (format!("roll back to {epoch}"), walk(run, generator).await)
        }
        Action::Pin(epoch) => (format!("pin {epoch}"), store.snapshot_create(CONTAINER, Epoch(epoch)).await),
        Action::Unpin(epoch) => (format!("unpin {epoch}"), store.snapshot_destroy(CONTAINER, Epoch(epoch)).await),
    }
}

/// Of several changes the first one that is refused says why: that may be a condition before it is the epoch of a later one.
pub fn is_as_expected(found: Result<(), Code>, expected: Result<(), Code>) -> bool {
    found == expected || (expected == Err(Code::EpOld) && matches!(found, Err(Code::Exist | Code::Nonexist)))
}

/// Sizes of steps: now and then the smallest there are.
fn budget(generator: &Generator) -> StepBudget {
    match generator.below(3) {
        0 => StepBudget::new(1),
        1 => StepBudget::new(1 + generator.below(16) as u32),
        _ => StepBudget::LARGEST,
    }
}

async fn walk(run: Result<AggregationRun>, generator: &Generator) -> Result<()> {
    let mut run = run?.with_budget(budget(generator));
    while run.step().await? {}
    Ok(())
}
