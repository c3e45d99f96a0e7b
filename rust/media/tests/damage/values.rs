//! The last batch and its values were under way together: it counts when all of it is there.

use crate::forge;
use crate::image::{DATA, Image, LAST, LOG, image_of, media_of, open, sample};
use daos_checksum::crc32c;

pub const VALUES_AT: usize = 72;
const NOTES: [usize; 2] = [8192, 12288];

/// The sample up to the last batch that points at a value, and the number of its transaction.
pub fn sample_with_value() -> (Image, u64) {
    let mut image = sample();
    let mut batches = forge::batches(&image);
    let mut number = LAST;
    while let Some(batch) = batches.pop() {
        let log = image.get_mut(LOG).expect("there");
        if forge::u32_at(log, batch.start + VALUES_AT) > 0 {
            return (image, number);
        }
        log[batch].fill(0);
        number -= 1;
    }
    panic!("no batch of the sample points at a value");
}

/// Where the value of the last batch lies, and the number of that batch.
pub fn last_value(image: &Image) -> (usize, u64) {
    let log = &image[LOG];
    let batch = forge::batches(image).pop().expect("a batch");
    let end = forge::values_end(log, batch.start);
    (forge::u64_at(log, end - 24) as usize * 4096, forge::u64_at(log, batch.start + 32))
}

pub fn note(image: &mut Image, sequence: u64) {
    let log = image.get_mut(LOG).expect("there");
    for at in NOTES {
        log[at + 32..at + 40].copy_from_slice(&sequence.to_le_bytes());
        log[at + 12..at + 16].fill(0);
        let crc = crc32c(&log[at..at + 40]);
        log[at + 12..at + 16].copy_from_slice(&crc.to_le_bytes());
    }
}

#[test]
fn a_last_batch_counts_only_with_its_values() {
    let (mut image, number) = sample_with_value();
    let (place, sequence) = last_value(&image);
    note(&mut image, sequence - 1);
    assert_eq!(open(media_of(&image)).expect("opens"), number, "everything is there");
    for at in [place, place + 511, place + 4095] {
        let mut torn = image.clone();
        torn.get_mut(DATA).expect("there")[at] ^= 1;
        assert_eq!(open(media_of(&torn)).expect("opens"), number - 1, "byte {at} of the value is not there");
    }
}

/// What did not count once never will, though its value arrives after all.
#[test]
fn a_batch_that_did_not_count_stays_away() {
    use crate::image::{environment, executor};
    use daos_media::DurableArena;
    use std::rc::Rc;
    let (mut image, number) = sample_with_value();
    let (place, sequence) = last_value(&image);
    note(&mut image, sequence - 1);
    let mut torn = image.clone();
    torn.get_mut(DATA).expect("there")[place] ^= 1;
    let (executor, media) = (executor(), media_of(&torn));
    let (folder, spawner) = (Rc::new(media.clone()), executor.spawner().clone());
    let opened = async move { DurableArena::open(folder, environment(), &spawner).await.map(|_killed| ()) };
    executor.block_on(opened).expect("ends").expect("opens");
    let mut arrived = image_of(&media);
    arrived.get_mut(DATA).expect("there")[place] ^= 1;
    assert_eq!(open(media_of(&arrived)).expect("opens"), number - 1);
}

/// A batch that was acknowledged is not taken back because a value has changed since: the value's own checksum finds that.
#[test]
fn an_acknowledged_batch_is_not_taken_back() {
    let (mut image, number) = sample_with_value();
    let (place, sequence) = last_value(&image);
    note(&mut image, sequence);
    image.get_mut(DATA).expect("there")[place] ^= 1;
    assert_eq!(open(media_of(&image)).expect("opens"), number);
}

#[test]
fn a_value_beyond_the_device_is_damage() {
    let (mut image, _) = sample_with_value();
    let (_, sequence) = last_value(&image);
    note(&mut image, sequence - 1);
    let batch = forge::batches(&image).pop().expect("a batch");
    for (field, value) in [(24, u64::MAX), (24, 1 << 40), (16, u64::MAX), (16, 1 << 40), (16, 0)] {
        let mut forged = image.clone();
        let log = forged.get_mut(LOG).expect("there");
        let end = forge::values_end(log, batch.start);
        log[end - field..end - field + 8].copy_from_slice(&value.to_le_bytes());
        forge::reseal(&mut forged);
        let status = open(media_of(&forged)).expect_err("hostile");
        assert!(status.context().contains("value beyond the end of"), "{status}");
    }
    let mut forged = image.clone();
    let log = forged.get_mut(LOG).expect("there");
    log[batch.start + VALUES_AT..batch.start + VALUES_AT + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    forge::reseal(&mut forged);
    let status = open(media_of(&forged)).expect_err("hostile");
    assert!(status.context().contains("shorter than its lists of values"), "{status}");
}
