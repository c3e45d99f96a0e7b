//! Which targets a pool has, which of them are in use, and which of them its containers use.

use super::*;
use daos_placement::{PoolMap, TargetState};

fn two_of(ranks: &[u32]) -> Vec<(Rank, TargetIndex)> {
    ranks.iter().flat_map(|rank| [0, 1].map(|index| (Rank(*rank), TargetIndex(index)))).collect()
}

fn change(action: PoolTargetsAction, ranks: &[u32], targets: &[u32]) -> PoolTargetsChange {
    let (ranks, targets) = (ranks.iter().map(|rank| Rank(*rank)), targets.iter().map(|index| TargetIndex(*index)));
    let pool = Reference::Label("tank".into());
    PoolTargetsChange { pool, action: action as u8, ranks: ranks.collect(), targets: targets.collect() }
}

/// A pool over ranks 0 to 2, and a handle of it.
fn prepared() -> (Bench, PoolId, HandleId) {
    let mut bench = Bench::default();
    let id = PoolId::from_bytes([1; 16]);
    let request = pool_create(id, "tank", "");
    bench.commit(bench.service.begin_pool_create(&request, two_of(&[0, 1, 2]), &OFFER, &olga())).expect("new pool");
    bench.commit(bench.service.finish_pool_create(id)).expect("pool");
    let handle = bench.connect(id, 1, 2).expect("connects");
    (bench, id, handle)
}

fn act(bench: &mut Bench, request: &PoolTargetsChange) -> Result<PoolTargetsChanged> {
    let decision = bench.service.change_targets(request, &olga(), |rank| rank != Rank(9));
    let changed = bench.commit(decision)?;
    bench.service = bench.restart();
    Ok(changed)
}

fn extend(bench: &mut Bench, ranks: &[u32]) -> Result<PoolTargetsChanged> {
    let request = change(PoolTargetsAction::Extend, ranks, &[]);
    let (id, plan) = bench.service.plan_extension(&request, &olga(), &two_of(&[0, 1, 2, 3, 4]))?;
    let changed = bench.commit(bench.service.extend(id, &plan.targets));
    bench.service = bench.restart();
    changed
}

fn map(bench: &Bench, pool: PoolId) -> PoolMap {
    bench.service.pool_map(pool).expect("ready")
}

fn out_of_use(bench: &Bench, pool: PoolId) -> Vec<u32> {
    let map = map(bench, pool);
    (0..map.target_count()).filter(|at| !map.target(*at).expect("of it").state.is_reachable()).collect()
}

/// What an open of a container tells.
fn placement(
    bench: &mut Bench,
    pool: PoolId,
    pool_handle: HandleId,
    id: ContainerId,
    number: u8,
) -> ContainerPlacement {
    let handle = bench.open(pool, pool_handle, id, number, 1).expect("opens");
    let request = ContainerRequest { pool, container: id, handle };
    bench.service.opened_container(&request).expect("open").placement
}

#[test]
fn targets_that_are_taken_out_stay_out_until_they_are_taken_back() {
    let (mut bench, pool, _) = prepared();
    let changed = act(&mut bench, &change(PoolTargetsAction::Exclude, &[1], &[1])).expect("excluded");
    assert_eq!(changed, PoolTargetsChanged { map_version: 2, targets: 1, containers: 0 });
    assert_eq!(out_of_use(&bench, pool), [3]);
    let again = act(&mut bench, &change(PoolTargetsAction::Exclude, &[1], &[1])).expect("it is out");
    assert_eq!(again, PoolTargetsChanged { map_version: 2, targets: 0, containers: 0 });
    // The engine ends and comes back: what the administrator took out does not.
    bench.commit(bench.service.exclude_from_maps(Rank(1))).expect("lost");
    assert_eq!(out_of_use(&bench, pool), [2, 3]);
    bench.commit(bench.service.return_to_maps(Rank(1))).expect("back");
    bench.service = bench.restart();
    assert_eq!(out_of_use(&bench, pool), [3]);
    let changed = act(&mut bench, &change(PoolTargetsAction::Reintegrate, &[1], &[])).expect("taken back");
    assert_eq!((changed.targets, out_of_use(&bench, pool)), (1, vec![]));
    bench.commit(bench.service.exclude_from_maps(Rank(1))).expect("lost");
    bench.commit(bench.service.return_to_maps(Rank(1))).expect("back");
    assert_eq!(out_of_use(&bench, pool), [], "as any other");
}

