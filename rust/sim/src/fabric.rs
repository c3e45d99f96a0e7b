//! A simulated fabric: what networks and peers may do, decided by a seed.
//!
//! # Fault model
//! * A message takes a random time within the [`Weather`]'s bounds. Messages from one endpoint to another arrive in their order;
//!   those of different pairs overtake each other.
//! * A message is lost, or arrives twice, with the weather's chances. Of a lost one the sender hears, or not: half and half.
//! * [`SimFabric::part`] cuts the network in two: what goes from one side to the other is lost, and so are transfers.
//! * A killed endpoint ([`SimFabric::kill`]) does nothing any more. What it has sent may still arrive; what is sent to it is lost.
//! * Ending a connection ([`Transport::forget`](daos_rpc::Transport::forget)) loses what its peer has sent on it, and what the one
//!   who ends it has sent, or not: half and half. Transfers stop where they are.
//! * A transfer of remote memory happens in one to three pieces at different times. One that names memory which is not
//!   registered, or not for this, ends the connection, as it does on networks.
//! * Memory that is given back while a peer is in the midst of a transfer on a connection that lasts is a violation: a real fabric
//!   would write into memory of somebody else. See [`SimFabric::violations`].
//!
//! What does not happen: damaged messages (their checksum finds them; tests of endpoints send them), and peers who break
//! the fabric's own protocol.
//!
//! Time is that of a [`ManualClock`], which [`SimFabric::run`] moves from event to event.

mod memory;
mod pairs;
mod transport;
mod world;

pub use transport::SimTransport;
pub use world::Counts;

use daos_env::{Clock, Executor, ManualClock};
use daos_rpc::Address;
use daos_status::{Code, Result, Status};
use std::cell::RefCell;
use std::future::Future;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use world::World;

/// The scheme of addresses of this transport.
pub const SCHEME: &str = "sim";

/// Simulated time that a future may take; a hang with a timer that repeats is one nevertheless.
const TIME_MAX: Duration = Duration::from_secs(24 * 3600);

/// What messages have to expect.
#[derive(Clone, Debug)]
pub struct Weather {
    /// How long a message, or a piece of a transfer, takes.
    pub delay: RangeInclusive<Duration>,
    /// Of a thousand messages or transfers, how many are lost.
    pub loss_per_mille: u64,
    /// Of a thousand messages, how many arrive twice.
    pub doubling_per_mille: u64,
}

impl Default for Weather {
    /// Messages take up to 100 microseconds, and all arrive once.
    fn default() -> Weather {
        Weather {
            delay: Duration::from_micros(1)..=Duration::from_micros(100),
            loss_per_mille: 0,
            doubling_per_mille: 0,
        }
    }
}

/// Whether what goes from one place to another is lost.
pub type Cut = Arc<dyn Fn(u64, u64) -> bool + Send + Sync>;

/// A network whose every choice is decided by a seed; clones are the same network.
#[derive(Clone)]
pub struct SimFabric {
    world: Rc<RefCell<World>>,
    clock: Arc<ManualClock>,
    seed: u64,
}

impl SimFabric {
    /// A network without endpoints, in fair weather.
    pub fn new(seed: u64, clock: Arc<ManualClock>) -> SimFabric {
        SimFabric { world: Rc::new(RefCell::new(World::new(seed, clock.clone()))), clock, seed }
    }

    /// Opens an endpoint at an address that nobody had before.
    ///
    /// # Errors
    /// Never; transports have fallible constructors.
    pub fn open(&self) -> Result<Rc<SimTransport>> {
        let (number, life) = self.world.borrow_mut().open_next();
        SimTransport::new(self.world.clone(), number, life)
    }

    /// Opens an endpoint at a given address, as one that came back after a restart does.
    ///
    /// # Errors
    /// The address is not of this transport, or in use.
    pub fn open_at(&self, address: &Address) -> Result<Rc<SimTransport>> {
        let number = number_of(address)?;
        let life = self.world.borrow_mut().open(number)?;
        SimTransport::new(self.world.clone(), number, life)
    }

    /// Changes the weather for what is sent from now on.
    pub fn set_weather(&self, weather: Weather) {
        self.world.borrow_mut().weather = weather;
    }

    /// Cuts the network in two: these, and all others. Before, it is made whole.
    ///
    /// # Errors
    /// An address is not of this transport.
    pub fn part(&self, side: &[Address]) -> Result<()> {
        let side = side.iter().map(number_of).collect::<Result<_>>()?;
        self.world.borrow_mut().side = Some(side);
        Ok(())
    }

    /// Makes the network whole again.
    pub fn heal(&self) {
        self.world.borrow_mut().side = None;
    }

    /// Loses whatever goes from one endpoint to another when the numbers in their addresses are such; `None` heals it.
    pub fn set_cut(&self, cut: Option<Cut>) {
        self.world.borrow_mut().cut = cut;
    }

    /// The address with a number.
    ///
    /// # Errors
    /// Never.
    pub fn address(number: u64) -> Result<Address> {
        Address::parse(&format!("{SCHEME}://{number}"))
    }

    /// Ends an endpoint without its doing: its process died.
    ///
    /// # Errors
    /// The address is not of this transport.
    pub fn kill(&self, address: &Address) -> Result<()> {
        self.world.borrow_mut().close(number_of(address)?, None);
        Ok(())
    }

    /// When something happens next.
    pub fn next_event(&self) -> Option<Duration> {
        self.world.borrow().next_event()
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        self.world.borrow().counts
    }

    /// Times that memory was given back while a peer was using it; each is a sentence. There must be none.
    pub fn violations(&self) -> Vec<String> {
        self.world.borrow().violations.clone()
    }

    /// A number that is the same for two runs in which the same happened at the same times.
    pub fn fingerprint(&self) -> u64 {
        self.world.borrow().fingerprint
    }

    /// Runs a future to its end, moving the clock whenever nothing is left to do at a moment.
    ///
    /// # Panics
    /// Nothing can happen any more, and the future is not done: the panic names the seed.
    pub fn run<T: 'static>(&self, executor: &Executor, future: impl Future<Output = T> + 'static) -> T {
        let mut handle = Box::pin(executor.spawner().spawn(future));
        let mut context = Context::from_waker(Waker::noop());
        let end = self.clock.monotonic().saturating_add(TIME_MAX);
        loop {
            executor.run_until_stalled();
            if let Poll::Ready(result) = handle.as_mut().poll(&mut context) {
                return result.unwrap_or_else(|| panic!("seed {}: the task was dropped", self.seed));
            }
            let next = [executor.next_timer(), self.next_event()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next < end) else {
                panic!("seed {}: nothing happens any more, and the future is not done", self.seed)
            };
            self.clock.advance(next.saturating_sub(self.clock.monotonic()));
        }
    }
}

/// The number in an address of this transport.
fn number_of(address: &Address) -> Result<u64> {
    let place = address.place(SCHEME)?;
    place.parse().map_err(|_| Status::new(Code::Inval, format!("address {address} does not end in a number")))
}
