//! Several batches were under way at once: one that arrived says nothing about those before it, but what it says itself.

use crate::forge;
use crate::image::{DATA, Image, LAST, LOG, image_of, media_of, open, sample};
use crate::values::{VALUES_AT, note};
use std::ops::Range;

const BEHIND_AT: usize = 76;

/// The sample, in which each of the last batches was begun when so many before it were not durable yet, and nothing says that they were.
fn sample_with(behind: &[u32]) -> (Image, Vec<Range<usize>>) {
    let mut image = sample();
    let batches = forge::batches(&image);
    let last = &batches[batches.len() - behind.len()..];
    let log = image.get_mut(LOG).expect("there");
    for (batch, behind) in last.iter().zip(behind) {
        log[batch.start + BEHIND_AT..batch.start + BEHIND_AT + 4].copy_from_slice(&behind.to_le_bytes());
    }
    forge::reseal(&mut image);
    let first = forge::u64_at(&image[LOG], last[0].start + 32);
    note(&mut image, first - 1);
    (image, last.to_vec())
}

/// As it was before the batch arrived.
fn without(image: &Image, batch: &Range<usize>) -> Image {
    let mut torn = image.clone();
    torn.get_mut(LOG).expect("there")[batch.clone()].fill(0);
    torn
}

#[test]
fn all_of_them_count_when_all_are_there() {
    for behind in [&[0, 1][..], &[0, 1, 2], &[1, 1, 1, 1], &[0, 3, 3]] {
        assert_eq!(open(media_of(&sample_with(behind).0)).expect("opens"), LAST, "{behind:?}");
    }
}

#[test]
fn what_comes_behind_a_batch_that_did_not_arrive_never_counts() {
    for behind in [&[0, 1][..], &[0, 1, 2], &[0, 1, 2, 3]] {
        let (image, last) = sample_with(behind);
        let before = LAST - behind.len() as u64;
        let media = media_of(&without(&image, &last[0]));
        assert_eq!(open(media.clone()).expect("opens"), before, "{behind:?}");
        // The same bytes are written there once more, by chance: only they count.
        let mut again = image_of(&media);
        again.get_mut(LOG).expect("there")[last[0].clone()].copy_from_slice(&image[LOG][last[0].clone()]);
        assert_eq!(open(media_of(&again)).expect("opens"), before + 1, "{behind:?}");
        // One in the middle.
        let middle = behind.len() - 1;
        assert_eq!(open(media_of(&without(&image, &last[middle]))).expect("opens"), LAST - 1, "{behind:?}");
    }
}

#[test]
fn what_a_batch_says_was_durable_is_missed() {
    for (behind, missing) in [(&[0, 0][..], 0), (&[0, 1, 1], 0), (&[0, 1, 2, 2], 0), (&[0, 1, 1, 2], 0)] {
        let (image, last) = sample_with(behind);
        let status = open(media_of(&without(&image, &last[missing]))).expect_err("it was durable");
        assert!(status.context().contains("cannot be read, though batch"), "{behind:?}: {status}");
    }
}

/// The values of all that were under way are looked at, from the first on.
#[test]
fn a_value_that_did_not_arrive_takes_those_behind_along() {
    let whole = sample();
    let batches = forge::batches(&whole);
    let mut seen = 0;
    for count in 2..=4 {
        let behind: Vec<u32> = (0..count).collect();
        let (image, last) = sample_with(&behind);
        for (place, batch) in last.iter().enumerate() {
            let log = &image[LOG];
            if forge::u32_at(log, batch.start + VALUES_AT) == 0 {
                continue;
            }
            let end = forge::values_end(log, batch.start);
            let value = forge::u64_at(log, end - 24) as usize * 4096;
            let mut torn = image.clone();
            torn.get_mut(DATA).expect("there")[value + 77] ^= 1;
            let number = open(media_of(&torn)).expect("opens");
            assert_eq!(number, LAST - u64::from(count) + place as u64, "{count} under way, value of number {place}");
            seen += 1;
        }
    }
    assert!(seen > 2, "{seen} of {} batches have values", batches.len());
}

#[test]
fn more_of_them_than_ever_are_do_no_harm() {
    let mut image = sample();
    let batches = forge::batches(&image);
    let log = image.get_mut(LOG).expect("there");
    for batch in &batches {
        log[batch.start + BEHIND_AT..batch.start + BEHIND_AT + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    }
    forge::reseal(&mut image);
    note(&mut image, 0);
    // Values of older batches were written over since: the log ends with the first of those, or nothing is wrong at all.
    let number = open(media_of(&image)).unwrap_or(0);
    assert!(number <= LAST);
}
