//! Peers of releases that speak another version of the protocol: they are told, and what they say of it is heard.

use super::inner::Inner;
use crate::Parts;
use crate::frame::{Head, Kind, OtherVersion, source_of};
use daos_status::{Code, Status};
use daos_wire::header::version_sentence;
use std::rc::Rc;

/// Takes an undamaged frame of another version.
pub(super) fn receive(inner: &Rc<Inner>, other: &OtherVersion, bytes: &[u8]) {
    let Some(source) = source_of(bytes, other) else { return };
    if other.kind == Kind::Request.number() {
        let head = Head { call_id: other.call_id, ..Head::of(Kind::OtherVersion) };
        let sent = inner
            .peer(&source)
            .and_then(|(_, index)| inner.transmit(index, inner.frame(index, &head, Parts::one(&[]))));
        if let Err(status) = sent {
            daos_env::log!(Debug, "rpc", "{}: could not tell {source} about versions: {status}", inner.address);
        }
    } else if other.kind == Kind::OtherVersion.number() {
        let sentence = version_sentence("this side", &format!("the engine at {source}"), other.version);
        // It was not carried out, and nobody uses the memory that it lent.
        inner.waits.fail(other.call_id, Status::new(Code::Proto, sentence));
    }
}
