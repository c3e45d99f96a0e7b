//! Messages that nobody should send.

use super::{PATIENCE, Site, echo, until};
use daos_checksum::crc32c;
use daos_rpc::{Address, Endpoint, PeerIndex, Receiver, Transport};
use daos_status::{Code, Status};
use daos_wire::header::{Kind, PROTOCOL_VERSION, finish};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Keeps what comes in.
#[derive(Default)]
struct Recorder(RefCell<Vec<Vec<u8>>>);

impl Receiver for Recorder {
    fn frame(&self, frame: Vec<u8>) {
        self.0.borrow_mut().push(frame);
    }

    fn send_failed(&self, peer: PeerIndex, _frame: Vec<u8>, status: Status) {
        panic!("sending to {peer:?} failed: {status}");
    }
}

pub(super) async fn unknown_operations_are_refused(site: Site) {
    let (client, server) = (site.endpoint(), site.endpoint());
    let error = client.call(server.address(), 9, Vec::new(), PATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::Unreach, "an endpoint that serves nothing says so");
    server.serve(|request| request.reply_unknown_opcode());
    let error = client.call(server.address(), 0xabc, Vec::new(), PATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::Nosys);
    assert!(error.context().contains("0xabc"), "{error}");
}

pub(super) async fn malformed_messages_are_dropped_and_counted(site: Site) {
    let (client, server) = site.echo_pair();
    let recorder = Rc::new(Recorder::default());
    let raw = site.transport();
    raw.set_receiver(Some(recorder.clone()));
    // A good frame to spoil: the caller never gets its answer.
    client.call(&raw.address(), 1, b"twelve bytes".to_vec(), super::IMPATIENCE).await.unwrap_err();
    until(&site, || !recorder.0.borrow().is_empty()).await;
    let good = recorder.0.borrow()[0].clone();
    let mut bad = vec![Vec::new(), vec![0], vec![0xff; 40], vec![0; 1000], good[..good.len() - 1].to_vec()];
    let peer = raw.resolve(server.address()).unwrap();
    // Where messages go through memory only, their bodies have no checksum.
    let covered = if raw.is_memory(peer) { good.len() - b"twelve bytes".len() } else { good.len() };
    bad.extend((0..covered).map(|position| {
        let mut spoiled = good.clone();
        spoiled[position] ^= 0x41;
        spoiled
    }));
    let total = bad.len() as u64;
    for frame in bad {
        raw.send(peer, frame).unwrap();
    }
    until(&site, || server.statistics().malformed_frames == total).await;
    client.call(server.address(), 1, Vec::new(), PATIENCE).await.unwrap();
    raw.shutdown();
}

pub(super) async fn another_version_is_refused_by_both_sides(site: Site) {
    let (client, server) = site.echo_pair();
    let recorder = Rc::new(Recorder::default());
    let raw = site.transport();
    raw.set_receiver(Some(recorder.clone()));
    // A peer of another version: what it gets and says is what this one does, but for the version.
    let of_version = |mut frame: Vec<u8>, version: u16| {
        frame[8..10].copy_from_slice(&version.to_le_bytes());
        finish(&mut frame);
        frame
    };
    let (caller, place) = (client.clone(), raw.address());
    let call = site.spawner().spawn(async move { caller.call(&place, 1, b"what".to_vec(), PATIENCE).await });
    until(&site, || !recorder.0.borrow().is_empty()).await;
    let request = recorder.0.borrow_mut().remove(0);
    // Its request is answered in this version, by name; the source in it is the client, who is not concerned.
    let peer = raw.resolve(server.address()).unwrap();
    raw.send(peer, of_version(request.clone(), 10)).unwrap();
    until(&site, || server.statistics().malformed_frames == 1).await;
    // Its refusal ends the call at once.
    let mut refusal = of_version(request, 10);
    refusal[10] = Kind::OtherVersion.number();
    finish(&mut refusal);
    let back = raw.resolve(client.address()).unwrap();
    raw.send(back, refusal).unwrap();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::Proto);
    assert!(error.context().contains(&format!("protocol version {PROTOCOL_VERSION}")), "{error}");
    assert!(error.context().contains("speaks version 10"), "{error}");
    client.call(server.address(), 1, Vec::new(), PATIENCE).await.unwrap();
    raw.shutdown();
}

