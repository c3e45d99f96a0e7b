//! Storage of a simulated replica.

use crate::core::{StoreChange, StoreInstall, StoredState};
use daos_wire::replicated::{EntryPayload, LogEntry, LogIndex, RowChange};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::rc::Rc;

pub type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// What is durable.
#[derive(Clone, Default)]
pub struct Disk {
    pub state: StoredState,
    log: BTreeMap<LogIndex, Rc<LogEntry>>,
    pub rows: Rows,
    arriving: Rows,
}

#[derive(Clone)]
pub enum Write {
    Change(StoreChange),
    Install(StoreInstall),
}

pub fn apply_rows(rows: &mut Rows, changes: &[RowChange]) {
    for change in changes {
        match &change.value {
            Some(value) => rows.insert(change.key.clone(), value.clone()),
            None => rows.remove(&change.key),
        };
    }
}

pub fn apply_entry(rows: &mut Rows, entry: &LogEntry) {
    if let EntryPayload::Rows(changes) = &entry.payload {
        apply_rows(rows, changes);
    }
}

impl Disk {
    pub fn write(&mut self, write: &Write) {
        match write {
            Write::Change(change) => {
                let applied = self.state.applied;
                for (offset, entry) in change.apply.iter().enumerate() {
                    assert_eq!(entry.index.0, applied.0 + 1 + offset as u64, "applied in order");
                    apply_entry(&mut self.rows, entry);
                }
                self.state = change.state.clone();
                for entry in &change.entries {
                    self.log.insert(entry.index, entry.clone());
                }
                let StoredState { base, last, .. } = &self.state;
                self.log.retain(|index, _| *index > base.index && index <= last);
            }
            Write::Install(install) => {
                if install.is_first {
                    self.arriving.clear();
                }
                apply_rows(&mut self.arriving, &install.rows);
                if let Some(state) = &install.finish {
                    self.rows = std::mem::take(&mut self.arriving);
                    self.log.clear();
                    self.state = state.clone();
                }
            }
        }
    }

    pub fn entries(&self) -> Vec<Rc<LogEntry>> {
        let entries: Vec<Rc<LogEntry>> = self.log.values().cloned().collect();
        let expected = (self.state.base.index.0 + 1)..=self.state.last.0;
        assert!(entries.iter().map(|entry| entry.index.0).eq(expected), "the stored log has no gaps");
        entries
    }

    /// Some rows after a key, whether they are the last, and the key to go on after.
    pub fn read_rows(&self, after: Option<&Vec<u8>>, count: usize) -> (Vec<RowChange>, bool, Option<Vec<u8>>) {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rows = self.rows.range::<Vec<u8>, _>((start, Bound::Unbounded));
        let some: Vec<RowChange> = rows
            .by_ref()
            .take(count)
            .map(|(key, value)| RowChange { key: key.clone(), value: Some(value.clone()) })
            .collect();
        let next = some.last().map(|row| row.key.clone());
        (some, rows.next().is_none(), next)
    }
}
