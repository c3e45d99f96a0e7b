//! What an administrator wants of ranks: stopping, starting, excluding them. The engine that leads gives the orders, and answers
//! when they were carried out, or when their time is over.

use super::SystemEngine;
use super::answers::Waiting;
use super::door::{ConnectionId, Role};
use super::targets::Targets;
use crate::target::ServiceCall;
use daos_status::{Code, Result, Status, fail};
use daos_types::Rank;
use daos_wire::{ControlReply, RankAction, RankResult, RankState, RanksRequest};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long ranks may take: a checkpoint, or reading one, may be gigabytes.
const LIMIT: Duration = Duration::from_secs(120);
/// The most operations at once.
const OPERATIONS_MAX: usize = 16;

/// What was heard of a rank, for which one kind of operation waits each. What a rank said before it got an order may be heard after that.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// It serves.
    Serves,
    /// It is noted that it stops, or it has stopped.
    Stopped,
    /// It is noted that it is excluded, or is so no more.
    Noted,
}

impl Heard {
    fn is_awaited_by(self, action: RankAction) -> bool {
        self == match action {
            RankAction::Start => Heard::Serves,
            RankAction::Stop => Heard::Stopped,
            RankAction::Exclude | RankAction::ClearExclude => Heard::Noted,
        }
    }
}

/// An operation under way.
pub(super) struct Operation {
    /// Who wants it.
    id: ConnectionId,
    action: RankAction,
    /// What is to be told about, when nothing is waited for any more.
    ranks: Vec<Rank>,
    /// Ranks that have their order, or are being noted, and were not heard of yet.
    waiting: BTreeSet<Rank>,
    /// Ranks that get their order when no other is waited for: to stop, when it is noted that they have; to start, when the one that
    /// leads has.
    later: Vec<Rank>,
    /// The one that leads stops when all others have.
    own_is_last: bool,
    /// Ranks that are to get their order when they are connected: since this engine leads, they had no time to come.
    unconnected: BTreeSet<Rank>,
    results: Vec<RankResult>,
    deadline: Duration,
}

impl Operation {
    fn takes_away(&self) -> bool {
        matches!(self.action, RankAction::Stop | RankAction::Exclude)
    }

    fn waits_for_nobody(&self) -> bool {
        self.waiting.is_empty() && self.unconnected.is_empty()
    }

    fn is_done(&self) -> bool {
        self.waits_for_nobody() && self.later.is_empty() && !self.own_is_last
    }
}

impl SystemEngine {
    /// Begins to do something to ranks, when the metadata service agrees; the connection is answered when it is done.
    pub(super) fn ask_for_operation(&mut self, id: ConnectionId, request: RanksRequest) -> Result<()> {
        let action = RankAction::from_number(request.action);
        let takes_away = matches!(action, Some(RankAction::Stop | RankAction::Exclude));
        let is_meant = !request.ranks.is_empty() || action == Some(RankAction::Stop);
        if takes_away && matches!(self.targets, Targets::Starting(_) | Targets::Joining(_)) {
            fail!(Code::Again, "the metadata service, which has to know of it, is starting; try again");
        }
        if !takes_away || !is_meant || !matches!(self.targets, Targets::Serving(_)) {
            return self.begin_operation(id, &request);
        }
        // Those that other operations take away are as good as gone.
        let others = self.operations.iter().filter(|operation| operation.takes_away());
        let mut going: BTreeSet<Rank> = others.flat_map(|operation| operation.ranks.iter().copied()).collect();
        match request.ranks.is_empty() {
            true => going.extend(self.makings.ranks.known()?.table.ranks.iter().map(|entry| entry.rank)),
            false => going.extend(request.ranks.iter().copied()),
        }
        let may_stay_away = action == Some(RankAction::Exclude);
        let call = ServiceCall::MayGo { ranks: going, may_stay_away, force: request.force };
        self.ask_service(call, Waiting::Operation(id, Box::new(request)))
    }

