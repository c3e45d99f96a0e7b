//! The transport of two ways against the conformance suite: where both work, and where only the network does.
#![expect(clippy::unwrap_used, reason = "a panic ends a test")]

use daos_env::{Env, Executor, Spawner, SystemClock};
use daos_rpc::in_process::InProcessNetwork;
use daos_rpc::shared_memory::{SharedMemorySettings, SharedMemoryTransport};
use daos_rpc::{CompositeTransport, Transport};
use daos_testkit::transport_suite;
use daos_testkit::transport_suite::{CaseFuture, FabricUnderTest};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

struct Composite {
    shares: bool,
    network: InProcessNetwork,
    executor: Executor,
}

impl Composite {
    fn make(shares: bool) -> Rc<Composite> {
        let executor = Executor::new(Arc::new(SystemClock), Duration::ZERO).unwrap();
        Rc::new(Composite { shares, network: InProcessNetwork::new(), executor })
    }
}

impl FabricUnderTest for Composite {
    fn open(&self) -> Rc<dyn Transport> {
        let settings = SharedMemorySettings { listens: self.shares, ..SharedMemorySettings::default() };
        let shared = SharedMemoryTransport::open(&Env::system(), &settings).unwrap();
        let network = self.network.clone();
        let both = CompositeTransport::new(Some(shared), Box::new(move || Ok(network.open()?))).unwrap();
        both.open_network().unwrap();
        assert_eq!(both.address().alternatives().count(), 2);
        both
    }

    fn spawner(&self) -> Spawner {
        self.executor.spawner().clone()
    }

    fn run(&self, case: CaseFuture) {
        self.executor.block_on(case).unwrap();
    }
}

mod both_ways {
    use super::*;
    transport_suite!(|| Composite::make(true));
}

mod only_the_network {
    use super::*;
    transport_suite!(|| Composite::make(false));
}
