//! The store of a replica over media in memory.

use super::*;
use daos_env::Executor;
use daos_media::MemoryMedia;
use daos_wire::replicated::EntryPayload;
use std::time::Duration;

/// What an empty store takes, kept room included, and a mebibyte.
const RENEW_AT: u64 = ARENA_BYTES / 32 + (1 << 20);

fn founder() -> NewReplica {
    NewReplica { id: ReplicaId::new(0, 0), group: 5, founder: Some("here".into()) }
}

fn run<F: Future<Output = ()> + 'static>(test: impl FnOnce(Rc<dyn Media>, Env, Spawner) -> F) {
    let env = Env::system();
    let executor = Executor::new(env.clock.clone(), Duration::ZERO).expect("eventfd");
    let media: Rc<dyn Media> = Rc::new(MemoryMedia::new());
    let done = executor.block_on(test(media, env, executor.spawner().clone()));
    assert_eq!(done, Some(()));
}

fn row(key: &str, value: Option<&str>) -> RowChange {
    RowChange { key: key.into(), value: value.map(Into::into) }
}

fn entry(index: u64, rows: Vec<RowChange>) -> Rc<LogEntry> {
    Rc::new(LogEntry { term: Term(1), index: LogIndex(index), payload: EntryPayload::Rows(rows) })
}

/// A change with these entries, applied at once.
fn change(state: &StoredState, entries: Vec<Rc<LogEntry>>, keeps_log: bool) -> StoreChange {
    let last = entries.last().map_or(state.last, |entry| entry.index);
    let mut next = StoredState { last, applied: last, ..state.clone() };
    if keeps_log {
        StoreChange { state: next, apply: entries.clone(), entries }
    } else {
        next.base.index = last;
        StoreChange { state: next, apply: entries, entries: Vec::new() }
    }
}

async fn reopen(replica: ReplicaStore, media: &Rc<dyn Media>, env: &Env, spawner: &Spawner) -> ReplicaStore {
    replica.close().await.expect("closes");
    drop(replica);
    ReplicaStore::open(media.clone(), env.clone(), spawner, RENEW_AT, &founder()).await.expect("opens again")
}

