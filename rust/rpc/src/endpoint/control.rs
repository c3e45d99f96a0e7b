//! What endpoints tell each other about calls.
//!
//! A fabric may lose messages when a connection ends, without saying so. A caller therefore asks for calls that take long,
//! and the server says which of them it does not have: their request or their reply was lost, and they fail at once rather
//! than at their time-out. A caller that gave up a call whose memory it takes back says so, since a server that accesses
//! memory which is not lent any more loses, on many fabrics, the connection and everything that is under way on it.
//!
//! The body of such a frame is a list of call ids, 8 bytes each, little-endian.

use super::inner::Inner;
use crate::Address;
use crate::frame::{Frame, Head, Kind, encode};
use daos_status::{Code, Status};
use std::rc::Rc;

/// Ids in one frame.
const IDS_MAX: usize = 1024;

const ID_LENGTH: usize = size_of::<u64>();

/// Tells a peer something about calls. What gets lost is said again, or was not needed.
pub(super) fn tell(inner: &Inner, peer: &Address, kind: Kind, calls: &[u64]) {
    for calls in calls.chunks(IDS_MAX) {
        let body: Vec<u8> = calls.iter().flat_map(|call| call.to_le_bytes()).collect();
        let head = Head { kind, opcode: 0, call_id: 0, session: 0, status: 0 };
        let frame = encode(&head, inner.address.as_str(), &body);
        let sent = inner.peer(peer).and_then(|(index, _)| inner.transport.send(index, frame));
        if let Err(status) = sent {
            daos_env::log!(Debug, "rpc", "{}: could not tell {peer} about calls: {status}", inner.address);
        }
    }
}

/// Takes a frame about calls.
pub(super) fn receive(inner: &Rc<Inner>, frame: &Frame) {
    let calls = || frame.body().chunks_exact(ID_LENGTH).take(IDS_MAX).filter_map(id);
    match frame.head.kind {
        Kind::Abandoned => inner.served.abandon(frame.source(), calls()),
        Kind::Asked => {
            let unknown: Vec<u64> = calls().filter(|call| !inner.served.contains(*call)).collect();
            if let (false, Ok(peer)) = (unknown.is_empty(), Address::parse(frame.source())) {
                tell(inner, &peer, Kind::Unknown, &unknown);
            }
        }
        Kind::Unknown => {
            for call in calls() {
                let sentence = "the request or its reply was lost with a connection";
                inner.ended_without_reply(inner.waits.fail_reply(call, Status::new(Code::Hg, sentence)));
            }
        }
        Kind::Request | Kind::Reply => {}
    }
}

/// Asks for the calls that take long.
pub(super) fn ask(inner: &Inner) {
    for (peer, calls) in inner.waits.older_than(inner.now(), inner.settings.ask_interval) {
        tell(inner, &peer, Kind::Asked, &calls);
    }
}

fn id(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}
