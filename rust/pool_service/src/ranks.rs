//! Decisions about the engines of the system.

use crate::maps::MapVersions;
use crate::pools::{PoolPlan, plan_of};
use crate::rows::{RankRow, Row, RowKey, SystemRow};
use crate::state::{Decision, PoolService};
use daos_status::{Code, Result, Status, fail};
use daos_types::{ContainerId, PoolId, Rank, SystemId};
use daos_wire::{Join, Properties, RankEntry, RankState, RankTable};
use std::collections::{BTreeMap, BTreeSet};

/// The most engines of a system: the table of all of them is sent to each.
const RANKS_MAX: usize = 4096;
/// The most targets of an engine.
const TARGETS_MAX: usize = 128;
/// The longest text in the entry of an engine.
const TEXT_MAX: usize = 4096;

/// The engines of the system, and which of them are there.
#[derive(Default)]
pub(crate) struct System {
    row: Option<SystemRow>,
    ranks: BTreeMap<Rank, RankRow>,
    /// Ranks that are known to live: nothing that outlasts the service.
    present: BTreeSet<Rank>,
    /// Changes since the service started.
    changes: u32,
}

impl System {
    pub fn set_row(&mut self, row: Option<SystemRow>) {
        self.row = row;
        self.changes += 1;
    }

    pub fn set_rank(&mut self, rank: Rank, row: Option<RankRow>) {
        match row {
            Some(row) => self.ranks.insert(rank, row),
            None => self.ranks.remove(&rank),
        };
        self.changes += 1;
    }
}

/// How the metadata service of a system starts.
#[derive(Clone, Debug)]
pub struct SystemStart {
    /// The system's name.
    pub name: String,
    /// The system, as the directory of the engine says.
    pub id: SystemId,
    /// The token of requests between engines, for a system that is new.
    pub token: u64,
    /// The engine that the service runs on.
    pub own: RankEntry,
}

fn row_of(entry: &RankEntry, state: RankState) -> RankRow {
    RankRow {
        engine: entry.engine,
        control: entry.control.clone(),
        domain: entry.domain.clone(),
        unused: Default::default(),
        targets: entry.targets.clone(),
        state: state as u8,
    }
}

/// Refuses an entry that no engine would send.
fn check_entry(entry: &RankEntry) -> Result<()> {
    if entry.targets.is_empty() || entry.targets.len() > TARGETS_MAX {
        fail!(Code::Inval, "an engine has 1 to {TARGETS_MAX} targets, not {}", entry.targets.len());
    }
    let texts = [&entry.control, &entry.domain];
    if texts.into_iter().chain(&entry.targets).any(|text| text.len() > TEXT_MAX) {
        fail!(Code::Inval, "a text in the engine's entry is longer than {TEXT_MAX} bytes");
    }
    Ok(())
}

impl PoolService {
    /// Takes over which ranks are there from a state that this one, read from storage, replaces.
    pub fn keep_presence(&mut self, from: &mut PoolService) {
        self.system.present = std::mem::take(&mut from.system.present);
        // Whoever knows a table of the other state must see that this one is newer.
        self.system.changes = self.system.changes.max(from.system.changes) + 1;
    }

    /// Begins or goes on with the system: the engine that the service runs on is part of it.
    pub fn start_system(&self, start: &SystemStart) -> Result<Decision<u64>> {
        let own = start.own.rank;
        let row = match &self.system.row {
            None => {
                let SystemStart { name, id, token, .. } = start.clone();
                SystemRow { id, name, token, starts: 1, next_rank: own.0 + 1 }
            }
            Some(row) => {
                check_name(row, &start.name)?;
                if row.id != start.id {
                    fail!(
                        Code::DfInval,
                        "the directory belongs to system {}, and its metadata to system {}: files of two systems were mixed",
                        start.id,
                        row.id
                    );
                }
                SystemRow { starts: row.starts.saturating_add(1), ..row.clone() }
            }
        };
        let token = row.token;
        let rank = row_of(&start.own, RankState::Joined);
        Ok(Decision { rows: vec![Row::put(RowKey::System, &row), Row::put(RowKey::Rank(own), &rank)], reply: token })
    }

    /// Lets an engine join: a new one gets the next rank, one that comes back the rank that it had.
    pub fn join(&self, request: &Join) -> Result<Decision<(Rank, u64)>> {
        let system = self.system_row()?;
        check_name(system, &request.system)?;
        check_entry(&request.entry)?;
        if let Some(id) = request.id.filter(|id| *id != system.id) {
            fail!(
                Code::NoPerm,
                "the directory of this engine belongs to another system ({id}) with the name '{}'; use an empty directory to \
                 join this one ({})",
                request.system,
                system.id
            );
        }
        let entry = &request.entry;
        let wanted = match RankState::from_number(entry.state) {
            Some(state @ (RankState::Joined | RankState::Stopped)) => state,
            _ => fail!(Code::Inval, "an engine joins to serve, or as one that is stopped"),
        };
        let known = self.system.ranks.iter().find(|(_, row)| row.engine == entry.engine);
        let row = row_of(entry, wanted);
        match (known, request.rank) {
            (Some((rank, known)), _) => {
                let is_excluded = known.state == RankState::AdminExcluded as u8;
                let row = if is_excluded { row_of(entry, RankState::AdminExcluded) } else { row };
                if is_excluded && wanted == RankState::Joined {
                    fail!(
                        Code::Excluded,
                        "rank {} was excluded by an administrator; 'dmg system clear-exclude --ranks={}' lets it come back",
                        rank.0,
                        rank.0
                    );
                }
                if known.targets.len() != entry.targets.len() {
                    fail!(
                        Code::Inval,
                        "rank {} has {} targets, and now comes with {}",
                        rank.0,
                        known.targets.len(),
                        entry.targets.len()
                    );
                }
                let rows = if *known == row { Vec::new() } else { vec![Row::put(RowKey::Rank(*rank), &row)] };
                Ok(Decision { rows, reply: (*rank, system.token) })
            }
            (None, Some(rank)) => fail!(
                Code::NoPerm,
                "this engine says that it is rank {} of system '{}', which does not know it ({}): the system was made anew; use \
                 an empty directory",
                rank.0,
                system.name,
                entry.engine
            ),
            (None, None) => {
                if self.system.ranks.len() >= RANKS_MAX {
                    fail!(Code::Nospace, "the system has {RANKS_MAX} engines");
                }
                let rank = Rank(system.next_rank);
                let system = SystemRow { next_rank: system.next_rank.saturating_add(1), ..system.clone() };
                let rows = vec![Row::put(RowKey::System, &system), Row::put(RowKey::Rank(rank), &row)];
                Ok(Decision { rows, reply: (rank, system.token) })
            }
        }
    }

