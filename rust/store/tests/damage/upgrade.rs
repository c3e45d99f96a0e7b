//! The power is cut while a store of an older version becomes one of the present version: it is of one of the two afterwards, and answers as before.
//!
//! `DAOS_STORE_UPGRADE_SEEDS=n` runs n seeds of each test, `DAOS_STORE_UPGRADE_FIRST_SEED=n` starts at one,
//! and `DAOS_STORE_UPGRADE_CUTS=n` bounds the cuts behind the upgrade (0: all).

use crate::dump::{Dump, dump};
use crate::golden::image_of_version_2;
use crate::image::{Image, environment, executor};
use crate::sample::{self, CHANGES, change};
use daos_env::IoBuffer;
use daos_media::{DurableArena, Media};
use daos_sim::media::SimMedia;
use daos_status::{Code, Result};
use daos_store::{Durability, Store};
use daos_testkit::seeds::Seeds;
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

const SEEDS: Seeds = Seeds::new("DAOS_STORE_UPGRADE");

/// Answers by their questions; of errors the codes, since their texts name the media.
type Answers = BTreeMap<String, std::result::Result<String, Code>>;

/// What is written at once.
const PIECE: usize = 4 << 10;

/// Where the superblock has its version, behind what the first root of the arena names.
const VERSION_AT: u64 = 8;

fn answers(dump: Dump) -> Answers {
    dump.into_iter().map(|(question, answer)| (question, answer.map_err(|status| status.code()))).collect()
}

/// One life of a process; `None` when nothing happens any more before its end. What is under way then is never done.
fn live<T: 'static, F: Future<Output = T> + 'static>(
    media: &SimMedia,
    work: impl FnOnce(Rc<dyn Media>, daos_env::Spawner) -> F,
) -> Option<T> {
    let executor = executor();
    let spawner = executor.spawner().clone();
    let mut handle = pin!(spawner.spawn(work(Rc::new(media.clone()), spawner.clone())));
    executor.run_until_stalled();
    match handle.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => None,
    }
}

/// Devices that hold the golden image of version 2.
fn golden(seed: u64, image: &Image) -> SimMedia {
    let media = SimMedia::new(seed);
    let executor = executor();
    for (name, bytes) in image {
        let device = media.create(name, bytes.len() as u64).expect("create");
        let pieces = bytes.chunks(PIECE).enumerate().filter(|(_, piece)| piece.iter().any(|byte| *byte != 0));
        let writes = pieces.map(|(index, piece)| device.write((index * PIECE) as u64, IoBuffer::copy_of(piece)));
        for write in writes.collect::<Vec<_>>() {
            executor.block_on(async move { write.await.1 }).expect("done").expect("write");
        }
        executor.block_on(async move { device.sync().await }).expect("done").expect("sync");
    }
    media
}

/// Persistent memory with the sample, whose superblock says that it is of version 2: the records of it that are not do not matter here.
fn persistent_memory(seed: u64) -> SimMedia {
    let media = SimMedia::new(seed);
    sample::make_on(Rc::new(media.clone()), Durability::Pmem, true);
    let made = live(&media, async |folder, spawner| {
        let durable = DurableArena::open(folder, environment(), &spawner).await?;
        let at = durable.arena().root(0)? + VERSION_AT;
        let mut transaction = durable.arena().begin();
        transaction.write(at, &2u32.to_le_bytes())?;
        durable.wait_durable(durable.commit(transaction)?).await
    });
    made.expect("it ends").expect("it is written");
    media.power_cycle();
    media
}

/// What a process does that finds the store: it reads everything, changes something and ends. With it, how often a persist operation had
/// happened when the store was open.
async fn open_and_go_on(media: SimMedia, folder: Rc<dyn Media>, spawner: daos_env::Spawner) -> Result<[Life; 2]> {
    let store = Store::open(folder, environment(), &spawner).await?;
    let opened = Life { persists: media.persists(), answers: answers(dump(&store).await) };
    change(&store, CHANGES).await?;
    let changed = Life { persists: media.persists(), answers: answers(dump(&store).await) };
    store.close().await?;
    Ok([opened, changed])
}

