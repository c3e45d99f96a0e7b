//! Everything that there is: engines, clients, what connects them, and the time.

use crate::machine::{ADDRESSES_PER_NODE, NodeClock, SimMachine, node_of};
use daos_client::{Client, ClientSettings, LocalMode, SystemAccess, TransportChoice};
use daos_env::{Clock, Executor, ManualClock, Random, SeededRandom};
use daos_rpc::Transport;
use daos_server::{SmallFiles, SystemEngine, SystemEngineSettings};
use daos_sim::control::SimControl;
use daos_sim::fabric::{Cut, SimFabric, Weather};
use daos_sim::media::SimMedia;
use daos_status::Status;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

/// When simulated time begins, in seconds since 1970.
const START_SECONDS: u64 = 1_700_000_000;
/// The name of the system.
const SYSTEM: &str = "sim";
/// Nodes of clients have numbers from here.
const FIRST_CLIENT: u64 = 100;
/// How long a client's call may take.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// One life of an engine's process.
struct Life {
    executor: Rc<Executor>,
    /// Taken while it works.
    engine: RefCell<Option<Box<SystemEngine>>>,
}

/// A machine with an engine.
pub struct EngineNode {
    pub node: u64,
    pub media: SimMedia,
    pub clock: Arc<NodeClock>,
    files: SmallFiles,
    life: RefCell<Option<Rc<Life>>>,
    lives: Cell<u64>,
    first_address: Cell<u64>,
    /// Its processes stand still until then.
    frozen_until: Cell<Duration>,
    /// Why it ended by itself.
    pub ended: RefCell<Option<Status>>,
}

impl EngineNode {
    /// Whether its machine has power.
    pub fn is_powered(&self) -> bool {
        !self.media.is_off()
    }

    pub fn is_alive(&self) -> bool {
        self.life.borrow().is_some()
    }
}

/// A machine with a client.
pub struct ClientNode {
    pub node: u64,
    pub clock: Arc<NodeClock>,
    pub executor: Executor,
    pub client: Client,
}

/// What a seed decides about the size of everything.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub engines: u64,
    pub replicas: u64,
    pub targets: u32,
    /// The last engine is there only when the others have worked for a while.
    pub has_late_engine: bool,
    /// Pools come and go.
    pub has_pools: bool,
    /// Clients make snapshots.
    pub has_snapshots: bool,
    /// Clients make transactions.
    pub has_transactions: bool,
    /// Clients bring the container that they share back to snapshots.
    pub has_rollbacks: bool,
    /// What is down or cut off stays so for up to a minute, sometimes.
    pub has_long_absences: bool,
}

impl Shape {
    pub fn new(engines: u64, replicas: u64, targets: u32) -> Shape {
        Shape {
            engines,
            replicas,
            targets,
            has_late_engine: false,
            has_pools: false,
            has_snapshots: false,
            has_transactions: false,
            has_rollbacks: false,
            has_long_absences: false,
        }
    }

    /// How many engines are there from the beginning.
    pub fn first_engines(&self) -> u64 {
        self.engines - u64::from(self.has_late_engine)
    }
}

/// What has happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    pub power_cuts: u64,
    pub kills: u64,
    pub stops: u64,
    pub freezes: u64,
    pub cuts: u64,
    pub storms: u64,
    pub jumps: u64,
    pub disk_errors: u64,
    pub full_disks: u64,
    pub drifts: u64,
    pub late_joins: u64,
    pub orders: u64,
    pub exclusions: u64,
    pub client_kills: u64,
    pub snapshots: u64,
    pub snapshot_reads: u64,
    pub rollbacks: u64,
    pub transactions: u64,
    pub transaction_restarts: u64,
    pub operations: u64,
    pub failed: u64,
    pub unknown_checks: u64,
    pub turns: u64,
    pub virtual_seconds: u64,
}

