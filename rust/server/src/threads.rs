//! One thread per target, and the commands that they take. In a simulation the targets are tasks, which nobody else can tell. Beside
//! them, an engine has short-lived threads for what waits outside: connecting, and looking for network interfaces.

use crate::channel::{Receiver, Sender, channel};
use crate::fabric::Fabric;
use crate::replica::ServiceLeadership;
use crate::target::{Measures, SERVICE_TARGET, ServiceCall};
use crate::{
    Capacity, Clocks, EngineIdentity, Machine, Ranks, Sessions, Target, TargetGround, TargetParts, TargetSettings,
};
use daos_env::{Doorbell, Env, Executor, SignalMask, Spawner, WAKE_COST};
use daos_media::{FileMedia, IoEngine};
use daos_pool_service::ClientId;
use daos_rpc::Address;
use daos_status::{Code, Result, Status, fail};
use daos_types::TargetIndex;
use daos_wire::ControlReply;
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread::JoinHandle;

/// What the threads of an engine are started with.
#[derive(Clone)]
pub(crate) struct ThreadSettings {
    pub directory: PathBuf,
    pub targets: u32,
    pub is_new: bool,
    pub env: Env,
    pub settings: TargetSettings,
    pub sessions: Arc<Sessions>,
    pub clocks: Arc<Clocks>,
    /// Known before the targets are told to serve.
    pub ranks: Arc<Ranks>,
    pub capacity: Arc<dyn Capacity>,
    pub identity: EngineIdentity,
    /// Rung with news; its own when there is none.
    pub bell: Option<Arc<Doorbell>>,
}

enum Command {
    /// Serve, now that the engines of the system are known.
    Serve,
    ClientGone(ClientId),
    /// Ask the metadata service; the answer comes as an event of this number.
    Control(u64, ServiceCall),
    /// Tell what was measured.
    Measure,
    /// Forget what handles allow.
    ForgetGrants,
    Stop,
}

enum Event {
    Address(TargetIndex, Address),
    Ready,
    Leadership(ServiceLeadership),
    Answer(u64, Result<Option<ControlReply>>),
    Measured(Measures),
    Ended(TargetIndex, Result<()>),
}

/// What the threads say, and the bell that they ring with it.
#[derive(Clone)]
struct Reporter {
    events: mpsc::Sender<Event>,
    bell: Arc<Doorbell>,
}

impl Reporter {
    fn report(&self, event: Event) {
        // When nobody listens any more, the engine is being given up.
        let _nobody = self.events.send(event);
        self.bell.ring();
    }
}

/// How far the targets have come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// They are starting.
    Starting,
    /// Their addresses are known, and they wait for [`TargetThreads::serve`].
    Bound,
    /// All of them serve requests.
    Ready,
    /// All of them have ended.
    Ended,
}

/// What runs a target.
enum Worker {
    Thread(JoinHandle<()>),
    Task,
}

/// The targets of an engine on their threads. Dropping it ends them.
pub(crate) struct TargetThreads {
    commands: Vec<Sender<Command>>,
    events: mpsc::Receiver<Event>,
    bell: Arc<Doorbell>,
    workers: Vec<Option<Worker>>,
    /// Whose other tasks go on while somebody waits here.
    machine: Option<Rc<dyn Machine>>,
    addresses: Vec<Option<Address>>,
    serving: bool,
    ready: usize,
    failure: Option<Status>,
    answers: Vec<(u64, Result<Option<ControlReply>>)>,
    leadership: Option<ServiceLeadership>,
    measures: Vec<Measures>,
}

impl TargetThreads {
    /// None yet.
    fn new(settings: &ThreadSettings) -> Result<(TargetThreads, Reporter)> {
        let (events, receiver) = mpsc::channel();
        let bell = match &settings.bell {
            Some(bell) => bell.clone(),
            None => Arc::new(Doorbell::new()?),
        };
        let targets = TargetThreads {
            commands: Vec::new(),
            events: receiver,
            bell: bell.clone(),
            workers: Vec::new(),
            machine: None,
            addresses: vec![None; settings.targets as usize],
            serving: false,
            ready: 0,
            failure: None,
            answers: Vec::new(),
            leadership: None,
            measures: Vec::new(),
        };
        Ok((targets, Reporter { events, bell }))
    }

    /// Starts the threads; [`TargetThreads::progress`] tells how far they are.
    pub fn start(settings: &ThreadSettings, fabric: &Fabric) -> Result<TargetThreads> {
        let (mut targets, reporter) = TargetThreads::new(settings)?;
        let _mask = SignalMask::block_all();
        for number in 0..settings.targets {
            let index = TargetIndex(number);
            let (sender, commands) = channel();
            let (reporter, settings, fabric) = (reporter.clone(), settings.clone(), fabric.clone());
            let body = move || {
                let result = catch_unwind(AssertUnwindSafe(|| run(index, settings, &fabric, commands, &reporter)));
                let result = result.unwrap_or_else(|panic| Err(panicked(index, &*panic)));
                reporter.report(Event::Ended(index, result));
            };
            let thread = std::thread::Builder::new().name(format!("daos-target-{number}")).spawn(body);
            let thread = thread.map_err(|error| Status::from(error).while_doing("starting a thread"))?;
            targets.workers.push(Some(Worker::Thread(thread)));
            targets.commands.push(sender);
        }
        Ok(targets)
    }

