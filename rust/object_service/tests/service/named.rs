//! A fetch of what names an object, with a question about that.

use crate::harness::*;
use daos_status::Code;
use daos_types::{Epoch, Key, ObjectClass, ObjectId, ObjectType};
use daos_wire::*;

/// Where the identifier stands in the value.
const AT: u32 = 4;

fn names(object: ObjectId) -> Vec<u8> {
    [&[9; 4][..], &object.lo.to_le_bytes(), &object.hi.to_le_bytes(), &[9; 4]].concat()
}

async fn put(bench: &Bench, value: Vec<u8>) {
    let akeys = vec![akey_update("a", array(1, vec![extent(0, value.len() as u64)]))];
    bench.update(&update_of(akeys, Payload::Inline(Blob(value)))).await.unwrap();
}

async fn ask(bench: &Bench, kind: FetchKind, at: u32) -> daos_status::Result<FetchThenQueryReply> {
    let fetch = fetch_of(vec![akey_fetch("a", kind, Some(40))], vec![]);
    bench.call(Opcode::FetchThenQuery, &FetchThenQuery { fetch, at, akey: key("0") }).await
}

fn whole() -> FetchKind {
    FetchKind::Array(vec![extent(0, 40)])
}

#[test]
fn the_object_that_is_named_tells_its_end_and_its_newest_change() {
    with_service(|bench| async move {
        let file = ObjectId::generate(ObjectId { hi: 0, lo: 77 }, ObjectType::ARRAY_BYTE, ObjectClass::S1);
        put(&bench, names(file)).await;
        let reply = ask(&bench, whole(), AT).await.unwrap();
        assert_eq!(reply.fetched.inline.0, names(file));
        let nothing = QueryKeyReply { dkey: None, akey: None, extent: None, newest: Some(Epoch::ZERO) };
        assert_eq!(reply.found, Some(nothing), "it has no content yet");

        let akeys = vec![akey_update("0", array(1, vec![extent(5, 6)]))];
        let mut update = update_of(akeys, Payload::Inline(Blob(vec![1; 6])));
        (update.address.object, update.dkey) = (file, Key::from_u64(3));
        let written: Epoch = bench.call(Opcode::Update, &update).await.unwrap();
        let found = ask(&bench, whole(), AT).await.unwrap().found.unwrap();
        assert_eq!((found.dkey, found.extent, found.newest), (Some(3), Some(extent(5, 6)), Some(written)));

        // A directory has no greatest name, but a newest change.
        put(&bench, names(address(WRITER).object)).await;
        let found = ask(&bench, whole(), AT).await.unwrap().found.unwrap();
        assert!(found.newest > Some(written) && found.dkey.is_none() && found.extent.is_none());
    });
}

#[test]
fn what_names_no_object_is_read_all_the_same() {
    with_service(|bench| async move {
        assert_eq!(ask(&bench, whole(), AT).await.unwrap().found, None, "nothing is there");
        let value = names(ObjectId { hi: u64::MAX, lo: 1 });
        put(&bench, value.clone()).await;
        for at in [9, 24, u32::MAX] {
            let reply = ask(&bench, whole(), at).await.unwrap();
            assert_eq!((reply.fetched.inline.0, reply.found), (value.clone(), None), "at {at}");
        }
        let part = FetchKind::Array(vec![extent(0, 19), extent(20, 4)]);
        assert_eq!(ask(&bench, part, AT).await.unwrap().found, None, "the identifier is in two pieces");
        let hole = FetchKind::Array(vec![extent(30, 5), extent(0, 24)]);
        assert_eq!(ask(&bench, hole, AT).await.unwrap().found, None, "a hole comes first");
        let fetch = fetch_of(vec![akey_fetch("a", whole(), Some(40))], vec![Blob(vec![1])]);
        let request = FetchThenQuery { fetch, at: AT, akey: key("0") };
        let refused = bench.call::<FetchThenQueryReply>(Opcode::FetchThenQuery, &request).await;
        assert_eq!(refused.unwrap_err().code(), Code::Inval);
    });
}
