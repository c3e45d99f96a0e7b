//! Reads that see everything that was committed before they began.
//!
//! A leader may have been replaced without knowing. So a read waits until a majority answers a heartbeat that was sent
//! after the read began; no clock is trusted for it.

use super::{Command, Core, Refusal, Role, membership};
use std::collections::VecDeque;

/// Reads that wait for a majority.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// The newest round of heartbeats.
    round: u64,
    /// The round after which a read may be answered, and its name.
    waiting: VecDeque<(u64, u64)>,
    /// Reads came since the last round began.
    wants_round: bool,
}

impl Reads {
    pub fn round(&self) -> u64 {
        self.round
    }

    /// Begins a round if reads wait for one.
    pub fn begin_round(&mut self) -> bool {
        let begins = std::mem::take(&mut self.wants_round);
        self.round += u64::from(begins);
        begins
    }

    fn add(&mut self, name: u64) {
        self.wants_round = true;
        self.waiting.push_back((self.round + 1, name));
    }
}

impl Core {
    /// Asks to read; [`Command::ReadReady`] with this name says when, and [`Command::Deposed`] that it will not.
    pub fn read(&mut self, name: u64) -> Result<(), Refusal> {
        if !self.leadership().leads {
            return Err(Refusal::NotLeader);
        }
        #[cfg(test)]
        if self.settings.broken.reads_without_majority {
            self.commands.push(Command::ReadReady(name));
            return Ok(());
        }
        if self.is_sole_voter() {
            self.commands.push(Command::ReadReady(name));
            return Ok(());
        }
        let Role::Leader(leading) = &mut self.role else { return Err(Refusal::NotLeader) };
        if leading.reads.waiting.len() >= self.settings.reads {
            return Err(Refusal::Busy);
        }
        leading.reads.add(name);
        Ok(())
    }

    /// Lets reads go that a majority has confirmed.
    pub(super) fn answer_reads(&mut self) {
        let Role::Leader(leading) = &mut self.role else { return };
        if leading.reads.waiting.is_empty() {
            return;
        }
        let membership = self.log.membership();
        let round = leading.reads.round;
        let answered = |id| if id == self.id { round } else { leading.progress.get(&id).map_or(0, |p| p.round) };
        let mut rounds: Vec<u64> = membership::voters(membership).map(answered).collect();
        rounds.sort_unstable_by(|a, b| b.cmp(a));
        let confirmed = rounds.get(membership::majority(membership) - 1).copied().unwrap_or(0);
        while let Some((round, name)) = leading.reads.waiting.front().copied()
            && round <= confirmed
        {
            leading.reads.waiting.pop_front();
            self.commands.push(Command::ReadReady(name));
        }
    }
}
