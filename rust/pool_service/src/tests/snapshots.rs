//! Snapshots: what is decided about them, what is remembered, and what a restart finds.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

struct Rig {
    bench: Bench,
    request: ContainerRequest,
    read_only: ContainerRequest,
}

fn rig() -> Rig {
    let mut bench = Bench::default();
    let pool = bench.pool("p");
    let pool_handle = bench.connect(pool, 1, 2).expect("connects");
    let container = bench.container(pool, pool_handle, 2, "c").expect("new container");
    let handle = bench.open(pool, pool_handle, container, 3, 2).expect("opens");
    let reading = bench.open(pool, pool_handle, container, 4, 1).expect("opens");
    let request = ContainerRequest { pool, container, handle };
    Rig { bench, request: request.clone(), read_only: ContainerRequest { handle: reading, ..request } }
}

impl Rig {
    fn create(&mut self, name: &str, epoch: u64) -> Result<Epoch> {
        let request = SnapshotCreate { request: self.request.clone(), name: name.into(), options: 1 };
        let decision = self.bench.service.create_snapshot(&request, Epoch(epoch), 7);
        self.bench.commit(decision)
    }

    fn destroy(&mut self, first: u64, last: u64) -> Result<u32> {
        let request = SnapshotDestroy { request: self.request.clone(), first: Epoch(first), last: Epoch(last) };
        let mut so_far = 0;
        loop {
            let decision = self.bench.service.destroy_snapshots(&request, so_far);
            let (count, more) = self.bench.commit(decision)?;
            so_far = count;
            if !more {
                return Ok(so_far);
            }
        }
    }

    fn list(&self) -> Vec<(u64, String)> {
        let mut request = SnapshotList { request: self.read_only.clone(), after: None };
        let mut all = Vec::new();
        loop {
            let (page, more) = self.bench.service.list_snapshots(&request).expect("an open handle");
            request.after = page.last().map(|entry| entry.epoch);
            all.extend(page.into_iter().map(|entry| (entry.epoch.0, entry.name)));
            if !more {
                return all;
            }
        }
    }

    fn roll_back(&mut self, epoch: u64) -> Result<()> {
        let request = ContainerEpoch { request: self.request.clone(), epoch: Epoch(epoch) };
        let decision = self.bench.service.begin_rollback(&request);
        self.bench.commit(decision)
    }
}

fn code<T>(result: Result<T>) -> Option<Code> {
    result.err().map(|status| status.code())
}

#[test]
fn who_may_not_write_makes_and_destroys_none() {
    let mut rig = rig();
    rig.create("s", 10).expect("the first");
    rig.request = rig.read_only.clone();
    assert_eq!(code(rig.create("t", 11)), Some(Code::NoPerm));
    assert_eq!(code(rig.destroy(10, 10)), Some(Code::NoPerm));
    assert_eq!(code(rig.roll_back(10)), Some(Code::NoPerm));
    assert_eq!(rig.list(), [(10, "s".to_owned())]);
}

#[test]
fn names_and_numbers_are_bounded() {
    let mut rig = rig();
    assert_eq!(code(rig.create(&"n".repeat(128), 10)), Some(Code::Inval));
    rig.create(&"n".repeat(127), 10).expect("as long as it may be");
    let properties = Properties { label: String::new(), kind: 0, numbers: vec![(0x1009, 2)], texts: vec![] };
    let request = ContainerSetProperties { request: rig.request.clone(), properties };
    let decision = rig.bench.service.set_container_properties(&request, 8);
    rig.bench.commit(decision).expect("the property is known");
    rig.create("", 11).expect("the second");
    assert_eq!(code(rig.create("", 12)), Some(Code::Nospace));
    assert_eq!(rig.destroy(0, u64::MAX), Ok(2));
    assert_eq!(code(rig.destroy(10, 10)), Some(Code::Nonexist));
    assert_eq!(rig.destroy(10, 11), Ok(0));
}

#[test]
fn many_are_destroyed_in_steps() {
    let mut rig = rig();
    for epoch in 1..=1500 {
        rig.create("", epoch).expect("there is room");
    }
    assert_eq!(rig.list().len(), 1500);
    assert_eq!(rig.destroy(1, 1499), Ok(1499));
    assert_eq!(rig.list(), [(1500, String::new())]);
}