    /// Starts the targets as tasks.
    pub fn start_simulated(settings: &ThreadSettings, machine: &Rc<dyn Machine>) -> Result<TargetThreads> {
        let (mut targets, reporter) = TargetThreads::new(settings)?;
        targets.machine = Some(machine.clone());
        for number in 0..settings.targets {
            let index = TargetIndex(number);
            let (sender, commands) = channel();
            let (reporter, settings, machine) = (reporter.clone(), settings.clone(), machine.clone());
            let spawner = machine.spawner();
            spawner.clone().spawn(async move {
                let result = match machine.open_target(index) {
                    Ok(ground) => live(index, settings, ground, spawner, commands, reporter.clone()).await,
                    Err(status) => Err(status),
                };
                reporter.report(Event::Ended(index, result));
            });
            targets.workers.push(Some(Worker::Task));
            targets.commands.push(sender);
        }
        Ok(targets)
    }

    /// Becomes readable when there is news for [`TargetThreads::progress`].
    pub fn bell(&self) -> &Doorbell {
        &self.bell
    }

    /// Takes the news of the threads; an error is the first one of a target that could not start or had to end.
    pub fn progress(&mut self) -> Result<Progress> {
        self.bell.clear();
        while let Ok(event) = self.events.try_recv() {
            self.take(event);
        }
        self.state()
    }

    /// Waits for news, for those who have nothing else to wait for.
    pub fn wait(&mut self) -> Result<Progress> {
        if let Ok(event) = self.events.recv() {
            self.take(event);
        }
        self.progress()
    }

    fn state(&self) -> Result<Progress> {
        if self.workers.iter().all(Option::is_none) {
            return self.failure.clone().map_or(Ok(Progress::Ended), Err);
        }
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None if self.ready == self.workers.len() => Ok(Progress::Ready),
            None if !self.serving && self.addresses.iter().all(Option::is_some) => Ok(Progress::Bound),
            None => Ok(Progress::Starting),
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Address(index, address) => {
                self.addresses[index.0 as usize] = Some(address);
            }
            Event::Ready => self.ready += 1,
            Event::Leadership(leadership) => self.leadership = Some(leadership),
            Event::Measured(measures) => self.measures.push(measures),
            Event::Answer(number, answer) => self.answers.push((number, answer)),
            Event::Ended(index, result) => {
                if let Some(Worker::Thread(thread)) = self.workers[index.0 as usize].take() {
                    // Its panics were caught: it only has to leave.
                    let _never_panics = thread.join();
                }
                if let Err(status) = result {
                    daos_env::log!(Error, "engine", "target {} ended: {status}", index.0);
                    self.failure.get_or_insert(status);
                }
            }
        }
    }

    /// Lets the targets serve, now that the engines of the system are known.
    pub fn serve(&mut self) {
        self.serving = true;
        self.commands.iter().for_each(|commands| commands.send(Command::Serve));
    }

    /// Addresses of all targets, once they are known.
    pub fn addresses(&self) -> Vec<Address> {
        self.addresses.iter().flatten().cloned().collect()
    }

    /// Lets the handles of a client that is gone be revoked.
    pub fn client_gone(&self, client: ClientId) {
        if let Some(first) = self.commands.first() {
            first.send(Command::ClientGone(client));
        }
    }

    /// Asks the metadata service; the answer is among [`TargetThreads::take_answers`], with the number.
    pub fn control(&self, number: u64, call: ServiceCall) {
        if let Some(first) = self.commands.first() {
            first.send(Command::Control(number, call));
        }
    }

    /// What the metadata service has answered.
    pub fn take_answers(&mut self) -> Vec<(u64, Result<Option<ControlReply>>)> {
        std::mem::take(&mut self.answers)
    }

    /// Who leads the metadata service, when that has changed.
    pub fn take_leadership(&mut self) -> Option<ServiceLeadership> {
        self.leadership.take()
    }

    /// Asks all targets what they have counted; gives how many were asked.
    pub fn measure(&self) -> usize {
        self.commands.iter().for_each(|commands| commands.send(Command::Measure));
        self.commands.len()
    }

    /// Lets all targets forget what handles allow: they ask anew.
    pub fn forget_grants(&self) {
        self.commands.iter().for_each(|commands| commands.send(Command::ForgetGrants));
    }

    /// What targets have counted.
    pub fn take_measures(&mut self) -> Vec<Measures> {
        std::mem::take(&mut self.measures)
    }

    /// Ends all targets and waits for them.
    pub fn stop(&mut self) -> Result<()> {
        self.commands.iter().for_each(|commands| commands.send(Command::Stop));
        while self.workers.iter().any(Option::is_some) {
            let event = match &self.machine {
                None => self.events.recv().ok(),
                Some(machine) => match self.events.try_recv() {
                    Err(mpsc::TryRecvError::Empty) if machine.let_pass() => continue,
                    event => event.ok(),
                },
            };
            match event {
                Some(event) => self.take(event),
                None => break,
            }
        }
        self.failure.clone().map_or(Ok(()), Err)
    }
}

