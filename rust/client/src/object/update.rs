//! Updates.

use super::call::Target;
use super::lend::Lent;
use super::names::is_in_doubt;
use super::{AkeyUpdate, Conditions, Object, UpdateValue};
use crate::{Client, ScatterList, Source, Transaction};
use daos_rpc::Access;
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Extent, Key};
use daos_wire::{self as wire, Blob, INLINE_BYTES_MAX, Opcode, Payload, TRANSFER_BYTES_MAX};

/// Values of less than so many bytes are copied into the request: to send them as parts costs more.
const APART_BYTES_MIN: u64 = 256;

/// How often an update that also punches is tried while others change what its conditions look at.
const RESTARTS_MAX: u32 = 64;

/// An update as it is sent, and its values.
struct Prepared {
    akeys: Vec<wire::AkeyUpdate>,
    streams: Vec<ScatterList>,
    total: u64,
}

impl Object {
    /// Writes akeys of one dkey, all or none; durable when it returns.
    ///
    /// One exception to "all or none": an update of more than 256 MiB. Its arrays are then written in parts that are each
    /// written as a whole or not at all; the conditions are those of the first part. A single value cannot be that large.
    pub async fn update(
        &self,
        client: &Client,
        conditions: Conditions,
        dkey: Key,
        akeys: Vec<AkeyUpdate>,
    ) -> Result<()> {
        self.update_each(client, conditions, &[], dkey, akeys).await
    }

    /// As [`Object::update`], with conditions for each akey, in the order of the akeys, when the conditions have `PER_AKEY`.
    pub async fn update_each(
        &self,
        client: &Client,
        conditions: Conditions,
        each: &[Conditions],
        dkey: Key,
        akeys: Vec<AkeyUpdate>,
    ) -> Result<()> {
        if let Some(transaction) = self.transaction() {
            return Box::pin(transaction.update(client, self, conditions, each, dkey, &akeys)).await;
        }
        self.check_writable()?;
        self.check_dkey(&dkey)?;
        if akeys.is_empty() {
            fail!(Code::Inval, "an update of object {} names no akeys", self.id);
        }
        let mut prepared = Prepared { akeys: Vec::with_capacity(akeys.len()), streams: Vec::new(), total: 0 };
        for akey in &akeys {
            self.check_akey(&akey.akey)?;
            self.prepare(akey, &mut prepared)?;
        }
        for (akey, conditions) in prepared.akeys.iter_mut().zip(each) {
            akey.conditions = conditions.0;
        }
        if prepared.total <= TRANSFER_BYTES_MAX {
            return self.update_prepared(client, conditions, &dkey, prepared).await;
        }
        let mut conditions = conditions;
        for part in parts(prepared)? {
            self.update_prepared(client, conditions, &dkey, part).await?;
            conditions = Conditions::NONE;
        }
        Ok(())
    }

    /// As [`Object::update_each`], and punches akeys of the same dkey, all of it or none. There may be nothing to update, or nothing
    /// to punch. The conditions are those of all akeys; with `PER_AKEY`, `each` has those of the updated ones, and then those of
    /// the punched ones.
    pub async fn update_and_punch(
        &self,
        client: &Client,
        conditions: Conditions,
        each: &[Conditions],
        dkey: Key,
        (akeys, punched): (Vec<AkeyUpdate>, Vec<Key>),
    ) -> Result<()> {
        if punched.is_empty() {
            return self.update_each(client, conditions, each, dkey, akeys).await;
        }
        if akeys.is_empty() && conditions == Conditions::NONE {
            return self.punch_akeys(client, conditions, dkey, punched).await;
        }
        let conditions = (conditions, each);
        if let Some(transaction) = self.transaction() {
            return Box::pin(transaction.update_and_punch(client, self, conditions, dkey, (&akeys, punched))).await;
        }
        // A transaction of its own, at the target of the dkey.
        let transaction = Transaction::open(client, &self.container, false);
        for _ in 1..RESTARTS_MAX {
            let changes = (&akeys[..], punched.clone());
            Box::pin(transaction.update_and_punch(client, self, conditions, dkey.clone(), changes)).await?;
            match Box::pin(transaction.commit(client)).await {
                Err(status) if status.code() == Code::TxRestart => transaction.restart(client)?,
                other => return other,
            }
        }
        fail!(Code::Busy, "dkey {dkey:?} of object {} is changed by others all the time", self.id)
    }

    /// What an update would send, with the bytes of each akey: they are kept until a transaction is committed.
    pub(crate) fn kept_update(&self, dkey: &Key, akeys: &[AkeyUpdate]) -> Result<Vec<(wire::AkeyUpdate, Vec<u8>)>> {
        self.check_writable()?;
        self.check_dkey(dkey)?;
        if akeys.is_empty() {
            fail!(Code::Inval, "an update of object {} names no akeys", self.id);
        }
        let mut prepared = Prepared { akeys: Vec::with_capacity(akeys.len()), streams: Vec::new(), total: 0 };
        for akey in akeys {
            self.check_akey(&akey.akey)?;
            self.prepare(akey, &mut prepared)?;
        }
        if prepared.total > TRANSFER_BYTES_MAX {
            fail!(Code::RecordTooBig, "a transaction may write {TRANSFER_BYTES_MAX} bytes, not {}", prepared.total);
        }
        let kept = prepared
            .streams
            .iter()
            .map(|stream| gather(std::slice::from_ref(stream), stream.total_length().unwrap_or(0)));
        Ok(prepared.akeys.into_iter().zip(kept).collect())
    }

