//! The simulated fabric against the conformance suite of transports.
#![expect(clippy::unwrap_used, reason = "a panic ends a test")]

use daos_env::{Executor, ManualClock, Spawner};
use daos_rpc::Transport;
use daos_sim::fabric::SimFabric;
use daos_testkit::transport_suite;
use daos_testkit::transport_suite::{CaseFuture, FabricUnderTest};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

struct Simulated {
    fabric: SimFabric,
    executor: Executor,
}

impl FabricUnderTest for Simulated {
    fn open(&self) -> Rc<dyn Transport> {
        self.fabric.open().unwrap()
    }

    fn spawner(&self) -> Spawner {
        self.executor.spawner().clone()
    }

    fn run(&self, case: CaseFuture) {
        self.fabric.run(&self.executor, case);
        assert_eq!(self.fabric.violations(), [] as [String; 0]);
    }
}

transport_suite!(|| {
    let clock = Arc::new(ManualClock::default());
    let executor = Executor::new(clock.clone(), Duration::ZERO).unwrap();
    Rc::new(Simulated { fabric: SimFabric::new(42, clock), executor })
});
