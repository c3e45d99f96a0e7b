//! The files of an engine that does not run, with random bytes in them: it starts and answers what was stored, or says with a sentence why it
//! cannot. It does not crash, hang, or answer anything else.

use crate::SEEDS;
use crate::chance::Chance;
use crate::cluster::Cluster;
use crate::support::{LIMIT, TestSystem, Tree, assert_same, is_running, kill, wait_until};
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const BLOCK: u64 = 4096;
/// Places that are looked at for one where something is written: most of a large file is a hole.
const LOOKS: usize = 300;

/// Files below a directory that hold what an engine stores: not its log, its lock and what it says about its process.
fn stored_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("readable") {
        let path = entry.expect("readable").path();
        let name = path.file_name().expect("below").to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(stored_files(&path));
        } else if path.is_file()
            && !["engine.log", "engine.lock", "engine.pid", "engine.error"].contains(&name.as_str())
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A block in which something is written; any when none is found.
fn written_block(file: &File, blocks: u64, chance: &mut Chance) -> u64 {
    let mut bytes = [0; BLOCK as usize];
    let mut block = 0;
    for _ in 0..LOOKS {
        // What matters most lies at the beginnings.
        block = if chance.below(3) == 0 { chance.below(blocks.min(8) as usize) } else { chance.below(blocks as usize) }
            as u64;
        let count = file.read_at(&mut bytes, block * BLOCK).expect("readable");
        if bytes[..count].iter().any(|byte| *byte != 0) {
            break;
        }
    }
    block
}

/// Damages a file; says how.
fn damage(path: &Path, others: &[PathBuf], chance: &mut Chance) -> String {
    let file = OpenOptions::new().read(true).write(true).open(path).expect("ours");
    let length = file.metadata().expect("open").len();
    let block = written_block(&file, length.div_ceil(BLOCK).max(1), chance);
    let at = block * BLOCK + chance.below(BLOCK as usize) as u64;
    let write = |bytes: &[u8], at: u64| file.write_all_at(bytes, at).expect("writable");
    match chance.below(9) {
        0 | 1 => {
            let bytes = 1 + chance.below(200);
            write(&chance.bytes(bytes), at);
            format!("{bytes} random bytes at {at}")
        }
        2 => {
            let blocks = 1 + chance.below(16);
            write(&chance.bytes(blocks * BLOCK as usize), block * BLOCK);
            format!("{blocks} random blocks from block {block} on")
        }
        3 => {
            write(&[0; BLOCK as usize], block * BLOCK);
            format!("zeros in block {block}")
        }
        4 => {
            let length = chance.below(length as usize + 1) as u64;
            file.set_len(length).expect("writable");
            format!("cut to {length} bytes")
        }
        5 => {
            let mut bytes = vec![0; BLOCK as usize];
            let other = File::open(chance.one_of(others)).expect("ours");
            let blocks = other.metadata().expect("open").len().div_ceil(BLOCK).max(1);
            let from = written_block(&other, blocks, chance);
            let count = other.read_at(&mut bytes, from * BLOCK).expect("readable");
            write(&bytes[..count], block * BLOCK);
            format!("in block {block}, block {from} of a file of the engine")
        }
        6 => {
            let value = *chance.one_of(&[u32::MAX, u32::MAX / 2, 1 << 20, 0, 1]);
            write(&value.to_le_bytes(), at / 4 * 4);
            format!("{value} at {}", at / 4 * 4)
        }
        _ => {
            let mut byte = [0];
            let _none = file.read_at(&mut byte, at).expect("readable");
            let bit = chance.below(8);
            write(&[byte[0] ^ 1 << bit], at);
            format!("bit {bit} of byte {at} flipped")
        }
    }
}

/// Damages some of the files; says how.
fn damage_some(directory: &Path, chance: &mut Chance) -> String {
    let files = stored_files(directory);
    let damages = (0..=chance.below(3)).map(|_| {
        let path = chance.one_of(&files).clone();
        let how = damage(&path, &files, chance);
        format!("{}: {how}", path.strip_prefix(directory).expect("below").display())
    });
    damages.collect::<Vec<_>>().join("; ")
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-a", "--sparse=always"]).arg(from).arg(to).status();
    assert!(copied.expect("there is cp").success());
}

/// The output of a process that has to end.
fn output_of(mut child: Child, what: &str) -> Output {
    wait_until(&format!("{what} ends"), || child.try_wait().expect("ours").is_some());
    child.wait_with_output().expect("ours")
}

/// Whether it was done; a failure is one sentence.
fn is_done(output: &Output, what: &str) -> bool {
    if output.status.success() {
        return true;
    }
    let sentence = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{what}: {output:?}");
    let lines = sentence.lines().filter(|line| !line.starts_with("warning ") && !line.starts_with("error "));
    assert!(lines.count() == 1 && sentence.contains("(DER_"), "{what}: {sentence}");
    false
}

