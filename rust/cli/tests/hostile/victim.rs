//! An engine that is attacked, and a client of it that must not notice.

use crate::cluster::{Cluster, free_ports};
use crate::support::{cpu_ticks, is_running, wait_until};
use daos_client::{
    AkeyFetch, AkeyUpdate, ClientSettings, Conditions, Container, ContainerFlags, ContainerProperties, Context,
    Destination, EngineLauncher, FetchKind, InsideEngine, LocalMode, Object, ObjectFlags, Pool, PoolCreate, PoolFlags,
    SYSTEM_NAME_DEFAULT, Source, SystemAccess, TransportChoice, UpdateValue,
};
use daos_env::Env;
use daos_status::{Code, Result, Status};
use daos_types::{Epoch, Key, ObjectClass, ObjectId, ObjectType, Reference};
use std::cell::Cell;
use std::io::{PipeReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What an engine may have more than before, of each: buffers that are kept for later.
const DESCRIPTORS_MORE: usize = 12;
const MEMORY_MORE_BYTES: u64 = 48 << 20;
/// Between two looks at what an idle engine does, and what it may do meanwhile, in ticks of 10 ms.
const REST: Duration = Duration::from_millis(300);
const TICKS_AT_REST: u64 = 3;
/// Longer than anything takes that does not hang.
const LIMIT: Duration = Duration::from_secs(60);

pub struct Victim {
    pub cluster: Cluster,
    pub telemetry: u16,
    context: Context,
    container: Container,
    turn: Cell<u64>,
    descriptors: usize,
    memory: u64,
}

struct NoLauncher;

impl EngineLauncher for NoLauncher {
    fn launch_process(&self, _directory: &Path) -> Result<PipeReader> {
        Err(Status::new(Code::Nosys, "a client of a system starts no engine"))
    }

    fn start_inside(&self, _directory: &Path, _env: &Env) -> Result<Box<dyn InsideEngine>> {
        Err(Status::new(Code::Nosys, "a client of a system starts no engine"))
    }
}

impl Victim {
    /// An engine with two targets, a pool of class `log` (in class `ram`, what the client writes would look like a leak), and a client that has used it over the network.
    pub fn new() -> Victim {
        let mut cluster = Cluster::new(1);
        let telemetry = free_ports(1)[0];
        cluster.start_with(0, &["--telemetry-port", &telemetry.to_string()]);
        let access = SystemAccess { name: SYSTEM_NAME_DEFAULT.to_owned(), access_points: vec![cluster.control(0)] };
        let settings = ClientSettings {
            local_directory: PathBuf::from("/"),
            local_mode: LocalMode::Process,
            system: Some(access),
            transport: TransportChoice::Network,
            call_timeout: LIMIT,
        };
        let context = Context::start(settings, Env::system(), Arc::new(NoLauncher)).expect("starts");
        let made = context.block_on(|client| async move {
            let label = "bystander".to_owned();
            let request = PoolCreate { label, size: 512 << 20, durability: "log".to_owned(), ..PoolCreate::default() };
            client.pool_create(request).await?;
            let pool = Pool::connect(&client, &Reference::parse("bystander")?, PoolFlags::READ_WRITE).await?;
            let id = Container::create(&client, &pool, None, ContainerProperties::default()).await?;
            Container::open(&client, &pool, &Reference::Id(id.0), ContainerFlags::READ_WRITE).await
        });
        let container = made.expect("a container");
        let mut victim =
            Victim { cluster, telemetry, context, container, turn: Cell::new(0), descriptors: 0, memory: 0 };
        victim.bystander_works();
        (victim.descriptors, victim.memory) = (victim.descriptors(), victim.memory());
        victim
    }

    pub fn process(&self) -> u32 {
        self.cluster.engines[0].as_ref().expect("it was started").process()
    }

    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process())).map_or(0, Iterator::count)
    }

    fn memory(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.process())).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel says so");
        line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number") * 1024
    }

    /// A client that was there before writes and reads, small and large, and changes and reads metadata.
    pub fn bystander_works(&self) {
        self.turn.set(self.turn.get() + 1);
        let (container, turn) = (self.container.clone(), self.turn.get());
        let done = self.context.block_on(move |client| async move {
            let id = ObjectId::generate(ObjectId { hi: 0, lo: turn }, ObjectType::MULTI_HASHED, ObjectClass::SX);
            let object = Object::open(&container, id, ObjectFlags::READ_WRITE)?;
            for (size, name) in [(100, b"a"), (200_000, b"b")] {
                let (dkey, akey, bytes) = (Key::new(name)?, Key::new(b"v")?, vec![turn as u8; size]);
                let value = UpdateValue::Single(Source::Owned(bytes.clone()));
                object
                    .update(&client, Conditions::NONE, dkey.clone(), vec![AkeyUpdate { akey: akey.clone(), value }])
                    .await?;
                let destination = Some(Destination::Owned(size as u64));
                let wanted = vec![AkeyFetch { akey, kind: FetchKind::Single, destination }];
                let fetched = object.fetch(&client, Epoch::MAX, Conditions::NONE, dkey, wanted).await?;
                assert!(fetched[0].bytes == bytes, "other bytes than were written");
            }
            let attribute = ("turn".to_owned(), turn.to_le_bytes().to_vec());
            container.set_attributes(&client, vec![attribute.clone()]).await?;
            let read = container.get_attributes(&client, vec![attribute.0]).await?;
            assert_eq!(read, [Some(attribute.1)]);
            Ok::<_, Status>(())
        });
        if let Err(status) = done {
            panic!("another client is harmed: {status}; the engine's log: {}", self.cluster.log(0));
        }
    }

    /// The engine's process runs, and answers.
    pub fn is_running(&self) {
        assert!(is_running(self.process()), "the engine is gone: {}", self.cluster.log(0));
        assert!(self.metrics().contains("engine_up"));
    }

    /// The engine is as it was before, or will be soon.
    pub fn is_unharmed(&self) {
        self.is_running();
        self.bystander_works();
        wait_until("the engine has no more descriptors than before", || {
            self.descriptors() <= self.descriptors + DESCRIPTORS_MORE
        });
        let memory = self.memory();
        assert!(memory <= self.memory + MEMORY_MORE_BYTES, "{memory} bytes of memory, {} before", self.memory);
        // An engine that finds something to do for ever never rests.
        wait_until("the engine rests", || {
            let before = cpu_ticks(self.process());
            std::thread::park_timeout(REST);
            cpu_ticks(self.process()) <= before + TICKS_AT_REST
        });
    }

    /// What the engine counts.
    pub fn metrics(&self) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.telemetry)).expect("listens");
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").expect("sends");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("text");
        text
    }

    /// Ports on which the engine listens; what is behind them is found out by none of those who try.
    pub fn ports(&self) -> Vec<u16> {
        let directory = format!("/proc/{}/fd", self.process());
        let links = std::fs::read_dir(directory).expect("it runs");
        let sockets: Vec<String> = links
            .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
            .collect();
        let text = std::fs::read_to_string(format!("/proc/{}/net/tcp", self.process())).expect("there is a network");
        let listening = text.lines().skip(1).filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let is_ours =
                words.get(3) == Some(&"0A") && sockets.iter().any(|socket| words.get(9) == Some(&socket.as_str()));
            is_ours.then(|| u16::from_str_radix(words[1].split_once(':')?.1, 16).ok()).flatten()
        });
        let mut ports: Vec<u16> = listening.collect();
        ports.sort_unstable();
        assert!(ports.len() >= 4, "control, metrics and two targets: {ports:?}");
        ports
    }
}
