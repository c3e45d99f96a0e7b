//! What clients did and saw, in the order in which it happened.

use crate::actor::DKEYS;
use crate::snapshots::Known;
use crate::transactions::{self, Joint, OBJECT};
use daos_sim::QuickHasher;
use daos_sim::linear::{Entry, Operation, Register, Verdict, check, without_unread};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};

/// What a register is in the system: the container, object and dkey of a value, or the container and name of an attribute.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    Value(u64, u64),
    Attribute(u64),
}

/// What was done to a label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LabelOperation {
    /// Made under it: this container.
    Create(u64),
    /// Refused, since the label is taken.
    CreateRefused,
    /// Destroyed.
    Destroy,
    /// Opened, or looked up: it is this one, or none.
    Look(Option<u64>),
}

impl Operation for LabelOperation {
    type State = Option<u64>;

    fn apply(&self, state: &Option<u64>) -> Option<Option<u64>> {
        match (self, state) {
            (LabelOperation::Create(id), None) => Some(Some(*id)),
            (LabelOperation::CreateRefused, Some(_)) => Some(*state),
            (LabelOperation::Destroy, Some(_)) => Some(None),
            (LabelOperation::Look(seen), now) if seen == now => Some(*state),
            _ => None,
        }
    }
}

/// An operation that was begun.
#[derive(Clone, Copy, Debug)]
pub struct Begun(u64);

#[derive(Default)]
pub struct History {
    time: u64,
    registers: BTreeMap<Place, Vec<Entry<Register>>>,
    labels: BTreeMap<u64, Vec<Entry<LabelOperation>>>,
    /// By epoch.
    pub snapshots: BTreeMap<u64, Known>,
    transactions: Vec<Entry<Joint>>,
    /// Each writes all values of a snapshot.
    rollbacks: Vec<Entry<BTreeMap<Place, Option<u64>>>>,
    hash: u64,
}

impl History {
    fn note(&mut self, what: impl Hash) {
        let mut hasher = QuickHasher::from(self.hash);
        what.hash(&mut hasher);
        self.hash = hasher.finish();
    }

    /// A number that is the same for two runs in which clients saw the same.
    pub fn fingerprint(&self) -> u64 {
        self.hash
    }

    pub fn begin(&mut self) -> Begun {
        self.time += 1;
        Begun(self.time)
    }

    /// A write has ended, well or not. The client may have sent it again since nobody knew whether it was done: it has happened once all
    /// the same.
    pub fn write(&mut self, begun: Begun, place: Place, value: Option<u64>, is_acknowledged: bool) {
        self.time += 1;
        self.note((begun.0, self.time, value, is_acknowledged));
        let (end, is_certain) = if is_acknowledged { (Some(self.time), true) } else { (None, false) };
        let entry = Entry { begin: begun.0, end, is_certain, operation: Register::Write(value) };
        self.registers.entry(place).or_default().push(entry);
    }

    /// A write that may still be under way, or have been cut off: it may happen later.
    pub fn abandon_write(&mut self, begun: Begun, place: Place, value: Option<u64>) {
        self.write(begun, place, value, false);
    }

    pub fn read(&mut self, begun: Begun, place: Place, value: Option<u64>) {
        self.time += 1;
        self.note((begun.0, self.time, value));
        let entry = Entry { begin: begun.0, end: Some(self.time), is_certain: true, operation: Register::Read(value) };
        self.registers.entry(place).or_default().push(entry);
    }

    /// Something was done to a label; `None` for the end: nobody knows.
    pub fn label(&mut self, begun: Begun, label: u64, operation: LabelOperation, is_certain: bool) {
        self.time += 1;
        self.note((begun.0, self.time, label, operation, is_certain));
        let end = is_certain.then_some(self.time);
        self.labels.entry(label).or_default().push(Entry { begin: begun.0, end, is_certain, operation });
    }

    /// A transaction was committed, for certain or perhaps.
    pub fn transaction(&mut self, begun: Begun, joint: Joint, is_certain: bool) {
        self.time += 1;
        self.note((begun.0, self.time, &joint, is_certain));
        let end = is_certain.then_some(self.time);
        self.transactions.push(Entry { begin: begun.0, end, is_certain, operation: joint });
    }

    /// The container was brought back to a snapshot with these values, for certain or perhaps.
    pub fn rollback(&mut self, begun: Begun, values: BTreeMap<Place, Option<u64>>, is_certain: bool) {
        self.time += 1;
        self.note((begun.0, self.time, values.len(), is_certain));
        let end = is_certain.then_some(self.time);
        self.rollbacks.push(Entry { begin: begun.0, end, is_certain, operation: values });
    }

