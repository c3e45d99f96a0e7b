//! The targets of an engine, from their start to their end, as its main thread sees them.

use super::SystemEngine;
use super::answers::Waiting;
use super::joining::ABSENCE_LIMIT;
use super::orders::Heard;
use super::settings::{SystemNews, SystemReady};
use crate::target::ServiceCall;
use crate::threads::{Progress, TargetThreads};
use daos_status::{Code, Result, fail};
use daos_wire::{ControlRequest, RankEntry, RankState, RankTable};

/// How far the targets are.
pub(super) enum Targets {
    /// They were told to end.
    Stopped,
    Starting(TargetThreads),
    /// They wait for the engine to join.
    Joining(TargetThreads),
    Serving(TargetThreads),
}

impl SystemEngine {
    /// Takes the news of the targets.
    pub(super) fn look_at_targets(&mut self) -> Result<()> {
        let (Targets::Starting(threads) | Targets::Joining(threads) | Targets::Serving(threads)) = &mut self.targets
        else {
            return Ok(());
        };
        let progress = threads.progress()?;
        let answers = threads.take_answers();
        let leadership = threads.take_leadership();
        threads.take_measures().into_iter().for_each(|measures| self.measuring.take(measures));
        match (progress, std::mem::replace(&mut self.targets, Targets::Stopped)) {
            (Progress::Bound, Targets::Starting(threads)) => self.bound(threads)?,
            (Progress::Ready, Targets::Starting(threads)) => self.serving(threads)?,
            (Progress::Ended, _) => fail!(Code::Shutdown, "the targets of the engine ended"),
            (_, same) => self.targets = same,
        }
        if let Some(leadership) = leadership {
            self.leadership(leadership)?;
        }
        answers.into_iter().for_each(|(number, answer)| self.answered(number, answer));
        Ok(())
    }

    /// The addresses of the targets are known: the engine joins, or knows itself.
    fn bound(&mut self, mut threads: TargetThreads) -> Result<()> {
        self.addresses = threads.addresses().iter().map(ToString::to_string).collect();
        let member = self.identity.member.clone();
        let join = self.join_request(RankState::Joined);
        if let Some(link) = &mut self.link {
            link.join(join);
            if member.is_none() || !self.keeps_replica {
                self.targets = Targets::Joining(threads);
                return Ok(());
            }
            // A replica serves before anybody leads: perhaps it is needed for that.
        }
        let Some(member) = member else { fail!(Code::Uninit, "the engine has no identity") };
        let own = RankEntry { rank: member.rank, ..self.entry(RankState::Joined) };
        let mut table = match self.makings.ranks.known() {
            // The targets were started before.
            Ok(known) => known.table.clone(),
            Err(_) => RankTable {
                version: 0,
                system: member.name,
                id: member.system,
                provider: self.makings.ground.provider(),
                service: member.rank,
                ranks: Vec::new(),
            },
        };
        table.ranks.retain(|entry| entry.rank != member.rank);
        table.ranks.insert(0, own);
        self.makings.ranks.set_anew(member.rank, table)?;
        threads.serve();
        self.targets = Targets::Starting(threads);
        Ok(())
    }

    /// The targets serve.
    fn serving(&mut self, threads: TargetThreads) -> Result<()> {
        self.makings.format.write(&self.makings.directory)?;
        self.makings.format.is_new = false;
        let Some(member) = &self.identity.member else { fail!(Code::Uninit, "the engine has no identity") };
        let rank = member.rank;
        let ready = SystemReady {
            system: member.name.clone(),
            rank,
            control: self.settings.control(),
            targets: threads.addresses().len(),
            provider: self.makings.ground.provider(),
        };
        self.targets = Targets::Serving(threads);
        daos_env::log!(Info, "engine", "rank {} of system '{}' serves", rank.0, ready.system);
        if let Some(link) = &mut self.link {
            link.say(&ControlRequest::Serves(rank));
        }
        if self.leads() {
            // The service does not know yet who is connected, and who is not may be on its way.
            self.absent_at = Some(self.makings.env.clock.monotonic() + ABSENCE_LIMIT);
            for other in self.door.engines() {
                self.ask_service(ServiceCall::Present(other), Waiting::Nobody)?;
            }
            self.heard_of(rank, Heard::Serves);
        }
        if !std::mem::replace(&mut self.was_ready, true) {
            (self.on_news)(SystemNews::Ready(&ready));
        }
        // It may have been taken for dead while the targets were starting.
        self.come_back(rank);
        Ok(())
    }

    pub(super) fn start_targets(&mut self) -> Result<()> {
        if matches!(self.targets, Targets::Stopped) {
            daos_env::log!(Info, "engine", "the targets are started");
            self.targets = Targets::Starting(self.makings.start()?);
            return Ok(());
        }
        let join = self.join_request(RankState::Joined);
        if let (Targets::Serving(_), Some(link)) = (&self.targets, &mut self.link) {
            // Whoever orders it takes this engine for stopped, or has not heard that it serves.
            link.join(join);
        }
        Ok(())
    }

    /// Ends the targets in good order, and says so.
    pub(super) fn stop_targets(&mut self) -> Result<()> {
        let (Targets::Starting(mut threads) | Targets::Joining(mut threads) | Targets::Serving(mut threads)) =
            std::mem::replace(&mut self.targets, Targets::Stopped)
        else {
            self.say_stopped();
            return Ok(());
        };
        let result = threads.stop();
        // What the service did before it ended is no refusal.
        threads.take_answers().into_iter().for_each(|(number, answer)| self.answered(number, answer));
        self.refuse_waiting();
        self.makings.sessions.dismiss(&self.door.dismiss_clients());
        self.leader = None;
        self.trouble.clear();
        self.ailing.clear();
        if self.leading && !self.is_ending && !self.other_replicas.is_empty() {
            // Another engine leads now.
            self.leading = false;
            self.absent_at = None;
            self.makings.sessions.dismiss(&self.door.dismiss_all());
            let mut link = self.link_to_others();
            link.join(self.join_request(RankState::Stopped));
            self.link = Some(link);
        }
        self.say_stopped();
        daos_env::log!(Info, "engine", "the targets have ended");
        result
    }

    fn say_stopped(&mut self) {
        let join = self.join_request(RankState::Stopped);
        if let (Some(link), Some(member)) = (&mut self.link, &self.identity.member) {
            link.say(&ControlRequest::Stopped((member.rank, self.makings.clocks.newest())));
            // When the connection has to be made anew, it joins as one that is stopped.
            link.join_later(join);
        }
    }
}
