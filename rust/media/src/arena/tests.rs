use super::*;
use daos_env::{Random, SeededRandom};
use std::collections::BTreeMap;

const MEBIBYTE: u64 = 1 << 20;

fn image(arena: &Arena) -> Vec<u8> {
    arena.read(0, arena.capacity() as usize).expect("whole arena").to_vec()
}

#[test]
fn typed_reads_see_what_a_transaction_wrote() {
    let arena = Arena::reserve(MEBIBYTE).expect("reserve");
    let mut transaction = arena.begin();
    let offset = transaction.allocate(24).expect("allocate");
    transaction.fill(offset.get(), &[7; 24]).expect("fill");
    transaction.write_value(offset.get() + 8, &0x0102_0304_u32).expect("write");
    transaction.set_root(3, offset.get()).expect("root");
    drop(transaction.commit());
    assert_eq!(arena.root(3).expect("root"), offset.get());
    assert_eq!(arena.read_value::<u32>(offset.get() + 8).expect("read"), 0x0102_0304);
    assert_eq!(&arena.read(offset.get(), 8).expect("read")[..], &[7; 8]);
    assert!(arena.take_dirty_pages().contains(&0));
    assert!(arena.take_dirty_pages().is_empty());
}

#[test]
fn everything_outside_is_refused() {
    let arena = Arena::reserve(MEBIBYTE).expect("reserve");
    let mut transaction = arena.begin();
    for position in [MEBIBYTE - 7, MEBIBYTE, u64::MAX - 3, u64::MAX] {
        assert!(arena.read_value::<u64>(position).is_err());
        assert!(arena.read(position, 8).is_err());
        assert!(transaction.write(position, &[0; 8]).is_err());
        assert!(transaction.shift(position, 0, 8).is_err());
    }
    assert!(transaction.free(Offset(8), 16).is_err());
    assert!(transaction.free(Offset(MEBIBYTE - 8), 16).is_err());
    assert!(transaction.allocate(ALLOCATION_SIZE_MAX + 1).is_err());
    assert!(Arena::reserve(100).is_err());
}

#[test]
fn a_dropped_transaction_leaves_no_trace() {
    let arena = Arena::reserve(4 * MEBIBYTE).expect("reserve");
    let mut transaction = arena.begin();
    let kept = transaction.allocate(100).expect("allocate");
    drop(transaction.commit());
    let (before, space) = (image(&arena), arena.space().expect("space"));
    let mut transaction = arena.begin();
    for size in [100, 16, 4000, 60000] {
        let offset = transaction.allocate(size).expect("allocate");
        transaction.write(offset.get(), &vec![0xff; size]).expect("write");
    }
    transaction.write(kept.get(), &[1; 100]).expect("write");
    transaction.shift(kept.get(), kept.get() + 10, 50).expect("shift");
    transaction.free(kept, 100).expect("free");
    drop(transaction);
    assert_eq!(arena.space().expect("space"), space);
    assert!(image(&arena) == before);
}

#[test]
fn freed_space_is_not_reused_by_the_same_transaction() {
    let arena = Arena::reserve(MEBIBYTE).expect("reserve");
    let mut transaction = arena.begin();
    let first = transaction.allocate(64).expect("allocate");
    drop(transaction.commit());
    let mut transaction = arena.begin();
    transaction.free(first, 64).expect("free");
    assert_ne!(transaction.allocate(64).expect("allocate"), first);
    drop(transaction.commit());
    assert_eq!(arena.begin().allocate(64).expect("allocate"), first);
    assert!(arena.begin().free(first, 64).is_err(), "it is free");
}

/// Two records of a damaged arena may point to one allocation: freeing both in one transaction is an error, few or many.
#[test]
fn nothing_is_freed_twice_by_one_transaction() {
    let arena = Arena::reserve(MEBIBYTE).expect("reserve");
    let mut transaction = arena.begin();
    let offsets: Vec<Offset> = (0..100).map(|_| transaction.allocate(64).expect("allocate")).collect();
    drop(transaction.commit());
    let mut transaction = arena.begin();
    for (index, offset) in offsets.iter().enumerate() {
        transaction.free(*offset, 64).expect("free");
        for earlier in [0, index / 2, index] {
            assert_eq!(transaction.free(offsets[earlier], 64).expect_err("twice").code(), Code::DfInval);
        }
    }
    drop(transaction.commit());
    assert_eq!(arena.space().expect("space").used, 0);
}

