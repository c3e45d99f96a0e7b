//! How many messages the everyday operations take: what metadata costs.

use crate::harness::Rig;
use crate::make;
use daos_client::Client;
use daos_dfs::{Access, NewFile, OpenOptions, Replace, SetStatus, Timestamp};
use daos_types::ObjectClass;

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
        let removal = messages(client, files.remove(client, &root, b"j", false)).await;
        assert_eq!((moves, removal), ((6, 10), 5), "to a new name, over a file; a removal of what was moved");
        assert_eq!(messages(client, files.remove(client, &root, b"f", false)).await, both, "remove");
        assert_eq!(messages(client, files.remove(client, &root, b"d", false)).await, 4, "remove a directory");
    });
}
