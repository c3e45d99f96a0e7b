//! How much space and how many extents are left.

use crate::array::{pieces, used};
use crate::common::*;
use daos_status::Code;
use daos_store::*;
use daos_types::Epoch;

const MIB: u64 = 1 << 20;
const KIB: u64 = 1 << 10;

async fn write(store: &Store, epoch: u64, start: u64, count: u64) -> daos_status::Result<()> {
    let data = Data::Bytes(vec![epoch as u8; count as usize]);
    let value = UpdateValue::Array { record_size: 1, pieces: vec![(extent(start, count), data)].into() };
    store.update(update(epoch, "d", "a", value)).await
}

/// All records have the epoch byte that `of` says.
async fn check(store: &Store, epoch: u64, count: u64, of: impl Fn(u64) -> u64) {
    let reply =
        store.fetch(fetch(epoch, "d", "a", FetchWhat::Array(vec![extent(0, count)].into()))).await.expect("fetch");
    let Fetched::Array { pieces, .. } = &reply.akeys[0] else { panic!("an array") };
    let mut at = 0;
    for piece in pieces {
        let Content::Data(data) = &piece.content else { panic!("a hole at {at}") };
        assert_eq!(piece.extent.start(), at);
        for (index, byte) in (at..).zip(data.iter()) {
            assert_eq!(u64::from(*byte), of(index) % 256, "byte {index} at epoch {epoch}");
        }
        at = piece.extent.end();
    }
    assert_eq!(at, count);
}

/// Each block of a file is written over in some order.
#[test]
fn a_file_overwritten_piecewise_takes_its_size() {
    let settings = StoreSettings { data_bytes: 64 << 20, ..settings() };
    with_settings(settings, |store, _| async move {
        let (before, size) = (used(&store).await, 8 * MIB);
        for start in (0..size).step_by(MIB as usize) {
            write(&store, 1, start, MIB).await.expect("write");
        }
        let blocks = size / (4 * KIB);
        // An odd factor visits every block once.
        for number in 0..blocks {
            let block = number * 907 % blocks;
            write(&store, 2 + number, block * 4 * KIB, 4 * KIB).await.expect("write");
        }
        let last = 2 + blocks;
        assert_eq!(used(&store).await - before, 2 * size);
        assert_eq!(pieces(&store).await as u64, blocks);
        store.aggregate(CONTAINER, Epoch(last)).await.expect("aggregate");
        assert_eq!(used(&store).await - before, size);
        assert!(pieces(&store).await <= 64, "{} pieces", pieces(&store).await);
        let number_of = |block: u64| (0..blocks).find(|number| number * 907 % blocks == block).expect("each once");
        let numbers: Vec<u64> = (0..blocks).map(number_of).collect();
        check(&store, last, size, |index| 2 + numbers[(index / (4 * KIB)) as usize]).await;
        let copied = store.statistics().bytes_joined;
        assert_eq!(copied, size, "every byte was copied once");
        store.aggregate(CONTAINER, Epoch(last + 1)).await.expect("aggregate");
        assert_eq!(store.statistics().bytes_joined, copied, "what is joined stays");
    });
}

/// Where few blocks of a file were written over, little is copied; where many were, all is.
#[test]
fn a_file_overwritten_in_part_takes_little_more_than_its_size() {
    with_settings(settings(), |store, _| async move {
        let (before, size) = (used(&store).await, 4 * MIB);
        for start in (0..size).step_by(MIB as usize) {
            write(&store, 1, start, MIB).await.expect("write");
        }
        let blocks = size / (4 * KIB);
        for number in 0..blocks / 3 {
            write(&store, 2 + number, number * 907 % blocks * 4 * KIB, 4 * KIB).await.expect("write");
        }
        store.aggregate(CONTAINER, Epoch(2 + blocks)).await.expect("aggregate");
        let left = used(&store).await - before;
        assert!(left <= size * 9 / 8, "{left} bytes for {size}");
        assert!(pieces(&store).await <= 40, "{} pieces", pieces(&store).await);
    });
}

/// A large extent that is half hidden gives that half back in place: nothing is read or written for it.
#[test]
fn a_half_hidden_extent_gives_its_half_back_in_place() {
    with_settings(settings(), |store, _| async move {
        let before = used(&store).await;
        write(&store, 1, 0, 4 * MIB).await.expect("write");
        let punched = UpdateValue::PunchExtents(vec![extent(0, MIB), extent(2 * MIB, 128 * KIB)]);
        store.update(update(2, "d", "a", punched)).await.expect("punch");
        write(&store, 3, 3 * MIB, 2 * MIB).await.expect("write");
        store.aggregate(CONTAINER, Epoch(3)).await.expect("aggregate");
        let hidden = 2 * MIB + 128 * KIB;
        assert_eq!(used(&store).await - before, 6 * MIB - hidden);
        let counts = store.statistics();
        assert_eq!((counts.extents_joined, counts.bytes_joined), (0, 0), "{counts:?}");
        assert!(counts.extents_cut >= 2, "{counts:?}");
        let reply =
            store.fetch(fetch(3, "d", "a", FetchWhat::Array(vec![extent(0, 5 * MIB)].into()))).await.expect("fetch");
        let Fetched::Array { pieces, .. } = &reply.akeys[0] else { panic!("an array") };
        for piece in pieces {
            let expected = if piece.extent.start() < 3 * MIB { 1 } else { 3 };
            let Content::Data(data) = &piece.content else { continue };
            assert!(data.iter().all(|byte| *byte == expected), "{:?}", piece.extent);
        }
        let bytes = pieces.iter().filter(|piece| matches!(piece.content, Content::Data(_)));
        assert_eq!(bytes.map(|piece| piece.extent.count()).sum::<u64>(), 4 * MIB - 128 * KIB);
    });
}

