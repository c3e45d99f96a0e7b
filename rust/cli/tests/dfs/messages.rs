//! How many messages the everyday operations take: what metadata costs.

use crate::harness::Rig;
use crate::make;
use daos_client::{Client, LocalMode, TransportChoice};
use daos_dfs::{Access, NewFile, Node, OpenOptions, Replace, SetStatus, Timestamp};
use daos_types::ObjectClass;
use std::collections::BTreeSet;

/// Messages that a step sends.
async fn messages<T>(client: &Client, step: impl Future<Output = daos_dfs::Result<T>>) -> u64 {
    let sent = || client.traffic().unwrap().sent_messages;
    let before = sent();
    step.await.unwrap();
    sent() - before
}

#[test]
fn metadata_takes_few_messages() {
    let rig = Rig::inside();
    let files = make(&rig, "files");
    let pool = rig.pool.clone();
    rig.run(move |client| async move {
        let (client, root) = (&client, files.root());
        let create = OpenOptions { exclusive: true, ..OpenOptions::create() };
        // On one target, as small files are.
        let new = NewFile { mode: 0o644, class: ObjectClass::S1, ..NewFile::default() };
        // The first one asks the container for identifiers.
        files.open(client, &root, b"first", create, new).await.unwrap();
        assert_eq!(messages(client, files.open(client, &root, b"f", create, new)).await, 1, "create");
        let write = OpenOptions { access: Access::WriteOnly, ..OpenOptions::read() };
        let file = files.open(client, &root, b"f", write, new).await.unwrap();
        let shared = OpenOptions::create();
        assert_eq!(messages(client, files.open(client, &root, b"f", OpenOptions::read(), new)).await, 1, "open");
        assert_eq!(messages(client, files.open(client, &root, b"f", shared, new)).await, 2, "create what is there");
        // An engine within a process has as many targets as suit the machine.
        let both = if pool.query(client).await.unwrap().targets == 1 { 1 } else { 2 };
        assert_eq!(messages(client, files.status(client, &root, b"f")).await, both, "stat");
        assert_eq!(messages(client, files.see(client, &root, b"f")).await, both, "look-up of a kernel");
        assert_eq!(messages(client, file.status(client)).await, 2, "stat of an open file");
        let mode = SetStatus { mode: Some(0o600), ..SetStatus::default() };
        assert_eq!(messages(client, file.set_status(client, mode)).await, 3, "chmod of an open file");
        let time = SetStatus { mtime: Some(Timestamp { seconds: 1, nanoseconds: 2 }), ..SetStatus::default() };
        assert_eq!(messages(client, file.set_status(client, time)).await, 3, "utimens of an open file");
        assert_eq!(file.status(client).await.unwrap().mtime, Timestamp { seconds: 1, nanoseconds: 2 });
        let make = files.create_directory(client, &root, b"d", 0o755, ObjectClass::UNKNOWN);
        assert_eq!(messages(client, make).await, 1, "make a directory");
        // With one target the content goes with the name, when no file is open that could be it.
        files.open(client, &root, b"g", create, new).await.unwrap();
        assert_eq!(messages(client, files.remove(client, &root, b"g", false)).await, 2, "remove beside an open file");
        drop(file);
        for name in [&b"h"[..], b"i"] {
            files.open(client, &root, name, create, new).await.unwrap();
        }
        let rename = async |from: &[u8], to: &[u8]| {
            messages(client, files.rename(client, (&root, from), (&root, to), Replace::Allowed)).await
        };
        let moves = (rename(b"h", b"j").await, rename(b"i", b"j").await);
        assert_eq!(moves, (1, both), "to a new name, over a file");
        let removal = messages(client, files.remove(client, &root, b"j", false)).await;
        assert_eq!(removal, both, "what was moved is removed as any other");
        files.create_directory(client, &root, b"e", 0o755, ObjectClass::UNKNOWN).await.unwrap();
        assert_eq!((rename(b"e", b"k").await, rename(b"d", b"k").await), (1, 4), "a directory, over an empty one");
        assert_eq!(rename(b"k", b"d").await, 1);
        assert_eq!(messages(client, files.remove(client, &root, b"f", false)).await, both, "remove");
        assert_eq!(messages(client, files.remove(client, &root, b"d", false)).await, 4, "remove a directory");
    });
}

/// Makes a file on one target.
async fn put(client: &Client, directory: &Node, name: &[u8]) {
    let new = NewFile { mode: 0o644, class: ObjectClass::S1, ..NewFile::default() };
    directory.file_system().open(client, directory, name, OpenOptions::create(), new).await.unwrap();
}

/// Directories lie on one target each, and a pool has more: a move to another one is made in steps.
#[test]
fn moves_between_targets_take_more() {
    let rig = Rig::new((LocalMode::Process, TransportChoice::default(), Some(2)), 512 << 20);
    let files = make(&rig, "files");
    rig.run(move |client| async move {
        let (client, root) = (&client, files.root());
        let target = root.create_directories(client, b"target", 0o755, ObjectClass::S1).await.unwrap();
        let move_to = async |from: &Node, name: &[u8]| {
            messages(client, files.rename(client, (from, b"f"), (&target, name), Replace::Allowed)).await
        };
        let mut counts = [(); 4].map(|()| BTreeSet::new());
        for number in 0..16 {
            let (directory, name) = (format!("d{number}").into_bytes(), format!("g{number}").into_bytes());
            let directory = root.create_directories(client, &directory, 0o755, ObjectClass::S1).await.unwrap();
            put(client, &directory, b"f").await;
            counts[0].insert(move_to(&directory, &name).await);
            counts[1].insert(messages(client, files.remove(client, &target, &name, false)).await);
            for _ in 0..2 {
                put(client, &directory, b"f").await;
                put(client, &target, &name).await;
                counts[2].insert(move_to(&directory, &name).await);
            }
            let again = files.rename(client, (&target, &name), (&target, b"again"), Replace::Allowed);
            counts[3].insert(messages(client, again).await);
            files.remove(client, &target, b"again", false).await.unwrap();
        }
        let [moves, removals, replacements, again] = counts;
        // Some directories are at the target of the other one.
        assert_eq!(moves, BTreeSet::from([1, 6]), "to a new name");
        assert_eq!(removals, BTreeSet::from([2, 4]), "removal of what was moved");
        assert_eq!(replacements, BTreeSet::from([2, 8, 9]), "over a file, and over one that was moved");
        assert_eq!(again, BTreeSet::from([1, 3]), "once more, within the directory");
    });
}
