//! Who may mount, and where.

use crate::rig::{self, Rig};
use std::fs;
use std::process::Command;

/// In a namespace of its own every user is root, and mounts without a helper.
#[test]
fn a_user_mounts_in_a_namespace_of_its_own() {
    let Some(rig) = Rig::new() else { return };
    let own = ["--user", "--map-root-user", "--mount"];
    let probe = Command::new("unshare").args(own).arg("true").output();
    if !probe.as_ref().is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: this user may not have namespaces of its own: {probe:?}");
    }
    let place = rig.place("mount");
    let script = "set -e
        \"$DFUSE\" \"$PLACE\" tank home
        mkdir \"$PLACE/folder\"
        echo hello > \"$PLACE/folder/file\"
        cat \"$PLACE/folder/file\"
        umount \"$PLACE\"";
    let mut command = Command::new("unshare");
    command.args(own).args(["sh", "-c", script]).env("PLACE", &place);
    let output = rig.environment(&mut command).output().expect("unshare runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"hello\n");
    assert!(!rig::is_mounted(&place), "it was mounted there alone");
    let mount = rig.mount();
    assert_eq!(fs::read(mount.join("folder/file")).expect("read"), b"hello\n");
}

/// Once a second `dfuse` hid the first, and to an ordinary user `fusermount3` spoke of permissions.
#[test]
fn a_place_is_mounted_at_once() {
    let Some(rig) = Rig::new() else { return };
    let place = rig.place("mount");
    fs::write(place.join("hidden"), b"of the disk").expect("written");
    let mount = rig.mount();
    assert!(!mount.join("hidden").exists(), "a directory with files is hidden by the mount");
    let output = rig.dfuse(&[place.to_str().expect("UTF-8"), "tank", "home"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("already") && said.contains("fusermount3 -u"), "{said}");
    fs::write(mount.join("file"), b"x").expect("the first one serves on");
    // One that was killed counts no more, also while the kernel remembers what stat told of it.
    fs::metadata(&mount.path).expect("there");
    mount.kill();
    let again = rig.mount();
    assert_eq!(fs::read(again.join("file")).expect("read"), b"x");
    drop(again);
    drop(mount);
    assert_eq!(fs::read(place.join("hidden")).expect("there again"), b"of the disk");
    let inner = rig.mount();
    fs::create_dir(inner.join("below")).expect("made");
    let below = rig.mount_at("mount/below", &["tank", "home"]);
    assert_eq!(fs::read(below.join("file")).expect("read"), b"x", "one mount within the other");
}
