//! Lending the caller's memory to a target.

use crate::ScatterList;
use daos_rpc::{Access, Endpoint, Exposed};
use daos_status::{Code, Result, fail};
use daos_wire::{Blob, REGIONS_MAX};
use std::ops::Range;
use std::ptr::NonNull;

/// Pieces of at least so many bytes are lent as they are; the target moves each of them by a transfer of its own, which
/// costs more than copying a shorter one. Measured with gaps in memory, by turns: pieces of 2 to 16 KiB are written and read up to four
/// times as fast by a copy, those of 64 KiB are written as fast either way.
const DIRECT_BYTES_MIN: usize = 32 << 10;

/// A few pieces are lent as they are, however short.
const DIRECT_PIECES_MAX: usize = 2;

/// Memory that targets can reach until this is dropped. Dropping it makes sure that no target reaches it any more, also
/// when a call ended without a reply.
pub(super) struct Lent {
    // Before the memory that it exposes: fields are dropped in their order.
    exposed: Vec<Exposed>,
    staged: Vec<Staged>,
}

/// A copy of streams that follow each other and consist of many short pieces.
#[derive(Default)]
struct Staged {
    bytes: Vec<u8>,
    /// The streams, and where they lie in the copy.
    streams: Vec<(usize, Range<usize>)>,
}

impl Lent {
    /// Lends streams of bytes; targets see them one behind the other.
    pub fn new(endpoint: &Endpoint, streams: &[ScatterList], access: Access) -> Result<Lent> {
        let mut lent = Lent { exposed: Vec::new(), staged: Vec::new() };
        // Between two streams that are lent as they are, there is at most one copy.
        let regions: usize = streams.iter().filter(|stream| is_direct(stream)).map(|s| s.pieces().len() + 1).sum();
        let direct = |stream: &ScatterList| regions < REGIONS_MAX && is_direct(stream);
        let mut number = 0;
        while number < streams.len() {
            if direct(&streams[number]) {
                for &(address, length) in streams[number].pieces().iter().filter(|piece| piece.1 > 0) {
                    lent.expose(endpoint, address, length, access)?;
                }
                number += 1;
                continue;
            }
            let end = (number..streams.len()).find(|next| direct(&streams[*next])).unwrap_or(streams.len());
            let mut staged = stage(streams, number..end)?;
            if access.may_read() {
                for (stream, range) in &staged.streams {
                    streams[*stream].read_at(0, &mut staged.bytes[range.clone()]);
                }
            }
            // Moving the vector does not move its bytes.
            let (address, length) = (staged.bytes.as_mut_ptr(), staged.bytes.len());
            lent.staged.push(staged);
            lent.expose(endpoint, address, length, access)?;
            number = end;
        }
        Ok(lent)
    }

    fn expose(&mut self, endpoint: &Endpoint, address: *mut u8, length: usize, access: Access) -> Result<()> {
        let Some(memory) = NonNull::new(address) else {
            fail!(Code::Inval, "a buffer of {length} bytes is NULL");
        };
        // SAFETY: the memory is a piece of a scatter list, whose maker promised that it stays valid and untouched until the
        // operation has ended, or it is a copy here; the operation ends after this value is dropped, which ends the exposure.
        let exposed = unsafe { endpoint.expose(memory, length, access)? };
        self.exposed.push(exposed);
        Ok(())
    }

    /// What is lent.
    pub fn exposed(&self) -> &[Exposed] {
        &self.exposed
    }

    /// What a request names the memory by.
    pub fn descriptors(&self) -> Vec<Blob> {
        self.exposed.iter().map(|exposed| Blob(exposed.descriptor().encode().to_vec())).collect()
    }

    /// Ends the exposure, and shows the copies of streams that targets have written to.
    pub fn end(self, mut visit: impl FnMut(usize, &[u8])) {
        drop(self.exposed);
        for staged in &self.staged {
            for (stream, range) in &staged.streams {
                visit(*stream, &staged.bytes[range.clone()]);
            }
        }
    }
}

fn is_direct(stream: &ScatterList) -> bool {
    let pieces = || stream.pieces().iter().filter(|piece| piece.1 > 0);
    pieces().count() <= DIRECT_PIECES_MAX || pieces().all(|piece| piece.1 >= DIRECT_BYTES_MIN)
}

/// Room for a copy of some streams.
fn stage(streams: &[ScatterList], numbers: Range<usize>) -> Result<Staged> {
    let mut staged = Staged::default();
    let mut end = 0usize;
    for number in numbers {
        let start = end;
        let length = streams[number].total_length().and_then(|length| usize::try_from(length).ok());
        end = match length.and_then(|length| start.checked_add(length)) {
            Some(end) => end,
            None => fail!(Code::Nomem, "the caller's buffers exceed the address space"),
        };
        staged.streams.push((number, start..end));
    }
    if staged.bytes.try_reserve_exact(end).is_err() {
        fail!(Code::Nomem, "no memory for a copy of {end} bytes of the caller's short buffers");
    }
    staged.bytes.resize(end, 0);
    Ok(staged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_env::{Env, Executor};
    use daos_rpc::EndpointSettings;
    use daos_rpc::in_process::InProcessNetwork;
    use std::time::Duration;

    fn endpoint(executor: &Executor) -> Endpoint {
        let transport = InProcessNetwork::new().open().unwrap();
        Endpoint::new(executor.spawner(), &*Env::system().random, transport, EndpointSettings::default())
    }

    fn list(memory: &mut [u8], piece: usize) -> ScatterList {
        let pieces = memory.chunks_mut(piece).map(|part| (part.as_mut_ptr(), part.len())).collect();
        // SAFETY: the tests keep the memory and do not touch it meanwhile.
        unsafe { ScatterList::new(pieces) }
    }

    #[test]
    fn long_pieces_are_lent_as_they_are_and_short_ones_as_one_copy() {
        let executor = Executor::new(Env::system().clock, Duration::ZERO).unwrap();
        let endpoint = endpoint(&executor);
        let mut memory = vec![7u8; 4 * DIRECT_BYTES_MIN + (32 << 10)];
        let (large, rest) = memory.split_at_mut(4 * DIRECT_BYTES_MIN);
        let (short, other) = rest.split_at_mut(16 << 10);
        let streams = [list(large, DIRECT_BYTES_MIN), list(short, 4096), list(other, 50), list(&mut [], 1)];
        let lent = Lent::new(&endpoint, &streams, Access::Read).unwrap();
        assert_eq!((lent.descriptors().len(), lent.staged.len()), (4 + 1, 1));
        let mut seen = Vec::new();
        lent.end(|stream, bytes| seen.push((stream, bytes.len(), bytes.iter().all(|byte| *byte == 7))));
        assert_eq!(seen, [(1, 16 << 10, true), (2, 16 << 10, true)]);
    }

    #[test]
    fn too_many_pieces_become_one_copy() {
        let executor = Executor::new(Env::system().clock, Duration::ZERO).unwrap();
        let endpoint = endpoint(&executor);
        let mut memory = vec![1u8; 3000];
        let streams: Vec<ScatterList> = memory.chunks_mut(1).map(|byte| list(byte, 1)).collect();
        let lent = Lent::new(&endpoint, &streams, Access::Read).unwrap();
        assert_eq!(lent.descriptors().len(), 1);
    }
}
