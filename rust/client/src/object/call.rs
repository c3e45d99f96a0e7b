//! Sending requests to the targets of an object, again where that is safe.

use super::{Object, Within};
use crate::attach::Connection;
use crate::ranks::{Verdict, judge, may_be_gone};
use crate::repeat::{WhenBusy, repeat_until};
use crate::route::Route;
use crate::{Client, Transaction};
use daos_checksum::crc32c;
use daos_placement::{Layout, ShardState};
use daos_rpc::{Access, Address, Exposed, Parts, ReplyBody};
use daos_status::{Code, Result, Status, fail};
use daos_types::{Epoch, ObjectId};
use daos_wire::{
    Blob, FetchReply, INDIRECT_BYTES_MAX, Indirect, IndirectReply, IndirectRequest, Opcode, TransactionRead, Wire,
    decode, encode, set_map_version,
};
use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};

/// Memory for a reply that did not fit a message, at the first attempt.
const REPLY_ROOM: u64 = 1 << 20;

/// How often a call reads the pool map anew because a target knew a newer one. Each time the map has changed once more.
const REFRESHES_MAX: u32 = 16;

/// Where a request goes.
pub(super) struct Target {
    pub connection: Rc<Connection>,
    pub address: Address,
    /// The version of the pool map by which it was chosen.
    pub map_version: u32,
}

/// The bytes of a reply.
pub(super) struct Answer {
    opcode: Opcode,
    bytes: AnswerBytes,
}

enum AnswerBytes {
    Message(ReplyBody),
    Memory(Vec<u8>),
}

impl Answer {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.bytes {
            AnswerBytes::Message(bytes) => bytes,
            AnswerBytes::Memory(bytes) => bytes,
        }
    }

    /// What they mean.
    pub fn read<R: Wire>(&self) -> Result<R> {
        read(self.opcode, self.bytes())
    }

    /// What they mean, if they are the reply to a fetch; and its inline bytes.
    pub fn read_fetched(&self) -> Result<(FetchReply, &[u8])> {
        FetchReply::decode_apart(self.bytes()).map_err(|error| error.while_doing("reading the reply to a fetch"))
    }
}

impl Object {
    /// Where the shards are.
    pub(super) async fn layout(&self, client: &Client) -> Result<Arc<Layout>> {
        Ok(self.locate(client).await?.1)
    }

