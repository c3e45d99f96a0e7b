//! Images of released format versions, which are opened for ever.
//!
//! A golden file holds lines `DEVICE BYTES` and `DEVICE OFFSET HEX`, or `DEVICE OFFSET HEX TIMES`; what no line names is zero. `DAOS_WRITE_GOLDEN=1` writes that of the present version anew; do so only before a version is released.

use crate::flips::{ask, dump_of_finished};
use crate::image::{Image, Written, environment, executor};
use crate::sample;
use daos_store::{Store, TreeAnchor, TreeEntry, TreeRequest};
use daos_types::Epoch;
use std::fmt::Write;
use std::rc::Rc;

const PIECE: usize = 32;
/// The files of all versions, the present one last.
const FILES: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v2.txt"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v3.txt"),
];

fn write(image: &Image) -> String {
    let mut text = String::new();
    for (name, bytes) in image {
        writeln!(text, "{name} {}", bytes.len()).expect("a string grows");
        let mut pieces = bytes.chunks(PIECE).enumerate().peekable();
        while let Some((index, piece)) = pieces.next() {
            if piece.iter().all(|byte| *byte == 0) {
                continue;
            }
            let mut count = 1;
            while pieces.next_if(|(_, next)| *next == piece).is_some() {
                count += 1;
            }
            let hex: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
            let times = if count > 1 { format!(" {count}") } else { String::new() };
            writeln!(text, "{name} {} {hex}{times}", index * PIECE).expect("a string grows");
        }
    }
    text
}

fn read(text: &str) -> Image {
    let mut image = Image::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |index: usize| words[index].parse::<usize>().expect("a number");
        if words.len() == 2 {
            image.insert(words[0].to_owned(), vec![0; number(1)]);
            continue;
        }
        let digits = words[2].as_bytes().chunks(2).map(|digits| std::str::from_utf8(digits).expect("digits"));
        let piece: Vec<u8> = digits.map(|digits| u8::from_str_radix(digits, 16).expect("hex digits")).collect();
        let bytes = image.get_mut(words[0]).expect("its size comes first");
        let count = if words.len() > 3 { number(3) } else { 1 };
        for index in 0..count {
            let place = number(1) + index * piece.len();
            bytes[place..place + piece.len()].copy_from_slice(&piece);
        }
    }
    image
}

/// What a program of version 2 has left.
pub fn image_of_version_2() -> Image {
    read(&std::fs::read_to_string(FILES[0]).expect("a golden file"))
}

#[test]
fn golden_images_of_each_version_answer_as_a_new_store_does() {
    if std::env::var_os("DAOS_WRITE_GOLDEN").is_some() {
        std::fs::write(FILES[FILES.len() - 1], write(&sample::make(true))).expect("written");
    }
    let expected = dump_of_finished();
    for file in FILES {
        let image = read(&std::fs::read_to_string(file).expect("a golden file"));
        assert_eq!(read(&write(&image)), image, "the text holds everything");
        let found = ask(Written::of(&image).media(None)).expect("opens");
        for (question, answer) in &found {
            assert_eq!(answer, &expected[question], "{file}: {question}");
        }
        assert_eq!(found.len(), expected.len());
    }
}

/// What was prepared by an older program is committed by this one.
#[test]
fn golden_prepared_changes_can_be_committed() {
    FILES.into_iter().for_each(commit_what_is_prepared);
}

fn commit_what_is_prepared(file: &str) {
    let image = read(&std::fs::read_to_string(file).expect("a golden file"));
    let executor = executor();
    let (media, spawner) = (Written::of(&image).media(None), executor.spawner().clone());
    let work = async move {
        let store = Store::open(Rc::new(media), environment(), &spawner).await?;
        let [prepared] = store.prepared_list().await?[..] else { panic!("one transaction is prepared") };
        store.commit(prepared.transaction, prepared.epoch).await?;
        let (container, object, epoch) = (prepared.container, sample::object(2), Epoch::MAX);
        let request = TreeRequest { container, object, epoch, count: 1000, bytes: 1 << 20, embed: 200 };
        let listing = store.list_tree(&request, &TreeAnchor::Start).await?;
        let is_there = |entry: &TreeEntry| {
            let TreeEntry::Single { epoch, size: 100, data: Some(data) } = entry else { return false };
            *epoch == prepared.epoch && data[..] == [1; 100]
        };
        assert!(listing.entries.iter().any(is_there), "{:?}", listing.entries);
        // The rest of it goes on, too.
        store.aggregate(container, prepared.epoch).await?;
        store.snapshot_destroy(sample::container(0), Epoch(sample::CHANGES / 2)).await?;
        store.container_destroy(container).await?;
        store.wait_until_reclaimed().await;
        store.close().await
    };
    executor.block_on(work).expect("it ends").expect("all of it works");
}
