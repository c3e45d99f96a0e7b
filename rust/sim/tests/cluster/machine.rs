//! A simulated machine, as an engine sees it, and its clock.

use crate::world::World;
use daos_env::{Clock, Env, ManualClock, SeededRandom, Spawner};
use daos_media::Media;
use daos_pool_service::SpaceOffer;
use daos_rpc::{ControlNetwork, Transport};
use daos_server::{Capacity, Machine, SmallFiles, TargetGround};
use daos_sim::fabric::SimFabric;
use daos_sim::media::SimMedia;
use daos_status::Result;
use daos_types::TargetIndex;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Numbers in addresses that one node may use.
pub const ADDRESSES_PER_NODE: u64 = 1 << 20;

/// What a clock's rate is told in.
const MILLION: u64 = 1_000_000;

/// The node of an address.
pub fn node_of(number: u64) -> u64 {
    number / ADDRESSES_PER_NODE
}

/// A node's clock: time may pass a little faster or slower than elsewhere, and the calendar may be wrong, and jump.
pub struct NodeClock {
    base: Arc<ManualClock>,
    skew: AtomicI64,
    drift: Mutex<Drift>,
}

/// How a node's time follows from that of the world.
#[derive(Clone, Copy, Default)]
struct Drift {
    /// So many millionths faster.
    millionths: i64,
    /// Since this time of the world, when it was this time here.
    since: Duration,
    own: Duration,
}

impl Drift {
    fn rate(&self) -> u128 {
        u128::from(MILLION.saturating_add_signed(self.millionths))
    }

    fn own_time(&self, base: Duration) -> Duration {
        let passed = base.saturating_sub(self.since).as_nanos();
        self.own + nanoseconds(passed * self.rate() / u128::from(MILLION))
    }

    /// The first time of the world at which it is this time here.
    fn base_time(&self, own: Duration) -> Duration {
        let wanted = own.saturating_sub(self.own).as_nanos();
        self.since + nanoseconds((wanted * u128::from(MILLION)).div_ceil(self.rate()))
    }
}

fn nanoseconds(count: u128) -> Duration {
    Duration::from_nanos(u64::try_from(count).unwrap_or(u64::MAX))
}

impl NodeClock {
    pub fn new(base: Arc<ManualClock>) -> Arc<NodeClock> {
        Arc::new(NodeClock { base, skew: AtomicI64::new(0), drift: Mutex::default() })
    }

    fn drift(&self) -> MutexGuard<'_, Drift> {
        self.drift.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on its time passes so many millionths faster.
    pub fn set_drift(&self, millionths: i64) {
        let base = self.base.monotonic();
        let mut drift = self.drift();
        *drift = Drift { millionths, since: base, own: drift.own_time(base) };
    }

    /// When it is a time of this clock, by the time of the world.
    pub fn base_time(&self, own: Duration) -> Duration {
        self.drift().base_time(own)
    }

    /// How far its calendar is ahead, in nanoseconds.
    pub fn set_skew(&self, nanoseconds: i64) {
        self.skew.store(nanoseconds, Ordering::Relaxed);
    }
}

impl Clock for NodeClock {
    fn monotonic(&self) -> Duration {
        self.drift().own_time(self.base.monotonic())
    }

    fn wall_nanoseconds(&self) -> u64 {
        let ahead = self.monotonic().as_nanos() as i64 - self.base.monotonic().as_nanos() as i64;
        self.base.wall_nanoseconds().saturating_add_signed(self.skew.load(Ordering::Relaxed) + ahead)
    }
}

struct Plenty;

impl Capacity for Plenty {
    fn offer(&self) -> Result<SpaceOffer> {
        Ok(SpaceOffer { storage: 1 << 40, memory: 1 << 40 })
    }
}

/// The machine of one life of an engine.
pub struct SimMachine {
    pub node: u64,
    pub env: Env,
    pub control: Arc<dyn ControlNetwork>,
    pub files: SmallFiles,
    pub media: SimMedia,
    pub fabric: SimFabric,
    pub spawner: Spawner,
    /// The numbers of its targets' addresses begin here.
    pub first_address: u64,
    pub world: Weak<World>,
}

impl SimMachine {
    /// An environment by this clock.
    pub fn env_of(clock: Arc<NodeClock>, seed: u64) -> Env {
        Env { clock, random: Arc::new(SeededRandom::new(seed)) }
    }
}

impl Machine for SimMachine {
    fn env(&self) -> Env {
        self.env.clone()
    }

    fn control(&self) -> Arc<dyn ControlNetwork> {
        self.control.clone()
    }

    fn files(&self) -> SmallFiles {
        self.files.clone()
    }

    fn capacity(&self) -> Arc<dyn Capacity> {
        Arc::new(Plenty)
    }

    fn spawner(&self) -> Spawner {
        self.spawner.clone()
    }

    fn provider(&self) -> String {
        "sim".to_owned()
    }

    fn open_target(&self, index: TargetIndex) -> Result<TargetGround> {
        let media: Rc<dyn Media> = self.media.folder(&format!("target-{}", index.0))?;
        let address = SimFabric::address(self.first_address + u64::from(index.0))?;
        let transport: Rc<dyn Transport> = self.fabric.open_at(&address)?;
        Ok((media, transport))
    }

    fn let_pass(&self) -> bool {
        match self.world.upgrade() {
            // Its power may be cut in this turn, and is back afterwards; this life is over all the same.
            Some(world) if world.engine(self.node).is_powered() => {
                world.turn(false, None);
                world.engine(self.node).is_alive()
            }
            _ => false,
        }
    }
}
