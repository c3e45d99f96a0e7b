//! A local engine with a pool and a POSIX container, and mounts of it.

use daos_client::{
    ClientSettings, Container, ContainerFlags, ContainerProperties, ContainerType, Context, EngineLauncher,
    InsideEngine, LocalMode, Pool, PoolCreate, PoolFlags, TransportChoice,
};
use daos_env::Env;
use daos_server::SERVER_NAME;
use daos_status::Result;
use daos_types::Reference;
use std::io::PipeReader;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dfuse");
pub const POOL: &str = "tank";
pub const CONTAINER: &str = "home";

/// The engine's directory, its client, and where mounts are made.
pub struct Rig {
    pub context: Arc<Context>,
    directory: tempfile::TempDir,
}

/// Starts engines with so many targets.
struct Launcher {
    targets: u32,
}

impl EngineLauncher for Launcher {
    fn launch_process(&self, directory: &Path) -> Result<PipeReader> {
        let mut command = Command::new(PROGRAM);
        command.arg0(SERVER_NAME).args(["local", "--detached", "--local-path"]).arg(directory);
        daos_server::spawn_detached(command.env("DAOS_LOCAL_TARGETS", self.targets.to_string()))
    }

    fn start_inside(&self, directory: &Path, env: &Env) -> Result<Box<dyn InsideEngine>> {
        Ok(Box::new(daos_server::InsideEngine::start(directory, env)?))
    }
}

/// A mount, until it is dropped.
pub struct Mount {
    pub path: PathBuf,
}

/// Whether file systems can be mounted; says why not.
pub fn can_mount() -> bool {
    let opened = std::fs::OpenOptions::new().read(true).write(true).open("/dev/fuse");
    if let Err(error) = &opened {
        eprintln!("skipped: /dev/fuse: {error}");
    }
    let helped = crate::calls::is_root() || Command::new("fusermount3").arg("-V").output().is_ok();
    if !helped {
        eprintln!("skipped: users other than root need fusermount3");
    }
    opened.is_ok() && helped
}

impl Rig {
    /// A pool on two targets and a container; `None` where nothing can be mounted.
    pub fn new() -> Option<Rig> {
        Rig::with_targets(2)
    }

    /// The same, on so many targets.
    pub fn with_targets(targets: u32) -> Option<Rig> {
        if !can_mount() {
            return None;
        }
        let directory = tempfile::tempdir().expect("a temporary directory");
        let settings = ClientSettings {
            local_directory: directory.path().join("engine"),
            local_mode: LocalMode::Process,
            system: None,
            transport: TransportChoice::default(),
            call_timeout: Duration::from_secs(60),
        };
        let launcher = Arc::new(Launcher { targets });
        let context = Arc::new(Context::start(settings, Env::system(), launcher).expect("starts"));
        let rig = Rig { context, directory };
        rig.create_pool(POOL, 1 << 30);
        rig.create_container(CONTAINER);
        Some(rig)
    }

    pub fn create_pool(&self, label: &str, size: u64) {
        let create = PoolCreate { label: label.to_owned(), size, ..PoolCreate::default() };
        self.context.block_on(|client| async move { client.pool_create(create).await.expect("a pool") });
    }

    pub fn create_container(&self, label: &str) {
        self.create_container_in(POOL, label);
    }

    pub fn create_container_in(&self, pool: &str, label: &str) {
        self.create_container_of(pool, label, ContainerType::POSIX);
    }

    pub fn create_container_of(&self, pool: &str, label: &str, kind: ContainerType) {
        let (pool, label) = (Reference::parse(pool).expect("a label"), label.to_owned());
        self.context.block_on(move |client| async move {
            let pool = Pool::connect(&client, &pool, PoolFlags::READ_WRITE).await.expect("connects");
            let properties = ContainerProperties { label, kind, ..ContainerProperties::default() };
            Container::create(&client, &pool, None, properties).await.expect("a container");
            pool.disconnect(&client).await.expect("disconnects");
        });
    }

    /// Sets attributes of a container.
    pub fn set_attributes(&self, container: &str, attributes: &[(&str, &str)]) {
        let [pool, container] = [POOL, container].map(|name| Reference::parse(name).expect("a label"));
        let attributes =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        self.context.block_on(|client| async move {
            let pool = Pool::connect(&client, &pool, PoolFlags::READ_WRITE).await.expect("connects");
            let open = Container::open(&client, &pool, &container, ContainerFlags::READ_WRITE).await.expect("opens");
            open.set_attributes(&client, attributes).await.expect("set");
            open.close(&client).await.expect("closes");
            pool.disconnect(&client).await.expect("disconnects");
        });
    }

