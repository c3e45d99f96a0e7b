//! Taking away a dkey that names an object, after a look at what it holds, and the object with it.
//!
//! The look and the change are of one moment: nothing is waited for between them. What the look would have to wait for (a value that is not
//! durable yet, say) is waited for, and then it is taken again.

use crate::body::Reply;
use crate::check;
use crate::query::named_object;
use crate::service::ObjectService;
use daos_rpc::{Parts, Request};
use daos_status::{Code, Result, fail};
use daos_store::{Conditions, Operation, PunchRequest, PunchTarget};
use daos_types::{Epoch, ObjectId};
use daos_wire::{Blob, BytesAre, Fetch, FetchReply, FetchThenPunch, FetchThenPunchReply, decode, encode};
use std::future::poll_fn;
use std::pin::pin;

/// How often the look is taken again, since it had to wait for something. Each wait is one for changes that were made before it.
pub(crate) const LOOKS_MAX: u32 = 16;

impl ObjectService {
    pub(crate) async fn fetch_then_punch(&self, body: &[u8], request: &Request) -> Result<Vec<u8>> {
        let asked: FetchThenPunch = decode(body)?;
        let (object, container) = (asked.fetch.address.object, asked.fetch.address.container);
        let result = self.look_and_punch(&asked, request).await;
        result.map(|reply| encode(&reply)).map_err(|status| {
            status.while_doing(format_args!("punch of a name in object {object} in container {container}"))
        })
    }

    async fn look_and_punch(&self, asked: &FetchThenPunch, request: &Request) -> Result<FetchThenPunchReply> {
        let fetch = &asked.fetch;
        check_look(fetch)?;
        self.grants.check(&fetch.address, true).await?;
        let store = self.context.store(fetch.address.pool)?;
        let name = check::name(asked.name.clone());
        if let Some(epoch) = store.epoch_made(name).await? {
            let Some(fetched) = self.look_before(fetch, epoch, request).await? else {
                return Ok(FetchThenPunchReply { fetched: forgotten(), punched: Some(epoch), with_object: false });
            };
            let with_object = operations(asked, &fetched, epoch).is_some_and(|operations| operations.len() > 1);
            return Ok(FetchThenPunchReply { fetched, punched: Some(epoch), with_object });
        }
        let mut looks = 0;
        loop {
            let epoch = self.epoch_of_change(&fetch.address, request).await?;
            let (fetched, is_of_this_moment) = at_once(self.look(fetch, request)).await;
            let fetched = fetched?;
            looks += 1;
            if !is_of_this_moment && looks < LOOKS_MAX {
                continue;
            }
            let operations = operations(asked, &fetched, epoch).filter(|_| is_of_this_moment);
            let with_object = operations.as_ref().is_some_and(|operations| operations.len() > 1);
            return Ok(match operations.and_then(|operations| store.apply_now(operations, name)) {
                Some(made) => {
                    made.await?;
                    FetchThenPunchReply { fetched, punched: Some(epoch), with_object }
                }
                None => FetchThenPunchReply { fetched, punched: None, with_object: false },
            });
        }
    }

    /// Reads. What it gives needs nothing of the store any more.
    pub(crate) async fn look(&self, fetch: &Fetch, request: &Request) -> Result<FetchReply> {
        let reply: Reply = self.fetch_checked(fetch, request, None).await?;
        // Before anything is waited for: values may be views of the store.
        decode(&Parts { first: &reply.bytes, rest: &reply.values() }.behind(&[]))
    }

    /// Reads what was there before a change: it lies just below it, unless the container was aggregated since; then nobody knows any more.
    pub(crate) async fn look_before(
        &self,
        fetch: &Fetch,
        change: Epoch,
        request: &Request,
    ) -> Result<Option<FetchReply>> {
        let before = Fetch { epoch: Epoch(change.0.saturating_sub(1)), ..fetch.clone() };
        match self.look(&before, request).await {
            Err(status) if status.code() == Code::EpOld => Ok(None),
            found => found.map(Some),
        }
    }
}

/// What tells that a change was made, and that what was there before it is not known any more.
pub(crate) fn forgotten() -> FetchReply {
    FetchReply { akeys: Vec::new(), inline: Blob::default() }
}

/// What is looked at before a change of the same moment.
pub(crate) fn check_look(fetch: &Fetch) -> Result<()> {
    if !fetch.memory.is_empty() || fetch.epoch != Epoch::MAX {
        fail!(Code::Inval, "what is looked at before a change is the newest, and read into the reply");
    }
    Ok(())
}

/// Waits for something, and tells whether that was ready without waiting: then nothing else has happened meanwhile.
pub(crate) async fn at_once<F: Future>(future: F) -> (F::Output, bool) {
    let mut polls = 0;
    let mut future = pin!(future);
    let output = poll_fn(|context| {
        polls += 1;
        future.as_mut().poll(context)
    });
    (output.await, polls == 1)
}

/// What is to be done, if all is as it must be.
fn operations(asked: &FetchThenPunch, fetched: &FetchReply, epoch: Epoch) -> Option<Vec<Operation>> {
    let has_value = |akey: &u32| fetched.akeys.get(*akey as usize).is_none_or(|akey| akey.size != 0);
    let named = named_object(fetched, asked.at)?;
    if !holds(&asked.only_if, fetched) || asked.without.iter().any(has_value) {
        return None;
    }
    let container = asked.fetch.address.container;
    let punch = |object: ObjectId, what: PunchTarget, conditions: Conditions| {
        Operation::Punch(PunchRequest { container, object, epoch, what, conditions })
    };
    let dkey = PunchTarget::Dkeys(vec![asked.fetch.dkey.clone()]);
    let mut operations = vec![punch(asked.fetch.address.object, dkey, Conditions::PUNCH)];
    let is_that_object = asked.only_object.is_none_or(|only| only == named);
    if is_that_object && asked.object_if.as_ref().is_some_and(|test| holds(test, fetched)) {
        operations.push(punch(named, PunchTarget::Object, Conditions::NONE));
    }
    Some(operations)
}

/// Whether bytes of the first akey are what they must be.
pub(crate) fn holds(test: &BytesAre, fetched: &FetchReply) -> bool {
    let at = test.at as usize;
    let bytes = at.checked_add(4).and_then(|end| fetched.inline.0.get(at..end)).and_then(|bytes| bytes.first_chunk());
    let is_whole = fetched
        .akeys
        .first()
        .and_then(|akey| akey.pieces.first())
        .is_some_and(|piece| piece.state == 0 && piece.extent.count() >= u64::from(test.at) + 4);
    is_whole && bytes.is_some_and(|bytes| u32::from_le_bytes(*bytes) & test.mask == test.value)
}
