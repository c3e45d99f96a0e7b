//! Punches.

use super::names::is_in_doubt;
use super::{Conditions, Object};
use crate::Client;
use crate::array::run_bounded;
use daos_status::{Code, Result, fail};
use daos_types::Key;
use daos_wire::{KEYS_MAX, Opcode, Punch, PunchKind};
use std::cell::Cell;

/// Targets that are asked at a time.
pub(crate) const TARGETS_AT_ONCE: usize = 16;

impl Object {
    /// Punches the whole object, on all targets that it is on. With the condition `PUNCH`, it must exist on one of them.
    pub async fn punch(&self, client: &Client, conditions: Conditions) -> Result<()> {
        if let Some(transaction) = self.transaction() {
            return Box::pin(transaction.punch(client, self, conditions)).await;
        }
        self.check_writable()?;
        let layout = self.layout(client).await?;
        let found = Cell::new(false);
        let punches = (0..layout.groups()).map(|group| {
            let found = &found;
            async move {
                match self.punch_in(client, group, conditions, PunchKind::Object).await {
                    Ok(()) => found.set(true),
                    Err(status) if status.code() == Code::Nonexist => {}
                    Err(status) => return Err(status),
                }
                Ok(())
            }
        });
        run_bounded(TARGETS_AT_ONCE, punches).await?;
        if !found.get() {
            fail!(Code::Nonexist, "object {} to be punched does not exist", self.id);
        }
        Ok(())
    }

    /// Punches dkeys: those of one target all or none. With the condition `PUNCH`, each must exist.
    pub async fn punch_dkeys(&self, client: &Client, conditions: Conditions, dkeys: Vec<Key>) -> Result<()> {
        if let Some(transaction) = self.transaction() {
            return Box::pin(transaction.punch_dkeys(client, self, conditions, dkeys)).await;
        }
        self.check_writable()?;
        self.check_count(dkeys.len())?;
        let layout = self.layout(client).await?;
        let mut groups: Vec<Vec<Key>> = vec![Vec::new(); layout.groups() as usize];
        for dkey in dkeys {
            self.check_dkey(&dkey)?;
            groups[layout.group_of_dkey(&dkey, self.id.object_type().dkey_kind()) as usize].push(dkey);
        }
        let groups = groups.into_iter().enumerate().filter(|(_, dkeys)| !dkeys.is_empty());
        let punches =
            groups.map(|(group, dkeys)| self.punch_in(client, group as u32, conditions, PunchKind::Dkeys(dkeys)));
        run_bounded(TARGETS_AT_ONCE, punches).await
    }

    /// Punches akeys of a dkey, all or none.
    pub async fn punch_akeys(&self, client: &Client, conditions: Conditions, dkey: Key, akeys: Vec<Key>) -> Result<()> {
        if let Some(transaction) = self.transaction() {
            return Box::pin(transaction.punch_akeys(client, self, conditions, dkey, akeys)).await;
        }
        self.check_writable()?;
        self.check_count(akeys.len())?;
        self.check_dkey(&dkey)?;
        akeys.iter().try_for_each(|akey| self.check_akey(akey))?;
        let layout = self.layout(client).await?;
        let group = layout.group_of_dkey(&dkey, self.id.object_type().dkey_kind());
        self.punch_in(client, group, conditions, PunchKind::Akeys((dkey, akeys))).await
    }

    fn check_count(&self, count: usize) -> Result<()> {
        if count == 0 || count > KEYS_MAX {
            fail!(Code::Inval, "a punch in object {} must name 1 to {KEYS_MAX} keys, not {count}", self.id);
        }
        Ok(())
    }

    async fn punch_in(&self, client: &Client, group: u32, conditions: Conditions, what: PunchKind) -> Result<()> {
        let name = client.0.change_names.next();
        let mut request = Punch { address: self.address(), name, conditions: conditions.0, what };
        let send = async |target: &_| {
            let result = self.send(client, target, Opcode::Punch, &request).await;
            request.name.is_repeat |= is_in_doubt(&result);
            result
        };
        client.note_change(self.attempt(client, group, send).await?);
        Ok(())
    }
}
