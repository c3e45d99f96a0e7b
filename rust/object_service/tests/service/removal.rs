//! A punch of a name after a look at what it names, with what it names.

use crate::harness::*;
use daos_status::Code;
use daos_types::{Epoch, ObjectClass, ObjectId, ObjectType};
use daos_wire::*;

/// Where the identifier stands in the value, behind four bytes that say what it is.
const AT: u32 = 4;
const FILE: u32 = 0x8000;

fn file() -> ObjectId {
    ObjectId::generate(ObjectId { hi: 0, lo: 77 }, ObjectType::ARRAY_BYTE, ObjectClass::S1)
}

async fn put(bench: &Bench, akey: &str, value: Vec<u8>) {
    let akeys = vec![akey_update(akey, array(1, vec![extent(0, value.len() as u64)]))];
    bench.update(&update_of(akeys, Payload::Inline(Blob(value)))).await.unwrap();
}

async fn put_name(bench: &Bench, kind: u32, object: ObjectId) -> Vec<u8> {
    let value = [&kind.to_le_bytes()[..], &object.lo.to_le_bytes(), &object.hi.to_le_bytes()].concat();
    put(bench, "a", value.clone()).await;
    value
}

/// The object has content.
async fn put_content(bench: &Bench, object: ObjectId) {
    let akeys = vec![akey_update("0", array(1, vec![extent(5, 6)]))];
    let mut update = update_of(akeys, Payload::Inline(Blob(vec![1; 6])));
    (update.address.object, update.dkey) = (object, daos_types::Key::from_u64(3));
    let _written: Epoch = bench.call(Opcode::Update, &update).await.unwrap();
}

async fn has_content(bench: &Bench, object: ObjectId) -> bool {
    let address = ObjectAddress { object, ..address(WRITER) };
    let list = ListKeys { address, epoch: Epoch::MAX, dkey: None, anchor: Blob(vec![]), count: 9, bytes: 99 };
    let listed: ListKeysReply = bench.call(Opcode::ListKeys, &list).await.unwrap();
    !listed.keys.is_empty()
}

fn request(sequence: u64, with_object: bool) -> FetchThenPunch {
    let whole = FetchKind::Array(vec![extent(0, 40)]);
    let fetch = fetch_of(vec![akey_fetch("a", whole.clone(), Some(40)), akey_fetch("trace", whole, Some(40))], vec![]);
    FetchThenPunch {
        fetch: Fetch { address: address(WRITER), ..fetch },
        name: ChangeName { client: 5, sequence, is_repeat: false },
        only_if: BytesAre { at: 0, mask: FILE, value: FILE },
        without: vec![1],
        at: AT,
        object_if: with_object.then_some(BytesAre { at: 0, mask: 0xf000, value: FILE }),
        only_object: None,
    }
}

async fn ask(bench: &Bench, request: &FetchThenPunch) -> daos_status::Result<FetchThenPunchReply> {
    bench.call(Opcode::FetchThenPunch, request).await
}

#[test]
fn a_name_goes_alone_or_with_what_it_names() {
    with_service(|bench| async move {
        put_content(&bench, file()).await;
        let value = put_name(&bench, FILE | 0o644, file()).await;
        let reply = ask(&bench, &request(1, false)).await.unwrap();
        assert_eq!((&reply.fetched.inline.0, reply.with_object), (&value, false));
        assert!(reply.punched.is_some() && has_content(&bench, file()).await);

        let nothing = ask(&bench, &request(2, true)).await.unwrap();
        assert_eq!((nothing.punched, nothing.fetched.akeys[0].size), (None, 0), "it is gone");

        put_name(&bench, FILE | 0o644, file()).await;
        let other = FetchThenPunch { only_object: Some(address(WRITER).object), ..request(3, true) };
        let reply = ask(&bench, &other).await.unwrap();
        assert_eq!((reply.punched.is_some(), reply.with_object), (true, false), "it names another object");
        assert!(has_content(&bench, file()).await);

        put_name(&bench, FILE | 0o644, file()).await;
        let this = FetchThenPunch { only_object: Some(file()), ..request(4, true) };
        let reply = ask(&bench, &this).await.unwrap();
        assert_eq!((&reply.fetched.inline.0, reply.with_object), (&value, true));
        assert!(!has_content(&bench, file()).await);
    });
}

#[test]
fn what_is_not_as_it_must_be_stays() {
    with_service(|bench| async move {
        put_content(&bench, file()).await;
        let stays = async |request: FetchThenPunch| {
            let reply = ask(&bench, &request).await.unwrap();
            assert_eq!((reply.punched, reply.with_object), (None, false));
            assert_ne!(reply.fetched.akeys[0].size, 0, "it is still told");
            assert!(has_content(&bench, file()).await);
        };
        put_name(&bench, 0x4000, file()).await;
        stays(request(1, true)).await;
        put_name(&bench, FILE, file()).await;
        for at in [21, u32::MAX] {
            stays(FetchThenPunch { at, ..request(2, true) }).await;
            stays(FetchThenPunch { only_if: BytesAre { at, mask: 0, value: 0 }, ..request(3, true) }).await;
        }
        stays(FetchThenPunch { without: vec![2], ..request(4, true) }).await;
        put(&bench, "trace", vec![1]).await;
        stays(request(5, true)).await;
        let fetch = Fetch { epoch: Epoch(1), ..request(6, true).fetch };
        let refused = ask(&bench, &FetchThenPunch { fetch, ..request(6, true) }).await;
        assert_eq!(refused.unwrap_err().code(), Code::Inval, "an old version");
        let mut reader = request(7, true);
        reader.fetch.address = address(READER);
        assert_eq!(ask(&bench, &reader).await.unwrap_err().code(), Code::NoPerm);
    });
}

/// A reply that is lost must not make the removal fail, nor take a name away that came after it.
#[test]
fn what_is_asked_for_again_is_done_once() {
    with_service(|bench| async move {
        bench.store.remember_changes().await.unwrap();
        put_content(&bench, file()).await;
        let value = put_name(&bench, FILE, file()).await;
        let asked = request(1, true);
        let first = ask(&bench, &asked).await.unwrap();
        assert!(first.with_object);
        put_name(&bench, FILE | 1, file()).await;
        put_content(&bench, file()).await;
        let again = FetchThenPunch { name: ChangeName { is_repeat: true, ..asked.name }, ..asked };
        let second = ask(&bench, &again).await.unwrap();
        assert_eq!((second.punched, second.with_object), (first.punched, true));
        assert_eq!(second.fetched.inline.0, value);
        assert!(has_content(&bench, file()).await, "what came later stays");

        // It once failed with DER_EP_OLD when the container had been aggregated meanwhile, although it was done.
        bench.store.aggregate(CONTAINER, first.punched.unwrap()).await.unwrap();
        let third = ask(&bench, &again).await.unwrap();
        assert_eq!((third.punched, third.fetched.akeys.len()), (first.punched, 0));
    });
}
