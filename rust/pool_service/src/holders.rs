//! Clients: what they hold, and what they were answered.
//!
//! A client numbers its changes, and says with each how far it has been answered. The answer to a change is stored with the
//! change itself, and forgotten when the client says that it has it, or is gone. So a change that is sent again, to this
//! replica or another one, is answered again and not done again; one that the client has seen answered is refused, however
//! late a copy of it comes.

use crate::rows::{HolderRow, OperationRow, Row, RowKey};
use crate::state::{Decision, PoolService};
use daos_status::{Code, Result, Status, fail};
use daos_types::{ContainerId, HandleId, HolderId, PoolId};
use daos_wire::{Blob, Opcode, RequestId, Wire, decode, encode};
use std::collections::{BTreeMap, BTreeSet};

/// The most changes of one client whose answers are remembered.
pub const OPERATIONS_MAX: u64 = 1024;
/// The most clients.
const HOLDERS_MAX: usize = 100_000;
/// Rows that one step of removing many changes: they fit the log many times.
pub(crate) const ROWS_PER_STEP: usize = 512;
/// The longest sentence of a refusal that is remembered.
const SENTENCE_LENGTH_MAX: usize = 512;

/// A handle that a client holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Held {
    /// Before the pool handle through which it was opened.
    Container(PoolId, ContainerId, HandleId),
    Pool(PoolId, HandleId),
}

/// A client.
#[derive(Default)]
pub(crate) struct Holder {
    pub row: Option<HolderRow>,
    pub handles: BTreeSet<Held>,
    pub operations: BTreeMap<u64, OperationRow>,
}

impl Holder {
    pub fn is_empty(&self) -> bool {
        self.row.is_none() && self.handles.is_empty() && self.operations.is_empty()
    }
}

/// Handles that close.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Revoked {
    /// Container handles among them: the targets must be told.
    pub containers: Vec<HandleId>,
    /// How many pool handles there are among them.
    pub pools: u32,
    /// There are more: ask again once these rows are stored.
    pub more: bool,
}

impl PoolService {
    pub(crate) fn apply_holder(&mut self, id: HolderId, row: Option<HolderRow>) {
        match row {
            Some(row) => self.holders.entry(id).or_default().row = Some(row),
            None => {
                if let Some(holder) = self.holders.get_mut(&id) {
                    holder.row = None;
                    if holder.is_empty() {
                        self.holders.remove(&id);
                    }
                }
            }
        }
    }

    pub(crate) fn apply_operation(&mut self, id: HolderId, sequence: u64, row: Option<OperationRow>) {
        match row {
            Some(row) => drop(self.holders.entry(id).or_default().operations.insert(sequence, row)),
            None => {
                if let Some(holder) = self.holders.get_mut(&id) {
                    holder.operations.remove(&sequence);
                    if holder.is_empty() {
                        self.holders.remove(&id);
                    }
                }
            }
        }
    }

    /// What a change was answered before; `None` when it is new.
    ///
    /// # Errors
    /// [`Code::Stale`]: the client has seen its answer. [`Code::Busy`]: too many changes without an answer.
    pub fn recall<T: Wire>(&self, id: &RequestId, opcode: Opcode) -> Result<Option<Result<T>>> {
        if id.sequence == 0 || id.answered > id.sequence {
            fail!(Code::Inval, "change {} of a client that was answered up to {}", id.sequence, id.answered);
        }
        let holder = self.holders.get(&id.holder);
        if holder.is_none() && self.holders.len() >= HOLDERS_MAX {
            fail!(Code::Busy, "{HOLDERS_MAX} clients hold handles");
        }
        if let Some(row) = holder.and_then(|holder| holder.operations.get(&id.sequence)) {
            if row.opcode != opcode as u16 {
                fail!(Code::Inval, "change {} was another operation when it came first", id.sequence);
            }
            return match Status::from_der(row.status, row.sentence.clone()) {
                Some(refusal) => Ok(Some(Err(refusal))),
                None => decode(&row.reply.0).map(|reply| Some(Ok(reply))),
            };
        }
        let answered = holder.and_then(|holder| holder.row.as_ref()).map_or(0, |row| row.answered).max(id.answered);
        if id.sequence < answered {
            fail!(Code::Stale, "change {} of a client that was answered up to {answered}", id.sequence);
        }
        if id.sequence - answered >= OPERATIONS_MAX {
            fail!(Code::Busy, "a client has {OPERATIONS_MAX} changes without an answer");
        }
        Ok(None)
    }

    /// A decision that remembers its answer. Nothing is remembered of one that changes nothing and was sent once: done again,
    /// it would change nothing again, or is not done again as no copy is on its way.
    ///
    /// `place` says where the client's process is, for [`PoolService::holder_places`].
    pub fn remember<T: Wire>(
        &self,
        id: &RequestId,
        opcode: Opcode,
        place: &str,
        decided: Result<Decision<T>>,
    ) -> Result<Decision<Result<T>>> {
        let (mut rows, reply) = match decided {
            Ok(decision) => (decision.rows, Ok(decision.reply)),
            Err(refusal) => (Vec::new(), Err(refusal)),
        };
        // To be told to try again is no answer: the same change comes again, and may be made then.
        let is_put_off = reply.as_ref().is_err_and(|refusal| refusal.code() == Code::Again);
        if is_put_off || (rows.is_empty() && id.attempt == 0) {
            return Ok(Decision { rows, reply });
        }
        let row = match &reply {
            Ok(reply) => {
                let (opcode, reply) = (opcode as u16, Blob(encode(reply)));
                OperationRow { opcode, status: 0, sentence: String::new(), reply }
            }
            Err(refusal) => OperationRow {
                opcode: opcode as u16,
                status: refusal.to_der(),
                sentence: refusal.context().chars().take(SENTENCE_LENGTH_MAX).collect(),
                reply: Blob::default(),
            },
        };
        rows.push(Row::put(RowKey::Operation(id.holder, id.sequence), &row));
        self.forget_answered(id, place, &mut rows);
        Ok(Decision { rows, reply })
    }

