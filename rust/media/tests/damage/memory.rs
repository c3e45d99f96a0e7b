//! Damaged persistent memory: what is found, what costs nothing, and what is said.

use crate::image::{environment, executor};
use crate::rounds;
use daos_env::{Random, SeededRandom};
use daos_media::{ArenaSettings, Durability, DurableArena, Media};
use daos_sim::media::SimMedia;
use daos_status::{Code, Result};
use std::rc::Rc;

const RING: u64 = 64 << 10;
const RING_BYTES: u64 = 128 << 10;
const IMAGE: u64 = 2 << 20;
const ACKNOWLEDGED: u64 = 16384;
const RECORD: usize = 400;
const LAST: u64 = 12;

/// Memory of a process that was killed: everything is in the journal, behind some that the image has already.
fn sample() -> SimMedia {
    let media = SimMedia::new(5);
    live(&media).expect("nothing is in its way").expect("made");
    media.restart_process();
    media
}

/// Memory of which the power was cut.
fn sample_cut(at: u64) -> SimMedia {
    let media = SimMedia::new(5);
    media.cut_power_at(at);
    drop(live(&media));
    media.power_cycle();
    media
}

/// Makes it; `None` when the power was cut.
fn live(media: &SimMedia) -> Option<Result<()>> {
    let (folder, executor) = (Rc::new(media.clone()), executor());
    let spawner = executor.spawner().clone();
    let make = async move {
        let durability = Durability::Pmem;
        let settings = ArenaSettings { arena_capacity: 1 << 20, log_bytes: RING_BYTES, data_bytes: 4096, durability };
        let durable = DurableArena::create(folder, settings, environment(), &spawner).await?;
        for number in 1..=LAST {
            let mut transaction = durable.arena().begin();
            let offset = transaction.allocate(RECORD)?;
            transaction.fill(offset.get(), &number.to_le_bytes().repeat(RECORD / 8))?;
            transaction.set_root(0, offset.get())?;
            let lsn = durable.commit(transaction)?;
            durable.wait_durable(lsn).await?;
            if number == 4 {
                durable.checkpoint().await?;
            }
        }
        Ok(())
    };
    executor.block_on(make)
}

/// The number of the last transaction that is there, having done another one.
fn open(media: &SimMedia) -> Result<u64> {
    let (folder, executor) = (Rc::new(media.clone()), executor());
    let spawner = executor.spawner().clone();
    let open = async move {
        let durable = DurableArena::open(folder, environment(), &spawner).await?;
        let root = durable.arena().root(0)?;
        let bytes = durable.arena().read(root, RECORD)?.to_vec();
        let number: u64 = durable.arena().read_value(root)?;
        let is_whole = bytes == number.to_le_bytes().repeat(RECORD / 8);
        let mut transaction = durable.arena().begin();
        let offset = transaction.allocate(RECORD)?;
        transaction.set_root(1, offset.get())?;
        let lsn = durable.commit(transaction)?;
        durable.wait_durable(lsn).await?;
        durable.close().await?;
        if is_whole { Ok(number) } else { daos_status::fail!(Code::Csum, "the record of memory is not whole") }
    };
    executor.block_on(open).expect("it ends")
}

fn read(media: &SimMedia, position: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    media.open_memory("memory").expect("open").read(position, &mut bytes).expect("read");
    bytes
}

fn overwrite(media: &SimMedia, position: u64, bytes: &[u8]) {
    let memory = media.open_memory("memory").expect("open");
    memory.store(position, bytes).expect("store");
    memory.drain().expect("drain");
}

/// Where the entries of the journal lie.
fn entries(media: &SimMedia) -> Vec<u64> {
    let ring = read(media, RING, RING_BYTES as usize);
    let lines = ring.chunks(64).enumerate().filter(|(_, line)| line.starts_with(b"dpen"));
    lines.map(|(line, _)| RING + line as u64 * 64).collect()
}

#[test]
fn the_sample_of_memory_opens() {
    let media = sample();
    assert_eq!(entries(&media).len() as u64, LAST);
    assert_eq!(open(&media).expect("opens"), LAST);
    assert_eq!(open(&media).expect("again"), LAST);
}

