//! An engine over real files finds damage before anybody reads it, and says so.

use daos_env::{Env, Executor};
use daos_rpc::in_process::InsideEngine as _;
use daos_server::InsideEngine;
use daos_status::Code;
use daos_testkit::wire_client::*;
use daos_wire::*;
use std::fs::OpenOptions;
use std::future::Future;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

const VALUE: [u8; 8000] = [0xa7; 8000];

fn with_engine<T: 'static, F: Future<Output = T> + 'static>(directory: &Path, test: impl FnOnce(WireClient) -> F) -> T {
    let env = Env::system();
    let engine = InsideEngine::start(directory, &env).expect("starts");
    let executor = Executor::new(env.clock.clone(), Duration::ZERO).expect("eventfd");
    let transport = engine.network().open().expect("an endpoint");
    let client = WireClient::attach(&env, executor.spawner(), transport, &engine.targets(), engine.session());
    let endpoint = client.endpoint.clone();
    let value = executor.block_on(test(client)).expect("runs to its end");
    endpoint.close();
    value
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Flips a bit of the value wherever it lies near the beginning of a file. The log's copy is left alone: a small value goes to its place
/// through it, and nobody reads it there once the engine has ended in good order.
fn damage(folder: &Path) -> usize {
    let (mut found, mut damaged) = (Vec::new(), 0);
    files(folder, &mut found);
    for path in found.into_iter().filter(|path| !path.ends_with("log")) {
        let Ok(file) = OpenOptions::new().read(true).write(true).open(&path) else { continue };
        let mut bytes = vec![0; 1 << 20];
        let length = file.read_at(&mut bytes, 0).unwrap_or(0);
        if let Some(position) = bytes[..length].windows(100).position(|part| part == &VALUE[..100]) {
            file.write_at(&[VALUE[0] ^ 4], position as u64 + 50).expect("writable");
            damaged += 1;
        }
    }
    damaged
}

#[test]
fn an_engine_says_loudly_what_a_scrub_finds() {
    let (lines, log) = channel();
    daos_env::set_log_sink(move |_, area, message| drop(lines.send(format!("{area}: {message}"))));
    let place = tempfile::tempdir().expect("a temporary directory");
    let id = pool_id(1);
    with_engine(place.path(), move |client| async move {
        client.create_pool(1, "demo", "").await.expect("creates");
        client.connect(id, handle_id(1)).await.expect("connects");
        client.create_container(id, handle_id(1), 1, "c").await.expect("creates");
        client.open(id, handle_id(1), 1, handle_id(2)).await.expect("opens");
        client.update(0, &address(1, 1, 2), "d", &VALUE).await.expect("writes");
    });
    assert_eq!(damage(place.path()), 1, "one file has the value");
    with_engine(place.path(), move |client| async move {
        client.connect(id, handle_id(1)).await.expect("connects");
        let request = PoolRequest { pool: id, handle: handle_id(1) };
        let properties = PoolSetProperties { request, numbers: vec![(16, 2), (17, 1), (18, 1)] };
        client.call::<_, ()>(Opcode::PoolSetProperties, &properties).await.expect("sets");
        let wait_for = |text: &str| {
            while !log.recv_timeout(Duration::from_secs(60)).expect("it is said").contains(text) {}
        };
        wait_for("dkey \"d\", akey");
        wait_for("1 ERRORS WERE FOUND, which reaches the threshold of 1");
        wait_for("1 errors found");
        client.open(id, handle_id(1), 1, handle_id(2)).await.expect("opens");
        let status = client.fetch(0, &address(1, 1, 2), "d").await.expect_err("damaged");
        assert_eq!(status.code(), Code::Csum);
    });
}