/// What a store answered at a moment.
struct Life {
    persists: u64,
    answers: Answers,
}

/// The version of the store and all that it answers, which is the present one from then on.
fn look(media: &SimMedia) -> (u32, Answers) {
    let found = live(media, async |folder, spawner| {
        let durable = DurableArena::open(folder.clone(), environment(), &spawner).await?;
        let version = durable.arena().read_value::<u32>(durable.arena().root(0)? + VERSION_AT)?;
        drop(durable);
        let store = Store::open(folder, environment(), &spawner).await?;
        Ok((version, answers(dump(&store).await)))
    });
    let found: Result<(u32, Answers)> = found.expect("with the power on, everything comes to an end");
    found.expect("it opens")
}

fn assert_same(found: &Answers, expected: &Answers) {
    for (question, answer) in found {
        assert_eq!(answer, &expected[question], "{question}");
    }
    assert_eq!(found.len(), expected.len());
}

/// Lives until the power is cut, or to the end.
fn work(media: &SimMedia) -> Option<Result<[Life; 2]>> {
    let own = media.clone();
    live(media, |folder, spawner| open_and_go_on(own, folder, spawner))
}

/// Cuts the power after each persist operation of the open, and after some from there to the end of the close, and again in the life that follows.
fn cut_everywhere(seed: u64, make: impl Fn(u64) -> SimMedia) {
    let media = make(seed);
    let before = media.persists();
    let lives = work(&media).expect("it ends").expect("nothing fails");
    let [opened, changed] = &lives;
    let all = media.persists();
    assert!(before < opened.persists && opened.persists < changed.persists && changed.persists < all);
    assert_ne!(opened.answers, changed.answers, "the change shows");
    let mut versions = BTreeMap::<u32, u64>::new();
    let later = SEEDS.places(seed, all - opened.persists, 8).map(|place| opened.persists + place);
    for cut in (before..=opened.persists).chain(later) {
        SEEDS.replayable(seed, &format!("cut after {cut} persists, of {before} to {all}"), || {
            let cut_once = || {
                let media = make(seed);
                media.cut_power_at(cut);
                let _ = work(&media);
                assert!(media.is_off(), "it was cut");
                if cut % 3 == 0 {
                    media.restart_process()
                } else {
                    media.power_cycle()
                }
                media
            };
            let media = cut_once();
            *versions.entry(check(&media, &lives, cut)).or_default() += 1;
            // What was read from it is durable now.
            media.power_cycle();
            assert_eq!(look(&media).0, 3);
            // The life after it is cut, too: somewhere in its own upgrade, or behind it.
            let media = cut_once();
            media.cut_power_at(media.persists() + (cut * 7 + seed) % (all - before));
            let _ = work(&media);
            media.forget_plans();
            media.power_cycle();
            check(&media, &lives, cut);
        });
    }
    assert!(versions[&2] > 0 && versions[&3] > 0, "cuts before and behind it: {versions:?}");
}

/// Looks at what a cut has left; the version of the store.
fn check(media: &SimMedia, [opened, changed]: &[Life; 2], cut: u64) -> u32 {
    let (version, found) = look(media);
    let is_told = |life: &Life| cut >= life.persists;
    assert!(version == 3 || version == 2 && !is_told(opened), "version {version}");
    let may_be_as_before = !is_told(changed) && found == opened.answers;
    if !may_be_as_before {
        assert_same(&found, &changed.answers);
        assert_eq!(version, 3, "nothing is changed before it");
    }
    version
}

#[test]
fn power_cuts_leave_a_store_of_the_old_version_or_of_the_new_one() {
    let image = image_of_version_2();
    SEEDS.range(1).for_each(|seed| cut_everywhere(seed, |seed| golden(seed, &image)));
}

#[test]
fn power_cuts_leave_persistent_memory_of_the_old_version_or_of_the_new_one() {
    SEEDS.range(1).for_each(|seed| cut_everywhere(seed, persistent_memory));
}
