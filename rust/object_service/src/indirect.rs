//! Requests and replies that do not fit a message: they lie in memory that the client exposed.

use crate::body::Body;
use crate::remote_memory::RemoteMemory;
use crate::service::ObjectService;
use daos_checksum::crc32c;
use daos_env::IoBuffer;
use daos_rpc::{Parts, Request};
use daos_status::{Code, Result, fail};
use daos_wire::{Blob, INDIRECT_BYTES_MAX, Indirect, IndirectReply, IndirectRequest, Opcode, decode, encode};

/// The longest reply that is sent in the message after all.
const INLINE_REPLY_MAX: usize = 64 * 1024;

impl ObjectService {
    pub(crate) async fn indirect(&self, body: &[u8], request: &Request) -> Result<Vec<u8>> {
        let indirect: Indirect = decode(body)?;
        let opcode = match Opcode::from_number(indirect.opcode) {
            Some(opcode) if ObjectService::serves(opcode) && opcode != Opcode::Indirect => opcode,
            _ => fail!(Code::Proto, "operation {:#x} cannot be asked for indirectly", indirect.opcode),
        };
        let room = RemoteMemory::parse(&indirect.reply)?;
        if room.length() > INDIRECT_BYTES_MAX {
            fail!(Code::Inval, "a reply may have {INDIRECT_BYTES_MAX} bytes, not {}", room.length());
        }
        let (memory, inline) = match indirect.request {
            IndirectRequest::Inline(bytes) => (None, bytes.0),
            IndirectRequest::Memory((descriptors, checksum)) => {
                (Some((RemoteMemory::parse(&descriptors)?, checksum)), Vec::new())
            }
        };
        let length = memory.as_ref().map_or(0, |(memory, _)| memory.length());
        if length > INDIRECT_BYTES_MAX {
            fail!(Code::Inval, "a request may have {INDIRECT_BYTES_MAX} bytes, not {length}");
        }
        let _permit = self.take_indirect(length + room.length()).await?;
        let reply = match memory {
            None => self.execute(opcode, Body::Message(inline, 0), request).await?,
            Some((memory, checksum)) => {
                let body = memory.pull(request, 0, memory.length() as usize).await?;
                if crc32c(&body) != checksum {
                    fail!(Code::Csum, "a request of {length} bytes was damaged on its way");
                }
                self.execute(opcode, Body::Buffer(body), request).await?
            }
        };
        // Before anything is waited for: values may be views of the store.
        let reply = Parts { first: &reply.bytes, rest: &reply.values() }.behind(&[]);
        let length = reply.len() as u64;
        if reply.len() <= INLINE_REPLY_MAX {
            return Ok(encode(&IndirectReply::Inline(Blob(reply))));
        }
        if length > room.length() {
            return Ok(encode(&IndirectReply::TooLong(length)));
        }
        room.push(request, 0, IoBuffer::copy_of(&reply)).await?;
        Ok(encode(&IndirectReply::Memory((length, crc32c(&reply)))))
    }
}
