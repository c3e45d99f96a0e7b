//! Bits that flip.

use crate::dump::{Dump, dump, is_damage};
use crate::image::{Bit, Written, environment, executor, written};
use crate::sample::{self, CHANGES, change, make_containers};
use daos_env::{Random, SeededRandom};
use daos_media::{Media, MemoryMedia};
use daos_status::{Code, Result};
use daos_store::Store;
use daos_testkit::seeds::variable;
use std::rc::Rc;

/// Opens devices and asks for everything.
pub fn ask(media: impl Media + 'static) -> Result<Dump> {
    let (found, changed) = ask_and_change(media)?;
    if let Err(status) = changed {
        assert!(is_damage(&status), "{status}");
    }
    Ok(found)
}

/// As [`ask`]; with it, what became of one more change.
pub fn ask_and_change(media: impl Media + 'static) -> Result<(Dump, Result<()>)> {
    let executor = executor();
    let spawner = executor.spawner().clone();
    let work = async move {
        let store = Store::open(Rc::new(media), environment(), &spawner).await?;
        let found = dump(&store).await;
        // It also goes on: what is damaged does not spread to what is whole.
        let changed = change(&store, CHANGES).await;
        Ok((found, changed))
    };
    executor.block_on(work).expect("it ends")
}

/// What a new store answers that has done all that the finished sample has.
pub fn dump_of_finished() -> Dump {
    let executor = executor();
    let spawner = executor.spawner().clone();
    let work = async move {
        let store = Store::create(Rc::new(MemoryMedia::new()), sample::settings(), environment(), &spawner).await?;
        make_containers(&store).await?;
        for number in 0..CHANGES {
            change(&store, number).await?;
        }
        sample::finish(&store).await?;
        Ok(dump(&store).await)
    };
    let dump: Result<Dump> = executor.block_on(work).expect("it ends");
    dump.expect("made")
}

/// What the sample answers after so many changes and all later ones: from the checkpoint on, any of these may be what is left of a log
/// whose last batches were damaged, which cannot be told from batches that were never acknowledged.
pub fn dumps_from_checkpoint_on() -> Vec<Dump> {
    let executor = executor();
    let spawner = executor.spawner().clone();
    let work = async move {
        let store = Store::create(Rc::new(MemoryMedia::new()), sample::settings(), environment(), &spawner).await?;
        make_containers(&store).await?;
        let mut dumps = Vec::new();
        for number in 0..CHANGES {
            if number >= CHANGES / 2 {
                dumps.push(dump(&store).await);
            }
            change(&store, number).await?;
        }
        dumps.push(dump(&store).await);
        Ok(dumps)
    };
    let dumps: Result<Vec<Dump>> = executor.block_on(work).expect("it ends");
    dumps.expect("made")
}

/// Whether every answer is that of one moment, or an error.
pub fn agrees(found: &Dump, expected: &Dump) -> bool {
    assert_eq!(found.len(), expected.len());
    found.iter().all(|(question, answer)| match answer {
        Ok(answer) => expected[question].as_ref().is_ok_and(|expected| expected == answer),
        Err(status) => is_damage(status),
    })
}

/// Flips bits of a device; how many were noticed at opening, and how many by an answer.
fn flip(device: &str, count: u64) -> (u64, u64) {
    let image = sample::make(false);
    let moments = dumps_from_checkpoint_on();
    let last = moments.last().expect("some");
    let (places, image) = (written(&image[device]), Written::of(&image));
    let step = if count == 0 { 1 } else { (places.len() as u64).div_ceil(count) } as usize;
    let seed = variable("DAOS_STORE_FIRST_FLIP", 1);
    let random = SeededRandom::new(seed);
    let (mut at_opening, mut by_answers) = (0, 0);
    for place in places.into_iter().skip((random.next_u64() % step as u64) as usize).step_by(step) {
        let bit = Bit { device, byte: place, bit: random.next_u64() % 8 };
        let what = format!("DAOS_STORE_FIRST_FLIP={seed}: {bit:?}");
        let outcome = std::panic::catch_unwind(|| ask(image.media(Some(bit))));
        match outcome {
            Err(_) => panic!("{what}"),
            Ok(Err(status)) => {
                let expected = is_damage(&status) || status.code() == Code::Nonexist;
                assert!(expected && status.context().contains(device), "{what}: {status}");
                at_opening += 1;
            }
            Ok(Ok(found)) => {
                let is_last = agrees(&found, last);
                let is_torn_end = || device == "log" && moments.iter().any(|moment| agrees(&found, moment));
                assert!(is_last || is_torn_end(), "{what}: a wrong answer: {}", first_difference(&found, last));
                by_answers += u64::from(found.values().any(Result::is_err));
            }
        }
    }
    (at_opening, by_answers)
}

pub fn first_difference(found: &Dump, expected: &Dump) -> String {
    let differs = |(question, answer): &(&String, &Result<String>)| match answer {
        Ok(answer) => expected[*question].as_ref().ok() != Some(answer),
        Err(status) => !is_damage(status),
    };
    let Some((question, answer)) = found.iter().find(differs) else { return String::new() };
    format!("{question}: {answer:.300?} instead of {:.300?}", expected[question])
}

#[test]
fn the_sample_answers_as_it_did() {
    let found = ask(Written::of(&sample::make(false)).media(None)).expect("opens");
    let moments = dumps_from_checkpoint_on();
    assert_eq!(found, *moments.last().expect("some"));
    let shows = moments.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(shows * 3 > moments.len() * 2, "most changes show: {shows}");
    assert!(found.values().all(Result::is_ok));
}

#[test]
fn flipped_bits_of_the_checkpoint_are_noticed_or_hit_nothing() {
    let (at_opening, _) = flip("checkpoint", variable("DAOS_STORE_FLIPS", 150));
    assert!(at_opening > 0);
}

#[test]
fn flipped_bits_of_the_log_are_noticed_or_hit_its_end() {
    let (at_opening, _) = flip("log", variable("DAOS_STORE_FLIPS", 150));
    assert!(at_opening > 0);
}

#[test]
fn flipped_bits_of_values_are_noticed() {
    let (_, by_answers) = flip("data", variable("DAOS_STORE_FLIPS", 150));
    assert!(by_answers > 0);
}

#[test]
#[ignore = "slow: a bit of every byte of metadata that is written, and many of values"]
fn a_flipped_bit_in_every_byte_is_noticed_or_hits_nothing() {
    flip("checkpoint", 0);
    flip("log", 0);
    flip("data", 3000);
}
