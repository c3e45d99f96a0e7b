//! What is not allowed, and who is told how.

use crate::harness::*;
use daos_client::{AkeyUpdate, Conditions, Object, ObjectFlags, Source, UpdateValue};
use daos_status::Code;
use daos_types::{Epoch, ObjectClass, ObjectId, ObjectType};

const HASHED: ObjectType = ObjectType::MULTI_HASHED;

#[test]
fn who_opened_for_reading_does_not_write() {
    let rig = Rig::inside();
    let container = rig.read_only();
    let id = ObjectId::generate(ObjectId { hi: 0, lo: 1 }, HASHED, ObjectClass::S1);
    // What may not be written is refused when it is written (upstream's rule), not when it is opened.
    let bold = Object::open(&container, id, ObjectFlags::READ_WRITE).unwrap();
    let object = Object::open(&container, id, ObjectFlags::READ_ONLY).unwrap();
    let writer = rig.object(1, HASHED, ObjectClass::S1);
    rig.run(move |client| async move {
        update(&client, &writer, "d", vec![single("a", b"v")]).await.unwrap();
        for object in [&bold, &object] {
            assert_eq!(code(update(&client, object, "d", vec![single("a", b"w")]).await), Some(Code::NoPerm));
            assert_eq!(code(object.punch(&client, Conditions::NONE).await), Some(Code::NoPerm));
        }
        assert_eq!(fetch(&client, &object, "d", fetch_single("a", Some(9))).await.unwrap().bytes, b"v");
    });
}

#[test]
fn closed_handles_are_refused() {
    let rig = Rig::inside();
    let object = rig.object(1, HASHED, ObjectClass::S2);
    let container = rig.container.clone();
    let shown = rig.run(move |client| async move {
        update(&client, &object, "d", vec![single("a", b"v")]).await.unwrap();
        container.close(&client).await.unwrap();
        assert_eq!(code(container.close(&client).await), Some(Code::NoHdl));
        update(&client, &object, "d", vec![single("a", b"v")]).await.unwrap_err()
    });
    assert_eq!(shown.code(), Code::NoHdl);
    assert!(shown.to_string().contains("container"), "{shown}");
}

#[test]
fn nonsense_is_refused_before_it_is_sent() {
    let rig = Rig::inside();
    let open = |kind, class| {
        let id = ObjectId::generate(ObjectId { hi: 0, lo: 1 }, kind, class);
        code(Object::open(&rig.container, id, ObjectFlags::READ_WRITE))
    };
    assert_eq!(open(HASHED, ObjectClass(0)), Some(Code::Inval));
    assert_eq!(open(ObjectType(15), ObjectClass::S1), Some(Code::Inval));
    assert_eq!(open(HASHED, ObjectClass::from_name("RP_2G1").unwrap()), Some(Code::Notsupported));
    let object = rig.object(1, HASHED, ObjectClass::S1);
    let integers = rig.object(2, ObjectType(4), ObjectClass::S1);
    rig.run(move |client| async move {
        let write = async |object: &Object, value| {
            code(update(&client, object, "d", vec![AkeyUpdate { akey: key("a"), value }]).await)
        };
        let array = |record_size, extents, length| UpdateValue::Array {
            record_size,
            extents,
            source: Source::Owned(vec![0; length]),
        };
        assert_eq!(write(&object, array(0, vec![extent(0, 1)], 0)).await, Some(Code::IoInval));
        assert_eq!(write(&object, array(1, vec![], 0)).await, Some(Code::IoInval));
        assert_eq!(write(&object, array(2, vec![extent(0, 2)], 3)).await, Some(Code::IoInval));
        assert_eq!(write(&object, array(u64::MAX, vec![extent(0, 2)], 3)).await, Some(Code::IoInval));
        assert_eq!(write(&object, array(1, vec![extent(0, 1 << 63)], 3)).await, Some(Code::IoInval));
        assert_eq!(write(&object, UpdateValue::PunchExtents(vec![])).await, Some(Code::IoInval));
        assert_eq!(code(update(&client, &object, "d", vec![]).await), Some(Code::Inval));
        assert_eq!(write(&integers, UpdateValue::Single(Source::Owned(vec![1]))).await, Some(Code::Inval));
        let wanted = fetch_array("a", vec![extent(0, u64::MAX)], Some(u64::MAX));
        let found = object.fetch(&client, Epoch::MAX, Conditions::NONE, key("d"), vec![wanted]).await.unwrap();
        assert_eq!(found[0].size, 0);
        // An akey stays what it was first.
        assert_eq!(write(&object, UpdateValue::Single(Source::Owned(vec![1]))).await, None);
        assert!(write(&object, array(1, vec![extent(0, 1)], 1)).await.is_some());
        // Fetched as something else, it is missing, as upstream has it.
        let wanted = fetch_array("a", vec![extent(0, 1)], Some(1));
        let found = object.fetch(&client, Epoch::MAX, Conditions::NONE, key("d"), vec![wanted]).await.unwrap();
        assert_eq!(found[0].size, 0);
    });
}
