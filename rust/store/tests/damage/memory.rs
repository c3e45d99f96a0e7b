//! Bits that flip in persistent memory: in its journal, in the image of the arena, and in its checksums.

use crate::dump::{Dump, is_damage};
use crate::flips::{agrees, ask, ask_and_change, dumps_from_checkpoint_on, first_difference};
use crate::image::{Image, environment, executor, written};
use crate::sample;
use daos_env::{IoBuffer, Random, SeededRandom};
use daos_media::Media;
use daos_sim::media::SimMedia;
use daos_status::{Result, Status};
use daos_store::{Durability, Scrub, ScrubLimits, Store};
use daos_testkit::seeds::variable;
use std::rc::Rc;

const MEMORY: &str = "memory";
const DATA: &str = "data";

/// What is copied at once.
const PIECE: usize = 4 << 10;

/// Where the journal begins and ends; behind it come the checksums of the image, and at the next multiple of 2 MiB the image.
const JOURNAL: (usize, usize) = (64 << 10, 320 << 10);

const IMAGE: usize = 2 << 20;
/// Between the headers and the journal, where nothing is.
const UNUSED: (usize, u64) = (32 << 10, 0);

/// The bytes of memory and of the data device, after the process was killed.
fn sample_image() -> Image {
    let media = SimMedia::new(1);
    sample::make_on(Rc::new(media.clone()), Durability::Pmem, false);
    media.restart_process();
    let memory = media.open_memory(MEMORY).expect("open");
    let mut bytes = vec![0; memory.length() as usize];
    memory.read(0, &mut bytes).expect("read");
    let device = media.open(DATA).expect("open");
    let length = device.capacity() as usize;
    let read = async move { device.read(0, length).await };
    let data = executor().block_on(read).expect("done").expect("read").to_vec();
    Image::from([(MEMORY.to_owned(), bytes), (DATA.to_owned(), data)])
}

/// Media with these bytes, but for one bit of memory.
fn media_of(image: &Image, (byte, bit): (usize, u64)) -> SimMedia {
    let media = SimMedia::new(2);
    let pieces = |bytes: &[u8]| {
        let pieces = bytes.chunks(PIECE).enumerate().filter(|(_, piece)| piece.iter().any(|byte| *byte != 0));
        pieces.map(|(index, piece)| ((index * PIECE) as u64, piece.to_vec())).collect::<Vec<_>>()
    };
    let memory = media.create_memory(MEMORY, image[MEMORY].len() as u64).expect("create");
    for (place, piece) in pieces(&image[MEMORY]) {
        memory.store(place, &piece).expect("store");
    }
    memory.drain().expect("drain");
    let device = media.create(DATA, image[DATA].len() as u64).expect("create");
    let executor = executor();
    for (place, piece) in pieces(&image[DATA]) {
        let write = device.write(place, IoBuffer::copy_of(&piece));
        executor.block_on(async move { write.await.1 }).expect("done").expect("write");
    }
    media.flip_bit(MEMORY, byte as u64 * 8 + bit).expect("a bit");
    media
}

/// Flips bits of a part of memory, and hands over what comes of each.
fn flip(part: std::ops::Range<usize>, count: u64, mut check: impl FnMut(&str, Result<Dump>)) {
    let image = sample_image();
    let places: Vec<usize> = written(&image[MEMORY]).into_iter().filter(|place| part.contains(place)).collect();
    assert!(places.len() as u64 > count, "{} bytes are written in {part:?}", places.len());
    let seed = variable("DAOS_STORE_FIRST_FLIP", 1);
    let random = SeededRandom::new(seed);
    for _ in 0..count {
        let place = places[(random.next_u64() % places.len() as u64) as usize];
        let bit = random.next_u64() % 8;
        let what = format!("DAOS_STORE_FIRST_FLIP={seed}: bit {bit} of byte {place} of memory");
        let outcome = std::panic::catch_unwind(|| {
            // A flipped bit of the image may be a reason to refuse a change, for instance for its epoch.
            ask_and_change(media_of(&image, (place, bit))).map(|(found, _)| found)
        });
        check(&what, outcome.unwrap_or_else(|_| panic!("{what}")));
    }
}

#[test]
fn the_sample_in_memory_answers_as_one_on_disks() {
    let found = ask(media_of(&sample_image(), UNUSED)).expect("opens");
    assert_eq!(found, *dumps_from_checkpoint_on().last().expect("some"));
}

#[test]
fn flipped_bits_of_a_journal_are_noticed_or_hit_its_end() {
    let moments = dumps_from_checkpoint_on();
    let last = moments.last().expect("some");
    let mut refused = 0;
    flip(0..JOURNAL.1, variable("DAOS_STORE_FLIPS", 100), |what, outcome| match outcome {
        Err(status) => {
            assert!(is_damage(&status) && status.context().contains(MEMORY), "{what}: {status}");
            refused += 1;
        }
        Ok(found) => {
            let is_known = moments.iter().any(|moment| agrees(&found, moment));
            assert!(is_known, "{what}: a wrong answer: {}", first_difference(&found, last));
        }
    });
    assert!(refused > 0);
}

/// Whatever of the image was not written since is verified when it is mapped.
#[test]
fn flipped_bits_of_an_image_are_noticed_or_hit_nothing() {
    let moments = dumps_from_checkpoint_on();
    let last = moments.last().expect("some");
    let mut refused = 0;
    flip(JOURNAL.1..usize::MAX, variable("DAOS_STORE_FLIPS", 80), |what, outcome| match outcome {
        Err(status) => {
            assert!(is_damage(&status) && status.context().contains(MEMORY), "{what}: {status}");
            refused += 1;
        }
        Ok(found) => assert!(agrees(&found, last), "{what}: a wrong answer: {}", first_difference(&found, last)),
    });
    assert!(refused > 0);
}

/// A bit that flips in the image while a program runs, which has mapped it, is found by a scrub, and by the next open.
#[test]
fn a_scrub_finds_a_flipped_bit_of_an_image_in_use() {
    let image = sample_image();
    let places = written(&image[MEMORY]);
    let place = places[places.partition_point(|place| *place < IMAGE) + 100];
    let media = media_of(&image, UNUSED);
    let (executor, folder) = (executor(), media.clone());
    let spawner = executor.spawner().clone();
    let work = async move {
        let store = Store::open(Rc::new(folder.clone()), environment(), &spawner).await?;
        let mut errors = Vec::new();
        for flips in [false, true] {
            if flips {
                folder.flip_bit(MEMORY, place as u64 * 8).expect("a bit");
            }
            let mut scrub = Scrub::new(None);
            while store.scrub_step(&mut scrub, ScrubLimits::default()).await? {}
            errors.push(scrub.progress().errors);
        }
        Ok::<_, Status>(errors)
    };
    assert_eq!(executor.block_on(work).expect("it ends").expect("it works"), [0, 1]);
    media.restart_process();
    let status = ask(media).expect_err("it is damaged");
    assert!(is_damage(&status) && status.context().contains("image"), "{status}");
}
