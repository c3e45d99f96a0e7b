//! Hostile devices: every checksum is right, and what it protects is not.

use crate::forge;
use crate::image::{CHECKPOINT, Image, LOG, ROOT_EXTENTS, environment, executor, media_of, sample};
use crate::rounds;
use daos_env::{Random, SeededRandom};
use daos_media::{BlockRange, DurableArena, ExtentAllocator, Offset};
use daos_status::{Code, Result};
use std::rc::Rc;

/// Opens devices and uses what is there in every way; whatever it answers, it answers.
fn exercise(image: &Image) -> Result<()> {
    let executor = executor();
    let (media, spawner) = (Rc::new(media_of(image)), executor.spawner().clone());
    let work = async move {
        let durable = DurableArena::open(media, environment(), &spawner).await?;
        durable.arena().space()?;
        let mut offsets = Vec::new();
        for round in 0..40usize {
            let mut transaction = durable.arena().begin();
            let size = [16, 100, 600, 5000, 40_000][round % 5];
            if let Ok(offset) = transaction.allocate(size) {
                transaction.fill(offset.get(), &vec![1; size])?;
                offsets.push((offset, size));
            }
            // Some that are, some that are not.
            for place in [8, 16 * 1024 + 8, round as u64 * 1096, u64::from(u32::MAX)] {
                if let Some(offset) = Offset::new(place) {
                    let _either_way = transaction.free(offset, size);
                }
            }
            if round % 3 != 0 {
                durable.commit(transaction)?;
            } else if let Some((offset, _)) = offsets.pop() {
                let _rolled_back = offset;
            }
        }
        if let Some(root) = Offset::new(durable.arena().root(ROOT_EXTENTS)?)
            && let Ok(extents) = ExtentAllocator::open(&durable, root, 1)
        {
            let reserved = extents.reserve(2);
            let mut transaction = durable.arena().begin();
            for range in reserved.iter().flatten() {
                let _either_way = extents.publish(&mut transaction, *range);
            }
            for start in 0..16 {
                let _either_way = extents.release(&mut transaction, BlockRange { start, count: 1 });
            }
            durable.commit(transaction)?;
            extents.space();
        }
        durable.close().await
    };
    executor.block_on(work).expect("it ends")
}

/// Values that break careless arithmetic.
fn hostile(random: &SeededRandom) -> u64 {
    let values = [
        0,
        1,
        2,
        4095,
        4096,
        16384,
        65536,
        u64::from(u32::MAX),
        1 << 32,
        1 << 62,
        i64::MAX as u64,
        u64::MAX - 1,
        u64::MAX,
    ];
    match random.next_u64() % 3 {
        0 => random.next_u64(),
        1 => random.next_u64() % 70_000,
        _ => values[(random.next_u64() % values.len() as u64) as usize],
    }
}

#[test]
fn hostile_headers_give_errors() {
    let image = sample();
    let random = SeededRandom::new(5);
    let mut refused = 0;
    for _ in 0..rounds(250) {
        let mut forged = image.clone();
        let batches = forge::batches(&image);
        let batch = batches[(random.next_u64() % batches.len() as u64) as usize].start;
        // Fields of eight bytes behind the version; both copies, where there are two.
        let (device, starts, fields) = match random.next_u64() % 3 {
            0 => (CHECKPOINT, vec![0, 4096], 4..13),
            1 => (LOG, vec![0, 4096], 2..5),
            _ => (LOG, vec![batch], 4..12),
        };
        let field = fields.start + (random.next_u64() % fields.len() as u64) as usize;
        let value = hostile(&random);
        let bytes = forged.get_mut(device).expect("there");
        for start in starts {
            bytes[start + field * 8..start + field * 8 + 8].copy_from_slice(&value.to_le_bytes());
        }
        forge::reseal_headers(&mut forged);
        refused += u64::from(exercise(&forged).is_err());
    }
    assert!(refused > 60, "{refused}");
}

#[test]
fn hostile_records_and_pages_do_no_harm() {
    let image = sample();
    let random = SeededRandom::new(6);
    let mut refused = 0;
    for _ in 0..rounds(250) {
        let mut forged = image.clone();
        let batches = forge::batches(&image);
        let pages = forge::pages(&image[CHECKPOINT], 0);
        for _ in 0..1 + random.next_u64() % 4 {
            let (device, place) = match random.next_u64() % 3 {
                // The first bytes of a page: its run and bitmap, or the arena's header.
                0 => {
                    let (_, start) = pages[(random.next_u64() % pages.len() as u64) as usize];
                    (CHECKPOINT, start + (random.next_u64() % 64) as usize)
                }
                1 => {
                    let (_, start) = pages[(random.next_u64() % pages.len() as u64) as usize];
                    (CHECKPOINT, start + (random.next_u64() % 16384) as usize)
                }
                _ => {
                    let batch = &batches[(random.next_u64() % batches.len() as u64) as usize];
                    (LOG, batch.start + 96 + (random.next_u64() % 40) as usize)
                }
            };
            forged.get_mut(device).expect("there")[place] = hostile(&random) as u8;
        }
        forge::reseal(&mut forged);
        refused += u64::from(exercise(&forged).is_err());
    }
    assert!(refused > 40, "{refused}");
}

/// A newer program's format is refused with a sentence that says so.
#[test]
fn unknown_versions_are_refused() {
    let image = sample();
    let batch = forge::batches(&image).pop().expect("there").start;
    let arena = forge::pages(&image[CHECKPOINT], 0)[0].1;
    let places = [
        (CHECKPOINT, vec![0]),
        (CHECKPOINT, vec![4096]),
        (CHECKPOINT, vec![0, 4096]),
        (LOG, vec![0, 4096]),
        (LOG, vec![batch]),
        (CHECKPOINT, vec![arena]),
    ];
    for (device, starts) in places {
        let mut forged = image.clone();
        for start in &starts {
            forged.get_mut(device).expect("there")[start + forge::VERSION_AT] = 9;
        }
        forge::reseal(&mut forged);
        let status = exercise(&forged).expect_err("an unknown version");
        assert_eq!(status.code(), Code::DfIncompt, "{device} {starts:?}: {status}");
        let text = status.context();
        assert!(text.contains("version 9") && text.contains("knows ") && text.contains(device), "{text}");
    }
}
