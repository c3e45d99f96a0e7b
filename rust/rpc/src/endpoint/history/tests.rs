use super::*;
use crate::frame::Kind;
use proptest::prelude::*;
use std::collections::HashMap;

const TOKEN: u64 = 77;

fn head(call_id: u64, behind: u32) -> Head {
    Head { call_id, behind, ..Head::of(Kind::Request) }
}

fn again(call_id: u64, token: u64) -> Head {
    Head { is_sent_again: true, token, ..head(call_id, 0) }
}

fn judge(history: &mut History, head: Head) -> Verdict {
    history.judge(&head, || TOKEN + 1)
}

/// Carries a new request out.
fn carry_out(history: &mut History, call: u64, answer: Option<Vec<u8>>) {
    let is_abandoned = history.serve(call);
    history.answer(call, &is_abandoned, answer);
}

#[test]
fn a_request_is_carried_out_once() {
    let mut history = History::new(TOKEN);
    assert_eq!(judge(&mut history, head(10, 0)), Verdict::New);
    let is_abandoned = history.serve(10);
    assert_eq!(judge(&mut history, head(10, 0)), Verdict::Doubled);
    assert_eq!(judge(&mut history, again(10, TOKEN)), Verdict::Doubled);
    assert_eq!(history.find(10, TOKEN), Found::Served);
    history.answer(10, &is_abandoned, Some(vec![1, 2]));
    assert_eq!(judge(&mut history, head(10, 0)), Verdict::Doubled, "the answer is on its way");
    assert_eq!(judge(&mut history, again(10, TOKEN)), Verdict::Answered(vec![1, 2]));
    assert_eq!(history.find(10, TOKEN), Found::Answered(vec![1, 2]));
    // The caller has the answer: it is gone, and what comes late is not carried out.
    assert_eq!(judge(&mut history, head(11, 0)), Verdict::New);
    assert_eq!(history.kept_bytes, 0);
    assert_eq!(judge(&mut history, again(10, TOKEN)), Verdict::Forgotten);
    assert_eq!(judge(&mut history, head(10, 0)), Verdict::Forgotten);
}

#[test]
fn an_answer_that_is_gone_is_not_made_again() {
    let mut history = History::new(TOKEN);
    let count = 100u64;
    for call in 0..count {
        assert_eq!(judge(&mut history, head(1000 + call, call as u32)), Verdict::New);
        carry_out(&mut history, 1000 + call, Some(vec![0; 1000]));
        assert!(history.kept_bytes <= ANSWER_BYTES_MAX);
    }
    assert_eq!(history.find(1000, TOKEN), Found::Forgotten);
    assert_eq!(judge(&mut history, Head { behind: 0, ..again(1000, TOKEN) }), Verdict::Doubled);
    assert!(matches!(history.find(1000 + count - 1, TOKEN), Found::Answered(_)));
    // An answer that is too long is never kept.
    assert_eq!(judge(&mut history, head(5000, 4000)), Verdict::New);
    carry_out(&mut history, 5000, Some(vec![0; ANSWER_MAX + 1]));
    assert_eq!(history.find(5000, TOKEN), Found::Forgotten);
}

#[test]
fn memory_is_bounded_and_what_falls_out_is_forgotten() {
    let mut history = History::new(TOKEN);
    for call in 1..=2 * ANSWERED_MAX as u64 {
        assert_eq!(judge(&mut history, head(call, call as u32)), Verdict::New);
        carry_out(&mut history, call, None);
        assert!(history.answered.len() <= ANSWERED_MAX && history.kept.len() <= ANSWERED_MAX);
    }
    assert_eq!(judge(&mut history, again(3, TOKEN)), Verdict::Forgotten);
    assert_eq!(history.find(3, TOKEN), Found::Forgotten);
}

#[test]
fn what_another_memory_may_have_seen_is_not_carried_out() {
    // The server was restarted, or has forgotten the caller.
    let mut history = History::new(TOKEN);
    assert_eq!(history.find(4, 5), Found::Forgotten);
    assert_eq!(history.find(4, 0), Found::Forgotten);
    assert_eq!(history.find(4, TOKEN), Found::Unknown);
    assert_eq!(judge(&mut history, again(4, 5)), Verdict::Forgotten);
    assert_eq!(judge(&mut history, again(4, 0)), Verdict::Forgotten);
    assert_eq!(judge(&mut history, again(4, TOKEN)), Verdict::New);
    // What was never sent before cannot have been carried out.
    assert_eq!(judge(&mut history, Head { token: 5, ..head(6, 2) }), Verdict::New);
}

#[test]
fn another_caller_begins_anew() {
    let mut history = History::new(TOKEN);
    assert_eq!(judge(&mut history, head(5, 0)), Verdict::New);
    let is_abandoned = history.serve(5);
    assert_eq!(judge(&mut history, head(1 << 60, 0)), Verdict::New);
    assert_eq!(history.token(), TOKEN + 1);
    // The end of the first caller's request is nothing to the second one.
    history.answer(5, &is_abandoned, Some(vec![1]));
    assert!(history.answered.is_empty() && !history.is_busy());
    assert_eq!(judge(&mut history, again((1 << 60) + 1, TOKEN)), Verdict::Forgotten);
}

#[test]
fn requests_are_given_up_by_their_number() {
    let mut history = History::new(TOKEN);
    let (first, second) = (history.serve(1), history.serve(2));
    history.abandon([2, 9].into_iter());
    assert!(!first.get() && second.get() && history.served() == 2);
}

proptest! {
    /// Whatever comes, in whatever order and however often: no id is carried out twice, and bounds hold.
    #[test]
    fn nothing_is_carried_out_twice(
        steps in proptest::collection::vec((0u64..60, any::<bool>(), 0u32..20, 0u64..3, proptest::option::of(0usize..9000)), 1..300),
    ) {
        let mut history = History::new(TOKEN);
        let mut carried_out: HashMap<u64, u32> = HashMap::new();
        let mut open: Vec<(u64, Rc<Cell<bool>>)> = Vec::new();
        for (call_id, is_sent_again, behind, token, answer) in steps {
            let head = Head { is_sent_again, token: TOKEN * token, ..head(call_id, behind) };
            match judge(&mut history, head) {
                Verdict::New => {
                    *carried_out.entry(call_id).or_default() += 1;
                    open.push((call_id, history.serve(call_id)));
                }
                Verdict::Answered(_) => prop_assert!(carried_out.contains_key(&call_id)),
                Verdict::Doubled | Verdict::Forgotten => {}
            }
            if let (Some(length), false) = (answer, open.is_empty()) {
                let (call, is_abandoned) = open.remove(length % open.len());
                history.answer(call, &is_abandoned, Some(vec![0; length]));
            }
            let kept: usize = history.answered.values().flatten().map(Vec::len).sum();
            prop_assert_eq!(kept, history.kept_bytes);
            prop_assert!(history.kept_bytes <= ANSWER_BYTES_MAX);
        }
        prop_assert!(carried_out.values().all(|times| *times == 1));
    }
}
