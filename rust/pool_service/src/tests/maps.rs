//! Maps of pools.

use super::*;
use daos_placement::{PoolMap, TargetState};

fn states(map: &PoolMap) -> Vec<TargetState> {
    map.targets().map(|target| target.state).collect()
}

/// A rank goes out of the maps of the pools that it is in and no others, and comes back; a restart finds the same.
#[test]
fn ranks_go_out_of_maps_and_come_back() {
    let mut bench = Bench::default();
    let targets = |ranks: &[u32]| -> Vec<(Rank, TargetIndex)> {
        ranks.iter().flat_map(|rank| [0, 1].map(|index| (Rank(*rank), TargetIndex(index)))).collect()
    };
    let mut pools = Vec::new();
    for (label, ranks) in [("all", &[0, 1, 2][..]), ("few", &[0, 2][..])] {
        let id = PoolId::from_bytes([label.len() as u8 + ranks.len() as u8; 16]);
        let request = pool_create(id, label, "");
        bench.commit(bench.service.begin_pool_create(&request, targets(ranks), &OFFER, &olga())).expect("new pool");
        bench.commit(bench.service.finish_pool_create(id)).expect("pool");
        pools.push(id);
    }
    assert_eq!(bench.service.map_versions_of(Rank(1)), [(pools[0], 1)]);
    assert_eq!(bench.commit(bench.service.exclude_from_maps(Rank(1))), Ok(vec![(pools[0], 2)]));
    assert_eq!(bench.commit(bench.service.exclude_from_maps(Rank(1))), Ok(vec![]), "once");
    for service in [&bench.service, &bench.restart()] {
        let map = service.pool_map(pools[0]).expect("ready");
        let (up, down) = (TargetState::UpIn, TargetState::Down);
        assert_eq!((map.version(), states(&map)), (2, vec![up, up, down, down, up, up]));
        assert_eq!(service.pool_map(pools[1]).expect("ready").version(), 1);
        let space = || Space { total: 0, free: 0 };
        let query = service.query_pool(pools[0], None, &olga(), space(), space()).expect("an administrator");
        assert_eq!((query.map_version, query.targets, query.targets_disabled), (2, 6, 2));
    }
    assert_eq!(bench.commit(bench.service.return_to_maps(Rank(1))), Ok(vec![(pools[0], 4)]));
    let map = bench.restart().pool_map(pools[0]).expect("ready");
    assert!(states(&map).iter().all(|state| *state == TargetState::UpIn));
    assert_eq!(bench.commit(bench.service.return_to_maps(Rank(1))), Ok(vec![]), "nothing is out of use");
    assert_eq!(bench.commit(bench.service.return_to_maps(Rank(7))), Ok(vec![]), "no pool is there");
}

/// A rank that joined again and whose return to the maps was not stored is found, also by the next engine that leads; one that was excluded
/// meanwhile does not come back before it has joined.
#[test]
fn a_return_that_got_lost_is_found() {
    let mut bench = Bench::default();
    let entry = |rank: u32| daos_wire::RankEntry {
        rank: Rank(rank),
        engine: daos_types::EngineId::from_bytes([rank as u8 + 1; 16]),
        control: format!("host{rank}:10001"),
        domain: format!("/host{rank}"),
        targets: vec![format!("in-process:{rank}"), format!("in-process:{}", rank + 10)],
        state: RankState::Joined as u8,
    };
    let id = daos_types::SystemId::from_bytes([5; 16]);
    let start = SystemStart { name: "daos".to_owned(), id, token: 9, own: entry(0) };
    bench.commit(bench.service.start_system(&start)).expect("a system");
    let join = daos_wire::Join {
        system: "daos".to_owned(),
        id: Some(id),
        rank: None,
        provider: "in-process".to_owned(),
        entry: entry(1),
        clock: daos_types::Epoch::ZERO,
    };
    bench.commit(bench.service.join(&join)).expect("joins");
    let targets = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(rank, index)| (Rank(rank), TargetIndex(index)));
    let pool = PoolId::from_bytes([7; 16]);
    let request = pool_create(pool, "all", "");
    bench.commit(bench.service.begin_pool_create(&request, targets.to_vec(), &OFFER, &olga())).expect("new pool");
    bench.commit(bench.service.finish_pool_create(pool)).expect("pool");
    assert!(bench.service.ranks_to_return().is_empty(), "all are in use");
    bench.commit(bench.service.set_rank_state(Rank(1), RankState::Excluded)).expect("excluded");
    assert!(bench.service.ranks_to_return().is_empty(), "it is excluded");
    // What was done for it when it served last ends only now.
    assert_eq!(bench.commit(bench.service.return_to_maps(Rank(1))), Ok(vec![]), "it is excluded");
    bench.commit(bench.service.join(&join)).expect("joins again");
    for service in [&bench.service, &bench.restart()] {
        assert_eq!(service.ranks_to_return().into_iter().collect::<Vec<Rank>>(), [Rank(1)]);
    }
    assert_eq!(bench.commit(bench.service.return_to_maps(Rank(1))), Ok(vec![(pool, 4)]));
    assert!(bench.restart().ranks_to_return().is_empty(), "all are in use");
}

/// A pool that was made before there were maps has the one that its list says, and gets a row with its first change.
#[test]
fn pools_without_a_map_have_that_of_their_list() {
    let mut bench = Bench::default();
    let pool = bench.pool("old");
    bench.stored.remove(&RowKey::PoolMap(pool).to_bytes()).expect("it has one");
    bench.service = bench.restart();
    let map = bench.service.pool_map(pool).expect("ready");
    assert_eq!((map.version(), states(&map)), (1, vec![TargetState::UpIn; 2]));
    assert_eq!(bench.commit(bench.service.exclude_from_maps(Rank(0))), Ok(vec![(pool, 2)]));
    assert_eq!(states(&bench.restart().pool_map(pool).expect("ready")), [TargetState::Down; 2]);
}

/// A pool that is destroyed leaves no map.
#[test]
fn maps_go_with_their_pools() {
    let mut bench = Bench::default();
    let pool = bench.pool("gone");
    bench.commit(bench.service.begin_pool_destroy(&Reference::Id(pool.0), false, &olga())).expect("no handles");
    while bench.commit(Ok(bench.service.finish_pool_destroy(pool))).expect("rows") {}
    assert!(!bench.stored.contains_key(&RowKey::PoolMap(pool).to_bytes()));
}
