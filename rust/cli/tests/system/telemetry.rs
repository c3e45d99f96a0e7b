//! Metrics of a running engine, and bytes at its ports that are no requests.

use crate::cluster::{Cluster, free_ports};
use crate::support::wait_until;
use daos_wire::header::{HEADER_LENGTH, Header, Kind, PROTOCOL_VERSION, seal};
use daos_wire::{ControlReply, ControlRequest, SystemMembers, control_frame, control_message};
use std::io::{Read, Write};
use std::net::TcpStream;

/// What comes back for some bytes; the connection may end without an answer.
fn answer(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("listens");
    // An engine that has heard enough closes the connection before everything is sent.
    let _enough = stream.write_all(bytes).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
    let mut answer = Vec::new();
    let _cut_off = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn metrics_are_served_and_hostile_bytes_do_no_harm() {
    let mut cluster = Cluster::new(1);
    let port = free_ports(1)[0];
    cluster.start_with(0, &["--telemetry-port", &port.to_string()]);
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "1GiB"]);
    cluster.fail("daos", &["cont", "list", "nowhere"]);
    let text = port.to_string();
    let query = ["-l", "localhost", "telemetry", "metrics", "query", "-p", &text, "-m", "engine_pools"];
    let metrics = cluster.response("dmg", &query);
    let values: Vec<u64> =
        metrics["metrics"].as_array().expect("a list").iter().filter_map(|metric| metric["value"].as_u64()).collect();
    assert_eq!(values, [1, 1], "each of two targets has a part of one pool");
    let raw = String::from_utf8(answer(port, b"GET /metrics HTTP/1.0\r\n\r\n")).expect("text");
    assert!(raw.starts_with("HTTP/1.1 200 OK\r\n") && raw.contains("op=\"PoolCreate\"} 1\n"), "{raw}");
    assert!(raw.contains("error=\"DER_NONEXIST\"} "), "{raw}");
    assert!(raw.contains("op=\"PoolCreate\",le=\"+Inf\"} 1\n"), "{raw}");
    assert!(raw.contains("engine_pool_ops_update{rank=\"0\",target=\"1\",pool=\""), "{raw}");
    for (bytes, status) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "404"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
        (b"\xff\x00\xfe\r\n\r\n", "405"),
        (&[b'x'; 20_000], "431"),
    ] {
        let raw = answer(port, bytes);
        assert!(raw.is_empty() || String::from_utf8_lossy(&raw).contains(status), "{status}: {raw:?}");
    }
    // At the control port: nothing of this is a request, and the engine goes on.
    let control = cluster.port(0);
    let header = Header { opcode: 1, body_length: u32::MAX, ..Header::of(Kind::ControlRequest) };
    let huge = [&header.to_bytes()[..], b"x"].concat();
    let wrong = seal(header, &[], b"\xff\xff\xff");
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &huge, &wrong, b"DAOS", b"", &[0; 100_000]] {
        answer(control, bytes);
    }
    // A damaged request gets a sentence, and so does one of another release; on both sides.
    let members = ControlRequest::Members(SystemMembers { system: "daos_server".into() });
    let good = control_frame(&members);
    let mut damaged = good.clone();
    damaged[HEADER_LENGTH + 5] ^= 1;
    let newer = seal(Header { version: PROTOCOL_VERSION + 1, ..Header::of(Kind::ControlRequest) }, &[], b"whatever");
    let other = format!("speaks version {}: use the same release on both sides", PROTOCOL_VERSION + 1);
    for (bytes, sentence) in [(&damaged, "checksum"), (&newer, other.as_str())] {
        match control_message(&answer(control, bytes), "the engine").expect("an answer") {
            ControlReply::Failed(failure) => assert!(failure.sentence.contains(sentence), "{failure:?}"),
            other => panic!("{other:?}"),
        }
        // A line a second at most tells of such connections, so that one may be left out.
        wait_until("the log says it too", || {
            answer(control, bytes);
            cluster.log(0).contains(sentence)
        });
    }
    // What it does not know is no reason to end a connection.
    let unknown = seal(Header { opcode: 999, ..Header::of(Kind::ControlRequest) }, &[], b"whatever");
    let answers = answer(control, &[&unknown[..], &good].concat());
    let header = Header::read(answers.first_chunk().expect("a header")).expect("a message");
    let (first, second) = answers.split_at(HEADER_LENGTH + header.body_length as usize);
    match control_message(first, "the engine").expect("an answer") {
        ControlReply::Failed(failure) => assert_eq!(failure.status().code(), daos_status::Code::Nosys),
        other => panic!("{other:?}"),
    }
    let second: ControlReply = control_message(second, "the engine").expect("another answer");
    assert!(matches!(second, ControlReply::State(_)), "{second:?}");
    // Many who connect and say nothing keep nobody out.
    let silent: Vec<TcpStream> =
        (0..200).map(|_| TcpStream::connect(("127.0.0.1", control)).expect("listens")).collect();
    assert_eq!(cluster.response("dmg", &["pool", "list"]).as_object().map(|object| !object.is_empty()), Some(true));
    drop(silent);
    wait_until("the log names who was cut off", || cluster.log(0).contains("is cut off"));
}
