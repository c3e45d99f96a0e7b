//! The engines of the system as one of them knows them.

use daos_env::Doorbell;
use daos_rpc::Address;
use daos_status::{Code, Result, fail};
use daos_types::{Rank, TargetIndex};
use daos_wire::{RankEntry, RankState, RankTable};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Engines that are remembered without a table: those that keep replicas.
const HINTS_MAX: usize = 16;

/// A target of the system.
pub(crate) type TargetName = (Rank, TargetIndex);

/// A table with its addresses read.
#[derive(Debug)]
pub(crate) struct Known {
    /// The engine's own rank.
    pub own: Rank,
    /// All engines.
    pub table: RankTable,
    addresses: Vec<(Rank, Vec<Address>)>,
}

impl Known {
    /// Where a target is.
    pub fn address(&self, (rank, index): TargetName) -> Option<&Address> {
        let (_, targets) = self.addresses.iter().find(|(known, _)| *known == rank)?;
        targets.get(index.0 as usize)
    }

    /// The targets of every rank that serves.
    pub fn targets(&self) -> Vec<TargetName> {
        let serving = self.table.ranks.iter().filter(|entry| entry.state == RankState::Joined as u8);
        serving.flat_map(|entry| targets_of(entry.rank, entry.targets.len())).collect()
    }

    /// What a rank is good for; `None` for one that is not known.
    pub fn state(&self, rank: Rank) -> Option<RankState> {
        RankState::from_number(self.table.find(rank)?.state)
    }
}

fn targets_of(rank: Rank, count: usize) -> impl Iterator<Item = TargetName> {
    (0..count as u32).map(move |index| (rank, TargetIndex(index)))
}

/// The engines of the system: read by the targets of an engine when they call others, replaced as a whole when a newer table
/// comes. Not on the path of I/O.
pub struct Ranks {
    known: Mutex<Option<Arc<Known>>>,
    /// Where the first target of an engine is that was found without the service: nobody leads it.
    hints: Mutex<BTreeMap<Rank, Address>>,
    /// The control port of an engine that has said that it leads, until the engine's process looks.
    leading: Mutex<Option<String>>,
    /// Rung when a table is taken over.
    bell: Option<Arc<Doorbell>>,
}

impl Default for Ranks {
    fn default() -> Self {
        Ranks::unknown()
    }
}

impl Ranks {
    /// Nothing is known yet.
    pub fn unknown() -> Ranks {
        Ranks { known: Mutex::new(None), hints: Mutex::default(), leading: Mutex::default(), bell: None }
    }

    /// As [`Ranks::unknown`]; the bell is rung with every table that is taken over.
    pub fn with_bell(bell: Arc<Doorbell>) -> Ranks {
        Ranks { bell: Some(bell), ..Ranks::unknown() }
    }

    /// A system of one engine with these targets.
    pub fn alone(targets: &[Address], system: &str, provider: &str) -> Result<Ranks> {
        let ranks = Ranks::unknown();
        ranks.set_alone(targets, system, provider)?;
        Ok(ranks)
    }

    /// As [`Ranks::alone`], when the addresses have become known.
    pub fn set_alone(&self, targets: &[Address], system: &str, provider: &str) -> Result<()> {
        let entry = RankEntry {
            rank: Rank(0),
            engine: Default::default(),
            control: String::new(),
            domain: String::new(),
            targets: targets.iter().map(ToString::to_string).collect(),
            state: RankState::Joined as u8,
        };
        let table = RankTable {
            version: 1,
            system: system.to_owned(),
            id: Default::default(),
            provider: provider.to_owned(),
            service: Rank(0),
            ranks: vec![entry],
        };
        self.set(Rank(0), table).map(|_| ())
    }

    /// Takes over a table, unless a newer one is known; tells whether it was.
    pub fn set(&self, own: Rank, table: RankTable) -> Result<bool> {
        self.replace(own, table, false)
    }

    /// Takes over a table also when a newer one is known: the targets start anew.
    pub(crate) fn set_anew(&self, own: Rank, table: RankTable) -> Result<()> {
        self.replace(own, table, true).map(|_| ())
    }

