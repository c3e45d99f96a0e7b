//! Questions about the ends of keys and extents, and about the newest change.

use crate::check;
use crate::service::ObjectService;
use daos_rpc::{Parts, Request};
use daos_status::{Code, Result, Status, fail};
use daos_store::{End, KeyChoice, QueryRequest};
use daos_types::{Epoch, Key, KeyKind, ObjectId, TransactionId};
use daos_wire::{
    FetchReply, FetchThenQuery, FetchThenQueryReply, ObjectAddress, QUERY_NEWEST, QueryEpoch, QueryKey, QueryKeyReply,
    decode, encode,
};

/// `DAOS_GET_*`.
const MAX: u64 = 1;
const MIN: u64 = 2;
const DKEY: u64 = 4;
const AKEY: u64 = 8;
const EXTENT: u64 = 16;

impl ObjectService {
    pub(crate) async fn query_key(&self, body: &[u8]) -> Result<Vec<u8>> {
        let query: QueryKey = decode(body)?;
        let (object, container) = (query.address.object, query.address.container);
        let result = self.query_key_checked(query, None).await;
        result.map(|reply| encode(&reply)).map_err(|status| {
            status.while_doing(format_args!("query of keys of object {object} in container {container}"))
        })
    }

    /// Finds the greatest or least, as a read of a transaction if one is named.
    pub(crate) async fn query_key_checked(
        &self,
        query: QueryKey,
        transaction: Option<TransactionId>,
    ) -> Result<QueryKeyReply> {
        let question = question_of(&query)?;
        check::key_kinds(query.address.object, query.dkey.as_ref(), query.akey.iter())?;
        self.grants.check(&query.address, false).await?;
        let store = self.context.store(query.address.pool)?;
        let newest = match query.what & QUERY_NEWEST {
            0 => None,
            _ => {
                let newest = store.max_epoch(query.address.container, query.address.object).await?;
                Some(newest.unwrap_or(Epoch::ZERO))
            }
        };
        let found = match store.view_of(transaction).query_key(question).await {
            Err(status) if newest.is_some() && status.code() == Code::Nonexist => {
                return Ok(QueryKeyReply { dkey: None, akey: None, extent: None, newest });
            }
            found => found?,
        };
        let dkey = (query.what & DKEY != 0).then(|| number(&found.dkey)).transpose()?;
        let akey = match found.akey {
            Some(akey) if query.what & AKEY != 0 => Some(number(&akey)?),
            _ => None,
        };
        Ok(QueryKeyReply { dkey, akey, extent: found.extent, newest })
    }

    pub(crate) async fn fetch_then_query(&self, body: &[u8], request: &Request) -> Result<Vec<u8>> {
        let FetchThenQuery { fetch, at, akey } = decode(body)?;
        if !fetch.memory.is_empty() {
            fail!(Code::Inval, "what names an object is read into the reply, not into memory");
        }
        let reply = self.fetch_checked(&fetch, request, None).await.map_err(|status| {
            let (object, container) = (fetch.address.object, fetch.address.container);
            status.while_doing(format_args!("fetch of object {object} in container {container}"))
        })?;
        // Before anything is waited for: values may be views of the store.
        let bytes = Parts { first: &reply.bytes, rest: &reply.values() }.behind(&[]);
        drop(reply);
        let fetched: FetchReply = decode(&bytes)?;
        let found = match named_object(&fetched, at) {
            // Who gets no answer asks where the object is, and hears then what is wrong.
            Some(object) => {
                self.end_and_newest(ObjectAddress { object, ..fetch.address }, fetch.epoch, akey).await.ok()
            }
            None => None,
        };
        Ok(encode(&FetchThenQueryReply { fetched, found }))
    }

