//! Damage that checksums find.

use crate::forge;
use crate::image::{CHECKPOINT, DATA, Image, LAST, LOG, image_of, media_of, open, sample};
use crate::rounds;
use daos_env::{Random, SeededRandom};
use daos_media::{DurableArena, Media};
use daos_status::{Code, Status};
use std::ops::Range;

fn check_message(status: &Status, what: &str) {
    let names_device = [CHECKPOINT, LOG, DATA].iter().any(|name| status.context().contains(name));
    assert!(names_device, "{what}: the message names no device: {status}");
    let codes = [Code::DfInval, Code::DfIncompt, Code::Csum, Code::Mismatch, Code::Nonexist];
    assert!(codes.contains(&status.code()), "{what}: {status}");
}

/// What was damaged: a device and a range of its bytes.
type Damage<'a> = (&'a str, Range<usize>);

/// Opens damaged devices: an error, or everything. The last transactions may be missing when each of their batches was hit: that is
/// how a torn end of the log looks.
fn check(image: &Image, what: &str, damage: Option<Damage<'_>>, batches: &[Range<usize>]) -> bool {
    match open(media_of(image)) {
        Ok(LAST) => true,
        Ok(number) => {
            let missing = (LAST - number) as usize;
            let are_hit = damage.is_some_and(|(device, range)| {
                let mut last = batches.iter().rev().take(missing);
                device == LOG && last.all(|batch| range.start < batch.end && range.end > batch.start)
            });
            assert!(missing <= batches.len() && are_hit, "{what}: transaction {number} of {LAST} without an error");
            true
        }
        Err(status) => {
            check_message(&status, what);
            let names_place = ["offset", "bytes", "page", "there is no"];
            assert!(names_place.iter().any(|word| status.context().contains(word)), "{what}: no place: {status}");
            false
        }
    }
}

#[test]
fn the_sample_opens() {
    let image = sample();
    assert_eq!(open(media_of(&image)).expect("opens"), LAST);
    assert!(forge::batches(&image).len() as u64 >= LAST - 5, "the log has batches behind the checkpoint");
    let mut resealed = image.clone();
    forge::reseal(&mut resealed);
    assert!(resealed == image, "the tests know the format");
}

/// Where something is written: the places that matter.
fn written(bytes: &[u8]) -> Vec<usize> {
    bytes.iter().enumerate().filter(|(_, byte)| **byte != 0).map(|(place, _)| place).collect()
}

#[test]
fn single_bit_flips_are_found_or_harmless() {
    let image = sample();
    let (random, batches) = (SeededRandom::new(1), forge::batches(&image));
    let mut refused = 0;
    for device in [CHECKPOINT, LOG] {
        let places = written(&image[device]);
        for _ in 0..rounds(250) {
            let place = places[(random.next_u64() % places.len() as u64) as usize];
            let bit = random.next_u64() % 8;
            let mut damaged = image.clone();
            damaged.get_mut(device).expect("there")[place] ^= 1 << bit;
            let what = format!("bit {bit} of byte {place} of {device}");
            refused += u64::from(!check(&damaged, &what, Some((device, place..place + 1)), &batches));
        }
    }
    assert!(refused > 60, "{refused}");
}

/// One header, or one table, is no loss: there are two.
#[test]
fn one_damaged_header_costs_nothing() {
    let image = sample();
    for (device, ranges) in [
        (CHECKPOINT, vec![0..4096, 4096..8192, 8192..12288, 12288..16384]),
        (LOG, vec![0..4096, 4096..8192, 8192..12288, 12288..16384]),
    ] {
        for range in ranges {
            for value in [0, 0xff] {
                let mut damaged = image.clone();
                damaged.get_mut(device).expect("there")[range.clone()].fill(value);
                assert_eq!(open(media_of(&damaged)).expect("opens"), LAST, "{range:?} of {device}");
            }
        }
    }
}

/// When all batches from one on are damaged, with what they say of those before them, those that the log has noted as acknowledged are missed,
/// and it is said where.
#[test]
fn damage_of_all_last_batches_is_no_torn_tail() {
    let image = sample();
    let batches = forge::batches(&image);
    let noted = [8192, 12288].map(|note| forge::u64_at(&image[LOG], note + 32)).into_iter().max().expect("two notes");
    let (mut found, mut torn) = (0, 0);
    for first in 0..batches.len() {
        let mut damaged = image.clone();
        let log = damaged.get_mut(LOG).expect("there");
        batches[first..].iter().for_each(|batch| log[batch.start + 32] ^= 1);
        let start = batches[first].start;
        let sequence = forge::u64_at(&image[LOG], start + 32);
        let opened = open(media_of(&damaged));
        if sequence > noted {
            opened.unwrap_or_else(|status| panic!("batch {sequence}: {status}"));
            torn += 1;
        } else {
            let status = opened.expect_err("acknowledged batches are missing");
            assert_eq!(status.code(), Code::DfInval, "{status}");
            let text = status.context();
            assert!(text.contains(&format!("offset {start}")) || text.contains("log"), "{text}");
            found += 1;
        }
    }
    assert!(found > 0 && torn <= 9, "{found} found, {torn} taken for torn, {noted} noted of {}", batches.len());
}

