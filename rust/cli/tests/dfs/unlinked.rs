//! Files that lose their names while they are open.

use crate::harness::Rig;
use crate::{errno, make, mount};
use daos_client::Client;
use daos_dfs::{FileSystem, NewFile, Node, OpenOptions, Replace};

async fn create(client: &Client, files: &FileSystem, name: &[u8], content: &[u8]) -> Node {
    let file = files.open(client, &files.root(), name, OpenOptions::create(), NewFile::default()).await.unwrap();
    file.write(client, 0, content.to_vec()).await.unwrap();
    file
}

#[test]
fn a_removed_file_keeps_its_content_until_it_is_closed() {
    let rig = Rig::inside();
    let files = make(&rig, "files");
    rig.run(move |client| async move {
        let (client, root) = (&client, files.root());
        let file = create(client, &files, b"f", b"content").await;
        let again = files.open(client, &root, b"f", OpenOptions::read(), NewFile::default()).await.unwrap();
        let id = files.remove(client, &root, b"f", false).await.unwrap();
        assert_eq!(errno(files.status(client, &root, b"f").await), Some(libc::ENOENT));
        assert_eq!(file.read(client, 0, 100).await.unwrap(), b"content");
        file.write(client, 7, b" and more".to_vec()).await.unwrap();
        // Another file of the name is another file.
        create(client, &files, b"f", b"other").await;
        assert_eq!(again.read(client, 0, 100).await.unwrap(), b"content and more");
        drop(file);
        files.discard_closed(client).await.unwrap();
        assert_eq!(again.read(client, 0, 100).await.unwrap(), b"content and more");
        drop(again);
        files.discard_closed(client).await.unwrap();
        assert_eq!(files.size_of_object(client, id, 0).await.unwrap(), 0);
    });
}

#[test]
fn a_file_that_is_replaced_keeps_its_content_until_it_is_closed() {
    let rig = Rig::inside();
    let files = make(&rig, "files");
    rig.run(move |client| async move {
        let (client, root) = (&client, files.root());
        let old = create(client, &files, b"old", b"old content").await;
        drop(create(client, &files, b"new", b"new").await);
        let replaced = files.rename(client, (&root, b"new"), (&root, b"old"), Replace::Allowed).await.unwrap();
        assert_eq!(replaced, Some(old.id()));
        assert_eq!(old.read(client, 0, 100).await.unwrap(), b"old content");
        let id = old.id();
        drop(old);
        // The next removal gives it up.
        files.remove(client, &root, b"old", false).await.unwrap();
        assert_eq!(files.size_of_object(client, id, 0).await.unwrap(), 0);
    });
}

#[test]
fn the_end_of_a_mount_gives_up_what_is_open_without_a_name() {
    let rig = Rig::inside();
    let files = make(&rig, "files");
    let other = mount(&rig, "files");
    rig.run(move |client| async move {
        let (client, root) = (&client, files.root());
        let file = create(client, &files, b"f", b"content").await;
        files.remove(client, &root, b"f", false).await.unwrap();
        assert_eq!(other.size_of_object(client, file.id(), 0).await.unwrap(), 7);
        files.discard_nameless(client).await.unwrap();
        assert_eq!(other.size_of_object(client, file.id(), 0).await.unwrap(), 0);
    });
}