#[test]
fn targets_that_are_out_of_use_are_given_up() {
    let (mut bench, pool, _) = prepared();
    act(&mut bench, &change(PoolTargetsAction::Exclude, &[1], &[1])).expect("excluded");
    let state = |bench: &Bench, at: u32| map(bench, pool).target(at).map(|target| target.state);
    assert_eq!(state(&bench, 3), Some(TargetState::Down));
    // Upstream passes over targets that are in use.
    let changed = act(&mut bench, &change(PoolTargetsAction::ExcludeOut, &[0, 1], &[])).expect("one of four is out");
    assert_eq!((changed.map_version, changed.targets), (3, 1));
    assert_eq!((state(&bench, 2), state(&bench, 3)), (Some(TargetState::UpIn), Some(TargetState::DownOut)));
    let again = act(&mut bench, &change(PoolTargetsAction::ExcludeOut, &[0, 1], &[])).expect("it is given up");
    assert_eq!((again.map_version, again.targets), (3, 0));
    act(&mut bench, &change(PoolTargetsAction::Reintegrate, &[1], &[])).expect("taken back");
    assert_eq!(out_of_use(&bench, pool), []);
}

#[test]
fn what_holds_data_cannot_be_drained() {
    let (mut bench, pool, handle) = prepared();
    let old = bench.container(pool, handle, 1, "old").expect("new");
    let sentence = act(&mut bench, &change(PoolTargetsAction::Drain, &[2], &[])).expect_err("old may be there");
    assert_eq!(sentence.code(), Code::Busy);
    assert!(sentence.context().contains("1 containers of pool 'tank'"), "{sentence}");
    assert_eq!(out_of_use(&bench, pool), []);
    let excluded = act(&mut bench, &change(PoolTargetsAction::Exclude, &[2], &[])).expect("out of use");
    assert_eq!((excluded.targets, excluded.containers), (2, 1));
    let new = bench.container(pool, handle, 2, "new").expect("new");
    assert_eq!(placement(&mut bench, pool, handle, old, 11), ContainerPlacement { version: 1, avoided: vec![] });
    assert_eq!(placement(&mut bench, pool, handle, new, 12), ContainerPlacement { version: 2, avoided: vec![(4, 2)] });
    let destroy = ContainerDestroy { pool, handle, container: Reference::Id(old.0), force: true };
    bench.commit(bench.service.begin_container_destroy(&destroy, &olga())).expect("going");
    act(&mut bench, &change(PoolTargetsAction::Drain, &[2], &[])).expect("nobody uses it");
    let states: Vec<TargetState> = map(&bench, pool).targets().map(|target| target.state).collect();
    assert_eq!(states[4..], [TargetState::DownOut; 2]);
    // Whoever avoids it goes on to do so.
    act(&mut bench, &change(PoolTargetsAction::Reintegrate, &[2], &[])).expect("taken back");
    assert_eq!(placement(&mut bench, pool, handle, new, 13).avoided, [(4, 2)]);
    let newest = bench.container(pool, handle, 3, "newest").expect("new");
    assert_eq!(placement(&mut bench, pool, handle, newest, 14).avoided, []);
}

