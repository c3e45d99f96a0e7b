//! Questions about the ends of keys and extents, and about the newest change.

use super::punch::TARGETS_AT_ONCE;
use super::{Object, QueryResult, QueryWhat};
use crate::Client;
use crate::array::run_bounded;
use daos_status::{Code, Result, Status, fail};
use daos_types::{Epoch, Key};
use daos_wire::{Opcode, QUERY_NEWEST, QueryEpoch, QueryKey, QueryKeyReply};
use std::cell::{Cell, RefCell};

impl Object {
    /// The greatest or least integer dkey, akey or extent; keys that are not asked for must be given. `Code::Nonexist` when
    /// there is none.
    pub async fn query_key(
        &self,
        client: &Client,
        epoch: Epoch,
        what: QueryWhat,
        dkey: Option<Key>,
        akey: Option<Key>,
    ) -> Result<QueryResult> {
        let asks = |bit: QueryWhat| what.0 & bit.0 != 0;
        if asks(QueryWhat::MAX) == asks(QueryWhat::MIN) {
            fail!(Code::Inval, "a query of object {} must ask for either the greatest or the least", self.id);
        }
        let layout = self.layout(client).await?;
        let groups = match (&dkey, asks(QueryWhat::DKEY)) {
            (_, true) => 0..layout.groups(),
            (Some(dkey), false) => {
                self.check_dkey(dkey)?;
                let group = layout.group_of_dkey(dkey, self.id.object_type().dkey_kind());
                group..group + 1
            }
            (None, false) => fail!(Code::Inval, "a query of object {} neither asks for the dkey nor gives it", self.id),
        };
        let (best, _) = self.query_groups(client, epoch, what.0, groups, (&dkey, &akey)).await?;
        let Some(QueryKeyReply { dkey: found_dkey, akey: found_akey, extent, .. }) = best else {
            fail!(Code::Nonexist, "object {} holds nothing of what is asked for", self.id);
        };
        let given = |key: &Option<Key>| key.as_ref().and_then(Key::to_u64);
        Ok(QueryResult { dkey: found_dkey.or_else(|| given(&dkey)), akey: found_akey.or_else(|| given(&akey)), extent })
    }

    /// The extent with the greatest index in the greatest integer dkey, where there is one, and the epoch of the newest change of
    /// the object, zero when it has none: one message to each target that the object is on.
    pub async fn end_and_max_epoch(
        &self,
        client: &Client,
        epoch: Epoch,
        akey: Key,
    ) -> Result<(Option<QueryResult>, Epoch)> {
        let what = QueryWhat::MAX.0 | QueryWhat::DKEY.0 | QueryWhat::RECX.0 | QUERY_NEWEST;
        let groups = 0..self.layout(client).await?.groups();
        let (best, newest) = self.query_groups(client, epoch, what, groups, (&None, &Some(akey))).await?;
        let best = best.map(|QueryKeyReply { dkey, akey, extent, .. }| QueryResult { dkey, akey, extent });
        Ok((best, newest))
    }

    /// Asks groups, and gives the greatest or least of their answers, and the newest epoch of all.
    async fn query_groups(
        &self,
        client: &Client,
        epoch: Epoch,
        what: u64,
        groups: std::ops::Range<u32>,
        (dkey, akey): (&Option<Key>, &Option<Key>),
    ) -> Result<(Option<QueryKeyReply>, Epoch)> {
        let request = QueryKey { address: self.address(), epoch, what, dkey: dkey.clone(), akey: akey.clone() };
        let best: RefCell<Option<QueryKeyReply>> = RefCell::new(None);
        let newest = Cell::new(Epoch::ZERO);
        let queries = groups.map(|group| {
            let (request, best, newest) = (&request, &best, &newest);
            async move {
                let send = async |target: &_| self.send(client, target, Opcode::QueryKey, request).await;
                let reply: QueryKeyReply = match self.attempt(client, group, send).await {
                    Ok(reply) => reply,
                    Err(status) if status.code() == Code::Nonexist => return Ok(()),
                    Err(status) => return Err(status),
                };
                newest.set(newest.get().max(reply.newest.unwrap_or(Epoch::ZERO)));
                if reply.newest.is_some() && reply.dkey.is_none() && reply.extent.is_none() {
                    return Ok(());
                }
                let mut best = best.borrow_mut();
                let better = best.as_ref().is_none_or(|best| match what & QueryWhat::MAX.0 != 0 {
                    true => reply.dkey > best.dkey,
                    false => reply.dkey < best.dkey,
                });
                if better {
                    *best = Some(reply);
                }
                Ok(())
            }
        });
        run_bounded(TARGETS_AT_ONCE, queries).await?;
        Ok((best.into_inner(), newest.get()))
    }

    /// The epoch of the newest change of the object; zero when it has none.
    pub async fn max_epoch(&self, client: &Client) -> Result<Epoch> {
        let groups = self.layout(client).await?.groups();
        let newest = Cell::new(Epoch::ZERO);
        let request = QueryEpoch { address: self.address() };
        let queries = (0..groups).map(|group| {
            let (request, newest) = (&request, &newest);
            async move {
                let send = async |target: &_| self.send(client, target, Opcode::QueryEpoch, request).await;
                let epoch: Epoch = self.attempt(client, group, send).await?;
                newest.set(newest.get().max(epoch));
                Ok::<(), Status>(())
            }
        });
        run_bounded(TARGETS_AT_ONCE, queries).await?;
        Ok(newest.get())
    }
}
