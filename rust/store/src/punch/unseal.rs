//! Making a sealed punch a plain one, in steps.
//!
//! A punch that is older than something below it would have to look for values of its own epoch among everything there. When that is much, it is
//! sealed instead: it hides its own epoch, too. Only who writes at exactly this epoch below it later has to show, and therefore needs what the punch
//! has hidden to be gone. It does the looking then, in steps between which others run, and is made again afterwards.

use crate::Store;
use crate::key_order::{KeyProbe, fixed_probe, object_key};
use crate::level::{Children, Level};
use crate::punch::removal::Removal;
use crate::tree::damaged;
use crate::visibility::{Depth, entries_max};
use daos_env::sync::yield_now;
use daos_media::Arena;
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Key, ObjectId};

/// Entries looked at and records freed by one step.
const STEP: (usize, usize) = (512, 128);

/// A sealed punch that a change has met.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sealed {
    pub container: ContainerId,
    pub object: ObjectId,
    pub dkey: Option<Key>,
    pub akey: Option<Key>,
    pub epoch: u64,
}

impl Sealed {
    /// The levels from the object down to the one that was punched.
    fn path(&self, store: &Store, arena: &Arena) -> Result<Option<Vec<Level>>> {
        let kind = self.object.object_type();
        let container = store.container(arena, self.container)?;
        let Some(object) = container.find_child(arena, &fixed_probe(&object_key(self.object)))? else {
            return Ok(None);
        };
        let mut path = vec![object];
        for (key, kind) in [(&self.dkey, kind.dkey_kind()), (&self.akey, kind.akey_kind())] {
            let (Some(key), Some(above)) = (key, path.last()) else { break };
            let Some(level) = above.find_child(arena, &KeyProbe::new(kind, key)?)? else { return Ok(None) };
            path.push(level);
        }
        Ok(Some(path))
    }
}

impl Store {
    /// Removes what a sealed punch hides of its own epoch, and makes it a plain one.
    pub(crate) async fn unseal(&self, sealed: &Sealed) -> Result<()> {
        let mut removal = Removal::new(sealed.epoch);
        // No honest object has more entries than fit the arena, of which a step looks at so many, or frees so many records.
        for _ in 0..=entries_max(self.durable.arena()) / STEP.1 {
            self.durable.admission().await?;
            if self.unseal_step(sealed, &mut removal)? {
                return Ok(());
            }
            yield_now().await;
            if self.is_closed() {
                fail!(Code::Shutdown, "the store was closed");
            }
        }
        Err(damaged("keys that share what is below them", 0))
    }

    /// Does one step, in one transaction; `true` when it was the last one.
    fn unseal_step(&self, sealed: &Sealed, removal: &mut Removal) -> Result<bool> {
        let arena = self.durable.arena();
        let Some(mut path) = sealed.path(self, arena)? else { return Ok(true) };
        let Some(mut level) = path.pop() else { return Ok(true) };
        if !level.is_sealed_at(arena, sealed.epoch)? {
            return Ok(true);
        }
        let depth = match path.len() {
            0 => Depth::Object,
            1 => Depth::Dkey,
            _ => Depth::Akey,
        };
        let mut transaction = arena.begin_privileged();
        let is_done = removal.step((&mut transaction, &self.values), &mut level, depth, STEP)?;
        if std::mem::take(&mut removal.removed) {
            for above in &path {
                if let Children::Tree(tree) = above.children()? {
                    tree.note_removal(&mut transaction)?;
                }
            }
        }
        if is_done {
            level.punch(&mut transaction, sealed.epoch, false)?;
        }
        let lsn = self.durable.commit(transaction)?;
        self.recent.mark_object(sealed.container, sealed.object, lsn);
        Ok(is_done)
    }
}
