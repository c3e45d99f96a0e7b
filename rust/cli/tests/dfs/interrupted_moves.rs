//! Moves whose process ended between two of their steps: the entry is at one place, whichever step was the last, and nothing
//! is lost when somebody goes on.

use crate::errno;
use crate::harness::{Rig, key};
use crate::make;
use daos_client::{AkeyFetch, AkeyUpdate, Client, Conditions, Destination, FetchKind, Object, ObjectFlags, Source};
use daos_client::{PieceState, UpdateValue};
use daos_dfs::{Access, FileSystem, LeftOver, Listing, NewFile, Node, OpenOptions, Replace};
use daos_types::{Epoch, Extent, ObjectId};

const INODE_LENGTH: u64 = 88;

fn object(node: &Node) -> Object {
    Object::open(node.file_system().container(), node.id(), ObjectFlags::READ_WRITE).unwrap()
}

/// The trace that a move leaves: where it goes to, where it came from.
fn trace(to: Option<(ObjectId, &str)>, from: Option<(ObjectId, &str)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for place in [to, from] {
        let Some((id, name)) = place else {
            bytes.push(0);
            continue;
        };
        bytes.push(1);
        bytes.extend(id.lo.to_le_bytes());
        bytes.extend(id.hi.to_le_bytes());
        bytes.extend((name.len() as u16).to_le_bytes());
        bytes.extend(name.as_bytes());
    }
    bytes
}

async fn set_trace(client: &Client, directory: &Object, name: &str, bytes: Vec<u8>) {
    let value = UpdateValue::Single(Source::Owned(bytes));
    let update = AkeyUpdate { akey: key("DFS_MOVE"), value };
    directory.update(client, Conditions::DKEY_UPDATE, key(name), vec![update]).await.unwrap();
}

/// Writes the record of one entry under another name, as the second step of a move does.
async fn copy_record(client: &Client, (from, name): (&Object, &str), (to, new_name): (&Object, &str)) {
    let whole = || vec![Extent::new(0, INODE_LENGTH).unwrap()];
    let akey = AkeyFetch {
        akey: key("DFS_INODE"),
        kind: FetchKind::Array(whole()),
        destination: Some(Destination::Owned(INODE_LENGTH)),
    };
    let mut found = from.fetch(client, Epoch::MAX, Conditions::NONE, key(name), vec![akey]).await.unwrap().remove(0);
    // What is zero at the end of a new record is not stored.
    assert!(found.map.iter().any(|piece| piece.state == PieceState::Data));
    found.bytes.resize(INODE_LENGTH as usize, 0);
    let value = UpdateValue::Array { record_size: 1, extents: whole(), source: Source::Owned(found.bytes) };
    let update = AkeyUpdate { akey: key("DFS_INODE"), value };
    to.update(client, Conditions::NONE, key(new_name), vec![update]).await.unwrap();
}

async fn put(client: &Client, parent: &Node, name: &str, bytes: &[u8]) {
    let options = OpenOptions { exclusive: true, ..OpenOptions::create() };
    let new = NewFile { mode: 0o644, ..NewFile::default() };
    let file = parent.file_system().open(client, parent, name.as_bytes(), options, new).await.unwrap();
    file.write(client, 0, bytes.to_vec()).await.unwrap();
}

async fn get(client: &Client, file_system: &FileSystem, path: &str) -> Result<Vec<u8>, i32> {
    let node = file_system.lookup(client, path.as_bytes(), Access::ReadOnly, true).await;
    let node = node.map_err(|error| error.errno)?;
    node.read(client, 0, 100).await.map_err(|error| error.errno)
}

/// A file `old/a` whose move to `new/b` has come so far, and the two directories.
async fn interrupted(client: &Client, file_system: &FileSystem, step: u32) -> (Node, Node) {
    let root = file_system.root();
    let old = root.create_directories(client, b"old", 0o755, Default::default()).await.unwrap();
    let new = root.create_directories(client, b"new", 0o755, Default::default()).await.unwrap();
    put(client, &old, "a", b"content").await;
    set_trace(client, &object(&old), "a", trace(Some((new.id(), "b")), None)).await;
    if step == 2 {
        copy_record(client, (&object(&old), "a"), (&object(&new), "b")).await;
        set_trace(client, &object(&new), "b", trace(None, Some((old.id(), "a")))).await;
    }
    (old, new)
}

