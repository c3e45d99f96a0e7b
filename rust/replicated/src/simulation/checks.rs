//! What must be true after every step.

use super::node::Node;
use daos_wire::replicated::{LogEntry, LogIndex, ReplicaId, Term};
use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Default)]
pub struct Checks {
    leaders: BTreeMap<Term, ReplicaId>,
    /// Every entry that was in any log, and the term of the one before it.
    entries: BTreeMap<(LogIndex, Term), (Term, Rc<LogEntry>)>,
    /// What is committed, from place 1 on.
    pub log: BTreeMap<LogIndex, Rc<LogEntry>>,
    pub first: LogIndex,
}

impl Checks {
    /// An entry is told to be committed.
    pub fn committed(&mut self, entry: &Rc<LogEntry>) -> Result<(), String> {
        match self.log.get(&entry.index) {
            Some(known) if known != entry => {
                Err(format!("two entries are committed at one place: {known:?}, {entry:?}"))
            }
            Some(_) => Ok(()),
            None => {
                if entry.index != self.last().next() {
                    return Err(format!("{entry:?} is committed, and not what is before it"));
                }
                self.log.insert(entry.index, entry.clone());
                Ok(())
            }
        }
    }

    /// A leader that is alone takes entries back that nobody else has seen, and may use their places again in its term.
    pub fn dropped(&mut self, from: LogIndex, term: Term) {
        self.entries.retain(|(index, of), _| *index < from || *of != term);
    }

    pub fn last(&self) -> LogIndex {
        self.log.keys().next_back().copied().unwrap_or(self.first)
    }

    /// Looks at a replica after it did something.
    pub fn look_at(&mut self, node: &mut Node) -> Result<(), String> {
        let Some(core) = &node.core else { return Ok(()) };
        let term = core.term();
        // One whose term is not durable has told nobody anything, and forgets it in a crash.
        if core.is_leader() && core.is_term_durable() && node.known_leader_of != term {
            node.known_leader_of = term;
            if let Some(other) = self.leaders.insert(term, node.id)
                && other != node.id
            {
                return Err(format!("{other} and {} lead term {term}", node.id));
            }
            self.check_complete(node)?;
        }
        let Some(core) = &node.core else { return Ok(()) };
        let (base, log) = core.kept_log();
        let newest = log.last().map_or((base.index, base.term), |entry| (entry.index, entry.term));
        let state = (newest.0, newest.1, base.index);
        if state == node.checked {
            return Ok(());
        }
        node.checked = state;
        let mut before = base.term;
        for entry in log {
            let known = self.entries.entry((entry.index, entry.term)).or_insert_with(|| (before, entry.clone()));
            if known.0 != before || known.1 != entry {
                return Err(format!("logs do not match: {known:?} and {before} {entry:?} of {}", node.id));
            }
            before = entry.term;
        }
        if core.applied_index() > self.last() {
            return Err(format!("{} has more rows than are committed", node.id));
        }
        Ok(())
    }

    /// A new leader has everything that is committed.
    fn check_complete(&self, node: &Node) -> Result<(), String> {
        let Some(core) = &node.core else { return Ok(()) };
        let (base, log) = core.kept_log();
        for (index, entry) in self.log.range(base.index..) {
            let term = match index.0.checked_sub(base.index.0 + 1) {
                None => Some(base.term),
                Some(offset) => log.get(offset as usize).map(|own| own.term),
            };
            if term != Some(entry.term) {
                return Err(format!("{} leads without {entry:?}", node.id));
            }
        }
        Ok(())
    }
}
