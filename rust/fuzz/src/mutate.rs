//! Changes of inputs.

use crate::random::Numbers;

/// What one change may draw from.
pub struct Material<'a> {
    /// Other inputs.
    pub others: &'a [Vec<u8>],
    /// Words of the format.
    pub words: &'a [&'static [u8]],
    /// Numbers that were compared with others.
    pub comparisons: &'a [(u64, u64)],
    /// The longest input.
    pub length_max: usize,
}

/// Numbers at which code changes its mind.
const NUMBERS: &[u64] = &[
    0,
    1,
    2,
    3,
    7,
    8,
    0x10,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x10_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX - 1,
    u64::MAX,
];

/// The most that is copied or inserted at a time.
const PIECE_MAX: usize = 64;

/// Changes an input, in one to a few places.
pub fn mutate(input: &mut Vec<u8>, material: &Material<'_>, random: &mut Numbers) {
    let rounds = 1 << random.below(4);
    for _ in 0..rounds {
        change(input, material, random);
    }
    input.truncate(material.length_max);
}

fn change(input: &mut Vec<u8>, material: &Material<'_>, random: &mut Numbers) {
    match random.below(13) {
        0 | 1 => flip(input, random),
        2 => set(input, random),
        3 => remove(input, random),
        4 => insert(input, material, random),
        5 => copy_within(input, random),
        6 | 7 => put_number(input, random),
        8 => add(input, random),
        9 => splice(input, material, random),
        10 | 11 => put_compared(input, material, random),
        _ => put_word(input, material, random),
    }
}

fn flip(input: &mut [u8], random: &mut Numbers) {
    let place = random.below(input.len());
    if let Some(byte) = input.get_mut(place) {
        *byte ^= 1 << random.below(8);
    }
}

fn set(input: &mut [u8], random: &mut Numbers) {
    let place = random.below(input.len());
    if let Some(byte) = input.get_mut(place) {
        *byte = random.next() as u8;
    }
}

/// A piece that lies within so many bytes.
fn piece(length: usize, random: &mut Numbers) -> std::ops::Range<usize> {
    let start = random.below(length + 1);
    // Mostly short ones, now and then all of it.
    let longest = if random.once_in(8) { length - start } else { (length - start).min(PIECE_MAX) };
    start..start + random.below(longest + 1)
}

fn remove(input: &mut Vec<u8>, random: &mut Numbers) {
    let piece = piece(input.len(), random);
    input.drain(piece);
}

fn insert(input: &mut Vec<u8>, material: &Material<'_>, random: &mut Numbers) {
    let place = random.below(input.len() + 1);
    let count = 1 + random.below(PIECE_MAX);
    let byte = random.next() as u8;
    let is_random = random.once_in(2);
    let bytes: Vec<u8> = (0..count).map(|_| if is_random { random.next() as u8 } else { byte }).collect();
    if input.len() + count <= material.length_max {
        input.splice(place..place, bytes);
    }
}

/// Repeats a piece elsewhere, in place of what is there or between it.
fn copy_within(input: &mut Vec<u8>, random: &mut Numbers) {
    let bytes = input[piece(input.len(), random)].to_vec();
    let place = random.below(input.len() + 1);
    let end = if random.once_in(2) { place } else { input.len().min(place + bytes.len()) };
    input.splice(place..end, bytes);
}

fn put(input: &mut [u8], place: usize, number: u64, width: usize, is_big_endian: bool) {
    let Some(target) = input.get_mut(place..place + width) else { return };
    if is_big_endian {
        target.copy_from_slice(&number.to_be_bytes()[8 - width..]);
    } else {
        target.copy_from_slice(&number.to_le_bytes()[..width]);
    }
}

fn width(random: &mut Numbers) -> usize {
    1 << random.below(4)
}

/// A number at which code changes its mind, or about the length of what there is.
fn put_number(input: &mut [u8], random: &mut Numbers) {
    let width = width(random);
    let place = random.below((input.len() + 1).saturating_sub(width));
    let number = if random.once_in(3) {
        let near = (input.len() - place) as u64;
        near.wrapping_add(random.below(9) as u64).wrapping_sub(8)
    } else {
        *random.pick(NUMBERS)
    };
    put(input, place, number, width, random.once_in(16));
}

