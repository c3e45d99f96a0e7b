//! A directory, a client of its engine, a pool and a container.

use daos_client::{
    AkeyFetch, AkeyFetched, AkeyUpdate, Client, ClientSettings, Conditions, Container, ContainerFlags,
    ContainerProperties, Context, Destination, EngineLauncher, FetchKind, InsideEngine, LocalMode, Object, ObjectFlags,
    Pool, PoolCreate, PoolFlags, Source, TransportChoice, UpdateValue,
};
use daos_env::Env;
use daos_status::{Code, Result};
use daos_types::{Epoch, Extent, Key, ObjectClass, ObjectId, ObjectType, Reference};
use std::future::Future;
use std::io::PipeReader;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

struct Launcher {
    /// How many targets a new engine gets; as many as suit it, if it is not said.
    targets: Option<u32>,
}

/// How an engine is had and reached, and how many targets it has.
type Mode = (LocalMode, TransportChoice, Option<u32>);

impl EngineLauncher for Launcher {
    fn launch_process(&self, directory: &Path) -> Result<PipeReader> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_daos"));
        command.arg0("daos_server").args(["local", "--detached", "--local-path"]).arg(directory);
        if let Some(targets) = self.targets {
            command.env("DAOS_LOCAL_TARGETS", targets.to_string());
        }
        daos_server::spawn_detached(&mut command)
    }

    fn start_inside(&self, directory: &Path, env: &Env) -> Result<Box<dyn InsideEngine>> {
        Ok(Box::new(daos_server::InsideEngine::start(directory, env)?))
    }
}

/// A directory and a client of its engine.
pub struct Rig {
    pub context: Arc<Context>,
    pub pool: Pool,
    pub container: Container,
    directory: Directory,
    mode: Mode,
}

struct Directory(tempfile::TempDir);

fn start(directory: &Path, (local_mode, transport, targets): Mode) -> Arc<Context> {
    let call_timeout = Duration::from_secs(60);
    let settings =
        ClientSettings { local_directory: directory.to_path_buf(), local_mode, system: None, transport, call_timeout };
    Arc::new(Context::start(settings, Env::system(), Arc::new(Launcher { targets })).expect("starts"))
}

async fn open(client: &Client, flags: ContainerFlags) -> Result<(Pool, Container)> {
    let pool = Pool::connect(client, &Reference::parse("pool")?, PoolFlags::READ_WRITE).await?;
    let container = Container::open(client, &pool, &Reference::parse("container")?, flags).await?;
    Ok((pool, container))
}

impl Rig {
    /// With an engine on threads of this process.
    pub fn inside() -> Rig {
        Rig::new((LocalMode::Inside, TransportChoice::default(), None), 512 << 20)
    }

    /// With an engine on threads of this process, and a pool of a size.
    pub fn inside_with(size: u64) -> Rig {
        Rig::new((LocalMode::Inside, TransportChoice::default(), None), size)
    }

    /// With an engine that is a process.
    pub fn process() -> Rig {
        Rig::process_by(TransportChoice::default())
    }

    /// The same, reached in one of the ways.
    pub fn process_by(transport: TransportChoice) -> Rig {
        Rig::new((LocalMode::Process, transport, None), 512 << 20)
    }

    /// The same for any of the ways, with a pool of a size.
    pub fn new(mode: Mode, size: u64) -> Rig {
        let directory = Directory(tempfile::tempdir().expect("a temporary directory"));
        let context = start(directory.0.path(), mode);
        let opened = context.block_on(move |client| async move {
            let create = PoolCreate { label: "pool".into(), size, ..PoolCreate::default() };
            client.pool_create(create).await?;
            let pool = Pool::connect(&client, &Reference::parse("pool")?, PoolFlags::READ_WRITE).await?;
            let properties = ContainerProperties { label: "container".into(), ..ContainerProperties::default() };
            Container::create(&client, &pool, None, properties).await?;
            open(&client, ContainerFlags::READ_WRITE).await
        });
        let (pool, container) = opened.expect("a pool and a container");
        Rig { context, pool, container, directory, mode }
    }

    /// Another client of the same engine, which is a process.
    pub fn another_client(&self) -> Arc<Context> {
        start(self.directory.0.path(), self.mode)
    }

    /// Ends client (and, when it is inside, engine), and starts them again.
    pub fn restart(self) -> Rig {
        let Rig { context, directory, mode, pool, container } = self;
        drop((pool, container));
        Arc::into_inner(context).expect("nobody else uses the context").stop();
        let context = start(directory.0.path(), mode);
        let opened = context.block_on(|client| async move { open(&client, ContainerFlags::READ_WRITE).await });
        let (pool, container) = opened.expect("a pool and a container that are there");
        Rig { context, pool, container, directory, mode }
    }

