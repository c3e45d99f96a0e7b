//! Every condition against every state that a key can be in.

mod common;

use common::*;
use daos_status::{Code, Result};
use daos_store::*;
use std::rc::Rc;

/// What was done under `d`, `a` before the conditional request at epoch 10.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Never,
    OtherAkey,
    There,
    AkeyPunched,
    DkeyPunched,
    ObjectPunched,
    MadeAgain,
    OnlyLater,
    PunchedLater,
    EmptyValue,
    PunchedRange,
    PunchedAtThisEpoch,
}

const STATES: [State; 12] = [
    State::Never,
    State::OtherAkey,
    State::There,
    State::AkeyPunched,
    State::DkeyPunched,
    State::ObjectPunched,
    State::MadeAgain,
    State::OnlyLater,
    State::PunchedLater,
    State::EmptyValue,
    State::PunchedRange,
    State::PunchedAtThisEpoch,
];

impl State {
    async fn make(self, store: &Store) {
        let write = async |epoch: u64, akey: &str, bytes: &[u8]| {
            store.update(update(epoch, "d", akey, single(bytes))).await.expect("update");
        };
        let hide = async |epoch: u64, what: PunchTarget| store.punch(punch(epoch, what)).await.expect("punch");
        let akey = || PunchTarget::Akeys { dkey: key("d"), akeys: vec![key("a")] };
        let dkey = || PunchTarget::Dkeys(vec![key("d")]);
        match self {
            State::Never => {}
            State::OtherAkey => write(3, "b", b"x").await,
            State::There => write(3, "a", b"x").await,
            State::EmptyValue => write(3, "a", b"").await,
            State::OnlyLater => write(11, "a", b"x").await,
            State::AkeyPunched => {
                write(3, "a", b"x").await;
                write(3, "b", b"x").await;
                hide(5, akey()).await;
            }
            State::DkeyPunched => {
                write(3, "a", b"x").await;
                hide(5, dkey()).await;
            }
            State::ObjectPunched => {
                write(3, "a", b"x").await;
                hide(5, PunchTarget::Object).await;
            }
            State::MadeAgain => {
                write(3, "a", b"x").await;
                hide(5, PunchTarget::Object).await;
                write(7, "a", b"y").await;
            }
            State::PunchedLater => {
                write(3, "a", b"x").await;
                hide(11, dkey()).await;
            }
            State::PunchedRange => {
                let value = UpdateValue::PunchExtents(vec![extent(1, 5)]);
                store.update(update(3, "d", "a", value)).await.expect("update");
            }
            State::PunchedAtThisEpoch => {
                write(3, "a", b"x").await;
                hide(10, akey()).await;
            }
        }
    }

    fn has_akey(self) -> bool {
        matches!(self, State::There | State::MadeAgain | State::PunchedLater | State::EmptyValue | State::PunchedRange)
    }

    fn has_dkey(self) -> bool {
        self.has_akey() || matches!(self, State::OtherAkey | State::AkeyPunched)
    }

    fn value(self, bytes: &[u8]) -> UpdateValue {
        // The akey stays what it is.
        match self {
            State::PunchedRange => {
                let pieces = vec![(extent(0, bytes.len() as u64), Data::copy_of(bytes))];
                UpdateValue::Array { record_size: 1, pieces: pieces.into() }
            }
            _ => single(bytes),
        }
    }
}

fn code(result: Result<()>) -> Option<Code> {
    result.err().map(|status| status.code())
}

fn unless(holds: bool, code: Code) -> Option<Code> {
    (!holds).then_some(code)
}

/// Runs one case for every state, each in a store of its own.
fn for_every_state<F: Future<Output = ()>>(case: impl Fn(Rc<Store>, State) -> F + Copy + 'static) {
    for state in STATES {
        with_store(move |store, _| async move {
            state.make(&store).await;
            case(store, state).await;
        });
    }
}

#[test]
fn updates_are_conditional_on_dkeys_and_akeys() {
    for (conditions, expected) in [
        (Conditions::DKEY_INSERT, (|state| unless(!state.has_dkey(), Code::Exist)) as fn(State) -> Option<Code>),
        (Conditions::DKEY_UPDATE, |state| unless(state.has_dkey(), Code::Nonexist)),
        (Conditions::AKEY_INSERT, |state| unless(!state.has_akey(), Code::Exist)),
        (Conditions::AKEY_UPDATE, |state| unless(state.has_akey(), Code::Nonexist)),
        (Conditions::DKEY_UPDATE | Conditions::AKEY_INSERT, |state| {
            unless(state.has_dkey(), Code::Nonexist).or(unless(!state.has_akey(), Code::Exist))
        }),
        // Without the flags of the akey the ones of the request do not count for it.
        (Conditions::PER_AKEY | Conditions::AKEY_INSERT, |_| None),
    ] {
        for_every_state(move |store, state| async move {
            let request = UpdateRequest { conditions, ..update(10, "d", "a", state.value(b"new")) };
            assert_eq!(code(store.update(request).await), expected(state), "{conditions:?} when {state:?}");
            if expected(state).is_some() {
                return;
            }
            let what = if state == State::PunchedRange {
                FetchWhat::Array(Few::from([extent(0, 3)]))
            } else {
                FetchWhat::Single
            };
            let reply = store.fetch(fetch(10, "d", "a", what)).await.expect("fetch");
            let found = match &reply.akeys[0] {
                Fetched::Single { data, .. } => data[..] == *b"new",
                Fetched::Array { pieces, .. } => pieces[0].content == Content::Data(Data::copy_of(b"new")),
                Fetched::Missing => false,
            };
            assert!(found, "{conditions:?} when {state:?}: {reply:?}");
        });
    }
}

