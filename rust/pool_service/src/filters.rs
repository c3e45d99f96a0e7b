//! Lists of containers by conditions, as `daos_pool_filter_cont` asks for them.

use crate::state::{Container, PoolService};
use daos_status::{Code, Result, fail};
use daos_types::ContainerId;
use daos_wire::{ContainerCondition, ContainerEntry, ContainerFilter, ContainerFound, PAGE_BYTES, encode};
use std::cmp::Ordering;
use std::ops::Bound;

/// The most conditions (`DAOS_POOL_CONT_FILTER_MAX_NPARTS`).
const CONDITIONS_MAX: usize = 8;
/// Containers that one request looks at: a filter that lets none through must not keep others waiting.
const LOOKED_AT_MAX: usize = 4096;

/// What a condition compares (`daos_pool_cont_filter_key`).
fn value_of(found: &ContainerFound, key: u32) -> Result<u64> {
    match key {
        0 => Ok(found.open_time),
        1 => Ok(found.modify_time),
        2 => Ok(u64::from(found.snapshots)),
        3 => Ok(u64::from(found.handles)),
        _ => fail!(Code::Inval, "{key} is nothing by which containers are filtered"),
    }
}

/// Whether a condition holds (`daos_pool_cont_filter_func`).
fn holds(condition: &ContainerCondition, found: &ContainerFound) -> Result<bool> {
    let order = value_of(found, condition.key)?.cmp(&condition.value);
    match condition.comparison {
        0 => Ok(order == Ordering::Equal),
        1 => Ok(order != Ordering::Equal),
        2 => Ok(order == Ordering::Less),
        3 => Ok(order != Ordering::Greater),
        4 => Ok(order == Ordering::Greater),
        5 => Ok(order != Ordering::Less),
        other => fail!(Code::Inval, "{other} is no comparison"),
    }
}

fn found(id: ContainerId, container: &Container) -> ContainerFound {
    ContainerFound {
        entry: ContainerEntry { id, label: container.row.properties.label.clone() },
        handles: container.handles.open.len() as u32,
        snapshots: container.snapshots.len() as u32,
        newest_snapshot: container.newest_snapshot(),
        open_time: container.open_time,
        modify_time: container.row.modify_time,
    }
}

impl PoolService {
    /// A part of the containers that a filter lets through, and from behind which one on to ask for the next part, if there is one.
    pub fn filter_containers(&self, request: &ContainerFilter) -> Result<(Vec<ContainerFound>, Option<ContainerId>)> {
        self.check_pool_handle(request.pool, request.handle, false)?;
        if request.conditions.len() > CONDITIONS_MAX {
            fail!(Code::Inval, "a filter has at most {CONDITIONS_MAX} conditions, not {}", request.conditions.len());
        }
        let behind = request.after.map_or(Bound::Unbounded, Bound::Excluded);
        let containers = self.ready_pool(request.pool)?.containers.range((behind, Bound::Unbounded));
        let (mut page, mut bytes, mut last) = (Vec::new(), 0, None);
        for (number, (id, container)) in containers.filter(|(_, entry)| !entry.row.destroying).enumerate() {
            if bytes >= PAGE_BYTES || number >= LOOKED_AT_MAX {
                return Ok((page, last));
            }
            last = Some(*id);
            let found = found(*id, container);
            // Each is looked at, so that a condition that makes no sense is always refused.
            let each: Result<Vec<bool>> = request.conditions.iter().map(|condition| holds(condition, &found)).collect();
            let each = each?;
            let passes = if request.any { each.contains(&true) } else { !each.contains(&false) };
            if passes || each.is_empty() {
                bytes += encode(&found).len();
                page.push(found);
            }
        }
        Ok((page, None))
    }
}
