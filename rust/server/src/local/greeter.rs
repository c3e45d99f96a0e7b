//! The door of a local engine: greets clients on the directory's socket and holds their leases.

use super::{Directory, Wanted};
use crate::{Peer, Sessions};
use daos_env::Env;
use daos_pool_service::ClientId;
use daos_status::Result;
use daos_wire::Hello;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::Duration;

/// Clients that are accepted between two looks at the leases.
const ACCEPTS_PER_ROUND: usize = 64;
/// How long the door stays shut when the process has no descriptor left for another client.
const PAUSE: Duration = Duration::from_secs(1);

/// A client's open socket: when it closes, the client is gone.
struct Lease {
    stream: UnixStream,
    session: u64,
    process: i32,
    /// What is left to say of the greeting.
    unsaid: Vec<u8>,
}

/// Why a lease ended.
enum End {
    Gone,
    /// It said something, which no client does.
    Misbehaved,
}

pub(crate) struct Greeter {
    directory: Directory,
    listener: Option<UnixListener>,
    leases: Vec<Lease>,
    clients_max: usize,
    hello: Hello,
    sessions: Arc<Sessions>,
    env: Env,
    paused_until: Option<Duration>,
}

impl Greeter {
    /// Opens the door. `hello` is what clients are told, but for their session.
    pub fn open(
        directory: &Directory,
        hello: Hello,
        sessions: Arc<Sessions>,
        env: Env,
        clients_max: usize,
    ) -> Result<Greeter> {
        let listener = Some(directory.listen()?);
        let (directory, leases) = (directory.clone(), Vec::new());
        Ok(Greeter { directory, listener, leases, clients_max, hello, sessions, env, paused_until: None })
    }

    /// How many clients are attached.
    pub fn clients(&self) -> usize {
        self.leases.len()
    }

    /// Whether data would be lost if the engine ended.
    pub fn holds_volatile_data(&self) -> bool {
        self.sessions.holds_volatile_data()
    }

    fn now(&self) -> Duration {
        self.env.clock.monotonic()
    }

    /// The listener, when another client could be taken in; others wait in the kernel's queue.
    fn door(&self) -> Option<&UnixListener> {
        let has_room =
            self.leases.len() < self.clients_max && self.paused_until.is_none_or(|until| until <= self.now());
        self.listener.as_ref().filter(|_| has_room)
    }

    /// When to look again though no descriptor is ready.
    pub fn deadline(&self) -> Option<Duration> {
        self.paused_until.filter(|until| *until > self.now())
    }

    /// What to wait for; [`Greeter::serve`] is then given as many answers.
    pub fn wanted(&self) -> Vec<Wanted> {
        let door = self.door().map(|listener| Wanted { descriptor: listener.as_raw_fd(), write: false });
        let leases = self
            .leases
            .iter()
            .map(|lease| Wanted { descriptor: lease.stream.as_raw_fd(), write: !lease.unsaid.is_empty() });
        leases.chain(door).collect()
    }

    /// Serves the descriptors that are ready, and gives the clients that are gone.
    pub fn serve(&mut self, ready: &[bool]) -> Vec<ClientId> {
        let count = self.leases.len();
        let knock = ready.get(count).copied().unwrap_or(false);
        let mut gone = Vec::new();
        let mut index = 0;
        let sessions = &self.sessions;
        self.leases.retain_mut(|lease| {
            let looks = ready.get(index).copied().unwrap_or(false);
            index += 1;
            let end = if looks { lease.look() } else { None };
            match end {
                None => return true,
                Some(End::Gone) => daos_env::log!(Info, "engine", "client {} is gone", lease.process),
                Some(End::Misbehaved) => {
                    daos_env::log!(
                        Warn,
                        "engine",
                        "process {} on engine.sock is no client; it is cut off",
                        lease.process
                    );
                }
            }
            gone.push(sessions.forget(lease.session));
            false
        });
        if !gone.is_empty() {
            self.paused_until = None;
        }
        if knock {
            self.accept();
        }
        gone
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTS_PER_ROUND {
            let Some(listener) = self.door() else { return };
            match listener.accept() {
                Ok((stream, _)) => self.greet(stream),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock) => return,
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                Err(error) => {
                    daos_env::log!(Warn, "engine", "no more clients can be taken in for a while: {error}");
                    self.paused_until = Some(self.now() + PAUSE);
                    return;
                }
            }
        }
    }

    fn greet(&mut self, stream: UnixStream) {
        if let Err(error) = stream.set_nonblocking(true) {
            daos_env::log!(Warn, "engine", "a client cannot be greeted: {error}");
            return;
        }
        let (peer, process) = Peer::of_socket(&stream);
        let session = self.sessions.admit(&*self.env.random, peer);
        let unsaid = Hello { session, ..self.hello.clone() }.to_bytes();
        let mut lease = Lease { stream, session, process, unsaid };
        if lease.say().is_err() {
            // It left before it was greeted, and so has no handles.
            self.sessions.forget(session);
            return;
        }
        daos_env::log!(Info, "engine", "client {process} is attached");
        self.leases.push(lease);
    }

    /// Shuts the door: no client comes any more, and those who knocked but were not greeted are sent away to start another
    /// engine.
    pub fn close(&mut self) {
        self.directory.remove_socket();
        self.listener = None;
    }

    /// Lets every client go.
    pub fn dismiss(&mut self) -> Vec<ClientId> {
        self.leases.drain(..).map(|lease| self.sessions.forget(lease.session)).collect()
    }
}

