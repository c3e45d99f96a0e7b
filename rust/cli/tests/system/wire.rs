//! A network of the test's own: machines are network namespaces, and every packet between them goes through the test, which may
//! lose it, send it twice or late, or cut the network in two.
#![expect(unsafe_code, reason = "tun devices are opened by a system call")]

use crate::support::{is_root, wait_until};
use daos_env::{Random, SeededRandom};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;

/// Tell a process that was started as a machine where the wire is, and which machine it is.
const FOLDER: &str = "DAOS_SYSTEM_TEST_WIRE";
const MACHINE: &str = "DAOS_SYSTEM_TEST_MACHINE";
/// The longest packet; the devices' limit, with room to spare.
const PACKET_MAX: usize = 16 << 10;
const MTU: usize = 9000;
/// Where the target of a packet of IPv4 stands: its last two bytes are the machine's number.
const TARGET: std::ops::Range<usize> = 16..20;

/// What happens to packets. All of it per mille.
#[derive(Default)]
struct Weather {
    lose: AtomicU64,
    double: AtomicU64,
    delay: AtomicU64,
    /// The machines of one half; empty when the network is whole.
    half: Mutex<Vec<usize>>,
    lost: AtomicU64,
    doubled: AtomicU64,
    delayed: AtomicU64,
    ended: AtomicBool,
}

/// The network; it ends with the test.
pub struct Wire {
    folder: TempDir,
    weather: Arc<Weather>,
    machines: Vec<Machine>,
}

/// A process that holds the namespaces of a machine.
struct Machine {
    holder: Child,
    name: String,
}

impl Wire {
    /// A network of so many machines; why there is none where the kernel does not allow it.
    pub fn start(machines: usize) -> Result<Wire, String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let hub = UnixDatagram::bind(folder.path().join("hub")).map_err(|error| format!("a socket: {error}"))?;
        hub.set_nonblocking(false).map_err(|error| error.to_string())?;
        let weather = Arc::new(Weather::default());
        let mut wire = Wire { folder, weather: weather.clone(), machines: Vec::new() };
        let place = wire.folder.path().to_path_buf();
        std::thread::spawn(move || carry(&hub, &place, &weather));
        for number in 0..machines {
            let machine = Machine::start(wire.folder.path(), number)?;
            wire.machines.push(machine);
        }
        Ok(wire)
    }

    /// A program on a machine. It finds files where the test does.
    pub fn command(&self, machine: usize, program: &Path) -> Command {
        let holder = self.machines[machine].holder.id().to_string();
        let mut command = Command::new("nsenter");
        command.args(["--target", &holder, "--net", "--mount"]);
        if !is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("--").arg(program);
        command
    }

    /// The address of a machine.
    pub fn address(&self, machine: usize) -> &str {
        &self.machines[machine].name
    }

    /// A path as a machine sees it, on whose own file systems it may lie.
    pub fn path_on(&self, machine: usize, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.machines[machine].holder.id()));
        root.join(path.strip_prefix("/").expect("an absolute path"))
    }

    /// Loses, doubles and delays so many of a thousand packets from now on.
    pub fn set_weather(&self, lose: u64, double: u64, delay: u64) {
        self.weather.lose.store(lose, Ordering::SeqCst);
        self.weather.double.store(double, Ordering::SeqCst);
        self.weather.delay.store(delay, Ordering::SeqCst);
    }

    /// Lost, doubled and delayed packets.
    pub fn counts(&self) -> [u64; 3] {
        [&self.weather.lost, &self.weather.doubled, &self.weather.delayed].map(|count| count.load(Ordering::SeqCst))
    }

    /// Cuts the network in two: these machines, and all others. Nothing goes from one half to the other.
    pub fn cut(&self, half: &[usize]) {
        *self.weather.half.lock().unwrap_or_else(PoisonError::into_inner) = half.to_vec();
    }

    /// Makes it whole again.
    pub fn heal(&self) {
        self.cut(&[]);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.weather.ended.store(true, Ordering::SeqCst);
    }
}

