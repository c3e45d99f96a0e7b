//! Requests and replies that go well.

use super::{PATIENCE, Site, hold, pattern, until};
use daos_env::sync::join_all;
use daos_rpc::{OVERHEAD_MAX, Parts, Statistics};
use daos_status::{Code, Status};
use std::cell::RefCell;
use std::rc::Rc;

pub(super) async fn requests_carry_everything(site: Site) {
    let (client, server) = (site.endpoint(), site.endpoint());
    let caller = client.address().clone();
    client.set_session(server.address(), 0xfeed_0000_0000_beef).unwrap();
    server.serve(move |request| {
        assert_eq!((request.opcode(), request.body()), (0x1234, &b"question"[..]));
        assert_eq!(request.session(), 0xfeed_0000_0000_beef);
        assert!(caller.alternatives().any(|way| way == *request.peer()));
        request.reply(Ok(b"answer".to_vec()));
    });
    for _ in 0..3 {
        let reply = client.call(server.address(), 0x1234, b"question".to_vec(), PATIENCE).await.unwrap();
        assert_eq!(&*reply, b"answer");
    }
    for statistics in [client.statistics(), server.statistics()] {
        assert_eq!((statistics.traffic.sent_messages, statistics.traffic.received_messages), (3, 3));
        assert_eq!(Statistics { traffic: Default::default(), ..statistics }, Default::default());
    }
}

pub(super) async fn bodies_of_every_size_go_both_ways(site: Site) {
    let (client, server) = site.echo_pair();
    let max = client.max_body_size();
    assert!(max >= 32 << 10, "a message must hold at least 32 KiB");
    for size in [0, 1, 7, 64, 1000, 4096, 16 << 10, (16 << 10) + 1, 20_000, max - 1, max] {
        let body = pattern(size, 3);
        let reply = client.call(server.address(), 1, body.clone(), PATIENCE).await.unwrap();
        assert!(*reply == *body, "{size} bytes came back changed");
    }
}

/// Many at once, so that some find their way full and wait.
pub(super) async fn bodies_in_parts_are_whole(site: Site) {
    let (client, server) = (site.endpoint(), site.endpoint());
    server.serve(|mut request| {
        let (bytes, start) = request.take_body();
        assert!(request.body().is_empty());
        let (first, second) = bytes[start..].split_at((bytes.len() - start) / 3);
        request.reply_in_parts(Parts { first, rest: &[&[], second] });
    });
    let sizes = [0, 1, 64, 255, 256, 4096, 16 << 10, 40_000, client.max_body_size()];
    let (client, server) = (&client, &server);
    for is_repeatable in [true, false] {
        let calls = (0..99).map(|number| async move {
            let body = pattern(sizes[number % sizes.len()], number as u8);
            let (first, second) = body.split_at(body.len() / 2);
            let parts = Parts { first, rest: &[second, &[]] };
            let reply = client.call_in_parts(server.address(), 1, parts, [], is_repeatable, PATIENCE).await.unwrap();
            assert!(*reply == *body, "{} bytes came back changed", body.len());
        });
        join_all(calls).await;
    }
}

pub(super) async fn calls_arrive_in_order(site: Site) {
    let (client, server) = (site.endpoint(), site.endpoint());
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = seen.clone();
    server.serve(move |request| {
        log.borrow_mut().push(u16::from_le_bytes([request.body()[0], request.body()[1]]));
        request.reply(Ok(Vec::new()));
    });
    let calls = (0..200u16).map(|number| {
        // Small and large ones mixed: they may go different ways in the fabric.
        let mut body = vec![0; if number % 7 == 0 { 30_000 } else { 16 }];
        body[..2].copy_from_slice(&number.to_le_bytes());
        client.call(server.address(), 2, body, PATIENCE)
    });
    for reply in join_all(calls).await {
        reply.unwrap();
    }
    assert_eq!(*seen.borrow(), (0..200).collect::<Vec<u16>>());
}

pub(super) async fn many_calls_at_once_find_their_replies(site: Site) {
    let (client, server) = (site.endpoint(), site.endpoint());
    let held = hold(&server);
    let answering = held.clone();
    let waiting = site.clone();
    site.spawner().spawn(async move {
        until(&waiting, || answering.borrow().len() == 256).await;
        // The last one first.
        while let Some(request) = { answering.borrow_mut().pop() } {
            let body = request.body().to_vec();
            request.reply(Ok(body));
        }
    });
    let calls = (0..256u32).map(|number| client.call(server.address(), 3, number.to_le_bytes().to_vec(), PATIENCE));
    for (number, reply) in join_all(calls).await.into_iter().enumerate() {
        assert_eq!(*reply.unwrap(), (number as u32).to_le_bytes());
    }
}

pub(super) async fn errors_come_back_with_their_sentence(site: Site) {
    let (client, server) = (site.endpoint(), site.endpoint());
    server.serve(|request| match request.opcode() {
        1 => request.reply(Err(Status::new(Code::Nonexist, "pool demo"))),
        2 => request.reply(Err(Status::from(Code::TxRestart))),
        _ => request.reply(Err(Status::new(Code::Io, "\u{e4}".repeat(5000)))),
    });
    let error = client.call(server.address(), 1, Vec::new(), PATIENCE).await.unwrap_err();
    assert_eq!(error, Status::new(Code::Nonexist, "pool demo"));
    let error = client.call(server.address(), 2, Vec::new(), PATIENCE).await.unwrap_err();
    assert_eq!(error, Status::from(Code::TxRestart));
    let error = client.call(server.address(), 3, Vec::new(), PATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::Io);
    assert!(!error.context().is_empty() && error.context().chars().all(|character| character == '\u{e4}'));
    assert!(error.context().len() < 5000 + OVERHEAD_MAX);
}

pub(super) async fn an_endpoint_can_call_itself(site: Site) {
    let endpoint = site.endpoint();
    endpoint.serve(super::echo);
    let body = pattern(40_000, 1);
    let reply = endpoint.call(endpoint.address(), 1, body[..20_000].to_vec(), PATIENCE).await.unwrap();
    assert!(*reply == body[..20_000]);
    let again = endpoint.call(endpoint.address(), 1, b"small".to_vec(), PATIENCE).await.unwrap();
    assert_eq!(&*again, b"small");
    endpoint.close();
}