    /// The last extent in the greatest dkey, if dkeys are integers, and the newest change.
    async fn end_and_newest(&self, address: ObjectAddress, epoch: Epoch, akey: Key) -> Result<QueryKeyReply> {
        if address.object.object_type().dkey_kind() != KeyKind::Integer {
            let newest = self.context.store(address.pool)?.max_epoch(address.container, address.object).await?;
            return Ok(QueryKeyReply { dkey: None, akey: None, extent: None, newest: newest.or(Some(Epoch::ZERO)) });
        }
        let what = MAX | DKEY | EXTENT | QUERY_NEWEST;
        let query = QueryKey { address, epoch, what, dkey: None, akey: Some(akey) };
        self.query_key_checked(query, None).await
    }

    pub(crate) async fn query_epoch(&self, body: &[u8]) -> Result<Vec<u8>> {
        let QueryEpoch { address } = decode(body)?;
        let newest = async {
            self.grants.check(&address, false).await?;
            self.context.store(address.pool)?.max_epoch(address.container, address.object).await
        };
        newest.await.map(|epoch| encode(&epoch.unwrap_or(Epoch::ZERO))).map_err(|status: Status| {
            let (object, container) = (address.object, address.container);
            status.while_doing(format_args!("query of the newest change of object {object} in container {container}"))
        })
    }
}

/// The object whose identifier stands somewhere in the bytes of the first akey that was read.
pub(crate) fn named_object(fetched: &FetchReply, at: u32) -> Option<ObjectId> {
    let akey = fetched.akeys.first()?;
    let piece = akey.pieces.first().filter(|piece| piece.state == 0)?;
    let at = at as usize;
    let end = at.checked_add(16)?;
    let bytes = fetched.inline.0.get(at..end).filter(|_| akey.size == 1 && piece.extent.count() >= end as u64)?;
    let (lo, hi) = (bytes.first_chunk()?, bytes.last_chunk()?);
    Some(ObjectId { lo: u64::from_le_bytes(*lo), hi: u64::from_le_bytes(*hi) })
}

fn question_of(query: &QueryKey) -> Result<QueryRequest> {
    let asks = |bit: u64| query.what & bit != 0;
    let end = match (asks(MAX), asks(MIN)) {
        (true, false) => End::Max,
        (false, true) => End::Min,
        _ => fail!(Code::Inval, "a query must ask for either the greatest or the least"),
    };
    if query.what & !(MAX | MIN | DKEY | AKEY | EXTENT | QUERY_NEWEST) != 0 || query.what & (DKEY | AKEY | EXTENT) == 0
    {
        fail!(Code::Inval, "a query with flags {:#x} asks for nothing that is known", query.what);
    }
    let kind = query.address.object.object_type();
    let asked_or_given = |bit: u64, kind: KeyKind, given: &Option<Key>, name: &str| match given {
        _ if asks(bit) && kind == KeyKind::Integer => Ok(Some(KeyChoice::Ask)),
        _ if asks(bit) => fail!(Code::Inval, "only integer {name}s have a greatest and a least"),
        Some(key) => Ok(Some(KeyChoice::Given(key.clone()))),
        None => Ok(None),
    };
    let Some(dkey) = asked_or_given(DKEY, kind.dkey_kind(), &query.dkey, "dkey")? else {
        fail!(Code::Inval, "a query must ask for the dkey or give it");
    };
    let akey = asked_or_given(AKEY, kind.akey_kind(), &query.akey, "akey")?;
    if asks(EXTENT) && akey.is_none() {
        fail!(Code::Inval, "a query of extents must ask for the akey or give it");
    }
    let akey = if asks(AKEY) || asks(EXTENT) { akey } else { None };
    let (container, object) = (query.address.container, query.address.object);
    Ok(QueryRequest { container, object, epoch: query.epoch, end, dkey, akey, extent: asks(EXTENT) })
}

fn number(key: &Key) -> Result<u64> {
    match key.to_u64() {
        Some(number) => Ok(number),
        None => fail!(Code::Inval, "an integer key has {} bytes instead of 8", key.len()),
    }
}