/// A request with the mark of another address.
fn meant_for(address: &Address, mut request: Vec<u8>) -> Vec<u8> {
    request[53..56].copy_from_slice(&crc32c(address.as_str().as_bytes()).to_le_bytes()[..3]);
    finish(&mut request);
    request
}

/// A server whose requests are counted, and another place that passes on to it the first request it gets.
struct Relay {
    client: Endpoint,
    server: Endpoint,
    raw: Rc<dyn Transport>,
    served: Rc<Cell<u32>>,
}

impl Relay {
    /// `passed_on`: what becomes of the request, given the address of the server.
    fn begin(site: &Site, passed_on: impl FnOnce(&Address, Vec<u8>) -> Vec<Vec<u8>> + 'static) -> Relay {
        let (client, server, served) = (site.endpoint(), site.endpoint(), Rc::new(Cell::new(0)));
        let count = served.clone();
        server.serve(move |request| {
            count.set(count.get() + 1);
            echo(request);
        });
        let (recorder, raw) = (Rc::new(Recorder::default()), site.transport());
        raw.set_receiver(Some(recorder.clone()));
        let (relay, target, waiting) = (raw.clone(), server.address().clone(), site.clone());
        site.spawner().spawn(async move {
            until(&waiting, || !recorder.0.borrow().is_empty()).await;
            let request = recorder.0.borrow_mut().remove(0);
            let peer = relay.resolve(&target).unwrap();
            for frame in passed_on(&target, request) {
                relay.send(peer, frame).unwrap();
            }
        });
        Relay { client, server, raw, served }
    }
}

/// What comes to an endpoint that took over the place of another one in the network.
pub(super) async fn requests_for_another_endpoint_are_refused(site: Site) {
    let Relay { client, server, raw, served } = Relay::begin(&site, |_, request| vec![request]);
    let error = client.call(&raw.address(), 1, b"for another".to_vec(), PATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::Unreach, "{error}");
    assert!(error.context().contains("is now where the one was that is meant"), "{error}");
    assert_eq!((served.get(), server.statistics().stray_requests), (0, 1));
    // Each way to an endpoint is a name of it.
    let way = server.address().alternatives().last().unwrap();
    client.call(&way, 1, Vec::new(), PATIENCE).await.unwrap();
    raw.shutdown();
}

/// What is sent to the raw transport goes on to the server three times; the server serves it once.
pub(super) async fn doubled_requests_are_served_once(site: Site) {
    let thrice = |target: &Address, request: Vec<u8>| vec![meant_for(target, request); 3];
    let Relay { client, server, raw, served } = Relay::begin(&site, thrice);
    let reply = client.call(&raw.address(), 1, b"once".to_vec(), PATIENCE).await.unwrap();
    assert_eq!(&*reply, b"once");
    until(&site, || server.statistics().doubled_requests == 2).await;
    assert_eq!(served.get(), 1);
    assert_eq!(client.statistics().late_replies, 0);
    raw.shutdown();
}

pub(super) async fn stale_peers_are_errors(site: Site) {
    let (raw, server) = (site.transport(), site.endpoint());
    assert_eq!(raw.resolve(&"nonsense://1".parse().unwrap()).unwrap_err().code(), Code::Inval);
    let unknown = PeerIndex(u64::MAX);
    raw.forget(unknown);
    assert!(raw.send(unknown, vec![1]).is_err());
    let region = daos_rpc::RemoteRegion { key: u64::MAX, base: 0, length: 1 << 20 };
    let (buffer, result) = raw.read(unknown, region, 0, daos_env::IoBuffer::zeroed(10)).await;
    assert!(buffer.len() == 10 && result.is_err());
    let peer = raw.resolve(server.address()).unwrap();
    let (_, result) = raw.write(peer, region, 0, daos_env::IoBuffer::zeroed(10)).await;
    assert!(result.is_err(), "memory that was never exposed was written");
    raw.shutdown();
    raw.shutdown();
    assert!(raw.send(peer, vec![1]).is_err());
}
