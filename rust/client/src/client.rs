//! The part of a context that its futures see.

use crate::attach::{self, Connection};
use crate::changes::{Change, Changes};
use crate::object::ChangeNames;
use crate::repeat::{WhenBusy, repeat};
use crate::{ClientSettings, EngineLauncher, InsideEngine};
use daos_env::sync::{Budget, Signal};
use daos_env::{Env, Spawner};
use daos_rpc::{ControlNetwork, TcpControl, Traffic, Transport};
use daos_status::{Code, Result, Status};
use daos_types::{Epoch, HolderId, Rank};
use daos_wire::{Opcode, Wire, decode, encode};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::PipeReader;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Object requests of one process that may be under way; more wait in line here instead of being refused by the engine. Half of
/// what an endpoint lets wait, so that there is always room for other calls.
const REQUESTS_IN_FLIGHT_MAX: u64 = 2048;

/// How long the pool service may take to answer before it is asked again.
pub(crate) const SERVICE_TIMEOUT: Duration = Duration::from_secs(15);

/// How often closing a handle is tried when the way to the service breaks, and how long to wait, each time so much longer.
const CLOSES_MAX: u32 = 8;
const CLOSE_DELAY: Duration = Duration::from_millis(4);

/// A request that is encoded already.
struct Encoded(Vec<u8>);

impl Wire for Encoded {
    fn encode(&self, writer: &mut daos_wire::Writer) {
        writer.put(&self.0);
    }

    fn decode(reader: &mut daos_wire::Reader<'_>) -> Result<Self> {
        let left = reader.remaining();
        reader.take(left).map(|bytes| Encoded(bytes.to_vec()))
    }
}

/// Opens an endpoint on a fabric.
pub type OpenTransport = Rc<dyn Fn() -> Result<Rc<dyn Transport>>>;

/// How engines are started and reached.
type Ways = (Arc<dyn EngineLauncher>, Arc<dyn ControlNetwork>, Option<OpenTransport>);

/// For clients that need no local engine.
struct NoLauncher;

impl EngineLauncher for NoLauncher {
    fn launch_process(&self, _directory: &Path) -> Result<PipeReader> {
        Err(Status::new(Code::Notsupported, "a simulated client starts no engine"))
    }

    fn start_inside(&self, _directory: &Path, _env: &Env) -> Result<Box<dyn InsideEngine>> {
        Err(Status::new(Code::Notsupported, "a simulated client starts no engine"))
    }
}

