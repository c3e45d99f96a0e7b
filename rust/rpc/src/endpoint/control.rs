//! What endpoints tell each other about calls.
//!
//! A fabric may lose messages when a connection ends, without saying so. A caller therefore asks for calls that take long,
//! and the server answers: with the reply once more, when it has it; that the request never came, and can be sent again; or that it does not
//! know, and the request must not be sent again unless it may be carried out twice (`docs/calls.md`). A caller that gave up a call whose memory
//! it takes back says so, since a server that accesses memory which is not lent any more loses, on many fabrics, the connection and everything
//! that is under way on it.
//!
//! The body of such a frame is a list of call ids, 8 bytes each, little-endian. The token of a question is the one that the calls were sent with.

use super::history::Found;
use super::inner::Inner;
use super::peers::Peer;
use super::waits::Answer;
use crate::frame::{Frame, Head, Kind};
use crate::{Address, Parts};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

/// Ids in one frame.
const IDS_MAX: usize = 1024;

const ID_LENGTH: usize = size_of::<u64>();

/// Tells a peer something about calls. What gets lost is said again, or was not needed.
pub(super) fn tell(inner: &Inner, peer: &Address, kind: Kind, token: u64, calls: &[u64]) {
    for calls in calls.chunks(IDS_MAX) {
        let body: Vec<u8> = calls.iter().flat_map(|call| call.to_le_bytes()).collect();
        let head = Head { token, ..Head::of(kind) };
        let sent =
            inner.peer(peer).and_then(|(_, index)| inner.transmit(index, inner.frame(index, &head, Parts::one(&body))));
        if let Err(status) = sent {
            daos_env::log!(Debug, "rpc", "{}: could not tell {peer} about calls: {status}", inner.address);
        }
    }
}

/// Takes a frame about calls.
pub(super) fn receive(inner: &Rc<Inner>, frame: &Frame) {
    let calls = || frame.body().chunks_exact(ID_LENGTH).take(IDS_MAX).filter_map(id);
    match frame.head.kind {
        Kind::Abandoned => {
            if let Some(peer) = inner.known_peer(frame.source()) {
                peer.history.borrow().abandon(calls());
            }
        }
        Kind::Asked => answer_question(inner, frame, calls()),
        Kind::Unknown => calls().for_each(|call| {
            // Its memory stays lent: it is sent again, or fails.
            inner.waits.answer(call, Answer::NeverCame);
        }),
        Kind::Forgotten => calls().for_each(|call| {
            inner.waits.answer(call, Answer::Forgotten);
        }),
        _ => {}
    }
}

/// Says what there is of calls that their caller asks for.
fn answer_question(inner: &Rc<Inner>, frame: &Frame, calls: impl Iterator<Item = u64>) {
    let Ok(address) = Address::parse(frame.source()) else { return };
    let Ok((peer, index)) = inner.peer(&address) else { return };
    let (mut unknown, mut forgotten) = (Vec::new(), Vec::new());
    for call in calls {
        let found = peer.history.borrow().find(call, frame.head.token);
        match found {
            Found::Served => {}
            Found::Answered(answer) => inner.send_answer_again(&address, index, answer),
            Found::Unknown => unknown.push(call),
            Found::Forgotten => forgotten.push(call),
        }
    }
    let token = peer.history.borrow().token();
    tell(inner, &address, Kind::Unknown, token, &unknown);
    tell(inner, &address, Kind::Forgotten, token, &forgotten);
}

/// Asks for the calls that have waited for so long; those to all peers, or to one. Gives who was asked.
pub(super) fn ask(inner: &Inner, age: Duration, peer: Option<&Address>) -> BTreeSet<Address> {
    let mut asked = BTreeSet::new();
    for ((peer, token), calls) in inner.waits.older_than(inner.now(), age, peer) {
        tell(inner, &peer, Kind::Asked, token, &calls);
        asked.insert(peer);
    }
    asked
}

/// Asks a peer for the calls whose numbers are below this one.
pub(super) fn ask_below(inner: &Inner, peer: &Peer, limit: u64) {
    for (token, calls) in inner.waits.below(peer, limit) {
        tell(inner, &peer.address, Kind::Asked, token, &calls);
    }
}

fn id(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}