impl Tally {
    /// Adds what another seed has had.
    pub fn add(&mut self, other: &Tally) {
        self.power_cuts += other.power_cuts;
        self.kills += other.kills;
        self.stops += other.stops;
        self.freezes += other.freezes;
        self.cuts += other.cuts;
        self.storms += other.storms;
        self.jumps += other.jumps;
        self.disk_errors += other.disk_errors;
        self.full_disks += other.full_disks;
        self.drifts += other.drifts;
        self.late_joins += other.late_joins;
        self.orders += other.orders;
        self.exclusions += other.exclusions;
        self.client_kills += other.client_kills;
        self.snapshots += other.snapshots;
        self.snapshot_reads += other.snapshot_reads;
        self.rollbacks += other.rollbacks;
        self.transactions += other.transactions;
        self.transaction_restarts += other.transaction_restarts;
        self.operations += other.operations;
        self.failed += other.failed;
        self.unknown_checks += other.unknown_checks;
        self.turns += other.turns;
        self.virtual_seconds += other.virtual_seconds;
    }
}

pub struct World {
    pub shape: Shape,
    pub base: Arc<ManualClock>,
    pub random: SeededRandom,
    pub fabric: SimFabric,
    pub control: SimControl,
    pub tally: RefCell<Tally>,
    engines: Vec<EngineNode>,
    clients: RefCell<BTreeMap<u64, Rc<ClientNode>>>,
    next_client: Cell<u64>,
    own: Weak<World>,
    /// Things that must not be, as they were found.
    pub violations: RefCell<Vec<String>>,
}

impl World {
    pub fn new(seed: u64, shape: Shape) -> Rc<World> {
        let random = SeededRandom::new(seed);
        let base = Arc::new(ManualClock::starting_at(START_SECONDS * 1_000_000_000));
        let fabric = SimFabric::new(random.next_u64(), base.clone());
        let control = SimControl::new(random.next_u64(), base.clone());
        let engines = (0..shape.engines).map(|node| EngineNode {
            node,
            media: SimMedia::new(random.next_u64()),
            clock: NodeClock::new(base.clone()),
            files: SmallFiles::default(),
            life: RefCell::default(),
            lives: Cell::new(0),
            first_address: Cell::new(node * ADDRESSES_PER_NODE),
            frozen_until: Cell::default(),
            ended: RefCell::default(),
        });
        let engines = engines.collect();
        Rc::new_cyclic(|own| World {
            shape,
            base,
            random,
            fabric,
            control,
            tally: RefCell::default(),
            engines,
            clients: RefCell::default(),
            next_client: Cell::new(FIRST_CLIENT),
            own: own.clone(),
            violations: RefCell::default(),
        })
    }

    pub fn now(&self) -> Duration {
        self.base.monotonic()
    }

    pub fn below(&self, bound: u64) -> u64 {
        self.random.next_u64() % bound.max(1)
    }

    pub fn engine(&self, node: u64) -> &EngineNode {
        &self.engines[node as usize]
    }

    pub fn engines(&self) -> &[EngineNode] {
        &self.engines
    }

    pub fn violate(&self, sentence: String) {
        self.violations.borrow_mut().push(sentence);
    }

    /// The control port of an engine.
    pub fn place(node: u64) -> String {
        format!("127.0.0.1:{}", 10001 + node)
    }

    fn replicas(&self) -> Vec<String> {
        (0..self.shape.replicas).map(World::place).collect()
    }

    /// Starts the engine of a machine.
    pub fn start_engine(&self, node: u64) {
        let machine = self.engine(node);
        if machine.is_alive() {
            return;
        }
        let life = machine.lives.get();
        machine.lives.set(life + 1);
        // Every other life comes back at the same addresses.
        if life > 0 && self.below(2) == 0 {
            machine.first_address.set(node * ADDRESSES_PER_NODE + life * 16);
        }
        let executor = Rc::new(Executor::new(machine.clock.clone(), Duration::ZERO).expect("eventfd"));
        let mut settings = SystemEngineSettings::new(format!("/engine-{node}").into());
        settings.system = SYSTEM.to_owned();
        settings.port = 10001 + node as u16;
        settings.replicas = self.replicas();
        settings.targets = Some(self.shape.targets);
        settings.domain = Some(format!("/node-{node}"));
        let parts = SimMachine {
            node,
            env: SimMachine::env_of(machine.clock.clone(), self.random.next_u64()),
            control: self.control.of_node(node),
            files: machine.files.clone(),
            media: machine.media.clone(),
            fabric: self.fabric.clone(),
            spawner: executor.spawner().clone(),
            first_address: machine.first_address.get(),
            world: self.own.clone(),
        };
        match SystemEngine::open_simulated(settings, Rc::new(parts), |_| {}) {
            Ok(engine) => {
                let life = Life { executor, engine: RefCell::new(Some(Box::new(engine))) };
                machine.life.replace(Some(Rc::new(life)));
            }
            Err(status) => drop(machine.ended.replace(Some(status))),
        }
    }

