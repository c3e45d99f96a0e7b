//! Open handles: shared with other clients, evicted, left by clients that end, and kept over the end of the engine.

use crate::harness::*;
use daos_client::{Container, ContainerFlags, Context, Pool, PoolFlags};
use daos_status::{Code, Result};
use daos_types::{ObjectClass, ObjectType, Reference};
use std::future::Future;
use std::sync::Arc;

const HASHED: ObjectType = ObjectType::MULTI_HASHED;

/// Runs something on another client.
fn on<T: Send + 'static, F: Future<Output = T> + 'static>(
    context: &Arc<Context>,
    work: impl FnOnce(daos_client::Client) -> F + Send + 'static,
) -> T {
    context.block_on(work)
}

async fn connect(client: &daos_client::Client, flags: PoolFlags) -> Result<Pool> {
    Pool::connect(client, &Reference::parse("pool")?, flags).await
}

async fn open(client: &daos_client::Client, pool: &Pool, flags: ContainerFlags) -> Result<Container> {
    Container::open(client, pool, &Reference::parse("container")?, flags).await
}

/// `DAOS_COO_EX`.
const EXCLUSIVE: ContainerFlags = ContainerFlags(4);

#[test]
fn evicted_handles_stay_closed_over_the_end_of_the_engine() {
    let rig = Rig::process();
    let object = rig.object(1, HASHED, ObjectClass::SX);
    let (pool, container) = (rig.pool.clone(), rig.container.clone());
    let written = object.clone();
    rig.run(move |client| async move {
        update(&client, &written, "d", vec![single("a", b"v")]).await.expect("the handle is open");
        let evicted = client.pool_evict(&Reference::parse("pool").expect("a label"), vec![]).await;
        // The rig has connected before.
        assert_eq!(evicted, Ok(2));
        assert_eq!(code(update(&client, &written, "d", vec![single("a", b"w")]).await), Some(Code::NoHdl));
        assert_eq!(code(pool.query(&client).await), Some(Code::NoHdl));
        assert_eq!(code(container.query(&client).await), Some(Code::NoHdl));
    });
    rig.kill_engine();
    let (pool, again) = (rig.pool.clone(), rig.container.clone());
    rig.run(move |client| async move {
        assert_eq!(code(pool.query(&client).await), Some(Code::NoHdl));
        assert_eq!(code(again.query(&client).await), Some(Code::NoHdl));
        let new = connect(&client, PoolFlags::READ_WRITE).await.expect("a new handle is fine");
        new.disconnect(&client).await.expect("closes");
    });
}

#[test]
fn handles_are_the_same_for_all_clients_that_were_given_them() {
    let rig = Rig::process();
    let other = rig.another_client();
    let (pool_bytes, bytes) = (rig.pool.to_global(), rig.container.to_global());
    let (damaged, given) = (pool_bytes.clone(), bytes.clone());
    let shared = on(&other, move |client| async move {
        let mut damaged = damaged;
        damaged[20] ^= 1;
        assert_eq!(code(Pool::from_global(&client, &damaged).await), Some(Code::Inval));
        let pool = Pool::from_global(&client, &pool_bytes).await.expect("the handle is open");
        assert_eq!(code(Container::from_global(&client, &pool, &given[..given.len() - 1]).await), Some(Code::Inval));
        let container = Container::from_global(&client, &pool, &given).await.expect("the handle is open");
        container.set_attributes(&client, vec![("by".into(), b"another".to_vec())]).await.expect("may write");
        let first = container.clone();
        // Closing what was given closes it for nobody else.
        let second = Container::from_global(&client, &pool, &given).await.expect("the handle is open");
        second.close(&client).await.expect("closes");
        first.query(&client).await.expect("is open");
        (pool, container)
    });
    rig.kill_engine();
    let container = rig.container.clone();
    let (pool, used) = shared.clone();
    on(&other, move |client| async move {
        used.query(&client).await.expect("open in the next engine, too");
        pool.query(&client).await.expect("open in the next engine, too");
    });
    rig.run(move |client| async move {
        let names = container.list_attributes(&client).await.expect("lists");
        assert_eq!(names, ["by"]);
        container.close(&client).await.expect("closes");
    });
    on(&other, move |client| async move {
        assert_eq!(code(shared.1.query(&client).await), Some(Code::NoHdl), "its owner has closed it");
    });
}

#[test]
fn what_a_client_leaves_open_is_closed_when_it_ends() {
    let rig = Rig::process();
    let container = rig.container.clone();
    rig.run(move |client| async move { container.close(&client).await.expect("closes") });
    let other = rig.another_client();
    let pool = on(&other, |client| async move {
        let pool = connect(&client, PoolFlags::READ_WRITE).await.expect("connects");
        open(&client, &pool, EXCLUSIVE).await.expect("nobody else has it open");
        pool
    });
    let mine = rig.pool.clone();
    rig.run(move |client| async move {
        assert_eq!(code(open(&client, &mine, ContainerFlags::READ_WRITE).await), Some(Code::Busy));
    });
    drop(pool);
    Arc::into_inner(other).expect("nobody else uses the context").stop();
    let mine = rig.pool.clone();
    rig.run(move |client| async move {
        let opened = loop {
            match open(&client, &mine, ContainerFlags::READ_WRITE).await {
                Err(status) if status.code() == Code::Busy => daos_env::sync::yield_now().await,
                opened => break opened,
            }
        };
        opened.expect("the client that had it is gone");
    });
}

#[test]
fn what_is_closed_while_there_is_no_engine_is_closed_in_the_next() {
    let rig = Rig::process();
    let (pool, container) = (rig.pool.clone(), rig.container.clone());
    rig.kill_engine();
    rig.run(move |client| async move {
        container.close(&client).await.expect("closes");
        let opened = open(&client, &pool, EXCLUSIVE).await.expect("nobody has it open any more");
        opened.close(&client).await.expect("closes");
    });
}

#[test]
fn ten_thousand_handles_can_be_open() {
    const HANDLES: usize = 10_000;
    let rig = Rig::inside();
    let pool = rig.pool.clone();
    rig.run(move |client| async move {
        let mut open_handles = Vec::new();
        while open_handles.len() < HANDLES {
            let some = (0..500).map(|_| open(&client, &pool, ContainerFlags::READ_WRITE));
            for opened in daos_env::sync::join_all(some).await {
                open_handles.push(opened.expect("opens"));
            }
        }
        let info = open_handles[0].query(&client).await.expect("queries");
        assert_eq!(info.handles as usize, HANDLES + 1);
        pool.disconnect(&client).await.expect("closes all of them");
        assert_eq!(code(open_handles[HANDLES - 1].query(&client).await), Some(Code::NoHdl));
    });
}
