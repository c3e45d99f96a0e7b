//! A client that writes over the memory it shares with an engine while messages are under way: positions, flags, the table of what is lent, lengths
//! and bodies of records. It is a process of its own, which may end by that at any time, in the middle of whatever it does.

use crate::SEEDS;
use crate::chance::Chance;
use crate::messages::{LIMIT, SPIN, attach_at, by, golden, open};
use crate::victim::Victim;
use daos_env::sync::{join_all, yield_now};
use daos_env::{Env, Executor, SeededRandom};
use daos_rpc::{Address, Endpoint, EndpointSettings};
use daos_status::Code;
use daos_wire::{Hello, Opcode};
use std::future::Future;
use std::io::{BufRead, BufReader, Write};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Tells the process where the engine's control port is, and its seed.
const PORT: &str = "DAOS_HOSTILE_RINGS_PORT";
const SEED: &str = "DAOS_HOSTILE_RINGS_SEED";
/// Connections of one seed that are spoiled.
const CONNECTIONS: usize = 30;
/// Calls on one connection, and how many of them are under way at a time.
const CALLS: usize = 96;
const DEPTH: usize = 16;
/// How long a call waits that is likely to be lost.
const LOST_LIMIT: Duration = Duration::from_millis(200);
/// What stands before the rings: the words that both sides look at, and the table of what is lent.
const CONTROL_BYTES: usize = 20480;
/// Words that are written over while so many calls are under way.
const SPOILED: usize = 40;

/// Memory that this process shares with engines, mapped once more until this is dropped, so that it stays when the connection ends.
struct Shared {
    place: NonNull<AtomicU64>,
    length: usize,
}

impl Shared {
    fn words(&self) -> &[AtomicU64] {
        // SAFETY: mapped with this length as long as this lives. Who else uses the memory is harmed on purpose, in a process that may end by it.
        unsafe { std::slice::from_raw_parts(self.place.as_ptr(), self.length / size_of::<AtomicU64>()) }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: mapped by this with this length, and nobody has its words any more.
        unsafe { libc::munmap(self.place.as_ptr().cast(), self.length) };
    }
}

