//! What this engine stores on, and how full that is.

use super::SystemEngine;
use super::door::{ConnectionId, Role};
use super::measuring::Measured;
use super::targets::Targets;
use crate::FileSystem;
use crate::target::PoolMeasures;
use daos_status::{Code, Result, Status, fail};
use daos_types::PoolId;
use daos_wire::{ControlFailure, ControlReply, EngineFileSystem, EngineOf, EngineStorage, Space};
use std::collections::BTreeSet;

/// The most who wait to hear how full the storage is.
const ASKERS_MAX: usize = 256;

impl SystemEngine {
    /// Refuses what is asked of another engine, or of this one under another name.
    pub(super) fn check_meant(&self, of: &EngineOf) -> Result<()> {
        self.check_name(&of.system)?;
        let own = self.identity.member.as_ref().map(|member| member.rank);
        match own {
            Some(own) if own == of.rank => Ok(()),
            Some(own) => fail!(
                Code::Again,
                "rank {} is meant, and at {} is rank {}; look at the ranks again",
                of.rank.0,
                self.settings.control(),
                own.0
            ),
            None => {
                fail!(Code::Again, "the engine at {} has not joined the system yet; try again", self.settings.control())
            }
        }
    }

    /// Somebody wants to know how full the storage is: the targets are asked. Those of an engine that does not serve cannot be.
    pub(super) fn ask_storage(&mut self, id: ConnectionId, of: &EngineOf) -> Result<()> {
        self.check_meant(of)?;
        let rank = of.rank.0;
        let why = match self.targets {
            Targets::Serving(_) => None,
            Targets::Stopped => Some(Status::new(
                Code::Shutdown,
                format!(
                    "rank {rank} is stopped, and only an engine that serves knows how full its pools are; 'dmg system start' starts it"
                ),
            )),
            _ => Some(Status::new(Code::Again, format!("rank {rank} is starting; try again"))),
        };
        if let Some(why) = why {
            let reply = self.file_system(&why);
            self.door.answer(id, &reply, Role::Stranger);
            return Ok(());
        }
        if self.measuring.storage_askers.len() >= ASKERS_MAX {
            fail!(Code::Busy, "{ASKERS_MAX} others ask rank {rank} for its storage; try again");
        }
        let round = self.measuring.next_round();
        self.measuring.storage_askers.push((id, round));
        Ok(())
    }

    /// Answers those whose measurement is over.
    pub(super) fn answer_storage(&mut self, measured: &Measured) {
        let is_due = |asker: &mut (ConnectionId, u64)| asker.1 <= measured.round;
        let due: Vec<_> = self.measuring.storage_askers.extract_if(.., is_due).collect();
        if due.is_empty() {
            return;
        }
        let reply = if measured.is_complete && matches!(self.targets, Targets::Serving(_)) {
            self.storage(measured).map_or_else(|status| ControlReply::failure(&status), ControlReply::Storage)
        } else {
            let sentence = "targets of this engine are busy and do not say how full they are; try again";
            self.file_system(&Status::new(Code::Again, sentence))
        };
        for (id, _) in due {
            self.door.answer(id, &reply, Role::Stranger);
        }
    }

    /// What is known of the storage without its targets, and why they are not asked.
    fn file_system(&self, why: &Status) -> ControlReply {
        match self.makings.capacity().file_system() {
            Ok(FileSystem { device, kind, total, available }) => {
                let (directory, targets) = (self.directory(), self.makings.format.targets);
                let found = EngineFileSystem { directory, device, file_system: kind, total, available, targets };
                ControlReply::FileSystem((found, ControlFailure::of(why)))
            }
            Err(status) => ControlReply::failure(&status),
        }
    }

    fn directory(&self) -> String {
        self.makings.directory.path().display().to_string()
    }

    fn storage(&self, measured: &Measured) -> Result<EngineStorage> {
        let FileSystem { device, kind, total, available } = self.makings.capacity().file_system()?;
        let pools = || measured.measures.iter().flat_map(|measures| &measures.pools);
        let of = |is_in_memory: bool| move |pool: &&PoolMeasures| pool.is_in_memory == is_in_memory;
        let ids: BTreeSet<PoolId> = pools().map(|pool| pool.pool).collect();
        Ok(EngineStorage {
            directory: self.directory(),
            device,
            file_system: kind,
            total,
            available,
            targets: measured.measures.len() as u32,
            pools: ids.len() as u32,
            meta: sum(pools().filter(of(false)).map(|pool| &pool.space.meta)),
            data: sum(pools().filter(of(false)).map(|pool| &pool.space.data)),
            memory: sum(pools().filter(of(true)).flat_map(|pool| [&pool.space.meta, &pool.space.data])),
        })
    }
}

fn sum<'a>(spaces: impl Iterator<Item = &'a Space>) -> Space {
    spaces.fold(Space { total: 0, free: 0 }, |sum, space| Space {
        total: sum.total.saturating_add(space.total),
        free: sum.free.saturating_add(space.free),
    })
}