#[test]
fn conditions_per_akey_hold_for_their_akey_only() {
    for_every_state(|store, state| async move {
        for (own, expected) in [
            (Conditions::AKEY_INSERT, unless(!state.has_akey(), Code::Exist)),
            (Conditions::AKEY_UPDATE, unless(state.has_akey(), Code::Nonexist)),
        ] {
            let akey = |name: &str, value, conditions| AkeyUpdate { akey: key(name), value, conditions };
            let request = UpdateRequest {
                conditions: Conditions::PER_AKEY,
                akeys: Few::from([
                    akey("free", single(b"free"), Conditions::NONE),
                    akey("fresh", single(b"fresh"), Conditions::AKEY_INSERT),
                    akey("a", state.value(b"new"), own),
                ]),
                ..update(10, "d", "", single(b""))
            };
            assert_eq!(code(store.update(request).await), expected, "{own:?} when {state:?}");
            let written = expected.is_none().then(|| b"free".to_vec());
            assert_eq!(fetch_single(&store, 10, "d", "free").await, written, "{own:?} when {state:?}: all or nothing");
            if expected.is_none() {
                return;
            }
        }
    });
}

#[test]
fn fetches_are_conditional_on_dkeys_and_akeys() {
    for_every_state(|store, state| async move {
        let what = || {
            if state == State::PunchedRange { FetchWhat::Array(Few::from([extent(0, 3)])) } else { FetchWhat::Single }
        };
        for (conditions, holds) in [
            (Conditions::NONE, true),
            (Conditions::DKEY_FETCH, state.has_dkey()),
            (Conditions::AKEY_FETCH, state.has_akey()),
            (Conditions::DKEY_FETCH | Conditions::AKEY_FETCH, state.has_akey()),
            (Conditions::PER_AKEY | Conditions::AKEY_FETCH, true),
        ] {
            let request = FetchRequest { conditions, ..fetch(10, "d", "a", what()) };
            let expected = unless(holds, Code::Nonexist);
            assert_eq!(code(store.fetch(request).await.map(drop)), expected, "{conditions:?} when {state:?}");
        }
        let akey = |name: &str, what, conditions| AkeyFetch { akey: key(name), what, conditions };
        let request = |own| FetchRequest {
            conditions: Conditions::PER_AKEY,
            akeys: Few::from([akey("never", FetchWhat::Single, Conditions::NONE), akey("a", what(), own)]),
            ..fetch(10, "d", "", FetchWhat::Single)
        };
        let expected = unless(state.has_akey(), Code::Nonexist);
        let found = store.fetch(request(Conditions::AKEY_FETCH)).await.map(drop);
        assert_eq!(code(found), expected, "its own condition when {state:?}");
        let reply = store.fetch(request(Conditions::NONE)).await.expect("fetch");
        assert_eq!(reply.akeys[0], Fetched::Missing);
        assert_eq!(reply.akeys[1] == Fetched::Missing, !state.has_akey(), "{state:?}");
    });
}

#[test]
fn punches_are_conditional_on_what_they_name() {
    for which in 0..3 {
        for_every_state(move |store, state| async move {
            let (what, exists) = match which {
                0 => (PunchTarget::Object, state.has_dkey()),
                1 => (PunchTarget::Dkeys(vec![key("d")]), state.has_dkey()),
                _ => (PunchTarget::Akeys { dkey: key("d"), akeys: vec![key("a")] }, state.has_akey()),
            };
            let request = PunchRequest { conditions: Conditions::PUNCH, ..punch(10, what.clone()) };
            let expected = unless(exists, Code::Nonexist);
            assert_eq!(code(store.punch(request).await), expected, "{what:?} when {state:?}");
            // Without the condition it always works.
            store.punch(punch(12, what)).await.expect("punch");
            let what = if state == State::PunchedRange {
                FetchWhat::Array(Few::from([extent(0, 3)]))
            } else {
                FetchWhat::Single
            };
            let reply = store.fetch(fetch(12, "d", "a", what)).await.expect("fetch");
            assert_eq!(reply.akeys, [Fetched::Missing], "{state:?}");
        });
    }
}

