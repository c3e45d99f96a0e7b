//! Handles that processes share, that die with the process that opened them, and that an administrator closes.

use crate::cluster::Cluster;
use crate::support::{kill, wait_until};
use daos_client::{
    AkeyFetch, AkeyUpdate, Client, ClientSettings, Conditions, Container, ContainerFlags, Context, EngineLauncher,
    FetchKind, InsideEngine, Object, ObjectFlags, Pool, PoolFlags, Source, SystemAccess, UpdateValue,
};
use daos_env::Env;
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Key, ObjectClass, ObjectId, ObjectType, Reference};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// What a child of this program does, and for which system.
const ROLE: &str = "DAOS_TEST_ROLE";
const POINTS: &str = "DAOS_TEST_POINTS";

/// Nobody starts a local engine here.
struct NoLauncher;

impl EngineLauncher for NoLauncher {
    fn launch_process(&self, _directory: &Path) -> Result<std::io::PipeReader> {
        fail!(Code::NoService, "this is a client of a system");
    }

    fn start_inside(&self, _directory: &Path, _env: &Env) -> Result<Box<dyn InsideEngine>> {
        fail!(Code::NoService, "this is a client of a system");
    }
}

fn client_of(points: &str) -> Arc<Context> {
    let settings = ClientSettings::for_directory(PathBuf::from("/")).expect("no wrong words");
    let settings = ClientSettings { system: Some(SystemAccess::at(points)), ..settings };
    Arc::new(Context::start(settings, Env::system(), Arc::new(NoLauncher)).expect("starts"))
}

fn points(cluster: &Cluster, count: usize) -> String {
    (0..count).map(|number| cluster.control(number)).collect::<Vec<_>>().join(",")
}

/// An object on all targets.
fn object(container: &Container) -> Object {
    let id = ObjectId::generate(ObjectId { hi: 0, lo: 1 }, ObjectType::MULTI_HASHED, ObjectClass::SX);
    Object::open(container, id, ObjectFlags::READ_WRITE).expect("a class")
}

fn key(bytes: &[u8]) -> Key {
    Key::new(bytes).expect("short")
}

async fn write(client: &Client, object: &Object, number: u32) -> Result<()> {
    let value = UpdateValue::Single(Source::Owned(number.to_le_bytes().to_vec()));
    let update = AkeyUpdate { akey: key(b"a"), value };
    object.update(client, Conditions::NONE, key(&number.to_le_bytes()), vec![update]).await
}

/// How many bytes are there.
async fn read(client: &Client, object: &Object, number: u32) -> Result<u64> {
    let fetch = AkeyFetch { akey: key(b"a"), kind: FetchKind::Single, destination: None };
    let found = object.fetch(client, Epoch::MAX, Conditions::NONE, key(&number.to_le_bytes()), vec![fetch]).await?;
    Ok(found[0].size)
}

/// What the child does: opens, says its handles in hexadecimal digits, and writes or waits until it is ended, or its handle is.
#[test]
fn a_child_of_another_test() {
    let (Ok(role), Ok(points)) = (std::env::var(ROLE), std::env::var(POINTS)) else { return };
    let context = client_of(&points);
    let outcome: Result<()> = context.block_on(|client| async move {
        let pool = Pool::connect(&client, &Reference::parse("tank")?, PoolFlags::READ_WRITE).await?;
        let container = Container::open(&client, &pool, &Reference::parse("home")?, ContainerFlags::READ_WRITE).await?;
        let digits = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        println!("handles {} {}", digits(pool.to_global()), digits(container.to_global()));
        std::io::stdout().flush().expect("a pipe");
        let object = object(&container);
        let mut number = 0u32;
        loop {
            if role == "writes" {
                write(&client, &object, number).await?;
                number = number.wrapping_add(1);
            } else {
                pool.query(&client).await?;
                client.spawner().sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    });
    println!("ended {:?}", outcome.map_err(|status| status.code()).err());
}

struct Running {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    pool: Vec<u8>,
    container: Vec<u8>,
}

/// The next line that begins with a word; the test harness writes lines of its own.
fn line(output: &mut impl BufRead, word: &str) -> String {
    loop {
        let mut text = String::new();
        assert!(output.read_line(&mut text).expect("text") > 0, "the child ended without '{word}'");
        if let Some(at) = text.find(word) {
            return text[at + word.len()..].trim().to_owned();
        }
    }
}

fn start(cluster: &Cluster, role: &str) -> Running {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "handles::a_child_of_another_test", "--nocapture"]);
    command.env(ROLE, role).env(POINTS, points(cluster, cluster.engines.len())).stdout(Stdio::piped());
    let mut child = command.spawn().expect("this program runs");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let text = line(&mut output, "handles ");
    let bytes = |digits: &str| -> Vec<u8> {
        (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("digits")).collect()
    };
    let (pool, container) = text.split_once(' ').expect("two");
    let (pool, container) = (bytes(pool), bytes(container));
    Running { child, output, pool, container }
}

fn prepared() -> Cluster {
    let cluster = Cluster::running(3);
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "1GiB"]);
    cluster.succeed("daos", &["cont", "create", "tank", "home"]);
    cluster
}

fn handles(cluster: &Cluster) -> u64 {
    cluster.response("dmg", &["pool", "query", "tank"])["handles"].as_u64().expect("a number")
}

/// Another process uses the handles of one as long as that lives; when it is killed, they are closed everywhere, and nothing is left.
#[test]
fn shared_handles_end_with_the_process_that_opened_them() {
    let cluster = prepared();
    let mut owner = start(&cluster, "waits");
    let context = client_of(&points(&cluster, 3));
    let (pool, container) = (owner.pool.clone(), owner.container.clone());
    let (pool, object) = context.block_on(|client| async move {
        let pool = Pool::from_global(&client, &pool).await.expect("the same handle");
        let container = Container::from_global(&client, &pool, &container).await.expect("the same handle");
        let object = object(&container);
        for number in 0..12 {
            write(&client, &object, number).await.expect("on every target");
            assert_eq!(read(&client, &object, number).await, Ok(4), "what was written");
        }
        (pool, object)
    });
    assert_eq!(handles(&cluster), 1, "it is one handle, however many use it");
    kill(owner.child.id());
    owner.child.wait().expect("ours");
    wait_until("the handle of the killed process is closed", || handles(&cluster) == 0);
    context.block_on(|client| async move {
        let closed = pool.query(&client).await.map_err(|status| status.code()).err();
        assert_eq!(closed, Some(Code::NoHdl));
        // No target believes the container's handle any more.
        for number in 0..12 {
            let closed = write(&client, &object, number).await.map_err(|status| status.code()).err();
            assert_eq!(closed, Some(Code::NoHdl), "{number}");
        }
    });
}

/// Handles are closed while they are written through by many: each writer is told, and nothing is left open.
#[test]
fn evicting_stops_those_who_write() {
    let cluster = prepared();
    let mut writers: Vec<Running> = (0..3).map(|_| start(&cluster, "writes")).collect();
    assert_eq!(handles(&cluster), 3);
    let said = cluster.response("dmg", &["pool", "evict", "tank"]);
    assert_eq!(said["count"], 3, "{said}");
    for writer in &mut writers {
        assert_eq!(line(&mut writer.output, "ended "), "Some(NoHdl)");
        assert!(writer.child.wait().expect("ours").success());
    }
    assert_eq!(handles(&cluster), 0);
    cluster.succeed("daos", &["cont", "destroy", "tank", "home"]);
}
