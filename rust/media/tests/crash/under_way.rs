//! A batch of the log that is begun while another is under way.

use crate::workload::{environment, executor};
use daos_env::{IoBuffer, Spawner};
use daos_media::{
    ArenaSettings, Durability, DurableArena, ExtentAllocator, Media, Offset, Transaction, blocks_checksum,
};
use daos_sim::media::SimMedia;
use daos_status::Result;
use std::rc::Rc;

const ROOT_NEWEST: usize = 0;
const ROOT_EXTENTS: usize = 1;
const BLOCKS: u64 = 16;
/// Two of them fill a batch of the smallest log.
const RECORD_BYTES: usize = 10_000;
const SETTINGS: ArenaSettings = ArenaSettings {
    arena_capacity: 2 << 20,
    log_bytes: 148 << 10,
    data_bytes: BLOCKS * 4096,
    durability: Durability::Log,
};

fn fill(transaction: &mut Transaction<'_>, records: &[Offset], byte: u8) -> Result<()> {
    records.iter().try_for_each(|record| transaction.write(record.get(), &[byte; RECORD_BYTES]))?;
    transaction.set_root(ROOT_NEWEST, u64::from(byte))
}

/// Two commits fill a batch each, with no wait between them. The first points at a value, which the second gives up if it is to; then the
/// block is written with something else, and the process killed. How many batches were under way at once.
async fn two_commits(media: Rc<dyn Media>, spawner: Spawner, gives_up: bool) -> Result<u32> {
    let durable = DurableArena::create(media, SETTINGS, environment(1), &spawner).await?;
    let mut transaction = durable.arena().begin();
    let records = [transaction.allocate(RECORD_BYTES)?, transaction.allocate(RECORD_BYTES)?];
    let root = ExtentAllocator::format(&mut transaction, BLOCKS)?;
    transaction.set_root(ROOT_EXTENTS, root.get())?;
    durable.wait_durable(durable.commit(transaction)?).await?;
    let extents = ExtentAllocator::open(&durable, root, 0)?;
    // The first block of all takes a piece of the bitmap along.
    let other = extents.reserve(1)?[0];
    let mut transaction = durable.arena().begin();
    extents.publish(&mut transaction, other)?;
    durable.wait_durable(durable.commit(transaction)?).await?;
    let range = extents.reserve(1)?[0];
    let value = IoBuffer::copy_of(&[7; 4096]);
    let checksum = blocks_checksum(&value);
    durable.data().write(range.offset(), value).await.1?;

    let mut transaction = durable.arena().begin();
    fill(&mut transaction, &records, 1)?;
    extents.publish_written(&mut transaction, range, checksum)?;
    let first = durable.commit(transaction)?;
    let mut transaction = durable.arena().begin();
    fill(&mut transaction, &records, 2)?;
    if gives_up {
        extents.release(&mut transaction, range)?;
    }
    let second = durable.commit(transaction)?;
    assert!(durable.durable() < first, "the first is under way");
    durable.wait_durable(second).await?;
    if gives_up {
        durable.data().write(range.offset(), IoBuffer::copy_of(&[9; 4096])).await.1?;
    }
    Ok(durable.statistics().batches_under_way_max)
}

/// As soon as the second is durable, the block may be written anew: when it had been begun beside the first, nothing would prove the first any more, and both
/// would be given up though they were acknowledged.
#[test]
fn crash_after_blocks_of_a_batch_under_way_were_given_up_loses_nothing() {
    for (seed, gives_up) in (0..20).flat_map(|seed| [(seed, true), (seed, false)]) {
        let media = SimMedia::new(seed);
        let life = executor();
        let under_way = life
            .block_on(two_commits(Rc::new(media.clone()), life.spawner().clone(), gives_up))
            .expect("it ends")
            .expect("it works");
        assert_eq!(under_way, if gives_up { 1 } else { 2 }, "seed {seed}");
        drop(life);
        media.restart_process();
        let next = executor();
        let (folder, spawner) = (Rc::new(media), next.spawner().clone());
        let newest = async move {
            let durable = DurableArena::open(folder, environment(2), &spawner).await?;
            durable.arena().root(ROOT_NEWEST)
        };
        assert_eq!(next.block_on(newest).expect("it ends").expect("it opens"), 2, "seed {seed}, gives up: {gives_up}");
    }
}
