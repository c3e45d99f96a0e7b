//! Programs that end: dfuse by a signal and by a kill, the engine by a kill.

use crate::calls::number;
use crate::rig::{self, Mount, Rig};
use daos_client::ContainerType;
use std::fs::{self, File};
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn content(file: usize) -> Vec<u8> {
    (0..20_000 + file * 37).map(|at| (at * 31 + file) as u8).collect()
}

fn name(file: usize) -> String {
    format!("file-{file:04}")
}

/// Writes files until one fails or `stop` is set; tells how many are whole and closed. Every second one is synced before; that is
/// as good.
fn write_files(mount: &Mount, acknowledged: &AtomicUsize, stop: &AtomicBool) {
    for file in 0.. {
        let write = || {
            let mut open = File::create(mount.join(&name(file)))?;
            for piece in content(file).chunks(3000) {
                open.write_all(piece)?;
            }
            if file % 2 == 0 { open.sync_all() } else { crate::calls::close(open) }
        };
        if stop.load(Ordering::Relaxed) || write().is_err() {
            return;
        }
        acknowledged.store(file + 1, Ordering::Release);
    }
}

fn wait_for(acknowledged: &AtomicUsize, count: usize) {
    while acknowledged.load(Ordering::Acquire) < count {
        std::thread::yield_now();
    }
}

fn check(mount: &Mount, count: usize) {
    for file in 0..count {
        assert!(fs::read(mount.join(&name(file))).expect("read") == content(file), "{}", name(file));
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill_of_dfuse() {
    let Some(rig) = Rig::new() else { return };
    let mount = rig.mount();
    let (acknowledged, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (mount, acknowledged, stop) = (&mount, &acknowledged, &stop);
        scope.spawn(move || write_files(mount, acknowledged, stop));
        wait_for(acknowledged, 20);
        mount.kill();
    });
    assert!(matches!(number(fs::metadata(mount.join("file-0000"))), libc::ENOTCONN | libc::ECONNABORTED));
    // A new one at the same place takes the dead mount away.
    let again = rig.mount();
    check(&again, acknowledged.load(Ordering::Acquire));
    fs::write(again.join("new"), b"x").expect("written");
}

#[test]
fn what_was_acknowledged_survives_a_kill_of_the_engine() {
    let Some(rig) = Rig::new() else { return };
    let mount = rig.mount();
    let (acknowledged, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (mount, acknowledged, stop) = (&mount, &acknowledged, &stop);
        scope.spawn(move || write_files(mount, acknowledged, stop));
        wait_for(acknowledged, 20);
        rig.kill_engine();
        stop.store(true, Ordering::Relaxed);
    });
    // The mount starts another engine.
    check(&mount, acknowledged.load(Ordering::Acquire));
    fs::write(mount.join("new"), b"after the kill").expect("written");
    assert_eq!(fs::read(mount.join("new")).expect("read"), b"after the kill");
}

#[test]
fn a_signal_takes_the_mount_away() {
    let Some(rig) = Rig::new() else { return };
    for signal in ["-TERM", "-INT"] {
        let mount = rig.mount();
        fs::write(mount.join("file"), b"x").expect("written");
        let process = mount.process();
        rig::signal(process, signal);
        while rig::is_open(process) {
            std::thread::yield_now();
        }
        assert!(!mount.is_there(), "{signal}");
    }
    // One that is in use goes out of sight at once, and ends when it is let go of.
    let mount = rig.mount();
    let open = File::open(mount.join("file")).expect("opened");
    let process = mount.process();
    rig::signal(process, "-TERM");
    while mount.is_there() {
        std::thread::yield_now();
    }
    assert_eq!(open.metadata().expect("still served").len(), 1);
    drop(open);
    while rig::is_open(process) {
        std::thread::yield_now();
    }
}

#[test]
fn errors_are_told_before_the_program_returns() {
    let Some(rig) = Rig::new() else { return };
    let place = rig.place("mount");
    let file = place.with_file_name("file");
    fs::write(&file, b"").expect("written");
    let (place, file) = (place.to_str().expect("UTF-8"), file.to_str().expect("UTF-8"));
    rig.create_container_of(rig::POOL, "plain", ContainerType::UNKNOWN);
    for (words, told) in [
        (&[place, "tank", "nothing"][..], "nothing"),
        (&[place, "nowhere", "home"], "nowhere"),
        (&["/no/such/directory", "tank", "home"], "mkdir -p /no/such/directory"),
        (&[file, "tank", "home"], "is no directory; name one"),
        (&[place, "tank", "plain"], "POSIX"),
        (&["--path", place, "-m", place], "is no link to a container"),
        (&[place, "--container", "home"], "pool"),
        (&[], "Usage"),
    ] {
        let output = rig.dfuse(words);
        let said = String::from_utf8_lossy(&output.stderr);
        eprintln!("{words:?}: {said}");
        assert!(!output.status.success() && said.contains(told), "{words:?}: {said}");
        assert!(!rig::is_mounted(&rig.place("mount")));
    }
    assert!(rig.dfuse(&["--version"]).status.success());
}
