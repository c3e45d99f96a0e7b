//! The connection of an engine to the one on which the metadata service leads: it joins by it, lives by it, and hears of the
//! other engines by it. The engine's main thread looks at it, and waits for nothing here: only connecting, which may wait, is done
//! by a thread of its own.

use crate::local::Wanted;
use daos_env::{Doorbell, Env, RingAtEnd};
use daos_rpc::{ControlNetwork, ControlStream};
use daos_status::{Code, Result, Status, fail};
use daos_wire::header::HEADER_LENGTH;
use daos_wire::{
    CONTROL_LENGTH_MAX, ControlReply, ControlRequest, Join, Joined, RankAction, RankEntry, RankTable, control_frame,
    control_message, control_rest_length,
};
use std::io::ErrorKind;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// How long the answer to a join may take, at first and at most: the service stores a row first. One that was stopped in its tracks
/// takes connections in and says nothing, and another one may lead by now.
const ANSWER_LIMITS: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(30));
/// How long to wait between attempts, at first and at most.
const DELAYS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How often one answer after the other may point elsewhere.
const REDIRECTS_MAX: usize = 4;
/// What may wait to be sent; a service that does not read is lost beyond it.
const UNSENT_MAX: usize = CONTROL_LENGTH_MAX;
/// Messages that are taken in one look.
const MESSAGES_PER_LOOK: usize = 64;

/// Who is at the other end, for sentences.
const PEER: &str = "the engine of the metadata service";

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

/// A connection, or why there is none.
type Dialled = std::io::Result<Box<dyn ControlStream>>;

/// A connection and what is on its way.
struct Talk {
    stream: Box<dyn ControlStream>,
    received: Vec<u8>,
    unsent: Vec<u8>,
}

/// One way through the access points.
struct Attempt {
    /// Where it is now.
    place: String,
    /// The access point that comes next.
    next: usize,
    redirects: usize,
}

enum State {
    /// Until then.
    Resting(Duration),
    Dialling(Attempt, mpsc::Receiver<Dialled>),
    /// The answer to the join has to come until then.
    Asking(Attempt, Talk, Duration),
    Joined(Talk),
    /// The service does not want the engine.
    Refused,
}

/// What a look led to.
enum Next {
    /// Nothing more can be done now.
    Wait(State),
    GoOn(State),
}

/// The link of an engine.
pub(crate) struct Link {
    network: Arc<dyn ControlNetwork>,
    access_points: Vec<String>,
    env: Env,
    bell: Arc<Doorbell>,
    /// What to join with; nothing as long as the engine is not ready to.
    join: Option<Join>,
    state: State,
    /// Where it has joined last.
    place: String,
    /// Who is said to lead: tried before the access points.
    hint: Option<String>,
    delay: Duration,
    answer_limit: Duration,
    /// Why the last attempts failed: said once for each reason, not for each attempt.
    said: Option<Status>,
    news: Vec<News>,
}

impl Link {
    /// A link to whichever of the access points leads there; it joins when it is told with what.
    pub fn new(network: Arc<dyn ControlNetwork>, access_points: Vec<String>, env: Env, bell: Arc<Doorbell>) -> Link {
        Link {
            network,
            access_points,
            env,
            bell,
            join: None,
            state: State::Resting(Duration::ZERO),
            place: String::new(),
            hint: None,
            delay: DELAYS.0,
            answer_limit: ANSWER_LIMITS.0,
            said: None,
            news: Vec::new(),
        }
    }

    fn now(&self) -> Duration {
        self.env.clock.monotonic()
    }

    /// Joins, or joins again since something has changed: a new connection says it, in place of the one that there may be.
    pub fn join(&mut self, join: Join) {
        self.join = Some(join);
        self.state = State::Resting(Duration::ZERO);
    }

    /// Joins there, as that is who leads now.
    pub fn join_at(&mut self, place: &str, join: Join) {
        self.hint = Some(place.to_owned());
        self.join(join);
    }

    /// Where it has joined, as long as that connection lasts.
    pub fn joined_at(&self) -> Option<&str> {
        matches!(self.state, State::Joined(_)).then_some(self.place.as_str())
    }

    /// Joins with this when the connection has to be made anew; what there is stays.
    pub fn join_later(&mut self, join: Join) {
        self.join = Some(join);
    }

    /// Says something to the service, if there is a connection.
    pub fn say(&mut self, request: &ControlRequest) {
        if let State::Joined(talk) = &mut self.state {
            talk.unsent.extend_from_slice(&control_frame(request));
            // Its end shows when it is looked at.
            let _shows_later = talk.send();
        }
    }

