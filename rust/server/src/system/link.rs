//! The connection of an engine to the one on which the metadata service leads: it joins by it, lives by it, and hears of the
//! other engines by it. A thread of its own holds it, since connecting and reading wait.

use super::socket;
use daos_env::Doorbell;
use daos_status::{Code, Result, Status, fail};
use daos_wire::{
    CONTROL_HEADER_LENGTH, CONTROL_LENGTH_MAX, ControlReply, ControlRequest, Join, Joined, RankAction, RankEntry,
    RankTable, control_body_length, control_frame, decode,
};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long connecting may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// How long the answer to a join may take: the service stores a row first.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// How long to wait between attempts, at first and at most.
const DELAYS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How often one answer after the other may point elsewhere.
const REDIRECTS_MAX: usize = 4;

/// What the link has to say.
pub(crate) enum News {
    /// The engine is part of the system, for the first time or again.
    Joined(Box<Joined>),
    /// The service does not want it: the engine cannot serve.
    Refused(Status),
    /// Nobody was found, or the service was lost; it is tried again.
    Lost(Status),
    /// A newer table.
    Table(Box<RankTable>),
    /// Stop or start.
    Order(RankAction),
    /// An engine that keeps a replica, and knows of nobody who leads.
    Found(Box<RankEntry>),
}

