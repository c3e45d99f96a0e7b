//! Mounting: what is refused, and what other processes get.

use crate::harness::Rig;
use crate::{errno, make, mount};
use daos_client::{Container, ContainerFlags, Pool};
use daos_dfs::{Access, Attributes, FileSystem, MountOptions, NewFile, Node, OpenOptions, SetStatus, Timestamp};
use daos_types::{Epoch, ObjectClass, Reference};

async fn open(client: &daos_client::Client, pool: &Pool, label: &str, flags: ContainerFlags) -> Container {
    Container::open(client, pool, &Reference::parse(label).unwrap(), flags).await.unwrap()
}

#[test]
fn what_cannot_be_mounted_is_refused() {
    let rig = Rig::inside();
    make(&rig, "files");
    let (pool, plain) = (rig.pool.clone(), rig.container.clone());
    rig.run(move |client| async move {
        let refused = FileSystem::mount(&client, &plain, MountOptions::read_write()).await;
        assert_eq!(errno(refused), Some(libc::EINVAL));
        let container = open(&client, &pool, "files", ContainerFlags::READ_ONLY).await;
        // Given, as upstream gives it: what is refused is each change.
        let files = FileSystem::mount(&client, &container, MountOptions::read_write()).await.unwrap();
        let made = files.create_directory(&client, &files.root(), b"d", 0o755, ObjectClass::UNKNOWN).await;
        assert_eq!(errno(made), Some(libc::EPERM));
        let options = MountOptions { epoch: Epoch(1 << 60), ..MountOptions::read_write() };
        assert_eq!(errno(FileSystem::mount(&client, &container, options).await), Some(libc::EROFS));
        let files = FileSystem::mount(&client, &container, MountOptions::read_only()).await.unwrap();
        let root = files.root();
        let made = files.create_directory(&client, &root, b"d", 0o755, ObjectClass::UNKNOWN).await;
        assert_eq!(errno(made), Some(libc::EPERM));
        assert_eq!(errno(files.remove(&client, &root, b"d", true).await), Some(libc::EPERM));
        assert_eq!(errno(root.set_attribute(&client, b"x", vec![1], Default::default()).await), Some(libc::EPERM));
    });
}

#[test]
fn what_a_namespace_was_made_with_is_kept_and_used() {
    let rig = Rig::inside();
    let pool = rig.pool.clone();
    let wanted = Attributes {
        chunk_size: 4096,
        file_class: ObjectClass::S2,
        hints: "file:single".to_owned(),
        ..Attributes::default()
    };
    let given = wanted.clone();
    rig.run(move |client| async move {
        let properties = daos_client::ContainerProperties { label: "files".into(), ..Default::default() };
        FileSystem::create(&client, &pool, properties, given).await.unwrap();
        let bad = Attributes { file_class: ObjectClass(77), ..Attributes::default() };
        assert_eq!(errno(FileSystem::create(&client, &pool, Default::default(), bad).await), Some(libc::EINVAL));
    });
    let rig = rig.restart();
    let files = mount(&rig, "files");
    assert_eq!(files.attributes(), &wanted);
    rig.run(move |client| async move {
        let root = files.root();
        let new = NewFile { mode: 0o600, ..NewFile::default() };
        let file = files.open(&client, &root, b"f", OpenOptions::create(), new).await.unwrap();
        assert_eq!((file.chunk_size(), file.id().class()), (Ok(4096), ObjectClass::S2));
        // A directory may decide otherwise for what is made in it from then on, and below it.
        root.set_chunk_size(&client, 512).await.unwrap();
        root.set_class(&client, ObjectClass::S1).await.unwrap();
        let again = FileSystem::mount(&client, files.container(), MountOptions::read_write()).await.unwrap();
        let below = again.root().create_directories(&client, b"d/e", 0o755, ObjectClass::UNKNOWN).await.unwrap();
        let file = again.open(&client, &below, b"f", OpenOptions::create(), new).await.unwrap();
        assert_eq!((file.chunk_size(), file.id().class()), (Ok(512), ObjectClass::S1));
        let own = NewFile { class: ObjectClass::SX, chunk_size: 1 << 20, ..new };
        let file = again.open(&client, &below, b"g", OpenOptions::create(), own).await.unwrap();
        assert_eq!((file.chunk_size(), file.id().class()), (Ok(1 << 20), ObjectClass::SX));
    });
}