    /// Ends the process of an engine without its doing.
    pub fn kill_engine(&self, node: u64) {
        let machine = self.engine(node);
        let Some(life) = machine.life.take() else { return };
        for index in 0..u64::from(self.shape.targets) {
            let address = SimFabric::address(machine.first_address.get() + index).expect("a number");
            self.fabric.kill(&address).expect("its own scheme");
        }
        World::bury(life);
        machine.media.restart_process();
    }

    /// As the end of a process: first the tasks, then the main thread.
    fn bury(life: Rc<Life>) {
        let engine = life.engine.take();
        // Whoever runs the executor at this moment has it, too; it is not run again.
        drop(life);
        drop(engine);
    }

    /// Cuts the power of a machine: nobody hears of it but by silence.
    pub fn cut_power(&self, node: u64) {
        let machine = self.engine(node);
        self.control.set_silent(node, true);
        let Some(life) = machine.life.take() else { return };
        for index in 0..u64::from(self.shape.targets) {
            let address = SimFabric::address(machine.first_address.get() + index).expect("a number");
            self.fabric.kill(&address).expect("its own scheme");
        }
        World::bury(life);
        machine.media.power_cycle();
    }

    /// Ends an engine in good order.
    pub fn stop_engine(&self, node: u64) {
        let machine = self.engine(node);
        let Some(life) = machine.life.borrow().clone() else { return };
        let Some(mut engine) = life.engine.take() else { return };
        let ended = engine.end();
        life.engine.replace(Some(engine));
        if let Err(status) = ended {
            daos_env::log!(Warn, "sim", "engine {node} did not end in good order: {status}");
        }
        if machine.is_powered() {
            self.kill_engine(node);
        }
    }

    /// Lets a machine's processes stand still for a while.
    pub fn freeze(&self, node: u64, time: Duration) {
        self.engine(node).frozen_until.set(self.now() + time);
    }

    /// A machine is there again.
    pub fn restart(&self, node: u64) {
        self.control.set_silent(node, false);
        self.start_engine(node);
    }

    /// Cuts the network between two sides, or heals it.
    pub fn set_cut(&self, cut: Option<Cut>) {
        self.control.set_cut(cut.clone());
        let of_addresses = cut.map(|cut| -> Cut { Arc::new(move |from, to| cut(node_of(from), node_of(to))) });
        self.fabric.set_cut(of_addresses);
    }

    pub fn set_weather(&self, weather: Weather) {
        self.fabric.set_weather(weather);
    }

    /// A client on a machine of its own.
    pub fn add_client(&self) -> Rc<ClientNode> {
        self.add_patient_client(CALL_TIMEOUT)
    }

    /// As [`World::add_client`], with how long its calls may take.
    pub fn add_patient_client(&self, call_timeout: Duration) -> Rc<ClientNode> {
        let node = self.next_client.get();
        self.next_client.set(node + 1);
        let clock = NodeClock::new(self.base.clone());
        let executor = Executor::new(clock.clone(), Duration::ZERO).expect("eventfd");
        let settings = ClientSettings {
            local_directory: "/".into(),
            local_mode: LocalMode::Process,
            system: Some(SystemAccess { name: SYSTEM.to_owned(), access_points: self.replicas() }),
            transport: TransportChoice::Automatic,
            call_timeout,
        };
        let (fabric, next) = (self.fabric.clone(), Cell::new(node * ADDRESSES_PER_NODE));
        let open = Rc::new(move || {
            next.set(next.get() + 1);
            Ok(fabric.open_at(&SimFabric::address(next.get())?)? as Rc<dyn Transport>)
        });
        let env = SimMachine::env_of(clock.clone(), self.random.next_u64());
        let client = Client::simulated(settings, env, executor.spawner().clone(), self.control.of_node(node), open);
        let client = Rc::new(ClientNode { node, clock, executor, client });
        self.clients.borrow_mut().insert(node, client.clone());
        client
    }

