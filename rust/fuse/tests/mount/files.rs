//! What POSIX says of files: open, truncate, O_APPEND, mmap, fallocate, locks, extended attributes.

use crate::calls::{self, Mapping, number};
use crate::rig::{Mount, Rig};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt, symlink};

fn with_mount(check: impl FnOnce(&Mount)) {
    let Some(rig) = Rig::new() else { return };
    check(&rig.mount());
}

fn read_write() -> OpenOptions {
    OpenOptions::new().read(true).write(true).clone()
}

#[test]
fn files_are_opened_by_the_rules() {
    with_mount(|mount| {
        let at = |name: &str| mount.join(name);
        File::create_new(at("file")).expect("made").write_all(b"content").expect("written");
        assert_eq!(number(File::create_new(at("file"))), libc::EEXIST);
        assert_eq!(number(File::open(at("none"))), libc::ENOENT);
        assert_eq!(number(File::open(at("file/below"))), libc::ENOTDIR);
        assert_eq!(number(File::create(&mount.path)), libc::EISDIR);
        let flags = |flags| OpenOptions::new().read(true).custom_flags(flags).clone();
        assert_eq!(number(flags(libc::O_DIRECTORY).open(at("file"))), libc::ENOTDIR);
        symlink("file", at("link")).expect("linked");
        assert_eq!(number(flags(libc::O_NOFOLLOW).open(at("link"))), libc::ELOOP);
        symlink("made", at("dangling")).expect("linked");
        File::create(at("dangling")).expect("makes what the link names");
        assert_eq!(fs::metadata(at("made")).expect("there").len(), 0);
        assert_eq!(number(File::create_new(at("dangling"))), libc::EEXIST);
        drop(OpenOptions::new().write(true).truncate(true).open(at("file")).expect("emptied"));
        assert_eq!(fs::metadata(at("file")).expect("there").len(), 0);
        assert_eq!(number(File::create(at(&"n".repeat(256)))), libc::ENAMETOOLONG);
        // Both ways around the cache of the kernel see the same bytes.
        let direct = read_write().custom_flags(libc::O_DIRECT).open(at("file")).expect("opened");
        fs::write(at("file"), vec![7; 8192]).expect("written");
        let mut bytes = vec![0; 4096];
        direct.read_exact_at(&mut bytes, 4096).expect("read");
        assert_eq!(bytes, [7; 4096]);
    });
}

#[test]
fn sizes_are_set_by_the_rules() {
    with_mount(|mount| {
        let at = |name: &str| mount.join(name);
        fs::write(at("file"), b"0123456789").expect("written");
        let file = read_write().open(at("file")).expect("opened");
        file.set_len(4).expect("cut");
        file.set_len(8).expect("extended");
        assert_eq!(fs::read(at("file")).expect("read"), b"0123\0\0\0\0");
        file.set_len(3 << 20).expect("extended");
        assert_eq!(file.metadata().expect("told").len(), 3 << 20);
        assert!(fs::read(at("file")).expect("read")[8..].iter().all(|byte| *byte == 0));
        file.write_all_at(b"far", 5 << 20).expect("a hole before it");
        assert_eq!(file.metadata().expect("told").len(), (5 << 20) + 3);
        assert_eq!(number(File::open(at("file")).expect("opened").set_len(1)), libc::EINVAL);
        // Room, holes and zeros.
        let file = read_write().open(at("file")).expect("opened");
        file.set_len(0).expect("emptied");
        file.write_all_at(&[1; 20000], 0).expect("written");
        calls::allocate(&file, 0, 10000, 20000).expect("extended");
        calls::allocate(&file, libc::FALLOC_FL_KEEP_SIZE, 0, 90000).expect("kept");
        assert_eq!(file.metadata().expect("told").len(), 30000);
        calls::allocate(&file, libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE, 5000, 5000).expect("a hole");
        calls::allocate(&file, libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE, 19000, 90000).expect("a hole");
        let bytes = fs::read(at("file")).expect("read");
        let ones = |range: std::ops::Range<usize>| bytes[range].iter().all(|byte| *byte == 1);
        assert!(bytes.len() == 30000 && ones(0..5000) && ones(10000..19000));
        assert!(bytes[5000..10000].iter().chain(&bytes[19000..]).all(|byte| *byte == 0));
        assert_eq!(number(calls::allocate(&file, libc::FALLOC_FL_COLLAPSE_RANGE, 0, 4096)), libc::EOPNOTSUPP);
    });
}

#[test]
fn appends_of_several_writers_do_not_overlap() {
    with_mount(|mount| {
        const WRITERS: usize = 4;
        const LINES: usize = 100;
        let path = mount.join("log");
        File::create(&path).expect("made");
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let path = &path;
                scope.spawn(move || {
                    let mut file = OpenOptions::new().append(true).open(path).expect("opened");
                    for line in 0..LINES {
                        file.write_all(format!("{writer} {line:04}\n").as_bytes()).expect("written");
                    }
                });
            }
        });
        let text = fs::read_to_string(&path).expect("read");
        for writer in 0..WRITERS {
            let own: Vec<&str> = text.lines().filter(|line| line.starts_with(&format!("{writer} "))).collect();
            let expected: Vec<String> = (0..LINES).map(|line| format!("{writer} {line:04}")).collect();
            assert_eq!(own, expected);
        }
    });
}