#[test]
fn global_forms_open_the_same_and_any_other_bytes_are_refused() {
    let rig = Rig::inside();
    let files = make(&rig, "files");
    rig.run(move |client| async move {
        let root = files.root();
        let below = root.create_directories(&client, b"a/b", 0o755, ObjectClass::UNKNOWN).await.unwrap();
        let file = files.open(&client, &below, b"f", OpenOptions::create(), NewFile::default()).await.unwrap();
        file.write(&client, 0, b"bytes".to_vec()).await.unwrap();
        let bytes = files.to_global();
        let other = FileSystem::from_global(files.container(), &bytes, Some(MountOptions::read_write())).unwrap();
        let given = FileSystem::from_global(files.container(), &bytes, None).unwrap();
        assert!(given.options().writable, "what is not asked for is inherited");
        assert!(Node::from_global(&given, &file.to_global().unwrap(), None).unwrap().access() == file.access());
        let same = Node::from_global(&other, &file.to_global().unwrap(), Some(Access::ReadOnly)).unwrap();
        assert_eq!(same.read(&client, 0, 10).await.unwrap(), b"bytes");
        assert_eq!(same.status(&client).await.unwrap().size, 5);
        let directory = Node::from_global(&other, &below.to_global().unwrap(), Some(Access::ReadWrite)).unwrap();
        let found = other.lookup_from(&client, &directory, b"f", Access::ReadOnly, true).await.unwrap();
        assert_eq!(found.id(), file.id());
        let up = other.lookup_from(&client, &directory, b"../b/f", Access::ReadOnly, true).await.unwrap();
        assert_eq!(up.id(), file.id());
        let further = other.lookup_from(&client, &directory, b"../../a", Access::ReadOnly, true).await;
        assert_eq!(errno(further), Some(libc::EINVAL), "what is above the directory above is not known");
        let again = Node::from_global(&other, &root.to_global().unwrap(), Some(Access::ReadOnly)).unwrap();
        assert!(again.is_root());

        for bytes in [bytes, file.to_global().unwrap(), below.to_global().unwrap()] {
            for position in 0..bytes.len() {
                assert!(
                    FileSystem::from_global(files.container(), &bytes[..position], Some(MountOptions::read_only()))
                        .is_err()
                );
                let mut changed = bytes.clone();
                changed[position] ^= 0xff;
                // Opened or refused, but nothing worse.
                let _mount = FileSystem::from_global(files.container(), &changed, Some(MountOptions::read_only()));
                let _node = Node::from_global(&files, &changed, Some(Access::ReadOnly));
            }
        }
    });
}

#[test]
fn times_that_are_set_hold_until_the_next_change() {
    let rig = Rig::inside();
    let files = make(&rig, "files");
    rig.run(move |client| async move {
        let root = files.root();
        let file = files.open(&client, &root, b"f", OpenOptions::create(), NewFile::default()).await.unwrap();
        let directory = root.create_directories(&client, b"d", 0o755, ObjectClass::UNKNOWN).await.unwrap();
        let old = Timestamp { seconds: 1_000_000, nanoseconds: 7 };
        let set = SetStatus { mtime: Some(old), ..SetStatus::default() };
        file.write(&client, 0, vec![1]).await.unwrap();
        for node in [&file, &directory] {
            let status = node.set_status(&client, set).await.unwrap();
            assert_eq!(status.mtime, old);
            assert!(status.ctime > old);
            assert_eq!(node.status(&client).await.unwrap().mtime, old);
        }
        file.write(&client, 1, vec![1]).await.unwrap();
        files.open(&client, &directory, b"x", OpenOptions::create(), NewFile::default()).await.unwrap();
        for node in [&file, &directory] {
            assert!(node.status(&client).await.unwrap().mtime > old, "{node:?}");
        }
        let refused = directory.set_status(&client, SetStatus { size: Some(1), ..SetStatus::default() }).await;
        assert_eq!(errno(refused), Some(libc::EISDIR));
    });
}
