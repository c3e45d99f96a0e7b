//! What engines of the system tell of themselves, each asked at its own control port.

use crate::attach::ask_there;
use crate::system::LOOK_LIMIT;
use crate::{Client, RankInfo, SpaceInfo};
use daos_env::sync::join_all;
use daos_status::{Code, Result, Status, fail};
use daos_types::Rank;
use daos_wire::{ControlReply, ControlRequest, EngineFileSystem, EngineInterfaces, EngineOf, Space};
use std::time::Duration;

/// The most engines that are asked at the same time.
const AT_ONCE_MAX: usize = 64;

/// How long looking for network interfaces may take: some providers look for their devices for seconds.
const SCAN_LIMIT: Duration = Duration::from_secs(60);

/// What an engine stores on, and how full that is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EngineStorage {
    /// Its directory.
    pub directory: String,
    /// What the file system of the directory is on; empty when that is not known.
    pub device: String,
    /// The kind of the file system; empty when that is not known.
    pub file_system: String,
    /// Bytes of the file system.
    pub total: u64,
    /// Bytes of it that can be written.
    pub available: u64,
    /// How many targets it has.
    pub targets: u32,
    /// How many pools have a part on it.
    pub pools: u32,
    /// Metadata and small values of its parts of pools on storage.
    pub meta: SpaceInfo,
    /// Large values of its parts of pools on storage.
    pub data: SpaceInfo,
    /// Its parts of pools in memory.
    pub memory: SpaceInfo,
    /// Why it is not known what its pools have, of which all is zero then: it does not serve, or its targets are busy.
    pub unknown: Option<Status>,
}

/// What an engine answered, or why it did not.
pub type EngineAnswers<T> = Vec<(RankInfo, Result<T>)>;

impl Client {
    /// What engines store on. Those that are stopped do not know what their pools have.
    ///
    /// # Errors
    /// Of a client without a system. That an engine does not answer is said with it.
    pub async fn engines_storage(&self, ranks: Vec<RankInfo>) -> Result<EngineAnswers<EngineStorage>> {
        let read = |reply| match reply {
            ControlReply::Storage(storage) => Some(storage_info(storage)),
            ControlReply::FileSystem((found, why)) => Some(file_system_info(found, why.status())),
            _ => None,
        };
        self.ask_engines(ranks, LOOK_LIMIT, ControlRequest::Storage, read).await
    }

    /// Lets engines take another log mask, in upstream's words, or without one those with which they were started. They answer with what
    /// counts now.
    ///
    /// # Errors
    /// Of a client without a system. That an engine does not answer is said with it.
    pub async fn engines_set_log_mask(
        &self,
        ranks: Vec<RankInfo>,
        mask: Option<String>,
    ) -> Result<EngineAnswers<String>> {
        let read = |reply| match reply {
            ControlReply::LogMask(mask) => Some(mask),
            _ => None,
        };
        self.ask_engines(ranks, LOOK_LIMIT, |of| ControlRequest::SetLogMask((of, mask.clone())), read).await
    }

    /// The network interfaces of the machines of engines.
    ///
    /// # Errors
    /// Of a client without a system. That an engine does not answer is said with it.
    pub async fn engines_interfaces(&self, ranks: Vec<RankInfo>) -> Result<EngineAnswers<EngineInterfaces>> {
        let read = |reply| match reply {
            ControlReply::Interfaces(interfaces) => Some(interfaces),
            _ => None,
        };
        self.ask_engines(ranks, SCAN_LIMIT, ControlRequest::Interfaces, read).await
    }

    /// Asks each engine the same.
    async fn ask_engines<T>(
        &self,
        ranks: Vec<RankInfo>,
        limit: Duration,
        request: impl Fn(EngineOf) -> ControlRequest,
        read: impl Fn(ControlReply) -> Option<T>,
    ) -> Result<EngineAnswers<T>> {
        let system = self.access()?.name;
        let mut answers = Vec::new();
        for some in ranks.chunks(AT_ONCE_MAX) {
            let asked = some.iter().map(|info| async {
                let of = EngineOf { system: system.clone(), rank: Rank(info.rank) };
                let answer = self.ask_engine(info, limit, &request(of)).await;
                let unexpected = || format!("the engine at {} answered something else than it was asked", info.control);
                let answer = answer.and_then(|reply| read(reply).ok_or_else(|| Status::new(Code::Proto, unexpected())));
                (info.clone(), answer)
            });
            answers.extend(join_all(asked).await);
        }
        Ok(answers)
    }

    async fn ask_engine(&self, info: &RankInfo, limit: Duration, request: &ControlRequest) -> Result<ControlReply> {
        // Of one that is gone the system knows better than a connection that nobody answers.
        if !matches!(info.state.as_str(), "joined" | "stopped") {
            let sentence = "start its engine, or leave it out by --ranks; 'dmg system query' shows the ranks";
            fail!(Code::Unreach, "rank {} is {}: {sentence}", info.rank, info.state);
        }
        match ask_there(self, &info.control, request, limit).await? {
            (_, ControlReply::Failed(failure)) => Err(failure.status()),
            (_, reply) => Ok(reply),
        }
    }
}

fn storage_info(storage: daos_wire::EngineStorage) -> EngineStorage {
    let space = |space: Space| SpaceInfo { total: space.total, free: space.free };
    EngineStorage {
        directory: storage.directory,
        device: storage.device,
        file_system: storage.file_system,
        total: storage.total,
        available: storage.available,
        targets: storage.targets,
        pools: storage.pools,
        meta: space(storage.meta),
        data: space(storage.data),
        memory: space(storage.memory),
        unknown: None,
    }
}

fn file_system_info(found: EngineFileSystem, why: Status) -> EngineStorage {
    EngineStorage {
        directory: found.directory,
        device: found.device,
        file_system: found.file_system,
        total: found.total,
        available: found.available,
        targets: found.targets,
        pools: 0,
        meta: SpaceInfo::default(),
        data: SpaceInfo::default(),
        memory: SpaceInfo::default(),
        unknown: Some(why),
    }
}