#[test]
fn a_pool_that_grows_leaves_its_containers_where_they_are() {
    let (mut bench, pool, handle) = prepared();
    let old = bench.container(pool, handle, 1, "old").expect("new");
    assert_eq!(extend(&mut bench, &[4, 3]).expect("grows").targets, 4);
    let map = map(&bench, pool);
    assert_eq!((map.version(), map.target_count(), out_of_use(&bench, pool)), (2, 10, vec![]));
    assert_eq!(bench.service.pool_targets(pool), two_of(&[0, 1, 2, 3, 4]));
    let new = bench.container(pool, handle, 2, "new").expect("new");
    let (old, new) = (placement(&mut bench, pool, handle, old, 11), placement(&mut bench, pool, handle, new, 12));
    assert!(!map.is_used_since(old.version, &old.avoided, 6) && map.is_used_since(new.version, &new.avoided, 6));
    assert_eq!(code(extend(&mut bench, &[3])), Code::Exist);
    assert_eq!(code(extend(&mut bench, &[7])), Code::Oog);
    assert_eq!(code(extend(&mut bench, &[])), Code::Inval);
    let changed = act(&mut bench, &change(PoolTargetsAction::Exclude, &[4], &[])).expect("only the new one uses it");
    assert_eq!(changed.containers, 1);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (mut bench, pool, _) = prepared();
    use PoolTargetsAction::{Drain, Exclude, Extend, Reintegrate};
    for (request, expected) in [
        (change(Exclude, &[], &[]), Code::Inval),
        (change(Exclude, &[7], &[]), Code::Nonexist),
        (change(Exclude, &[1], &[2]), Code::BadTarget),
        (change(Exclude, &[0, 1, 2], &[]), Code::Inval),
        (change(Drain, &[0, 1, 2], &[0, 1]), Code::Inval),
        (change(Reintegrate, &[9], &[]), Code::Nonexist),
        (change(Extend, &[1], &[]), Code::Proto),
        (PoolTargetsChange { action: 0, ..change(Exclude, &[1], &[]) }, Code::Proto),
        (PoolTargetsChange { pool: Reference::Label("none".into()), ..change(Exclude, &[1], &[]) }, Code::Nonexist),
    ] {
        assert_eq!(code(act(&mut bench, &request)), expected, "{request:?}");
    }
    let stranger = bench.service.change_targets(&change(Exclude, &[1], &[]), &user("ann", false), |_| true);
    assert_eq!(code(stranger), Code::NoPerm);
    let absent = bench.service.change_targets(&change(Reintegrate, &[1], &[]), &olga(), |_| false);
    assert_eq!(code(absent), Code::Oog);
    assert_eq!(map(&bench, pool).version(), 1);
}

#[test]
fn containers_are_made_without_the_few_that_are_absent() {
    let (mut bench, pool, handle) = prepared();
    let mut make = |number: u8, absent: &[Rank]| {
        let properties = Properties { label: String::new(), kind: 0, numbers: vec![], texts: vec![] };
        let id = ContainerId::from_bytes([number; 16]);
        let request = container_create(pool, handle, id, properties);
        bench.commit(bench.service.create_container(&request, &olga(), 5, absent)).expect("new");
        placement(&mut bench, pool, handle, id, number).avoided
    };
    assert_eq!(make(101, &[Rank(1)]), [(2, 2)]);
    assert_eq!(make(102, &[Rank(1), Rank(8)]), [(2, 2)], "the pool is not on rank 8");
    assert_eq!(make(103, &[Rank(1), Rank(2)]), [], "most of the pool is starting");
}

#[test]
fn ranks_of_a_new_pool_are_spread() {
    let (bench, ..) = prepared();
    let ranks = |numbers: &[u32]| numbers.iter().map(|number| Rank(*number)).collect::<Vec<_>>();
    let serving = ranks(&[0, 1, 2, 3, 4]);
    let choose = |named: &[u32], count| bench.service.choose_ranks(&ranks(named), count, &serving);
    assert_eq!(choose(&[], 0), Ok(serving.clone()));
    assert_eq!(choose(&[4, 1, 4], 0), Ok(ranks(&[1, 4])));
    assert_eq!(choose(&[], 2), Ok(ranks(&[3, 4])), "those that no pool is on");
    assert_eq!(choose(&[], 3), Ok(ranks(&[0, 3, 4])));
    assert_eq!(code(choose(&[7], 0)), Code::Oog);
    assert_eq!(code(choose(&[], 6)), Code::Oog);
}
