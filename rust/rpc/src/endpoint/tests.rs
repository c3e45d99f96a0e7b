//! Frames that nobody should send, with checksums that are right.

use super::*;
use crate::frame::{Head, Kind, encode};
use crate::in_process::InProcessNetwork;
use daos_env::{Executor, ManualClock, SeededRandom};
use proptest::prelude::*;
use std::sync::Arc;

#[derive(Clone, Debug)]
struct Hostile {
    kind: usize,
    opcode: u16,
    /// Chosen among few, so that some are ids of calls under way and of requests under way.
    call: u64,
    status: i32,
    source: usize,
    body: Vec<u8>,
    /// Where the bytes are changed after all, and how.
    damage: Option<(usize, u8)>,
    /// What the handler does with a request: answers, drops, keeps.
    deed: u8,
}

fn hostile() -> impl Strategy<Value = Hostile> {
    let ids = proptest::collection::vec(0u64..8, 0..5);
    let listed = ids.prop_map(|ids| ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>());
    let body = prop_oneof![listed, proptest::collection::vec(any::<u8>(), 0..70)];
    let damage = proptest::option::weighted(0.2, (0usize..100, 1u8..=255));
    (0usize..7, any::<u16>(), 0u64..8, any::<i32>(), 0usize..5, body, damage, 0u8..3).prop_map(
        |(kind, opcode, call, status, source, body, damage, deed)| Hostile {
            kind,
            opcode,
            call,
            status,
            source,
            body,
            damage,
            deed,
        },
    )
}

/// A random source whose numbers begin so that call ids are the small ones of the strategy.
struct Zeros;

impl Random for Zeros {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

fn bytes_of(frame: &Hostile, sources: &[String], meant: Mark) -> Vec<u8> {
    let kinds = &Kind::ALL[..7];
    let head = Head {
        kind: kinds[frame.kind],
        opcode: if frame.kind == 1 { 1 } else { frame.opcode },
        call_id: frame.call,
        session: frame.call << 40,
        status: frame.status,
        is_sent_again: frame.deed == 1,
        is_repeatable: frame.deed == 2,
        token: frame.call,
        behind: frame.call as u32 * 0x1111_1111,
        // Most are for the endpoint that they come to.
        mark: if kinds[frame.kind] == Kind::Request && frame.deed < 2 { meant } else { Mark::NONE },
    };
    let is_memory = frame.body.len().is_multiple_of(2);
    let mut bytes = encode(&head, &sources[frame.source], &frame.body, is_memory);
    if let Some((position, change)) = frame.damage {
        let position = position % bytes.len();
        bytes[position] ^= change;
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn hostile_frames_never_panic_and_leave_nothing(frames in proptest::collection::vec(hostile(), 1..60)) {
        let clock = Arc::new(ManualClock::default());
        let executor = Executor::new(clock.clone(), Duration::ZERO).unwrap();
        let network = InProcessNetwork::new();
        let settings = EndpointSettings { requests_max: 16, peers_max: 4, ..Default::default() };
        let victim = Endpoint::new(executor.spawner(), &Zeros, network.open().unwrap(), settings);
        let silent = Endpoint::new(
            executor.spawner(), &SeededRandom::new(1), network.open().unwrap(), EndpointSettings::default(),
        );
        let kept: Rc<RefCell<Vec<Request>>> = Rc::default();
        let (keep, deeds) = (kept.clone(), frames.clone());
        let turn = Cell::new(0);
        victim.serve(move |request| {
            turn.set(turn.get() + 1);
            match deeds[turn.get() % deeds.len()].deed {
                0 => request.reply(Ok(vec![1; 10])),
                1 => drop(request),
                _ => keep.borrow_mut().push(request),
            }
        });
        let holding: Rc<RefCell<Vec<Request>>> = Rc::default();
        let hold = holding.clone();
        silent.serve(move |request| hold.borrow_mut().push(request));
        let calls: Vec<_> = (0..4)
            .map(|_| {
                let (victim, peer) = (victim.clone(), silent.address().clone());
                executor.spawner().spawn(async move { victim.call(&peer, 1, Vec::new(), Duration::from_secs(9)).await })
            })
            .collect();
        executor.run_until_stalled();
        let sender = network.open().unwrap();
        let sources = [
            victim.address().to_string(),
            silent.address().to_string(),
            sender.address().to_string(),
            "inproc://999".to_owned(),
            "x://\u{e4}".to_owned(),
        ];
        let target = sender.resolve(victim.address()).unwrap();
        for frame in &frames {
            sender.send(target, bytes_of(frame, &sources, victim.address().mark())).unwrap();
            executor.run_until_stalled();
        }
        prop_assert_eq!(victim.statistics().requests, kept.borrow().len());
        kept.take();
        executor.run_until_stalled();
        prop_assert_eq!(victim.statistics().requests, 0);
        // What a hostile peer did not end, the time-out does.
        clock.advance(Duration::from_secs(10));
        executor.run_until_stalled();
        prop_assert_eq!(victim.statistics().outstanding, 0);
        let results = executor.block_on(async move {
            let mut results = Vec::new();
            for call in calls {
                results.push(call.await.unwrap().is_ok());
            }
            results
        });
        prop_assert_eq!(results.unwrap().len(), 4);
        // It is as good as new.
        let (asked, address) = (silent.clone(), victim.address().clone());
        let last = executor.spawner().spawn(async move { asked.call(&address, 2, Vec::new(), Duration::from_secs(1)).await });
        executor.run_until_stalled();
        kept.take();
        let last = executor.block_on(last);
        prop_assert!(last.flatten().is_some());
        holding.take();
        victim.close();
        silent.close();
    }
}

/// Both sides count the same messages, and the one that moves bytes counts them.
#[test]
fn messages_and_bytes_are_counted_once_on_each_side() {
    let clock = Arc::new(ManualClock::default());
    let executor = Executor::new(clock, Duration::ZERO).unwrap();
    let network = InProcessNetwork::new();
    let open = || {
        Endpoint::new(executor.spawner(), &SeededRandom::new(1), network.open().unwrap(), EndpointSettings::default())
    };
    let (server, client) = (open(), open());
    server.serve(|request| {
        let body = request.body().to_vec();
        request.reply(Ok(body));
    });
    let mut memory = vec![7u8; 5000];
    // SAFETY: the memory outlives the exposure, and nothing else uses it meanwhile.
    let exposed = unsafe { client.expose(NonNull::from(&mut memory[..]).cast(), 5000, Access::Read).unwrap() };
    let (caller, puller, address, source) =
        (client.clone(), server.clone(), server.address().clone(), client.address().clone());
    let descriptor = exposed.descriptor();
    let done = executor.block_on(async move {
        caller.call(&address, 1, vec![0; 100], Duration::from_secs(1)).await?;
        puller.pull(&source, &descriptor, 0, IoBuffer::zeroed(5000)).await.1
    });
    assert_eq!(done, Some(Ok(())));
    let (served, asked) = (server.statistics().traffic, client.statistics().traffic);
    assert_eq!((served.received_messages, served.sent_messages), (1, 1));
    assert_eq!((asked.sent_messages, asked.received_messages), (1, 1));
    assert_eq!((served.received_bytes, served.sent_bytes), (asked.sent_bytes, asked.received_bytes));
    assert!(served.received_bytes > 100 && served.sent_bytes > 100, "{served:?}");
    assert_eq!((served.transfers, served.pulled_bytes, served.pushed_bytes), (1, 5000, 0));
    assert_eq!((asked.transfers, asked.pulled_bytes), (0, 0));
}
