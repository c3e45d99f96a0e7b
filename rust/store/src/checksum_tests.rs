//! Every kind of checksum over values of many sizes, cut by later writes; and bits that are flipped in what is stored: they give `Csum`,
//! for whoever reads them and for a scrub, and never other data.

mod flags;
mod setup;

use crate::*;
use daos_env::sync::yield_now;
use daos_env::{Random, SeededRandom};
use daos_status::Code;
use daos_types::{ContainerId, Epoch, ObjectId};
use setup::{bytes, fetch, fill, flip, ranges, read, read_in_place, run, scrub, update, write};

const CONTAINER: ContainerId = ContainerId::from_bytes([1; 16]);
const OBJECT: ObjectId = ObjectId { hi: 0, lo: 5 };
const ARRAY_BYTES: usize = 300_000;

#[test]
fn every_kind_and_chunk_reads_back_what_cuts_left() {
    run(async |store, _| {
        let mut number = 10u8;
        let free = store.space().expect("sound").data.free;
        for (kind, chunk_bytes) in
            ChecksumKind::ALL.into_iter().flat_map(|kind| [1, 5000, 32 << 10, 1 << 30].map(|chunk| (kind, chunk)))
        {
            let container = ContainerId::from_bytes([number; 16]);
            number += 1;
            let settings = ContainerSettings { checksum: kind, chunk_bytes, verify_on_update: false };
            store.container_create(container, settings).await.expect("create");
            assert_eq!(store.container_settings(container).await.expect("there"), settings);
            let random = SeededRandom::new(u64::from(number));
            let (model, written) = fill(&store, container, &random).await;
            for _ in 0..40 {
                let length = 1 + random.next_u64() as usize % [10, 5000, ARRAY_BYTES][random.next_u64() as usize % 3];
                let start = random.next_u64() as usize % (ARRAY_BYTES - length + 1);
                let found = read(&store, container, start, length).await.expect("sound");
                assert!(found == model[start..start + length], "{kind}, {chunk_bytes}: {length} bytes from {start}");
            }
            for length in [0, 1, 100, 4095, 4096, 100_000] {
                let data = bytes(&random, length);
                let value = UpdateValue::Single(Data::copy_of(&data));
                store.update(update(container, 100 + length as u64, "single", value)).await.expect("update");
                let found = fetch(&store, container, 1 << 40, "single", FetchWhat::Single).await.expect("sound");
                assert_eq!(found, Fetched::Single { size: length as u64, data: data.into() });
            }
            let progress = scrub(&store, Some(container), ScrubLimits::default()).await;
            assert_eq!(progress.errors, 0, "{kind}, {chunk_bytes}");
            if kind != ChecksumKind::Off {
                assert_eq!((progress.values, progress.bytes), (14 + 6, written + 1 + 100 + 4095 + 4096 + 100_000));
            }
            // All of it can be freed again.
            store.container_destroy(container).await.expect("destroy");
            store.wait_until_reclaimed().await;
        }
        let space = store.space().expect("sound");
        assert_eq!(space.data.free, free);
    });
}

#[test]
fn a_flipped_bit_is_never_read() {
    run(async |store, _| {
        let random = SeededRandom::new(7);
        for (index, kind) in ChecksumKind::ALL.into_iter().filter(|kind| *kind != ChecksumKind::Off).enumerate() {
            let container = ContainerId::from_bytes([index as u8; 16]);
            let settings = ContainerSettings { checksum: kind, chunk_bytes: 8192, verify_on_update: false };
            store.container_create(container, settings).await.expect("create");
            let (model, _) = fill(&store, container, &random).await;
            let length = [1, 300, 5000, 70_000][random.next_u64() as usize % 4];
            let value = UpdateValue::Single(Data::Bytes(bytes(&random, length)));
            store.update(update(container, 50, "single", value)).await.expect("update");
            for (number, range) in ranges(&store, container).into_iter().enumerate() {
                for byte in [0, range.value_length - 1, random.next_u64() as usize % range.value_length] {
                    let bit = (random.next_u64() % 8) as u8;
                    flip(&store, &range, byte, bit).await;
                    let before = store.statistics().checksum_errors;
                    let progress = scrub(&store, Some(container), ScrubLimits { entries: 3, bytes: 50_000 }).await;
                    assert_eq!(progress.errors, 1, "{kind}: a scrub finds byte {byte} of value {number}");
                    assert_eq!(store.statistics().checksum_errors, before + 1, "{kind}: it is counted");
                    if number < 14 {
                        // Reads are right or refused, and those that touch the byte while it shows are refused.
                        for start in (0..ARRAY_BYTES).step_by(30_000) {
                            match read(&store, container, start, 30_000).await {
                                Ok(found) => assert!(found == model[start..start + 30_000], "{kind}: other data"),
                                Err(status) => assert_eq!(status.code(), Code::Csum),
                            }
                        }
                    } else {
                        let found = fetch(&store, container, 60, "single", FetchWhat::Single).await;
                        let status = found.expect_err("damaged");
                        assert_eq!(status.code(), Code::Csum);
                        assert!(status.context().contains("akey \"single\""), "{status}");
                    }
                    flip(&store, &range, byte, bit).await;
                }
            }
            assert_eq!(scrub(&store, Some(container), ScrubLimits::default()).await.errors, 0);
            let all = read(&store, container, 0, ARRAY_BYTES).await.expect("sound again");
            assert!(all == model);
            assert!(store.statistics().checksum_errors > 0);
        }
    });
}

