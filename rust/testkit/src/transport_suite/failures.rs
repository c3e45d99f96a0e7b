//! Calls that go wrong.

use super::{IMPATIENCE, PATIENCE, Site, echo, hold, until};
use daos_env::sync::join_all;
use daos_rpc::{Access, Address, BulkDescriptor, Endpoint, EndpointSettings, Exposed, PeerIndex, Receiver};
use daos_status::{Code, Status};
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::rc::Rc;

pub(super) async fn a_dropped_request_is_answered(site: Site) {
    let (client, server) = (site.endpoint(), site.endpoint());
    server.serve(drop);
    let error = client.call(server.address(), 0x77, Vec::new(), PATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::Canceled);
    assert!(error.context().contains("0x77"), "{error}");
}

pub(super) async fn a_time_out_ends_a_call_and_its_reply_is_dropped(site: Site) {
    let (client, server) = (site.endpoint(), site.endpoint());
    let held = hold(&server);
    let error = client.call(server.address(), 0x77, Vec::new(), IMPATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::Timedout);
    assert!(error.context().contains("0x77") && error.context().contains(server.address().as_str()), "{error}");
    until(&site, || held.borrow().len() == 1).await;
    held.take().into_iter().for_each(echo);
    until(&site, || client.statistics().late_replies == 1).await;
    server.serve(echo);
    client.call(server.address(), 1, Vec::new(), PATIENCE).await.unwrap();
    // A short time-out behind a long one comes first.
    let held = hold(&server);
    let long = client.call(server.address(), 1, Vec::new(), PATIENCE);
    let short = async {
        let error = client.call(server.address(), 2, Vec::new(), IMPATIENCE).await.unwrap_err();
        held.take().into_iter().for_each(echo);
        Err(error)
    };
    let calls: Vec<super::LocalFuture<'_, _>> = vec![Box::pin(long), Box::pin(short)];
    let results = join_all(calls).await;
    assert!(results[0].is_ok());
    assert_eq!(results[1].as_ref().unwrap_err().code(), Code::Timedout);
}

pub(super) async fn a_dropped_call_is_forgotten(site: Site) {
    let (client, server) = (site.endpoint(), site.endpoint());
    let held = hold(&server);
    let call = client.call(server.address(), 1, Vec::new(), PATIENCE);
    assert!(site.spawner().timeout(IMPATIENCE, call).await.is_none());
    until(&site, || held.borrow().len() == 1).await;
    held.take().into_iter().for_each(echo);
    until(&site, || client.statistics().late_replies == 1).await;
}

pub(super) async fn fail_peer_ends_its_calls_only(site: Site) {
    let client = site.endpoint();
    let (dead, alive) = (site.endpoint(), site.endpoint());
    let (at_dead, at_alive) = (hold(&dead), hold(&alive));
    let (killer, victim, waiting) = (client.clone(), dead.address().clone(), site.clone());
    let (dead_requests, alive_requests) = (at_dead.clone(), at_alive.clone());
    site.spawner().spawn(async move {
        until(&waiting, || dead_requests.borrow().len() == 3 && alive_requests.borrow().len() == 1).await;
        killer.fail_peer(&victim, Status::new(Code::Unreach, "its process died"));
        alive_requests.take().into_iter().for_each(echo);
    });
    let peers = [&dead, &alive, &dead, &dead];
    let results = join_all(peers.map(|peer| client.call(peer.address(), 1, Vec::new(), PATIENCE))).await;
    assert!(results[1].is_ok());
    for index in [0, 2, 3] {
        let error = results[index].as_ref().unwrap_err();
        assert_eq!(error.code(), Code::Unreach);
        assert!(error.context().contains("its process died"), "{error}");
    }
    // The peer was alive after all: it is reached again.
    at_dead.take().into_iter().for_each(drop);
    dead.serve(echo);
    let (client, address) = (client.clone(), dead.address().clone());
    super::until_echoed(&site, &client, &address).await;
}

/// One peer may have several names: that by which it is called, and the place that its requests come from.
pub(super) async fn a_peer_that_was_given_up_is_answered_when_it_asks(site: Site) {
    let (one, other) = (site.endpoint(), site.endpoint());
    one.serve(echo);
    other.serve(echo);
    for _ in 0..3 {
        one.call(other.address(), 1, Vec::new(), PATIENCE).await.unwrap();
        other.call(one.address(), 1, Vec::new(), PATIENCE).await.unwrap();
        one.fail_peer(other.address(), Status::new(Code::Unreach, "it is excluded"));
        other.call(one.address(), 1, Vec::new(), PATIENCE).await.unwrap();
    }
}

