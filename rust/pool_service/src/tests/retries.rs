//! Changes that are sent again, late, twice and in another order, with restarts in between: each is done once, and answered
//! the same.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Object identifiers are reserved: doing it twice shows.
fn allocate(bench: &mut Bench, id: &RequestId, request: &AllocateObjectIds) -> Result<u64> {
    if let Some(answer) = bench.service.recall(id, Opcode::AllocateObjectIds)? {
        return answer;
    }
    let decided = bench.service.allocate_objects(request);
    let decision = bench.service.remember(id, Opcode::AllocateObjectIds, "place", decided);
    bench.commit(decision)?
}

fn id(holder: u8, sequence: u64, answered: u64, attempt: u8) -> RequestId {
    RequestId { holder: HolderId::from_bytes([holder; 16]), sequence, answered, attempt }
}

fn prepared() -> (Bench, ContainerRequest) {
    let mut bench = Bench::default();
    let pool = bench.pool("demo");
    let handle = bench.connect(pool, 1, 2).expect("connects");
    let container = bench.container(pool, handle, 3, "c").expect("new");
    let handle = bench.open(pool, handle, container, 9, 2).expect("opens");
    (bench, ContainerRequest { pool, container, handle })
}

#[test]
fn an_answer_is_given_again_until_it_is_known() {
    let (mut bench, request) = prepared();
    let one = AllocateObjectIds { request: request.clone(), count: 1 };
    let first = allocate(&mut bench, &id(1, 1, 0, 0), &one).expect("reserves");
    for attempt in 1..4 {
        bench.service = bench.restart();
        assert_eq!(allocate(&mut bench, &id(1, 1, 0, attempt), &one), Ok(first));
    }
    assert_eq!(allocate(&mut bench, &id(2, 1, 0, 0), &one), Ok(first + 1), "the number of another client");
    assert_eq!(allocate(&mut bench, &id(1, 2, 2, 0), &one), Ok(first + 2));
    bench.service = bench.restart();
    // A copy of the first that was on its way all the time.
    assert_eq!(code(allocate(&mut bench, &id(1, 1, 0, 0), &one)), Code::Stale);
    assert_eq!(bench.kinds().matches('o').count(), 2);
    let other: Result<Option<Result<u64>>> = bench.service.recall(&id(1, 2, 2, 1), Opcode::PoolConnect);
    assert_eq!(code(other), Code::Inval);
    for (sequence, answered, expected) in
        [(0, 0, Code::Inval), (3, 4, Code::Inval), (2 + OPERATIONS_MAX, 2, Code::Busy)]
    {
        assert_eq!(code(allocate(&mut bench, &id(1, sequence, answered, 0), &one)), expected);
    }
    let holder = HolderId::from_bytes([1; 16]);
    bench.steps(|service| Ok(service.close_handles_of(holder))).expect("cut off");
    assert!(!bench.service.has_handles(holder));
    assert_eq!(
        allocate(&mut bench, &id(1, 2, 2, 1), &one),
        Ok(first + 2),
        "answered when it is back, without its handles"
    );
    bench.steps(|service| Ok(service.revoke_holder(holder))).expect("gone");
    assert_eq!(bench.service.holder_place(holder), None);
    assert_eq!(bench.kinds().matches('o').count(), 1);
}

#[test]
fn a_refusal_is_remembered_when_copies_may_be_on_their_way() {
    let (mut bench, request) = prepared();
    let none = AllocateObjectIds { request: request.clone(), count: 0 };
    let one = AllocateObjectIds { request, count: 1 };
    assert_eq!(code(allocate(&mut bench, &id(1, 1, 0, 0), &none)), Code::Inval);
    assert!(!bench.kinds().contains('o'), "sent once: nothing to remember");
    assert_eq!(code(allocate(&mut bench, &id(1, 2, 2, 1), &none)), Code::Inval);
    // What was refused stays refused, though it could be done now.
    assert_eq!(code(allocate(&mut bench, &id(1, 2, 2, 0), &one)), Code::Inval);
    bench.service = bench.restart();
    assert_eq!(code(allocate(&mut bench, &id(1, 2, 2, 0), &one)), Code::Inval);
}

