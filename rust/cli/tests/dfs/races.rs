//! Many callers at once: one wins, and the others are told.

use crate::harness::Rig;
use crate::{errno, make};
use daos_client::array::run_bounded;
use daos_client::{Client, Container, ContainerFlags, ContainerProperties, ContainerType};
use daos_dfs::{Access, DfsError, FileSystem, Listing, MountOptions, NewFile, OpenOptions, Replace};
use daos_types::{ObjectClass, Reference};
use std::cell::RefCell;
use std::collections::BTreeSet;

const CALLERS: usize = 24;

/// Runs the same at many times at once, and gives what came of it.
async fn together<T, F: Future<Output = daos_dfs::Result<T>>>(call: impl Fn(usize) -> F) -> Vec<daos_dfs::Result<T>> {
    let results = RefCell::new(Vec::new());
    let calls = (0..CALLERS).map(|number| {
        let (call, results) = (&call, &results);
        async move {
            let result = call(number).await;
            results.borrow_mut().push(result);
            Ok::<(), DfsError>(())
        }
    });
    run_bounded(CALLERS, calls).await.unwrap();
    results.into_inner()
}

fn winners<T>(results: &[daos_dfs::Result<T>], other: i32) -> usize {
    let won = results.iter().filter(|result| result.is_ok()).count();
    let lost = results.iter().filter(|result| result.as_ref().is_err_and(|error| error.errno == other)).count();
    assert_eq!(won + lost, results.len(), "some ended otherwise");
    won
}

async fn create(client: &Client, files: &FileSystem, name: &str, exclusive: bool) -> daos_dfs::Result<daos_dfs::Node> {
    let options = OpenOptions { exclusive, ..OpenOptions::create() };
    let new = NewFile { mode: 0o600, ..NewFile::default() };
    files.open(client, &files.root(), name.as_bytes(), options, new).await
}

#[test]
fn one_creates_and_the_others_open_what_it_made() {
    let rig = Rig::inside();
    let files = make(&rig, "files");
    rig.run(move |client| async move {
        let made = together(|_| create(&client, &files, "exclusive", true)).await;
        assert_eq!(winners(&made, libc::EEXIST), 1);
        let opened = together(|_| create(&client, &files, "shared", false)).await;
        let ids: BTreeSet<_> = opened.into_iter().map(|node| node.unwrap().id()).collect();
        assert_eq!(ids.len(), 1, "all have the same file");
        let root = files.root();
        let made = together(|_| files.create_directory(&client, &root, b"d", 0o755, ObjectClass::UNKNOWN)).await;
        assert_eq!(winners(&made, libc::EEXIST), 1);
        let made = together(|_| files.create_symlink(&client, &root, b"l", b"d")).await;
        assert_eq!(winners(&made, libc::EEXIST), 1);
    });
}

#[test]
fn one_removes_and_the_others_find_nothing() {
    let rig = Rig::inside();
    let files = make(&rig, "files");
    rig.run(move |client| async move {
        let root = files.root();
        for round in 0..8 {
            create(&client, &files, "gone", true).await.unwrap();
            let removed = together(|_| files.remove(&client, &root, b"gone", false)).await;
            assert_eq!(winners(&removed, libc::ENOENT), 1, "round {round}");
        }
    });
}

#[test]
fn files_come_and_go_under_one_name_and_every_open_file_is_whole() {
    let rig = Rig::inside();
    let files = make(&rig, "files");
    rig.run(move |client| async move {
        let root = files.root();
        let results = together(|number| {
            let (client, files, root) = (&client, &files, &root);
            async move {
                // Written aside, then moved over the name that all share.
                let aside = format!("aside-{number}");
                for round in 0..6 {
                    let file = create(client, files, &aside, true).await?;
                    file.write(client, 0, vec![(number * 6 + round) as u8; 5000]).await?;
                    let (old, new) = ((root, aside.as_bytes()), (root, &b"target"[..]));
                    files.rename(client, old, new, Replace::Allowed).await?;
                    let found = files.lookup(client, b"/target", Access::ReadOnly, false).await?;
                    let bytes = found.read(client, 0, 10_000).await?;
                    // It may have been replaced, and so emptied, between the two calls; it is never half.
                    assert!(bytes.is_empty() || bytes.len() == 5000 && bytes.iter().all(|byte| *byte == bytes[0]));
                }
                Ok(())
            }
        })
        .await;
        results.into_iter().for_each(|result| result.unwrap());
        let mut names = BTreeSet::new();
        let mut listing = Listing::default();
        while !listing.is_at_end() {
            names.extend(root.list(&client, &mut listing, 100).await.unwrap());
        }
        assert_eq!(names, BTreeSet::from([b"target".to_vec()]), "nothing is left aside");
        assert_eq!(
            files.lookup(&client, b"/target", Access::ReadOnly, false).await.unwrap().size(&client).await,
            Ok(5000)
        );
    });
}

