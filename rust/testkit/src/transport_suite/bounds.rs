//! What is too large and too many.

use super::{PATIENCE, Site, echo, hold, until};
use daos_env::sync::join_all;
use daos_rpc::EndpointSettings;
use daos_status::Code;

pub(super) async fn what_is_too_large_is_refused(site: Site) {
    let (client, server) = (site.endpoint(), site.endpoint());
    let max = client.max_body_size();
    server.serve(move |request| {
        let length = if request.opcode() == 1 { max + 1 } else { max };
        request.reply(Ok(vec![1; length]));
    });
    let error = client.call(server.address(), 2, vec![0; max + 1], PATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::Overflow);
    let error = client.call(server.address(), 1, Vec::new(), PATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::Overflow);
    assert_eq!(client.call(server.address(), 2, vec![0; max], PATIENCE).await.unwrap().len(), max);
    let transport = site.transport();
    let peer = transport.resolve(server.address()).unwrap();
    let error = transport.send(peer, vec![0; transport.max_message_size() + 1]).unwrap_err();
    assert_eq!(error.code(), Code::Overflow);
    transport.shutdown();
}

pub(super) async fn calls_are_bounded(site: Site) {
    let client = site.endpoint_with(EndpointSettings { outstanding_max: 4, ..Default::default() });
    let server = site.endpoint();
    let held = hold(&server);
    let answering = held.clone();
    let waiting = site.clone();
    site.spawner().spawn(async move {
        until(&waiting, || answering.borrow().len() == 4).await;
        answering.take().into_iter().for_each(echo);
    });
    let calls = (0..6).map(|_| client.call(server.address(), 1, Vec::new(), PATIENCE));
    let results = join_all(calls).await;
    assert!(results[..4].iter().all(Result::is_ok));
    for refused in &results[4..] {
        let error = refused.as_ref().unwrap_err();
        assert_eq!(error.code(), Code::Busy);
        assert!(error.context().contains(server.address().as_str()), "{error}");
    }
    server.serve(echo);
    client.call(server.address(), 1, Vec::new(), PATIENCE).await.unwrap();
}

pub(super) async fn requests_are_bounded(site: Site) {
    let client = site.endpoint();
    let server = site.endpoint_with(EndpointSettings { requests_max: 2, ..Default::default() });
    let held = hold(&server);
    let (answering, counting, waiting) = (held.clone(), server.clone(), site.clone());
    site.spawner().spawn(async move {
        until(&waiting, || counting.statistics().refused_requests == 3).await;
        answering.take().into_iter().for_each(echo);
    });
    let calls = (0..5).map(|_| client.call(server.address(), 1, Vec::new(), PATIENCE));
    let results = join_all(calls).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 2);
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert_eq!(error.code(), Code::Busy);
    }
    server.serve(echo);
    client.call(server.address(), 1, Vec::new(), PATIENCE).await.unwrap();
}

pub(super) async fn peers_are_bounded(site: Site) {
    let server = site.endpoint_with(EndpointSettings { peers_max: 3, ..Default::default() });
    server.serve(echo);
    let client = site.endpoint_with(EndpointSettings { peers_max: 2, ..Default::default() });
    // More peers than the server may know come, and those that it forgot come again.
    let others: Vec<_> = (0..8).map(|_| site.endpoint()).collect();
    for round in 0..2u8 {
        for other in &others {
            let reply = other.call(server.address(), 1, vec![round], PATIENCE).await.unwrap();
            assert_eq!(*reply, [round]);
        }
    }
    // Peers with a session are not forgotten.
    client.set_session(others[0].address(), 1).unwrap();
    client.set_session(others[1].address(), 2).unwrap();
    assert_eq!(client.set_session(others[2].address(), 3).unwrap_err().code(), Code::Busy);
    client.set_session(others[1].address(), 0).unwrap();
    client.set_session(others[2].address(), 3).unwrap();
}
