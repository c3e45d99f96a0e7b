//! Every change that there is, sent again: to the service that carried it out, to another one that leads by then and knows the rows
//! alone, and after one that decided it and was lost before the rows were stored. The state changes once, and all answers are the same.

use super::*;
use std::collections::BTreeSet;

/// Two pools, one of them with a container that has an attribute and a snapshot, and handles of all.
struct Prepared {
    pool: PoolId,
    handle: HandleId,
    container: ContainerId,
    open: HandleId,
}

fn prepared() -> (Bench, Prepared) {
    let mut bench = Bench::default();
    let pool = bench.pool("tank");
    bench.pool("other");
    let handle = bench.connect(pool, 1, 2).expect("connects");
    bench.connect(pool, 2, 2).expect("connects");
    let container = bench.container(pool, handle, 3, "home").expect("new");
    let open = bench.open(pool, handle, container, 4, 2).expect("opens");
    let made = Prepared { pool, handle, container, open };
    bench.commit(bench.service.set_attributes(&attributes(&made, "old"))).expect("set");
    let snapshot = SnapshotCreate { request: opened(&made), name: "old".into(), options: 1 };
    bench.commit(bench.service.create_snapshot(&snapshot, SNAPSHOT, 7)).expect("made");
    (bench, made)
}

/// A snapshot that is there.
const SNAPSHOT: Epoch = Epoch(5);

fn opened(made: &Prepared) -> ContainerRequest {
    ContainerRequest { pool: made.pool, container: made.container, handle: made.open }
}

fn attributes(made: &Prepared, name: &str) -> AttributesSet {
    let owner = AttributeOwner::Container((made.pool, made.container));
    AttributesSet { owner, handle: made.open, attributes: vec![(name.to_owned(), Blob(vec![1]))] }
}

/// A decision whose answer is bytes.
fn told<T: Wire>(decision: Result<Decision<T>>) -> Result<Decision<Vec<u8>>> {
    decision.map(|Decision { rows, reply }| Decision { rows, reply: encode(&reply) })
}

/// One whose answer is how many pool handles were closed.
fn closed(decision: Result<Decision<Revoked>>) -> Result<Decision<Vec<u8>>> {
    let Decision { rows, reply } = decision?;
    assert!(!reply.more, "one step is enough for a few");
    Ok(Decision { rows, reply: encode(&reply.pools) })
}

/// What a change is, by the service.
type Change = fn(&PoolService, &Prepared) -> Result<Decision<Vec<u8>>>;