/// Of headers and marks there are two.
#[test]
fn one_damaged_line_of_memory_costs_nothing() {
    for start in [0, 4096, 8192, 12288] {
        for value in [0, 0xff] {
            let media = sample();
            overwrite(&media, start, &[value; 128]);
            assert_eq!(open(&media).expect("opens"), LAST, "{value} at {start}");
        }
    }
}

#[test]
fn two_damaged_lines_of_memory_are_told() {
    for (starts, word) in [([0, 4096], "headers"), ([8192, 12288], "marks")] {
        let media = sample();
        starts.iter().for_each(|start| overwrite(&media, start + 16, &[0xff; 32]));
        let status = open(&media).expect_err("both are damaged");
        assert_eq!(status.code(), Code::DfInval, "{status}");
        assert!(status.context().contains(word) && status.context().contains("memory"), "{status}");
    }
}

/// Damage of any entries, also of all from one on, is told with its place: each of them was acknowledged.
#[test]
fn damaged_entries_of_memory_are_told_with_their_place() {
    let places = entries(&sample());
    // The first four are in the image, and not needed any more.
    for first in 4..places.len() {
        for last in [first + 1, places.len()] {
            for at in [20, 70] {
                let media = sample();
                places[first..last].iter().for_each(|entry| overwrite(&media, entry + at, &[0x5a; 3]));
                let status = open(&media).expect_err("an acknowledged entry is gone");
                assert_eq!(status.code(), Code::DfInval, "{status}");
                let text = status.context();
                assert!(text.contains(&format!("offset {}", places[first])), "{text}");
            }
        }
    }
    let media = sample();
    places[..4].iter().for_each(|entry| overwrite(&media, entry + 20, &[0x5a; 3]));
    assert_eq!(open(&media).expect("opens"), LAST, "what the image has is not read");
    // An entry that was under way when the power went was never acknowledged.
    let media = sample();
    overwrite(&media, places[places.len() - 1] + 70, &[0x5a; 3]);
    let noted = LAST - 1;
    overwrite(&media, ACKNOWLEDGED, &[noted.to_le_bytes(), (!noted).to_le_bytes()].concat());
    assert_eq!(open(&media).expect("opens"), LAST - 1);
}

/// Flipped bits anywhere but in the image are found, or harmless.
#[test]
fn flipped_bits_of_memory_are_found_or_harmless() {
    let random = SeededRandom::new(3);
    let (media, mut refused) = (sample(), 0);
    let bytes = read(&media, 0, (RING + RING_BYTES) as usize);
    let lines = bytes.chunks(64).enumerate().filter(|(_, line)| line.iter().any(|byte| *byte != 0));
    let written: Vec<u64> = lines.flat_map(|(line, _)| line as u64 * 64..line as u64 * 64 + 64).collect();
    for _ in 0..rounds(250) {
        let at = written[(random.next_u64() % written.len() as u64) as usize];
        let media = sample();
        media.flip_bit("memory", at * 8 + random.next_u64() % 8).expect("a bit");
        match open(&media) {
            Ok(number) => assert_eq!(number, LAST, "byte {at}"),
            Err(status) => {
                assert_eq!(status.code(), Code::DfInval, "byte {at}: {status}");
                refused += 1;
            }
        }
    }
    assert!(refused > 50, "{refused}");
}

/// Where bytes of a part of memory are that are not zero.
fn written(media: &SimMedia, part: std::ops::Range<u64>) -> Vec<u64> {
    let bytes = read(media, part.start, (part.end - part.start) as usize);
    part.zip(bytes).filter(|(_, byte)| *byte != 0).map(|(place, _)| place).collect()
}

