//! Requests that come to a target's endpoint, and who answers them.

use super::{Inner, internal};
use daos_object_service::ObjectService;
use daos_rpc::Request;
use daos_status::{Code, Status};
use daos_wire::{Opcode, pool_of_object_request};
use std::rc::Rc;
use std::time::Duration;

/// Counts a request as long as it is under way, and measures how long that is.
struct Running {
    inner: Rc<Inner>,
    opcode: Opcode,
    began: Duration,
}

impl Running {
    fn new(inner: &Rc<Inner>, opcode: Opcode) -> Running {
        inner.running.set(inner.running.get() + 1);
        Running { inner: inner.clone(), opcode, began: inner.spawner.clock().monotonic() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Running { inner, opcode, began } = self;
        inner.latencies.add(*opcode, inner.spawner.clock().monotonic().saturating_sub(*began));
        inner.running.set(inner.running.get() - 1);
        if inner.stopping.get() && inner.running.get() == 0 {
            inner.idle.wake_all();
        }
    }
}

/// Answers the requests of the target's endpoint from now on.
pub(super) fn serve(inner: &Rc<Inner>) {
    let target = inner.clone();
    inner.endpoint.serve(move |request| dispatch(&target, request));
}

/// A message between replicas needs no token: who comes back after a crash has none yet. It names the group, which strangers
/// do not know.
fn replica_message(inner: &Rc<Inner>, request: Request) {
    let replica = inner.replica.borrow().clone();
    let result = match replica {
        Some(replica) => replica.receive(request.peer(), request.body()).map(|()| Vec::new()),
        None => Err(Status::new(Code::Notreplica, "this target keeps no replica of the system's metadata")),
    };
    request.reply(result);
}

fn dispatch(inner: &Rc<Inner>, request: Request) {
    let Some(opcode) = Opcode::from_number(request.opcode()) else { return request.reply_unknown_opcode() };
    let is_engine = request.session() == inner.sessions.engine();
    if opcode == Opcode::ReplicaMessage {
        return replica_message(inner, request);
    }
    if internal::serves(opcode) && !is_engine {
        let sentence = format!("{opcode:?} is for the targets of an engine, not for its clients");
        return request.reply(Err(Status::new(Code::NoPerm, sentence)));
    }
    if inner.stopping.get() && !is_engine {
        return request.reply(Err(Status::new(Code::Shutdown, "the engine is ending; call again to start another")));
    }
    inner.requests.add(opcode);
    let running = Running::new(inner, opcode);
    if ObjectService::serves(opcode) {
        if let Some(pool) = pool_of_object_request(request.body()) {
            inner.pools.count(pool, opcode);
        }
        let objects = inner.objects.clone();
        inner.spawner.detach(async move {
            objects.serve(opcode, request).await;
            drop(running);
        });
        return;
    }
    let target = inner.clone();
    inner.spawner.detach(async move {
        let result = if internal::serves(opcode) {
            internal::handle(&target, opcode, request.body(), || request.is_abandoned()).await
        } else {
            let service = target.service.borrow().clone();
            match service {
                Some(service) => service.handle(opcode, request.session(), request.body()).await,
                None => Err(Status::new(Code::Notreplica, "this target does not run the pool service")),
            }
        };
        request.reply(result);
        drop(running);
    });
}