#[test]
fn first_mounts_at_once_make_one_namespace() {
    let rig = Rig::inside();
    let pool = rig.pool.clone();
    rig.run(move |client| async move {
        let properties =
            ContainerProperties { label: "plain".into(), kind: ContainerType::POSIX, ..ContainerProperties::default() };
        Container::create(&client, &pool, None, properties).await.unwrap();
        let reference = Reference::parse("plain").unwrap();
        let container = Container::open(&client, &pool, &reference, ContainerFlags::READ_WRITE).await.unwrap();
        let refused = FileSystem::mount(&client, &container, MountOptions::read_only()).await;
        assert_eq!(errno(refused), Some(libc::ENOENT));
        let mounts = together(|_| FileSystem::mount(&client, &container, MountOptions::read_write())).await;
        let mounts: Vec<_> = mounts.into_iter().map(|mount| mount.unwrap()).collect();
        assert!(mounts.iter().all(|mount| mount.root().id() == mounts[0].root().id()));
        for (number, files) in mounts.iter().enumerate() {
            create(&client, files, &number.to_string(), true).await.unwrap();
        }
        let mut ids = BTreeSet::new();
        for number in 0..CALLERS {
            let path = format!("/{number}");
            ids.insert(mounts[0].lookup(&client, path.as_bytes(), Access::ReadOnly, true).await.unwrap().id());
        }
        assert_eq!(ids.len(), CALLERS, "no two files share an object");
    });
}

#[test]
fn deep_and_wide_trees_are_removed() {
    let rig = Rig::inside();
    let files = make(&rig, "files");
    rig.run(move |client| async move {
        let root = files.root();
        let top = root.create_directories(&client, b"top", 0o755, ObjectClass::UNKNOWN).await.unwrap();
        top.create_directories(&client, "d/".repeat(1500).as_bytes(), 0o755, ObjectClass::UNKNOWN).await.unwrap();
        for number in 0..40 {
            let path = format!("w{number}/x");
            let below = top.create_directories(&client, path.as_bytes(), 0o755, ObjectClass::UNKNOWN).await.unwrap();
            files.open(&client, &below, b"f", OpenOptions::create(), NewFile::default()).await.unwrap();
        }
        assert_eq!(errno(files.remove(&client, &root, b"top", false).await), Some(libc::ENOTEMPTY));
        files.remove(&client, &root, b"top", true).await.unwrap();
        assert!(root.is_empty(&client).await.unwrap());
    });
}

/// A move within one target is one change: of several callers one makes it, and the others find nothing.
#[test]
fn one_moves_and_the_others_find_nothing() {
    let rig = Rig::inside();
    let files = make(&rig, "files");
    rig.run(move |client| async move {
        let root = files.root();
        for round in 0..8 {
            create(&client, &files, "from", true).await.unwrap();
            let moved = together(|number| {
                let (client, files, root) = (&client, &files, &root);
                async move {
                    let to = format!("to-{round}-{number}");
                    files.rename(client, (root, b"from"), (root, to.as_bytes()), Replace::Never).await
                }
            })
            .await;
            assert_eq!(winners(&moved, libc::ENOENT), 1, "round {round}");
        }
        let mut names = 0;
        let mut listing = Listing::default();
        while !listing.is_at_end() {
            names += root.list(&client, &mut listing, 100).await.unwrap().len();
        }
        assert_eq!(names, 8, "one for each round");
    });
}