/// What is appended in small pieces is copied a few times, not once for each piece, however often it is aggregated.
#[test]
fn appended_pieces_are_joined_and_not_copied_too_often() {
    with_settings(settings(), |store, _| async move {
        let (before, size) = (used(&store).await, 2 * MIB);
        for number in 0..size / (4 * KIB) {
            write(&store, 1 + number, number * 4 * KIB, 4 * KIB).await.expect("write");
            if number % 4 == 3 {
                store.aggregate(CONTAINER, Epoch(1 + number)).await.expect("aggregate");
            }
        }
        assert_eq!(used(&store).await - before, size);
        assert!(pieces(&store).await <= 48, "{} pieces", pieces(&store).await);
        let copied = store.statistics().bytes_joined;
        assert!(copied <= 8 * size, "{copied} bytes were copied");
        check(&store, 10_000, size, |index| 1 + index / (4 * KIB)).await;
    });
}

/// A snapshot keeps what it sees; with it goes what only it needed.
#[test]
fn intervals_between_snapshots_are_joined_on_their_own() {
    with_settings(settings(), |store, _| async move {
        let (before, size) = (used(&store).await, MIB);
        for number in 0..256 {
            write(&store, 1, number * 4 * KIB, 4 * KIB).await.expect("write");
        }
        store.snapshot_create(CONTAINER, Epoch(1)).await.expect("pin");
        for number in (0..256).step_by(2) {
            write(&store, 2, number * 4 * KIB, 4 * KIB).await.expect("write");
        }
        store.aggregate(CONTAINER, Epoch(3)).await.expect("aggregate");
        check(&store, 1, size, |_| 1).await;
        let expected = |index: u64| if (index / (4 * KIB)).is_multiple_of(2) { 2 } else { 1 };
        check(&store, 3, size, expected).await;
        assert_eq!(store.statistics().bytes_joined, size, "those of the snapshot: the others have gaps");
        assert_eq!(used(&store).await - before, size * 3 / 2);
        store.snapshot_destroy(CONTAINER, Epoch(1)).await.expect("unpin");
        store.aggregate(CONTAINER, Epoch(4)).await.expect("aggregate");
        check(&store, 4, size, expected).await;
        assert_eq!(used(&store).await - before, size);
        assert!(pieces(&store).await <= 8);
    });
}

/// Of a full device, what is hidden comes back, and extents are joined in what is kept for that.
#[test]
fn extents_are_cut_and_joined_when_the_device_is_full() {
    let settings = StoreSettings { data_bytes: 16 << 20, ..settings() };
    with_settings(settings, |store, _| async move {
        let before = used(&store).await;
        write(&store, 1, 0, 8 * MIB).await.expect("write");
        let mut number = 0;
        let refused = loop {
            if let Err(status) = write(&store, 2 + number, number * 4 * KIB, 4 * KIB).await {
                break status;
            }
            number += 1;
        };
        assert_eq!(refused.code(), Code::Nospace);
        store.aggregate(CONTAINER, Epoch(2 + number)).await.expect("aggregate");
        let left = used(&store).await - before;
        assert!(left <= 8 * MIB * 9 / 8, "{left} bytes");
        assert!(pieces(&store).await < number as usize / 10, "{} pieces of {number}", pieces(&store).await);
        let written = number * 4 * KIB;
        check(&store, 2 + number, 8 * MIB, |index| if index < written { 2 + index / (4 * KIB) } else { 1 }).await;
    });
}

/// Of a full arena, records come back by joining.
#[test]
fn extents_are_joined_when_the_arena_is_full() {
    let settings = StoreSettings { arena_bytes: 4 << 20, log_bytes: 1 << 20, ..settings() };
    with_settings(settings, |store, _| async move {
        // The first value on the device needs room for its bitmap.
        store.update(update(1, "other", "a", single(&[1; 5000]))).await.expect("update");
        let mut number = 0;
        let refused = loop {
            if let Err(status) = write(&store, 1 + number, number * 700, 700).await {
                break status;
            }
            number += 1;
        };
        assert_eq!(refused.code(), Code::Nospace);
        store.aggregate(CONTAINER, Epoch(1 + number)).await.expect("aggregate");
        assert!(pieces(&store).await < number as usize / 20, "{} pieces of {number}", pieces(&store).await);
        check(&store, 1 + number, number * 700, |index| 1 + index / 700).await;
        write(&store, 2 + number, 0, 700).await.expect("there is room again");
    });
}