    /// What to wait for, besides the bell.
    pub fn wanted(&self) -> Option<Wanted> {
        match &self.state {
            State::Asking(_, talk, _) | State::Joined(talk) => {
                Some(Wanted { descriptor: talk.stream.descriptor(), write: !talk.unsent.is_empty() })
            }
            _ => None,
        }
    }

    /// When to look again though nothing has happened.
    pub fn deadline(&self) -> Option<Duration> {
        match &self.state {
            State::Resting(until) if self.join.is_some() => Some(*until),
            State::Asking(_, _, until) => Some(*until),
            _ => None,
        }
    }

    /// Does what can be done now, and gives the news.
    pub fn look(&mut self) -> Vec<News> {
        for _ in 0..MESSAGES_PER_LOOK {
            let state = std::mem::replace(&mut self.state, State::Refused);
            match self.go_on(state) {
                Next::GoOn(state) => self.state = state,
                Next::Wait(state) => {
                    self.state = state;
                    return std::mem::take(&mut self.news);
                }
            }
        }
        // There may be more.
        self.bell.ring();
        std::mem::take(&mut self.news)
    }

    fn go_on(&mut self, state: State) -> Next {
        match state {
            State::Resting(until) if self.join.is_none() || until > self.now() => Next::Wait(State::Resting(until)),
            State::Resting(_) => Next::GoOn(match self.hint.take() {
                Some(place) => self.dial(Attempt { place, next: 0, redirects: 0 }),
                None => self.try_next(0, Status::new(Code::Inval, "no access point is known")),
            }),
            State::Dialling(attempt, dialled) => match dialled.try_recv() {
                Ok(Ok(stream)) => Next::GoOn(self.ask(attempt, stream)),
                Ok(Err(error)) => {
                    let status = Status::from(error);
                    let sentence = format!("no engine answers at {}: {}", attempt.place, status.context());
                    // What cannot be reached now may be later; it is no mistake in a request.
                    Next::GoOn(self.try_next(attempt.next, Status::new(Code::Unreach, sentence)))
                }
                Err(mpsc::TryRecvError::Empty) => Next::Wait(State::Dialling(attempt, dialled)),
                Err(mpsc::TryRecvError::Disconnected) => {
                    let sentence = "the thread that connects could not be started, or has ended";
                    Next::GoOn(self.try_next(attempt.next, Status::new(Code::Misc, sentence)))
                }
            },
            State::Asking(attempt, talk, until) => self.hear_answer(attempt, talk, until),
            State::Joined(talk) => self.listen(talk),
            State::Refused => Next::Wait(State::Refused),
        }
    }

    /// Goes to the next access point; when all were tried, rests for a while.
    fn try_next(&mut self, next: usize, failure: Status) -> State {
        match self.access_points.get(next) {
            Some(place) => {
                let attempt = Attempt { place: place.clone(), next: next + 1, redirects: 0 };
                self.dial(attempt)
            }
            None if is_final(&failure) => {
                self.news.push(News::Refused(failure));
                State::Refused
            }
            None => {
                if self.said.as_ref() != Some(&failure) {
                    self.news.push(News::Lost(failure.clone()));
                    self.said = Some(failure);
                }
                self.rest()
            }
        }
    }

    fn rest(&mut self) -> State {
        let until = self.now() + self.delay;
        self.delay = (2 * self.delay).min(DELAYS.1);
        State::Resting(until)
    }

    fn dial(&self, attempt: Attempt) -> State {
        let (sender, dialled) = mpsc::channel();
        let (network, bell, place) = (self.network.clone(), self.bell.clone(), attempt.place.clone());
        let connect = move || {
            // The sender goes first, also by a panic: whoever hears the bell finds the outcome, or that there is none.
            let _ring = RingAtEnd(bell);
            let sender = sender;
            // When nobody listens any more, the engine does something else by now.
            let _nobody = sender.send(network.connect(&place));
        };
        if self.network.waits() {
            // One that cannot be started drops the sender, which is found out at the next look.
            let started = std::thread::Builder::new().name("daos-link".to_owned()).spawn(connect);
            if started.is_err() {
                self.bell.ring();
            }
        } else {
            connect();
        }
        State::Dialling(attempt, dialled)
    }

    fn ask(&mut self, attempt: Attempt, stream: Box<dyn ControlStream>) -> State {
        let Some(join) = &self.join else { return State::Resting(Duration::ZERO) };
        let unsent = control_frame(&ControlRequest::Join(join.clone()));
        let mut talk = Talk { stream, received: Vec::new(), unsent };
        let _shows_later = talk.send();
        State::Asking(attempt, talk, self.now() + self.answer_limit)
    }