#[test]
fn a_full_arena_says_so_and_lets_privileged_transactions_work() {
    let arena = Arena::reserve(2 * MEBIBYTE).expect("reserve");
    let mut offsets = Vec::new();
    loop {
        let mut transaction = arena.begin();
        match transaction.allocate(1000) {
            Ok(offset) => offsets.push(offset),
            Err(error) => break assert_eq!(error.code(), Code::Nospace),
        }
        drop(transaction.commit());
    }
    assert_eq!(arena.space().expect("space").free / PAGE_SIZE as u64, 0);
    let mut privileged = arena.begin_privileged();
    privileged.allocate(1000).expect("the reserve is there");
    drop(privileged);
    for offset in offsets.drain(..) {
        let mut transaction = arena.begin();
        transaction.free(offset, 1000).expect("free");
        drop(transaction.commit());
    }
    let space = arena.space().expect("space");
    assert_eq!(space.used, 0);
    let kept_empty = space.capacity - space.free - space.reserved;
    assert_eq!(kept_empty, PAGE_SIZE as u64, "nothing but the header remains: an empty slab can be taken by anybody");
}

/// What is alike lies side by side once there is much of it, and all of it can be taken for something else when it is gone.
#[test]
fn slabs_of_a_large_class_lie_side_by_side() {
    let arena = Arena::reserve(64 * MEBIBYTE).expect("reserve");
    let mut offsets = Vec::new();
    let page_of = |offset: Offset| offset.get() / PAGE_SIZE as u64;
    let mut last = 0;
    let mut jumps = 0;
    for number in 0..8000 {
        let mut transaction = arena.begin();
        // Some are dropped, in the middle of making slabs too: what is known of them is read anew then.
        if number % 7 == 0 {
            transaction.allocate(512).expect("room");
            continue;
        }
        let offset = transaction.allocate(512).expect("room");
        offsets.push((offset, 512));
        (0..5).for_each(|_| offsets.push((transaction.allocate(144).expect("room"), 144)));
        drop(transaction.commit());
        jumps += u32::from(number > 4000 && page_of(offset) != last && page_of(offset) != last + 1);
        last = page_of(offset);
    }
    let pages = 8000 / 31 / 2;
    assert!(jumps <= pages / 16 + 2, "{jumps} jumps within {pages} pages");
    for (offset, size) in offsets.drain(..) {
        let mut transaction = arena.begin();
        transaction.free(offset, size).expect("free");
        drop(transaction.commit());
    }
    let space = arena.space().expect("space");
    assert_eq!(space.capacity - space.free - space.reserved, PAGE_SIZE as u64, "the header");
    let mut transaction = arena.begin();
    let large = std::iter::from_fn(|| transaction.allocate(ALLOCATION_SIZE_MAX).ok()).count() as u64;
    assert!(large * ALLOCATION_SIZE_MAX as u64 > 48 * MEBIBYTE, "{large} large ones");
}

#[test]
fn what_is_pushed_in_is_taken_back_when_the_transaction_is_dropped() {
    let arena = Arena::reserve(MEBIBYTE).expect("reserve");
    let mut transaction = arena.begin();
    let place = transaction.allocate(64).expect("room").get();
    transaction.fill(place, b"abcdefghij......").expect("fill");
    drop(transaction.commit());
    let before = image(&arena);
    for behind in [0, 1, 8, 10] {
        let mut transaction = arena.begin();
        transaction.push_in(place, b"XYZ", behind).expect("within");
        let mut expected = b"XYZ".to_vec();
        expected.extend(&b"abcdefghij......"[..behind]);
        assert_eq!(arena.read(place, behind + 3).expect("within")[..], expected);
        assert!(transaction.push_in(MEBIBYTE - 4, b"XYZ", 2).is_err());
        drop(transaction);
        assert!(image(&arena) == before, "{behind} behind");
    }
}