    /// A rank has stopped; one that is excluded stays so.
    pub fn rank_stopped(&self, rank: Rank) -> Result<Decision<()>> {
        let is_excluded = |row: &RankRow| row.state == RankState::AdminExcluded as u8;
        match self.system.ranks.get(&rank) {
            Some(row) if is_excluded(row) => Ok(Decision { rows: Vec::new(), reply: () }),
            _ => {
                let Decision { rows, .. } = self.set_rank_state(rank, RankState::Stopped)?;
                Ok(Decision { rows, reply: () })
            }
        }
    }

    /// Changes what a rank is good for, as far as it is to be remembered.
    /// One that is excluded goes out of the maps of all pools with the same change.
    pub fn set_rank_state(&self, rank: Rank, state: RankState) -> Result<Decision<MapVersions>> {
        let Some(row) = self.system.ranks.get(&rank) else {
            fail!(Code::Nonexist, "the system has no rank {}", rank.0)
        };
        if row.state == state as u8 {
            return Ok(Decision::nothing(Vec::new()));
        }
        let row = RankRow { state: state as u8, ..row.clone() };
        let mut decision = match state {
            RankState::Excluded | RankState::AdminExcluded => self.exclude_from_maps(rank)?,
            RankState::Joined | RankState::Stopped | RankState::Unresponsive => Decision::nothing(Vec::new()),
        };
        decision.rows.push(Row::put(RowKey::Rank(rank), &row));
        Ok(decision)
    }

    /// Whether a rank was excluded, and has not joined again.
    pub(crate) fn is_excluded(&self, rank: Rank) -> bool {
        let state = self.system.ranks.get(&rank).and_then(|row| RankState::from_number(row.state));
        matches!(state, Some(RankState::Excluded | RankState::AdminExcluded))
    }

    /// The fault domain that an engine has named; none for that of a directory.
    pub(crate) fn domain_of(&self, rank: Rank) -> &str {
        self.system.ranks.get(&rank).map_or("", |row| row.domain.as_str())
    }

    /// Whether a rank lives, as far as it was noted.
    pub fn is_present(&self, rank: Rank) -> bool {
        self.system.present.contains(&rank)
    }

    /// Notes that a rank lives, or was lost; nothing is stored. Tells whether that is news.
    pub fn note_presence(&mut self, rank: Rank, is_present: bool) -> bool {
        let present = &mut self.system.present;
        let is_news = if is_present { present.insert(rank) } else { present.remove(&rank) };
        self.system.changes += u32::from(is_news);
        is_news
    }

    /// The engines of the system as they are now; the service runs on `service`.
    pub fn rank_table(&self, provider: &str, service: Rank) -> Result<RankTable> {
        let row = self.system_row()?;
        let ranks = self.system.ranks.iter().map(|(rank, row)| RankEntry {
            rank: *rank,
            engine: row.engine,
            control: row.control.clone(),
            domain: row.domain.clone(),
            targets: row.targets.clone(),
            state: self.rank_state(*rank, row) as u8,
        });
        Ok(RankTable {
            version: (u64::from(row.starts) << 32) | u64::from(self.system.changes),
            system: row.name.clone(),
            id: row.id,
            provider: provider.to_owned(),
            service,
            ranks: ranks.collect(),
        })
    }

    /// What a ready pool is made of.
    pub fn pool_plan(&self, id: PoolId) -> Option<PoolPlan> {
        self.ready_pool(id).ok().map(|pool| plan_of(&pool.row))
    }

    /// The containers of a pool that are not among those found.
    pub fn containers_except(&self, pool: PoolId, found: &BTreeSet<ContainerId>) -> Vec<(ContainerId, Properties)> {
        let Ok(pool) = self.ready_pool(pool) else { return Vec::new() };
        let missing = pool.containers.iter().filter(|(id, entry)| !entry.row.destroying && !found.contains(id));
        missing.map(|(id, entry)| (*id, entry.row.properties.clone())).collect()
    }

    fn rank_state(&self, rank: Rank, row: &RankRow) -> RankState {
        match RankState::from_number(row.state) {
            Some(RankState::Joined) | None if !self.system.present.contains(&rank) => RankState::Unresponsive,
            state => state.unwrap_or(RankState::Unresponsive),
        }
    }

    fn system_row(&self) -> Result<&SystemRow> {
        self.system.row.as_ref().ok_or_else(|| {
            Status::new(Code::Uninit, "a local engine is no system of several engines: 'daos_server start' begins one")
        })
    }
}

fn check_name(system: &SystemRow, name: &str) -> Result<()> {
    if system.name != name {
        fail!(
            Code::NoPerm,
            "the system here is '{}', not '{name}': give the same name to all engines and clients, or another address",
            system.name
        );
    }
    Ok(())
}
