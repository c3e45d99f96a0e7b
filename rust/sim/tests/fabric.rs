//! The simulated fabric against the conformance suite of transports, and calls over it.
#![expect(clippy::unwrap_used, reason = "a panic ends a test")]

use daos_env::{Executor, ManualClock, SeededRandom, Spawner};
use daos_rpc::{Endpoint, EndpointSettings, Transport};
use daos_sim::fabric::SimFabric;
use daos_testkit::transport_suite;
use daos_testkit::transport_suite::{CaseFuture, FabricUnderTest};
use std::cell::Cell;
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

/// A fabric may connect anew under an endpoint and lose replies without a word. While the calls that waited for them were not asked for,
/// others went on, and the peer forgot the lost answers as it gave new ones: the calls failed though their time had hardly begun.
#[test]
fn calls_whose_replies_were_lost_are_asked_for_before_their_answers_are_forgotten() {
    const LATER: u32 = 3000;
    let clock = Arc::new(ManualClock::default());
    let executor = Executor::new(clock.clone(), Duration::ZERO).unwrap();
    for seed in 0..10 {
        let fabric = SimFabric::new(seed, clock.clone());
        let open = |seed| {
            let settings = EndpointSettings::default();
            Endpoint::new(executor.spawner(), &SeededRandom::new(seed), fabric.open().unwrap(), settings)
        };
        let (client, server) = (open(1), open(2));
        let served = Rc::new(Cell::new(0));
        let count = served.clone();
        server.serve(move |request| {
            count.set(count.get() + 1);
            let body = request.body().to_vec();
            request.reply(Ok(body));
        });
        let (spawner, network) = (executor.spawner().clone(), fabric.clone());
        fabric.run(&executor, async move {
            let (address, patience) = (server.address().clone(), Duration::from_secs(60));
            client.call(&address, 1, vec![0], patience).await.unwrap();
            let lost: Vec<_> = (1..16)
                .map(|number| {
                    let (client, address) = (client.clone(), address.clone());
                    spawner.spawn(async move { client.call(&address, 1, vec![number], patience).await })
                })
                .collect();
            let client_number = client.address().as_str().rsplit('/').next().unwrap().parse::<u64>().unwrap();
            network.set_cut(Some(Arc::new(move |_, to| to == client_number)));
            spawner.sleep(Duration::from_millis(10)).await;
            network.set_cut(None);
            for _ in 0..LATER {
                client.call(&address, 1, vec![99], patience).await.unwrap();
            }
            for (number, call) in (1..16).zip(lost) {
                assert_eq!(call.await.unwrap().map(|reply| reply.to_vec()), Ok(vec![number]), "seed {seed}");
            }
            assert_eq!(served.get(), 16 + LATER, "each was carried out once");
        });
    }
}
