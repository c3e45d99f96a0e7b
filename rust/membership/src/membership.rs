//! One member: what it hears goes in, what it says and finds comes out.

use crate::codec::{PREFIX_BYTES, WireCodec, seal, unseal};
use crate::lives::{Lives, Meaning};
use crate::member::Member;
use crate::random::Seeded;
use crate::settings::{MEMBERS_MAX, MESSAGE_BYTES_MAX, MembershipSettings};
use daos_status::{Code, Result, Status, fail};
use daos_types::Rank;
use foca::{Foca, NoCustomBroadcast, Notification, Runtime, Timer};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// The most messages and events that wait to be taken: what is beyond is lost, as on a network, and asked for again.
const WAITING_MAX: usize = 4096;

/// A message for another member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// The rank that it is for.
    pub to: Rank,
    /// What [`Membership::receive`] takes there.
    pub bytes: Vec<u8>,
}

/// What a member has found out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// This one lives: for the first time, or again.
    Alive(Member),
    /// This one was suspected, and did not deny it in time.
    Dead(Member),
    /// The others have taken this member itself for dead; it has begun the life that is told, and says so to them.
    Excluded(Member),
    /// The others know of a later life of this rank than the one it was in: its calendar has gone back since. It has begun the life that
    /// is told, which is later still.
    Overtaken(Member),
}

/// A timer, first by time, then in the order in which they were set.
struct Due {
    at: Duration,
    order: u64,
    timer: Timer<Member>,
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Due) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// What the library wants done.
#[derive(Default)]
struct Outside {
    /// Time as the member counts it.
    now: Duration,
    messages: VecDeque<Message>,
    events: VecDeque<Event>,
    timers: BinaryHeap<Reverse<Due>>,
    order: u64,
    /// Whether the member takes part: somebody lives and hears it.
    is_connected: bool,
}

impl Runtime<Member> for &mut Outside {
    fn notify(&mut self, notification: Notification<'_, Member>) {
        match notification {
            Notification::Active => self.is_connected = true,
            Notification::Idle | Notification::Defunct | Notification::Rejoin(_) => self.is_connected = false,
            _ => {}
        }
        let event = match notification {
            Notification::MemberUp(member) => Event::Alive(*member),
            Notification::MemberDown(member) => Event::Dead(*member),
            Notification::Rejoin(own) => Event::Excluded(*own),
            // The newer life is told of by itself when it was dead before; when it was not, this is the news.
            Notification::Rename(_, member) => Event::Alive(*member),
            _ => return,
        };
        if self.events.len() < WAITING_MAX && self.events.back() != Some(&event) {
            self.events.push_back(event);
        }
    }

    fn send_to(&mut self, to: Member, data: &[u8]) {
        if self.messages.len() < WAITING_MAX {
            self.messages.push_back(Message { to: to.rank, bytes: seal(data) });
        }
    }

    fn submit_after(&mut self, timer: Timer<Member>, after: Duration) {
        self.order += 1;
        self.timers.push(Reverse(Due { at: self.now.saturating_add(after), order: self.order, timer }));
    }
}

/// A member of the system.
///
/// It knows no clock, no network and no threads: it is told the time, hears messages, and has messages and events taken from it.
/// The same calls in the same order give the same answers.
pub struct Membership {
    swim: Foca<Member, WireCodec, Seeded, NoCustomBroadcast>,
    outside: Outside,
    /// The time when it was last told.
    told: Duration,
    /// The most that its own time goes on between two looks.
    step: Duration,
    /// When somebody is greeted next while nobody hears, and how often that was.
    next_call: Duration,
    calls: usize,
    lives: Lives,
}

impl Membership {
    /// A member that knows nobody yet. The seed decides whom it asks when.
    pub fn new(own: Member, settings: &MembershipSettings, seed: u64, now: Duration) -> Membership {
        Membership {
            swim: Foca::new(own, settings.config(), Seeded(seed), WireCodec),
            outside: Outside::default(),
            told: now,
            step: settings.period,
            next_call: Duration::ZERO,
            calls: 0,
            lives: Lives::new(settings.period),
        }
    }

