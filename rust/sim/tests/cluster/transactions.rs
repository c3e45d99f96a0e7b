//! Transactions in a cluster: what clients do in them, and what must hold.
//!
//! A transaction is as if all that it reads and writes was done at one moment between its begin and the answer to its commit; so the values
//! of the object that transactions touch are one thing, whose history is linear. One that was refused has never been.

use crate::actor::{Actor, DKEYS, LENGTH_MAX, LONG_LENGTH_MAX, Open, Shared, bytes_of, key, value_of};
use crate::history::Begun;
use daos_client::{
    AkeyFetch, AkeyUpdate, Conditions, Destination, FetchKind, Object, Source, Transaction, UpdateValue,
};
use daos_sim::linear::{Entry, Operation, Register};
use daos_status::{Code, Result, Status};
use daos_types::Epoch;
use std::collections::HashSet;
use std::rc::Rc;

/// The object that transactions touch: it is of a class that lies at one target.
pub const OBJECT: u64 = 0;
/// How often a transaction begins again.
const ATTEMPTS_MAX: u32 = 4;

/// What is read and written at one moment: dkeys and their values. What is read was there before what is written.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Joint {
    pub reads: Vec<(u64, Option<u64>)>,
    pub writes: Vec<(u64, Option<u64>)>,
}

impl Joint {
    /// What was done to one dkey.
    pub fn of(dkey: u64, operation: Register) -> Joint {
        match operation {
            Register::Read(value) => Joint { reads: vec![(dkey, value)], writes: vec![] },
            Register::Write(value) => Joint { reads: vec![], writes: vec![(dkey, value)] },
        }
    }
}

impl Operation for Joint {
    type State = [Option<u64>; DKEYS as usize];

    fn apply(&self, state: &Self::State) -> Option<Self::State> {
        if self.reads.iter().any(|(dkey, value)| state[*dkey as usize] != *value) {
            return None;
        }
        let mut next = *state;
        self.writes.iter().for_each(|(dkey, value)| next[*dkey as usize] = *value);
        Some(next)
    }
}

/// As [`daos_sim::linear::without_unread`].
pub fn without_unread(entries: Vec<Entry<Joint>>) -> Vec<Entry<Joint>> {
    let read: HashSet<(u64, Option<u64>)> =
        entries.iter().flat_map(|entry| entry.operation.reads.iter().copied()).collect();
    let counts = |entry: &Entry<Joint>| entry.is_certain || entry.operation.writes.iter().any(|it| read.contains(it));
    entries.into_iter().filter(counts).collect()
}

/// Notes a commit also when its task is dropped in the midst of it.
struct CommitGuard {
    shared: Rc<Shared>,
    begun: Begun,
    joint: Option<Joint>,
}

impl CommitGuard {
    /// `None` when it was refused; otherwise whether it is certain.
    fn end(mut self, is_certain: Option<bool>) {
        let joint = self.joint.take();
        if let (Some(joint), Some(is_certain)) = (joint, is_certain) {
            self.shared.history.borrow_mut().transaction(self.begun, joint, is_certain);
        }
    }
}

impl Drop for CommitGuard {
    fn drop(&mut self) {
        if let Some(joint) = self.joint.take() {
            self.shared.history.borrow_mut().transaction(self.begun, joint, false);
        }
    }
}

impl Actor {
    /// Reads some values in a transaction, writes others, and commits it.
    pub async fn transact(&self, open: &Open) -> Result<()> {
        let transaction = Transaction::open(&self.client, &open.container, self.below(5) == 0);
        let object = self.object(open, OBJECT)?.within(&transaction);
        for _ in 0..ATTEMPTS_MAX {
            match self.attempt(&transaction, &object).await {
                Err(status) if status.code() == Code::TxRestart => {
                    self.shared.world.tally.borrow_mut().transaction_restarts += 1;
                    transaction.restart(&self.client)?;
                }
                other => return other,
            }
        }
        Ok(())
    }

    /// From each of some objects to each other: reads one and writes the other, which another transaction has read before.
    pub async fn transact_across(&self, open: &Open) -> Result<()> {
        const OBJECTS: u64 = 6;
        for (from, to) in (0..OBJECTS).flat_map(|from| (0..OBJECTS).map(move |to| (from, to))) {
            let transaction = Transaction::open(&self.client, &open.container, false);
            // The even ones are of a class that lies at one target.
            let (from, to) = (self.object(open, 2 * from + 2)?, self.object(open, 2 * to + 2)?);
            let reader = Transaction::open(&self.client, &open.container, true);
            self.read_within(&to.within(&reader), 0).await?;
            reader.commit(&self.client).await?;
            let mut attempts = 0;
            loop {
                self.read_within(&from.within(&transaction), 1).await?;
                self.write_within(&to.within(&transaction), 0).await?;
                match transaction.commit(&self.client).await {
                    Err(status) if status.code() == Code::TxRestart && attempts < 2 => {
                        attempts += 1;
                        self.shared.world.tally.borrow_mut().transaction_restarts += 1;
                        transaction.restart(&self.client)?;
                    }
                    other => break other?,
                }
            }
        }
        Ok(())
    }