    fn hear_answer(&mut self, mut attempt: Attempt, mut talk: Talk, until: Duration) -> Next {
        let place = attempt.place.clone();
        let answer = match talk.hear() {
            Ok(None) if until > self.now() => return Next::Wait(State::Asking(attempt, talk, until)),
            Ok(None) => {
                self.answer_limit = (2 * self.answer_limit).min(ANSWER_LIMITS.1);
                Err(Status::new(Code::Unreach, "the metadata service did not answer"))
            }
            Ok(Some(answer)) => Ok(answer),
            Err(status) => Err(status),
        };
        let answer = answer.map_err(|status| status.while_doing(format_args!("joining at {place}")));
        let failure = match answer {
            Ok(ControlReply::Joined(joined)) => {
                // An access point may have another name than the one by which all know that engine.
                let place = joined.table.find(joined.table.service).map_or(place, |leader| leader.control.clone());
                self.news.push(News::Joined(Box::new(joined)));
                (self.delay, self.answer_limit, self.said) = (DELAYS.0, ANSWER_LIMITS.0, None);
                self.place = place;
                return Next::GoOn(State::Joined(talk));
            }
            Ok(ControlReply::Redirect(_)) if attempt.redirects >= REDIRECTS_MAX => {
                Status::new(Code::Again, "the access points point at each other; the metadata service has no place yet")
            }
            Ok(ControlReply::Redirect(other)) => {
                (attempt.place, attempt.redirects) = (other, attempt.redirects + 1);
                return Next::GoOn(self.dial(attempt));
            }
            Ok(ControlReply::Failed(failure)) => failure.status(),
            Ok(ControlReply::Leaderless(entry)) => {
                self.news.push(News::Found(Box::new(entry)));
                Status::new(Code::Again, "nobody leads the metadata service at the moment")
            }
            Ok(other) => Status::new(Code::Proto, format!("{place} answered a join with {other:?}")),
            Err(failure) => failure,
        };
        if is_final(&failure) {
            self.news.push(News::Refused(failure));
            return Next::Wait(State::Refused);
        }
        Next::GoOn(self.try_next(attempt.next, failure))
    }

    /// Hears what the service has to say, until the connection ends.
    fn listen(&mut self, mut talk: Talk) -> Next {
        let end = match talk.hear() {
            Ok(None) => return Next::Wait(State::Joined(talk)),
            Ok(Some(ControlReply::Table(table))) => {
                self.news.push(News::Table(Box::new(table)));
                return Next::GoOn(State::Joined(talk));
            }
            Ok(Some(ControlReply::Order(number))) => match RankAction::from_number(number) {
                Some(action) => {
                    self.news.push(News::Order(action));
                    return Next::GoOn(State::Joined(talk));
                }
                None => Status::new(Code::Proto, format!("the service ordered {number}")),
            },
            Ok(Some(ControlReply::Failed(failure))) => failure.status(),
            Ok(Some(_)) => Status::new(Code::Proto, "the service said what nobody asked"),
            Err(status) => status,
        };
        self.news.push(News::Lost(end));
        Next::GoOn(self.rest())
    }
}

impl Talk {
    fn send(&mut self) -> Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(0) => fail!(Code::Unreach, "the connection to the metadata service ended"),
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(lost(error)),
            }
        }
        if self.unsent.len() > UNSENT_MAX {
            fail!(Code::Unreach, "the metadata service does not read, and {} bytes wait for it", self.unsent.len());
        }
        Ok(())
    }

    /// Sends what there is to send, and takes one message if it is there.
    fn hear(&mut self) -> Result<Option<ControlReply>> {
        self.send()?;
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => fail!(Code::Unreach, "the connection to the metadata service ended"),
                // Grown as bytes arrive: a length alone allocates nothing.
                Ok(count) => self.received.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(lost(error)),
            }
        }
    }

    fn take(&mut self) -> Result<Option<ControlReply>> {
        let Some(header) = self.received.first_chunk::<HEADER_LENGTH>() else { return Ok(None) };
        let end = HEADER_LENGTH + control_rest_length::<ControlReply>(header, CONTROL_LENGTH_MAX, PEER)?;
        let Some(bytes) = self.received.get(..end) else { return Ok(None) };
        let message = control_message(bytes, PEER)?;
        self.received.drain(..end);
        Ok(Some(message))
    }
}

fn lost(error: std::io::Error) -> Status {
    let status = Status::from(error);
    Status::new(Code::Unreach, format!("the connection to the metadata service ended: {}", status.context()))
}

/// Answers that do not change by trying again.
fn is_final(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::NoPerm | Code::Inval | Code::Exist | Code::Excluded | Code::DfInval | Code::DfIncompt | Code::Nospace
    )
}