    /// Sends the changes of a transaction, which concern the target of this group, with their values.
    pub(crate) async fn send_commit(
        &self,
        client: &Client,
        group: u32,
        mut commit: wire::TransactionCommit,
        values: Vec<u8>,
    ) -> Result<Epoch> {
        let source = Source::Owned(values);
        let (streams, total) = ([stream_of(&source)], source.length().unwrap_or(0));
        if total <= INLINE_BYTES_MAX {
            commit.payload = Payload::Inline(Blob(gather(&streams, total)));
        }
        // Sent again, it is known by the name of the transaction.
        let epoch = self.attempt(client, group, async |target: &Target| {
            if total <= INLINE_BYTES_MAX {
                return self.send(client, target, Opcode::TransactionCommit, &commit).await;
            }
            let lent = Lent::new(target.connection.endpoint(), &streams, Access::Read)?;
            commit.payload = Payload::Memory(lent.descriptors());
            self.send_lending(client, target, Opcode::TransactionCommit, &commit, lent.exposed()).await
        });
        let result = epoch.await;
        match &result {
            Ok(epoch) => client.note_change(*epoch),
            // The clocks of other targets may lag behind the one that refuses: by what they give, it would do so again and again.
            Err(status) if status.code() == Code::TxRestart => self.follow_clock(client, group).await,
            Err(_) => {}
        }
        result
    }

    /// Lets transactions that begin from now on be newer than what a target has seen, if it says so.
    async fn follow_clock(&self, client: &Client, group: u32) {
        let request = self.container_address();
        let moment = self.attempt(client, group, async |target: &Target| {
            self.send::<_, Epoch>(client, target, Opcode::Moment, &request).await
        });
        if let Ok(moment) = moment.await {
            client.note_change(moment);
        }
    }

    /// Checks an akey and adds it to what is sent.
    fn prepare(&self, update: &AkeyUpdate, prepared: &mut Prepared) -> Result<()> {
        let (value, source, needed) = match &update.value {
            UpdateValue::Single(source) => {
                let length = source.length().filter(|length| *length <= TRANSFER_BYTES_MAX);
                let Some(length) = length else {
                    fail!(Code::RecordTooBig, "a single value may have {TRANSFER_BYTES_MAX} bytes, not {length:?}");
                };
                (wire::UpdateKind::Single(length), Some(source), Some(length))
            }
            UpdateValue::Array { record_size, extents, source } => {
                if *record_size == 0 || extents.is_empty() {
                    fail!(Code::IoInval, "an update of object {} writes no records", self.id);
                }
                let array = wire::ArrayUpdate { record_size: *record_size, extents: extents.clone() };
                (wire::UpdateKind::Array(array), Some(source), bytes_of(*record_size, extents))
            }
            UpdateValue::PunchExtents(extents) if extents.is_empty() => {
                fail!(Code::IoInval, "an update of object {} punches no records", self.id)
            }
            UpdateValue::PunchExtents(extents) => (wire::UpdateKind::PunchExtents(extents.clone()), None, Some(0)),
        };
        let given = source.map_or(Some(0), Source::length);
        let (Some(needed), Some(given)) = (needed, given) else {
            fail!(Code::IoInval, "the values of an update of object {} exceed 2^64 bytes", self.id);
        };
        if needed != given {
            fail!(Code::IoInval, "an update of object {} takes {needed} bytes, and its buffers hold {given}", self.id);
        }
        prepared.total = match prepared.total.checked_add(needed) {
            Some(total) => total,
            None => fail!(Code::IoInval, "the values of an update of object {} exceed 2^64 bytes", self.id),
        };
        prepared.akeys.push(wire::AkeyUpdate { akey: update.akey.clone(), conditions: 0, value });
        prepared.streams.push(source.map(stream_of).unwrap_or_default());
        Ok(())
    }

    async fn update_prepared(
        &self,
        client: &Client,
        conditions: Conditions,
        dkey: &Key,
        prepared: Prepared,
    ) -> Result<()> {
        let layout = self.layout(client).await?;
        let group = layout.group_of_dkey(dkey, self.id.object_type().dkey_kind());
        let Prepared { akeys, streams, total } = prepared;
        let mut request = wire::Update {
            address: self.address(),
            name: client.0.change_names.next(),
            conditions: conditions.0,
            dkey: dkey.clone(),
            akeys,
            payload: Payload::Memory(Vec::new()),
        };
        let inline = (total <= INLINE_BYTES_MAX).then(|| inline_parts(&streams, total));
        let epoch = self.attempt(client, group, async |target: &Target| {
            let result = if let Some((short, parts)) = &inline {
                let mut body = request.encode_before(total as usize);
                body.extend_from_slice(short);
                self.send_parts(client, target, Opcode::Update, body, parts, &[]).await.and_then(|reply| reply.read())
            } else {
                let lent = Lent::new(target.connection.endpoint(), &streams, Access::Read)?;
                request.payload = Payload::Memory(lent.descriptors());
                self.send_lending(client, target, Opcode::Update, &request, lent.exposed()).await
            };
            request.name.is_repeat |= is_in_doubt(&result);
            result
        });
        client.note_change(epoch.await?);
        Ok(())
    }
}

