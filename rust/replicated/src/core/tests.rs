//! Orders of events that the simulator meets too rarely.

use super::*;
use daos_env::SeededRandom;
use daos_wire::replicated::{Append, Member, ReplicaBody, SnapshotChunk, VoteAnswer};

fn group(ids: &[u64]) -> Membership {
    let member = |id: &u64| Member { id: ReplicaId(*id), address: String::new(), voter: true };
    Membership { members: ids.iter().map(member).collect() }
}

fn entry(index: u64, term: u64) -> Rc<LogEntry> {
    let rows = vec![RowChange { key: vec![index as u8], value: Some(vec![term as u8]) }];
    Rc::new(LogEntry { term: Term(term), index: LogIndex(index), payload: EntryPayload::Rows(rows) })
}

/// Replica 1 of three, at the first entry.
fn follower() -> Core {
    let base = Base { index: LogIndex(1), term: Term(1), membership: group(&[1, 2, 3]) };
    let state = StoredState { term: Term(1), vote: None, base, last: LogIndex(1), applied: LogIndex(1) };
    let random = Arc::new(SeededRandom::new(1));
    Core::new(ReplicaId(1), CoreSettings::default(), random, Duration::ZERO, state, Vec::new())
}

fn says(core: &mut Core, from: u64, term: u64, body: ReplicaBody) -> Vec<Command> {
    let message = ReplicaMessage { group: 0, from: ReplicaId(from), to: ReplicaId(1), term: Term(term), body };
    core.receive(Duration::ZERO, message);
    core.advance(Duration::ZERO)
}

fn entries(previous: (u64, u64), entries: Vec<Rc<LogEntry>>) -> ReplicaBody {
    ReplicaBody::Append(Append {
        previous_index: LogIndex(previous.0),
        previous_term: Term(previous.1),
        commit: LogIndex(1),
        entries,
    })
}

fn stored(core: &mut Core) -> Vec<Command> {
    core.stored(Duration::ZERO, Ok(()));
    core.advance(Duration::ZERO)
}

fn answers(commands: &[Command]) -> Vec<(u64, u64, ReplicaBody)> {
    let answer = |command: &Command| match command {
        Command::Send { message, .. } => Some((message.to.0, message.term.0, message.body.clone())),
        _ => None,
    };
    commands.iter().filter_map(answer).collect()
}

/// A follower has told a leader nothing about entries that it was still storing when a newer leader took them back: the old
/// leader would count what is not there.
#[test]
fn what_was_not_said_in_its_term_is_never_said() {
    let mut core = follower();
    let commands = says(&mut core, 2, 2, entries((1, 1), vec![entry(2, 2), entry(3, 2)]));
    assert!(answers(&commands).is_empty(), "nothing is durable yet");
    let commands = says(&mut core, 3, 3, entries((1, 1), vec![entry(2, 3)]));
    assert!(answers(&commands).is_empty());
    let mut said = answers(&stored(&mut core));
    said.extend(answers(&stored(&mut core)));
    assert_eq!(said, [(3, 3, ReplicaBody::Appended(LogIndex(2)))]);
}

/// A leader sends rows to a follower that it believes to be far behind, while the follower's answer to newer entries is on its
/// way. The rows must not take entries away that the leader is about to count.
#[test]
fn rows_do_not_replace_a_log_that_agrees() {
    let mut core = follower();
    says(&mut core, 2, 2, entries((1, 1), vec![entry(2, 2), entry(3, 2), entry(4, 2)]));
    assert_eq!(answers(&stored(&mut core)), [(2, 2, ReplicaBody::Appended(LogIndex(4)))]);
    let chunk = SnapshotChunk {
        index: LogIndex(3),
        term: Term(2),
        membership: group(&[1, 2, 3]),
        number: 0,
        rows: Vec::new(),
        is_last: true,
    };
    let commands = says(&mut core, 2, 2, ReplicaBody::Snapshot(chunk));
    assert!(!commands.iter().any(|command| matches!(command, Command::Install(_))));
    assert_eq!(answers(&commands), [(2, 2, ReplicaBody::Appended(LogIndex(3)))]);
    assert_eq!((core.kept_log().1.len(), core.commit_index()), (3, LogIndex(3)));
}

/// An entry of an earlier term that a majority stores may still be replaced by a leader that lacks it: it is committed by one of
/// the leader's own term above it, and not before.
#[test]
fn entries_of_earlier_terms_are_not_committed_by_counting() {
    let mut core = follower();
    says(&mut core, 2, 2, entries((1, 1), vec![entry(2, 2)]));
    stored(&mut core);
    says(&mut core, 2, 2, ReplicaBody::CampaignNow);
    stored(&mut core);
    says(&mut core, 3, 3, ReplicaBody::VoteReply(VoteAnswer { term: Term(3), is_granted: true }));
    for _ in 0..3 {
        stored(&mut core);
    }
    assert_eq!(
        core.kept_log().1.last().map(|entry| (entry.index, entry.term)),
        Some((LogIndex(3), Term(3))),
        "it leads"
    );
    says(&mut core, 2, 3, ReplicaBody::Appended(LogIndex(2)));
    assert_eq!(core.commit_index(), LogIndex(1), "a majority stores the second entry, of an earlier term");
    says(&mut core, 2, 3, ReplicaBody::Appended(LogIndex(3)));
    assert_eq!(core.commit_index(), LogIndex(3));
}

/// Whatever a peer says, nothing panics, and what is committed stays.
#[test]
fn hostile_messages_change_nothing_that_is_committed() {
    let random = SeededRandom::new(7);
    let below = |bound: u64| random.next_u64() % bound;
    for _ in 0..2000 {
        let mut core = follower();
        says(&mut core, 2, 1, entries((1, 1), vec![entry(2, 1), entry(3, 1)]));
        stored(&mut core);
        says(
            &mut core,
            2,
            1,
            ReplicaBody::Heartbeat(daos_wire::replicated::Heartbeat { commit: LogIndex(3), round: 0 }),
        );
        for _ in 0..20 {
            let (from, term) = (below(5), below(6));
            let place = if below(10) == 0 { u64::MAX - below(3) } else { below(8) };
            let list = (0..below(4)).map(|offset| entry(place.wrapping_add(offset), below(6))).collect();
            let body = match below(8) {
                0 => entries((place.wrapping_sub(1), below(6)), list),
                1 => ReplicaBody::Appended(LogIndex(place)),
                2 => ReplicaBody::VoteReply(VoteAnswer { term: Term(term), is_granted: true }),
                3 => ReplicaBody::PreVoteReply(VoteAnswer { term: Term(term + 1), is_granted: true }),
                4 => ReplicaBody::HeartbeatReply(place),
                5 => ReplicaBody::CampaignNow,
                6 => ReplicaBody::AppendRefused(daos_wire::replicated::AppendRefusal {
                    previous_index: LogIndex(place),
                    hint_index: LogIndex(place),
                    hint_term: Term(below(6)),
                }),
                _ => ReplicaBody::Snapshot(SnapshotChunk {
                    index: LogIndex(place),
                    term: Term(below(6)),
                    membership: if below(2) == 0 { group(&[1, 2, 3]) } else { group(&[]) },
                    number: below(2),
                    rows: Vec::new(),
                    is_last: below(2) == 0,
                }),
            };
            says(&mut core, from, term, body);
            if below(2) == 0 {
                stored(&mut core);
            }
        }
        assert!(core.commit_index() >= LogIndex(3));
    }
}