    /// Rows that forget what the client has been answered.
    fn forget_answered(&self, id: &RequestId, place: &str, rows: &mut Vec<Row>) {
        let holder = self.holders.get(&id.holder);
        let known = holder.and_then(|holder| holder.row.as_ref());
        let answered = known.map_or(0, |row| row.answered).max(id.answered);
        if let Some(holder) = holder {
            let old = holder.operations.range(..answered).take(ROWS_PER_STEP);
            rows.extend(old.map(|(sequence, _)| Row::remove(RowKey::Operation(id.holder, *sequence))));
        }
        let row = HolderRow { place: place.to_owned(), answered };
        if known != Some(&row) {
            rows.push(Row::put(RowKey::Holder(id.holder), &row));
        }
    }

    /// Every client that holds something, and where its process is.
    pub fn holder_places(&self) -> Vec<(HolderId, String)> {
        let place = |holder: &Holder| holder.row.as_ref().map(|row| row.place.clone()).unwrap_or_default();
        self.holders.iter().map(|(id, holder)| (*id, place(holder))).collect()
    }

    /// Where the process of a client is; `None` when nothing is known of it.
    pub fn holder_place(&self, id: HolderId) -> Option<String> {
        Some(self.holders.get(&id)?.row.as_ref()?.place.clone())
    }

    /// Whether a client holds anything open.
    pub fn has_handles(&self, id: HolderId) -> bool {
        self.holders.get(&id).is_some_and(|holder| !holder.handles.is_empty())
    }

    /// A step of closing every handle of a client that cannot be heard any more. What it was answered stays: it may be cut off, come back,
    /// and send a change again.
    pub fn close_handles_of(&self, id: HolderId) -> Decision<Revoked> {
        let (rows, mut revoked) = self.close_all_held(id);
        revoked.more = rows.len() >= ROWS_PER_STEP;
        Decision { rows, reply: revoked }
    }

    /// A step of closing every handle of a client that is gone, and of forgetting it.
    pub fn revoke_holder(&self, id: HolderId) -> Decision<Revoked> {
        let Some(holder) = self.holders.get(&id) else { return Decision::nothing(Revoked::default()) };
        let (mut rows, mut revoked) = self.close_all_held(id);
        let left = ROWS_PER_STEP.saturating_sub(rows.len());
        rows.extend(holder.operations.keys().take(left).map(|number| Row::remove(RowKey::Operation(id, *number))));
        revoked.more = rows.len() >= ROWS_PER_STEP;
        if !revoked.more {
            rows.push(Row::remove(RowKey::Holder(id)));
        }
        Decision { rows, reply: revoked }
    }

    /// Rows that close what a client holds, as much as fits a step.
    fn close_all_held(&self, id: HolderId) -> (Vec<Row>, Revoked) {
        let (mut rows, mut revoked) = (Vec::new(), Revoked::default());
        let Some(holder) = self.holders.get(&id) else { return (rows, revoked) };
        for held in holder.handles.iter().filter(|held| matches!(held, Held::Container(..))) {
            if rows.len() >= ROWS_PER_STEP {
                break;
            }
            self.close_held(held, &mut rows, &mut revoked);
        }
        for held in holder.handles.iter().filter(|held| matches!(held, Held::Pool(..))) {
            if rows.len() >= ROWS_PER_STEP {
                break;
            }
            self.close_held(held, &mut rows, &mut revoked);
        }
        (rows, revoked)
    }

    fn close_held(&self, held: &Held, rows: &mut Vec<Row>, revoked: &mut Revoked) {
        match held {
            Held::Container(pool, id, handle) => {
                rows.push(Row::remove(RowKey::ContainerHandle(*pool, *id, *handle)));
                revoked.containers.push(*handle);
            }
            Held::Pool(pool, handle) => {
                self.close_pool_handle(*pool, *handle, rows, revoked);
            }
        }
    }

    /// Rows that close a pool handle and what was opened through it; `false` when they did not fit this step, which then
    /// leaves the pool handle open.
    pub(crate) fn close_pool_handle(
        &self,
        pool: PoolId,
        handle: HandleId,
        rows: &mut Vec<Row>,
        revoked: &mut Revoked,
    ) -> bool {
        let Some(open) = self.pools.get(&pool).and_then(|pool| pool.handles.open.get(&handle)) else { return true };
        for (container, opened) in &open.opened {
            if rows.len() >= ROWS_PER_STEP {
                return false;
            }
            // A client that opened containers through its own handle lists both: once is enough.
            let row = Row::remove(RowKey::ContainerHandle(pool, *container, *opened));
            if !revoked.containers.contains(opened) {
                rows.push(row);
                revoked.containers.push(*opened);
            }
        }
        rows.push(Row::remove(RowKey::PoolHandle(pool, handle)));
        revoked.pools += 1;
        true
    }
}