/// One of several is missing: nothing is punched.
#[test]
fn a_punch_of_several_keys_is_all_or_nothing() {
    with_store(|store, _| async move {
        for dkey in ["d", "e"] {
            store.update(update(3, dkey, "a", single(b"x"))).await.expect("update");
        }
        let akeys = |akeys: [&str; 2]| PunchTarget::Akeys { dkey: key("d"), akeys: akeys.map(key).to_vec() };
        let dkeys = |dkeys: [&str; 2]| PunchTarget::Dkeys(dkeys.map(key).to_vec());
        for what in [akeys(["a", "b"]), dkeys(["d", "f"]), dkeys(["f", "d"])] {
            let request = PunchRequest { conditions: Conditions::PUNCH, ..punch(10, what) };
            assert_eq!(code(store.punch(request).await), Some(Code::Nonexist));
            assert_eq!(fetch_single(&store, 10, "d", "a").await, Some(b"x".to_vec()));
        }
        let request = PunchRequest { conditions: Conditions::PUNCH, ..punch(10, dkeys(["d", "e"])) };
        store.punch(request).await.expect("both are there");
        assert_eq!(fetch_single(&store, 10, "d", "a").await, None);
        assert_eq!(fetch_single(&store, 10, "e", "a").await, None);
    });
}

/// All flags that an update knows, in every combination.
const UPDATE_FLAGS: [Conditions; 5] = [
    Conditions::DKEY_INSERT,
    Conditions::DKEY_UPDATE,
    Conditions::AKEY_INSERT,
    Conditions::AKEY_UPDATE,
    Conditions::PER_AKEY,
];

fn all_of(flags: &[Conditions]) -> Vec<Conditions> {
    let chosen = |number: usize| (0..flags.len()).filter(move |index| number >> index & 1 == 1);
    let together = |number| chosen(number).fold(Conditions::NONE, |all, index| all | flags[index]);
    (0..1 << flags.len()).map(together).collect()
}

/// Each flag must hold by itself: of two that cannot hold both, one says no. Those of the dkey come first.
fn of_update(state: State, request: Conditions, own: Conditions) -> Option<Code> {
    let dkey = state.has_dkey();
    let akey = if request.has(Conditions::PER_AKEY) { own } else { request };
    if request.has(Conditions::DKEY_INSERT) && dkey {
        return Some(Code::Exist);
    }
    if request.has(Conditions::DKEY_UPDATE) && !dkey {
        return Some(Code::Nonexist);
    }
    if akey.has(Conditions::AKEY_INSERT) && state.has_akey() {
        return Some(Code::Exist);
    }
    (akey.has(Conditions::AKEY_UPDATE) && !state.has_akey()).then_some(Code::Nonexist)
}

/// What comes after an update whose conditions hold is refused for another reason, so that nothing is done and the state stays.
#[test]
fn every_combination_of_conditions_of_updates() {
    let own_flags = [Conditions::AKEY_INSERT, Conditions::AKEY_UPDATE, Conditions::AKEY_FETCH];
    for_every_state(move |store, state| async move {
        store.update(update(1, "other", "single", single(b"x"))).await.expect("update");
        let (mut refused, mut done) = (0, 0);
        for request in all_of(&UPDATE_FLAGS) {
            for own in all_of(&own_flags) {
                let akeys = vec![AkeyUpdate { akey: key("a"), value: state.value(b"new"), conditions: own }];
                let wanted =
                    UpdateRequest { conditions: request, akeys: akeys.into(), ..update(10, "d", "", single(b"")) };
                let array =
                    UpdateValue::Array { record_size: 1, pieces: Few::from([(extent(0, 1), Data::copy_of(b"x"))]) };
                let refuser = update(10, "other", "single", array);
                let operations = vec![Operation::Update(wanted), Operation::Update(refuser)];
                let expected = of_update(state, request, own).or(Some(Code::NoPerm));
                assert_eq!(code(store.apply(operations).await), expected, "{request:?}, {own:?} when {state:?}");
                let is_refused = expected != Some(Code::NoPerm);
                refused += u64::from(is_refused);
                done += u64::from(!is_refused);
            }
        }
        assert!(refused > 50 && done > 50, "some hold and some do not: {refused}, {done} when {state:?}");
    });
}

#[test]
fn every_combination_of_conditions_of_fetches() {
    let flags = [Conditions::DKEY_FETCH, Conditions::AKEY_FETCH, Conditions::PER_AKEY];
    for_every_state(move |store, state| async move {
        for request in all_of(&flags) {
            for own in all_of(&flags[..2]) {
                for size_only in [false, true] {
                    let what = match state {
                        State::PunchedRange => FetchWhat::Array(Few::from([extent(0, 3)])),
                        _ => FetchWhat::Single,
                    };
                    let akeys = vec![AkeyFetch { akey: key("a"), what, conditions: own }];
                    let conditions = request;
                    let wanted = FetchRequest {
                        akeys: akeys.into(),
                        conditions,
                        size_only,
                        ..fetch(10, "d", "", FetchWhat::Single)
                    };
                    let akey = if request.has(Conditions::PER_AKEY) { own } else { request };
                    let holds = (!request.has(Conditions::DKEY_FETCH) || state.has_dkey())
                        && (!akey.has(Conditions::AKEY_FETCH) || state.has_akey());
                    let found = code(store.fetch(wanted).await.map(drop));
                    assert_eq!(found, unless(holds, Code::Nonexist), "{request:?}, {own:?} when {state:?}");
                }
            }
        }
    });
}
