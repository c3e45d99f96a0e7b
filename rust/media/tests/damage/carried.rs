//! Values in the batches of the log.

use crate::forge;
use crate::image::{DATA, Image, LAST, LOG, image_of, media_of, open, sample};
use crate::values::note;

const CARRIED_AT: usize = 80;

/// The sample up to the batch that carries a value; its number, where it begins, and where the value belongs.
fn sample_with_carried() -> (Image, u64, usize, usize) {
    let mut image = sample();
    let mut batches = forge::batches(&image);
    let mut number = LAST;
    while let Some(batch) = batches.pop() {
        let log = image.get_mut(LOG).expect("there");
        if forge::u32_at(log, batch.start + CARRIED_AT) > 0 {
            let (sequence, entry) = (forge::u64_at(log, batch.start + 32), forge::values_end(log, batch.start));
            let place = forge::u64_at(log, entry) as usize * 4096;
            note(&mut image, sequence - 1);
            return (image, number, batch.start, place);
        }
        log[batch].fill(0);
        number -= 1;
    }
    panic!("no batch of the sample carries a value");
}

#[test]
fn recovery_writes_what_a_batch_carries() {
    let (mut image, number, _, place) = sample_with_carried();
    for byte in [0, 0xff] {
        image.get_mut(DATA).expect("there")[place..place + 4096].fill(byte);
        let media = media_of(&image);
        assert_eq!(open(media.clone()).expect("opens"), number);
        let value = &image_of(&media)[DATA][place..place + 4096];
        assert_eq!(value[..512], number.to_le_bytes().repeat(64)[..]);
        assert!(value[512..].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn a_batch_counts_only_with_what_it_carries() {
    let (image, number, batch, _) = sample_with_carried();
    let at = batch + forge::carried_at(&image[LOG], batch);
    for byte in [at, at + 511, at + 4095] {
        let mut torn = image.clone();
        torn.get_mut(LOG).expect("there")[byte] ^= 1;
        assert_eq!(open(media_of(&torn)).expect("opens"), number - 1, "byte {byte} of the log");
    }
    // The whole sample has batches behind it, which say that it was durable.
    let mut damaged = sample();
    damaged.get_mut(LOG).expect("there")[at] ^= 1;
    let status = open(media_of(&damaged)).expect_err("it was acknowledged");
    assert!(status.context().contains("cannot be read, though batch"), "{status}");
}

#[test]
fn hostile_lists_are_damage() {
    let (image, _, batch, _) = sample_with_carried();
    let entry = forge::values_end(&image[LOG], batch);
    for start in [1 << 40, u64::MAX, 16] {
        let mut forged = image.clone();
        forged.get_mut(LOG).expect("there")[entry..entry + 8].copy_from_slice(&u64::to_le_bytes(start));
        forge::reseal(&mut forged);
        let status = open(media_of(&forged)).expect_err("hostile");
        assert!(status.context().contains("for a place beyond the end of"), "{start}: {status}");
    }
    // More blocks, or fewer, than there are: the batch is not whole.
    for blocks in [0, 2, u64::MAX] {
        let mut forged = image.clone();
        forged.get_mut(LOG).expect("there")[entry + 8..entry + 16].copy_from_slice(&u64::to_le_bytes(blocks));
        forge::reseal(&mut forged);
        assert!(open(media_of(&forged)).is_ok_and(|number| number < LAST), "{blocks} blocks");
    }
    for field in [CARRIED_AT, CARRIED_AT + 4] {
        let mut forged = image.clone();
        forged.get_mut(LOG).expect("there")[batch + field..batch + field + 4].fill(0xff);
        forge::reseal(&mut forged);
        let status = open(media_of(&forged)).expect_err("hostile");
        assert!(status.context().contains("shorter than its lists of values"), "{status}");
    }
}