/// A listing that brings small values along leaves a damaged one out, and does not keep it to itself.
#[test]
fn a_damaged_value_is_not_listed_with_its_bytes() {
    run(async |store, _| {
        store.container_create(CONTAINER, store.container_defaults()).await.expect("create");
        let value = UpdateValue::Single(Data::Bytes(vec![1; 100]));
        store.update(update(CONTAINER, 1, "single", value)).await.expect("update");
        let request = TreeRequest {
            container: CONTAINER,
            object: OBJECT,
            epoch: Epoch::MAX,
            count: 10,
            bytes: 1000,
            embed: 1000,
        };
        for is_damaged in [false, true] {
            let listing = store.list_tree(&request, &TreeAnchor::Start).await.expect("sound");
            let Some(TreeEntry::Single { size: 100, data, .. }) = listing.entries.last() else { panic!("a value") };
            assert_eq!(data.is_none(), is_damaged);
            assert_eq!(store.statistics().checksum_errors, u64::from(is_damaged));
            flip(&store, &ranges(&store, CONTAINER)[0], 50, 1).await;
        }
    });
}

/// The chunk that is damaged is refused at the first read, others of the same value are not.
#[test]
fn a_read_verifies_the_chunks_that_it_touches() {
    run(async |store, _| {
        store.container_create(CONTAINER, store.container_defaults()).await.expect("create");
        let data = bytes(&SeededRandom::new(1), 200_000);
        store.update(write(CONTAINER, 1, 0, &data)).await.expect("update");
        let range = ranges(&store, CONTAINER)[0];
        flip(&store, &range, 100_000, 3).await;
        let chunk = CHUNK_BYTES_DEFAULT as usize;
        for start in (0..200_000).step_by(1000) {
            let found = read(&store, CONTAINER, start, 1000).await;
            let touches = (start..start + 1000).any(|byte| byte / chunk == 100_000 / chunk);
            match found {
                Ok(found) => assert!(!touches && found == data[start..start + 1000]),
                Err(status) => assert!(touches && status.code() == Code::Csum, "{status}"),
            }
        }
    });
}

/// Whole chunks are verified while they are copied, others before: wherever later writes cut a value, also at the borders of its chunks and
/// of the copies, a damaged chunk is refused with all that shows of it, and nothing else is.
#[test]
fn cut_values_are_verified_by_whole_chunks_however_they_are_read() {
    const CHUNK: usize = 8192;
    const LENGTH: usize = 4 * CHUNK;
    // What later writes hide: exactly a chunk, and a part of one.
    const HIDDEN: [(usize, usize); 2] = [(CHUNK, 2 * CHUNK), (20_000, 21_000)];
    run(async |store, _| {
        let random = SeededRandom::new(21);
        for (index, kind) in [ChecksumKind::Crc64, ChecksumKind::Crc32c, ChecksumKind::Sha256].into_iter().enumerate() {
            let container = ContainerId::from_bytes([index as u8; 16]);
            let settings =
                ContainerSettings { checksum: kind, chunk_bytes: CHUNK as u32, ..ContainerSettings::default() };
            store.container_create(container, settings).await.expect("create");
            let mut model = bytes(&random, LENGTH);
            store.update(write(container, 1, 0, &model)).await.expect("update");
            let first = ranges(&store, container)[0];
            for (epoch, (start, end)) in HIDDEN.into_iter().enumerate() {
                let data = bytes(&random, end - start);
                store.update(write(container, 2 + epoch as u64, start, &data)).await.expect("update");
                model[start..end].copy_from_slice(&data);
            }
            let shows = [(0, HIDDEN[0].0), (HIDDEN[0].1, HIDDEN[1].0), (HIDDEN[1].1, LENGTH)];
            let borders = [0, 1, CHUNK, CHUNK + 1, 2 * CHUNK, 20_000, 20_500, 21_000, 3 * CHUNK, LENGTH];
            let damages = [0, CHUNK - 1, CHUNK, 2 * CHUNK - 1, 2 * CHUNK, 20_500, 3 * CHUNK - 1, 3 * CHUNK, LENGTH - 1];
            for byte in damages {
                flip(&store, &first, byte, 5).await;
                for (start, end) in borders.iter().flat_map(|start| borders.map(|end| (*start, end))) {
                    if start >= end {
                        continue;
                    }
                    let is_touched = shows.iter().any(|(from, to)| {
                        let (from, to) = (start.max(*from), end.min(*to));
                        from < to && (from / CHUNK..=(to - 1) / CHUNK).contains(&(byte / CHUNK))
                    });
                    let copied = read(&store, container, start, end - start).await;
                    let in_place = read_in_place(&store, container, start, end - start).await;
                    for found in [copied, in_place] {
                        match found {
                            Ok(found) => assert!(!is_touched && found == model[start..end], "{start} to {end}: {byte}"),
                            Err(status) => assert!(is_touched && status.code() == Code::Csum, "{status}: {byte}"),
                        }
                    }
                }
                flip(&store, &first, byte, 5).await;
            }
        }
        assert!(store.statistics().checksum_errors > 0);
    });
}

