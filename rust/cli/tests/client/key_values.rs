//! Key-values.

use crate::harness::*;
use daos_client::key_value::KeyValue;
use daos_client::{Anchor, Conditions, Destination, ListLimits, ObjectFlags, Source};
use daos_status::Code;
use daos_types::{Epoch, ObjectClass, ObjectId};
use std::collections::BTreeSet;

#[test]
fn values_are_put_read_listed_and_removed() {
    let rig = Rig::inside();
    let id = KeyValue::generate_id(ObjectId { hi: 0, lo: 1 }, ObjectClass::SX);
    let store = KeyValue::open(&rig.container, id, ObjectFlags::READ_WRITE).unwrap();
    rig.run(move |client| async move {
        let none = Conditions::NONE;
        for number in 0..200usize {
            let value = Source::Owned(pattern(number * 100, number as u64));
            store.put(&client, none, format!("key {number}").as_bytes(), value).await.unwrap();
        }
        for number in [1usize, 2, 170, 199] {
            let name = format!("key {number}");
            let got = store.get(&client, Epoch::MAX, none, name.as_bytes(), Destination::Owned(20_000)).await.unwrap();
            assert_eq!(got.bytes, pattern(number * 100, number as u64));
            assert_eq!(store.size(&client, Epoch::MAX, none, name.as_bytes()).await.unwrap(), number as u64 * 100);
        }
        let small = store.get(&client, Epoch::MAX, none, b"key 199", Destination::Owned(100)).await;
        assert_eq!(code(small), Some(Code::RecordTooBig));
        assert_eq!(store.size(&client, Epoch::MAX, none, b"nothing").await.unwrap(), 0);
        assert_eq!(
            code(store.size(&client, Epoch::MAX, Conditions::DKEY_FETCH, b"nothing").await),
            Some(Code::Nonexist)
        );
        let again = store.put(&client, Conditions::DKEY_INSERT, b"key 5", Source::Owned(vec![1])).await;
        assert_eq!(code(again), Some(Code::Exist));
        store.remove(&client, Conditions::PUNCH, b"key 5").await.unwrap();
        assert_eq!(code(store.remove(&client, Conditions::PUNCH, b"key 5").await), Some(Code::Nonexist));

        let (mut anchor, mut names) = (Anchor::default(), BTreeSet::new());
        while !anchor.end {
            let keys =
                store.list(&client, Epoch::MAX, &mut anchor, ListLimits { count: 11, bytes: 4096 }).await.unwrap();
            keys.iter().for_each(|key| assert!(names.insert(key.to_vec())));
        }
        assert_eq!(names.len(), 199);
        store.destroy(&client).await.unwrap();
        let mut anchor = Anchor::default();
        let left = store.list(&client, Epoch::MAX, &mut anchor, ListLimits { count: 11, bytes: 4096 }).await.unwrap();
        assert!(left.is_empty() && anchor.end);
    });
}
