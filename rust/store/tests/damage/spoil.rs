//! Devices with damage of all kinds: random bytes, blocks that are lost, exchanged or from another place, numbers that are huge, devices that are cut off.
//! Each answer is the right one, or an error; nothing panics, and nothing goes on for ever.
//!
//! `DAOS_STORE_SPOIL_SEEDS=n` tries n seeds, `DAOS_STORE_SPOIL_FIRST_SEED=n` starts at one.

use crate::dump::{Dump, is_damage};
use crate::flips::{ask, dumps_from_checkpoint_on, first_difference};
use crate::image::{Image, Written, written};
use crate::sample;
use daos_env::{Random, SeededRandom};
use daos_status::{Code, Result, Status};
use daos_testkit::seeds::Seeds;

const SEEDS: Seeds = Seeds::new("DAOS_STORE_SPOIL");
const BLOCK: usize = 4096;

struct Chance(SeededRandom);

impl Chance {
    fn below(&self, bound: usize) -> usize {
        (self.0.next_u64() % bound.max(1) as u64) as usize
    }

    fn bytes(&self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.0.next_u64() as u8).collect()
    }

    fn one_of<'a, T>(&self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

fn put(device: &mut [u8], at: usize, bytes: &[u8]) {
    let count = bytes.len().min(device.len() - at);
    device[at..at + count].copy_from_slice(&bytes[..count]);
}

/// Damages a device once; says how.
fn spoil(image: &mut Image, name: &str, chance: &Chance) -> String {
    let names: Vec<String> = image.keys().cloned().collect();
    let other = image[chance.one_of(&names)].clone();
    let device = image.get_mut(name).expect("it is there");
    let places = written(device);
    // All of it may be gone already.
    let at = if places.is_empty() { chance.below(device.len()) } else { *chance.one_of(&places) };
    let block = at / BLOCK * BLOCK;
    match chance.below(9) {
        0 => {
            let bytes = chance.bytes(1 + chance.below(300));
            put(device, at, &bytes);
            format!("{} random bytes at {at}", bytes.len())
        }
        1 => {
            let bytes = chance.bytes((1 + chance.below(8)) * BLOCK);
            put(device, block, &bytes);
            format!("{} random bytes at {block}", bytes.len())
        }
        2 => {
            let count = (1 + chance.below(4)) * BLOCK;
            put(device, block, &vec![0; count]);
            format!("{count} zeros at {block}")
        }
        3 => {
            let length = chance.below(device.len() / BLOCK + 1) * BLOCK;
            device.truncate(length.max(BLOCK));
            format!("cut to {} bytes", device.len())
        }
        4 => {
            let from = chance.below(other.len() / BLOCK) * BLOCK;
            put(device, block, &other[from..(from + BLOCK).min(other.len())]);
            format!("at {block}, a block of some device from {from}")
        }
        5 => {
            let with = if places.is_empty() { 0 } else { *chance.one_of(&places) / BLOCK * BLOCK };
            let (first, second) = (device[block..][..BLOCK].to_vec(), device[with..][..BLOCK].to_vec());
            put(device, block, &second);
            put(device, with, &first);
            format!("blocks at {block} and {with} exchanged")
        }
        6 => {
            let value: u64 = *chance.one_of(&[u64::MAX, u64::MAX / 2, 1 << 32, u64::from(u32::MAX), 1, 0]);
            put(device, at / 8 * 8, &value.to_le_bytes());
            format!("{value} at {}", at / 8 * 8)
        }
        7 => {
            // A sector that was never written, in the midst of what was.
            put(device, at / 512 * 512, &[0; 512]);
            format!("a sector of zeros at {}", at / 512 * 512)
        }
        _ => {
            let bit = chance.below(8);
            device[at] ^= 1 << bit;
            format!("bit {bit} of byte {at}")
        }
    }
}

/// What damage may be answered with: where a device is shorter than it was, reading it fails.
fn is_expected(status: &Status) -> bool {
    is_damage(status) || status.code() == Code::Io
}

fn agrees(found: &Dump, expected: &Dump) -> bool {
    found.len() == expected.len()
        && found.iter().all(|(question, answer)| match answer {
            Ok(answer) => expected[question].as_ref().is_ok_and(|expected| expected == answer),
            Err(status) => is_expected(status),
        })
}

#[test]
fn damage_of_all_kinds_is_an_error_or_hits_nothing() {
    let image = sample::make(false);
    let moments = dumps_from_checkpoint_on();
    let last = moments.last().expect("some");
    let names: Vec<String> = image.keys().cloned().collect();
    let (mut refused, mut erred, mut unharmed) = (0, 0, 0);
    for seed in SEEDS.range(50) {
        let chance = Chance(SeededRandom::new(seed));
        let mut spoiled = image.clone();
        let name = chance.one_of(&names);
        let damages: Vec<String> = (0..=chance.below(3)).map(|_| spoil(&mut spoiled, name, &chance)).collect();
        SEEDS.replayable(seed, &format!("{name}: {}", damages.join("; ")), || {
            let found: Result<Dump> = ask(Written::of(&spoiled).media(None));
            match found {
                Err(status) => {
                    assert!(is_expected(&status) || status.code() == Code::Nonexist, "{status}");
                    refused += 1;
                }
                Ok(found) => {
                    // The end of a log that is damaged cannot be told from one that was never acknowledged.
                    let is_torn_end = || name == "log" && moments.iter().any(|moment| agrees(&found, moment));
                    assert!(agrees(&found, last) || is_torn_end(), "{}", first_difference(&found, last));
                    *if found.values().all(Result::is_ok) { &mut unharmed } else { &mut erred } += 1;
                }
            }
        });
    }
    println!("{refused} refused, {erred} with errors, {unharmed} unharmed");
    assert!(refused > 0 && erred > 0 && unharmed > 0, "{refused} refused, {erred} with errors, {unharmed} unharmed");
}
