//! The transport over libfabric's `tcp` provider against the conformance suite.
#![expect(clippy::unwrap_used, reason = "a panic ends a test")]

use daos_env::{Env, Executor, Spawner, SystemClock};
use daos_rpc::Transport;
use daos_rpc::libfabric::{FabricSettings, FabricTransport};
use daos_testkit::transport_suite;
use daos_testkit::transport_suite::{CaseFuture, FabricUnderTest};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

struct Fabric {
    executor: Executor,
}

impl FabricUnderTest for Fabric {
    fn open(&self) -> Rc<dyn Transport> {
        FabricTransport::open(&Env::system(), &FabricSettings::default()).unwrap()
    }

    fn spawner(&self) -> Spawner {
        self.executor.spawner().clone()
    }

    fn run(&self, case: CaseFuture) {
        self.executor.block_on(case).unwrap();
    }
}

transport_suite!(|| {
    let executor = Executor::new(Arc::new(SystemClock), Duration::ZERO).unwrap();
    Rc::new(Fabric { executor })
});
