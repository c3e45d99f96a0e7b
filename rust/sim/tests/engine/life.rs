//! One engine from its start to its end, with its clients, on one executor.

use crate::actor::{Actor, MayFail};
use crate::model::Model;
use crate::verify;
use daos_env::sync::join_all;
use daos_env::{Env, Executor, ManualClock, Random, SeededRandom, Spawner};
use daos_media::Media;
use daos_pool_service::SpaceOffer;
use daos_rpc::in_process::InProcessNetwork;
use daos_rpc::{Address, Transport};
use daos_server::{Capacity, Clocks, EngineIdentity, Ranks, Sessions, Target, TargetParts, TargetSettings};
use daos_sim::media::{Fault, SimMedia};
use daos_status::Result;
use daos_testkit::wire_client::WireClient;
use daos_types::TargetIndex;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Clients at a time.
const CLIENTS: u8 = 4;
/// When the clock of a life starts, in seconds: a little later or earlier than that of the last one, as calendars are.
const START_SECONDS: (u64, u64) = (1_700_000_000, 1000);

/// Little more than an empty store takes (2 MiB that it keeps for deletions, and 64 KiB), so that the pool service's
/// metadata is renewed every now and then.
const RENEW_SYSTEM_AT: u64 = (2 << 20) + (112 << 10);

/// How a life is to end.
#[derive(Clone, Copy, Debug)]
pub enum Plan {
    /// By a power cut after so many persist operations of the media in all.
    PowerCut(u64),
    /// By the end of the process after so many rounds, the machine going on.
    Kill(u64),
    /// By a clean stop, once the clients are done.
    Stop,
    /// After a call of a device has failed, so many calls after the beginning.
    Fault(u64, Fault),
    /// At once, after everything was read of media that were damaged.
    Damaged,
    /// After a disk with so many blocks left was full for a while, and then was not any more.
    FullDisk(u64),
}

/// How a life has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    PowerCut,
    Killed,
    Stopped,
}

struct Plenty;

impl Capacity for Plenty {
    fn offer(&self) -> Result<SpaceOffer> {
        Ok(SpaceOffer { storage: 1 << 40, memory: 1 << 40 })
    }
}

pub struct Life {
    media: SimMedia,
    targets: u32,
    seed: u64,
    model: Rc<RefCell<Model>>,
    clock: Arc<ManualClock>,
    executor: Executor,
}

impl Life {
    pub fn new(media: &SimMedia, targets: u32, seed: u64, model: Rc<RefCell<Model>>) -> Life {
        let seconds = START_SECONDS.0 + SeededRandom::new(seed).next_u64() % START_SECONDS.1;
        let clock = Arc::new(ManualClock::starting_at(seconds * 1_000_000_000));
        let executor = Executor::new(clock.clone(), Duration::ZERO).expect("eventfd");
        Life { media: media.clone(), targets, seed, model, clock, executor }
    }

    /// Lives until the plan says, or until the clients are done.
    pub fn run(self, plan: Plan) -> End {
        if let Plan::PowerCut(at) = plan {
            self.media.cut_power_at(at);
        }
        let done = Rc::new(Cell::new(false));
        let (story, told) = (self.story(plan), done.clone());
        self.executor.spawner().spawn(async move {
            story.await;
            told.set(true);
        });
        let mut rounds = 0;
        loop {
            let busy = self.executor.run_once();
            rounds += 1;
            if self.media.is_off() {
                return End::PowerCut;
            }
            if done.get() {
                return End::Stopped;
            }
            if matches!(plan, Plan::Kill(after) if rounds >= after) {
                return End::Killed;
            }
            if !busy {
                let next = self.executor.next_timer().expect("somebody waits for a time, or the engine is stuck");
                self.clock.advance(next.saturating_sub(daos_env::Clock::monotonic(&*self.clock)));
            }
        }
    }

