//! Replicas on one executor, with stores in memory and a link that can be cut.

use super::*;
use crate::store::NewReplica;
use daos_env::sync::join_all;
use daos_env::{Executor, ManualClock, SeededRandom};
use daos_media::{Media, MemoryMedia};
use daos_wire::replicated::Member;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where messages go.
#[derive(Default)]
struct Network {
    replicas: RefCell<Vec<(ReplicaId, Replica)>>,
    cut: RefCell<BTreeSet<ReplicaId>>,
    count: Cell<u64>,
}

struct Wire {
    from: ReplicaId,
    network: Rc<Network>,
    spawner: Spawner,
}

impl Link for Wire {
    fn send(&self, to: ReplicaId, _address: &str, message: Vec<u8>) {
        let (network, from) = (self.network.clone(), self.from);
        network.count.set(network.count.get() + 1);
        self.spawner.spawn(async move {
            let is_cut = network.cut.borrow().contains(&from) || network.cut.borrow().contains(&to);
            let found = network.replicas.borrow().iter().find(|entry| entry.0 == to).map(|entry| entry.1.clone());
            if let Some(replica) = found.filter(|_| !is_cut) {
                // A replica that is stopping takes no messages.
                let _taken = replica.receive(&message);
            }
        });
    }
}

struct World {
    env: Env,
    spawner: Spawner,
    network: Rc<Network>,
    media: Vec<Rc<dyn Media>>,
}

fn id(rank: u32) -> ReplicaId {
    ReplicaId::new(rank, 0)
}

fn members(ranks: &[u32]) -> Membership {
    let member = |rank: &u32| Member { id: id(*rank), address: format!("rank-{rank}"), voter: true };
    Membership { members: ranks.iter().map(member).collect() }
}

fn row(key: &str, value: &str) -> RowChange {
    RowChange { key: key.into(), value: Some(value.into()) }
}

impl World {
    async fn start(&self, rank: u32, is_new: bool) -> Replica {
        let new = NewReplica { id: id(rank), group: 7, founder: (rank == 0).then(|| "rank-0".into()) };
        let (media, env) = (self.media[rank as usize].clone(), self.env.clone());
        let store = match is_new {
            true => ReplicaStore::create(media, env, &self.spawner, u64::MAX, &new).await,
            false => ReplicaStore::open(media, env, &self.spawner, u64::MAX, &new).await,
        };
        let link = Wire { from: id(rank), network: self.network.clone(), spawner: self.spawner.clone() };
        let parts = ReplicaParts {
            env: self.env.clone(),
            spawner: self.spawner.clone(),
            store: store.expect("a store"),
            link: Rc::new(link),
            settings: CoreSettings::default(),
        };
        let replica = Replica::start(parts).await.expect("starts");
        self.network.replicas.borrow_mut().retain(|entry| entry.0 != id(rank));
        self.network.replicas.borrow_mut().push((id(rank), replica.clone()));
        replica
    }

    /// Three members, led by the first.
    async fn three(&self) -> Vec<Replica> {
        let mut replicas = Vec::new();
        for rank in 0..3 {
            replicas.push(self.start(rank, true).await);
        }
        replicas[0].change_members(members(&[0, 1, 2])).await.expect("they join");
        replicas
    }
}

async fn until_leads(replica: &Replica) -> Leadership {
    let mut leadership = replica.leadership();
    while !leadership.leads {
        leadership = replica.leadership_changed(&leadership).await;
    }
    leadership
}

/// Runs a test in simulated time: when nothing is ready, the clock goes on to the next timer.
fn run<F: Future<Output = ()> + 'static>(test: impl FnOnce(Rc<World>) -> F) {
    let clock = Arc::new(ManualClock::starting_at(1));
    let env = Env { clock: clock.clone(), random: Arc::new(SeededRandom::new(3)) };
    let executor = Executor::new(clock.clone(), Duration::ZERO).expect("eventfd");
    let media = (0..4).map(|_| Rc::new(MemoryMedia::new()) as Rc<dyn Media>).collect();
    let world = World { env, spawner: executor.spawner().clone(), network: Rc::default(), media };
    let done = Rc::new(Cell::new(false));
    let is_done = done.clone();
    let test = test(Rc::new(world));
    let _task = executor.spawner().spawn(async move {
        test.await;
        is_done.set(true);
    });
    for _ in 0..1_000_000 {
        executor.run_until_stalled();
        if done.get() {
            return;
        }
        let now = daos_env::Clock::monotonic(&*clock);
        let next = executor.next_timer().expect("somebody waits for time");
        clock.advance(next.saturating_sub(now).max(Duration::from_nanos(1)));
    }
    panic!("the test does not end");
}

