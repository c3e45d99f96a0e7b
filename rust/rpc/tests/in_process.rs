//! The in-process transport against the conformance suite, and across threads.
#![expect(clippy::unwrap_used, reason = "a panic ends a test")]

use daos_env::{Executor, Spawner, SystemClock};
use daos_rpc::Transport;
use daos_rpc::in_process::InProcessNetwork;
use daos_testkit::transport_suite;
use daos_testkit::transport_suite::{CaseFuture, FabricUnderTest};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

struct InProcess {
    network: InProcessNetwork,
    executor: Executor,
}

impl FabricUnderTest for InProcess {
    fn open(&self) -> Rc<dyn Transport> {
        self.network.open().unwrap()
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
    Rc::new(InProcess { network: InProcessNetwork::new(), executor })
});