    /// The identifier of a container, and how many handles of its pool and of it are open; one each is this call's own.
    pub fn handles(&self, pool: &str, container: &str) -> (String, (u32, u32)) {
        let [pool, container] = [pool, container].map(|name| Reference::parse(name).expect("a label"));
        self.context.block_on(|client| async move {
            let pool = Pool::connect(&client, &pool, PoolFlags::READ_ONLY).await.expect("connects");
            let open = Container::open(&client, &pool, &container, ContainerFlags::READ_ONLY).await.expect("opens");
            let (of_pool, found) =
                (pool.query(&client).await.expect("found"), open.query(&client).await.expect("found"));
            open.close(&client).await.expect("closes");
            pool.disconnect(&client).await.expect("disconnects");
            (found.id.to_string(), (of_pool.handles, found.handles))
        })
    }

    fn engine(&self) -> PathBuf {
        self.directory.path().join("engine")
    }

    /// A directory to mount at.
    pub fn place(&self, name: &str) -> PathBuf {
        let place = self.directory.path().join(name);
        if !std::fs::symlink_metadata(&place).is_ok_and(|found| found.is_dir()) {
            // A dead mount is there, and cannot be made once more.
            let _ignored = std::fs::create_dir(&place);
        }
        place
    }

    /// Runs `dfuse`.
    pub fn dfuse(&self, words: &[&str]) -> Output {
        self.environment(Command::new(PROGRAM).args(words)).output().expect("dfuse runs")
    }

    /// Lets a command find the engine, and `dfuse` by the variable of this name.
    pub fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("DFUSE", PROGRAM).env("DAOS_LOCAL_PATH", self.engine()).env_remove("DAOS_ACCESS_POINTS")
    }

    /// Mounts the container under a name, with more words for `dfuse`.
    pub fn mount_with(&self, name: &str, words: &[&str]) -> Mount {
        self.mount_at(name, &[&[POOL, CONTAINER], words].concat())
    }

    /// Mounts what the words say under a name.
    pub fn mount_at(&self, name: &str, words: &[&str]) -> Mount {
        let path = self.place(name);
        let output = self.dfuse(&[&[path.to_str().expect("UTF-8")], words].concat());
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "dfuse {words:?}: {told}");
        Mount { path }
    }

    /// Mounts the container.
    pub fn mount(&self) -> Mount {
        self.mount_with("mount", &[])
    }

    /// Ends the engine as a crash does.
    pub fn kill_engine(&self) {
        let text = std::fs::read_to_string(self.engine().join("engine.pid")).expect("an engine runs");
        kill(text.trim().parse().expect("a number"));
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // An engine that outlived the test would keep the directory for its idle time.
        if let Ok(text) = std::fs::read_to_string(self.engine().join("engine.pid"))
            && let Ok(process) = text.trim().parse()
        {
            kill(process);
        }
    }
}

impl Mount {
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The process that serves it.
    pub fn process(&self) -> u32 {
        let place = self.path.to_str().expect("UTF-8");
        let serves = |process: &u32| {
            let line = std::fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
            let mut words = line.split('\0');
            words.next().is_some_and(|word| word.ends_with("dfuse")) && words.any(|word| word == place)
        };
        let processes = std::fs::read_dir("/proc").expect("a list of processes").flatten();
        let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.find(serves).expect("a process serves the mount")
    }

    /// Whether the kernel has a mount there.
    pub fn is_there(&self) -> bool {
        is_mounted(&self.path)
    }

    /// Kills the process that serves it.
    pub fn kill(&self) {
        kill(self.process());
    }
}

pub fn is_mounted(path: &Path) -> bool {
    let table = std::fs::read_to_string("/proc/self/mounts").expect("a table of mounts");
    table.lines().any(|line| line.split(' ').nth(1) == path.to_str())
}

pub fn unmount(path: &Path) {
    let helper = if crate::calls::is_root() {
        Command::new("umount").arg("-l").arg(path).output()
    } else {
        Command::new("fusermount3").args(["-u", "-z"]).arg(path).output()
    };
    drop(helper.expect("a program that unmounts"));
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.is_there() {
            unmount(&self.path);
        }
    }
}

/// Ends a process as a crash does, and waits until it is gone.
pub fn kill(process: u32) {
    signal(process, "-9");
    while is_open(process) {
        std::thread::yield_now();
    }
}

pub fn signal(process: u32, signal: &str) {
    // The shell's own kill: a small system has no program of that name.
    let line = format!("kill {signal} {process}");
    let _ended = Command::new("sh").args(["-c", &line]).output().expect("sh runs");
}

/// Whether a thread of the process is left that holds its files open.
pub fn is_open(process: u32) -> bool {
    let folder = format!("/proc/{process}");
    let Ok(stat) = std::fs::read_to_string(format!("{folder}/stat")) else { return false };
    let threads = std::fs::read_dir(format!("{folder}/task")).map_or(0, Iterator::count);
    threads > 1 || !(stat.contains(") Z ") || stat.contains(") X "))
}

/// Random numbers from a seed (SplitMix64), for runs that can be repeated.
pub struct Random(u64);

impl Random {
    /// From `DFUSE_TEST_SEED`, else from the clock; the seed is printed.
    pub fn new(name: &str) -> Random {
        let given = std::env::var("DFUSE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| Env::system().random.next_u64());
        eprintln!("{name}: to repeat this run, set DFUSE_TEST_SEED={seed}");
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}