#[test]
fn a_container_that_goes_back_lets_nobody_in() {
    let mut rig = rig();
    rig.create("s", 10).expect("new");
    rig.create("t", 20).expect("new");
    assert_eq!(code(rig.roll_back(10)), Some(Code::Busy));
    assert_eq!(code(rig.roll_back(15)), Some(Code::Nonexist));
    let ContainerRequest { pool, container, handle } = rig.request.clone();
    let query = HandleQuery { pool, container, handle };
    assert_eq!(rig.bench.service.query_handle(&query).map(|grant| grant.snapshot), Ok(Epoch(20)));
    rig.roll_back(20).expect("the newest");
    assert_eq!(code(rig.bench.service.query_handle(&query)), Some(Code::Again));
    assert_eq!(code(rig.create("u", 30)), Some(Code::Again));
    assert_eq!(code(rig.destroy(20, 20)), Some(Code::Again));
    // Asked again, also of another replica, it goes on.
    rig.bench.service = rig.bench.restart();
    rig.roll_back(20).expect("the same");
    assert_eq!(rig.bench.service.rolling_back(pool, container), Some(Epoch(20)));
    let decision = rig.bench.service.finish_rollback(pool, container, Epoch(25));
    rig.bench.commit(Ok(decision)).expect("done");
    // What was read before must not be written by any more, also when another replica leads.
    rig.bench.service = rig.bench.restart();
    assert_eq!(rig.bench.service.rolling_back(pool, container), None);
    assert_eq!(rig.bench.service.query_handle(&query).map(|grant| grant.snapshot), Ok(Epoch(25)));
    rig.create("u", 30).expect("new");
}

#[test]
fn nothing_is_left_of_a_container_that_goes() {
    let mut rig = rig();
    rig.create("s", 10).expect("new");
    rig.roll_back(10).expect("begins");
    let ContainerRequest { pool, container, .. } = rig.request.clone();
    let pool_handle = HandleId::from_bytes([1; 16]);
    let destroy = ContainerDestroy { pool, handle: pool_handle, container: Reference::Id(container.0), force: true };
    let decision = rig.bench.service.begin_container_destroy(&destroy, &olga());
    rig.bench.commit(decision).expect("begins");
    assert_eq!(rig.bench.service.rolling_back(pool, container), None);
    loop {
        let decision = rig.bench.service.finish_container_destroy(pool, container);
        if !rig.bench.commit(Ok(decision)).expect("a step") {
            break;
        }
    }
    let left = rig.bench.stored.keys().filter(|key| key[0] == b'n' || key[0] == b'w');
    assert_eq!(left.count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The service and a plain map agree, also after restarts.
    #[test]
    fn snapshots_agree_with_a_map(steps in proptest::collection::vec((0u8..4, 0u64..40, 0u64..8), 1..60)) {
        let mut rig = rig();
        let mut model: BTreeMap<u64, String> = BTreeMap::new();
        let mut now = 100;
        for (what, number, name) in steps {
            let name = if name == 0 { String::new() } else { format!("n{name}") };
            match what {
                0 | 1 => {
                    now += number + 1;
                    let is_taken = !name.is_empty() && model.values().any(|known| *known == name);
                    let made = rig.create(&name, now);
                    prop_assert_eq!(code(made), is_taken.then_some(Code::Exist));
                    if !is_taken {
                        model.insert(now, name);
                    }
                }
                2 => {
                    let (first, last) = (now - number, now - number / 2);
                    let count = model.range(first..=last).count();
                    let expected = if first == last && count == 0 { Err(Code::Nonexist) } else { Ok(count as u32) };
                    prop_assert_eq!(rig.destroy(first, last).map_err(|status| status.code()), expected);
                    model.retain(|epoch, _| !(first..=last).contains(epoch));
                }
                _ => rig.bench.service = rig.bench.restart(),
            }
            let expected: Vec<(u64, String)> = model.clone().into_iter().collect();
            prop_assert_eq!(rig.list(), expected);
            let request = SnapshotWait { request: rig.read_only.clone(), from: Epoch(now - number) };
            let next = rig.bench.service.snapshot_from(&request).expect("open").map(|entry| entry.epoch.0);
            prop_assert_eq!(next, model.range(now - number..).next().map(|(epoch, _)| *epoch));
        }
    }
}