#[test]
fn mappings_and_reads_see_each_other() {
    with_mount(|mount| {
        for (name, words) in [("cached", 0), ("direct", libc::O_DIRECT)] {
            let path = mount.join(name);
            fs::write(&path, vec![b'a'; 10000]).expect("written");
            let file = read_write().custom_flags(words).open(&path).expect("opened");
            let mut shared = Mapping::new(&file, 10000, true).expect("mapped");
            let mut private = Mapping::new(&file, 10000, false).expect("mapped");
            shared.bytes()[5000] = b'b';
            shared.sync().expect("written");
            private.bytes()[1] = b'c';
            let bytes = fs::read(&path).expect("read");
            assert_eq!((bytes[0], bytes[1], bytes[5000], bytes.len()), (b'a', b'a', b'b', 10000), "{name}");
            let plain = read_write().open(&path).expect("opened");
            plain.write_all_at(b"d", 6000).expect("written");
            assert_eq!(shared.bytes()[6000], b'd', "{name}");
            drop((file, plain));
            shared.bytes()[7000] = b'e';
            drop(shared);
            assert_eq!(fs::read(&path).expect("read")[7000], b'e', "{name}: after the last descriptor was closed");
        }
    });
}

#[test]
fn locks_hold_between_programs_of_the_node() {
    with_mount(|mount| {
        let path = mount.join("file");
        fs::write(&path, b"x").expect("written");
        let open = || read_write().open(&path).expect("opened");
        let (first, second) = (open(), open());
        calls::lock(&first, libc::LOCK_EX).expect("locked");
        assert_eq!(number(calls::lock(&second, libc::LOCK_SH | libc::LOCK_NB)), libc::EWOULDBLOCK);
        // Of another process, too.
        let script = format!("exec 9<'{}'; flock -n 9", path.display());
        let other = || std::process::Command::new("sh").args(["-c", &script]).status().expect("sh runs").code();
        if let Some(code) = other().filter(|code| *code != 127) {
            assert_eq!(code, 1);
        }
        drop(first);
        calls::lock(&second, libc::LOCK_SH | libc::LOCK_NB).expect("free");
        let (first, second) = (open(), open());
        calls::lock_range(&first, libc::F_WRLCK, (0, 10)).expect("locked");
        assert_eq!(number(calls::lock_range(&second, libc::F_RDLCK, (5, 1))), libc::EAGAIN);
        calls::lock_range(&second, libc::F_WRLCK, (10, 10)).expect("another range");
        calls::lock_range(&first, libc::F_UNLCK, (0, 0)).expect("unlocked");
        calls::lock_range(&second, libc::F_RDLCK, (5, 1)).expect("free");
    });
}

#[test]
fn extended_attributes_are_kept() {
    with_mount(|mount| {
        let path = mount.join("file");
        fs::write(&path, b"x").expect("written");
        calls::set_attribute(&path, "user.a", b"one", libc::XATTR_CREATE).expect("set");
        assert_eq!(number(calls::set_attribute(&path, "user.a", b"", libc::XATTR_CREATE)), libc::EEXIST);
        assert_eq!(number(calls::set_attribute(&path, "user.b", b"", libc::XATTR_REPLACE)), libc::ENODATA);
        calls::set_attribute(&path, "user.b", &[7; 60000], 0).expect("a long value");
        assert_eq!(calls::attribute(&path, "user.a").expect("read"), b"one");
        assert_eq!(calls::attribute(&path, "user.b").expect("read"), [7; 60000]);
        let mut names = calls::attribute_names(&path).expect("listed");
        names.sort();
        assert_eq!(names, ["user.a", "user.b"]);
        fs::rename(&path, mount.join("moved")).expect("moved");
        let path = mount.join("moved");
        assert_eq!(calls::attribute(&path, "user.a").expect("read"), b"one");
        calls::remove_attribute(&path, "user.a").expect("removed");
        assert_eq!(number(calls::attribute(&path, "user.a")), libc::ENODATA);
        assert_eq!(number(calls::remove_attribute(&path, "user.a")), libc::ENODATA);
        assert_eq!(number(calls::attribute(&path, "system.posix_acl_access")), libc::EOPNOTSUPP);
    });
}

#[test]
fn positions_of_data_and_holes_are_told() {
    with_mount(|mount| {
        let path = mount.join("file");
        fs::write(&path, b"0123456789").expect("written");
        let mut file = File::open(&path).expect("opened");
        assert_eq!(file.seek(SeekFrom::End(-3)).expect("moved"), 7);
        let mut rest = String::new();
        file.read_to_string(&mut rest).expect("read");
        assert_eq!(rest, "789");
        // What has arrived at the engine is there for a copy that asks the engine.
        let copied = fs::copy(&path, mount.join("copy")).expect("copied");
        assert_eq!((copied, fs::read(mount.join("copy")).expect("read")), (10, b"0123456789".to_vec()));
    });
}
