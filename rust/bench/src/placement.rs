//! Layouts a second, beside the goal, and the cost of pool maps up to 10^5 targets.

use crate::measure::{BusyWatch, Figures, Plan, busy_rate};
use crate::report::{Case, Limit, Report};
use daos_placement::{Layout, NewRank, PoolMap, Shape, TargetEvent, TargetState, place_into};
use daos_status::Result;
use daos_types::{ObjectClass, ObjectId, ObjectType, Rank};

/// Targets of a rank, and ranks of a rack.
const TARGETS: u32 = 8;
const RANKS: u32 = 16;
const BATCH: u64 = 4096;
/// What the project wants to reach at 256 targets: a layout must cost nothing beside the request that it is made for.
const GOAL: Limit = Limit { name: "goal", value: 1e6 };
const CLASSES: [&str; 8] = ["S1", "S4", "RP_2G1", "RP_3G1", "EC_4P2G1", "EC_8P2G1", "EC_16P3G1", "SX"];

/// Runs the cases.
pub fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    let sizes: &[u32] = if plan.is_full { &[8, 256, 4096, 100_000] } else { &[8, 256, 4096] };
    for targets in sizes {
        let ranks = ranks(targets.div_ceil(TARGETS));
        let whole = PoolMap::create(&ranks)?;
        let lost = whole.change(&[targets / 2], TargetEvent::Exclude)?.unwrap_or_else(|| whole.clone());
        let grown = PoolMap::create(&ranks[..(ranks.len() / 2).max(1)])?
            .extend(&ranks[(ranks.len() / 2).max(1)..], TargetState::UpIn);
        for (case, map) in [
            ("layout", Some(&whole)),
            ("layout, one target lost", Some(&lost)),
            ("layout, grown once", grown.as_ref().ok()),
        ] {
            let Some(map) = map else { continue };
            for class in CLASSES {
                layouts(plan, report, map, case, class);
            }
        }
        costs(plan, report, &ranks, &whole)?;
    }
    report.note("size is the number of targets, depth the number of shards; goal: 1 M layouts a second of small groups at 256 targets");
    Ok(())
}

fn ranks(count: u32) -> Vec<NewRank> {
    (0..count).map(|rank| NewRank { rank: Rank(rank), domains: vec![rank / RANKS], targets: TARGETS }).collect()
}

fn layouts(plan: &Plan, report: &mut Report, map: &PoolMap, case: &'static str, class: &'static str) {
    let Some(class_id) = ObjectClass::from_name(class) else { return };
    let mut layout = Layout::new();
    let mut next = 0u64;
    let mut failed = false;
    let mut place = |count: u64| {
        for _ in 0..count {
            next += 1;
            let object = ObjectId::generate(ObjectId { hi: 0, lo: next }, ObjectType::MULTI_HASHED, class_id);
            let placed = Shape::of(object).and_then(|shape| place_into(map, object, shape, &mut layout));
            failed |= placed.is_err();
        }
        layout.shards().len() as u64
    };
    let shards = place(1);
    let batch = (BATCH / shards.max(1)).max(1);
    let figures = busy_rate(plan, || {
        std::hint::black_box(place(batch));
        batch
    });
    if failed {
        // The pool is too small for the class.
        return;
    }
    let line = Case {
        bench: "placement",
        case,
        layout: class,
        size: u64::from(map.target_count()),
        depth: shards,
        unit: "op/s",
        ..Case::default()
    };
    report.add(line, figures, (shards <= 10 && map.target_count() == 256).then_some(GOAL));
}

/// What a map costs: its bytes, its tables, to make it, to read it, and to change it.
fn costs(plan: &Plan, report: &mut Report, ranks: &[NewRank], map: &PoolMap) -> Result<()> {
    let targets = map.target_count();
    let timed = |work: &dyn Fn() -> Result<()>| -> Result<Figures> {
        let mut times = Vec::new();
        for _ in 0..plan.repetitions {
            let watch = BusyWatch::start();
            work()?;
            times.push(watch.elapsed().as_secs_f64() * 1e6);
        }
        Ok(Figures::of(times))
    };
    let bytes = map.encode();
    let changed = map.change(&[targets / 2], TargetEvent::Exclude)?.unwrap_or_else(|| map.clone());
    let difference = changed.difference_since(map.version()).unwrap_or_default();
    let more = NewRank { rank: Rank(u32::MAX), domains: vec![u32::MAX], targets: TARGETS };
    let mut add = |case, unit, figures| {
        let line = Case { bench: "placement", case, size: u64::from(targets), unit, ..Case::default() };
        report.add(line, figures, None);
    };
    let one = |value: usize| Figures::of(vec![value as f64]);
    add("map bytes", "B", one(bytes.len()));
    add("map tables", "B", one(map.table_bytes()));
    add("difference bytes, one target", "B", one(difference.len()));
    add("make a map", "us", timed(&|| PoolMap::create(ranks).map(drop))?);
    add("read a map", "us", timed(&|| PoolMap::decode(&bytes).map(drop))?);
    add("exclude a target", "us", timed(&|| map.change(&[1], TargetEvent::Exclude).map(drop))?);
    add(
        "make a difference",
        "us",
        timed(&|| {
            std::hint::black_box(changed.difference_since(map.version()));
            Ok(())
        })?,
    );
    add("apply a difference", "us", timed(&|| map.apply(&difference).map(drop))?);
    add("extend by a rank", "us", timed(&|| map.extend(std::slice::from_ref(&more), TargetState::New).map(drop))?);
    Ok(())
}