/// Damaged words of checksums are as bad as damaged bytes.
#[test]
fn damaged_checksums_give_errors() {
    run(async |store, _| {
        let random = SeededRandom::new(3);
        for (index, kind) in [ChecksumKind::Crc64, ChecksumKind::Sha512].into_iter().enumerate() {
            let container = ContainerId::from_bytes([index as u8; 16]);
            let settings = ContainerSettings { checksum: kind, ..ContainerSettings::default() };
            store.container_create(container, settings).await.expect("create");
            let data = bytes(&random, 100_000);
            store.update(write(container, 1, 0, &data)).await.expect("update");
            let (arena, range) = (store.durable.arena(), ranges(&store, container)[0]);
            for at in 0..40 {
                let position = range.checksum.word + at;
                let mut byte = [0];
                arena.read_into(position, &mut byte).expect("in the arena");
                arena.restore(position, &[byte[0] ^ 1 << (random.next_u64() % 8)]).expect("in the arena");
                let status = read(&store, container, 0, 100_000).await.expect_err("damaged");
                assert!([Code::Csum, Code::DfInval].contains(&status.code()), "{status}");
                assert_eq!(scrub(&store, Some(container), ScrubLimits::default()).await.errors, 1, "byte {at}");
                arena.restore(position, &byte).expect("in the arena");
            }
        }
    });
}

#[test]
fn updates_are_verified_before_anything_is_kept() {
    run(async |store, _| {
        let random = SeededRandom::new(9);
        let strict = ContainerSettings { verify_on_update: true, ..ContainerSettings::default() };
        store.container_create(CONTAINER, strict).await.expect("create");
        let lenient = ContainerId::from_bytes([2; 16]);
        store.container_create(lenient, ContainerSettings::default()).await.expect("create");
        for (number, kind) in ChecksumKind::ALL.into_iter().enumerate() {
            for length in [1, 100, 5000, 70_000] {
                let data = bytes(&random, length);
                let given = GivenChecksums::of(0, 0, kind, 1000, &data);
                let mut damaged = data.clone();
                damaged[random.next_u64() as usize % length] ^= 4;
                let epoch = 1 + number as u64;
                if kind != ChecksumKind::Off {
                    let before = store.space().expect("sound");
                    let request = write(CONTAINER, epoch, 0, &damaged);
                    let status =
                        store.update_verified(request, std::slice::from_ref(&given)).await.expect_err("differs");
                    assert_eq!(status.code(), Code::Csum);
                    let short = GivenChecksums { checksums: vec![], ..given.clone() };
                    let status = store.update_verified(write(CONTAINER, epoch, 0, &data), &[short]).await;
                    assert_eq!(status.expect_err("too few").code(), Code::Inval);
                    let nowhere = GivenChecksums { piece: 1, ..given.clone() };
                    let status = store.update_verified(write(CONTAINER, epoch, 0, &data), &[nowhere]).await;
                    assert_eq!(status.expect_err("no such piece").code(), Code::Inval);
                    assert_eq!(store.space().expect("sound"), before, "nothing was kept");
                    let request = write(lenient, epoch, 0, &damaged);
                    store.update_verified(request, std::slice::from_ref(&given)).await.expect("nobody asked");
                }
                store.update_verified(write(CONTAINER, epoch, 0, &data), &[given]).await.expect("the same bytes");
                assert!(read(&store, CONTAINER, 0, length).await.expect("sound") == data);
            }
        }
        assert_eq!(store.statistics().checksum_errors, 7 * 4);
    });
}