/// Flipped bits of the image, and of its checksums, are found, or hit nothing: wherever the power was cut.
#[test]
fn flipped_bits_of_the_image_are_found_or_hit_nothing() {
    let random = SeededRandom::new(6);
    let whole = sample();
    let (persists, mut refused, mut opened) = (whole.persists(), 0, 0);
    for round in 0..rounds(60) {
        let cut = persists / 4 + random.next_u64() % (persists - persists / 4);
        let Ok(number) = open(&sample_cut(cut)) else { continue };
        let media = sample_cut(cut);
        let sums = RING + RING_BYTES..IMAGE;
        let part = if round % 4 == 3 { sums } else { IMAGE..IMAGE + (1 << 20) };
        let places = written(&media, part.clone());
        let at = places[(random.next_u64() % places.len() as u64) as usize];
        media.flip_bit("memory", at * 8 + random.next_u64() % 8).expect("a bit");
        match open(&media) {
            Err(status) => {
                assert_eq!(status.code(), Code::DfInval, "cut {cut}, byte {at}: {status}");
                let (from, text) = (at / 512 * 512, status.context());
                let is_named = part.start != IMAGE || text.contains(&format!("{from} and {}", from + 512));
                assert!(is_named, "cut {cut}, byte {at}: {text}");
                refused += 1;
            }
            // What the entries of a step say that was cut off is put there again, and what a step will say is said anew.
            Ok(found) => {
                assert_eq!(found, number, "cut {cut}, byte {at}");
                opened += 1;
            }
        }
    }
    assert!(refused > opened && opened > 0, "{refused} refused, {opened} opened");
}

/// An arena of version 2, whose image has no checksums, is used as it always was.
#[test]
fn an_image_of_version_2_opens() {
    for flips in [false, true] {
        let media = sample();
        for place in [0, 4096] {
            let mut header = read(&media, place, 128);
            header[8] = 2;
            header[12..16].fill(0);
            let crc = daos_checksum::crc32c(&header);
            header[12..16].copy_from_slice(&crc.to_le_bytes());
            overwrite(&media, place, &header);
        }
        let sums = (IMAGE - RING - RING_BYTES) as usize;
        overwrite(&media, RING + RING_BYTES, &vec![0; sums]);
        if flips {
            media.flip_bit("memory", (IMAGE + (1 << 20) - 1) * 8).expect("a bit");
        }
        assert_eq!(open(&media).expect("opens"), LAST);
        assert_eq!(open(&media).expect("again"), LAST);
        assert!(written(&media, RING + RING_BYTES..IMAGE).is_empty(), "nothing is written there");
    }
}

/// Garbage anywhere, also in the image: an error or what was there, and never a panic.
#[test]
fn garbage_in_memory_never_panics() {
    let random = SeededRandom::new(4);
    for _ in 0..rounds(150) {
        let media = sample();
        for _ in 0..1 + random.next_u64() % 3 {
            let length = 1 + random.next_u64() % [8, 64, 4096][(random.next_u64() % 3) as usize];
            let bound = [RING + 16384, IMAGE + (64 << 10)][(random.next_u64() % 2) as usize];
            let bytes: Vec<u8> = (0..length).map(|_| random.next_u64() as u8).collect();
            overwrite(&media, random.next_u64() % bound, &bytes);
        }
        let _either = open(&media);
    }
}

/// Memory that was cut off, or of another version, is refused.
#[test]
fn memory_of_another_size_or_version_is_refused() {
    let media = sample();
    let bytes = read(&media, 0, (IMAGE + (1 << 20)) as usize);
    for length in [4096, 8192, 64 << 10, 1 << 20, 2 << 20] {
        let media = SimMedia::new(1);
        media.create_memory("memory", length).expect("create");
        media.create("data", 4096).expect("create");
        overwrite(&media, 0, &bytes[..length as usize]);
        let status = open(&media).expect_err("cut off");
        assert_eq!(status.code(), Code::DfInval, "{length}: {status}");
        assert!(status.context().contains("cut off"), "{length}: {status}");
    }
    for place in [0u64, 4096] {
        let mut header = bytes[place as usize..place as usize + 128].to_vec();
        header[8] = 9;
        header[12..16].fill(0);
        let crc = daos_checksum::crc32c(&header);
        header[12..16].copy_from_slice(&crc.to_le_bytes());
        overwrite(&media, place, &header);
    }
    let status = open(&media).expect_err("an unknown version");
    assert_eq!(status.code(), Code::DfIncompt);
    assert!(status.context().contains("version 9") && status.context().contains("knows 2 to 3"), "{status}");
}