pub(super) async fn a_closed_endpoint_ends_everything(site: Site) {
    let (client, server) = (site.endpoint(), site.endpoint());
    let held = hold(&server);
    let (closing, waiting, seen) = (client.clone(), site.clone(), held.clone());
    site.spawner().spawn(async move {
        until(&waiting, || seen.borrow().len() == 1).await;
        closing.close();
        closing.close();
    });
    let error = client.call(server.address(), 1, Vec::new(), PATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::Canceled);
    let error = client.call(server.address(), 1, Vec::new(), PATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::Uninit);
    held.take().into_iter().for_each(echo);
    let other = site.endpoint();
    server.serve(echo);
    other.call(server.address(), 1, Vec::new(), PATIENCE).await.unwrap();
}

pub(super) async fn nobody_at_the_address_is_an_error(site: Site) {
    let client = site.endpoint();
    let gone = site.endpoint();
    let address = gone.address().clone();
    gone.close();
    drop(gone);
    for _ in 0..2 {
        let error = client.call(&address, 5, Vec::new(), IMPATIENCE).await.unwrap_err();
        assert!(matches!(error.code(), Code::Unreach | Code::Timedout | Code::Hg), "{error}");
        assert!(error.context().contains(address.as_str()), "{error}");
    }
    // Others are reached meanwhile.
    let alive = site.endpoint();
    alive.serve(echo);
    client.call(alive.address(), 1, Vec::new(), PATIENCE).await.unwrap();
}

pub(super) async fn a_peer_that_comes_back_elsewhere_is_reached(site: Site) {
    let (client, first) = site.echo_pair();
    client.call(first.address(), 1, Vec::new(), PATIENCE).await.unwrap();
    let old = first.address().clone();
    first.close();
    drop(first);
    let error = client.call(&old, 1, Vec::new(), IMPATIENCE).await.unwrap_err();
    assert!(matches!(error.code(), Code::Unreach | Code::Timedout | Code::Hg), "{error}");
    let second = site.endpoint();
    second.serve(echo);
    client.call(second.address(), 1, Vec::new(), PATIENCE).await.unwrap();
}

fn expose(client: &Endpoint, memory: &mut [u8]) -> Exposed {
    // SAFETY: the cases do not access the memory before the registration ends.
    unsafe { client.expose(NonNull::from(&mut *memory).cast(), memory.len(), Access::Write).unwrap() }
}

/// Takes what came to a server, and tries to write to memory whose caller is not interested any more.
async fn push_late(site: &Site, held: &super::Held, descriptor: &BulkDescriptor) {
    until(site, || held.borrow().len() == 1 && held.borrow()[0].is_abandoned()).await;
    for request in held.take() {
        let (_, result) = request.push(descriptor, 0, daos_env::IoBuffer::zeroed(10_000)).await;
        result.unwrap_err();
    }
}

pub(super) async fn a_timed_out_call_with_memory_leaves_the_peer_usable(site: Site) {
    // Connected before: the request must be on its way when the short time is over.
    let (client, server) = site.echo_pair();
    client.call(server.address(), 1, Vec::new(), PATIENCE).await.unwrap();
    let held = hold(&server);
    let mut memory = vec![1; 10_000];
    let exposed = expose(&client, &mut memory);
    let descriptor = exposed.descriptor();
    let error = client.call_lending(server.address(), 1, Vec::new(), [&exposed], IMPATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::Timedout);
    drop(exposed);
    push_late(&site, &held, &descriptor).await;
    assert!(memory.iter().all(|byte| *byte == 1));
    server.serve(echo);
    super::until_echoed(&site, &client, server.address()).await;
}