/// All of it, as the kernel lists it; none is mapped twice by then.
fn shared_memory() -> Vec<Shared> {
    let text = std::fs::read_to_string("/proc/self/maps").expect("the kernel says so");
    let lines = text.lines().filter(|line| line.contains("memfd:daos-rpc"));
    let ranges = lines.filter_map(|line| {
        let (begin, end) = line.split_whitespace().next()?.split_once('-')?;
        Some((usize::from_str_radix(begin, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
    });
    ranges.filter_map(|(begin, end)| mapped_again(begin, end - begin)).collect()
}

fn mapped_again(begin: usize, length: usize) -> Option<Shared> {
    // SAFETY: of a shared mapping, none of its bytes: the kernel maps the same memory at another place, and changes nothing here. It
    // refuses when the mapping is gone meanwhile.
    let place = unsafe { libc::mremap(begin as *mut libc::c_void, 0, length, libc::MREMAP_MAYMOVE) };
    let place = NonNull::new(place.cast()).filter(|_| place != libc::MAP_FAILED)?;
    Some(Shared { place, length })
}

/// Writes over words of the memory, some in each round of the thread.
async fn scribble(memory: Rc<Vec<Shared>>, mut chance: Chance) -> bool {
    for _ in 0..SPOILED {
        let words = chance.one_of(&memory).words();
        let range = match chance.below(3) {
            0 => 0..CONTROL_BYTES / size_of::<AtomicU64>(),
            // Where messages lie when they are few.
            1 => CONTROL_BYTES / size_of::<AtomicU64>()..(CONTROL_BYTES + 16384) / size_of::<AtomicU64>(),
            _ => 0..words.len(),
        };
        let place = &words[range.start + chance.below(range.len())];
        let old = place.load(Ordering::Relaxed);
        let new = match chance.below(5) {
            0 => chance.next(),
            1 => 0,
            2 => 8 * chance.below(40_000) as u64,
            3 => old ^ (1 << chance.below(64)),
            _ => old.wrapping_add(8),
        };
        place.store(new, Ordering::Relaxed);
        if chance.below(4) == 0 {
            yield_now().await;
        }
    }
    false
}

/// Calls on one connection to each target, whose memory is written over meanwhile; gives how many were not answered.
fn use_once(executor: &Executor, hello: &Hello, targets: &[Address], chance: &mut Chance) -> usize {
    let transport = open(true, &targets[0]);
    let random = SeededRandom::new(chance.next());
    let endpoint = Endpoint::new(executor.spawner(), &random, transport, EndpointSettings::default());
    for target in targets {
        endpoint.set_session(target, hello.session).expect("an address");
    }
    let (first, known) = (endpoint.clone(), targets.to_vec());
    executor.block_on(async move {
        for target in &known {
            let _any = first.call(target, Opcode::SystemQuery as u16, Vec::new(), LIMIT).await;
        }
    });
    let memory = shared_memory();
    if memory.is_empty() {
        return 0;
    }
    let (memory, calling, known, bodies) = (Rc::new(memory), endpoint.clone(), targets.to_vec(), golden());
    let opcodes = [Opcode::SystemRanks, Opcode::SystemQuery, Opcode::Fetch, Opcode::Update];
    let mut chance = Chance::new(chance.next());
    let failed = executor.block_on(async move {
        let mut failed = 0;
        for _ in 0..CALLS / DEPTH {
            let scribbling = Box::pin(scribble(memory.clone(), Chance::new(chance.next())));
            let mut all: Vec<Pin<Box<dyn Future<Output = bool>>>> = vec![scribbling];
            for _ in 0..DEPTH {
                let (opcode, body) = (*chance.one_of(&opcodes) as u16, chance.one_of(&bodies).clone());
                let (calling, target) = (calling.clone(), chance.one_of(&known).clone());
                all.push(Box::pin(async move {
                    let result = calling.call(&target, opcode, body, LOST_LIMIT).await;
                    let lost = [Code::Unreach, Code::Timedout, Code::Hg];
                    result.is_err_and(|status| lost.contains(&status.code()))
                }));
            }
            failed += join_all(all).await.into_iter().filter(|is_lost| *is_lost).count();
            // By then the connection is no good any more.
            if failed > 0 {
                break;
            }
        }
        failed
    });
    endpoint.close();
    executor.run_until_stalled();
    failed.unwrap_or(CALLS)
}

/// In a process that the test has started.
#[test]
#[ignore = "a part of another test, which starts it as a process"]
fn writes_over_its_rings() {
    let (Ok(port), Ok(seed)) = (std::env::var(PORT), std::env::var(SEED)) else { return };
    let mut chance = Chance::new(seed.parse().expect("a number"));
    let executor = Executor::new(Env::system().clock, SPIN).expect("an executor");
    for _ in 0..CONNECTIONS {
        let (lease, hello) = attach_at(port.parse().expect("a number"));
        let failed = use_once(&executor, &hello, &by(&hello, true), &mut chance);
        println!("\nSPOILED {failed}");
        std::io::stdout().flush().expect("a pipe");
        drop(lease);
    }
}

fn start(victim: &Victim, seed: u64) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--ignored", "--exact", "rings::writes_over_its_rings", "--nocapture"]);
    command.env(PORT, victim.cluster.port(0).to_string()).env(SEED, seed.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("runs")
}

/// Whatever a client writes into the memory that it shares, and wherever it ends, the engine goes on, and other clients do not notice.
#[test]
fn who_writes_over_its_rings_harms_nobody_else() {
    let victim = Victim::new();
    SEEDS.for_each(2, |seed| {
        let mut connections = 0;
        let mut unanswered = 0;
        // A process that its own writing has ended is followed by another one.
        for life in 0..CONNECTIONS as u64 {
            let mut child = start(&victim, 1000 * seed + life);
            let output = BufReader::new(child.stdout.take().expect("a pipe"));
            for line in output.lines().map_while(Result::ok) {
                let Some(failed) = line.strip_prefix("SPOILED ") else { continue };
                unanswered += failed.parse::<usize>().expect("a number");
                connections += 1;
                if connections % 16 == 0 {
                    victim.bystander_works();
                }
                if connections >= CONNECTIONS {
                    break;
                }
            }
            // In the midst of a connection, or after its end.
            let _gone = child.kill();
            child.wait().expect("ours");
            victim.bystander_works();
            if connections >= CONNECTIONS {
                break;
            }
        }
        assert!(connections >= CONNECTIONS / 2, "{connections} connections were spoiled");
        assert!(unanswered >= connections / 2, "nothing was harmed: {unanswered} calls of {connections} connections");
        victim.is_unharmed();
    });
}