fn add(input: &mut [u8], random: &mut Numbers) {
    let width = width(random);
    let place = random.below((input.len() + 1).saturating_sub(width));
    let Some(bytes) = input.get(place..place + width) else { return };
    let mut word = [0; 8];
    word[..width].copy_from_slice(bytes);
    let number = u64::from_le_bytes(word).wrapping_add(random.below(33) as u64).wrapping_sub(16);
    put(input, place, number, width, false);
}

/// The beginning of this and the end of another, or a piece of another within this.
fn splice(input: &mut Vec<u8>, material: &Material<'_>, random: &mut Numbers) {
    if material.others.is_empty() {
        return;
    }
    let other = random.pick(material.others);
    if random.once_in(2) {
        input.truncate(random.below(input.len() + 1));
        input.extend_from_slice(&other[random.below(other.len() + 1)..]);
    } else {
        let bytes = other[piece(other.len(), random)].to_vec();
        let place = random.below(input.len() + 1);
        let end = if random.once_in(2) { place } else { input.len().min(place + bytes.len()) };
        input.splice(place..end, bytes);
    }
}

/// Finds a number that was compared with another one, and puts the other one there.
fn put_compared(input: &mut [u8], material: &Material<'_>, random: &mut Numbers) {
    if material.comparisons.is_empty() {
        return put_number(input, random);
    }
    let (left, right) = *random.pick(material.comparisons);
    let (from, to) = if random.once_in(2) { (left, right) } else { (right, left) };
    let to = to.wrapping_add(random.below(3) as u64).wrapping_sub(1);
    let to = if random.once_in(2) { to } else { to.wrapping_add(1) };
    let width = match left.max(right) {
        0..0x100 => *random.pick(&[1, 2, 4, 8]),
        0x100..0x1_0000 => *random.pick(&[2, 4, 8]),
        0x1_0000..0x1_0000_0000 => *random.pick(&[4, 8]),
        _ => 8,
    };
    let is_big_endian = random.once_in(8);
    let bytes = if is_big_endian { from.to_be_bytes() } else { from.to_le_bytes() };
    let wanted = if is_big_endian { &bytes[8 - width..] } else { &bytes[..width] };
    let places: Vec<usize> = input.windows(width).enumerate().filter(|(_, w)| *w == wanted).map(|(at, _)| at).collect();
    let place = if places.is_empty() { random.below(input.len()) } else { *random.pick(&places) };
    put(input, place, to, width, is_big_endian);
}

fn put_word(input: &mut Vec<u8>, material: &Material<'_>, random: &mut Numbers) {
    if material.words.is_empty() {
        return insert(input, material, random);
    }
    let word = random.pick(material.words);
    let place = random.below(input.len() + 1);
    let end = if random.once_in(2) { place } else { input.len().min(place + word.len()) };
    input.splice(place..end, word.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_bounded_and_decided_by_the_seed() {
        let others = vec![b"something else".to_vec(), Vec::new()];
        let material =
            Material { others: &others, words: &[b"word"], comparisons: &[(5, 300), (0, u64::MAX)], length_max: 100 };
        let run = |seed| {
            let mut random = Numbers::new(seed);
            let mut input = b"an input".to_vec();
            let mut all = Vec::new();
            for _ in 0..5000 {
                mutate(&mut input, &material, &mut random);
                assert!(input.len() <= 100);
                all.push(input.clone());
            }
            all
        };
        let all = run(1);
        assert_eq!(all, run(1));
        assert!(all.iter().any(Vec::is_empty) && all.iter().any(|input| input.len() == 100));
        assert!(all.iter().any(|input| input.windows(4).any(|window| window == b"word")));
    }

    #[test]
    fn what_was_compared_is_replaced_where_it_stands() {
        let material = Material { others: &[], words: &[], comparisons: &[(0x1122_3344, 0x5566_7788)], length_max: 20 };
        let found = (0..2000).any(|seed| {
            let mut input = b"ab\x44\x33\x22\x11cd".to_vec();
            put_compared(&mut input, &material, &mut Numbers::new(seed));
            input == b"ab\x88\x77\x66\x55cd"
        });
        assert!(found);
    }
}
