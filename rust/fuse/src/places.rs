//! Pools and containers that the mount has open.

use crate::caching::{ATTRIBUTES, Caching};
use daos_client::{Client, Container, ContainerFlags, ContainerType, Pool, PoolFlags};
use daos_dfs::{ContainerPath, DfsError, FileSystem, MountOptions, Result};
use daos_env::{LogLevel, log_event};
use daos_status::Code;
use daos_types::{ContainerId, Epoch, PoolId, Reference};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Containers that one mount can have open. Each holds a handle until the mount ends.
const VOLUMES_MAX: usize = 4096;

/// A container's namespace within the mount.
#[derive(Debug)]
pub struct Volume {
    /// Its place in the order in which containers were opened.
    pub index: u32,
    /// Its namespace.
    pub file_system: FileSystem,
    /// What the kernel may remember of it.
    pub caching: Caching,
    /// Counts changes of files through this mount, see [`crate::inodes::Entry::note_change`].
    pub changes: AtomicU64,
}

/// What is open.
#[derive(Debug, Default)]
struct Opened {
    pools: Vec<Pool>,
    volumes: Vec<Arc<Volume>>,
}

impl Opened {
    fn find(&self, pool: PoolId, container: ContainerId) -> Option<Arc<Volume>> {
        let same = |volume: &&Arc<Volume>| {
            let open = volume.file_system.container();
            open.pool().id() == pool && open.id() == container
        };
        self.volumes.iter().find(same).cloned()
    }
}

/// Opens pools and containers once each.
#[derive(Debug)]
pub struct Places {
    /// Nothing can be changed.
    pub read_only: bool,
    /// No container has a say: nothing is cached.
    pub caching_off: bool,
    opened: Mutex<Opened>,
}

impl Places {
    /// Nothing is open yet.
    pub fn new(read_only: bool, caching_off: bool) -> Places {
        Places { read_only, caching_off, opened: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects to a pool.
    pub async fn pool(&self, client: &Client, reference: &Reference) -> Result<Pool> {
        let by_id = |pool: &Pool, id: PoolId| pool.id() == id;
        if let Reference::Id(id) = reference
            && let Some(pool) = self.lock().pools.iter().find(|pool| by_id(pool, PoolId(*id)))
        {
            return Ok(pool.clone());
        }
        let pool = self.connect(client, reference).await?;
        let known = {
            let mut opened = self.lock();
            let known = opened.pools.iter().find(|known| by_id(known, pool.id())).cloned();
            if known.is_none() {
                opened.pools.push(pool.clone());
            }
            known
        };
        let Some(known) = known else { return Ok(pool) };
        pool.disconnect(client).await?;
        Ok(known)
    }

    /// Connects for all that is permitted; upstream's users may have no more than the right to read a pool.
    async fn connect(&self, client: &Client, reference: &Reference) -> Result<Pool> {
        if !self.read_only {
            match Pool::connect(client, reference, PoolFlags::READ_WRITE).await {
                Err(status) if status.code() == Code::NoPerm => {}
                connected => return Ok(connected?),
            }
        }
        Ok(Pool::connect(client, reference, PoolFlags::READ_ONLY).await?)
    }

    /// Opens a container and mounts its namespace.
    pub async fn volume(&self, client: &Client, pool: &Pool, reference: &Reference) -> Result<Arc<Volume>> {
        if let Reference::Id(id) = reference
            && let Some(volume) = self.lock().find(pool.id(), ContainerId(*id))
        {
            return Ok(volume);
        }
        let container = self.open(client, pool, reference).await?;
        let known = self.lock().find(pool.id(), container.id());
        if let Some(volume) = known {
            container.close(client).await?;
            return Ok(volume);
        }
        let mounted = self.mount(client, &container).await;
        match mounted.and_then(|(file_system, caching)| self.keep(file_system, caching)) {
            Ok((volume, true)) => Ok(volume),
            Ok((volume, false)) => {
                container.close(client).await?;
                Ok(volume)
            }
            Err(error) => {
                // What failed first is what is told.
                let _closed = container.close(client).await;
                Err(error)
            }
        }
    }

    async fn mount(&self, client: &Client, container: &Container) -> Result<(FileSystem, Caching)> {
        let writable = !self.read_only && container.flags().0 & ContainerFlags::READ_ONLY.0 == 0;
        let options = MountOptions { writable, epoch: Epoch::MAX, ..MountOptions::read_write() };
        let file_system = FileSystem::mount(client, container, options).await?;
        Ok((file_system, self.caching(client, container).await?))
    }

    /// Keeps a container that was mounted, unless another request has been faster; whether it is kept. One container must not
    /// be two: each would remember what it knows of a file.
    fn keep(&self, file_system: FileSystem, caching: Caching) -> Result<(Arc<Volume>, bool)> {
        let mut opened = self.lock();
        let container = file_system.container();
        if let Some(volume) = opened.find(container.pool().id(), container.id()) {
            return Ok((volume, false));
        }
        if opened.volumes.len() >= VOLUMES_MAX {
            return Err(DfsError::new(libc::ENFILE, format!("more than {VOLUMES_MAX} containers in one mount")));
        }
        let index = opened.volumes.len() as u32;
        let volume = Arc::new(Volume { index, file_system, caching, changes: AtomicU64::new(0) });
        opened.volumes.push(volume.clone());
        Ok((volume, true))
    }

    /// Opens a container for all that is permitted.
    async fn open(&self, client: &Client, pool: &Pool, reference: &Reference) -> Result<Container> {
        if !self.read_only {
            match Container::open(client, pool, reference, ContainerFlags::READ_WRITE).await {
                Err(status) if status.code() == Code::NoPerm => {}
                opened => return Ok(opened?),
            }
        }
        Ok(Container::open(client, pool, reference, ContainerFlags::READ_ONLY).await?)
    }

    async fn caching(&self, client: &Client, container: &Container) -> Result<Caching> {
        if self.caching_off {
            return Ok(Caching::NONE);
        }
        let names = ATTRIBUTES.iter().map(|name| (*name).to_owned()).collect();
        let values = container.get_attributes(client, names).await?;
        let (caching, wrong) = Caching::of_attributes(&values);
        for name in wrong {
            let text = format_args!("attribute {name} of container {} cannot be understood: it is off", container.id());
            log_event(LogLevel::Error, "dfuse", text);
        }
        Ok(caching)
    }
}

/// Reads the value of a link to a POSIX container: `DAOS.POSIX://POOL/CONTAINER`.
pub fn parse_link(value: &[u8]) -> Option<(Reference, Reference)> {
    let found = ContainerPath::from_attribute(value).ok().filter(|found| found.kind == ContainerType::POSIX)?;
    Some((Reference::parse(&found.pool).ok()?, Reference::parse(&found.container).ok()?))
}

/// The value of the attribute at the root of a container, by which tools find out what is mounted.
pub fn link_to(container: &Container) -> String {
    let link = ContainerPath {
        kind: ContainerType::POSIX,
        pool: container.pool().id().to_string(),
        container: container.id().to_string(),
        rest: None,
    };
    link.to_attribute().expect("files have a name among the uses")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_pool_and_container() {
        let (pool, container) = parse_link(b"DAOS.POSIX://tank/home\0").expect("a link");
        assert_eq!((pool.to_string(), container.to_string()), ("tank".to_owned(), "home".to_owned()));
        for wrong in [&b""[..], b"DAOS.HDF5://tank/home", b"DAOS.POSIX://tank", b"\xff", b"DAOS.POSIX:///home"] {
            assert!(parse_link(wrong).is_none());
        }
    }
}
