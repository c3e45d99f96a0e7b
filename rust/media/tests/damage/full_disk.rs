//! A file system that is full, and takes space also to write over what is there: copy on write.

use crate::image::{CHECKPOINT, DATA, Image, LOG, environment, executor};
use crate::values::{last_value, note, sample_with_value};
use daos_env::IoBuffer;
use daos_media::{DurableArena, Media};
use daos_sim::media::{Fault, SimMedia};
use daos_status::{Code, Result};
use std::rc::Rc;

/// Simulated devices with the bytes of an image.
fn devices_of(image: &Image) -> SimMedia {
    let (media, executor) = (SimMedia::new(3), executor());
    for name in [CHECKPOINT, LOG, DATA] {
        let bytes = &image[name];
        let device = media.create(name, bytes.len() as u64).expect("create");
        for (index, block) in bytes.chunks(4096).enumerate().filter(|(_, block)| block.iter().any(|byte| *byte != 0)) {
            let write = device.write(index as u64 * 4096, IoBuffer::copy_of(block));
            executor.block_on(async move { write.await.1 }).expect("done").expect("write");
        }
        let sync = device.sync();
        executor.block_on(sync).expect("done").expect("sync");
    }
    media
}

/// Opens it and changes something: what root 0 is, and what came of the change.
fn open(media: &SimMedia) -> Result<(u64, Result<()>)> {
    let (folder, executor) = (Rc::new(media.clone()), executor());
    let spawner = executor.spawner().clone();
    let open = async move {
        let durable = DurableArena::open(folder, environment(), &spawner).await?;
        let root = durable.arena().root(0)?;
        let first: u64 = durable.arena().read_value(root)?;
        let number = durable.arena().read_value(first + 8)?;
        let mut transaction = durable.arena().begin();
        transaction.allocate(100)?;
        let changed = match durable.commit(transaction) {
            Ok(lsn) => durable.wait_durable(lsn).await,
            Err(status) => Err(status),
        };
        Ok((number, changed))
    };
    executor.block_on(open).expect("it ends")
}

/// Opening has to take a batch back that did not count, which is a write. Where there is no space for it, what is there can be read, changes are
/// refused with the reason, and nothing is lost when there is space again.
#[test]
fn a_full_disk_leaves_an_arena_that_can_be_read() {
    let (mut image, number) = sample_with_value();
    let (place, sequence) = last_value(&image);
    note(&mut image, sequence - 1);
    image.get_mut(DATA).expect("there")[place] ^= 1;
    let (mut read_only, mut refused) = (0, 0);
    for call in 1.. {
        let media = devices_of(&image);
        let first = media.calls();
        media.fail_call(first + call, Fault::NoSpace);
        match open(&media) {
            Err(status) => {
                assert_eq!(status.code(), Code::Nospace, "call {call}: {status}");
                refused += 1;
            }
            Ok((found, Err(status))) => {
                assert_eq!((found, status.code()), (number - 1, Code::Nospace), "call {call}: {status}");
                read_only += u64::from(status.context().contains("can only be read"));
            }
            Ok((found, Ok(()))) => assert_eq!(found, number - 1),
        }
        let is_reached = media.calls() >= first + call;
        media.power_cycle();
        media.forget_plans();
        let (found, changed) = open(&media).expect("there is space again");
        assert_eq!((found, changed.is_ok()), (number - 1, true), "call {call}");
        if !is_reached {
            break;
        }
    }
    assert!(
        read_only == 1 && refused > 0,
        "{read_only} of the calls took something back, {refused} opens were refused"
    );
}
