//! Writes that cannot be stored after they were accepted.

use crate::calls::number;
use crate::rig::{CONTAINER, Mount, Rig};
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

const PIECE: usize = 64 << 10;
const FILLERS: usize = 16;

/// Fills the pool, until not even a small piece finds room on any target: files begin on different ones.
fn fill(mount: &Mount) -> Vec<PathBuf> {
    let fillers: Vec<PathBuf> = (0..FILLERS).map(|at| mount.join(&format!("filler-{at}"))).collect();
    let mut files: Vec<File> = fillers.iter().map(|path| File::create(path).expect("made")).collect();
    for piece in [1 << 20, PIECE] {
        let bytes = vec![b'f'; piece];
        for file in &mut files {
            while file.write_all(&bytes).and_then(|()| file.sync_data()).is_ok() {}
        }
    }
    fillers
}

/// A reader, and a change of the permission bits, once took the news away from who had written.
#[test]
fn a_full_pool_is_told_once_to_each_who_has_the_file_open() {
    let Some(rig) = Rig::new() else { return };
    rig.create_pool("small", 64 << 20);
    rig.create_container_in("small", CONTAINER);
    let mount = rig.mount_at("mount", &["small", CONTAINER]);
    let victim = mount.join("victim");
    let mut writer = File::create(&victim).expect("made");
    let other = File::options().write(true).open(&victim).expect("opened");
    let fillers = fill(&mount);

    writer.write_all(&vec![b'x'; PIECE]).expect("gathered");
    // Each of these looks at the file, so the bytes are sent, and do not fit.
    drop(File::open(&victim).expect("opened for reading"));
    assert_eq!(fs::metadata(&victim).expect("there").len(), 0);
    let later = File::options().append(true).open(&victim).expect("opened");
    later.sync_all().expect("one who came later has lost nothing");
    assert_eq!(number(other.sync_all()), libc::ENOSPC, "one who could have lost bytes");
    assert_eq!(number(writer.sync_all()), libc::ENOSPC, "the one who has");
    writer.sync_all().expect("told once");

    // With room again, the same descriptor writes on.
    fillers.iter().for_each(|filler| fs::remove_file(filler).expect("removed"));
    while writer.write_all(b"after").and_then(|()| writer.sync_all()).is_err() {}
    assert!(fs::read(&victim).expect("read").ends_with(b"after"));
}