    /// Ends all clients but one: their processes end.
    pub fn end_other_clients(&self, stays: u64) {
        self.clients.borrow_mut().retain(|node, _| *node == stays);
    }

    /// Ends everything, so that nothing holds anything else any more.
    pub fn dissolve(&self) {
        let clients = std::mem::take(&mut *self.clients.borrow_mut());
        for client in clients.values() {
            client.client.close();
        }
        drop(clients);
        for machine in &self.engines {
            self.kill_engine(machine.node);
        }
    }

    /// Lets a client's time pass so many millionths faster.
    pub fn drift_client(&self, node: u64, millionths: i64) {
        if let Some(client) = self.clients.borrow().get(&node) {
            client.clock.set_drift(millionths);
        }
    }

    /// Ends a client without its doing.
    pub fn kill_client(&self, node: u64) {
        self.clients.borrow_mut().remove(&node);
    }

    /// Lets everything happen that can happen now; when that is nothing, and nobody else is busy, moves the time, not beyond that of somebody
    /// else. `false`: nothing ever happens again.
    pub fn turn(&self, is_other_busy: bool, other: Option<Duration>) -> bool {
        let now = self.now();
        self.tally.borrow_mut().turns += 1;
        let arrivals = self.control.take_arrivals();
        let mut busy = is_other_busy || !arrivals.is_empty();
        let mut next = [other, self.fabric.next_event(), self.control.next_event()].into_iter().flatten().min();
        let mut wake = |at: Option<Duration>| {
            next = [next, at].into_iter().flatten().min();
        };
        for machine in &self.engines {
            let Some(life) = machine.life.borrow().clone() else { continue };
            let frozen_until = machine.frozen_until.get();
            if frozen_until > now {
                wake(Some(frozen_until));
                continue;
            }
            busy |= life.executor.run_once();
            let due =
                self.step_engine(machine, &life, arrivals.contains(&machine.node) || frozen_until > Duration::ZERO);
            machine.frozen_until.set(Duration::ZERO);
            if !machine.is_powered() && machine.is_alive() {
                self.tally.borrow_mut().power_cuts += 1;
                self.cut_power(machine.node);
                busy = true;
                continue;
            }
            let due = due.map(|due| machine.clock.base_time(due));
            busy |= due.is_some_and(|due| due <= now);
            wake(due);
            wake(life.executor.next_timer().map(|at| machine.clock.base_time(at)));
        }
        let clients: Vec<Rc<ClientNode>> = self.clients.borrow().values().cloned().collect();
        for client in clients {
            busy |= client.executor.run_once();
            wake(client.executor.next_timer().map(|at| client.clock.base_time(at)));
        }
        if busy {
            return true;
        }
        match next {
            Some(next) => self.base.advance(next.saturating_sub(now)),
            None => return false,
        }
        true
    }

    /// Runs the main thread of an engine, if it has something to do; gives when it is due next.
    fn step_engine(&self, machine: &EngineNode, life: &Life, is_woken: bool) -> Option<Duration> {
        let mut engine = life.engine.take()?;
        let due = engine.next_due();
        let mut result = Ok(());
        if is_woken || engine.has_news() || due.is_some_and(|due| due <= machine.clock.monotonic()) {
            result = engine.step();
        }
        if machine.life.borrow().is_none() {
            // It ended in the midst of this.
            return None;
        }
        let due = engine.next_due();
        let due = if engine.has_news() { Some(Duration::ZERO) } else { due };
        life.engine.replace(Some(engine));
        if let Err(status) = result {
            daos_env::log!(Error, "sim", "engine {} ends: {status}", machine.node);
            if machine.is_powered() {
                machine.ended.replace(Some(status));
                self.kill_engine(machine.node);
            }
        }
        due
    }
}