    /// The connection, the layout by it, and the addresses of the targets.
    pub(super) async fn locate(&self, client: &Client) -> Result<(Rc<Connection>, Arc<Layout>, Arc<Route>)> {
        let (connection, route) = self.container.route(client).await?;
        let version = route.version();
        let mut known = self.layout.lock().unwrap_or_else(PoisonError::into_inner);
        let layout = match known.as_ref() {
            Some((of, layout)) if *of == version => layout.clone(),
            _ => {
                let layout = Arc::new(self.container.layout(&route, self.id)?);
                *known = Some((version, layout.clone()));
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
        mut attempt: impl AsyncFnMut(&Target) -> Result<R>,
    ) -> Result<R> {
        let (given_up, refreshed) = (Cell::new(false), Cell::new(0));
        repeat_until(client, WhenBusy::Wait, &given_up, async || {
            let (connection, layout, route) = self.locate(client).await?;
            let Some(shard) = layout.group(group).first() else {
                fail!(Code::Stale, "object {} has {} groups now, not {group}", self.id, layout.groups());
            };
            let position = shard.target;
            if shard.state == ShardState::Gone {
                if refreshed.get() == 0 {
                    // By the map that is known; the rank may be back.
                    refreshed.set(1);
                    self.container.pool().forget_route();
                    fail!(Code::Again, "the map of the pool says that the target is out of use");
                }
                given_up.set(true);
                return Err(gone(self.id, &route, position));
            }
            let target = Target { connection, address: route.address(position)?.clone(), map_version: route.version() };
            match attempt(&target).await {
                Err(failure) if failure.code() == Code::Stale && refreshed.get() < REFRESHES_MAX => {
                    // Refused, and nothing was done: the pool has changed since its map was read.
                    refreshed.set(refreshed.get() + 1);
                    self.container.pool().forget_route();
                    Err(Status::new(Code::Again, failure.context().to_owned()))
                }
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
        self.send_parts(client, target, opcode, encode(request), &[], lent).await?.read()
    }

    /// As [`Object::send_lending`], with the bytes of a request and the values that follow them; gives the bytes of the reply.
    pub(super) async fn send_parts(
        &self,
        client: &Client,
        target: &Target,
        opcode: Opcode,
        body: Vec<u8>,
        values: &[&[u8]],
        lent: &[Exposed],
    ) -> Result<Answer> {
        match &self.within {
            Some(Within::All(transaction) | Within::Reads(transaction)) if Transaction::reads(opcode) => {
                Box::pin(self.send_within(client, transaction, target, opcode, body, lent)).await
            }
            _ => self.send_plainly(client, target, opcode, body, values, lent).await,
        }
    }

    /// As [`Object::send_parts`], a read of a transaction, whose epoch is that of its first read.
    async fn send_within(
        &self,
        client: &Client,
        transaction: &Transaction,
        target: &Target,
        opcode: Opcode,
        body: Vec<u8>,
        lent: &[Exposed],
    ) -> Result<Answer> {
        let address = self.container_address();
        let (attempt, epoch) = match transaction.reading()? {
            (attempt, Some(epoch)) => (attempt, epoch),
            (attempt, None) => {
                let moment = self.send_plainly(client, target, Opcode::Moment, encode(&address), &[], &[]).await?;
                let epoch: Epoch = moment.read()?;
                (attempt, transaction.begin_reading(attempt, epoch.max(client.newest_change()))?)
            }
        };
        let request = Blob(body);
        let read = encode(&TransactionRead { address, transaction: attempt, epoch, opcode: opcode as u16, request });
        transaction.noted(attempt, self.send_plainly(client, target, Opcode::TransactionRead, read, &[], lent).await)
    }

    async fn send_plainly(
        &self,
        client: &Client,
        target: &Target,
        opcode: Opcode,
        mut body: Vec<u8>,
        values: &[&[u8]],
        lent: &[Exposed],
    ) -> Result<Answer> {
        let _permit = client.0.in_flight.take(1).await;
        let endpoint = target.connection.endpoint();
        set_map_version(&mut body, target.map_version);
        let length = body.len() + values.iter().map(|value| value.len()).sum::<usize>();
        if length <= endpoint.max_body_size() {
            let reads = !changes(opcode);
            let timeout = client.0.settings.call_timeout;
            let (address, opcode_number) = (&target.address, opcode as u16);
            let all = Parts { first: &body, rest: values };
            // A fetch does no harm when it is carried out twice: it is asked again also when nobody knows whether it was.
            match endpoint.call_in_parts(address, opcode_number, all, lent, reads, timeout).await {
                Ok(reply) => return Ok(Answer { opcode, bytes: AnswerBytes::Message(reply) }),
                Err(status) if reads && status.code() == Code::Overflow => {}
                Err(status) => return Err(status),
            }
        }
        let mut room = REPLY_ROOM;
        values.iter().for_each(|value| body.extend_from_slice(value));
        loop {
            match send_indirectly(client, target, opcode, body.clone(), lent, room).await? {
                Ok(reply) => return Ok(Answer { opcode, bytes: AnswerBytes::Memory(reply) }),
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

/// Whether a request may change something.
fn changes(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::Update | Opcode::Punch | Opcode::FetchThenPunch | Opcode::FetchThenMove | Opcode::TransactionCommit
    )
}

/// Why a shard that has no target in use cannot be reached. Upstream answers so when more has failed than a container's redundancy
/// covers.
fn gone(object: ObjectId, route: &Route, position: u32) -> Status {
    let (rank, index) = route.name(position).unwrap_or_default();
    let sentence = format!(
        "rank {} is out of use, and its target {} holds this part of object {object}, which has no redundancy; 'dmg system query' \
         shows the ranks",
        rank.0, index.0
    );
    Status::new(Code::Rf, sentence)
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
    let checksum = crc32c(&body);
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
        request: IndirectRequest::Memory((vec![Blob(body_exposed.descriptor().encode().to_vec())], checksum)),
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
        IndirectReply::Memory((length, checksum)) if length <= room => {
            reply.truncate(length as usize);
            if crc32c(&reply) != checksum {
                fail!(Code::Csum, "a reply of {length} bytes was damaged on its way");
            }
            Ok(Ok(reply))
        }
        IndirectReply::Memory((length, _)) => fail!(Code::Proto, "a reply of {length} bytes was said to be in {room}"),
        IndirectReply::TooLong(length) => Ok(Err(length)),
    }
}