/// Random transactions, some dropped: contents, accounting and replay of the redo records all agree with a map.
#[test]
fn random_transactions_agree_with_a_map_and_replay_to_the_same_image() {
    let random = SeededRandom::new(42);
    let arena = Arena::reserve(8 * MEBIBYTE).expect("reserve");
    let replica = Arena::reserve(8 * MEBIBYTE).expect("reserve");
    let mut live: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let mut redo = Vec::new();
    for _ in 0..3000 {
        let mut next = live.clone();
        let mut transaction = arena.begin();
        for _ in 0..random.next_u64() % 6 {
            let pick = random.next_u64();
            let size = [17, 40, 100, 700, 3000, 20000][(pick % 6) as usize];
            if pick >> 60 < 9 || next.is_empty() {
                let Ok(offset) = transaction.allocate(size) else {
                    continue;
                };
                let bytes = vec![(pick >> 8) as u8; size];
                transaction.fill(offset.get(), &bytes).expect("fill");
                assert!(next.insert(offset.get(), bytes).is_none());
            } else {
                let index = (pick >> 16) as usize % next.len();
                let (&position, bytes) = next.iter().nth(index).expect("in range");
                if live.contains_key(&position) {
                    transaction.free(Offset(position), bytes.len()).expect("free");
                    next.remove(&position);
                }
            }
        }
        if random.next_u64().is_multiple_of(4) {
            drop(transaction);
            continue;
        }
        let record = transaction.commit();
        redo.clear();
        record.encode_into(&mut redo);
        assert_eq!(redo.len(), record.encoded_len());
        drop(record);
        Redo::replay(&redo, &replica).expect("replay");
        live = next;
    }
    let used: usize = live.values().map(|bytes| allocation_size(bytes.len()).expect("allocated")).sum();
    assert_eq!(arena.space().expect("space").used, used as u64);
    for (position, bytes) in &live {
        assert_eq!(&arena.read(*position, bytes.len()).expect("read")[..], &bytes[..]);
        assert_eq!(&replica.read(*position, bytes.len()).expect("read")[..], &bytes[..]);
    }
    let before = arena.space().expect("space");
    arena.verify().expect("sound");
    replica.verify().expect("sound");
    assert_eq!(arena.space().expect("space"), before);
    assert_eq!(replica.space().expect("space"), before);
}

#[test]
fn damaged_redo_records_apply_nothing() {
    let arena = Arena::reserve(MEBIBYTE).expect("reserve");
    let mut transaction = arena.begin();
    for size in [16, 500, 3000] {
        let offset = transaction.allocate(size).expect("allocate");
        transaction.fill(offset.get(), &vec![9; size]).expect("fill");
    }
    let mut record = Vec::new();
    transaction.commit().encode_into(&mut record);
    let replica = Arena::reserve(MEBIBYTE).expect("reserve");
    let fresh = image(&replica);
    for length in 1..record.len() {
        if Redo::replay(&record[..length], &replica).is_err() {
            assert!(length % 97 != 0 || image(&replica) == fresh);
        } else {
            // A cut between two ranges is a valid record: the frame of the log is what notices it.
            Redo::replay(&image_as_record(&fresh), &replica).expect("put back");
        }
    }
    for garbage in [&[0xff; 20][..], &[0x80], &[0, 200, 1], &[0xff, 0xff, 0xff, 0xff, 0x7f, 1, 0]] {
        assert_eq!(Redo::replay(garbage, &replica).expect_err("garbage").code(), Code::DfInval);
    }
}

fn image_as_record(image: &[u8]) -> Vec<u8> {
    let mut record = vec![0, 0x80, 0x80, 0x40];
    record.extend_from_slice(image);
    record
}

#[test]
fn damaged_arenas_are_refused() {
    for (position, byte) in
        [(0, 0), (8, 9), (12, 1), (16, 0), (16, 200), (PAGE_SIZE as u64, 1), (PAGE_SIZE as u64 + 1, 7)]
    {
        let arena = Arena::reserve(MEBIBYTE).expect("reserve");
        arena.restore(position, &[byte]).expect("restore");
        assert!(arena.verify().is_err(), "byte {byte} at {position}");
        assert!(arena.begin().allocate(16).is_err());
    }
}

#[test]
fn kept_slots_are_given_out_first_and_freed_when_they_are_left() {
    let arena = Arena::reserve(1 << 20).expect("small");
    let mut transaction = arena.begin();
    let kept: Vec<_> = [100, 100, 600].map(|size| (transaction.allocate(size).expect("room"), size)).into();
    drop(transaction.commit());
    let used = arena.space().expect("sound").used;
    let reuse = |transaction: &mut crate::Transaction<'_>| {
        kept.iter().for_each(|(offset, size)| transaction.reuse(*offset, *size).expect("taken"));
    };
    // Taken back, they are as they were.
    let mut transaction = arena.begin();
    reuse(&mut transaction);
    assert!(kept.contains(&(transaction.allocate(97).expect("room"), 100)), "of the same class");
    drop(transaction);
    assert_eq!(arena.space().expect("sound").used, used);
    let mut transaction = arena.begin();
    reuse(&mut transaction);
    let first = transaction.allocate(100).expect("room");
    transaction.fill(first.get(), &[7; 100]).expect("its own");
    assert!(kept.iter().all(|(offset, _)| *offset != transaction.allocate(50).expect("room")), "of another class");
    drop(transaction.commit());
    arena.verify().expect("sound");
    let slot = |size| crate::allocation_size(size).expect("small") as u64;
    assert_eq!(arena.space().expect("sound").used, used - slot(100) - slot(600) + 3 * slot(50));
    assert_eq!(arena.read(first.get(), 100).expect("within")[..], [7; 100]);
}
