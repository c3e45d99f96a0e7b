//! Requests between the targets of an engine.

use super::Inner;
use daos_status::{Code, Result, fail};
use daos_store::{ChecksumKind, ContainerSettings};
use daos_types::{Epoch, HandleId, PoolId, Rank};
use daos_wire::{
    Blob, HandleQuery, Opcode, TargetContainer, TargetContainerCreate, TargetContainerEpoch, TargetContainerList,
    TargetOrder, TargetPoolCreate, TargetPoolProperties, TargetSnapshotHold, TargetSnapshotPin, TargetSnapshots,
    decode, encode, take_page,
};
use std::rc::Rc;
use std::time::Duration;

/// What may take long is done in parts of so much time, each by an order of its own: well below the limit of a call.
const PART_LIMIT: Duration = Duration::from_secs(2);

/// Whether an operation is one between targets.
pub(super) fn serves(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::TargetOrder
            | Opcode::HandleQuery
            | Opcode::SnapshotsConfirm
            | Opcode::Membership
            | Opcode::ReplicaOffer
            | Opcode::Leading
    ) || is_order(opcode)
}

/// Carries a request of another target, or of this one itself, out. Each may be repeated. An order that its sender has given up meanwhile is
/// not carried out: it may have given another one since, which this one would undo.
pub(super) async fn handle(
    target: &Rc<Inner>,
    opcode: Opcode,
    body: &[u8],
    is_given_up: impl Fn() -> bool,
) -> Result<Vec<u8>> {
    if opcode == Opcode::TargetOrder {
        let TargetOrder { term, opcode, body } = decode(body)?;
        let Some(opcode) = Opcode::from_number(opcode).filter(|opcode| is_order(*opcode)) else {
            fail!(Code::Proto, "operation {opcode:#06x} is no order to a target");
        };
        let _entered = target.fence.enter(term).await?;
        if is_given_up() {
            fail!(Code::Canceled, "{opcode:?} of term {term} was given up before it was carried out");
        }
        return carry_out(target, opcode, &body.0).await;
    }
    if is_order(opcode) {
        fail!(Code::Proto, "{opcode:?} is an order, and says no term");
    }
    carry_out(target, opcode, body).await
}

/// Whether an operation is one that only the engine that leads the metadata service may ask for.
fn is_order(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::TargetPoolCreate
            | Opcode::TargetPoolDestroy
            | Opcode::TargetPoolQuery
            | Opcode::TargetPoolProperties
            | Opcode::TargetContainerCreate
            | Opcode::TargetContainerDestroy
            | Opcode::TargetContainerList
            | Opcode::TargetSnapshotHold
            | Opcode::TargetSnapshotPin
            | Opcode::TargetSnapshots
            | Opcode::TargetSnapshotList
            | Opcode::TargetRollback
            | Opcode::TargetAggregate
            | Opcode::TargetPoolList
            | Opcode::TargetMapVersions
            | Opcode::HandlesRevoke
            | Opcode::RankOffer
    )
}

async fn carry_out(target: &Rc<Inner>, opcode: Opcode, body: &[u8]) -> Result<Vec<u8>> {
    match opcode {
        Opcode::TargetPoolCreate => {
            let request: TargetPoolCreate = decode(body)?;
            Ok(encode(&target.pools.create(&request).await?))
        }
        Opcode::TargetPoolDestroy => {
            let pool: PoolId = decode(body)?;
            Ok(encode(&target.pools.destroy(pool).await?))
        }
        Opcode::TargetPoolQuery => {
            let pool: PoolId = decode(body)?;
            Ok(encode(&target.pools.space(pool)?))
        }
        Opcode::TargetPoolProperties => {
            let TargetPoolProperties { pool, numbers } = decode(body)?;
            Ok(encode(&target.pools.set_properties(pool, &numbers)?))
        }
        Opcode::TargetContainerCreate => {
            let request: TargetContainerCreate = decode(body)?;
            let settings = settings_of(&request)?;
            match target.pools.store(request.pool)?.container_create(request.container, settings).await {
                Err(status) if status.code() != Code::Exist => Err(status),
                _ => Ok(encode(&())),
            }
        }
        Opcode::TargetContainerDestroy => {
            let TargetContainer { pool, container } = decode(body)?;
            let destroyed = match target.pools.store(pool) {
                Ok(store) => store.container_destroy(container).await,
                Err(status) => Err(status),
            };
            match destroyed {
                Err(status) if status.code() != Code::Nonexist => Err(status),
                _ => Ok(encode(&())),
            }
        }
        Opcode::TargetContainerList => {
            let TargetContainerList { pool, after } = decode(body)?;
            let containers = target.pools.store(pool)?.container_list().await?;
            let behind = containers.into_iter().filter(|container| after.is_none_or(|after| *container > after));
            let mut behind = behind.peekable();
            let page = take_page(&mut behind);
            Ok(encode(&(page, behind.peek().is_some())))
        }
        Opcode::HandleQuery => {
            let (asker, query): (Rank, HandleQuery) = decode(body)?;
            let service = target.service.borrow().clone();
            match service {
                Some(service) => Ok(encode(&service.query_handle(asker, &query).await?)),
                None => fail!(Code::NoService, "the pool service is not ready yet"),
            }
        }
        Opcode::SnapshotsConfirm => {
            let service = target.service.borrow().clone();
            let Some(service) = service else { fail!(Code::NoService, "the pool service is not ready yet") };
            Ok(encode(&Box::pin(service.confirm_snapshots(&decode(body)?)).await?))
        }
        Opcode::TargetSnapshotHold
        | Opcode::TargetSnapshotPin
        | Opcode::TargetSnapshots
        | Opcode::TargetSnapshotList
        | Opcode::TargetRollback
        | Opcode::TargetAggregate => Box::pin(handle_for_snapshots(target, opcode, body)).await,
        other => handle_for_system(target, other, body),
    }
}