#[test]
fn one_replica_leads_at_once_and_keeps_what_it_acknowledged() {
    run(|world| async move {
        let replica = world.start(0, true).await;
        let began = world.env.clock.monotonic();
        let Leadership { term, leads, leader, address } = replica.leadership();
        assert!(leads && leader == Some(id(0)) && address == "rank-0");
        let before = world.network.count.get();
        let proposals = (0..100).map(|number| replica.propose(term, vec![row(&format!("{number:02}"), "x")]));
        let places = join_all(proposals).await.into_iter().collect::<Result<Vec<_>, _>>().expect("stored");
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "in the order of the calls");
        replica.read_barrier(term).await.expect("leads");
        assert_eq!(replica.rows().await.expect("reads").len(), 100);
        assert_eq!((world.env.clock.monotonic(), world.network.count.get()), (began, before), "nobody was waited for");
        let stale = replica.propose(Term(term.0 - 1), vec![row("k", "v")]).await;
        assert!(matches!(stale, Err(ProposalError::NotLeader(_))));
        replica.stop().await.expect("stops");
        let replica = world.start(0, false).await;
        assert!(replica.leadership().term > term);
        assert_eq!(replica.rows().await.expect("reads").len(), 100);
        replica.stop().await.expect("stops");
    });
}

#[test]
fn a_leader_that_is_cut_off_loses_nothing_that_was_acknowledged() {
    run(|world| async move {
        let replicas = world.three().await;
        let term = until_leads(&replicas[0]).await.term;
        replicas[0].propose(term, vec![row("a", "1")]).await.expect("stored");
        world.network.cut.borrow_mut().insert(id(0));
        let lost = replicas[0].propose(term, vec![row("b", "2")]).await;
        assert_eq!(lost, Err(ProposalError::Overtaken), "it stepped down, and cannot know");
        assert!(replicas[0].read_barrier(term).await.is_err());
        let mut next = replicas[1].leadership();
        while next.leader.is_none() || next.leader == Some(id(0)) {
            next = replicas[1].leadership_changed(&next).await;
        }
        let leader = &replicas[next.leader.expect("known").rank() as usize];
        let other = &replicas[3 - next.leader.expect("known").rank() as usize];
        let refused = other.propose(next.term, vec![row("x", "y")]).await.expect_err("does not lead");
        assert_eq!(refused.leader(), next.leader);
        assert_eq!(refused.into_status().code(), Code::Notleader);
        let term = until_leads(leader).await.term;
        assert_eq!(leader.rows().await.expect("reads"), [(b"a".to_vec(), b"1".to_vec())]);
        leader.propose(term, vec![row("c", "3")]).await.expect("stored");
        // Who comes back follows, and disturbs nobody.
        world.network.cut.borrow_mut().clear();
        let mut seen = replicas[0].leadership();
        while seen.leader != Some(leader.id()) {
            seen = replicas[0].leadership_changed(&seen).await;
        }
        assert_eq!(leader.leadership().term, term);
        leader.read_barrier(term).await.expect("still leads");
        for replica in replicas {
            replica.stop().await.expect("stops");
        }
    });
}

#[test]
fn a_stopping_leader_hands_over_and_a_dead_replica_is_replaced() {
    run(|world| async move {
        let replicas = world.three().await;
        let value = "v".repeat(30_000);
        for number in 0..300 {
            let term = replicas[0].leadership().term;
            replicas[0].propose(term, vec![row(&format!("{:02}", number % 20), &value)]).await.expect("stored");
        }
        let began = world.env.clock.monotonic();
        replicas[0].stop().await.expect("stops");
        let took = world.env.clock.monotonic() - began;
        assert!(took < CoreSettings::default().election_timeout, "handed over in {took:?}");
        let mut seen = replicas[1].leadership();
        while seen.leader.is_none() || seen.leader == Some(id(0)) {
            seen = replicas[1].leadership_changed(&seen).await;
        }
        let leader = &replicas[seen.leader.expect("known").rank() as usize];
        until_leads(leader).await;
        // The new one is far behind the log: it gets the rows.
        let joined = world.start(3, true).await;
        leader.change_members(members(&[1, 2, 3])).await.expect("replaced");
        joined.0.changed.wait_until(|| joined.membership() == members(&[1, 2, 3])).await;
        let _handed_over = leader.transfer(Some(id(3))).await;
        until_leads(&joined).await;
        let rows = joined.rows().await.expect("reads");
        assert!(rows.len() == 20 && rows.iter().all(|row| row.1 == value.as_bytes()));
    });
}

#[test]
fn garbage_is_refused() {
    run(|world| async move {
        let replica = world.start(0, true).await;
        for bytes in [&[][..], &[0], &[1], &[9; 100]] {
            assert_eq!(replica.receive(bytes).map_err(|status| status.code()), Err(Code::Proto));
        }
        let term = replica.leadership().term;
        let large = vec![row("k", &"v".repeat(PROPOSAL_BYTES_MAX))];
        let refused = replica.propose(term, large).await.expect_err("too large");
        assert_eq!(refused.into_status().code(), Code::Overflow);
        assert!(replica.change_members(Membership::default()).await.is_err());
        replica.stop().await.expect("stops");
        assert!(replica.propose(term, Vec::new()).await.is_err());
    });
}