pub(crate) struct ClientInner {
    pub settings: ClientSettings,
    pub env: Env,
    pub spawner: Spawner,
    pub launcher: Arc<dyn EngineLauncher>,
    pub control: Arc<dyn ControlNetwork>,
    /// Opens endpoints in a simulation.
    pub fabric: Option<OpenTransport>,
    pub in_flight: Rc<Budget>,
    pub changes: Rc<Changes>,
    pub change_names: ChangeNames,
    /// Handles that were closed while there was no engine: the next one is told first.
    closes: RefCell<Vec<(Opcode, Vec<u8>)>>,
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
        Client::assemble(settings, env, spawner, (launcher, Arc::new(TcpControl), None))
    }

    /// A client of a system on a simulated network, whose tasks run where the spawner says: a simulation has no [`crate::Context`]. It ends
    /// with [`Client::close`].
    pub fn simulated(
        settings: ClientSettings,
        env: Env,
        spawner: Spawner,
        control: Arc<dyn ControlNetwork>,
        fabric: OpenTransport,
    ) -> Client {
        Client::assemble(settings, env, spawner, (Arc::new(NoLauncher), control, Some(fabric)))
    }

    fn assemble(settings: ClientSettings, env: Env, spawner: Spawner, (launcher, control, fabric): Ways) -> Client {
        let changes = Changes::new(HolderId(env.random.uuid()));
        let change_names = ChangeNames::new(env.random.next_u64());
        Client(Rc::new(ClientInner {
            settings,
            env,
            spawner,
            launcher,
            control,
            fabric,
            in_flight: Budget::new(REQUESTS_IN_FLIGHT_MAX),
            changes,
            change_names,
            closes: RefCell::default(),
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

    /// Messages and bytes that the present connection has sent and received; none before the first call.
    pub fn traffic(&self) -> Option<Traffic> {
        self.live_connection().map(|connection| connection.endpoint().statistics().traffic)
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
        let mut old = self.0.connection.borrow_mut().take();
        if self.0.settings.system.is_none() {
            // A local engine's goes first: the engine, when it runs in this process, holds the directory. That of a system goes
            // when the new one is there: in between, the service must not think that the client is gone.
            drop(old.take());
        }
        let generation = self.0.generation.get() + 1;
        let result = Box::pin(attach::attach(self, generation)).await;
        if let Ok(connection) = &result {
            self.tell_closes(connection).await;
        }
        drop(old);
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

    /// Asks the pool service to close a handle. When there is no engine now, the next one that this client uses is asked, and
    /// the handles of a client that uses none again are closed by the service itself.
    pub(crate) async fn close_handle<Q: Wire>(&self, opcode: Opcode, request: &Q) -> Result<()> {
        let change = self.new_change().await;
        let mut failures = 0;
        loop {
            self.look_at_lease();
            let Some(connection) = self.live_connection() else {
                self.0.closes.borrow_mut().push((opcode, encode(request)));
                return Ok(());
            };
            match self.call_service_at(&connection, opcode, request, Some(&change)).await {
                Err(status) if self.has_lost(&connection, &status) => {}
                // The way there broke, and may be whole again; under its number the change is done once.
                Err(status) if failures < CLOSES_MAX && matches!(status.code(), Code::Unreach | Code::Hg) => {
                    failures += 1;
                    self.0.spawner.sleep(CLOSE_DELAY * failures).await;
                }
                // The service has closed it before: it was evicted, or its time was over while the client was not attached.
                Err(status) if status.code() == Code::NoHdl => return Ok(()),
                result => return result,
            }
        }
    }

    /// Tells a new engine what was closed while there was none.
    async fn tell_closes(&self, connection: &Connection) {
        let closes = std::mem::take(&mut *self.0.closes.borrow_mut());
        for (opcode, request) in closes {
            // Others wait for the connection, some of them with changes.
            let change = self.new_change_at_once();
            let told = self.call_service_at::<_, ()>(connection, opcode, &Encoded(request), Some(&change)).await;
            if let Err(status) = told {
                daos_env::log!(Debug, "client", "a handle that was closed before: {status}");
            }
        }
    }

    /// Whether a connection is lost, or leads to an engine that does not lead: then it is given up.
    pub(crate) fn has_lost(&self, connection: &Connection, status: &Status) -> bool {
        self.look_at_lease();
        if matches!(status.code(), Code::Notleader | Code::Notreplica) {
            connection.abandon();
        }
        connection.is_lost()
    }

    /// Asks the pool service, for what needs no handle.
    pub(crate) async fn call_service<Q: Wire, R: Wire>(&self, opcode: Opcode, request: &Q) -> Result<R> {
        let change = self.number(opcode).await;
        repeat(self, WhenBusy::Fail, async || {
            let connection = self.connection().await?;
            self.call_service_at(&connection, opcode, request, change.as_ref()).await
        })
        .await
    }

    /// Asks the pool service; a change goes with its number.
    pub(crate) async fn call_service_at<Q: Wire, R: Wire>(
        &self,
        connection: &Connection,
        opcode: Opcode,
        request: &Q,
        change: Option<&Change>,
    ) -> Result<R> {
        let body = match change {
            Some(change) => change.encode(request),
            None => encode(request),
        };
        let timeout = self.0.settings.call_timeout.min(SERVICE_TIMEOUT);
        let reply = connection.endpoint().call(connection.service(), opcode as u16, body, timeout).await;
        if let Err(status) = &reply
            && status.code() == Code::Timedout
            && self.0.settings.system.is_some()
        {
            // Another engine may lead by now: the access points know.
            connection.abandon();
        }
        decode(&reply?).map_err(|error| error.while_doing(format_args!("reading the reply to {opcode:?}")))
    }

    /// Whether the context was stopped.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.closed.get()
    }

    /// Ends the client of a simulation, and everything under way; one of a [`crate::Context`] ends with that.
    pub fn close(&self) {
        self.0.closed.set(true);
        let connection = self.0.connection.borrow_mut().take();
        if let Some(connection) = connection {
            connection.close();
        }
    }
}