#[test]
fn garbage_is_found() {
    let image = sample();
    let (random, batches) = (SeededRandom::new(2), forge::batches(&image));
    let written = [written(&image[CHECKPOINT]), written(&image[LOG])];
    for _ in 0..rounds(300) {
        let side = (random.next_u64() % 2) as usize;
        let (device, places) = ([CHECKPOINT, LOG][side], &written[side]);
        let start = places[(random.next_u64() % places.len() as u64) as usize];
        let length = 1 + random.next_u64() as usize % [16, 512, 4096, 65536][(random.next_u64() % 4) as usize];
        let range = start..(start + length).min(image[device].len());
        let mut damaged = image.clone();
        let bytes = &mut damaged.get_mut(device).expect("there")[range.clone()];
        match random.next_u64() % 3 {
            0 => bytes.fill(0),
            1 => bytes.fill(0xff),
            _ => random.fill(bytes),
        }
        check(&damaged, &format!("garbage at {range:?} of {device}"), Some((device, range.clone())), &batches);
    }
}

/// A disk may write a block to the wrong place, or keep an old one.
#[test]
fn misplaced_blocks_are_found() {
    let image = sample();
    let (random, batches) = (SeededRandom::new(3), forge::batches(&image));
    let written = [written(&image[CHECKPOINT]), written(&image[LOG])];
    for _ in 0..rounds(200) {
        let side = (random.next_u64() % 2) as usize;
        let (device, places) = ([CHECKPOINT, LOG][side], &written[side]);
        let pick = || places[(random.next_u64() % places.len() as u64) as usize] / 4096 * 4096;
        let (from, to) = (pick(), pick());
        let mut damaged = image.clone();
        damaged.get_mut(device).expect("there").copy_within(from..from + 4096, to);
        let what = format!("block at {from} of {device} written to {to}");
        check(&damaged, &what, Some((device, to..to + 4096)), &batches);
    }
}

#[test]
fn truncated_devices_are_refused() {
    let image = sample();
    let (random, batches) = (SeededRandom::new(4), forge::batches(&image));
    for (name, bytes) in &image {
        let mut lengths = vec![0, 1, 4095, 4096, 8192, 12288, 16384, bytes.len() - 4096, bytes.len() - 1];
        lengths.extend((0..rounds(10)).map(|_| random.next_u64() as usize % bytes.len()));
        for length in lengths {
            let mut damaged = image.clone();
            damaged.get_mut(name).expect("there").truncate(length);
            let what = format!("{name} of {length} bytes instead of {}", bytes.len());
            assert!(!check(&damaged, &what, None, &batches), "{what}: opened");
        }
    }
}

#[test]
fn missing_devices_are_refused() {
    let image = sample();
    for name in [LOG, DATA] {
        let mut damaged = image.clone();
        damaged.remove(name);
        let status = open(media_of(&damaged)).expect_err("missing");
        check_message(&status, name);
    }
}

/// An arena whose checkpoint was wiped must not be made anew over a log that was in use.
#[test]
fn a_wiped_checkpoint_is_damage_and_not_an_empty_folder() {
    use crate::image::{environment, executor};
    use daos_media::{ArenaSettings, Durability};
    use std::rc::Rc;
    for length in [0, 4096, 2 << 20] {
        let mut image = sample();
        *image.get_mut(CHECKPOINT).expect("there") = vec![0; length];
        check_message(&open(media_of(&image)).expect_err("wiped"), "wiped");
        let (executor, media) = (executor(), media_of(&image));
        let (folder, spawner): (Rc<dyn Media>, _) = (Rc::new(media.clone()), executor.spawner().clone());
        let create = async move {
            assert!(DurableArena::exists(&*folder).await.expect("readable"));
            let settings = ArenaSettings {
                arena_capacity: 2 << 20,
                log_bytes: 144 << 10,
                data_bytes: 4096,
                durability: Durability::Log,
            };
            DurableArena::create(folder, settings, environment(), &spawner).await.map(|_| ())
        };
        assert_eq!(executor.block_on(create).expect("ends").expect_err("in use").code(), Code::Exist);
        assert!(image_of(&media)[LOG] == image[LOG], "nothing was touched");
    }
}