fn pairs(rows: &[(&str, &str)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    rows.iter().map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

#[test]
fn what_is_stored_is_there_again() {
    run(|media, env, spawner| async move {
        let replica =
            ReplicaStore::create(media.clone(), env.clone(), &spawner, RENEW_AT, &founder()).await.expect("makes");
        let (state, _) = replica.load().await.expect("loads");
        assert_eq!((state.term, state.last, state.applied), (Term(1), LogIndex(1), LogIndex(1)));
        let large = "x".repeat(100_000);
        let entries = vec![
            entry(2, vec![row("b", Some("1")), row("a", Some("2"))]),
            entry(3, vec![row("b", None), row("c", Some(&large))]),
            entry(4, vec![row("b", Some("3"))]),
        ];
        let first = change(&state, entries.clone(), true);
        replica.change(&first).await.expect("stores");
        let rows = pairs(&[("a", "2"), ("b", "3"), ("c", &large)]);
        assert_eq!(replica.rows().await.expect("reads"), rows);
        let replica = reopen(replica, &media, &env, &spawner).await;
        assert_eq!(replica.load().await.expect("loads"), (first.state.clone(), entries));
        assert_eq!(replica.rows().await.expect("reads"), rows);
        // Removed again and again: a later value counts, whatever was before.
        let mut state = first.state;
        for index in 5..25 {
            let value = (index % 2 == 0).then_some("4");
            let change = change(&state, vec![entry(index, vec![row("b", value)])], index % 3 == 0);
            replica.change(&change).await.expect("stores");
            state = change.state;
            let b = replica.rows().await.expect("reads").iter().any(|(key, _)| key == b"b");
            assert_eq!(b, index % 2 == 0);
        }
        assert!(replica.large.borrow().is_empty(), "what the log forgot takes no room");
        let replica = reopen(replica, &media, &env, &spawner).await;
        assert_eq!(replica.load().await.expect("loads").0, state);
    });
}

#[test]
fn rows_that_come_and_go_do_not_fill_the_store() {
    run(|media, env, spawner| async move {
        let replica =
            ReplicaStore::create(media.clone(), env.clone(), &spawner, RENEW_AT, &founder()).await.expect("makes");
        let (mut state, _) = replica.load().await.expect("loads");
        let value = "v".repeat(300);
        let mut greatest = 0;
        let mut index = 1;
        for number in 0..8000 {
            for value in [Some(value.as_str()), None] {
                index += 1;
                let rows = vec![row("kept", Some("k")), row(&format!("row {number}"), value)];
                let change = change(&state, vec![entry(index, rows)], index % 4 == 0);
                replica.change(&change).await.expect("stores");
                state = change.state;
                state.base.index = state.last;
                greatest = greatest.max(replica.bytes_taken().expect("space"));
            }
        }
        assert!(replica.generation() > 0, "the rows were copied");
        assert!(greatest < 2 * RENEW_AT, "{greatest}");
        assert_eq!(replica.rows().await.expect("reads"), pairs(&[("kept", "k")]));
        let generation = replica.generation();
        let replica = reopen(replica, &media, &env, &spawner).await;
        assert_eq!(replica.generation(), generation);
        assert_eq!(replica.rows().await.expect("reads"), pairs(&[("kept", "k")]));
        assert_eq!(replica.store.container_list().await.expect("lists").len(), 2);
    });
}

#[test]
fn rows_of_another_replica_count_when_the_last_part_is_there() {
    run(|media, env, spawner| async move {
        let replica =
            ReplicaStore::create(media.clone(), env.clone(), &spawner, RENEW_AT, &founder()).await.expect("makes");
        let (state, _) = replica.load().await.expect("loads");
        replica.change(&change(&state, vec![entry(2, vec![row("old", Some("1"))])], true)).await.expect("stores");
        let part = |rows, is_first, finish| StoreInstall { rows, is_first, finish };
        replica.install(&part(vec![row("lost", Some("1"))], true, None)).await.expect("stores");
        let replica = reopen(replica, &media, &env, &spawner).await;
        assert_eq!(replica.rows().await.expect("reads"), pairs(&[("old", "1")]));
        replica.install(&part(vec![row("x", Some("1"))], true, None)).await.expect("stores");
        replica.install(&part(Vec::new(), true, None)).await.expect("begins again");
        replica.install(&part(vec![row("y", Some("2"))], false, None)).await.expect("stores");
        let base = Base { index: LogIndex(50), term: Term(3), membership: Membership::default() };
        let state = StoredState { term: Term(3), vote: None, base, last: LogIndex(50), applied: LogIndex(50) };
        replica.install(&part(vec![row("z", Some("3"))], false, Some(state.clone()))).await.expect("stores");
        let replica = reopen(replica, &media, &env, &spawner).await;
        assert_eq!(replica.rows().await.expect("reads"), pairs(&[("y", "2"), ("z", "3")]));
        assert_eq!(replica.load().await.expect("loads"), (state, Vec::new()));
        assert_eq!(replica.id(), founder().id);
    });
}

#[test]
fn rows_are_read_in_parts_while_they_change() {
    run(|media, env, spawner| async move {
        // Not so small that the rows are copied in between: then the reading begins again.
        let replica = ReplicaStore::create(media, env, &spawner, u64::MAX, &founder()).await.expect("makes");
        let (state, _) = replica.load().await.expect("loads");
        let value = "v".repeat(10_000);
        let rows = (0..40).map(|number| row(&format!("row {number:02}"), Some(&value))).collect();
        let first = change(&state, vec![entry(2, rows)], false);
        replica.change(&first).await.expect("stores");
        let reader = ReplicaId(9);
        assert!(replica.read_rows(reader, false).await.is_err(), "nothing was begun");
        let (mut read, is_last) = replica.read_rows(reader, true).await.expect("reads");
        assert!(!is_last && read.len() < 20);
        let removed = vec![entry(3, vec![row("row 00", None), row("row 39", None)])];
        replica.change(&change(&first.state, removed, false)).await.expect("stores");
        loop {
            let (rows, is_last) = replica.read_rows(reader, false).await.expect("reads");
            read.extend(rows);
            if is_last {
                break;
            }
        }
        let keys: std::collections::BTreeSet<Vec<u8>> = read.into_iter().map(|row| row.key).collect();
        assert!((1..39).all(|number| keys.contains(format!("row {number:02}").as_bytes())));
    });
}

#[test]
fn rows_of_a_release_without_replicas_are_adopted() {
    run(|media, env, spawner| async move {
        let settings = StoreSettings {
            data_bytes: DATA_BYTES,
            arena_bytes: ARENA_BYTES,
            log_bytes: LOG_BYTES,
            durability: Durability::Log,
            checksum: ChecksumKind::default(),
        };
        let store = Store::create(media.clone(), settings, env.clone(), &spawner).await.expect("makes");
        for generation in [0, 1] {
            store.container_create(container_of(generation), ContainerSettings::default()).await.expect("makes");
        }
        let old = put(container_of(0), FIRST_OBJECT, Key::new(b"pool").expect("short"), b"here").expect("short");
        store.apply(vec![old]).await.expect("stores");
        store.close().await.expect("closes");
        drop(store);
        let replica =
            ReplicaStore::open(media.clone(), env.clone(), &spawner, RENEW_AT, &founder()).await.expect("opens");
        assert_eq!(replica.rows().await.expect("reads"), pairs(&[("pool", "here")]));
        assert_eq!(replica.group(), 5);
        let replica = reopen(replica, &media, &env, &spawner).await;
        assert_eq!(replica.rows().await.expect("reads"), pairs(&[("pool", "here")]));
    });
}

#[test]
fn a_store_that_was_not_made_is_known() {
    run(|media, env, spawner| async move {
        let opened = ReplicaStore::open(media, env, &spawner, RENEW_AT, &founder()).await;
        assert_eq!(opened.err().map(|status| status.code()), Some(Code::Nonexist));
    });
}