/// Before, the first memory that was given back after a time-out ended the connection, whosever it was; what the peer
/// then did to the memory of the call that had timed out went on while that was given back.
pub(super) async fn memory_of_a_timed_out_call_is_safe_among_others(site: Site) {
    let (client, server) = site.echo_pair();
    client.call(server.address(), 1, Vec::new(), PATIENCE).await.unwrap();
    let held = hold(&server);
    let (mut memory, mut other) = (vec![1; 10_000], vec![1; 10_000]);
    let exposed = expose(&client, &mut memory);
    let descriptor = exposed.descriptor();
    let error = client.call_lending(server.address(), 1, Vec::new(), [&exposed], IMPATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::Timedout);
    drop(expose(&client, &mut other));
    // A new call waits until the connection is ended, so that it does not die with it.
    server.serve(echo);
    let call = client.call(server.address(), 1, Vec::new(), IMPATIENCE).await.unwrap_err();
    assert_eq!(call.code(), Code::Timedout);
    assert!(call.context().contains("not given back"), "{call}");
    let later = {
        let (client, address) = (client.clone(), server.address().clone());
        site.spawner().spawn(async move { client.call(&address, 1, Vec::new(), PATIENCE).await })
    };
    site.spawner().sleep(IMPATIENCE).await;
    drop(exposed);
    push_late(&site, &held, &descriptor).await;
    assert!(memory.iter().all(|byte| *byte == 1));
    later.await.unwrap().unwrap();
}

/// Before, calls under way on a connection that had to be ended waited for their own time-outs, and later failed with it.
pub(super) async fn calls_go_on_when_their_connection_ended(site: Site) {
    let (client, server) = site.echo_pair();
    client.call(server.address(), 1, Vec::new(), PATIENCE).await.unwrap();
    let held = hold(&server);
    let mut memory = vec![1; 10_000];
    let exposed = expose(&client, &mut memory);
    let waiting = {
        let (client, address) = (client.clone(), server.address().clone());
        let long = super::PATIENCE * 1000;
        site.spawner().spawn(async move { client.call(&address, 2, vec![9], long).await })
    };
    let error = client.call_lending(server.address(), 1, Vec::new(), [&exposed], IMPATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::Timedout);
    drop(exposed);
    // The request was lost with the connection, or is here: either way it is carried out once, and answered.
    let times = Rc::new(Cell::new(0));
    let counted = times.clone();
    held.take().into_iter().filter(|request| request.opcode() == 2).for_each(|request| {
        times.set(times.get() + 1);
        echo(request);
    });
    server.serve(move |request| {
        counted.set(counted.get() + u32::from(request.opcode() == 2));
        echo(request);
    });
    assert_eq!(*waiting.await.unwrap().unwrap(), [9]);
    assert_eq!(times.get(), 1);
    super::until_echoed(&site, &client, server.address()).await;
}

/// Before, a call whose reply was lost with a connection waited for its time-out.
pub(super) async fn a_lost_call_is_noticed(site: Site) {
    let settings = EndpointSettings { ask_interval: IMPATIENCE / 4, ..Default::default() };
    let (client, server) = (site.endpoint_with(settings), site.endpoint());
    let spawn_call = |address: &Address, opcode: u16| {
        let (client, address) = (client.clone(), address.clone());
        site.spawner().spawn(async move { client.call(&address, opcode, Vec::new(), PATIENCE * 1000).await })
    };
    // A server that answers after it was asked still has the call.
    let held = hold(&server);
    let slow = spawn_call(server.address(), 3);
    site.spawner().sleep(IMPATIENCE).await;
    until(&site, || held.borrow().len() == 1).await;
    held.take().into_iter().for_each(echo);
    slow.await.unwrap().unwrap();
    // One that lost it says so: the question goes on to a server that never had the call.
    let raw = site.transport();
    let recorder = Rc::new(Recorder::default());
    raw.set_receiver(Some(recorder.clone()));
    let lost = spawn_call(&raw.address(), 7);
    until(&site, || recorder.0.borrow().len() >= 2).await;
    let question = recorder.0.borrow()[1].clone();
    let target = raw.resolve(server.address()).unwrap();
    raw.send(target, question).unwrap();
    let error = lost.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::Hg);
    assert!(error.context().contains("lost"), "{error}");
    raw.shutdown();
}

/// Keeps what comes in.
#[derive(Default)]
struct Recorder(RefCell<Vec<Vec<u8>>>);

impl Receiver for Recorder {
    fn frame(&self, frame: Vec<u8>) {
        self.0.borrow_mut().push(frame);
    }
    fn send_failed(&self, _peer: PeerIndex, _frame: Vec<u8>, _status: Status) {}
}