impl Lease {
    fn say(&mut self) -> std::io::Result<()> {
        while !self.unsaid.is_empty() {
            match self.stream.write(&self.unsaid) {
                Ok(count) => drop(self.unsaid.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Looks at a socket on which something happened.
    fn look(&mut self) -> Option<End> {
        if self.say().is_err() {
            return Some(End::Gone);
        }
        let mut bytes = [0; 64];
        match self.stream.read(&mut bytes) {
            Ok(0) => Some(End::Gone),
            Ok(_) => Some(End::Misbehaved),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => None,
            Err(_) => Some(End::Gone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::wait;
    use daos_wire::header::HEADER_LENGTH;

    struct Bench {
        _place: tempfile::TempDir,
        directory: Directory,
        sessions: Arc<Sessions>,
        greeter: Greeter,
    }

    impl Bench {
        fn new(clients_max: usize) -> Bench {
            let place = tempfile::tempdir().expect("a temporary directory");
            let directory = Directory::create(place.path()).expect("exists");
            let env = Env::system();
            let sessions = Arc::new(Sessions::new(&*env.random));
            let hello = Hello {
                session: 0,
                process: 7,
                system: "s".into(),
                provider: "p".into(),
                targets: vec!["tcp://127.0.0.1:1".into()],
            };
            let greeter = Greeter::open(&directory, hello, sessions.clone(), env, clients_max).expect("opens");
            Bench { _place: place, directory, sessions, greeter }
        }

        fn knock(&self) -> std::io::Result<UnixStream> {
            UnixStream::connect(self.directory.path().join("engine.sock"))
        }

        /// Serves until nothing is left to do.
        fn serve(&mut self) -> Vec<ClientId> {
            let mut gone = Vec::new();
            loop {
                let ready = wait(&self.greeter.wanted(), Some(Duration::ZERO));
                if !ready.contains(&true) {
                    return gone;
                }
                gone.extend(self.greeter.serve(&ready));
            }
        }
    }

    fn hello(mut stream: &UnixStream) -> Hello {
        let mut header = [0; HEADER_LENGTH];
        stream.read_exact(&mut header).expect("a header");
        let mut body = vec![0; Hello::rest_length(&header).expect("ours")];
        stream.read_exact(&mut body).expect("a body");
        Hello::from_bytes(&[&header[..], &body].concat()).expect("ours")
    }

    #[test]
    fn a_client_is_greeted_and_its_end_is_noticed() {
        let mut bench = Bench::new(10);
        let (first, second) = (bench.knock().expect("connects"), bench.knock().expect("connects"));
        assert!(bench.serve().is_empty());
        let (one, two) = (hello(&first), hello(&second));
        assert_ne!(one.session, two.session);
        assert_eq!((one.process, bench.greeter.clients()), (7, 2));
        bench.sessions.caller(one.session, None).expect("admitted");
        let client = ClientId(one.session);
        drop(first);
        assert_eq!(bench.serve(), [client]);
        assert!(bench.sessions.caller(one.session, None).is_err());
        assert_eq!(bench.greeter.clients(), 1);
    }

    #[test]
    fn who_talks_is_cut_off() {
        let mut bench = Bench::new(10);
        let mut stream = bench.knock().expect("connects");
        bench.serve();
        let session = hello(&stream).session;
        stream.write_all(&[0xff; 100]).expect("sends");
        assert_eq!(bench.serve(), [ClientId(session)]);
        assert_eq!(bench.greeter.clients(), 0);
    }

    #[test]
    fn clients_beyond_the_bound_wait_for_their_turn() {
        let mut bench = Bench::new(1);
        let (first, second) = (bench.knock().expect("connects"), bench.knock().expect("waits in the queue"));
        bench.serve();
        assert_eq!(bench.greeter.clients(), 1);
        hello(&first);
        drop(first);
        bench.serve();
        hello(&second);
        assert_eq!(bench.greeter.clients(), 1);
    }

    #[test]
    fn behind_a_closed_door_nobody_is_greeted() {
        let mut bench = Bench::new(10);
        let waiting = bench.knock().expect("connects");
        bench.greeter.close();
        assert_eq!(bench.knock().map_err(|error| error.kind()).err(), Some(ErrorKind::NotFound));
        let mut byte = [0];
        let end = (&waiting).read(&mut byte);
        assert!(matches!(end, Ok(0) | Err(_)), "the client tries again: {end:?}");
    }
}
