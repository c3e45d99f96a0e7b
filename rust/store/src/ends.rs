//! How far from an object's end nothing is found: so that queries for the greatest or least dkey do not pass over the same punched
//! keys again and again.
//!
//! A queue whose consumed end is punched key by key, or an array that was truncated, has a long run of keys at its end that are there
//! and show nothing until they are aggregated. The first query passes over them; the next ones begin where it has found something.
//!
//! What is kept is a bounded number of answers in memory. Updates beyond an answer's key make it void, punches do not: they only hide more.
//! A discard, which may uncover what a punch has hidden, makes all void.

use crate::query::{End, KeyChoice, QueryRequest};
use crate::recent::word_of_object;
use daos_types::{ContainerId, ObjectId};
use std::cell::{Cell, RefCell};

/// Answers that are kept: two for each of a number of objects that are queried at the same time.
const SLOTS: usize = 128;

/// A query must have passed over so many keys for its answer to be kept.
pub(crate) const PASSED_MIN: usize = 2;

/// What is asked for below a dkey.
#[derive(Clone, PartialEq, Eq)]
struct Question {
    container: ContainerId,
    object: ObjectId,
    end: End,
    akey: Option<KeyChoice>,
    extent: bool,
}

impl Question {
    fn of(request: &QueryRequest) -> Question {
        let QueryRequest { container, object, end, akey, extent, .. } = request;
        Question { container: *container, object: *object, end: *end, akey: akey.clone(), extent: *extent }
    }
}

struct Answer {
    question: Question,
    /// The order word of the dkey, and its bytes.
    key: (u64, Vec<u8>),
    /// No change was newer when it was found: it holds from this epoch on.
    from: u64,
}

/// Kept answers.
pub(crate) struct Ends {
    answers: RefCell<Vec<Option<Answer>>>,
    /// How many there are: when there are none, a change has nothing to look for.
    count: Cell<usize>,
}

impl Default for Ends {
    fn default() -> Ends {
        Ends { answers: RefCell::new((0..SLOTS).map(|_| None).collect()), count: Cell::new(0) }
    }
}

fn slot(container: ContainerId, object: ObjectId, end: End) -> usize {
    let word = word_of_object(container, object);
    (word >> 32) as usize % (SLOTS / 2) * 2 + usize::from(end == End::Max)
}

impl Ends {
    /// The dkey beyond which a query of this epoch finds nothing.
    pub(crate) fn find(&self, request: &QueryRequest) -> Option<Vec<u8>> {
        if self.count.get() == 0 {
            return None;
        }
        let answers = self.answers.borrow();
        let answer = answers[slot(request.container, request.object, request.end)].as_ref()?;
        let fits = answer.from <= request.epoch.0 && answer.question == Question::of(request);
        fits.then(|| answer.key.1.clone())
    }

    /// Keeps that nothing lies beyond a dkey, as of the newest epoch that anything of the object has.
    pub(crate) fn keep(&self, request: &QueryRequest, key: (u64, Vec<u8>), newest: u64) {
        if request.epoch.0 < newest {
            return;
        }
        let answer = Answer { question: Question::of(request), key, from: newest };
        let mut answers = self.answers.borrow_mut();
        let place = &mut answers[slot(request.container, request.object, request.end)];
        self.count.set(self.count.get() + usize::from(place.is_none()));
        *place = Some(answer);
    }

    /// Something is written below a dkey.
    #[inline]
    pub(crate) fn note_update(&self, container: ContainerId, object: ObjectId, order: u64, key: &[u8]) {
        if self.count.get() > 0 {
            self.drop_below(container, object, (order, key));
        }
    }

    #[cold]
    fn drop_below(&self, container: ContainerId, object: ObjectId, key: (u64, &[u8])) {
        let mut answers = self.answers.borrow_mut();
        for end in [End::Min, End::Max] {
            let place = &mut answers[slot(container, object, end)];
            let Some(Answer { question, key: known, .. }) = place else { continue };
            let known = (known.0, &known.1[..]);
            let is_beyond = if end == End::Max { key > known } else { key < known };
            if is_beyond && (question.container, question.object) == (container, object) {
                *place = None;
                self.count.set(self.count.get() - 1);
            }
        }
    }

    /// Something was uncovered, or went, wherever it is.
    pub(crate) fn clear(&self) {
        self.answers.borrow_mut().fill_with(|| None);
        self.count.set(0);
    }
}
