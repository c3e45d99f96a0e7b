//! The wire between two processes, and what happens on it.

use crate::node::PACKET_MAX;
use daos_env::{Random, SeededRandom};
use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const FLAGS: usize = 13;
const FLAG_BEGIN: u8 = 2;
const FLAG_RESET: u8 = 4;
const FLAG_ACKNOWLEDGE: u8 = 16;
const TCP: u8 = 6;
const HEADER_V4: usize = 20;
const HEADER_TCP: usize = 20;

#[derive(Default)]
struct State {
    per_mille: AtomicU64,
    cut_for: AtomicU64,
    reset: AtomicBool,
    only_new: AtomicBool,
    lost: AtomicU64,
    resets: AtomicU64,
}

pub struct Wire {
    folder: PathBuf,
    state: Arc<State>,
}

impl Wire {
    pub fn start() -> Result<Wire, String> {
        let folder = std::env::temp_dir().join(format!("daos-rpc-wire-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let socket = UnixDatagram::bind(folder.join("hub")).map_err(|error| format!("a socket: {error}"))?;
        let state = Arc::new(State::default());
        let (theirs, place) = (state.clone(), folder.clone());
        std::thread::spawn(move || carry(&socket, &place, &theirs));
        Ok(Wire { folder, state })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Of a thousand packets, how many are lost from now on.
    pub fn lose(&self, per_mille: u64) {
        self.state.per_mille.store(per_mille, Ordering::SeqCst);
    }

    /// Loses everything until that were so many packets.
    pub fn cut_until_lost(&self, packets: u64) {
        self.state.cut_for.store(packets, Ordering::SeqCst);
    }

    /// Loses everything until [`Wire::heal_for_new_connections`].
    pub fn cut(&self) {
        self.cut_until_lost(u64::MAX);
    }

    /// Carries again what belongs to connections that are begun from now on; all other packets stay lost.
    pub fn heal_for_new_connections(&self) {
        self.state.only_new.store(true, Ordering::SeqCst);
        self.cut_until_lost(0);
    }

    /// Makes the end of its connection of the next packet with data.
    pub fn reset_next(&self) {
        self.state.reset.store(true, Ordering::SeqCst);
    }

    pub fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::SeqCst)
    }

    pub fn resets(&self) -> u64 {
        self.state.resets.load(Ordering::SeqCst)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // It is in the folder for temporary files.
        let _left = std::fs::remove_dir_all(&self.folder);
    }
}

fn carry(socket: &UnixDatagram, folder: &Path, state: &State) {
    let random = SeededRandom::new(7);
    let (mut packet, mut begun) = ([0; PACKET_MAX], BTreeSet::new());
    while let Ok((length, from)) = socket.recv_from(&mut packet) {
        let is_from_server = from.as_pathname().is_some_and(|path| path.ends_with("server"));
        let to = folder.join(if is_from_server { "client" } else { "server" });
        let is_cut = state.cut_for.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        let is_old = state.only_new.load(Ordering::SeqCst) && !is_of_new(&packet[..length], &mut begun);
        if is_cut || is_old || random.next_u64() % 1000 < state.per_mille.load(Ordering::SeqCst) {
            state.lost.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        let mut packet = packet[..length].to_vec();
        if state.reset.load(Ordering::SeqCst) && make_reset(&mut packet) {
            state.reset.store(false, Ordering::SeqCst);
            state.resets.fetch_add(1, Ordering::SeqCst);
        }
        // The other end may not be there yet, or any more.
        let _nobody = socket.send_to(&packet, to);
    }
}

/// Whether a packet belongs to one of the connections that have begun, or begins one.
fn is_of_new(packet: &[u8], begun: &mut BTreeSet<[u16; 2]>) -> bool {
    if packet.len() < HEADER_V4 + HEADER_TCP || packet[0] != 0x45 || packet[9] != TCP {
        return true;
    }
    let port = |at: usize| u16::from_be_bytes([packet[HEADER_V4 + at], packet[HEADER_V4 + at + 1]]);
    let mut ports = [port(0), port(2)];
    ports.sort_unstable();
    if packet[HEADER_V4 + FLAGS] & (FLAG_BEGIN | FLAG_ACKNOWLEDGE) == FLAG_BEGIN {
        begun.insert(ports);
    }
    begun.contains(&ports)
}

/// Makes the end of its connection of a packet with data; `false` when it is none.
fn make_reset(packet: &mut Vec<u8>) -> bool {
    let is_plain = packet.len() > HEADER_V4 + HEADER_TCP && packet[0] == 0x45 && packet[9] == TCP;
    if !is_plain || packet.len() <= HEADER_V4 + usize::from(packet[HEADER_V4 + 12] >> 4) * 4 {
        return false;
    }
    packet.truncate(HEADER_V4 + HEADER_TCP);
    packet[2..4].copy_from_slice(&((HEADER_V4 + HEADER_TCP) as u16).to_be_bytes());
    packet[10..12].fill(0);
    let sum = checksum(packet[..HEADER_V4].chunks(2));
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    let tcp = HEADER_V4;
    packet[tcp + 12] = ((HEADER_TCP / 4) as u8) << 4;
    packet[tcp + FLAGS] = FLAG_RESET | FLAG_ACKNOWLEDGE;
    packet[tcp + 16..tcp + 20].fill(0);
    let pseudo = [&packet[12..20], &[0, TCP, 0, HEADER_TCP as u8]].concat();
    let sum = checksum(pseudo.chunks(2).chain(packet[tcp..].chunks(2)));
    packet[tcp + 16..tcp + 18].copy_from_slice(&sum.to_be_bytes());
    true
}

fn checksum<'a>(words: impl Iterator<Item = &'a [u8]>) -> u16 {
    let mut sum: u32 = words.map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

/// Opens a device that hands packets of IP to this process.
pub fn tun(name: &str) -> std::io::Result<File> {
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