    pub(super) fn begin_operation(&mut self, id: ConnectionId, request: &RanksRequest) -> Result<()> {
        let Some(action) = RankAction::from_number(request.action) else {
            fail!(Code::Proto, "{} is nothing that can be done to ranks", request.action);
        };
        if self.operations.len() >= OPERATIONS_MAX {
            fail!(Code::Busy, "{OPERATIONS_MAX} operations on ranks are under way; try again");
        }
        let known = self.makings.ranks.known()?;
        let all: Vec<Rank> = known.table.ranks.iter().map(|entry| entry.rank).collect();
        let mut ranks = if request.ranks.is_empty() { all.clone() } else { request.ranks.clone() };
        ranks.sort_unstable();
        ranks.dedup();
        if let Some(unknown) = ranks.iter().find(|rank| !all.contains(rank)) {
            fail!(Code::Nonexist, "the system has no rank {}; 'dmg system query' shows its ranks", unknown.0);
        }
        let leader = known.own;
        if matches!(action, RankAction::Exclude | RankAction::ClearExclude) && request.ranks.is_empty() {
            fail!(Code::Inval, "name the ranks: all of them cannot be meant");
        }
        daos_env::log!(Info, "system", "{action:?} of ranks {}", list(&ranks));
        let deadline = self.makings.env.clock.monotonic() + LIMIT;
        let mut operation = Operation {
            id,
            action,
            ranks: ranks.clone(),
            waiting: BTreeSet::new(),
            later: Vec::new(),
            own_is_last: false,
            unconnected: BTreeSet::new(),
            results: Vec::new(),
            deadline,
        };
        match action {
            RankAction::Stop => self.order_stop(&mut operation, &ranks, leader),
            RankAction::Start => self.order_start(&mut operation, &ranks, leader)?,
            RankAction::Exclude => self.order_state(&mut operation, &ranks, RankState::AdminExcluded)?,
            RankAction::ClearExclude => self.order_state(&mut operation, &ranks, RankState::Stopped)?,
        }
        self.operations.push(operation);
        Ok(())
    }

    /// That ranks stop is noted before they do: afterwards, those that keep the metadata may be too few for it.
    fn order_stop(&mut self, operation: &mut Operation, ranks: &[Rank], leader: Rank) {
        operation.own_is_last = ranks.contains(&leader);
        let connected = self.door.engines();
        for rank in ranks {
            let is_there = *rank == leader || connected.contains(rank);
            let mut noted = || self.ask_service(ServiceCall::Stopping(*rank), Waiting::Said(*rank, Heard::Stopped));
            if is_there && noted().is_ok() {
                operation.waiting.insert(*rank);
            }
        }
        operation.later = ranks.iter().copied().filter(|rank| *rank != leader).collect();
    }

    fn order_start(&mut self, operation: &mut Operation, ranks: &[Rank], leader: Rank) -> Result<()> {
        let others = ranks.iter().copied().filter(|rank| *rank != leader);
        if matches!(self.targets, Targets::Stopped) {
            if !ranks.contains(&leader) {
                fail!(Code::Inval, "rank {}, which leads the metadata service, is stopped: start it, too", leader.0);
            }
            self.start_targets()?;
            operation.waiting.insert(leader);
            operation.later = others.collect();
            return Ok(());
        }
        others.for_each(|rank| self.order(operation, rank, RankAction::Start));
        Ok(())
    }

    /// It is noted before a rank hears of it, as for [`Self::order_stop`].
    fn order_state(&mut self, operation: &mut Operation, ranks: &[Rank], state: RankState) -> Result<()> {
        for rank in ranks {
            let is_there = self.state_of(*rank) == state;
            let comes_back = state == RankState::Stopped && self.state_of(*rank) != RankState::AdminExcluded;
            if is_there || comes_back {
                continue;
            }
            self.ask_service(ServiceCall::State(*rank, state), Waiting::Said(*rank, Heard::Noted))?;
            operation.waiting.insert(*rank);
        }
        Ok(())
    }

    /// Gives a rank its order. One whose state is that already needs none; one without a connection cannot get it.
    fn order(&mut self, operation: &mut Operation, rank: Rank, action: RankAction) {
        let state = self.state_of(rank);
        let error = match (action, state) {
            (RankAction::Start, RankState::Joined) => String::new(),
            (RankAction::Stop, RankState::Stopped) if !self.door.engines().contains(&rank) => String::new(),
            (RankAction::Start, RankState::AdminExcluded) => {
                format!("it is excluded; 'dmg system clear-exclude --ranks={}' comes first", rank.0)
            }
            _ if self.door.tell_engines(Some(rank), &ControlReply::Order(action as u8)) == 0 => {
                if self.absent_at.is_some() {
                    operation.unconnected.insert(rank);
                    return;
                }
                "its process does not run, or is not connected; 'daos_server start' starts it".to_owned()
            }
            _ => {
                operation.waiting.insert(rank);
                return;
            }
        };
        operation.results.push(RankResult { rank, state: state as u8, error });
    }

    /// What a rank is good for now.
    pub(super) fn state_of(&self, rank: Rank) -> RankState {
        let Ok(known) = self.makings.ranks.known() else { return RankState::Unresponsive };
        if known.own == rank && matches!(self.targets, Targets::Stopped) {
            return RankState::Stopped;
        }
        known.state(rank).unwrap_or(RankState::Unresponsive)
    }

    /// Something was heard of a rank: whoever waits for that does so no longer.
    pub(super) fn heard_of(&mut self, rank: Rank, heard: Heard) {
        for operation in self.operations.iter_mut().filter(|operation| heard.is_awaited_by(operation.action)) {
            operation.waiting.remove(&rank);
        }
    }

