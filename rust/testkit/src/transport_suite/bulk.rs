//! Bulk data that the server moves.

use super::{PATIENCE, Site, pattern};
use daos_env::IoBuffer;
use daos_env::sync::join_all;
use daos_rpc::{Access, BulkDescriptor, Endpoint, Request};
use daos_status::{Code, Result};
use std::ptr::NonNull;

const PULL: u16 = 1;
const PUSH: u16 = 2;

/// A server that moves as much data as the body says (descriptor, offset, length), and answers a pull with what it got.
/// More than fits a reply comes back as its length and last byte.
fn mover(site: &Site) -> Endpoint {
    let server = site.endpoint();
    let spawner = site.spawner();
    server.serve(move |request| {
        spawner.spawn(async move {
            let result = move_bytes(&request).await;
            request.reply(result);
        });
    });
    server
}

async fn move_bytes(request: &Request) -> Result<Vec<u8>> {
    let (descriptor, rest) = request.body().split_at(BulkDescriptor::ENCODED_LENGTH);
    let descriptor = BulkDescriptor::decode(descriptor)?;
    let number = |at: usize| u64::from_le_bytes(rest[at..at + 8].try_into().expect("eight bytes"));
    let (offset, length) = (number(0), number(8) as usize);
    if request.opcode() == PULL {
        let (buffer, result) = request.pull(&descriptor, offset, IoBuffer::zeroed(length)).await;
        assert_eq!(buffer.len(), length);
        result?;
        let expected = &pattern(offset as usize + length, 5)[offset as usize..];
        assert!(*buffer == *expected, "{length} bytes at {offset} came over changed");
        return Ok(Vec::new());
    }
    let (buffer, result) = request.push(&descriptor, offset, IoBuffer::copy_of(&pattern(length, 9))).await;
    assert_eq!(buffer.len(), length);
    result.map(|()| Vec::new())
}

fn body(descriptor: BulkDescriptor, offset: u64, length: u64) -> Vec<u8> {
    [&descriptor.encode()[..], &offset.to_le_bytes(), &length.to_le_bytes()].concat()
}

/// Asks the server to move bytes of `memory`.
async fn ask(
    client: &Endpoint,
    server: &Endpoint,
    opcode: u16,
    memory: &mut [u8],
    access: Access,
    range: (u64, u64),
) -> Result<()> {
    // SAFETY: the memory is borrowed until the call has ended and the registration is dropped, and not touched here.
    let exposed = unsafe { client.expose(NonNull::from(&mut *memory).cast(), memory.len(), access)? };
    assert_eq!(exposed.descriptor().length(), memory.len() as u64);
    let body = body(exposed.descriptor(), range.0, range.1);
    client.call_lending(server.address(), opcode, body, [&exposed], PATIENCE).await.map(|_| ())
}

pub(super) async fn pull_and_push_move_every_size(site: Site) {
    let (client, server) = (site.endpoint(), mover(&site));
    for size in [0, 1, 100, 4096, 65_537, 1 << 20, (5 << 20) + 3] {
        let mut memory = pattern(size, 5);
        ask(&client, &server, PULL, &mut memory, Access::Read, (0, size as u64)).await.unwrap();
        assert!(memory == pattern(size, 5), "pulling changed the memory");
        ask(&client, &server, PUSH, &mut memory, Access::Write, (0, size as u64)).await.unwrap();
        assert!(memory == pattern(size, 9), "{size} bytes were pushed wrong");
    }
}

pub(super) async fn offsets_are_respected(site: Site) {
    let (client, server) = (site.endpoint(), mover(&site));
    for (offset, length) in [(1, 1), (4095, 2), (100_000, 0), (99_000, 1000), (3, 90_001)] {
        let mut memory = pattern(100_000, 5);
        ask(&client, &server, PULL, &mut memory, Access::ReadWrite, (offset, length)).await.unwrap();
        ask(&client, &server, PUSH, &mut memory, Access::ReadWrite, (offset, length)).await.unwrap();
        let (start, end) = (offset as usize, (offset + length) as usize);
        let untouched = pattern(100_000, 5);
        assert!(memory[start..end] == pattern(end - start, 9));
        assert!(memory[..start] == untouched[..start] && memory[end..] == untouched[end..]);
    }
}

pub(super) async fn many_transfers_at_once(site: Site) {
    let (client, server) = (site.endpoint(), mover(&site));
    let calls = (0..64u64).map(|number| {
        let (client, server) = (client.clone(), server.clone());
        async move {
            let mut memory = pattern(20_000, 5);
            let opcode = if number % 2 == 0 { PULL } else { PUSH };
            ask(&client, &server, opcode, &mut memory, Access::ReadWrite, (number, 19_000)).await.unwrap();
            if opcode == PUSH {
                let start = number as usize;
                assert!(memory[start..start + 19_000] == pattern(19_000, 9), "transfer {number} is wrong");
            }
        }
    });
    join_all(calls).await;
}

pub(super) async fn ranges_and_access_are_checked(site: Site) {
    let (client, server) = (site.endpoint(), mover(&site));
    let mut memory = pattern(1000, 5);
    for (opcode, access, range, code) in [
        (PULL, Access::Read, (1, 1000), Code::Overflow),
        (PULL, Access::Read, (u64::MAX, 2), Code::Overflow),
        (PUSH, Access::Write, (1001, 0), Code::Overflow),
        (PULL, Access::Write, (0, 1000), Code::NoPerm),
        (PUSH, Access::Read, (0, 1000), Code::NoPerm),
    ] {
        let error = ask(&client, &server, opcode, &mut memory, access, range).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        let is_named = |way: daos_rpc::Address| error.context().contains(way.as_str());
        assert!(client.address().alternatives().any(is_named), "{error}");
    }
    assert!(memory == pattern(1000, 5));
    ask(&client, &server, PULL, &mut memory, Access::Read, (0, 1000)).await.unwrap();
}

pub(super) async fn memory_is_out_of_reach_after_its_registration(site: Site) {
    let (client, server) = (site.endpoint(), mover(&site));
    let mut memory = pattern(1000, 5);
    // SAFETY: not accessed before the registration ends.
    let exposed = unsafe { client.expose(NonNull::from(&mut memory[..]).cast(), 1000, Access::ReadWrite).unwrap() };
    let stale = exposed.descriptor();
    drop(exposed);
    for opcode in [PULL, PUSH] {
        let result = client.call(server.address(), opcode, body(stale, 0, 1000), PATIENCE).await;
        assert!(result.is_err(), "memory was reached that is not exposed any more");
    }
    assert!(memory == pattern(1000, 5));
    // The fabric may have ended the connection, which the next call must not notice for long.
    super::until_reached(&site, &client, server.address(), move |client, server| {
        Box::pin(async move {
            let mut memory = pattern(1000, 5);
            // SAFETY: not accessed before the call ended.
            let exposed = unsafe { client.expose(NonNull::from(&mut memory[..]).cast(), 1000, Access::Read)? };
            let body = body(exposed.descriptor(), 0, 1000);
            client.call_lending(&server, PULL, body, [&exposed], super::IMPATIENCE * 20).await.map(|_| ())
        })
    })
    .await;
}
