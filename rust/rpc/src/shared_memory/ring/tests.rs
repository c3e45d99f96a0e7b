use super::*;
use crate::shared_memory::link::Link;
use crate::shared_memory::mapping::Mapping;
use crate::shared_memory::socket::{Incoming, Socket};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;

/// Both ends, each with a mapping of its own, as two processes have them.
fn pair() -> (Link, Link) {
    let (first, file): (Mapping, OwnedFd) = Mapping::create(false).unwrap();
    (Link::new(first, Side::Accepting), Link::new(Mapping::of_peer(&file).unwrap(), Side::Connecting))
}

fn bytes(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(31) ^ seed) as u8).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Take(usize),
    Publish,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let length = prop_oneof![0usize..200, 0..RECORD_BYTES_MAX + 1, Just(RECORD_BYTES_MAX)];
    let step = prop_oneof![
        4 => length.prop_map(Step::Push),
        3 => (1usize..8).prop_map(Step::Take),
        1 => Just(Step::Publish),
    ];
    proptest::collection::vec(step, 1..200)
}

proptest! {
    #[test]
    fn what_goes_in_comes_out_in_its_order(steps in steps()) {
        let (one, other) = pair();
        let mut expected = VecDeque::new();
        for (seed, step) in steps.into_iter().enumerate() {
            match step {
                Step::Push(length) => {
                    let (whole, kind) = (bytes(length, seed), 1 + (seed % 200) as u8);
                    let (head, rest) = whole.split_at(length / 3);
                    if one.sender.push(kind, &[head, rest]).unwrap() {
                        expected.push_back((kind, whole));
                    } else {
                        prop_assert!(!expected.is_empty(), "an empty ring has no room");
                    }
                }
                Step::Take(count) => {
                    for _ in 0..count {
                        let record = other.receiver.next().unwrap();
                        prop_assert_eq!(record.is_some(), !expected.is_empty());
                        let Some(record) = record else { break };
                        prop_assert_eq!(Some((record.kind, other.receiver.bytes(record, 0))), expected.pop_front());
                        other.receiver.advance(record);
                    }
                }
                Step::Publish => {
                    other.receiver.publish();
                }
            }
        }
        while let Some(record) = other.receiver.next().unwrap() {
            prop_assert_eq!(Some((record.kind, other.receiver.bytes(record, 0))), expected.pop_front());
            other.receiver.advance(record);
        }
        prop_assert!(expected.is_empty() && other.receiver.is_empty());
        other.receiver.publish();
        prop_assert!(one.sender.has_room().unwrap());
    }

    /// A peer that writes anything anywhere is found out, or gives us its own nonsense; nothing else happens.
    #[test]
    fn a_hostile_peer_harms_nobody(
        words in proptest::collection::vec((0usize..2, 0usize..2, any::<u64>()), 0..4),
        data in proptest::collection::vec((0usize..RING_BYTES / 8, word()), 0..40),
        pushed in 0usize..5,
    ) {
        let (one, other) = pair();
        for seed in 0..pushed {
            one.sender.push(1, &[&bytes(1000 * seed, seed)]).unwrap();
        }
        for (side, which, value) in words {
            // SAFETY: mapped while the links live; the words are atomic.
            let words = unsafe { &(*one_shared(&one).as_ptr()).control.rings[side] };
            let word = if which == 0 { &words.head.0 } else { &words.tail.0 };
            word.store(value, Ordering::SeqCst);
        }
        for (at, value) in data {
            // SAFETY: as above, and within the data.
            unsafe { (&raw mut (*one_shared(&one).as_ptr()).data[1]).cast::<u64>().add(at).write_volatile(value) };
        }
        let mut taken = 0;
        while let Ok(Some(record)) = other.receiver.next() {
            prop_assert!(record.length <= RECORD_BYTES_MAX);
            prop_assert_eq!(other.receiver.bytes(record, 0).len(), record.length);
            other.receiver.advance(record);
            taken += 1;
            prop_assert!(taken <= RING_BYTES / 8, "more records than the ring has room for");
        }
        for _ in 0..10 {
            let (mine, theirs) = (other.sender.push(1, &[&[1; 5000]]), one.sender.push(1, &[&[1; 5000]]));
            if mine.is_err() && theirs.is_err() {
                break;
            }
        }
    }
}

fn one_shared(link: &Link) -> NonNull<Shared> {
    link.shared_for_tests()
}

/// Words that look like records, and others.
fn word() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), (0u64..12, 0u64..RING_BYTES as u64 + 16).prop_map(|(kind, length)| kind << 32 | length),]
}

#[test]
fn few_messages_stay_at_the_beginning() {
    let (one, other) = pair();
    for _ in 0..1000 {
        assert!(one.sender.push(1, &[&[5; 500]]).unwrap());
        let record = other.receiver.next().unwrap().unwrap();
        assert!(Place::at(record.start) <= REWIND_BYTES + 600, "pages are used that nobody needs");
        other.receiver.advance(record);
        other.receiver.publish();
    }
}

/// Sleeps until the socket is readable; a wake-up that gets lost is found by the time-out.
fn sleep(socket: &Socket) {
    let mut poll = libc::pollfd { fd: socket.descriptor(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor, which lives through the call.
    let ready = unsafe { libc::poll(&raw mut poll, 1, 60_000) };
    assert_eq!(ready, 1, "nobody rang");
    while let Incoming::Message(..) = socket.receive(&mut [0; 16], false) {}
}

struct Movable<T>(T);
// SAFETY: the link is used by the thread that it was moved to alone.
unsafe impl<T> Send for Movable<T> {}

/// Two threads that sleep whenever they have nothing to do, and whenever they have no room: neither misses the other's bell.
#[test]
fn no_wake_up_is_lost() {
    const MESSAGES: usize = 20_000;
    for seed in 0..4usize {
        let (one, other) = pair();
        let name = format!("ring-test-{}-{seed}", std::process::id());
        let listener = Socket::listen(&name).unwrap();
        let near = Socket::connect(&name).unwrap();
        let far = listener.accept().unwrap();
        let sender = Movable((one, near));
        let thread = std::thread::spawn(move || {
            let sender = sender;
            let (link, socket) = &sender.0;
            let mut random = seed.wrapping_mul(7919) + 1;
            for number in 0..MESSAGES {
                random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                // Now and then so much that the ring is full.
                let length = if random >> 60 == 0 { RECORD_BYTES_MAX - 8 } else { (random >> 40) % 300 };
                let (head, rest) = (number.to_le_bytes(), vec![number as u8; length]);
                while !link.sender.push(1, &[&head, &rest]).unwrap() {
                    link.sender.set_starved(true);
                    if !link.sender.has_room().unwrap() {
                        sleep(socket);
                    }
                    link.sender.set_starved(false);
                }
                if link.sender.is_to_be_woken() {
                    socket.ring();
                }
                if random >> 58 & 7 == 0 {
                    std::thread::yield_now();
                }
            }
        });
        let mut expected = 0usize;
        while expected < MESSAGES {
            let mut taken = 0;
            while let Some(record) = other.receiver.next().unwrap() {
                let head: [u8; 8] = other.receiver.head_of(record).unwrap();
                assert_eq!(usize::from_le_bytes(head), expected);
                other.receiver.advance(record);
                expected += 1;
                taken += 1;
                if taken % 8 == 0 {
                    break;
                }
            }
            if taken > 0 {
                if other.receiver.publish() {
                    far.ring();
                }
            } else {
                if other.receiver.prepare_sleep() {
                    sleep(&far);
                }
                other.receiver.awake();
            }
        }
        thread.join().unwrap();
    }
}
