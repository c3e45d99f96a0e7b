//! How many requests of the kernel, and messages to the engine, everyday work takes: what small files cost.

use crate::calls::attribute;
use crate::rig::{CONTAINER, Mount, Rig};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;

/// Files that each step is done to.
const FILES: usize = 40;

type Counts = BTreeMap<String, u64>;

fn counts(mount: &Mount) -> Counts {
    let told = attribute(&mount.path, "user.dfuse.traffic").expect("counted");
    let told = String::from_utf8(told).expect("text");
    let pair = |line: &str| {
        let (name, count) = line.split_once(' ').expect("a name and a number");
        (name.to_owned(), count.parse().expect("a number"))
    };
    told.lines().map(pair).collect()
}

/// What a step took more than the reading of the counts itself.
fn cost(mount: &Mount, step: impl FnOnce()) -> Counts {
    let before = counts(mount);
    step();
    let after = counts(mount);
    let mut cost: Counts = after
        .into_iter()
        .map(|(name, count)| {
            let before = before.get(&name).copied().unwrap_or(0);
            (name, count - before)
        })
        .collect();
    *cost.get_mut("getxattr").expect("that is how it was read") -= 1;
    cost.retain(|_, count| *count > 0);
    cost
}

fn path(mount: &Mount, file: usize) -> std::path::PathBuf {
    mount.join(&format!("folder/file{file}"))
}

/// For each step and each file, so many requests and messages at most; other requests are not made.
fn check(step: &str, cost: &Counts, each: &[(&str, u64)]) {
    eprintln!("{step}: {cost:?}");
    // Releases and forgets come when the kernel has time: some can be of the step before. A connection sends a sign of life now and then.
    let slack = FILES as u64 / 4;
    for (name, count) in cost {
        let Some((_, most)) = each.iter().find(|(known, _)| known == name) else {
            assert!(*count <= slack || matches!(&name[..], "release" | "forget"), "{step}: {count} of {name}");
            continue;
        };
        assert!(*count <= most * FILES as u64 + slack, "{step}: {count} of {name}, {most} for a file expected");
    }
}

#[test]
fn small_files_take_few_requests_and_messages() {
    let Some(rig) = Rig::with_targets(1) else { return };
    // What is known stays known, however slow the machine.
    let hour = ["dfuse-attr-time", "dfuse-dentry-time", "dfuse-dentry-dir-time", "dfuse-data-cache"];
    rig.set_attributes(CONTAINER, &hour.map(|name| (name, "1h")));
    let mount = rig.mount();
    fs::create_dir(mount.join("folder")).expect("made");
    let each = |step: &mut dyn FnMut(usize)| (0..FILES).for_each(step);
    let made = cost(&mount, || {
        each(&mut |file| {
            let mut open = File::create_new(path(&mount, file)).expect("made");
            for part in 0..4 {
                open.write_all(&[part; 500]).expect("written");
            }
        });
    });
    let requests =
        [("lookup", 1), ("create", 1), ("getattr", 1), ("getxattr", 1), ("write", 4), ("flush", 1), ("release", 1)];
    check("create, write, close", &made, &[&requests[..], &[("messages", 3)]].concat());
    let stat = || each(&mut |file| assert!(fs::metadata(path(&mount, file)).is_ok()));
    check("stat of what was written here", &cost(&mount, stat), &[("getattr", 1), ("messages", 2)]);
    check("the same again", &cost(&mount, stat), &[]);
    let read = cost(&mount, || each(&mut |file| assert_eq!(fs::read(path(&mount, file)).expect("read").len(), 2000)));
    check("read what was written here", &read, &[("open", 1), ("read", 1), ("release", 1), ("messages", 3)]);
    let again = rig.mount_with("again", &[]);
    let read = cost(&again, || each(&mut |file| assert_eq!(fs::read(path(&again, file)).expect("read").len(), 2000)));
    let requests = [("lookup", 1), ("open", 1), ("read", 1), ("release", 1)];
    check("read for the first time", &read, &[&requests[..], &[("messages", 5)]].concat());
    let listed = cost(&again, || {
        let folder = fs::read_dir(again.join("folder")).expect("opened");
        assert_eq!(folder.map(|entry| entry.expect("listed").metadata().expect("told").len()).sum::<u64>(), 80_000);
    });
    check("list with what stat tells", &listed, &[("messages", 2)]);
    // Aside and over the old one, as editors and installers write.
    let aside = |file: usize| mount.join("folder").join(format!("aside-{file}"));
    let moved = cost(&mount, || each(&mut |file| fs::rename(path(&mount, file), aside(file)).expect("moved")));
    check("move to a new name", &moved, &[("rename", 1), ("lookup", 1), ("getattr", 1), ("messages", 2)]);
    each(&mut |file| fs::write(path(&mount, file), b"new").expect("written"));
    let replaced = cost(&mount, || each(&mut |file| fs::rename(path(&mount, file), aside(file)).expect("moved")));
    check(
        "move over a file",
        &replaced,
        &[("rename", 1), ("lookup", 1), ("getattr", 1), ("forget", 1), ("messages", 2)],
    );
    each(&mut |file| assert_eq!(fs::read(aside(file)).expect("read"), b"new"));
    each(&mut |file| fs::rename(aside(file), path(&mount, file)).expect("moved"));
    let removed = cost(&mount, || each(&mut |file| fs::remove_file(path(&mount, file)).expect("removed")));
    check("remove", &removed, &[("unlink", 1), ("getattr", 1), ("forget", 1), ("messages", 1)]);
}
