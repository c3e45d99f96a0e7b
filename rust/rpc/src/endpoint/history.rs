//! What a server remembers of one caller: so that a request is carried out once, however often it comes.
//!
//! See `docs/calls.md` for the rules.

use crate::frame::Head;
use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// Answered calls of one caller that are remembered; more than it may have under way.
const ANSWERED_MAX: usize = 4096;

/// Bytes of answers that are kept for one caller. Callers say with each request which answers they have, so that this is reached only
/// by those who have many calls under way, or one that lasts while others go on; then the oldest answers go. A caller asks for a call that 128
/// others have overtaken: their answers, of some hundred bytes each, fit in well.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// The longest answer that is kept.
const ANSWER_MAX: usize = 4096;

/// A caller whose ids are further apart is another one at the same address: ids begin at random.
const SKIP_MAX: u64 = 1 << 32;

/// What to do with a request.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It comes for the first time.
    New,
    /// It is being worked on, or was answered: nothing.
    Doubled,
    /// It was answered with this frame, which got lost.
    Answered(Vec<u8>),
    /// It may have been carried out: nobody knows. It is not carried out (again).
    Forgotten,
}

/// What there is of a call that a caller asks for.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// It is being worked on.
    Served,
    /// Its answer.
    Answered(Vec<u8>),
    /// It never came.
    Unknown,
    /// It may have come, but its answer is not there.
    Forgotten,
}

/// The requests of one caller.
pub(super) struct History {
    /// Names this memory: a caller that heard of another one cannot rely on it.
    token: u64,
    highest: Option<u64>,
    /// Ids below it are not carried out: the caller has given them up, or they are forgotten.
    floor: u64,
    /// Being worked on, with what says that the caller gave it up.
    served: BTreeMap<u64, Rc<Cell<bool>>>,
    /// Answered, with the answer when it is kept.
    answered: BTreeMap<u64, Option<Vec<u8>>>,
    /// Ids with kept answers, the oldest answer first.
    kept: VecDeque<u64>,
    kept_bytes: usize,
}

impl History {
    /// A memory of nothing; `token` is a random number.
    pub fn new(token: u64) -> History {
        History {
            // Zero says that a caller has heard of none.
            token: token.max(1),
            highest: None,
            floor: 0,
            served: BTreeMap::new(),
            answered: BTreeMap::new(),
            kept: VecDeque::new(),
            kept_bytes: 0,
        }
    }

    /// What callers say to show that they know this memory.
    pub fn token(&self) -> u64 {
        self.token
    }

    /// Whether requests are being worked on.
    pub fn is_busy(&self) -> bool {
        !self.served.is_empty()
    }

    /// How many are being worked on.
    pub fn served(&self) -> usize {
        self.served.len()
    }

    /// Judges a request. `new_token` is for a caller that is another one.
    pub fn judge(&mut self, head: &Head, new_token: impl FnOnce() -> u64) -> Verdict {
        let id = head.call_id;
        let is_same = self.highest.is_some_and(|highest| highest.abs_diff(id) <= SKIP_MAX);
        if !is_same {
            self.begin_anew(head, new_token);
        }
        self.highest = self.highest.max(Some(id));
        self.raise_floor(id.saturating_sub(u64::from(head.behind)));
        if self.served.contains_key(&id) {
            return Verdict::Doubled;
        }
        match self.answered.get(&id) {
            Some(Some(answer)) if head.is_sent_again => return Verdict::Answered(answer.clone()),
            Some(_) => return Verdict::Doubled,
            None => {}
        }
        let is_known_new = id >= self.floor && (!head.is_sent_again || head.token == self.token);
        if is_known_new { Verdict::New } else { Verdict::Forgotten }
    }

    fn begin_anew(&mut self, head: &Head, new_token: impl FnOnce() -> u64) {
        // What is being worked on of the earlier caller ends by itself.
        let token = if self.highest.is_some() { new_token() } else { self.token };
        *self = History { highest: Some(head.call_id), ..History::new(token) };
    }

    fn raise_floor(&mut self, floor: u64) {
        if floor <= self.floor {
            return;
        }
        self.floor = floor;
        while let Some(entry) = self.answered.first_entry().filter(|entry| *entry.key() < floor) {
            self.kept_bytes -= entry.remove().map_or(0, |answer| answer.len());
        }
        while self.kept.front().is_some_and(|id| !matches!(self.answered.get(id), Some(Some(_)))) {
            self.kept.pop_front();
        }
    }

    /// Notes a request that is new; gives what says that its caller gave it up.
    pub fn serve(&mut self, call: u64) -> Rc<Cell<bool>> {
        let is_abandoned = Rc::new(Cell::new(false));
        self.served.insert(call, is_abandoned.clone());
        is_abandoned
    }

    /// Notes the answer to a request, which is kept when it can be; `is_abandoned` is what [`History::serve`] gave. Of a caller that another
    /// one has followed at its address, nothing is noted.
    pub fn answer(&mut self, call: u64, is_abandoned: &Rc<Cell<bool>>, answer: Option<Vec<u8>>) {
        if !self.served.get(&call).is_some_and(|served| Rc::ptr_eq(served, is_abandoned)) {
            return;
        }
        self.served.remove(&call);
        if call < self.floor {
            return;
        }
        let answer = answer.filter(|answer| answer.len() <= ANSWER_MAX);
        if let Some(answer) = &answer {
            self.kept_bytes += answer.len();
            self.kept.push_back(call);
        }
        self.answered.insert(call, answer);
        if self.kept.len() > 2 * ANSWERED_MAX {
            let answered = &self.answered;
            self.kept.retain(|id| matches!(answered.get(id), Some(Some(_))));
        }
        while self.kept_bytes > ANSWER_BYTES_MAX {
            let Some(oldest) = self.kept.pop_front() else { break };
            let answer = self.answered.get_mut(&oldest).and_then(Option::take);
            self.kept_bytes -= answer.map_or(0, |answer| answer.len());
        }
        while self.answered.len() > ANSWERED_MAX {
            let lowest = self.answered.first_key_value().map_or(0, |(id, _)| *id);
            self.raise_floor(lowest + 1);
        }
    }

    /// Marks requests that the caller gave up.
    pub fn abandon(&self, calls: impl Iterator<Item = u64>) {
        for call in calls {
            if let Some(is_abandoned) = self.served.get(&call) {
                is_abandoned.set(true);
            }
        }
    }

    /// Looks for a call that its caller asks for; `token` is what the caller had heard when it sent it.
    pub fn find(&self, call: u64, token: u64) -> Found {
        if self.served.contains_key(&call) {
            return Found::Served;
        }
        match self.answered.get(&call) {
            Some(Some(answer)) => Found::Answered(answer.clone()),
            Some(None) => Found::Forgotten,
            None if token == self.token && call >= self.floor => Found::Unknown,
            None => Found::Forgotten,
        }
    }
}

#[cfg(test)]
mod tests;
