//! The future of a fetch: nothing is waited for when all is in memory and durable.

use super::{Finder, Found};
use crate::change::{Looks, Pause};
use crate::key_order::order_of;
use crate::view::ReadAt;
use crate::{FetchReply, FetchRequest, Store};
use daos_media::Lsn;
use daos_status::{Code, Result, Status, fail};
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
    /// Where its conditions have not come to an end: what is needed to go on.
    looks_on: Option<ReadAt>,
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
        let (store, in_place) = (self.store, self.in_place);
        let mut waiting = Box::pin(async move {
            let rest = store.finish_fetch(&request, rest, in_place);
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
        let refused = |status| Err(Box::new(Rest { found: Err(status), lsn: Lsn(0), looks_on: None }));
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
        let looks_on = self.takes_look(&result).then_some(at);
        Err(Box::new(Rest { found: result.map(|()| mem::replace(found, Found::nothing(&[]))), lsn, looks_on }))
    }

    /// Whether something was refused because it has not looked at everything.
    fn takes_look<T>(&self, result: &Result<T>) -> bool {
        let is_busy = result.as_ref().is_err_and(|status| status.code() == Code::Busy);
        is_busy && matches!(self.pause.take().as_deref(), Some(Pause::Look))
    }

    /// Goes on with the conditions of a fetch, between which and what it finds nothing must have changed that it would see.
    async fn look_on_for(&self, request: &FetchRequest, at: ReadAt, in_place: bool) -> Result<Rest> {
        let order = order_of(request.object.object_type().dkey_kind(), &request.dkey)?;
        let mut looks = Looks::default();
        loop {
            self.look_on_at(&mut looks, request.epoch.0, || vec![(request.container, request.object)]).await;
            if self.is_closed() {
                fail!(Code::Shutdown, "the store was closed");
            }
            let mut found = Found::nothing(&request.akeys);
            let result =
                Finder::new(self, request, &at, in_place).going_on(&mut looks).find(order, &mut found).map(|()| found);
            if self.takes_look(&result) {
                continue;
            }
            return Ok(Rest { found: result, lsn: self.recent.of_words(at.object, at.dkey), looks_on: None });
        }
    }

    async fn finish_fetch(&self, request: &FetchRequest, mut rest: Rest, in_place: bool) -> Result<FetchReply> {
        if let Some(at) = rest.looks_on {
            rest = self.look_on_for(request, at, in_place).await?;
        }
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