    /// A snapshot was made.
    pub fn snapshot(&mut self, begun: Begun, epoch: u64) {
        self.time += 1;
        self.note((begun.0, self.time, epoch));
        let known = Known { begin: begun.0, end: self.time, values: BTreeMap::new(), is_going: false };
        self.snapshots.insert(epoch, known);
    }

    /// A value was read of a snapshot.
    pub fn snapshot_value(&mut self, epoch: u64, place: Place, value: Option<u64>) -> Result<(), String> {
        self.note((epoch, value));
        let Some(known) = self.snapshots.get_mut(&epoch) else { return Ok(()) };
        let before = *known.values.entry(place.clone()).or_insert(value);
        if before == value {
            return Ok(());
        }
        Err(format!("{place:?} in snapshot {epoch} was {before:?} and is {value:?}"))
    }

    /// The reads that snapshots are: see [`crate::snapshots`].
    fn reads_of_snapshots(&self, wrong: &mut Vec<String>) -> Vec<(Place, Entry<Register>)> {
        let mut reads = Vec::new();
        for (epoch, known) in &self.snapshots {
            let begin_of = |(place, value): (&Place, &Option<u64>)| {
                let wrote = |entry: &&Entry<Register>| value.is_some() && entry.operation == Register::Write(*value);
                self.registers.get(place)?.iter().find(wrote).map(|entry| entry.begin)
            };
            let begin = known.values.iter().filter_map(begin_of).fold(known.begin, u64::max);
            if begin > known.end {
                wrong.push(format!("snapshot {epoch} shows what was begun after it had been answered: {known:?}"));
                continue;
            }
            for (place, value) in &known.values {
                let (operation, end) = (Register::Read(*value), Some(known.end));
                reads.push((place.clone(), Entry { begin, end, is_certain: true, operation }));
            }
        }
        reads
    }

    /// What rollbacks write, but for the object of which they write all values at one moment.
    fn writes_of_rollbacks(&self) -> Vec<(Place, Entry<Register>)> {
        let are_joint = !self.transactions.is_empty();
        let mut writes = Vec::new();
        for Entry { begin, end, is_certain, operation } in &self.rollbacks {
            for (place, value) in operation {
                if are_joint && matches!(place, Place::Value(OBJECT, _)) {
                    continue;
                }
                let (begin, end, is_certain) = (*begin, *end, *is_certain);
                let write = Entry { begin, end, is_certain, operation: Register::Write(*value) };
                writes.push((place.clone(), write));
            }
        }
        writes
    }

    fn joint_rollbacks(&self) -> impl Iterator<Item = Entry<Joint>> {
        self.rollbacks.iter().map(|Entry { begin, end, is_certain, operation }| {
            let of_object = operation.iter().filter_map(|(place, value)| match place {
                Place::Value(OBJECT, dkey) => Some((*dkey, *value)),
                _ => None,
            });
            let joint = Joint { reads: vec![], writes: of_object.collect() };
            Entry { begin: *begin, end: *end, is_certain: *is_certain, operation: joint }
        })
    }

    /// What is wrong, each a sentence, and how many histories were too long to say.
    pub fn check(&self) -> (Vec<String>, u64) {
        let (mut wrong, mut unknown) = (Vec::new(), 0);
        let mut registers = self.registers.clone();
        for (place, read) in self.reads_of_snapshots(&mut wrong) {
            registers.entry(place).or_default().push(read);
        }
        for (place, write) in self.writes_of_rollbacks() {
            registers.entry(place).or_default().push(write);
        }
        if !self.transactions.is_empty() {
            let mut entries = self.transactions.clone();
            entries.extend(self.joint_rollbacks());
            for dkey in 0..DKEYS {
                let own = registers.remove(&Place::Value(OBJECT, dkey)).unwrap_or_default();
                entries.extend(own.into_iter().map(|Entry { begin, end, is_certain, operation }| Entry {
                    begin,
                    end,
                    is_certain,
                    operation: Joint::of(dkey, operation),
                }));
            }
            let entries = transactions::without_unread(entries);
            let verdict = check(&entries, &Default::default());
            judge(verdict, &entries, &format!("object {OBJECT}"), &mut wrong, &mut unknown);
        }
        for (place, entries) in &registers {
            let entries = without_unread(entries.clone());
            judge(check(&entries, &None), &entries, &format!("{place:?}"), &mut wrong, &mut unknown);
        }
        for (label, entries) in &self.labels {
            judge(check(entries, &None), entries, &format!("label {label}"), &mut wrong, &mut unknown);
        }
        (wrong, unknown)
    }
}