    /// Who it is: [`Event::Excluded`] and [`Event::Overtaken`] tell when that changes.
    pub fn own(&self) -> Member {
        *self.swim.identity()
    }

    /// Tells of members that are known to live by other means; they are greeted.
    pub fn meet(&mut self, now: Duration, members: &[Member]) -> Result<()> {
        self.pass(now);
        let known: Vec<Member> = members.iter().copied().filter(|member| member.rank != self.own().rank).collect();
        self.check_room(known.len())?;
        let alive = known.iter().copied().map(foca::Member::alive);
        self.swim.apply_many(alive, true, &mut self.outside).map_err(failure)?;
        for member in known {
            self.swim.announce(member, &mut self.outside).map_err(failure)?;
        }
        Ok(())
    }

    /// Greets a rank of which it is not known whether it lives: it answers with all that it knows. Nobody waits for it.
    pub fn greet(&mut self, now: Duration, rank: Rank) -> Result<()> {
        self.pass(now);
        let known = self.swim.iter_membership_state().map(|member| *member.id()).find(|member| member.rank == rank);
        let member = known.unwrap_or(Member { rank, incarnation: 0 });
        self.swim.announce(member, &mut self.outside).map_err(failure)
    }

    /// Hears a message. Bytes that are none are an error that changes nothing.
    pub fn receive(&mut self, now: Duration, bytes: &[u8]) -> Result<()> {
        self.pass(now);
        if bytes.len() > PREFIX_BYTES + MESSAGE_BYTES_MAX {
            fail!(Code::Proto, "a message of membership of {} bytes exceeds {MESSAGE_BYTES_MAX}", bytes.len());
        }
        let data = unseal(bytes)?;
        self.check_room(MESSAGE_BYTES_MAX / 15)?;
        if !self.is_worth_hearing(data)? {
            return Ok(());
        }
        let heard = match self.swim.handle_data(data, &mut self.outside) {
            // An echo, or a question that has found its way back: nothing is wrong.
            Err(foca::Error::DataFromOurselves | foca::Error::IndirectForOurselves) | Ok(()) => Ok(()),
            Err(error) => Err(failure(error)),
        };
        // The library keeps what others said of a later life of this rank as a member that is dead.
        let own = self.own().rank;
        let later = self.swim.iter_membership_state().map(|member| *member.id()).find(|member| member.rank == own);
        later.map_or(Ok(()), |later| self.overtake(later)).and(heard)
    }

    /// Looks at the lives that a message is from and for. The library alone would tell a member that comes in an earlier life than is
    /// known that it is dead; that member would begin a life that is later by one, say so, and be told again: as often as the calendar has
    /// gone back by nanoseconds.
    fn is_worth_hearing(&mut self, data: &[u8]) -> Result<bool> {
        let (own, now) = (self.own(), self.outside.now);
        let known =
            |rank| self.swim.iter_membership_state().map(|member| *member.id()).find(|known| known.rank == rank);
        match self.lives.meaning(data, own, known, now) {
            Meaning::Heard => Ok(true),
            Meaning::Ignored => Ok(false),
            Meaning::Later(later) => self.overtake(later).map(|()| true),
            Meaning::Earlier(known) => {
                // A greeting that is addressed to the later life shows which one that is.
                self.swim.announce(known, &mut self.outside).map_err(failure)?;
                Ok(false)
            }
        }
    }

