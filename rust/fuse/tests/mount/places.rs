//! Mounts of a pool, of the whole system, and links from one container into another.

use crate::calls::{attribute, attribute_names, number, set_attribute};
use crate::rig::{self, CONTAINER, POOL, Rig};
use daos_client::ContainerType;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

#[test]
fn the_containers_of_a_pool_are_directories() {
    let Some(rig) = Rig::new() else { return };
    rig.create_container("other");
    let mount = rig.mount_at("pool", &[POOL]);
    let mut names: Vec<String> = fs::read_dir(&mount.path)
        .expect("listed")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    assert_eq!(names, [CONTAINER, "other"]);
    fs::write(mount.join("home/file"), b"x").expect("written");
    fs::write(mount.join("other/file"), b"another").expect("written");
    assert_eq!(fs::read(mount.join("home/file")).expect("read"), b"x");
    assert_eq!(number(fs::rename(mount.join("home/file"), mount.join("other/moved"))), libc::EXDEV);
    assert_eq!(number(fs::metadata(mount.join("nothing"))), libc::ENOENT);
    assert_ne!(number(fs::create_dir(mount.join("nothing"))), 0);
    let whole = rig.mount_at("system", &[]);
    assert_eq!(fs::read(whole.join("tank/home/file")).expect("read"), b"x");
    assert_eq!(number(fs::read_dir(&whole.path).and_then(|mut list| list.next().expect("an answer"))), libc::ENOTSUP);
}

#[test]
fn a_directory_can_be_a_link_to_a_container() {
    let Some(rig) = Rig::new() else { return };
    rig.create_container("other");
    let direct = rig.mount_at("direct", &[POOL, "other"]);
    fs::write(direct.join("file"), b"over there").expect("written");
    let mount = rig.mount();
    fs::create_dir(mount.join("entry")).expect("made");
    set_attribute(&mount.join("entry"), "user.daos", b"DAOS.POSIX://tank/other", 0).expect("set");
    // Another mount knows nothing of the directory before, and so finds the link at once.
    let another = rig.mount_with("another", &[]);
    assert_eq!(fs::read(another.join("entry/file")).expect("read"), b"over there");
    fs::write(another.join("entry/new"), b"x").expect("written");
    assert_eq!(fs::read(direct.join("new")).expect("read"), b"x");
    assert_eq!(number(fs::rename(another.join("entry/new"), another.join("new"))), libc::EXDEV);
    let inodes = [another.path.clone(), another.join("entry"), another.join("entry/file")];
    let numbers: BTreeSet<u64> = inodes.iter().map(|path| fs::metadata(path).expect("there").ino()).collect();
    assert_eq!(numbers.len(), 3, "numbers of two containers do not meet");
    let listed = fs::read_dir(&another.path).expect("listed").count();
    assert_eq!(listed, 1);
    // The root of a container says which one it is, as a link would, and keeps that to itself otherwise.
    let value = |path: &std::path::Path| attribute(path, "user.daos").map_err(|error| error.raw_os_error());
    let [own, linked] = [&another.path, &another.join("entry")].map(|path| value(path).expect("a link"));
    assert!(own.starts_with(b"DAOS.POSIX://") && linked.starts_with(b"DAOS.POSIX://") && own != linked);
    assert_eq!(value(&another.join("entry/file")), Err(Some(libc::ENODATA)));
    assert!(attribute_names(&another.path).expect("listed").is_empty());
    // The same path names the container on the command line.
    let by_path = rig.mount_at("by-path", &["--path", mount.join("entry").to_str().expect("UTF-8")]);
    assert_eq!(fs::read(by_path.join("file")).expect("read"), b"over there");
}

/// Names that are looked up at the same time once made two of one container, and each look at a pool by its label, or at a
/// container without a namespace, left a handle behind.
#[test]
fn pools_and_containers_are_opened_once() {
    let Some(rig) = Rig::new() else { return };
    rig.create_container_of(POOL, "plain", ContainerType::UNKNOWN);
    let (_, before) = rig.handles(POOL, CONTAINER);
    for round in 0..4 {
        let mount = rig.mount_at(&format!("mount-{round}"), &["--disable-caching"]);
        let (id, _) = rig.handles(POOL, CONTAINER);
        let names = [CONTAINER.to_owned(), id];
        let numbers: BTreeSet<u64> = std::thread::scope(|scope| {
            let looks: Vec<_> = (0..8)
                .map(|at| {
                    let path = mount.join(&format!("{POOL}/{}", names[at % 2]));
                    scope.spawn(move || fs::metadata(path).expect("there").ino())
                })
                .collect();
            looks.into_iter().map(|look| look.join().expect("no panic")).collect()
        });
        assert_eq!(numbers.len(), 1, "one container");
        for _ in 0..10 {
            assert_ne!(number(fs::metadata(mount.join("tank/plain"))), 0);
        }
        let (_, handles) = rig.handles(POOL, CONTAINER);
        assert_eq!(handles, (before.0 + 1, before.1 + 1), "of the pool and of the container");
        assert_eq!(rig.handles(POOL, "plain").1.1, before.1, "nothing is left open");
        rig::unmount(&mount.path);
        while rig.handles(POOL, CONTAINER).1 != before {
            std::thread::yield_now();
        }
    }
}