impl Drop for TargetThreads {
    fn drop(&mut self) {
        // Tasks end with their executor, as a process that is killed does.
        if self.machine.is_none() {
            // Whoever wants to know how they ended calls `stop` before.
            let _ended = self.stop();
        }
    }
}

fn panicked(index: TargetIndex, panic: &(dyn Any + Send)) -> Status {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Status::new(Code::Misc, format!("target {} panicked: {}", index.0, text.unwrap_or("no message")))
}

/// The life of a target's thread.
fn run(
    index: TargetIndex,
    settings: ThreadSettings,
    fabric: &Fabric,
    commands: Receiver<Command>,
    reporter: &Reporter,
) -> Result<()> {
    let executor = Executor::new(settings.env.clock.clone(), WAKE_COST)?;
    let spawner = executor.spawner().clone();
    let folder = settings.directory.join(format!("target-{}", index.0));
    let media = FileMedia::create(&folder, IoEngine::Automatic, &spawner)?;
    let ground: TargetGround = (Rc::new(media), fabric.open(&settings.env, index)?);
    let result = executor.block_on(live(index, settings, ground, spawner, commands, reporter.clone()));
    result.unwrap_or_else(|| Err(Status::new(Code::Misc, format!("target {} was dropped", index.0))))
}

async fn live(
    index: TargetIndex,
    settings: ThreadSettings,
    (media, transport): TargetGround,
    spawner: Spawner,
    commands: Receiver<Command>,
    reporter: Reporter,
) -> Result<()> {
    reporter.report(Event::Address(index, transport.address()));
    match commands.receive().await {
        Some(Command::Serve) => {}
        _ => return Ok(()),
    }
    let parts = TargetParts {
        index,
        env: settings.env,
        spawner: spawner.clone(),
        media,
        transport,
        ranks: settings.ranks,
        settings: settings.settings,
        sessions: settings.sessions,
        clocks: settings.clocks,
        capacity: settings.capacity,
        identity: settings.identity,
        is_new: settings.is_new,
    };
    // A start that takes long, or that waits for a target which failed, ends when told to.
    let Some(target) = unless_stopped(Target::start(parts), &commands).await else { return Ok(()) };
    let target = Rc::new(target?);
    if index == SERVICE_TARGET {
        reporter.report(Event::Leadership(target.leadership()));
        let reporter = reporter.clone();
        target.report_leadership(move |leadership| reporter.report(Event::Leadership(leadership)));
    }
    reporter.report(Event::Ready);
    loop {
        match commands.receive().await {
            Some(Command::ClientGone(client)) => {
                let target = target.clone();
                spawner.spawn(async move { target.client_gone(client).await });
            }
            Some(Command::ForgetGrants) => target.forget_grants(),
            Some(Command::Measure) => reporter.report(Event::Measured(target.measure())),
            Some(Command::Control(number, call)) => {
                let (target, reporter) = (target.clone(), reporter.clone());
                spawner.spawn(async move {
                    let answer = target.control(call).await;
                    reporter.report(Event::Answer(number, answer));
                });
            }
            Some(Command::Serve) => {}
            Some(Command::Stop) | None => return target.stop().await,
        }
    }
}

/// The result of a future, or `None` when the command to stop comes first.
async fn unless_stopped<T>(future: impl Future<Output = T>, commands: &Receiver<Command>) -> Option<T> {
    let mut future = pin!(future);
    let mut stop = pin!(async {
        loop {
            match commands.receive().await {
                Some(Command::Stop) | None => return,
                // Clients come after the start.
                Some(
                    Command::Serve
                    | Command::ClientGone(_)
                    | Command::Control(..)
                    | Command::Measure
                    | Command::ForgetGrants,
                ) => {}
            }
        }
    });
    std::future::poll_fn(|context| {
        if let Poll::Ready(value) = future.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        stop.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// Waits until the targets are ready, or says why they cannot be; `bound` takes their addresses before they serve.
pub(crate) fn wait_until_ready(
    targets: &mut TargetThreads,
    mut bound: impl FnMut(&[Address]) -> Result<()>,
) -> Result<()> {
    loop {
        match targets.wait()? {
            Progress::Ready => return Ok(()),
            Progress::Bound => {
                bound(&targets.addresses())?;
                targets.serve();
            }
            Progress::Starting => {}
            Progress::Ended => fail!(Code::Shutdown, "the engine ended while it was starting"),
        }
    }
}