fn with_interrupted<F>(step: u32, then: impl FnOnce(Client, FileSystem, Node, Node) -> F + Send + 'static)
where
    F: Future<Output = ()> + 'static,
{
    let rig = Rig::inside();
    let file_system = make(&rig, "files");
    rig.run(move |client| async move {
        let (old, new) = interrupted(&client, &file_system, step).await;
        then(client, file_system, old, new).await;
    });
}

#[test]
fn after_the_first_step_it_has_not_moved() {
    with_interrupted(1, |client, files, old, new| async move {
        assert_eq!(get(&client, &files, "/old/a").await, Ok(b"content".to_vec()));
        assert_eq!(get(&client, &files, "/new/b").await, Err(libc::ENOENT));
        // Something else of the new name means nothing.
        put(&client, &new, "b", b"other").await;
        assert_eq!(get(&client, &files, "/old/a").await, Ok(b"content".to_vec()));
        // The move is made again, elsewhere, and the file removed.
        files.rename(&client, (&old, b"a"), (&new, b"c"), Replace::Allowed).await.unwrap();
        assert_eq!(get(&client, &files, "/new/c").await, Ok(b"content".to_vec()));
        assert_eq!(get(&client, &files, "/old/a").await, Err(libc::ENOENT));
        files.remove(&client, &new, b"c", false).await.unwrap();
        assert_eq!(get(&client, &files, "/new/b").await, Ok(b"other".to_vec()));
    });
}

#[test]
fn after_the_second_step_it_has_moved() {
    with_interrupted(2, |client, files, old, _new| async move {
        assert_eq!(get(&client, &files, "/old/a").await, Err(libc::ENOENT));
        assert_eq!(get(&client, &files, "/new/b").await, Ok(b"content".to_vec()));
        assert_eq!(errno(files.status(&client, &old, b"a").await), Some(libc::ENOENT));
        assert_eq!(errno(files.remove(&client, &old, b"a", false).await), Some(libc::ENOENT));
        // What was left behind did not take the content with it.
        assert_eq!(get(&client, &files, "/new/b").await, Ok(b"content".to_vec()));
        assert!(old.is_empty(&client).await.unwrap());
    });
}

#[test]
fn a_remainder_is_no_obstacle_to_its_name() {
    with_interrupted(2, |client, files, old, new| async move {
        put(&client, &old, "a", b"new of the name").await;
        assert_eq!(get(&client, &files, "/old/a").await, Ok(b"new of the name".to_vec()));
        assert_eq!(get(&client, &files, "/new/b").await, Ok(b"content".to_vec()));
        files.rename(&client, (&new, b"b"), (&old, b"a"), Replace::Allowed).await.unwrap();
        assert_eq!(get(&client, &files, "/old/a").await, Ok(b"content".to_vec()));
    });
}

#[test]
fn a_remainder_does_not_come_back_when_the_moved_entry_goes() {
    with_interrupted(2, |client, files, _old, new| async move {
        files.remove(&client, &new, b"b", false).await.unwrap();
        assert_eq!(get(&client, &files, "/old/a").await, Err(libc::ENOENT));
    });
    with_interrupted(2, |client, files, _old, new| async move {
        files.rename(&client, (&new, b"b"), (&new, b"c"), Replace::Allowed).await.unwrap();
        assert_eq!(get(&client, &files, "/old/a").await, Err(libc::ENOENT));
        assert_eq!(get(&client, &files, "/new/c").await, Ok(b"content".to_vec()));
    });
    with_interrupted(2, |client, files, _old, new| async move {
        put(&client, &new, "x", b"over it").await;
        files.rename(&client, (&new, b"x"), (&new, b"b"), Replace::Allowed).await.unwrap();
        assert_eq!(get(&client, &files, "/old/a").await, Err(libc::ENOENT));
        assert_eq!(get(&client, &files, "/new/b").await, Ok(b"over it".to_vec()));
    });
}

#[test]
fn a_directory_with_a_remainder_is_empty() {
    with_interrupted(2, |client, files, _old, _new| async move {
        let root = files.root();
        files.remove(&client, &root, b"old", false).await.unwrap();
        assert_eq!(get(&client, &files, "/new/b").await, Ok(b"content".to_vec()));
    });
}

/// What nobody sees but a plain listing goes with a check that is to repair.
#[test]
fn a_check_clears_remainders_away() {
    with_interrupted(2, |client, files, old, _new| async move {
        let check = async |left_over| files.check_within(&client, left_over, false, 1, drop).await.unwrap();
        let plain = async || old.list(&client, &mut Listing::default(), 100).await.unwrap();
        assert_eq!(plain().await, [b"a"]);
        let report = check(LeftOver::Stays).await;
        assert_eq!((report.entries, report.remainders, report.left_over), (3, 1, 0));
        assert_eq!(plain().await, [b"a"], "nothing was to be changed");
        assert_eq!(check(LeftOver::Goes).await.remainders, 1);
        assert_eq!(plain().await, Vec::<Vec<u8>>::new());
        assert_eq!(check(LeftOver::Stays).await.remainders, 0);
        assert_eq!(get(&client, &files, "/new/b").await, Ok(b"content".to_vec()));
    });
}

#[test]
fn damaged_traces_and_records_are_errors() {
    with_interrupted(1, |client, files, old, _new| async move {
        set_trace(&client, &object(&old), "a", vec![1, 2, 3]).await;
        assert_eq!(get(&client, &files, "/old/a").await, Err(libc::EIO));
        set_trace(&client, &object(&old), "a", trace(None, None)).await;
        assert_eq!(get(&client, &files, "/old/a").await, Ok(b"content".to_vec()));
        let zeros = UpdateValue::Array {
            record_size: 1,
            extents: vec![Extent::new(0, INODE_LENGTH).unwrap()],
            source: Source::Owned(vec![0; INODE_LENGTH as usize]),
        };
        let update = AkeyUpdate { akey: key("DFS_INODE"), value: zeros };
        object(&old).update(&client, Conditions::NONE, key("a"), vec![update]).await.unwrap();
        assert_eq!(get(&client, &files, "/old/a").await, Err(libc::EIO));
    });
}
