//! Listing directories: offsets that stay, entries that come and go.

use crate::calls::Stream;
use crate::rig::Rig;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// More than one answer of the engine, and many of the kernel.
const FILES: usize = 300;

fn name(number: usize) -> String {
    format!("a file with the number {number:04}")
}

#[test]
fn listings_are_whole_and_positions_stay() {
    let Some(rig) = Rig::new() else { return };
    let mount = rig.mount();
    let directory = mount.join("d");
    fs::create_dir(&directory).expect("made");
    for number in 0..FILES {
        fs::write(directory.join(name(number)), b"").expect("written");
    }
    let expected: BTreeSet<String> = (0..FILES).map(name).collect();
    let listed: Vec<_> = fs::read_dir(&directory).expect("listed").map(|entry| entry.expect("an entry")).collect();
    for entry in listed.iter().take(20) {
        assert_eq!(std::os::unix::fs::DirEntryExt::ino(entry), entry.metadata().expect("there").ino());
        assert!(entry.file_type().expect("told").is_file());
    }
    let names: Vec<String> = listed.iter().map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
    assert_eq!(names.len(), FILES, "none twice");
    assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), expected);

    let mut stream = Stream::open(&directory);
    let mut places = Vec::new();
    loop {
        let position = stream.position();
        let Some(found) = stream.next() else { break };
        places.push((position, found));
    }
    assert_eq!(places.len(), FILES + 2, "with . and ..");
    for at in [3, 200, 0, 299, 42] {
        let (position, found) = &places[at];
        stream.seek(*position);
        assert_eq!(stream.next().as_ref(), Some(found));
    }
    // Some go, some come: the others are listed once each.
    stream.rewind();
    let mut seen: Vec<String> = (0..100).filter_map(|_| stream.next()).collect();
    for number in 0..FILES / 2 {
        fs::remove_file(directory.join(name(number))).expect("removed");
        fs::write(directory.join(format!("new {number}")), b"").expect("written");
    }
    while let Some(found) = stream.next() {
        seen.push(found);
    }
    let count = |wanted: &str| seen.iter().filter(|found| *found == wanted).count();
    for number in FILES / 2..FILES {
        assert_eq!(count(&name(number)), 1, "{}", name(number));
    }
    assert!(seen.iter().all(|found| count(found) == 1), "none twice");
    // From the beginning, all is as it is now.
    stream.rewind();
    let mut now = BTreeSet::new();
    while let Some(found) = stream.next() {
        now.insert(found);
    }
    assert_eq!(now.len(), 2 * (FILES / 2) + FILES % 2 + 2);
    assert!(now.contains("new 0") && !now.contains(&name(0)));
    fs::remove_dir_all(&directory).expect("removed while it is open");
    stream.rewind();
    while stream.next().is_some() {}
}
