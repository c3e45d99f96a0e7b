//! Sending requests to the targets of an object, again where that is safe.

use super::Object;
use crate::Client;
use crate::attach::Connection;
use crate::ranks::{Verdict, judge, may_be_gone};
pub(super) use crate::repeat::WhenLost;
use crate::repeat::{WhenBusy, repeat_until};
use daos_placement::Layout;
use daos_rpc::{Access, Address, Exposed};
use daos_status::{Code, Result, fail};
use daos_wire::{Blob, INDIRECT_BYTES_MAX, Indirect, IndirectReply, Opcode, Payload, Wire, decode, encode};
use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};

/// Memory for a reply that did not fit a message, at the first attempt.
const REPLY_ROOM: u64 = 1 << 20;

/// Where a request goes.
pub(super) struct Target {
    pub connection: Rc<Connection>,
    pub address: Address,
}

impl Object {
    /// Where the shards are.
    pub(super) async fn layout(&self, client: &Client) -> Result<Arc<Layout>> {
        Ok(self.locate(client).await?.1)
    }

    /// The connection, the layout by it, and the addresses of the targets.
    async fn locate(&self, client: &Client) -> Result<(Rc<Connection>, Arc<Layout>, Arc<crate::pool::Route>)> {
        let (connection, route) = self.container.route(client).await?;
        let generation = connection.generation();
        let mut known = self.layout.lock().unwrap_or_else(PoisonError::into_inner);
        let layout = match known.as_ref() {
            Some((of, layout)) if *of == generation => layout.clone(),
            _ => {
                let layout = Arc::new(route.layout(self.id)?);
                *known = Some((generation, layout.clone()));
                layout
            }
        };
        drop(known);
        Ok((connection, layout, route))
    }

    /// Runs an attempt on the target of a group until it succeeds, or fails for good.
    pub(super) async fn attempt<R>(
        &self,
        client: &Client,
        group: u32,
        when_lost: WhenLost,
        mut attempt: impl AsyncFnMut(&Target) -> Result<R>,
    ) -> Result<R> {
        let given_up = Cell::new(false);
        repeat_until(client, when_lost, WhenBusy::Wait, &given_up, async || {
            let (connection, layout, route) = self.locate(client).await?;
            let Some(position) = layout.group(group).first().map(|shard| shard.target) else {
                fail!(Code::Stale, "object {} has {} groups now, not {group}", self.id, layout.groups());
            };
            let target = Target { connection, address: route.address(position)?.clone() };
            match attempt(&target).await {
                Err(failure) if target.connection.is_system() && may_be_gone(&failure) => {
                    match judge(client, &target.connection, &route, position, failure).await {
                        Verdict::Again(failure) => Err(failure),
                        Verdict::Moved(failure) => {
                            self.container.pool().forget_route();
                            Err(failure)
                        }
                        Verdict::Final(failure) => {
                            given_up.set(true);
                            Err(failure)
                        }
                    }
                }
                other => other,
            }
        })
        .await
    }

    /// Sends one request, by memory when it or its reply does not fit a message.
    pub(super) async fn send<Q: Wire, R: Wire>(
        &self,
        client: &Client,
        target: &Target,
        opcode: Opcode,
        request: &Q,
    ) -> Result<R> {
        self.send_lending(client, target, opcode, request, &[]).await
    }

    /// As [`Object::send`], with a request that names memory that was lent.
    pub(super) async fn send_lending<Q: Wire, R: Wire>(
        &self,
        client: &Client,
        target: &Target,
        opcode: Opcode,
        request: &Q,
        lent: &[Exposed],
    ) -> Result<R> {
        let _permit = client.0.in_flight.take(1).await;
        let endpoint = target.connection.endpoint();
        let body = encode(request);
        if body.len() <= endpoint.max_body_size() {
            let reads = !matches!(opcode, Opcode::Update | Opcode::Punch);
            let timeout = client.0.settings.call_timeout;
            let (address, opcode_number) = (&target.address, opcode as u16);
            // A fetch does no harm when it is carried out twice: it is asked again also when nobody knows whether it was.
            let answer = match reads {
                true => endpoint.call_repeatable(address, opcode_number, body, lent, timeout).await,
                false => endpoint.call_lending(address, opcode_number, body, lent, timeout).await,
            };
            match answer {
                Ok(reply) => return read(opcode, &reply),
                Err(status) if reads && status.code() == Code::Overflow => {}
                Err(status) => return Err(status),
            }
        }
        let mut room = REPLY_ROOM;
        loop {
            match send_indirectly(client, target, opcode, encode(request), lent, room).await? {
                Ok(reply) => return read(opcode, &reply),
                Err(length) if length > room && length <= INDIRECT_BYTES_MAX => room = length,
                Err(length) => fail!(
                    Code::Overflow,
                    "the reply to {opcode:?} of object {} has {length} bytes, more than {INDIRECT_BYTES_MAX}",
                    self.id
                ),
            }
        }
    }
}

fn read<R: Wire>(opcode: Opcode, reply: &[u8]) -> Result<R> {
    decode(reply).map_err(|error| error.while_doing(format_args!("reading the reply to {opcode:?}")))
}

/// Sends a request that lies in memory, with room for its reply; gives the reply, or how long it would be.
async fn send_indirectly(
    client: &Client,
    target: &Target,
    opcode: Opcode,
    body: Vec<u8>,
    lent: &[Exposed],
    room: u64,
) -> Result<Result<Vec<u8>, u64>> {
    if body.len() as u64 > INDIRECT_BYTES_MAX {
        fail!(Code::Overflow, "a request of {} bytes exceeds {INDIRECT_BYTES_MAX}", body.len());
    }
    let endpoint = target.connection.endpoint();
    let (mut body, mut reply) = (body, vec![0u8; room as usize]);
    let expose = |memory: &mut Vec<u8>, access| {
        let pointer = NonNull::new(memory.as_mut_ptr()).unwrap_or(NonNull::dangling());
        // SAFETY: the vector is not touched and outlives the exposure: both are dropped at the end of this function, the
        // exposures first, since they are declared behind the vectors; and this future owns them when it is dropped early.
        unsafe { endpoint.expose(pointer, memory.len(), access) }
    };
    let body_exposed = expose(&mut body, Access::Read)?;
    let reply_exposed = expose(&mut reply, Access::Write)?;
    let indirect = Indirect {
        opcode: opcode as u16,
        request: Payload::Memory(vec![Blob(body_exposed.descriptor().encode().to_vec())]),
        reply: vec![Blob(reply_exposed.descriptor().encode().to_vec())],
    };
    let timeout = client.0.settings.call_timeout;
    let own = [body_exposed, reply_exposed];
    let memory = own.iter().chain(lent);
    let answer =
        endpoint.call_lending(&target.address, Opcode::Indirect as u16, encode(&indirect), memory, timeout).await;
    drop(own);
    match read(opcode, &answer?)? {
        IndirectReply::Inline(bytes) => Ok(Ok(bytes.0)),
        IndirectReply::Memory(length) if length <= room => {
            reply.truncate(length as usize);
            Ok(Ok(reply))
        }
        IndirectReply::Memory(length) => fail!(Code::Proto, "a reply of {length} bytes was said to be in {room}"),
        IndirectReply::TooLong(length) => Ok(Err(length)),
    }
}