/// Values come and go while a scrub walks in the smallest steps; it finds no damage, and sees all that stays.
#[test]
fn a_scrub_walks_while_everything_changes() {
    run(async |store, spawner| {
        let stays = ContainerId::from_bytes([5; 16]);
        for container in [CONTAINER, stays] {
            store.container_create(container, store.container_defaults()).await.expect("create");
        }
        let random = SeededRandom::new(11);
        fill(&store, stays, &random).await;
        let worker = store.clone();
        let changes = spawner.spawn(async move {
            let random = SeededRandom::new(12);
            for epoch in 1..400u64 {
                let size = [10, 4000, 9000, 60_000][random.next_u64() as usize % 4];
                let data = bytes(&random, size);
                let start = random.next_u64() as usize % 3000;
                worker.update(write(CONTAINER, epoch, start, &data)).await.expect("update");
                worker.update(write(CONTAINER, epoch, start, &data)).await.expect("replace");
                let other = ContainerId::from_bytes([9; 16]);
                match random.next_u64() % 4 {
                    0 => drop(worker.container_create(other, worker.container_defaults()).await),
                    1 => drop(worker.update(write(other, epoch, start, &data)).await),
                    2 => drop(worker.container_destroy(other).await),
                    _ => yield_now().await,
                }
            }
        });
        for limits in [ScrubLimits { entries: 1, bytes: 1 }, ScrubLimits { entries: 5, bytes: 4096 }] {
            let all = scrub(&store, None, limits).await;
            assert_eq!(all.errors, 0);
            assert!(all.values >= 14, "{all:?}");
            assert_eq!(scrub(&store, Some(stays), limits).await.values, 14);
        }
        changes.await.expect("it ends");
        assert_eq!(scrub(&store, None, ScrubLimits::default()).await.errors, 0);
        store.container_destroy(stays).await.expect("destroy");
        let mut pass = Scrub::new(Some(stays));
        let status = store.scrub_step(&mut pass, ScrubLimits::default()).await.expect_err("gone");
        assert_eq!(status.code(), Code::ContNonexist);
        store.close().await.expect("close");
        let status = store.scrub_step(&mut pass, ScrubLimits::default()).await.expect_err("closed");
        assert_eq!(status.code(), Code::Shutdown);
    });
}

/// Sizes of more than a fetch may bring along were refused: nothing is brought along.
#[test]
fn sizes_are_told_whatever_they_are() {
    run(async |store, _| {
        store.container_create(CONTAINER, store.container_defaults()).await.expect("create");
        let data = vec![1; 5 << 20];
        for (number, akey) in ["a", "b", "c"].into_iter().enumerate() {
            let value = UpdateValue::Single(Data::copy_of(&data));
            store.update(update(CONTAINER, 1, akey, value)).await.expect("update");
            store.update(write(CONTAINER, 1, number * data.len(), &data)).await.expect("update");
        }
        let request = |size_only: bool, akeys: Vec<AkeyFetch>| FetchRequest {
            container: CONTAINER,
            object: OBJECT,
            epoch: Epoch::MAX,
            dkey: setup::key("dkey"),
            akeys: akeys.into(),
            size_only,
            conditions: Conditions::NONE,
        };
        let akey = |name: &str, what| AkeyFetch { akey: setup::key(name), what, conditions: Conditions::NONE };
        let whole = daos_types::Extent::new(0, 3 * data.len() as u64).expect("valid");
        let singles = || ["a", "b", "c"].map(|name| akey(name, FetchWhat::Single)).into();
        let array = || vec![akey("array", FetchWhat::Array(vec![whole].into()))];
        for akeys in [singles(), array()] {
            assert_eq!(store.fetch(request(false, akeys)).await.expect_err("too much").code(), Code::Overflow);
        }
        let reply = store.fetch(request(true, singles())).await.expect("sizes");
        let size = data.len() as u64;
        assert!(reply.akeys.iter().all(|found| *found == Fetched::Single { size, data: Vec::new().into() }));
        let reply = store.fetch(request(true, array())).await.expect("sizes");
        let [Fetched::Array { record_size: 1, pieces }] = &reply.akeys[..] else { panic!("{reply:?}") };
        assert_eq!(pieces.iter().map(|piece| piece.extent.count()).sum::<u64>(), 3 * size);
    });
}