    /// What was heard of a rank, or is wanted of it, could not be noted: whoever wants it is told, and a rank that would be taken away
    /// stays.
    pub(super) fn not_noted(&mut self, rank: Rank, heard: Heard, why: &Status) {
        let (state, leader) = (self.state_of(rank), self.makings.ranks.known().ok().map(|known| known.own));
        for operation in self.operations.iter_mut().filter(|operation| heard.is_awaited_by(operation.action)) {
            if operation.waiting.remove(&rank) {
                operation.later.retain(|later| *later != rank);
                operation.own_is_last &= leader != Some(rank);
                operation.results.push(RankResult { rank, state: state as u8, error: why.to_string() });
            }
        }
    }

    /// Whether a rank is being taken away: that it serves, which it said before it heard of that, counts no more.
    pub(super) fn is_going(&self, rank: Rank) -> bool {
        self.operations.iter().any(|operation| operation.takes_away() && operation.ranks.contains(&rank))
    }

    /// An engine that was on its way to this one when it was excluded has not heard that it is to stop.
    pub(super) fn stop_if_excluded(&mut self, rank: Rank) {
        if self.state_of(rank) == RankState::AdminExcluded {
            self.door.tell_engines(Some(rank), &ControlReply::Order(RankAction::Stop as u8));
        }
    }

    /// Whether a rank was ordered to stop, and that is noted already.
    pub(super) fn is_stopping(&self, rank: Rank) -> bool {
        let stops = |operation: &Operation| operation.action == RankAction::Stop && operation.waiting.contains(&rank);
        self.operations.iter().any(stops) && self.state_of(rank) == RankState::Stopped
    }

    /// This engine leads no more, and hears of nobody.
    pub(super) fn lost_sight_of_all(&mut self) {
        for operation in &mut self.operations {
            operation.waiting.clear();
            operation.unconnected.clear();
            operation.later.clear();
        }
    }

    /// The connection of a rank has ended. One that starts makes a new one; of others nothing more will be heard.
    pub(super) fn lost_sight_of(&mut self, rank: Rank) {
        for operation in self.operations.iter_mut().filter(|operation| operation.action != RankAction::Start) {
            operation.waiting.remove(&rank);
        }
    }

    /// When operations must be looked at though nothing has happened.
    pub(super) fn operations_deadline(&self) -> Option<Duration> {
        self.operations.iter().map(|operation| operation.deadline).min()
    }

    /// Goes on with operations, and answers those that are done.
    pub(super) fn look_at_operations(&mut self) -> Result<()> {
        while self.step_operations() {
            // All operations are at their place: whoever waits for the service that ends is found there, and answered.
            self.stop_targets()?;
        }
        Ok(())
    }

    /// A step of each operation; whether the targets of this engine are to stop now.
    fn step_operations(&mut self) -> bool {
        let (now, mut stops) = (self.makings.env.clock.monotonic(), false);
        for mut operation in std::mem::take(&mut self.operations) {
            let is_late = operation.deadline <= now;
            for rank in std::mem::take(&mut operation.unconnected) {
                let action = operation.action;
                self.order(&mut operation, rank, action);
            }
            let ends_own = operation.waits_for_nobody() && !is_late && self.go_on(&mut operation);
            stops |= ends_own;
            if is_late || (operation.is_done() && !ends_own) {
                self.finish(operation);
            } else {
                self.operations.push(operation);
            }
        }
        stops
    }

    /// The next part; whether that is the end of the targets of this engine.
    fn go_on(&mut self, operation: &mut Operation) -> bool {
        let (later, action) = (std::mem::take(&mut operation.later), operation.action);
        later.into_iter().for_each(|rank| self.order(operation, rank, action));
        operation.waits_for_nobody() && std::mem::take(&mut operation.own_is_last)
    }

    fn finish(&mut self, operation: Operation) {
        let Operation { id, action, ranks, mut results, .. } = operation;
        for rank in ranks {
            if results.iter().any(|result| result.rank == rank) {
                continue;
            }
            let state = self.state_of(rank);
            let is_done = match action {
                RankAction::Stop => matches!(state, RankState::Stopped | RankState::AdminExcluded),
                RankAction::Start => state == RankState::Joined,
                RankAction::Exclude => state == RankState::AdminExcluded,
                RankAction::ClearExclude => state != RankState::AdminExcluded,
            };
            let error = if is_done { String::new() } else { format!("it is {}; its log says why", state.word()) };
            results.push(RankResult { rank, state: state as u8, error });
        }
        results.sort_by_key(|result| result.rank);
        let has_failed = results.iter().any(|result| !result.error.is_empty());
        let reply = if has_failed && !self.leads() {
            // Nothing is lost by asking for it once more, where it is led now, which the tool does.
            let sentence = "the metadata service has moved to another engine; try again";
            ControlReply::failure(&Status::new(Code::Again, sentence))
        } else {
            ControlReply::Ranks(results)
        };
        self.door.answer(id, &reply, Role::Stranger);
    }
}

fn list(ranks: &[Rank]) -> String {
    ranks.iter().map(|rank| rank.0.to_string()).collect::<Vec<_>>().join(", ")
}
