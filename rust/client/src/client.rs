//! The part of a context that its futures see.

use crate::attach::{self, Connection};
use crate::repeat::{WhenBusy, WhenLost, repeat};
use crate::{ClientSettings, EngineLauncher};
use daos_env::sync::{Budget, Signal};
use daos_env::{Env, Spawner};
use daos_rpc::Address;
use daos_status::{Code, Result, Status};
use daos_types::{Epoch, Rank};
use daos_wire::{Opcode, Wire, decode, encode};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Object requests of one process that may be under way; more wait in line here instead of being refused by the engine. Half of
/// what an endpoint lets wait, so that there is always room for other calls.
const REQUESTS_IN_FLIGHT_MAX: u64 = 2048;

pub(crate) struct ClientInner {
    pub settings: ClientSettings,
    pub env: Env,
    pub spawner: Spawner,
    pub launcher: Arc<dyn EngineLauncher>,
    pub in_flight: Rc<Budget>,
    connection: RefCell<Option<Rc<Connection>>>,
    generation: Cell<u64>,
    attaching: RefCell<Option<Rc<Attempt>>>,
    closed: Cell<bool>,
    newest_change: Cell<Epoch>,
    /// Ranks that were found lost, and since when.
    pub lost_ranks: RefCell<BTreeMap<Rank, Duration>>,
}

/// An attempt to attach that is under way.
#[derive(Default)]
struct Attempt {
    has_ended: Cell<bool>,
    failure: RefCell<Option<Status>>,
    ended: Signal,
}

/// Ends an attempt for all who wait for it, also when its task is dropped.
struct Attaching<'a> {
    client: &'a Client,
    of: Rc<Attempt>,
}

impl Attaching<'_> {
    fn begin(client: &Client) -> Attaching<'_> {
        let of = Rc::<Attempt>::default();
        *client.0.attaching.borrow_mut() = Some(of.clone());
        Attaching { client, of }
    }
}

impl Drop for Attaching<'_> {
    fn drop(&mut self) {
        self.client.0.attaching.borrow_mut().take();
        self.of.has_ended.set(true);
        self.of.ended.wake_all();
    }
}

/// The client inside its context: given to the closures of [`crate::Context::block_on`]; cheap to clone; stays inside.
#[derive(Clone)]
pub struct Client(pub(crate) Rc<ClientInner>);

impl Client {
    pub(crate) fn new(
        settings: ClientSettings,
        env: Env,
        spawner: Spawner,
        launcher: Arc<dyn EngineLauncher>,
    ) -> Client {
        Client(Rc::new(ClientInner {
            settings,
            env,
            spawner,
            launcher,
            in_flight: Budget::new(REQUESTS_IN_FLIGHT_MAX),
            connection: RefCell::new(None),
            generation: Cell::new(0),
            attaching: RefCell::new(None),
            closed: Cell::new(false),
            newest_change: Cell::new(Epoch::ZERO),
            lost_ranks: RefCell::default(),
        }))
    }

    /// Starts tasks and timers inside the context.
    pub fn spawner(&self) -> &Spawner {
        &self.0.spawner
    }

    /// The newest version that a change made through this context has got; zero before the first. Clocks of engines may be ahead of
    /// the caller's, so it says more about what was written than the caller's clock.
    pub fn newest_change(&self) -> Epoch {
        self.0.newest_change.get()
    }

    pub(crate) fn note_change(&self, epoch: Epoch) {
        self.0.newest_change.set(self.0.newest_change.get().max(epoch));
    }

    /// The clock and the random numbers of the context.
    pub fn env(&self) -> &Env {
        &self.0.env
    }

    /// The connection to the system, made when there is none or the last one was lost. Many callers at once make one, and
    /// when that fails, they all fail.
    pub(crate) async fn connection(&self) -> Result<Rc<Connection>> {
        loop {
            if self.0.closed.get() {
                return Err(Status::new(Code::Uninit, "the client was stopped"));
            }
            if let Some(connection) = self.0.connection.borrow().as_ref().filter(|connection| !connection.is_lost()) {
                return Ok(connection.clone());
            }
            let under_way = self.0.attaching.borrow().clone();
            let Some(attaching) = under_way else { break };
            attaching.ended.wait_until(|| attaching.has_ended.get()).await;
            if let Some(failure) = attaching.failure.borrow().as_ref() {
                return Err(failure.clone());
            }
        }
        let attaching = Attaching::begin(self);
        // The old connection goes first: its engine, when it runs in this process, holds the directory.
        let old = self.0.connection.borrow_mut().take();
        drop(old);
        let generation = self.0.generation.get() + 1;
        let result = Box::pin(attach::attach(self, generation)).await;
        match &result {
            Ok(connection) => {
                self.0.generation.set(generation);
                *self.0.connection.borrow_mut() = Some(connection.clone());
            }
            Err(failure) => *attaching.of.failure.borrow_mut() = Some(failure.clone()),
        }
        drop(attaching);
        result
    }

    /// Finds out whether the engine has ended meanwhile, so that the next call attaches again.
    pub(crate) fn look_at_lease(&self) {
        let connection = self.0.connection.borrow().clone();
        if let Some(connection) = connection {
            connection.look_at_lease();
        }
    }

    /// The connection that there is, if it is not lost.
    pub(crate) fn live_connection(&self) -> Option<Rc<Connection>> {
        self.0.connection.borrow().as_ref().filter(|connection| !connection.is_lost()).cloned()
    }

    /// Asks the pool service to close a handle that was opened, or opened again, on the connection of a generation. An engine
    /// that is gone has closed it.
    pub(crate) async fn close_handle<Q: Wire>(&self, generation: u64, opcode: Opcode, request: &Q) -> Result<()> {
        self.look_at_lease();
        let Some(connection) = self.live_connection().filter(|connection| connection.generation() == generation) else {
            return Ok(());
        };
        let service = connection.service().clone();
        match self.call_at(&connection, &service, opcode, request).await {
            Err(_gone) if connection.is_lost() => Ok(()),
            result => result,
        }
    }

    /// Asks the pool service, for what needs no handle.
    pub(crate) async fn call_service<Q: Wire, R: Wire>(
        &self,
        when_lost: WhenLost,
        opcode: Opcode,
        request: &Q,
    ) -> Result<R> {
        repeat(self, when_lost, WhenBusy::Fail, async || {
            let connection = self.connection().await?;
            self.call_at(&connection, connection.service(), opcode, request).await
        })
        .await
    }

    /// Asks a target.
    pub(crate) async fn call_at<Q: Wire, R: Wire>(
        &self,
        connection: &Connection,
        target: &Address,
        opcode: Opcode,
        request: &Q,
    ) -> Result<R> {
        let timeout = self.0.settings.call_timeout;
        let reply = connection.endpoint().call(target, opcode as u16, encode(request), timeout).await?;
        decode(&reply).map_err(|error| error.while_doing(format_args!("reading the reply to {opcode:?}")))
    }

    /// Whether the context was stopped.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.closed.get()
    }

    pub(crate) fn close(&self) {
        self.0.closed.set(true);
        let connection = self.0.connection.borrow_mut().take();
        if let Some(connection) = connection {
            connection.close();
        }
    }
}