const CHANGES: &[(Opcode, Change)] = &[
    (Opcode::PoolCreate, |service, _| {
        let request = pool_create(PoolId::from_bytes([9; 16]), "new", "");
        told(
            service
                .begin_pool_create(&request, vec![(Rank(0), TargetIndex(0))], &OFFER, &olga())
                .map(|decision| Decision { rows: decision.rows, reply: request.id }),
        )
    }),
    (Opcode::PoolDestroy, |service, made| told(service.begin_pool_destroy(&Reference::Id(made.pool.0), true, &olga()))),
    (Opcode::PoolConnect, |service, made| {
        let (pool, handle) = (Reference::Id(made.pool.0), HandleId::from_bytes([9; 16]));
        let request = PoolConnect { pool, handle, flags: 2, again: false, known: RouteKnown::default() };
        told(service.connect(&request, &olga()))
    }),
    (Opcode::PoolDisconnect, |service, made| {
        closed(service.disconnect(&PoolRequest { pool: made.pool, handle: made.handle }))
    }),
    (Opcode::PoolEvict, |service, made| closed(service.evict(&Reference::Id(made.pool.0), &[], 7, &olga()))),
    (Opcode::PoolSetProperties, |service, made| {
        let request = PoolRequest { pool: made.pool, handle: made.handle };
        told(service.set_pool_properties(&PoolSetProperties { request, numbers: vec![(5, 4)] }, &olga()))
    }),
    (Opcode::PoolManage, |service, made| {
        let (pool, label) = (Reference::Id(made.pool.0), "renamed".to_owned());
        told(service.manage_pool(&PoolManage { pool, label, numbers: vec![(16, 1)] }, &olga()))
    }),
    (Opcode::PoolTargetsChange, |service, made| {
        let (pool, ranks, targets) = (Reference::Id(made.pool.0), vec![Rank(0)], vec![TargetIndex(1)]);
        let request = PoolTargetsChange { pool, action: PoolTargetsAction::Exclude as u8, ranks, targets };
        told(service.change_targets(&request, &olga(), |_| true))
    }),
    // A pool that grows is refused the second time, if it is not known to be the same.
    (Opcode::PoolTargetsChange, |service, made| {
        told(service.extend(made.pool, &vec![(Rank(1), TargetIndex(0)), (Rank(1), TargetIndex(1))]))
    }),
    (Opcode::AccessSet, |service, made| {
        let owner = NewOwner { user: "ann@".into(), group: String::new() };
        let of = AccessOf::Pool(Reference::Id(made.pool.0));
        told(service.set_access(&AccessSet { of, change: AccessChange::Owner(owner) }, &olga()))
    }),
    (Opcode::AttributesSet, |service, made| told(service.set_attributes(&attributes(made, "new")))),
    (Opcode::AttributesDelete, |service, made| {
        let owner = AttributeOwner::Container((made.pool, made.container));
        let names = vec!["old".to_owned()];
        told(service.delete_attributes(&AttributesNamed { owner, handle: made.open, names }))
    }),
    (Opcode::ContainerCreate, |service, made| {
        let properties = Properties { label: "new".into(), kind: 0, numbers: vec![], texts: vec![] };
        let request = container_create(made.pool, made.handle, ContainerId::from_bytes([9; 16]), properties);
        told(service.create_container(&request, &olga(), 7, &[]))
    }),
    (Opcode::ContainerDestroy, |service, made| {
        let container = Reference::Label("home".into());
        let request = ContainerDestroy { pool: made.pool, handle: made.handle, container, force: true };
        told(service.begin_container_destroy(&request, &olga()))
    }),
    (Opcode::ContainerOpen, |service, made| {
        let (container, handle) = (Reference::Label("home".into()), HandleId::from_bytes([9; 16]));
        let (pool, pool_handle) = (made.pool, made.handle);
        let request = ContainerOpen { pool, pool_handle, container, handle, flags: 1, again: false };
        told(service.open_container(&request, &olga(), 7))
    }),
    (Opcode::ContainerClose, |service, made| told(service.close_container(made.pool, made.container, made.open, 7))),
    (Opcode::ContainerSetProperties, |service, made| {
        let request = ContainerRequest { pool: made.pool, container: made.container, handle: made.open };
        let properties = Properties { label: "renamed".into(), kind: 0, numbers: vec![], texts: vec![] };
        told(service.set_container_properties(&ContainerSetProperties { request, properties }, 7))
    }),
    (Opcode::AllocateObjectIds, |service, made| {
        let request = ContainerRequest { pool: made.pool, container: made.container, handle: made.open };
        told(service.allocate_objects(&AllocateObjectIds { request, count: 5 }))
    }),
    (Opcode::SnapshotCreate, |service, made| {
        let request = SnapshotCreate { request: opened(made), name: "new".into(), options: 1 };
        told(service.create_snapshot(&request, Epoch(9), 7))
    }),
    (Opcode::SnapshotDestroy, |service, made| {
        let request = SnapshotDestroy { request: opened(made), first: SNAPSHOT, last: SNAPSHOT };
        told(service.destroy_snapshots(&request, 0))
    }),
    (Opcode::SnapshotMark, |service, made| {
        told(service.mark_snapshot(&SnapshotMark { request: opened(made), epoch: SNAPSHOT, options: 2 }))
    }),
    (Opcode::ContainerRollback, |service, made| {
        told(service.begin_rollback(&ContainerEpoch { request: opened(made), epoch: SNAPSHOT }))
    }),
];

/// What the service does with a change that comes: the answer that is known, or a decision that is remembered.
fn decide(
    service: &PoolService,
    opcode: Opcode,
    attempt: u8,
    change: impl Fn(&PoolService) -> Result<Decision<Vec<u8>>>,
) -> Result<Decision<Result<Vec<u8>>>> {
    let id = RequestId { holder: olga().holder, sequence: 1, answered: 1, attempt };
    if let Some(answer) = service.recall::<Blob>(&id, opcode)? {
        return Ok(Decision { rows: Vec::new(), reply: answer.map(|answer| answer.0) });
    }
    let decided = change(service).map(|Decision { rows, reply }| Decision { rows, reply: Blob(reply) });
    let Decision { rows, reply } = service.remember(&id, opcode, "place", decided)?;
    Ok(Decision { rows, reply: reply.map(|reply| reply.0) })
}

#[test]
fn every_change_has_its_case() {
    let all: BTreeSet<u16> =
        Opcode::ALL.iter().filter(|opcode| opcode.is_change()).map(|opcode| *opcode as u16).collect();
    let here: BTreeSet<u16> = CHANGES.iter().map(|(opcode, _)| *opcode as u16).collect();
    assert_eq!(here, all);
}

#[test]
fn a_change_that_is_sent_again_changes_nothing_more() {
    for (opcode, change) in CHANGES {
        let (mut bench, made) = prepared();
        let before = bench.stored.clone();
        let change = |service: &PoolService| change(service, &made);
        let answer = bench.commit(decide(&bench.service, *opcode, 0, change)).expect("stored");
        let answer = answer.unwrap_or_else(|status| panic!("{opcode:?}: {status}"));
        let after = bench.stored.clone();
        assert_ne!(after, before, "{opcode:?} changes something");
        for attempt in 0..4 {
            // Of two, the second goes to another service, which has read the rows.
            if attempt % 2 == 1 {
                bench.service = bench.restart();
            }
            let again = bench.commit(decide(&bench.service, *opcode, attempt, change)).expect("stored");
            assert_eq!(again.as_ref(), Ok(&answer), "{opcode:?}, attempt {attempt}");
            assert_eq!(bench.stored, after, "{opcode:?}, attempt {attempt}");
        }
    }
}

