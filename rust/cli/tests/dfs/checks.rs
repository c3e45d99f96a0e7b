//! Looking for what no entry stands for.

use crate::harness::Rig;
use crate::make;
use daos_client::{AkeyUpdate, Conditions, Object, ObjectFlags, Source, UpdateValue};
use daos_dfs::{Finding, LeftOver, NewFile, OpenOptions};
use daos_types::{Key, ObjectClass, ObjectId, ObjectType};

/// Objects are looked for in parts when there are many. A part with more than are remembered was once taken for one that holds nothing: all of
/// its files would have been removed.
#[test]
fn files_stay_however_few_objects_are_remembered() {
    let rig = Rig::inside();
    let files = make(&rig, "files");
    rig.run(move |client| async move {
        let (client, root) = (&client, files.root());
        for number in 0..24 {
            let name = format!("f{number}").into_bytes();
            let file = files.open(client, &root, &name, OpenOptions::create(), NewFile::default()).await.unwrap();
            file.write(client, 0, name).await.unwrap();
        }
        // What a process leaves that is killed while it removes.
        let left = ObjectId::generate(ObjectId { hi: 77, lo: 77 }, ObjectType::ARRAY_BYTE, ObjectClass::S1);
        let object = Object::open(files.container(), left, ObjectFlags::READ_WRITE).unwrap();
        let value = UpdateValue::Single(Source::Owned(b"left".to_vec()));
        let update = vec![AkeyUpdate { akey: Key::new(b"k").unwrap(), value }];
        object.update(client, Conditions::NONE, Key::from_u64(1), update).await.unwrap();
        for remembered_max in [1, 3, 10, 1000] {
            let mut found = Vec::new();
            let report =
                files.check_within(client, LeftOver::Stays, false, remembered_max, |finding| found.push(finding));
            let report = report.await.unwrap();
            assert_eq!(found, [Finding::LeftOver(left)], "{remembered_max} remembered");
            assert_eq!((report.entries, report.left_over), (24, 1));
        }
        files.check_within(client, LeftOver::Goes, true, 3, drop).await.unwrap();
        let mut found = Vec::new();
        files.check(client, LeftOver::Stays, false, |finding| found.push(finding)).await.unwrap();
        assert_eq!(found, []);
        for number in 0..24 {
            let name = format!("f{number}").into_bytes();
            let file = files.open(client, &root, &name, OpenOptions::read(), NewFile::default()).await.unwrap();
            assert_eq!(file.read(client, 0, 100).await.unwrap(), name);
        }
    });
}