    fn replace(&self, own: Rank, table: RankTable, anew: bool) -> Result<bool> {
        let mut addresses = Vec::new();
        for entry in &table.ranks {
            let targets = entry.targets.iter().map(|text| Address::parse(text)).collect::<Result<Vec<_>>>();
            let targets =
                targets.map_err(|status| status.while_doing(format_args!("reading rank {}", entry.rank.0)))?;
            addresses.push((entry.rank, targets));
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_some_and(|known| known.table.version > table.version && !anew) {
            return Ok(false);
        }
        *known = Some(Arc::new(Known { own, table, addresses }));
        drop(known);
        if let Some(bell) = &self.bell {
            bell.ring();
        }
        Ok(true)
    }

    /// Notes where an engine is that was found without the service.
    pub(crate) fn set_hint(&self, entry: &RankEntry) -> Result<()> {
        let Some(first) = entry.targets.first() else { return Ok(()) };
        let address = Address::parse(first)?;
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        if hints.len() >= HINTS_MAX {
            hints.clear();
        }
        hints.insert(entry.rank, address);
        Ok(())
    }

    /// Where the first target of an engine was found.
    pub(crate) fn hint(&self, rank: Rank) -> Option<Address> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner).get(&rank).cloned()
    }

    /// An engine says that it leads, by a table of a version. What an older leader says does not count.
    pub(crate) fn set_leading(&self, version: u64, control: String) {
        if self.known().is_ok_and(|known| known.table.version < version) {
            *self.leading.lock().unwrap_or_else(PoisonError::into_inner) = Some(control);
            if let Some(bell) = &self.bell {
                bell.ring();
            }
        }
    }

    /// Who has said that it leads since the last look.
    pub(crate) fn take_leading(&self) -> Option<String> {
        self.leading.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What is known.
    pub(crate) fn known(&self) -> Result<Arc<Known>> {
        match self.known.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(known) => Ok(known.clone()),
            None => fail!(Code::Again, "the engine is not part of a system yet; try again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(version: u64, states: &[RankState]) -> RankTable {
        let ranks = states.iter().enumerate().map(|(number, state)| RankEntry {
            rank: Rank(number as u32),
            engine: Default::default(),
            control: String::new(),
            domain: String::new(),
            targets: vec![format!("tcp://127.0.0.1:{}", 2 * number + 1), format!("tcp://127.0.0.1:{}", 2 * number + 2)],
            state: *state as u8,
        });
        let (system, provider) = ("s".to_owned(), "tcp".to_owned());
        RankTable { version, system, id: Default::default(), provider, service: Rank(0), ranks: ranks.collect() }
    }

    #[test]
    fn a_table_is_replaced_by_a_newer_one_only() {
        let ranks = Ranks::unknown();
        assert_eq!(ranks.known().map_err(|status| status.code()).err(), Some(Code::Again));
        assert_eq!(ranks.set(Rank(1), table(5, &[RankState::Joined, RankState::Joined])), Ok(true));
        assert_eq!(ranks.set(Rank(1), table(4, &[RankState::Joined])), Ok(false));
        let known = ranks.known().expect("set above");
        assert_eq!((known.own, known.table.version, known.targets().len()), (Rank(1), 5, 4));
        let address = known.address((Rank(1), TargetIndex(1))).expect("there are two");
        assert_eq!(address.as_str(), "tcp://127.0.0.1:4");
        assert_eq!(known.address((Rank(1), TargetIndex(2))), None);
        assert_eq!(ranks.set(Rank(1), table(6, &[RankState::Stopped, RankState::Joined])), Ok(true));
        assert_eq!(ranks.known().expect("set").targets(), [(Rank(1), TargetIndex(0)), (Rank(1), TargetIndex(1))]);
    }

    #[test]
    fn an_address_that_is_none_is_refused_with_its_rank() {
        let mut bad = table(1, &[RankState::Joined]);
        bad.ranks[0].targets[0] = "nonsense".to_owned();
        let status = Ranks::unknown().set(Rank(0), bad).expect_err("no address");
        assert!(status.context().contains("rank 0"), "{status}");
    }
}