    /// Runs work of the client to its end.
    pub fn run<T: Send + 'static, F: Future<Output = T> + 'static>(
        &self,
        work: impl FnOnce(Client) -> F + Send + 'static,
    ) -> T {
        self.context.block_on(work)
    }

    /// The container, opened once more for reading only.
    pub fn read_only(&self) -> Container {
        self.run(|client| async move { open(&client, ContainerFlags::READ_ONLY).await }).expect("opens").1
    }

    /// An object of the container.
    pub fn object(&self, lo: u64, kind: ObjectType, class: ObjectClass) -> Object {
        let id = ObjectId::generate(ObjectId { hi: 0, lo }, kind, class);
        Object::open(&self.container, id, ObjectFlags::READ_WRITE).expect("opens")
    }

    /// The process of the engine.
    pub fn engine_process(&self) -> u32 {
        self.run(|client| async move { client.system_info().await }).expect("attaches").engine_process
    }

    /// Kills the engine.
    pub fn kill_engine(&self) {
        let process = self.engine_process();
        assert_ne!(process, std::process::id());
        kill(process);
    }
}

/// Ends a process as a crash does, and waits until the kernel has closed what it had open.
pub fn kill(process: u32) {
    send_kill(process);
    while is_open(process) {
        std::thread::yield_now();
    }
}

/// Whether a thread of the process is left that holds its files open. The first thread stays as a zombie until its parent
/// looks, also while others have not ended yet.
fn is_open(process: u32) -> bool {
    let folder = format!("/proc/{process}");
    let Ok(stat) = std::fs::read_to_string(format!("{folder}/stat")) else { return false };
    let threads = std::fs::read_dir(format!("{folder}/task")).map_or(0, Iterator::count);
    threads > 1 || !(stat.contains(") Z ") || stat.contains(") X "))
}

/// Ends a process as a crash does, at some moment from now on.
pub fn send_kill(process: u32) {
    // The shell's own kill: a small system has no program of that name. That the process has ended by itself is no failure.
    let _ended = Command::new("sh").args(["-c", &format!("kill -9 {process}")]).status().expect("sh runs");
}

impl Drop for Directory {
    fn drop(&mut self) {
        // An engine that outlived the test would keep the directory for its idle time.
        if let Ok(text) = std::fs::read_to_string(self.0.path().join("engine.pid"))
            && let Ok(process) = text.trim().parse()
            && process != std::process::id()
        {
            kill(process);
        }
    }
}

pub fn key(text: impl AsRef<[u8]>) -> Key {
    Key::new(text.as_ref()).expect("short")
}

pub fn extent(start: u64, count: u64) -> Extent {
    Extent::new(start, count).expect("valid")
}

pub fn code<T>(result: Result<T>) -> Option<Code> {
    result.err().map(|status| status.code())
}

/// Bytes that differ from place to place.
pub fn pattern(length: usize, seed: u64) -> Vec<u8> {
    (0..length as u64).map(|n| (n.wrapping_mul(0x9e37_79b9).wrapping_add(seed) >> 7) as u8).collect()
}

pub fn single(akey: &str, bytes: &[u8]) -> AkeyUpdate {
    AkeyUpdate { akey: key(akey), value: UpdateValue::Single(Source::Owned(bytes.to_vec())) }
}

pub fn array(akey: &str, record_size: u64, extents: Vec<Extent>, bytes: &[u8]) -> AkeyUpdate {
    let source = Source::Owned(bytes.to_vec());
    AkeyUpdate { akey: key(akey), value: UpdateValue::Array { record_size, extents, source } }
}

pub fn fetch_single(akey: &str, room: Option<u64>) -> AkeyFetch {
    AkeyFetch { akey: key(akey), kind: FetchKind::Single, destination: room.map(Destination::Owned) }
}

pub fn fetch_array(akey: &str, extents: Vec<Extent>, room: Option<u64>) -> AkeyFetch {
    AkeyFetch { akey: key(akey), kind: FetchKind::Array(extents), destination: room.map(Destination::Owned) }
}

/// Writes akeys without conditions.
pub async fn update(client: &Client, object: &Object, dkey: &str, akeys: Vec<AkeyUpdate>) -> Result<()> {
    object.update(client, Conditions::NONE, key(dkey), akeys).await
}

/// Reads one akey as it is now.
pub async fn fetch(client: &Client, object: &Object, dkey: &str, akey: AkeyFetch) -> Result<AkeyFetched> {
    let found = object.fetch(client, Epoch::MAX, Conditions::NONE, key(dkey), vec![akey]).await?;
    Ok(found.into_iter().next().expect("one answer for one akey"))
}
