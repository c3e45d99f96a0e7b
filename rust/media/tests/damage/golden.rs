//! Images of released format versions, which are opened for ever.
//!
//! A golden file holds lines `DEVICE BYTES` and `DEVICE OFFSET HEX`; what no line names is zero. `DAOS_WRITE_GOLDEN=1` writes that of the
//! present version anew; do so only before a version is released.

use crate::image::{Image, LAST, media_of, open, sample};
use std::fmt::Write;

const PIECE: usize = 32;
const V1: &str = include_str!("../golden/v1.txt");
const V2: &str = include_str!("../golden/v2.txt");
/// With batches of version 3, one of which carries a value.
const V3: &str = include_str!("../golden/v3.txt");

fn write(image: &Image) -> String {
    let mut text = String::new();
    for (name, bytes) in image {
        writeln!(text, "{name} {}", bytes.len()).expect("a string grows");
        for (index, piece) in bytes.chunks(PIECE).enumerate().filter(|(_, piece)| piece.iter().any(|byte| *byte != 0)) {
            let hex: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(text, "{name} {} {hex}", index * PIECE).expect("a string grows");
        }
    }
    text
}

fn read(text: &str) -> Image {
    let mut image = Image::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number: usize = words[1].parse().expect("a number");
        match words[..] {
            [name, _] => drop(image.insert(name.to_owned(), vec![0; number])),
            [name, _, hex] => {
                let bytes = image.get_mut(name).expect("its size comes first");
                for (index, digits) in hex.as_bytes().chunks(2).enumerate() {
                    let digits = std::str::from_utf8(digits).expect("hex digits");
                    bytes[number + index] = u8::from_str_radix(digits, 16).expect("hex digits");
                }
            }
            _ => panic!("a golden file has no such line: {line}"),
        }
    }
    image
}

#[test]
fn golden_images_of_version_2_open() {
    assert_eq!(open(media_of(&read(V2))).expect("opens"), LAST);
}

#[test]
fn golden_images_with_batches_of_version_3_open() {
    if std::env::var_os("DAOS_WRITE_GOLDEN").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v3.txt");
        std::fs::write(path, write(&sample())).expect("written");
    }
    let image = read(V3);
    assert_eq!(read(&write(&image)), image, "the text holds everything");
    assert_eq!(open(media_of(&image)).expect("opens"), LAST);
}

/// Version 1 was never released.
#[test]
fn images_of_version_1_are_refused() {
    let status = open(media_of(&read(V1))).expect_err("an old version");
    assert_eq!(status.code(), daos_status::Code::DfIncompt);
    assert!(status.context().contains("version 1, and this release knows 2; an older release"), "{status}");
}
