//! Making, finding and destroying containers.

use crate::key_order::{container_key, fixed_probe};
use crate::level::{ChildOrder, Children, Level, Span};
use crate::reclaim;
use crate::tree::damaged;
use crate::{ContainerSettings, Store};
use daos_media::{Arena, Lsn, Transaction};
use daos_status::{Code, Result, fail};
use daos_types::ContainerId;
use std::rc::Rc;

/// Steps that destroying a container waits for, two thousand records while nobody asks for anything else; what is left is freed in the background.
const RECLAIM_STEPS_AT_ONCE: usize = 128;

impl Store {
    /// A container, if it is there and was not destroyed.
    #[inline]
    pub(crate) fn container(&self, arena: &Arena, container: ContainerId) -> Result<Level> {
        let (last, link) = self.last_container.get();
        if link != 0 && last == container {
            let level = Level::load(arena, link)?;
            if !reclaim::is_destroyed(&level) {
                return Ok(level);
            }
        }
        let level = self.search_container(arena, container)?;
        self.last_container.set((container, level.link()));
        Ok(level)
    }

    fn search_container(&self, arena: &Arena, container: ContainerId) -> Result<Level> {
        match self.find_container(arena, container)? {
            Some(level) if !reclaim::is_destroyed(&level) => Ok(level),
            _ => fail!(Code::ContNonexist, "container {container} does not exist"),
        }
    }

    fn find_container(&self, arena: &Arena, container: ContainerId) -> Result<Option<Level>> {
        let key = container_key(container);
        self.superblock.containers(arena)?.find_child(arena, &fixed_probe(&key))
    }

    pub(crate) fn containers_there(&self) -> Result<Vec<ContainerId>> {
        let arena = self.durable.arena();
        let mut found = Vec::new();
        let mut take = |link: u32| -> Result<()> {
            let container = Level::load(arena, link)?;
            if !reclaim::is_destroyed(&container) {
                let key = container.key(arena)?;
                let bytes = key.try_into().map_err(|_| damaged("a container's key", u64::from(link) * 8))?;
                found.push(ContainerId::from_bytes(bytes));
            }
            Ok(())
        };
        match self.superblock.containers(arena)?.children()? {
            Children::None => {}
            Children::Direct(link) => take(link)?,
            Children::Tree(tree) => {
                let mut cursor = tree.first(arena)?;
                while let Some(at) = &mut cursor {
                    take(at.entry(arena)?.link)?;
                    if !at.next(arena)? {
                        break;
                    }
                }
            }
        }
        Ok(found)
    }

    /// How the values of a container are protected.
    pub(crate) fn settings_of(&self, container: ContainerId) -> Result<ContainerSettings> {
        let arena = self.durable.arena();
        self.container(arena, container)?.state()?.settings(arena)
    }

    /// The containers as they are now, in the order of their identifiers: for background work, which is no request.
    pub fn containers_now(&self) -> Result<Vec<ContainerId>> {
        self.containers_there()
    }

    pub(crate) async fn make_container(&self, container: ContainerId, settings: ContainerSettings) -> Result<()> {
        settings.check()?;
        loop {
            self.durable.admission().await?;
            match self.try_make_container(container, &settings) {
                Err(status) if status.code() == Code::Nospace && self.reclaim.is_running() => {}
                Ok(None) => {}
                Ok(Some(lsn)) => return self.durable.wait_durable(lsn).await,
                Err(status) => {
                    self.wait_for(self.recent.of_structure()).await?;
                    return Err(status);
                }
            }
            // Room, or the same container, is still being freed.
            self.reclaim.wait_step().await;
        }
    }

    /// Makes a container; `None` when one of this identifier is still being freed.
    fn try_make_container(&self, container: ContainerId, settings: &ContainerSettings) -> Result<Option<Lsn>> {
        let arena = self.durable.arena();
        let there = self.find_container(arena, container)?;
        if there.as_ref().is_some_and(|level| !reclaim::is_destroyed(level)) {
            fail!(Code::Exist, "container {container} exists already");
        }
        if self.prepared.has_doomed(container) {
            if self.reclaim.is_running() {
                return Ok(None);
            }
            fail!(Code::Busy, "container {container} was destroyed and is not freed yet; try again after a restart");
        }
        let key = container_key(container);
        let mut transaction = arena.begin();
        let mut root = self.superblock.containers(arena)?;
        if let Some(destroyed) = there {
            self.set_aside(&mut transaction, &mut root, container, destroyed)?;
        }
        let record = Level::create_container(&mut transaction, &key)?;
        record.state()?.set_settings(&mut transaction, settings)?;
        let probe = fixed_probe(&key);
        root.add_record(&mut transaction, ChildOrder::Fixed, (&probe, None), |_, _| Ok(Span::EMPTY), &record)?;
        let lsn = self.durable.commit(transaction)?;
        self.recent.mark_structure(lsn);
        Ok(Some(lsn))
    }

    /// Gives a destroyed container, which is still being freed, a name of its own, so that there can be another one of its name.
    fn set_aside(
        &self,
        transaction: &mut Transaction<'_>,
        root: &mut Level,
        name: ContainerId,
        mut destroyed: Level,
    ) -> Result<()> {
        root.remove_child(transaction, &fixed_probe(&container_key(name)))?;
        // Nobody else lies where it does; should a client have chosen such a name, there are others.
        let mut key = [0xff; 16];
        key[8..12].copy_from_slice(&destroyed.link().to_be_bytes());
        for number in 0u32.. {
            key[12..].copy_from_slice(&number.to_be_bytes());
            if root.find_child(transaction.arena(), &fixed_probe(&key))?.is_none() {
                break;
            }
        }
        destroyed.rename_container(transaction, &key)?;
        root.add_record(transaction, ChildOrder::Fixed, (&fixed_probe(&key), None), |_, _| Ok(Span::EMPTY), &destroyed)
    }

    pub(crate) async fn drop_container(self: &Rc<Self>, container: ContainerId) -> Result<()> {
        self.durable.admission().await?;
        let arena = self.durable.arena();
        let mut level = match self.container(arena, container) {
            Ok(level) => level,
            Err(status) if status.code() == Code::ContNonexist => {
                self.wait_for(self.recent.of_structure()).await?;
                fail!(Code::Nonexist, "container {container} does not exist");
            }
            Err(status) => return Err(status),
        };
        let mut transaction = arena.begin_privileged();
        reclaim::mark_destroyed(&mut transaction, &mut level)?;
        self.ends.clear();
        let lsn = self.durable.commit(transaction)?;
        self.watches.disturb_all();
        self.recent.mark_structure(lsn);
        self.doom_prepared(container)?;
        self.aggregation.end_walk(container);
        self.durable.wait_durable(lsn).await?;
        self.start_reclaim();
        for _ in 0..RECLAIM_STEPS_AT_ONCE {
            if !self.reclaim.is_running() {
                break;
            }
            self.reclaim.wait_step().await;
        }
        Ok(())
    }
}
