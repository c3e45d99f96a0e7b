//! The transport over shared memory against the conformance suite, with and without reading other processes' memory.
#![expect(clippy::unwrap_used, reason = "a panic ends a test")]

use daos_env::{Env, Executor, Spawner, SystemClock};
use daos_rpc::Transport;
use daos_rpc::shared_memory::{SharedMemorySettings, SharedMemoryTransport};
use daos_testkit::transport_suite;
use daos_testkit::transport_suite::{CaseFuture, FabricUnderTest};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

struct SharedMemory {
    settings: SharedMemorySettings,
    executor: Executor,
}

impl SharedMemory {
    fn make(reads_processes: bool) -> Rc<SharedMemory> {
        let executor = Executor::new(Arc::new(SystemClock), Duration::ZERO).unwrap();
        let settings = SharedMemorySettings { reads_processes, ..SharedMemorySettings::default() };
        Rc::new(SharedMemory { settings, executor })
    }
}

impl FabricUnderTest for SharedMemory {
    fn open(&self) -> Rc<dyn Transport> {
        SharedMemoryTransport::open(&Env::system(), &self.settings).unwrap()
    }

    fn spawner(&self) -> Spawner {
        self.executor.spawner().clone()
    }

    fn run(&self, case: CaseFuture) {
        self.executor.block_on(case).unwrap();
    }
}

mod reading_processes {
    use super::*;
    transport_suite!(|| SharedMemory::make(true));
}

mod through_the_ring {
    use super::*;
    transport_suite!(|| SharedMemory::make(false));
}