impl Machine {
    fn start(folder: &Path, number: usize) -> Result<Machine, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut holder = Command::new("unshare")
            .arg(if is_root() { "-nm" } else { "-rnm" })
            .arg(program)
            .args(["--ignored", "--exact", "wire::holds_a_machine", "--nocapture"])
            .env(FOLDER, folder)
            .env(MACHINE, number.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut lines = BufReader::new(holder.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let is_ready = lines.any(|line| line.contains("READY"));
        let machine = Machine { holder, name: address(number) };
        if is_ready {
            // The test in there says something every minute, and ends when nobody takes it.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(machine);
        }
        drop(machine);
        Err("the machine allows no network namespaces with tun devices".to_owned())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.holder.kill();
        let _ours = self.holder.wait();
    }
}

fn address(machine: usize) -> String {
    format!("10.78.0.{}", machine + 1)
}

/// In a process that a test has started: sets the device up, and carries its packets until the test ends.
#[test]
#[ignore = "a part of other tests, which start it as a process"]
fn holds_a_machine() {
    let (Some(folder), Ok(number)) = (std::env::var_os(FOLDER), std::env::var(MACHINE)) else { return };
    match enter(Path::new(&folder), number.parse().expect("a number")) {
        Ok(_device) => {
            println!("READY");
            std::io::stdout().flush().expect("a pipe");
            // Ends with the test.
            let _end = std::io::stdin().read_to_end(&mut Vec::new());
        }
        Err(why) => println!("no machine: {why}"),
    }
}

fn enter(folder: &Path, number: usize) -> std::io::Result<File> {
    let device = tun("wire")?;
    let own = address(number);
    let setup = format!(
        "mount --make-rprivate / && ip link set lo up && ip addr add {own}/16 dev wire && ip link set wire mtu {MTU} up"
    );
    if !Command::new("sh").args(["-c", &setup]).status()?.success() {
        return Err(std::io::Error::other("the device cannot be set up"));
    }
    let socket = UnixDatagram::bind(folder.join(number.to_string()))?;
    let hub = folder.join("hub");
    let (mut reader, sender) = (device.try_clone()?, socket.try_clone()?);
    std::thread::spawn(move || {
        let mut packet = [0; PACKET_MAX];
        while let Ok(length) = reader.read(&mut packet) {
            // The test may be about to end.
            let _gone = sender.send_to(&packet[..length], &hub);
        }
    });
    let mut writer = device.try_clone()?;
    std::thread::spawn(move || {
        let mut packet = [0; PACKET_MAX];
        while let Ok(length) = socket.recv(&mut packet) {
            // The device refuses what is no packet.
            let _refused = writer.write(&packet[..length]);
        }
    });
    Ok(device)
}

/// Carries packets between the machines. Their numbers are the last bytes of their addresses.
fn carry(hub: &UnixDatagram, folder: &Path, weather: &Weather) {
    let random = SeededRandom::new(11);
    let Ok(out) = UnixDatagram::unbound() else { return };
    // Who does not take its packets loses them.
    if out.set_nonblocking(true).is_err() {
        return;
    }
    let happens = |often: &AtomicU64| random.next_u64() % 1000 < often.load(Ordering::SeqCst);
    let mut late: Option<(PathBuf, Vec<u8>)> = None;
    let mut packet = [0; PACKET_MAX];
    while let Ok((length, from)) = hub.recv_from(&mut packet) {
        if weather.ended.load(Ordering::SeqCst) {
            return;
        }
        let packet = &packet[..length];
        let name = |path: &Path| path.file_name()?.to_str()?.parse::<usize>().ok();
        let (Some(from), Some([10, 78, 0, to])) = (from.as_pathname().and_then(name), packet.get(TARGET)) else {
            continue;
        };
        let Some(to) = usize::from(*to).checked_sub(1) else { continue };
        let is_cut = {
            let half = weather.half.lock().unwrap_or_else(PoisonError::into_inner);
            !half.is_empty() && half.contains(&from) != half.contains(&to)
        };
        if is_cut || happens(&weather.lose) {
            weather.lost.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        let to = folder.join(to.to_string());
        if late.is_none() && happens(&weather.delay) {
            weather.delayed.fetch_add(1, Ordering::SeqCst);
            late = Some((to, packet.to_vec()));
            continue;
        }
        // The other end may not be there yet, or any more.
        let _nobody = out.send_to(packet, &to);
        if happens(&weather.double) {
            weather.doubled.fetch_add(1, Ordering::SeqCst);
            let _nobody = out.send_to(packet, &to);
        }
        if let Some((to, packet)) = late.take() {
            let _nobody = out.send_to(&packet, &to);
        }
    }
}

/// Opens a device that hands packets of IP to this process.
fn tun(name: &str) -> std::io::Result<File> {
    let device = File::options().read(true).write(true).open("/dev/net/tun")?;
    // SAFETY: plain data; zeros are a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as i16;
    // SAFETY: the descriptor is open, and the request lives through the call.
    match unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF as _, &request) } {
        0 => Ok(device),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// The wire itself: machines reach each other, not over a cut, and what is lost is counted.
#[test]
fn machines_reach_each_other_over_the_wire() {
    let wire = match Wire::start(2) {
        Ok(wire) => wire,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    let reaches = |from: usize, to: usize| {
        // A port on which nobody listens: the refusal is an answer, and comes from the other machine.
        let script = format!("timeout 1 bash -c 'exec 3<>/dev/tcp/{}/9' 2>&1 | grep -q refused", wire.address(to));
        let mut command = wire.command(from, Path::new("/bin/sh"));
        command.args(["-c", &script]).stdin(Stdio::null()).status().expect("there is a shell").success()
    };
    wait_until("an answer", || reaches(0, 1));
    assert!(reaches(1, 0));
    wire.cut(&[1]);
    let before = wire.counts()[0];
    assert!(!reaches(0, 1));
    assert!(wire.counts()[0] > before);
    wire.heal();
    wait_until("an answer again", || reaches(0, 1));
    wire.set_weather(0, 1000, 0);
    assert!(reaches(0, 1) && wire.counts()[1] > 0);
}