fn judge<O: Debug>(verdict: Verdict, entries: &[Entry<O>], what: &str, wrong: &mut Vec<String>, unknown: &mut u64) {
    match verdict {
        Verdict::Linear => {}
        Verdict::Unknown => *unknown += 1,
        Verdict::Violated => {
            let mut entries: Vec<&Entry<O>> = entries.iter().collect();
            entries.sort_by_key(|entry| entry.begin);
            let one = |entry: &&Entry<O>| {
                let end = entry.end.map_or("never".to_owned(), |end| end.to_string());
                let doubt = if entry.is_certain { "" } else { "?" };
                format!("\n    {}..{end}: {:?}{doubt}", entry.begin, entry.operation)
            };
            let text: Vec<String> = entries.iter().map(one).collect();
            wrong.push(format!("{what} is not linear:{}", text.concat()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(steps: &[(LabelOperation, bool)]) -> Vec<String> {
        let mut history = History::default();
        for (operation, is_certain) in steps {
            let begun = history.begin();
            history.label(begun, 1, *operation, *is_certain);
        }
        history.check().0
    }

    #[test]
    fn labels_name_one_container_at_a_time() {
        use LabelOperation::{Create, CreateRefused, Destroy, Look};
        assert!(history(&[(Create(1), true), (Look(Some(1)), true), (Destroy, true), (Create(2), true)]).is_empty());
        assert!(!history(&[(Create(1), true), (Create(2), true)]).is_empty(), "two of one label");
        assert!(!history(&[(Create(1), true), (Look(None), true)]).is_empty(), "it is gone");
        assert!(!history(&[(Create(1), true), (Destroy, true), (Look(Some(1)), true)]).is_empty(), "it is back");
        assert!(!history(&[(CreateRefused, true)]).is_empty(), "refused without a reason");
        assert!(history(&[(Create(1), false), (Look(None), true), (CreateRefused, true)]).is_empty(), "it came late");
    }

    #[test]
    fn a_snapshot_is_read_at_one_moment() {
        let (a, b) = (|| Place::Value(1, 1), || Place::Value(1, 2));
        let mut history = History::default();
        let begun = history.begin();
        let (first, second) = (history.begin(), Some(12));
        history.write(first, a(), Some(11), true);
        let later = history.begin();
        history.write(later, b(), second, true);
        history.snapshot(begun, 7);
        history.snapshot_value(7, b(), None).expect("read once");
        history.snapshot_value(7, a(), Some(11)).expect("read once");
        assert!(history.check().0.is_empty(), "the first alone");
        assert!(history.snapshot_value(7, a(), None).is_err(), "it has changed");
        history.snapshots.clear();
        history.snapshot(begun, 8);
        history.snapshot_value(8, b(), second).expect("read once");
        history.snapshot_value(8, a(), None).expect("read once");
        assert!(!history.check().0.is_empty(), "the second without the first, which had been answered before");
    }

    #[test]
    fn a_rollback_takes_away_what_was_written_since() {
        let places = || [Place::Value(OBJECT, 0), Place::Value(OBJECT, 1), Place::Value(1, 0)];
        let violations = |values: [Option<u64>; 3], has_transactions: bool| {
            let mut history = History::default();
            if has_transactions {
                let begun = history.begin();
                history.transaction(begun, Joint::default(), true);
            }
            for (number, place) in places().into_iter().enumerate() {
                let begun = history.begin();
                history.write(begun, place.clone(), Some(number as u64), true);
            }
            let snapshot: BTreeMap<Place, Option<u64>> =
                places().into_iter().zip([Some(0), Some(1), Some(2)]).collect();
            let begun = history.begin();
            history.write(begun, places()[0].clone(), Some(9), true);
            history.write(begun, places()[2].clone(), Some(9), true);
            let begun = history.begin();
            history.rollback(begun, snapshot, true);
            let begun = history.begin();
            for (place, value) in places().into_iter().zip(values) {
                history.read(begun, place, value);
            }
            history.check().0.len()
        };
        for has_transactions in [false, true] {
            assert_eq!(violations([Some(0), Some(1), Some(2)], has_transactions), 0);
            assert_eq!(violations([Some(9), Some(1), Some(2)], has_transactions), 1, "not all of an object went back");
            assert_eq!(violations([Some(0), Some(1), Some(9)], has_transactions), 1, "an object did not go back");
        }
    }

    #[test]
    fn an_acknowledged_write_that_is_lost_is_named() {
        let mut history = History::default();
        let place = || Place::Value(1, 2);
        let begun = history.begin();
        history.write(begun, place(), Some(1), true);
        let begun = history.begin();
        history.abandon_write(begun, place(), Some(2));
        let begun = history.begin();
        history.read(begun, place(), Some(2));
        assert!(history.check().0.is_empty());
        let begun = history.begin();
        history.read(begun, place(), Some(1));
        let (wrong, _) = history.check();
        assert!(wrong[0].contains("Value(1, 2) is not linear") && wrong[0].contains("Read(Some(1))"), "{wrong:?}");
    }
}
