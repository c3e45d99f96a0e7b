//! One simulated replica: its decisions, its storage, its clock.

use super::disk::{Disk, Rows, Write};
use crate::core::{Core, CoreSettings};
use daos_env::SeededRandom;
use daos_wire::replicated::{LogIndex, ReplicaId, Term};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub struct Node {
    pub id: ReplicaId,
    /// None while it is down.
    pub core: Option<Core>,
    pub disk: Disk,
    /// Counts restarts: what was meant for an earlier life does not arrive.
    pub life: u64,
    /// What storage is doing.
    pub writing: Option<Write>,
    /// Reads that wait until storage is free: reader, attempt, from the start.
    pub reading: VecDeque<(ReplicaId, u64, bool)>,
    pub cursors: BTreeMap<ReplicaId, Option<Vec<u8>>>,
    /// Storage refuses changes until then.
    pub refuses_until: u64,
    /// Storage fails until the next start.
    pub is_broken: bool,
    /// Gone for ever.
    pub is_dead: bool,
    /// Its clock: nanoseconds per thousand of the world's, and where it began.
    pub speed: u64,
    pub offset: u64,
    /// The rows with everything that is committed, as a service on top would have them in memory.
    pub memory: Rows,
    /// When its timer was last asked for.
    pub timer: Option<u64>,
    /// The log as it was checked last.
    pub checked: (LogIndex, Term, LogIndex),
    pub known_leader_of: Term,
}

impl Node {
    pub fn new(id: ReplicaId, speed: u64, offset: u64) -> Node {
        Node {
            id,
            core: None,
            disk: Disk::default(),
            life: 0,
            writing: None,
            reading: VecDeque::new(),
            cursors: BTreeMap::new(),
            refuses_until: 0,
            is_broken: false,
            is_dead: false,
            speed,
            offset,
            memory: Rows::new(),
            timer: None,
            checked: Default::default(),
            known_leader_of: Term(0),
        }
    }

    /// What its clock shows.
    pub fn clock(&self, now: u64) -> Duration {
        Duration::from_nanos(self.offset + now / 1000 * self.speed)
    }

    /// When its clock will show a time.
    pub fn when(&self, time: Duration) -> u64 {
        let nanoseconds = (time.as_nanos() as u64).saturating_sub(self.offset);
        (nanoseconds / self.speed + 1) * 1000
    }

    pub fn start(&mut self, now: u64, seed: u64, settings: CoreSettings) {
        self.life += 1;
        self.writing = None;
        self.reading.clear();
        self.cursors.clear();
        self.is_broken = false;
        self.memory = self.disk.rows.clone();
        self.timer = None;
        self.checked = Default::default();
        let random = Arc::new(SeededRandom::new(seed));
        let (state, entries) = (self.disk.state.clone(), self.disk.entries());
        self.core = Some(Core::new(self.id, settings, random, self.clock(now), state, entries));
    }
}