#[derive(Default)]
struct State {
    stop: bool,
    /// What to join with; nothing as long as the engine is not ready to.
    join: Option<Join>,
    /// The connection, once it has joined.
    stream: Option<TcpStream>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to join with, once there is something; `None` when it is time to end.
    fn wait_for_join(&self) -> Option<Join> {
        let mut state = self.state();
        loop {
            if state.stop {
                return None;
            }
            if let Some(join) = &state.join {
                return Some(join.clone());
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn pause(&self, delay: Duration) {
        let state = self.state();
        if !state.stop {
            // Whoever changes something ends the pause.
            let _either = self.changed.wait_timeout(state, delay);
        }
    }
}

/// The link of an engine. Dropping it ends its thread.
pub(crate) struct Link {
    shared: Arc<Shared>,
    news: mpsc::Receiver<News>,
    thread: Option<JoinHandle<()>>,
}

impl Link {
    /// A link to whichever of the access points leads there; it joins when it is told with what.
    pub fn start(access_points: Vec<String>, bell: Arc<Doorbell>) -> Result<Link> {
        let shared = Arc::new(Shared::default());
        let (sender, news) = mpsc::channel();
        let worker = Worker { shared: shared.clone(), news: sender, bell, access_points };
        let thread = std::thread::Builder::new().name("daos-link".to_owned()).spawn(move || worker.run());
        let thread = Some(thread.map_err(|error| Status::from(error).while_doing("starting a thread"))?);
        Ok(Link { shared, news, thread })
    }

    /// Joins, or joins again since something has changed.
    pub fn join(&self, join: Join) {
        let mut state = self.shared.state();
        state.join = Some(join);
        // A new connection says it, in place of the one that there may be.
        if let Some(stream) = state.stream.take() {
            let _gone_already = stream.shutdown(Shutdown::Both);
        }
        self.shared.changed.notify_all();
    }

    /// Joins with this when the connection has to be made anew; what there is stays.
    pub fn join_later(&self, join: Join) {
        self.shared.state().join = Some(join);
    }

    /// Says something to the service, if there is a connection.
    pub fn say(&self, request: &ControlRequest) {
        let mut state = self.shared.state();
        if let Some(stream) = state.stream.as_mut()
            && let Err(error) = stream.write_all(&control_frame(request))
        {
            daos_env::log!(Warn, "link", "the metadata service could not be told: {error}");
        }
    }

    /// What has happened, if something has.
    pub fn news(&self) -> Option<News> {
        self.news.try_recv().ok()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.stop = true;
        if let Some(stream) = state.stream.take() {
            let _gone_already = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
        // The thread ends by itself within the limit of an attempt; nobody waits for what it finds meanwhile.
        drop(self.thread.take());
    }
}

struct Worker {
    shared: Arc<Shared>,
    news: mpsc::Sender<News>,
    bell: Arc<Doorbell>,
    access_points: Vec<String>,
}

impl Worker {
    fn report(&self, news: News) {
        // When nobody listens any more, the engine is ending.
        let _nobody = self.news.send(news);
        self.bell.ring();
    }

    fn run(&self) {
        let mut delay = DELAYS.0;
        let mut said = None;
        while let Some(join) = self.shared.wait_for_join() {
            match self.try_all(&join) {
                Ok(()) => {
                    delay = DELAYS.0;
                    said = None;
                }
                Err(status) if is_final(&status) => {
                    self.report(News::Refused(status));
                    return;
                }
                Err(status) => {
                    // Once for each reason, not for each attempt.
                    if said.as_ref() != Some(&status) {
                        self.report(News::Lost(status.clone()));
                        said = Some(status);
                    }
                }
            }
            self.shared.pause(delay);
            delay = (2 * delay).min(DELAYS.1);
        }
    }

    /// Joins at the first access point that works, and lives with it until the connection ends.
    fn try_all(&self, join: &Join) -> Result<()> {
        let mut failure = Status::new(Code::Inval, "no access point is known");
        for access_point in &self.access_points {
            match self.join_at(access_point.clone(), join) {
                Ok((stream, joined)) => {
                    let watched = stream.try_clone().map_err(Status::from)?;
                    self.shared.state().stream = Some(watched);
                    self.report(News::Joined(Box::new(joined)));
                    let end = self.listen(stream);
                    let mut state = self.shared.state();
                    state.stream = None;
                    let is_wanted = state.stop;
                    drop(state);
                    if !is_wanted {
                        self.report(News::Lost(end));
                    }
                    return Ok(());
                }
                Err(status) if is_final(&status) => return Err(status),
                Err(status) => failure = status,
            }
        }
        Err(failure)
    }

    fn join_at(&self, mut place: String, join: &Join) -> Result<(TcpStream, Joined)> {
        for _ in 0..REDIRECTS_MAX {
            let mut stream = connect(&place)?;
            let doing = |error: std::io::Error| Status::from(error).while_doing(format_args!("joining at {place}"));
            stream.write_all(&control_frame(&ControlRequest::Join(join.clone()))).map_err(doing)?;
            stream.set_read_timeout(Some(ANSWER_LIMIT)).map_err(doing)?;
            match read_reply(&mut stream).map_err(|status| status.while_doing(format_args!("joining at {place}")))? {
                ControlReply::Joined(joined) => {
                    stream.set_read_timeout(None).map_err(doing)?;
                    return Ok((stream, joined));
                }
                ControlReply::Redirect(other) => place = other,
                ControlReply::Failed(failure) => return Err(failure.status()),
                ControlReply::Leaderless(entry) => {
                    self.report(News::Found(Box::new(entry)));
                    fail!(Code::Again, "nobody leads the metadata service at the moment");
                }
                other => fail!(Code::Proto, "{place} answered a join with {other:?}"),
            }
        }
        fail!(Code::Again, "the access points point at each other; the metadata service has no place yet")
    }

    /// Hears what the service has to say, until the connection ends; gives why it did.
    fn listen(&self, mut stream: TcpStream) -> Status {
        loop {
            match read_reply(&mut stream) {
                Ok(ControlReply::Table(table)) => self.report(News::Table(Box::new(table))),
                Ok(ControlReply::Order(number)) => match RankAction::from_number(number) {
                    Some(action) => self.report(News::Order(action)),
                    None => return Status::new(Code::Proto, format!("the service ordered {number}")),
                },
                Ok(ControlReply::Failed(failure)) => return failure.status(),
                Ok(_) => return Status::new(Code::Proto, "the service said what nobody asked"),
                Err(status) => return status,
            }
        }
    }
}

/// Answers that do not change by trying again.
fn is_final(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::NoPerm | Code::Inval | Code::Exist | Code::Excluded | Code::DfInval | Code::DfIncompt | Code::Nospace
    )
}

/// Connects to `host:port`.
pub(crate) fn connect(place: &str) -> Result<TcpStream> {
    let doing = |error: std::io::Error| {
        let status = Status::from(error);
        // What cannot be reached now may be later; it is no mistake in a request.
        Status::new(Code::Unreach, format!("no engine answers at {place}: {}", status.context()))
    };
    let addresses: Vec<SocketAddr> = place.to_socket_addrs().map_err(doing)?.collect();
    let mut failure = std::io::Error::from(std::io::ErrorKind::NotFound);
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_LIMIT) {
            Ok(stream) => {
                socket::watch(&stream).map_err(doing)?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(doing(failure))
}

/// Reads one message.
pub(crate) fn read_reply(stream: &mut TcpStream) -> Result<ControlReply> {
    let lost = |error: std::io::Error| {
        let status = Status::from(error);
        Status::new(Code::Unreach, format!("the connection to the metadata service ended: {}", status.context()))
    };
    let mut header = [0; CONTROL_HEADER_LENGTH];
    stream.read_exact(&mut header).map_err(lost)?;
    let length = control_body_length(&header, CONTROL_LENGTH_MAX)?;
    // Grown as bytes arrive: a length alone allocates nothing.
    let mut body = Vec::new();
    stream.take(length as u64).read_to_end(&mut body).map_err(lost)?;
    decode(&body)
}
