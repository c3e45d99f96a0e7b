//! Compares the listing of whole objects, with their values, with the model.

use crate::check::check_keys;
use crate::generate::{CONTAINER, Generator};
use crate::model::{Kind, Model};
use daos_store::{ListedExtent, Store, TreeAnchor, TreeEntry, TreeRequest};
use daos_types::{Epoch, Key, ObjectId};

/// Values of this many bytes lie on the data device and are never embedded.
const ON_DEVICE: u64 = 4096;

/// What was listed below one akey.
type Values = Vec<TreeEntry>;

/// A dkey with its akeys, these with their values.
type Listed = Vec<(Key, Vec<(Key, Values)>)>;

/// Lists everything, a few entries at a time, and hands each anchor over in its bytes.
async fn list(store: &Store, generator: &Generator, object: ObjectId, epoch: u64, embed: usize) -> Listed {
    let mut all = Listed::new();
    let mut anchor = TreeAnchor::Start;
    while anchor != TreeAnchor::End {
        let (count, bytes) = (generator.below(9) as usize, generator.below(5000) as usize);
        let request = TreeRequest { container: CONTAINER, object, epoch: Epoch(epoch), count, bytes, embed };
        let listing = store.list_tree(&request, &anchor).await.expect("list");
        assert!(listing.entries.len() <= count.max(1));
        assert!(
            !listing.entries.is_empty() || listing.next == TreeAnchor::End,
            "nothing was listed, but more is there"
        );
        for entry in listing.entries {
            match entry {
                TreeEntry::Dkey(dkey) => all.push((dkey, Vec::new())),
                TreeEntry::Akey(akey) => all.last_mut().expect("below a dkey").1.push((akey, Vec::new())),
                value => {
                    let akeys = &mut all.last_mut().expect("below a dkey").1;
                    akeys.last_mut().expect("below an akey").1.push(value);
                }
            }
        }
        anchor = TreeAnchor::decode(&listing.next.encode()).expect("valid");
    }
    all
}

/// Compares all that is below an object.
pub async fn check(store: &Store, model: &Model, generator: &Generator, object: ObjectId, epoch: u64) {
    let embed = *generator.pick(&[0, 20, 4096]);
    let all = list(store, generator, object, epoch, embed).await;
    let dkeys = all.iter().map(|(dkey, _)| dkey.clone()).collect();
    check_keys(object.object_type().dkey_kind(), dkeys, model.dkeys(object, epoch));
    for (dkey, akeys) in all {
        let names = akeys.iter().map(|(akey, _)| akey.clone()).collect();
        check_keys(object.object_type().akey_kind(), names, model.akeys(object, &dkey, epoch));
        for (akey, found) in akeys {
            let expected = values(model, object, (&dkey, &akey), epoch, embed);
            assert_eq!(found, expected, "object {object}, dkey {dkey:?}, akey {akey:?} at {epoch}");
        }
    }
}

fn values(model: &Model, object: ObjectId, (dkey, akey): (&Key, &Key), epoch: u64, embed: usize) -> Values {
    let embedded = |bytes: &[u8], stored: u64| {
        let lies_in_arena = stored < ON_DEVICE && bytes.len() <= embed;
        lies_in_arena.then(|| bytes.to_vec().into())
    };
    match model.kind(object, dkey, akey) {
        Kind::Array(record_size) => {
            let runs = model.runs(object, dkey, akey, epoch).into_iter();
            let entry = |run: crate::model::Run| {
                let data = run.bytes.as_ref().and_then(|bytes| embedded(bytes, run.stored_records * record_size));
                let (extent, epoch, punched) = (run.extent, Epoch(run.epoch), run.bytes.is_none());
                TreeEntry::Extent { extent: ListedExtent { extent, epoch, record_size, punched }, data }
            };
            runs.map(entry).collect()
        }
        _ => {
            let (epoch, bytes) = model.single(object, dkey, akey, epoch).expect("it exists");
            let size = bytes.len() as u64;
            vec![TreeEntry::Single { epoch: Epoch(epoch), size, data: embedded(&bytes, size) }]
        }
    }
}
