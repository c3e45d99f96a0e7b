//! Questions about the ends of keys and extents, and about the newest change.

use crate::check;
use crate::service::ObjectService;
use daos_status::{Code, Result, Status, fail};
use daos_store::{End, KeyChoice, QueryRequest};
use daos_types::{Epoch, Key, KeyKind, TransactionId};
use daos_wire::{QUERY_NEWEST, QueryEpoch, QueryKey, QueryKeyReply, decode, encode};

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
