//! The future of a fetch: nothing is waited for when all is in memory and durable.

use super::{Finder, Found};
use crate::key_order::order_of;
use crate::{FetchReply, FetchRequest, Store};
use daos_media::Lsn;
use daos_status::{Code, Result, Status};
use daos_types::TransactionId;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A fetch, given by [`Store::fetch`]. It is carried out when it is first polled, which is a plain function call for what lies in memory and is
/// durable: only what has to wait becomes a state machine, with memory of its own.
#[must_use = "nothing is fetched until this is awaited"]
pub struct Fetch<'a> {
    store: &'a Store,
    transaction: Option<TransactionId>,
    in_place: bool,
    state: State<'a>,
}

enum State<'a> {
    Asked(FetchRequest),
    Waits(Pin<Box<dyn Future<Output = Result<FetchReply>> + 'a>>),
    Taken,
}

/// A fetch that has to wait for something, or has failed.
struct Rest {
    found: Result<Found>,
    /// The commit that must be durable before anybody is told.
    lsn: Lsn,
}

impl<'a> Fetch<'a> {
    #[inline]
    pub(crate) fn new(
        store: &'a Store,
        request: FetchRequest,
        transaction: Option<TransactionId>,
        in_place: bool,
    ) -> Fetch<'a> {
        Fetch { store, transaction, in_place, state: State::Asked(request) }
    }

    /// Waits for what the reply needs, and may not be given without.
    #[cold]
    fn wait(&mut self, rest: Rest, context: &mut Context<'_>) -> Poll<Result<FetchReply>> {
        let State::Asked(request) = mem::replace(&mut self.state, State::Taken) else {
            unreachable!("a fetch begins to wait once");
        };
        let store = self.store;
        let mut waiting = Box::pin(async move {
            let rest = store.finish_fetch(&request, rest);
            store.counted(|statistics| statistics.fetches += 1, rest).await
        });
        let poll = waiting.as_mut().poll(context);
        self.state = State::Waits(waiting);
        poll
    }
}

impl Future for Fetch<'_> {
    type Output = Result<FetchReply>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<FetchReply>> {
        let fetch = &mut *self;
        match &mut fetch.state {
            State::Asked(request) => {
                let mut found = Found::nothing(&request.akeys);
                match fetch.store.fetch_now(request, fetch.transaction, fetch.in_place, &mut found) {
                    Ok(()) => Poll::Ready(Ok(FetchReply { akeys: found.akeys })),
                    Err(rest) => fetch.wait(*rest, context),
                }
            }
            State::Waits(waiting) => waiting.as_mut().poll(context),
            State::Taken => unreachable!("a fetch is taken while it begins to wait, not longer"),
        }
    }
}

impl Store {
    /// Finds what is asked for. Everything else than a reply that can be given at once is a rest.
    fn fetch_now(
        &self,
        request: &FetchRequest,
        transaction: Option<TransactionId>,
        in_place: bool,
        found: &mut Found,
    ) -> Result<(), Box<Rest>> {
        let refused = |status| Err(Box::new(Rest { found: Err(status), lsn: Lsn(0) }));
        if self.is_closed() {
            return refused(Status::new(Code::Shutdown, "the store was closed"));
        }
        let order = match order_of(request.object.object_type().dkey_kind(), &request.dkey) {
            Ok(order) => order,
            Err(status) => return refused(status),
        };
        let at = self.read_at(request, order, transaction);
        self.timestamps.prefetch(at.dkey);
        let result = Finder::new(self, request, &at, in_place).find(order, found);
        let is_durable = self.durable.is_all_durable();
        let lsn = if is_durable { Lsn(0) } else { self.recent.of_words(at.object, at.dkey) };
        if result.is_ok() && found.is_complete() && lsn <= self.durable.durable() {
            self.count(|statistics| {
                statistics.fetches += 1;
                statistics.bytes_read += found.bytes;
            });
            return Ok(());
        }
        Err(Box::new(Rest { found: result.map(|()| mem::replace(found, Found::nothing(&[]))), lsn }))
    }

    async fn finish_fetch(&self, request: &FetchRequest, rest: Rest) -> Result<FetchReply> {
        let found = match rest.found {
            Ok(found) if !found.is_complete() => self.read_values(request, found).await,
            other => other,
        };
        self.wait_for(rest.lsn).await?;
        let found = found?;
        self.count(|statistics| statistics.bytes_read += found.bytes);
        Ok(FetchReply { akeys: found.akeys })
    }
}