    async fn attempt(&self, transaction: &Transaction, object: &Object) -> Result<()> {
        let begun = self.history().begin();
        let mut joint = Joint::default();
        for _ in 0..self.below(3) {
            let dkey = self.below(DKEYS);
            joint.reads.push((dkey, self.read_within(object, dkey).await?));
        }
        for _ in 0..self.below(3) {
            let dkey = self.below(DKEYS);
            match self.write_within(object, dkey).await {
                Ok(value) => joint.writes.push((dkey, value)),
                Err(status) if status.code() == Code::NoPerm => {}
                Err(status) => return Err(status),
            }
        }
        // What it has written itself is what it sees.
        let last = joint.writes.iter().rev().find(|(dkey, _)| *dkey == joint.writes[0].0).copied();
        if let Some((dkey, value)) = last {
            let seen = self.read_within(object, dkey).await?;
            if seen != value {
                self.shared.world.violate(format!("a transaction has written {value:?} and sees {seen:?}"));
            }
        }
        let guard = CommitGuard { shared: self.shared.clone(), begun, joint: Some(joint) };
        let result = transaction.commit(&self.client).await;
        guard.end(match &result {
            Ok(()) => Some(true),
            Err(status) if status.code() == Code::TxRestart => None,
            Err(_) => Some(false),
        });
        if result.is_ok() {
            self.shared.world.tally.borrow_mut().transactions += 1;
        }
        result
    }

    async fn read_within(&self, object: &Object, dkey: u64) -> Result<Option<u64>> {
        let room = Destination::Owned(LONG_LENGTH_MAX + 8);
        let akey = AkeyFetch { akey: key("a"), kind: FetchKind::Single, destination: Some(room) };
        let name = key(&format!("d{dkey}"));
        let found = object.fetch(&self.client, Epoch::MAX, Conditions::NONE, name, vec![akey]).await?;
        value_of(&found[0].bytes).map_err(|sentence| {
            self.shared.world.violate(format!("a transaction reads dkey {dkey}: {sentence}"));
            Status::new(Code::Csum, sentence)
        })
    }

    async fn write_within(&self, object: &Object, dkey: u64) -> Result<Option<u64>> {
        let name = key(&format!("d{dkey}"));
        if self.below(6) == 0 {
            return object.punch_dkeys(&self.client, Conditions::NONE, vec![name]).await.map(|()| None);
        }
        let value = self.shared.new_value();
        let length = self.below(if self.below(12) == 0 { LONG_LENGTH_MAX } else { LENGTH_MAX });
        let akey = AkeyUpdate { akey: key("a"), value: UpdateValue::Single(Source::Owned(bytes_of(value, length))) };
        object.update(&self.client, Conditions::NONE, name, vec![akey]).await.map(|()| Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{History, Place};

    fn violations(transactions: &[Joint]) -> usize {
        let mut history = History::default();
        for dkey in 0..2 {
            let begun = history.begin();
            history.write(begun, Place::Value(OBJECT, dkey), Some(10 + dkey), true);
        }
        let begun = history.begin();
        for joint in transactions {
            history.transaction(begun, joint.clone(), true);
        }
        history.check().0.len()
    }

    #[test]
    fn transactions_that_read_what_the_other_writes_cannot_both_be() {
        let crossed =
            |from: u64, to: u64| Joint { reads: vec![(from, Some(10 + from))], writes: vec![(to, Some(20 + to))] };
        assert_eq!(violations(&[crossed(0, 1)]), 0);
        assert_eq!(violations(&[crossed(0, 1), crossed(1, 0)]), 1, "each has seen nothing of the other");
        let both = |first, second| Joint { reads: vec![(0, Some(first)), (1, Some(second))], writes: vec![] };
        let write = Joint { reads: vec![], writes: vec![(0, Some(20)), (1, Some(21))] };
        assert_eq!(violations(&[write.clone(), both(20, 21), both(10, 11)]), 0);
        assert_eq!(violations(&[write, both(20, 11)]), 1, "half of it");
    }
}