fn bytes_of(record_size: u64, extents: &[Extent]) -> Option<u64> {
    extents.iter().try_fold(0u64, |sum, extent| sum.checked_add(extent.count()))?.checked_mul(record_size)
}

/// The bytes of a source as a list of pieces; the source must outlive it.
fn stream_of(source: &Source) -> ScatterList {
    match source {
        Source::Memory(list) => list.clone(),
        // SAFETY: the vector belongs to the operation, which keeps it until it has ended, and nobody writes to it.
        Source::Owned(bytes) => unsafe { ScatterList::new(vec![(bytes.as_ptr().cast_mut(), bytes.len())]) },
    }
}

/// All values, one behind the other.
fn gather(streams: &[ScatterList], total: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(total as usize);
    streams.iter().flat_map(ScatterList::slices).for_each(|part| bytes.extend_from_slice(part));
    debug_assert_eq!(bytes.len() as u64, total, "checked when the update was prepared");
    bytes
}

/// The values of an update that are sent with it: a copy of them when they are short, or where they are.
fn inline_parts(streams: &[ScatterList], total: u64) -> (Vec<u8>, Vec<&[u8]>) {
    if total < APART_BYTES_MIN {
        return (gather(streams, total), Vec::new());
    }
    (Vec::new(), streams.iter().flat_map(ScatterList::slices).collect())
}

/// Cuts an update into parts that are sent one after the other.
fn parts(prepared: Prepared) -> Result<Vec<Prepared>> {
    let mut parts: Vec<Prepared> = Vec::new();
    let mut add = |akey: wire::AkeyUpdate, stream: ScatterList, bytes: u64| match parts.last_mut() {
        Some(part) if part.total + bytes <= TRANSFER_BYTES_MAX => {
            part.akeys.push(akey);
            part.streams.push(stream);
            part.total += bytes;
        }
        _ => parts.push(Prepared { akeys: vec![akey], streams: vec![stream], total: bytes }),
    };
    for (update, stream) in prepared.akeys.into_iter().zip(prepared.streams) {
        let wire::UpdateKind::Array(array) = &update.value else {
            let bytes = stream.total_length().unwrap_or(0);
            add(update, stream, bytes);
            continue;
        };
        let most = TRANSFER_BYTES_MAX / array.record_size;
        if most == 0 {
            fail!(Code::RecordTooBig, "a record may have {TRANSFER_BYTES_MAX} bytes, not {}", array.record_size);
        }
        let mut position = 0;
        for extent in &array.extents {
            let mut start = extent.start();
            while let Some(extent) = Extent::from_bounds(start, extent.end().min(start.saturating_add(most))) {
                let bytes = extent.count() * array.record_size;
                let value = wire::ArrayUpdate { record_size: array.record_size, extents: vec![extent] };
                let value = wire::UpdateKind::Array(value);
                let akey = wire::AkeyUpdate { akey: update.akey.clone(), conditions: 0, value };
                add(akey, stream.slice(position, bytes), bytes);
                position += bytes;
                start = extent.end();
            }
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_updates_are_cut_at_records() {
        let extent = |start, count| Extent::new(start, count).unwrap();
        let record_size = 100 << 20;
        // SAFETY: the memory is only measured.
        let stream = unsafe { ScatterList::new(vec![(std::ptr::dangling_mut(), 700 << 20)]) };
        let array = wire::ArrayUpdate { record_size, extents: vec![extent(0, 3), extent(9, 4)] };
        let akey =
            wire::AkeyUpdate { akey: Key::new(b"a").unwrap(), conditions: 0, value: wire::UpdateKind::Array(array) };
        let single =
            wire::AkeyUpdate { akey: Key::new(b"s").unwrap(), conditions: 0, value: wire::UpdateKind::Single(0) };
        let all = Prepared {
            akeys: vec![akey, single],
            streams: vec![stream, ScatterList::default()],
            total: 7 * record_size,
        };
        let parts = parts(all).unwrap();
        assert!(parts.iter().all(|part| part.total <= TRANSFER_BYTES_MAX));
        assert!(
            parts.iter().all(|part| part.streams.iter().map(|s| s.total_length().unwrap()).sum::<u64>() == part.total)
        );
        assert_eq!(parts.iter().map(|part| part.total).sum::<u64>(), 7 * record_size);
        assert_eq!(parts.iter().map(|part| part.akeys.len()).sum::<usize>(), 5);
    }
}