fn assert_no_panic(log: &Path, what: &str) {
    let mut text = Vec::new();
    // Without an engine there is no log.
    let _read = File::open(log).map(|mut file| file.read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    assert!(!text.contains("panicked"), "{what}: {}", text.lines().rev().take(20).collect::<Vec<_>>().join("\n"));
}

/// A log whose end is damaged cannot be told from one whose end was never acknowledged: what was changed last may be as it was before. Nothing
/// else may.
#[test]
fn random_bytes_in_the_files_of_a_local_engine_are_errors_or_hit_nothing() {
    let system = TestSystem::new();
    system.succeed(&["pool", "create", "tank", "--size", "128MiB"]);
    system.succeed(&["cont", "create", "tank", "home", "--type", "POSIX"]);
    let tree = system.scratch("tree");
    Tree { directories: 2, files: 6, large_files: 1 }.make(&tree);
    let text = |path: &Path| path.to_str().expect("text").to_owned();
    system.succeed(&["fs", "copy", &text(&tree), "daos://tank/home/tree"]);
    system.succeed(&["cont", "set-attr", "tank", "home", "owner", "ann"]);
    // It writes a checkpoint.
    system.succeed(&["local", "stop"]);
    system.succeed(&["cont", "set-attr", "tank", "home", "owner", "bob"]);
    system.kill_engine();
    let mut refused = 0;
    let mut answered = 0;
    for seed in SEEDS.range(12) {
        SEEDS.replayable(seed, "this seed", || {
            let mut chance = Chance::new(seed);
            let damaged = TestSystem::new();
            copy(&system.path(), &damaged.path());
            let what = damage_some(&damaged.path(), &mut chance);
            let mut run = |words: &[&str]| {
                let what = format!("{what}; then {words:?}");
                let output = output_of(damaged.start(words), &what);
                let is_done = is_done(&output, &what);
                *if is_done { &mut answered } else { &mut refused } += 1;
                is_done.then(|| String::from_utf8_lossy(&output.stdout).into_owned())
            };
            if let Some(owner) = run(&["cont", "get-attr", "tank", "home", "owner"]) {
                let is_old = owner.contains("ann") && what.contains("log: ");
                assert!(owner.contains("bob") || is_old, "{what}: {owner}");
            }
            let out = damaged.scratch("out");
            if run(&["fs", "copy", "daos://tank/home/tree", &text(&out)]).is_some() {
                assert_same(&tree, &out);
            }
            let _refused = run(&["cont", "set-attr", "tank", "home", "owner", "eve"]);
            assert_no_panic(&damaged.path().join("engine.log"), &what);
        });
    }
    println!("{answered} answers, {refused} refusals");
    assert!(answered > 0 && refused > 0, "{answered} answers, {refused} refusals");
}

/// As a local engine, with the replica of the metadata and what it says to others.
#[test]
fn random_bytes_in_the_files_of_an_engine_of_a_system_are_errors_or_hit_nothing() {
    let mut cluster = Cluster::running(1);
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "256MiB"]);
    cluster.succeed("daos", &["cont", "create", "tank", "home"]);
    cluster.succeed("daos", &["cont", "set-attr", "tank", "home", "owner", "ann"]);
    cluster.stop(0);
    cluster.start(0);
    cluster.succeed("daos", &["cont", "set-attr", "tank", "home", "owner", "bob"]);
    cluster.kill(0);
    let whole = cluster.scratch("whole");
    std::fs::rename(cluster.directory(0), &whole).expect("ours");
    let mut refused = 0;
    let mut answered = 0;
    for seed in SEEDS.range(8) {
        SEEDS.replayable(seed, "this seed", || {
            let mut chance = Chance::new(seed);
            let directory = cluster.directory(0);
            copy(&whole, &directory);
            let what = damage_some(&directory, &mut chance);
            let mut command = cluster.server(0, &[]);
            let said = cluster.scratch("said");
            command.stdout(File::create(&said).expect("writable")).stderr(Stdio::piped());
            let mut engine = command.spawn().expect("the program runs");
            let is_ready = || std::fs::read_to_string(&said).expect("ours").contains('\n');
            wait_until(&format!("{what}: the engine is ready, or ends"), || {
                is_ready() || engine.try_wait().expect("ours").is_some()
            });
            if is_running(engine.id()) && is_ready() {
                let asked = cluster.program("daos", &["cont", "get-attr", "tank", "home", "owner"]);
                let output = ask(asked, &what);
                if is_done(&output, &what) {
                    let owner = String::from_utf8_lossy(&output.stdout);
                    let is_old = owner.contains("ann") && what.contains("log: ");
                    assert!(owner.contains("bob") || is_old, "{what}: {owner}");
                    answered += 1;
                } else {
                    refused += 1;
                }
                kill(engine.id());
                engine.wait().expect("ours");
            } else {
                let output = output_of(engine, &what);
                // With --json, the object with the sentence is on standard output.
                let object = std::fs::read_to_string(&said).expect("ours");
                assert!(output.status.code() == Some(1) && object.contains("(DER_"), "{what}: {output:?} {object}");
                refused += 1;
            }
            assert_no_panic(&directory.join("engine.log"), &what);
            std::fs::remove_dir_all(&directory).expect("ours");
        });
    }
    println!("{answered} answers, {refused} refusals");
    assert!(answered > 0 && refused > 0, "{answered} answers, {refused} refusals");
}

/// Runs a command that may wait for an engine, but not for ever.
fn ask(mut command: Command, what: &str) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    output_of(child, &format!("{what} (within {LIMIT:?})"))
}