/// As [`handle`], for what is about snapshots of containers.
async fn handle_for_snapshots(target: &Rc<Inner>, opcode: Opcode, body: &[u8]) -> Result<Vec<u8>> {
    match opcode {
        Opcode::TargetSnapshotHold => {
            let TargetSnapshotHold { pool, container, attempt, hold_ms } = decode(body)?;
            let limit = Duration::from_millis(u64::from(hold_ms));
            Ok(encode(&target.objects.hold_changes(pool, container, attempt, limit).await?))
        }
        Opcode::TargetSnapshotPin => {
            let TargetSnapshotPin { pool, container, attempt, epoch } = decode(body)?;
            Ok(encode(&target.objects.pin(pool, container, attempt, epoch).await?))
        }
        Opcode::TargetSnapshots => {
            let TargetSnapshots { pool, container, epochs } = decode(body)?;
            Ok(encode(&target.objects.set_snapshots(pool, container, &epochs).await?))
        }
        Opcode::TargetSnapshotList => {
            let TargetContainerList { pool, after } = decode(body)?;
            let mut containers = target.objects.containers_with_snapshots(pool).await?;
            containers.sort_unstable();
            let behind = containers.into_iter().filter(|container| after.is_none_or(|after| *container > after));
            let mut behind = behind.peekable();
            let page = take_page(&mut behind);
            Ok(encode(&(page, behind.peek().is_some())))
        }
        Opcode::TargetRollback => {
            let TargetContainerEpoch { pool, container, epoch } = decode(body)?;
            Ok(encode(&target.objects.roll_back(pool, container, epoch, PART_LIMIT).await?))
        }
        Opcode::TargetAggregate => {
            let TargetContainerEpoch { pool, container, epoch } = decode(body)?;
            Ok(encode(&target.pools.aggregate(pool, container, epoch, PART_LIMIT).await?))
        }
        other => fail!(Code::Nosys, "{other:?} is no operation about snapshots"),
    }
}

/// As [`handle`], for what is about engines, clients and services rather than pools and containers.
fn handle_for_system(target: &Rc<Inner>, opcode: Opcode, body: &[u8]) -> Result<Vec<u8>> {
    match opcode {
        Opcode::TargetPoolList => Ok(encode(&target.pools.ids())),
        Opcode::RankOffer => Ok(encode(&target.capacity.named_offer()?)),
        Opcode::TargetMapVersions => {
            let versions: Vec<(PoolId, u32)> = decode(body)?;
            Ok(encode(&target.pools.set_map_versions(&versions)))
        }
        Opcode::Membership => {
            let (message, moment): (Blob, Epoch) = decode(body)?;
            let members = target.members.borrow().clone();
            match members {
                Some(members) => Ok(encode(&members.receive(&message.0, moment)?)),
                None => fail!(Code::Again, "the engine does not take part in membership yet"),
            }
        }
        Opcode::Leading => {
            let (version, control): (u64, String) = decode(body)?;
            target.peers.ranks().set_leading(version, control);
            Ok(encode(&()))
        }
        Opcode::HandlesRevoke => {
            let handles: Vec<HandleId> = decode(body)?;
            target.objects.revoke(&handles);
            Ok(encode(&()))
        }
        Opcode::ReplicaOffer => {
            let replica = target.replica.borrow().clone();
            let Some(replica) = replica else { fail!(Code::Notreplica, "this target keeps no replica") };
            Ok(encode(&replica.take_offer(&decode(body)?)?))
        }
        other => fail!(Code::Nosys, "{other:?} is no operation between targets"),
    }
}

/// What a container is to be made with.
fn settings_of(request: &TargetContainerCreate) -> Result<ContainerSettings> {
    let TargetContainerCreate { checksum, chunk_bytes, verify_on_update, .. } = *request;
    match ChecksumKind::from_number(u64::from(checksum)) {
        Some(checksum) => Ok(ContainerSettings { checksum, chunk_bytes, verify_on_update }),
        None => fail!(Code::Proto, "{checksum} is no kind of checksum"),
    }
}