#[test]
fn a_change_whose_service_was_lost_is_carried_out_by_the_next_one() {
    for (opcode, change) in CHANGES {
        let (bench, made) = prepared();
        let change = |service: &PoolService| change(service, &made);
        // What the same change comes to that nothing happens to.
        let (mut quiet, _) = prepared();
        quiet.commit(decide(&quiet.service, *opcode, 1, change)).expect("stored").expect("carried out");
        // Decided, applied in memory, and never stored: the service that knew of it is gone.
        let mut lost = Bench { service: bench.restart(), stored: bench.stored.clone() };
        let answer = lost.commit(decide(&lost.service, *opcode, 0, change)).expect("stored").expect("carried out");
        let mut next = Bench { service: bench.restart(), stored: bench.stored.clone() };
        for attempt in 1..4 {
            let again = next.commit(decide(&next.service, *opcode, attempt, change)).expect("stored");
            assert_eq!(again.as_ref(), Ok(&answer), "{opcode:?}, attempt {attempt}");
            assert_eq!(next.stored, quiet.stored, "{opcode:?}, attempt {attempt}");
            next.service = next.restart();
        }
    }
}

/// What was refused stays refused, wherever it is asked for again, though it could be done by then.
#[test]
fn a_refusal_that_was_sent_again_is_one_for_ever() {
    let (mut bench, made) = prepared();
    let again = |service: &PoolService| {
        told(service.connect(
            &PoolConnect {
                pool: Reference::Label("other".into()),
                handle: HandleId::from_bytes([9; 16]),
                flags: 4,
                again: false,
                known: RouteKnown::default(),
            },
            &olga(),
        ))
    };
    let other = bench.service.find_pool(&Reference::Label("other".into())).expect("there");
    let held = bench.connect(other, 8, 2).expect("connects");
    let refusal = bench.commit(decide(&bench.service, Opcode::PoolConnect, 1, again)).expect("stored");
    assert_eq!(code(refusal), Code::Busy, "exclusively, and it is open");
    bench.steps(|service| service.disconnect(&PoolRequest { pool: other, handle: held })).expect("closes");
    for attempt in 2..5 {
        let refusal = bench.commit(decide(&bench.service, Opcode::PoolConnect, attempt, again)).expect("stored");
        assert_eq!(code(refusal), Code::Busy);
        bench.service = bench.restart();
    }
    assert!(
        bench
            .service
            .query_handle(&HandleQuery { pool: made.pool, container: made.container, handle: made.open })
            .is_ok()
    );
}

/// A pool that is being created is waited for: to be told so is no refusal, and the same change is made later.
#[test]
fn a_change_that_was_put_off_is_made_when_it_comes_again() {
    let mut bench = Bench::default();
    let id = PoolId::from_bytes([7; 16]);
    let targets = vec![(Rank(0), TargetIndex(0))];
    let begun = bench.service.begin_pool_create(&pool_create(id, "new", ""), targets, &OFFER, &olga());
    bench.commit(begun).expect("begins");
    let connect = |service: &PoolService| {
        let (pool, handle) = (Reference::Label("new".into()), HandleId::from_bytes([9; 16]));
        let request = PoolConnect { pool, handle, flags: 2, again: false, known: RouteKnown::default() };
        told(service.connect(&request, &olga()))
    };
    for attempt in 0..3 {
        let answer = bench.commit(decide(&bench.service, Opcode::PoolConnect, attempt, connect)).expect("decided");
        assert_eq!(code(answer), Code::Again, "attempt {attempt}");
    }
    bench.commit(bench.service.finish_pool_create(id)).expect("made");
    let answer = bench.commit(decide(&bench.service, Opcode::PoolConnect, 3, connect)).expect("decided");
    assert_eq!(answer, Ok(encode(&id)));
}

/// So is one that is being destroyed: when it is gone, it is not there, or another one has its label.
#[test]
fn connecting_waits_for_the_end_of_a_pool() {
    let mut bench = Bench::default();
    let pool = bench.pool("old");
    bench.commit(bench.service.begin_pool_destroy(&Reference::Id(pool.0), true, &olga())).expect("begins");
    let connect = |service: &PoolService| {
        let (pool, handle) = (Reference::Label("old".into()), HandleId::from_bytes([9; 16]));
        let request = PoolConnect { pool, handle, flags: 2, again: false, known: RouteKnown::default() };
        told(service.connect(&request, &olga()))
    };
    let answer = bench.commit(decide(&bench.service, Opcode::PoolConnect, 0, connect)).expect("decided");
    assert_eq!(code(answer), Code::Again);
    while bench.commit(Ok(bench.service.finish_pool_destroy(pool))).expect("goes") {}
    let answer = bench.commit(decide(&bench.service, Opcode::PoolConnect, 1, connect)).expect("decided");
    assert_eq!(code(answer), Code::Nonexist);
}
