//! Each kind of read against each kind of write, and each kind of write against each other: at an earlier epoch, at the same one and at a later
//! one, by the same transaction and by another one.
//!
//! What must come out is told by what each of them takes in, not by what the store does: a write comes too late for a read of what it changes
//! unless its epoch is later, or it is the same one's. Where it is admitted before the read, the read must give the same answer again.

use super::rules::{ALL, id};
use crate::common::*;
use daos_status::{Code, Result};
use daos_store::*;
use daos_types::{ContainerId, Epoch, Extent, ObjectId, TransactionId};

const READER: u8 = 1;
const WRITER: u8 = 2;
const OTHER_OBJECT: ObjectId = ObjectId { hi: 0, lo: 4711 };

/// What a read or a write takes in: a container, object, dkey or akey by the keys that lead to it, or records of an akey.
#[derive(Clone, Debug)]
struct Span(Vec<&'static str>, Option<(u64, u64)>);

impl Span {
    /// Two akeys of one dkey: there are so few marks for them that some share one, and a write may be refused in vain.
    fn may_share_a_mark(&self, other: &Span) -> bool {
        self.0.len() == 3 && other.0.len() == 3 && self.0[..2] == other.0[..2] && self.0[2] != other.0[2]
    }

    /// One takes in something of the other.
    fn meets(&self, other: &Span) -> bool {
        let is_above = self.0.iter().zip(&other.0).all(|(one, other)| one == other);
        let apart = match (self.1, other.1) {
            (Some((start, end)), Some((from, to))) => end <= from || to <= start,
            _ => false,
        };
        is_above && !(apart && self.0 == other.0)
    }
}

fn span(keys: &[&'static str]) -> Span {
    Span(keys.to_vec(), None)
}

fn records(keys: &[&'static str], start: u64, end: u64) -> Span {
    Span(keys.to_vec(), Some((start, end)))
}

/// A read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Look {
    Value,
    NoValue,
    Records,
    NoRecords,
    SizeOfRecords,
    ValueWhereDkeyIs,
    ValueWhereAkeyIs,
    Akeys,
    Dkeys,
    Objects,
    Extents,
    Tree,
    LastRecord,
    /// Changes whose condition fails.
    InsertedDkey,
    InsertedAkey,
    PunchedNoDkey,
}

const LOOKS: [Look; 16] = [
    Look::Value,
    Look::NoValue,
    Look::Records,
    Look::NoRecords,
    Look::SizeOfRecords,
    Look::ValueWhereDkeyIs,
    Look::ValueWhereAkeyIs,
    Look::Akeys,
    Look::Dkeys,
    Look::Objects,
    Look::Extents,
    Look::Tree,
    Look::LastRecord,
    Look::InsertedDkey,
    Look::InsertedAkey,
    Look::PunchedNoDkey,
];

impl Look {
    fn spans(self) -> Vec<Span> {
        match self {
            Look::Value | Look::ValueWhereAkeyIs | Look::InsertedAkey => vec![span(&["o", "d", "a"])],
            Look::NoValue => vec![span(&["o", "d", "none"])],
            Look::Records | Look::SizeOfRecords => vec![records(&["o", "d", "array"], 10, 20)],
            Look::Extents | Look::LastRecord => vec![span(&["o", "d", "array"])],
            // That there is no array at all is not so any more with any record.
            Look::NoRecords => vec![span(&["o", "d", "no array"])],
            Look::ValueWhereDkeyIs => vec![span(&["o", "d"])],
            Look::Akeys | Look::InsertedDkey => vec![span(&["o", "d"])],
            Look::PunchedNoDkey => vec![span(&["o", "no dkey"])],
            Look::Dkeys | Look::Tree => vec![span(&["o"])],
            Look::Objects => vec![span(&[])],
        }
    }
}

/// A write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Act {
    Put(&'static str, &'static str),
    PutElsewhere,
    PutRecords(&'static str, u64, u64),
    PunchRecords(u64, u64),
    PunchAkey(&'static str),
    PunchDkey(&'static str),
    PunchObject,
}

const ACTS: [Act; 16] = [
    Act::Put("d", "a"),
    Act::Put("d", "b"),
    Act::Put("d", "none"),
    Act::Put("e", "a"),
    Act::Put("no dkey", "a"),
    Act::PutElsewhere,
    Act::PutRecords("array", 15, 25),
    Act::PutRecords("array", 20, 30),
    Act::PutRecords("array", 0, 10),
    Act::PutRecords("no array", 50, 60),
    Act::PunchRecords(15, 16),
    Act::PunchRecords(30, 40),
    Act::PunchAkey("a"),
    Act::PunchDkey("d"),
    Act::PunchDkey("e"),
    Act::PunchObject,
];

impl Act {
    fn span(self) -> Span {
        match self {
            Act::Put(dkey, akey) => span(&["o", dkey, akey]),
            Act::PutElsewhere => span(&["other", "d", "a"]),
            Act::PutRecords(akey, start, end) => records(&["o", "d", akey], start, end),
            Act::PunchRecords(start, end) => records(&["o", "d", "array"], start, end),
            Act::PunchAkey(akey) => span(&["o", "d", akey]),
            Act::PunchDkey(dkey) => span(&["o", dkey]),
            Act::PunchObject => span(&["o"]),
        }
    }

    fn is_punch_of_keys(self) -> bool {
        matches!(self, Act::PunchAkey(_) | Act::PunchDkey(_) | Act::PunchObject)
    }
}

/// One case has a container of its own, and epochs of its own: what was read in others is older.
struct Case<'a> {
    store: &'a Store,
    container: ContainerId,
    base: u64,
}

impl Case<'_> {
    async fn begin(store: &Store, number: u64) -> Case<'_> {
        let mut bytes = [0x77; 16];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        let container = ContainerId::from_bytes(bytes);
        store.container_create(container, store.container_defaults()).await.expect("create");
        let case = Case { store, container, base: number * 1000 };
        for act in [
            Act::Put("d", "a"),
            Act::Put("d", "b"),
            Act::PutRecords("array", 0, 40),
            Act::Put("e", "a"),
            Act::PutElsewhere,
        ] {
            case.store.apply(vec![case.operation(act, 1)]).await.expect("set up");
        }
        case
    }

    fn update(&self, epoch: u64, dkey: &str, akey: &str, value: UpdateValue) -> UpdateRequest {
        UpdateRequest { container: self.container, ..update(self.base + epoch, dkey, akey, value) }
    }

    fn punch(&self, epoch: u64, what: PunchTarget) -> Operation {
        Operation::Punch(PunchRequest { container: self.container, ..punch(self.base + epoch, what) })
    }

    fn operation(&self, act: Act, epoch: u64) -> Operation {
        let bytes = (self.base + epoch).to_le_bytes();
        match act {
            Act::Put(dkey, akey) => Operation::Update(self.update(epoch, dkey, akey, single(&bytes))),
            Act::PutElsewhere => Operation::Update(UpdateRequest {
                object: OTHER_OBJECT,
                ..self.update(epoch, "d", "a", single(&bytes))
            }),
            Act::PutRecords(akey, start, end) => {
                let piece = (extent(start, end - start), Data::Bytes(vec![bytes[0]; (end - start) as usize]));
                let value = UpdateValue::Array { record_size: 1, pieces: vec![piece].into() };
                Operation::Update(self.update(epoch, "d", akey, value))
            }
            Act::PunchRecords(start, end) => {
                let value = UpdateValue::PunchExtents(vec![extent(start, end - start)]);
                Operation::Update(self.update(epoch, "d", "array", value))
            }
            Act::PunchAkey(akey) => self.punch(epoch, PunchTarget::Akeys { dkey: key("d"), akeys: vec![key(akey)] }),
            Act::PunchDkey(dkey) => self.punch(epoch, PunchTarget::Dkeys(vec![key(dkey)])),
            Act::PunchObject => self.punch(epoch, PunchTarget::Object),
        }
    }

    async fn write(&self, who: u8, epoch: u64, act: Act) -> Result<()> {
        self.transact(who, epoch, self.operation(act, epoch)).await
    }

    async fn transact(&self, who: u8, epoch: u64, operation: Operation) -> Result<()> {
        let (container, operations, reads) = (self.container, vec![operation], Vec::new());
        let epoch = Epoch(self.base + epoch);
        self.store.transact(TransactionRequest { transaction: id(who), epoch, container, operations, reads }).await
    }

    /// Looks at something; what was seen, as text.
    async fn look(&self, who: Option<TransactionId>, epoch: u64, look: Look) -> String {
        let (store, at, container) = (self.store, Epoch(self.base + epoch), self.container);
        let fetch = |akey: &str, what: FetchWhat, conditions: Conditions, size_only: bool| {
            let request = fetch(at.0, "d", akey, what);
            FetchRequest { container, conditions, size_only, ..request }
        };
        let array = |records: Extent| FetchWhat::Array(vec![records].into());
        // A transaction reads as itself, anybody else as nobody: the same calls of two types.
        macro_rules! view {
            ($call:ident($($argument:expr),*)) => {
                match who {
                    Some(id) => format!("{:?}", store.as_transaction(id).$call($($argument),*).await),
                    None => format!("{:?}", store.$call($($argument),*).await),
                }
            };
        }
        let (none, start) = (Conditions::NONE, Anchor::Start);
        match look {
            Look::Value => view!(fetch(fetch("a", FetchWhat::Single, none, false))),
            Look::NoValue => view!(fetch(fetch("none", FetchWhat::Single, none, false))),
            Look::Records => view!(fetch(fetch("array", array(extent(10, 10)), none, false))),
            Look::SizeOfRecords => view!(fetch(fetch("array", array(extent(10, 10)), none, true))),
            Look::NoRecords => view!(fetch(fetch("no array", array(extent(10, 10)), none, false))),
            Look::ValueWhereDkeyIs => view!(fetch(fetch("a", FetchWhat::Single, Conditions::DKEY_FETCH, false))),
            Look::ValueWhereAkeyIs => view!(fetch(fetch("a", FetchWhat::Single, Conditions::AKEY_FETCH, false))),
            Look::Akeys => view!(list_akeys(container, OBJECT, &key("d"), at, &start, ALL)),
            Look::Dkeys => view!(list_dkeys(container, OBJECT, at, &start, ALL)),
            Look::Objects => view!(list_objects(container, at, &start, ALL)),
            Look::Extents => {
                let (dkey, akey) = (key("d"), key("array"));
                view!(list_extents(container, OBJECT, &dkey, &akey, at, Direction::Forward, &start, ALL))
            }
            Look::Tree => {
                let (count, bytes, embed) = (usize::MAX, usize::MAX, 0);
                let request = TreeRequest { container, object: OBJECT, epoch: at, count, bytes, embed };
                view!(list_tree(&request, &TreeAnchor::default()))
            }
            Look::LastRecord => {
                let given = |name: &str| KeyChoice::Given(key(name));
                view!(query_key(QueryRequest {
                    container,
                    object: OBJECT,
                    epoch: at,
                    end: End::Max,
                    dkey: given("d"),
                    akey: Some(given("array")),
                    extent: true,
                }))
            }
            Look::InsertedDkey => self.fail(who, epoch, ("d", "a"), Conditions::DKEY_INSERT).await,
            Look::InsertedAkey => self.fail(who, epoch, ("d", "a"), Conditions::AKEY_INSERT).await,
            Look::PunchedNoDkey => {
                let Operation::Punch(mut request) = self.punch(epoch, PunchTarget::Dkeys(vec![key("no dkey")])) else {
                    unreachable!("it is one");
                };
                request.conditions = Conditions::PUNCH;
                self.code(who, epoch, Operation::Punch(request)).await
            }
        }
    }

    async fn fail(&self, who: Option<TransactionId>, epoch: u64, at: (&str, &str), conditions: Conditions) -> String {
        let request = UpdateRequest { conditions, ..self.update(epoch, at.0, at.1, single(b"never")) };
        self.code(who, epoch, Operation::Update(request)).await
    }

    /// Makes a change whose condition fails; how it fails.
    async fn code(&self, who: Option<TransactionId>, epoch: u64, operation: Operation) -> String {
        let result = match who {
            Some(_) => self.transact(READER, epoch, operation).await,
            None => self.store.apply(vec![operation]).await,
        };
        format!("{:?}", result.map_err(|status| status.code()))
    }
}

/// An answer without the epochs that are those of its case alone.
fn relative(answer: &str, case: &Case<'_>) -> String {
    (1..40)
        .fold(answer.to_owned(), |answer, epoch| answer.replace(&(case.base + epoch).to_string(), &format!("E{epoch}")))
}

/// Whether an answer is that of a change whose condition met something newer.
fn is_restart(answer: &str) -> bool {
    answer == format!("{:?}", Err::<(), Code>(Code::TxRestart))
}

#[test]
fn reads_and_writes_in_every_order() {
    with_store(|store, _| async move {
        // Records are told apart from the first transaction on that has read some.
        Case::begin(&store, 20_000).await.look(Some(id(READER)), 20, Look::Records).await;
        let (mut number, mut refused, mut admitted, mut in_vain) = (20_000, 0, 0, 0);
        for look in LOOKS {
            for act in ACTS {
                for who in [None, Some(READER)] {
                    for (epoch, writer) in [(19, WRITER), (20, WRITER), (20, READER), (21, WRITER)] {
                        number += 1;
                        let what = format!("{look:?} by {who:?} at 20, {act:?} by {writer} at {epoch}");
                        let case = Case::begin(&store, number).await;
                        let before = case.look(who.map(id), 20, look).await;
                        let result = case.write(writer, epoch, act).await;
                        let spans = look.spans();
                        let meets = spans.iter().any(|span| span.meets(&act.span()));
                        let may_be_in_vain = spans.iter().any(|span| span.may_share_a_mark(&act.span()));
                        let is_own = who == Some(writer);
                        let is_late = meets && (epoch < 20 || (epoch == 20 && !is_own));
                        match result {
                            Ok(()) => assert!(!is_late, "{what}: admitted, after {before}"),
                            Err(status) => {
                                assert_eq!(status.code(), Code::TxRestart, "{what}: {status}");
                                assert!(is_late || may_be_in_vain, "{what}: {status}");
                                refused += 1;
                                in_vain += u64::from(!is_late);
                                continue;
                            }
                        }
                        admitted += 1;
                        if !is_own {
                            let after = case.look(who.map(id), 20, look).await;
                            assert!(before == after || (epoch > 20 && is_restart(&after)), "{what}: {before}, {after}");
                        }
                    }
                }
            }
        }
        assert!(
            refused > 300 && admitted > 700 && in_vain < 150,
            "{refused} refused, {admitted} admitted, {in_vain} in vain"
        );
    });
}

#[test]
fn writes_and_writes_in_every_order() {
    with_store(|store, _| async move {
        let (mut number, mut refused, mut admitted) = (10_000, 0, 0);
        for first in ACTS {
            for second in ACTS {
                for epoch in [19, 20, 21] {
                    number += 2;
                    let what = format!("{first:?} at 20, then {second:?} at {epoch}");
                    let case = Case::begin(&store, number).await;
                    case.write(READER, 20, first).await.expect("the first");
                    let result = case.write(WRITER, epoch, second).await;
                    let (one, other) = (first.span(), second.span());
                    // Two at one epoch have no order. A punch comes too late when something below it is newer: to look for what it would
                    // have to leave alone would have no bound. Anything else goes below what is there.
                    let is_below = one.meets(&other) && one.0.len() >= other.0.len();
                    let is_refused =
                        (epoch == 20 && one.meets(&other)) || (epoch == 19 && second.is_punch_of_keys() && is_below);
                    match result {
                        Ok(()) => assert!(!is_refused, "{what}: admitted"),
                        Err(status) => {
                            assert_eq!(status.code(), Code::TxRestart, "{what}: {status}");
                            assert!(is_refused, "{what}: {status}");
                            refused += 1;
                            continue;
                        }
                    }
                    admitted += 1;
                    // What shows is as if both had come in the order of their epochs.
                    let mut order = [(20, first), (epoch, second)];
                    order.sort_by_key(|(epoch, _)| *epoch);
                    let beside = Case::begin(&store, number + 1).await;
                    for (epoch, act) in order {
                        beside.store.apply(vec![beside.operation(act, epoch)]).await.expect("in order");
                    }
                    for look in [Look::Dkeys, Look::Akeys, Look::Objects, Look::Extents] {
                        let (one, other) = (case.look(None, 30, look).await, beside.look(None, 30, look).await);
                        assert_eq!(relative(&one, &case), relative(&other, &beside), "{what}: {look:?}");
                    }
                }
            }
        }
        assert!(refused > 100 && admitted > 400, "{refused} refused, {admitted} admitted");
    });
}

/// A condition is looked at by the state at its epoch, and refused when something newer would have to be known to have come later.
#[test]
fn conditions_after_writes_in_every_order() {
    let conditions = [
        (Conditions::DKEY_INSERT, true),
        (Conditions::DKEY_UPDATE, false),
        (Conditions::AKEY_INSERT, true),
        (Conditions::AKEY_UPDATE, false),
    ];
    with_store(move |store, _| async move {
        let mut number = 30_000;
        for (conditions, inserts) in conditions {
            // Each of them changes whether the akey is there, and with it the dkey.
            for (act, dkey, exists_before) in
                [(Act::Put("no dkey", "a"), "no dkey", false), (Act::PunchDkey("e"), "e", true)]
            {
                for epoch in [19, 20, 21] {
                    number += 1;
                    let case = Case::begin(&store, number).await;
                    case.write(READER, 20, act).await.expect("the first");
                    let request = case.update(epoch, dkey, "a", single(b"second"));
                    let operation = Operation::Update(UpdateRequest { conditions, ..request });
                    let result = case.transact(WRITER, epoch, operation).await.map_err(|status| status.code());
                    let expected = match (epoch, exists_before != inserts) {
                        (19 | 20, _) => Err(Code::TxRestart),
                        // What is there by now is the opposite of what was there before.
                        (_, true) => Err(if inserts { Code::Exist } else { Code::Nonexist }),
                        (_, false) => Ok(()),
                    };
                    assert_eq!(result, expected, "{act:?} at 20, then {conditions:?} at {epoch}");
                }
            }
        }
    });
}