    /// Begins a life beyond one of this rank that others know, if that is later than this one.
    fn overtake(&mut self, later: Member) -> Result<()> {
        let Some(next) = self.lives.beyond(later, self.own(), self.outside.now) else { return Ok(()) };
        self.swim.change_identity(next, &mut self.outside).map_err(failure)?;
        // The library has forgotten its timers, as in every new life.
        self.outside.is_connected = false;
        if self.outside.events.len() < WAITING_MAX {
            self.outside.events.push_back(Event::Overtaken(next));
        }
        Ok(())
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Duration) {
        self.pass(now);
        let due = self.outside.now;
        // What is set meanwhile is due later: no timer is of length zero.
        while let Some(Reverse(first)) = self.outside.timers.peek() {
            if first.at > due {
                break;
            }
            let Some(Reverse(Due { timer, .. })) = self.outside.timers.pop() else { break };
            if self.was_denied(&timer) {
                continue;
            }
            // A timer that comes too late for the library is not an error of anybody.
            let _late = self.swim.handle_timer(timer, &mut self.outside);
        }
        self.call_when_alone();
    }

    /// Whether a timer ends a suspicion that was denied. The library (2.0) would not take the member for dead, but would tell it so
    /// all the same.
    fn was_denied(&self, timer: &Timer<Member>) -> bool {
        let Timer::ChangeSuspectToDown { member_id, incarnation, .. } = timer else { return false };
        let is_it = |known: &&foca::Member<Member>| known.id() == member_id && known.incarnation() == *incarnation;
        let known = self.swim.iter_membership_state().find(is_it);
        known.is_none_or(|known| known.state() != foca::State::Suspect)
    }

    /// Greets those that were known, one after the other, while nobody is known to hear: the library itself says nothing then. It has
    /// forgotten its timers as well when it has begun a new life, and others reject what is addressed to the life before.
    fn call_when_alone(&mut self) {
        if self.outside.is_connected || self.outside.now < self.next_call {
            return;
        }
        self.next_call = self.outside.now.saturating_add(self.step);
        let own = self.own().rank;
        let known = self.swim.iter_membership_state().map(|member| *member.id());
        let known: Vec<Member> = known.filter(|member| member.rank != own).collect();
        if !known.is_empty() {
            self.calls = self.calls.wrapping_add(1);
            let _lost = self.swim.announce(known[self.calls % known.len()], &mut self.outside);
        }
    }

    /// How long until something is due, or is to be looked for.
    pub fn next_due(&self) -> Duration {
        let first = self.outside.timers.peek().map_or(Duration::MAX, |Reverse(first)| first.at);
        let call = if self.outside.is_connected { Duration::MAX } else { self.next_call };
        first.min(call).saturating_sub(self.outside.now).min(self.step / 2)
    }

    /// Says good-bye: the others need not suspect it first.
    pub fn leave(&mut self, now: Duration) -> Result<()> {
        self.pass(now);
        self.swim.leave_cluster(&mut self.outside).map_err(failure)
    }

    /// The next message to send.
    pub fn take_message(&mut self) -> Option<Message> {
        self.outside.messages.pop_front()
    }

    /// The next thing that it has found out.
    pub fn take_event(&mut self) -> Option<Event> {
        self.outside.events.pop_front()
    }

    /// Those that live, as far as it knows, without itself.
    pub fn members(&self) -> Vec<Member> {
        let mut members: Vec<Member> = self.swim.iter_members().map(|member| *member.id()).collect();
        members.sort_unstable();
        members
    }

    /// Lets time pass. A process that was stopped, or did not run for long, has not heard what was said meanwhile: that time does
    /// not count, or it would take everybody else for dead when it goes on.
    fn pass(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.told);
        self.told = self.told.max(now);
        self.outside.now = self.outside.now.saturating_add(passed.min(self.step));
    }

    fn check_room(&self, more: usize) -> Result<()> {
        let known = self.swim.iter_membership_state().len();
        if known + more > MEMBERS_MAX {
            fail!(Code::Nospace, "{known} members are known; more than {MEMBERS_MAX} are not kept");
        }
        Ok(())
    }
}

fn failure(error: foca::Error) -> Status {
    Status::new(Code::Proto, format!("a message of membership makes no sense: {error}"))
}