    /// Everything that happens, as one future.
    fn story(&self, plan: Plan) -> impl Future<Output = ()> + 'static {
        let random = Arc::new(SeededRandom::new(self.seed));
        let env = Env { clock: self.clock.clone(), random: random.clone() };
        let (media, spawner, count) = (self.media.clone(), self.executor.spawner().clone(), self.targets);
        let model = self.model.clone();
        async move {
            let damaged = matches!(plan, Plan::Damaged);
            let engine = match Engine::start(env, spawner, &media, count, model).await {
                Ok(engine) => engine,
                // The damage is in what the engine itself cannot do without.
                Err(_) if damaged => return,
                Err(_) if media.is_off() => return dead().await,
                Err(status) => panic!("every engine starts: {status}"),
            };
            engine.verify(damaged).await;
            if damaged {
                return;
            }
            // What was read to begin with was right: from here on, a device may fail.
            match plan {
                Plan::Fault(after, fault) => media.fail_call(media.calls() + 1 + after, fault),
                Plan::FullDisk(blocks) => media.limit_space(Some(media.blocks_used() + blocks)),
                _ => {}
            }
            let may_fail = match plan {
                Plan::Fault(..) => MayFail::Anyhow,
                Plan::FullDisk(_) => MayFail::ForSpace,
                _ => MayFail::Never,
            };
            engine.act(may_fail).await;
            if matches!(plan, Plan::FullDisk(_)) {
                // With space on the disk, the same engine goes on as if nothing had happened.
                media.limit_space(None);
                engine.verify(false).await;
                engine.act(MayFail::Never).await;
            }
            let stopped = join_all(engine.targets.iter().map(Target::stop)).await;
            if media.is_off() {
                dead().await;
            }
            for stopped in stopped {
                assert!(stopped.is_ok() || may_fail == MayFail::Anyhow, "{stopped:?}");
            }
        }
    }
}

/// What happens in a process whose power was cut: nothing any more. Some calls of media still return, with an error that
/// nobody can see in a real one.
pub async fn dead() {
    std::future::pending().await
}

/// An engine that has started.
struct Engine {
    media: SimMedia,
    env: Env,
    spawner: Spawner,
    network: InProcessNetwork,
    sessions: Arc<Sessions>,
    addresses: Vec<Address>,
    targets: Vec<Target>,
    model: Rc<RefCell<Model>>,
}

impl Engine {
    async fn start(
        env: Env,
        spawner: Spawner,
        media: &SimMedia,
        count: u32,
        model: Rc<RefCell<Model>>,
    ) -> Result<Engine> {
        let network = InProcessNetwork::new();
        let sessions = Arc::new(Sessions::new(&*env.random));
        let clocks = Arc::new(Clocks::default());
        let transports: Vec<Rc<dyn Transport>> =
            (0..count).map(|_| network.open().expect("room") as Rc<dyn Transport>).collect();
        let addresses: Vec<Address> = transports.iter().map(|transport| transport.address()).collect();
        let folders = (0..count).map(|index| media.folder(&format!("target-{index}")));
        let folders = folders.collect::<Result<Vec<Rc<dyn Media>>>>()?;
        let ranks = Arc::new(Ranks::alone(&addresses, "sim", "in-process").expect("addresses"));
        let starts = transports.into_iter().zip(folders).enumerate().map(|(index, (transport, folder))| {
            Target::start(TargetParts {
                index: TargetIndex(index as u32),
                env: env.clone(),
                spawner: spawner.clone(),
                media: folder,
                transport,
                ranks: ranks.clone(),
                settings: TargetSettings { renew_system_at: RENEW_SYSTEM_AT, ..TargetSettings::default() },
                sessions: sessions.clone(),
                clocks: clocks.clone(),
                capacity: Arc::new(Plenty),
                identity: EngineIdentity {
                    system: "sim".into(),
                    provider: "in-process".into(),
                    process: 1,
                    is_system: false,
                },
                is_new: !model.borrow().is_in_use,
            })
        });
        let targets = join_all(starts).await.into_iter().collect::<Result<Vec<Target>>>()?;
        model.borrow_mut().is_in_use = true;
        let media = media.clone();
        Ok(Engine { media, env, spawner, network, sessions, addresses, targets, model })
    }

    fn attach(&self) -> (u64, WireClient) {
        let session = self.sessions.admit(&*self.env.random, daos_server::Peer::trusted("sim@"));
        let transport = self.network.open().expect("room");
        (session, WireClient::attach(&self.env, &self.spawner, transport, &self.addresses, session))
    }

    /// A client leaves without a word: what it has open is closed for it.
    async fn detach(&self, session: u64) {
        self.targets[0].client_gone(self.sessions.forget(session)).await;
    }

    async fn verify(&self, damaged: bool) {
        let (session, client) = self.attach();
        let verified = verify::verify(&client, &self.model, damaged).await;
        if verified.is_err() && self.media.is_off() {
            dead().await;
        }
        assert!(verified.is_ok() || damaged, "{verified:?}");
        client.endpoint.close();
        self.detach(session).await;
    }

    async fn act(&self, may_fail: MayFail) {
        let actors = (0..CLIENTS).map(|number| {
            let (session, client) = self.attach();
            let (seed, model) = (self.env.random.next_u64(), self.model.clone());
            let actor = Actor::new(client, number, seed, model, self.media.clone(), may_fail);
            async move {
                actor.act().await;
                self.detach(session).await;
            }
        });
        join_all(actors).await;
    }
}