#[test]
fn a_client_has_a_bounded_number_of_answers() {
    let (mut bench, request) = prepared();
    let one = AllocateObjectIds { request, count: 1 };
    for sequence in 1..3 * OPERATIONS_MAX {
        allocate(&mut bench, &id(1, sequence, sequence.saturating_sub(7).max(1), 0), &one).expect("reserves");
    }
    assert!(bench.kinds().matches('o').count() <= 8);
}

/// What happens to the messages of two clients.
#[derive(Clone, Debug)]
enum Event {
    /// A client sends its next change.
    Send(bool),
    /// A message arrives: one of those on their way, which stays on its way when it is doubled.
    Arrive(usize, bool),
    /// The service starts again from its rows.
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => any::<bool>().prop_map(Event::Send),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(which, doubled)| Event::Arrive(which, doubled)),
        1 => Just(Event::Restart),
    ]
}

/// A client of the plain model: one change at a time, sent again and again until an answer comes.
#[derive(Default)]
struct Client {
    sequence: u64,
    attempt: u8,
    waits: bool,
    answers: Vec<u64>,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn changes_are_done_once(events in proptest::collection::vec(event(), 0..300), losses in any::<u64>()) {
        let (mut bench, request) = prepared();
        let one = AllocateObjectIds { request: request.clone(), count: 1 };
        let mut clients = [Client::default(), Client::default()];
        let mut on_their_way: Vec<(usize, RequestId)> = Vec::new();
        let mut given: BTreeMap<(usize, u64), u64> = BTreeMap::new();
        let mut arrivals = 0u32;
        for event in events {
            match event {
                Event::Restart => bench.service = bench.restart(),
                Event::Send(second) => {
                    let (number, client) = (usize::from(second), &mut clients[usize::from(second)]);
                    if client.waits {
                        client.attempt = client.attempt.saturating_add(1);
                    } else {
                        (client.sequence, client.attempt, client.waits) = (client.sequence + 1, 0, true);
                    }
                    let id = id(number as u8, client.sequence, client.sequence, client.attempt);
                    on_their_way.push((number, id));
                }
                Event::Arrive(_, _) if on_their_way.is_empty() => {}
                Event::Arrive(which, doubled) => {
                    let index = which % on_their_way.len();
                    let (number, id) = on_their_way[index].clone();
                    if !doubled {
                        on_their_way.swap_remove(index);
                    }
                    let answer = allocate(&mut bench, &id, &one);
                    arrivals += 1;
                    let is_late = id.sequence < clients[number].sequence || !clients[number].waits;
                    match answer {
                        Ok(value) => {
                            let before = *given.entry((number, id.sequence)).or_insert(value);
                            prop_assert_eq!(before, value, "the same change, the same answer");
                        }
                        Err(status) => {
                            prop_assert_eq!(status.code(), Code::Stale);
                            prop_assert!(is_late, "what waits for an answer gets one");
                        }
                    }
                    let is_lost = losses >> (arrivals % 64) & 1 == 1;
                    if !is_lost && id.sequence == clients[number].sequence && clients[number].waits {
                        clients[number].waits = false;
                        clients[number].answers.push(given[&(number, id.sequence)]);
                    }
                }
            }
        }
        // As many were reserved as changes were done, and nobody got the same one.
        let next = allocate(&mut bench, &super::retries::id(9, 1, 0, 0), &one).expect("reserves");
        let mut all: Vec<u64> = given.values().copied().collect();
        all.sort_unstable();
        prop_assert_eq!(all, (next - given.len() as u64..next).collect::<Vec<_>>());
        for client in &clients {
            prop_assert!(client.answers.is_sorted());
        }
    }
}
