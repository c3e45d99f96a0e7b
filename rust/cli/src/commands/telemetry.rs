//! `telemetry` commands: metrics of an engine, over HTTP.

use crate::arguments::{GlobalOptions, MetricsCommand, MetricsOptions, TelemetryCommand};
use crate::failure::{Failure, Result};
use crate::reply::{Reply, table};
use daos_client::host_and_port;
use daos_env::{Clock, SystemClock};
use daos_status::{Code, Status};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Upstream's telemetry port.
const PORT_DEFAULT: u16 = 9191;
/// How long the engine may take.
const LIMIT: Duration = Duration::from_secs(10);
/// The longest answer.
const LENGTH_MAX: usize = 64 << 20;

/// Runs a command.
pub fn run(global: &GlobalOptions, command: &TelemetryCommand) -> Result<Reply> {
    let TelemetryCommand::Metrics(command) = command;
    let (MetricsCommand::List(options) | MetricsCommand::Query(options)) = command;
    let host = host(global);
    let port = options.port.unwrap_or(PORT_DEFAULT);
    let doing = format!("read the metrics of {host} at port {port}");
    let text = fetch(&host, port, LIMIT).map_err(|error| {
        error.doing(&doing).remedy(Code::Unreach, "start its engine with 'telemetry_port' (--telemetry-port)")
    })?;
    Ok(match command {
        MetricsCommand::List(_) => list(&text, options),
        MetricsCommand::Query(_) => query(&text, options),
    })
}

/// The host among the access points, without its control port.
fn host(global: &GlobalOptions) -> String {
    let first = global.host_list.as_deref().and_then(|list| list.split(',').next()).unwrap_or("localhost").trim();
    host_and_port(first).0.to_owned()
}

/// Connects to one of the addresses of a host until the deadline: each has its share of the time, so that one at which nobody is leaves
/// some to the others.
fn connect(host: &str, port: u16, deadline: Duration) -> std::io::Result<TcpStream> {
    let mut failure = std::io::Error::from(ErrorKind::NotFound);
    let addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    for (index, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_sub(SystemClock.monotonic()) / (addresses.len() - index) as u32;
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(address, left) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn late(limit: Duration) -> Failure {
    let sentence = format!(
        "whoever is there takes the connection in and has not answered within {} s; its process may have been stopped in its tracks: 'dmg \
         system query' shows the state of its rank",
        limit.as_secs()
    );
    Failure::new(Code::Timedout, sentence)
}

fn fetch(host: &str, port: u16, limit: Duration) -> Result<String> {
    let unreached = |error: std::io::Error| Failure::new(Code::Unreach, format!("nobody answers: {error}"));
    let deadline = SystemClock.monotonic() + limit;
    let mut stream = connect(host, port, deadline).map_err(unreached)?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").map_err(unreached)?;
    let (mut answer, mut bytes) = (Vec::new(), vec![0; 64 << 10]);
    while answer.len() < LENGTH_MAX {
        let left = deadline.saturating_sub(SystemClock.monotonic());
        if left.is_zero() {
            return Err(late(limit));
        }
        stream.set_read_timeout(Some(left)).map_err(Status::from)?;
        match stream.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err(late(limit));
            }
            Err(error) => return Err(unreached(error)),
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        Some((head, _)) => {
            let line = head.lines().next().unwrap_or_default();
            Err(Failure::new(Code::Proto, format!("whoever is there answers '{line}'; give the telemetry port")))
        }
        None => Err(Failure::new(Code::Proto, "whoever is there speaks no HTTP; give the telemetry port")),
    }
}

/// Whether a metric is asked for; a histogram is named without what its lines end in.
fn is_wanted(name: &str, options: &MetricsOptions) -> bool {
    let histogram = ["_bucket", "_sum", "_count"].into_iter().find_map(|end| name.strip_suffix(end));
    let is = |wanted: &String| wanted == name || Some(wanted.as_str()) == histogram;
    options.metrics.is_empty() || options.metrics.iter().any(is)
}

/// Names and meanings.
fn list(text: &str, options: &MetricsOptions) -> Reply {
    let kind = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("# TYPE ")?.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or("untyped").to_owned()
    };
    let helps = text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
    let rows: Vec<Vec<String>> = helps
        .filter(|(name, _)| is_wanted(name, options))
        .map(|(name, help)| vec![name.to_owned(), kind(name), help.to_owned()])
        .collect();
    let json: Vec<Value> =
        rows.iter().map(|row| json!({ "name": row[0], "type": row[1], "description": row[2] })).collect();
    Reply::new(table(&["Name", "Type", "Description"], &rows), json!({ "available_metric_sets": json }))
}

/// A value as JSON: whole where it is.
fn number_of(text: &str) -> Value {
    match (text.parse::<u64>(), text.parse::<f64>()) {
        (Ok(whole), _) => json!(whole),
        (_, Ok(number)) => json!(number),
        _ => Value::Null,
    }
}

/// The values, as they came.
fn query(text: &str, options: &MetricsOptions) -> Reply {
    let value = |line: &str| -> Option<(String, String, String)> {
        let (name, number) = line.rsplit_once(' ')?;
        let (name, labels) = name.split_once('{').unwrap_or((name, ""));
        Some((name.to_owned(), labels.trim_end_matches('}').to_owned(), number.to_owned()))
    };
    let values: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(value)
        .filter(|(name, ..)| is_wanted(name, options))
        .collect();
    let json: Vec<Value> = values
        .iter()
        .map(|(name, labels, number)| json!({ "name": name, "labels": labels, "value": number_of(number) }))
        .collect();
    let rows: Vec<Vec<String>> = values.into_iter().map(|(name, labels, number)| vec![name, labels, number]).collect();
    Reply::new(table(&["Name", "Labels", "Value"], &rows), json!({ "metrics": json }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_lose_their_control_ports() {
        for (list, name) in [("a", "a"), ("a:10001,b", "a"), ("[::1]:10001", "::1"), ("1.2.3.4:5", "1.2.3.4")] {
            let global = GlobalOptions { host_list: Some(list.to_owned()), ..GlobalOptions::default() };
            assert_eq!(host(&global), name);
        }
        assert_eq!(host(&GlobalOptions::default()), "localhost");
    }

    /// The kernel takes connections in for a process that is stopped in its tracks.
    #[test]
    fn an_engine_that_does_not_answer_is_named_as_one() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let failure = fetch("127.0.0.1", port, Duration::from_millis(200)).expect_err("nobody answers");
        assert!(failure.code() == Code::Timedout && failure.sentence().contains("stopped in its tracks"), "{failure}");
        drop(listener);
        let failure = fetch("127.0.0.1", port, LIMIT).expect_err("nobody is there");
        assert_eq!(failure.code(), Code::Unreach, "{failure}");
    }

    #[test]
    fn values_are_shown_by_name_and_labels() {
        let text = "# HELP a what it is\n# TYPE a gauge\na{x=\"1\"} 5\nb 6\n";
        let all = MetricsOptions { port: None, metrics: Vec::new() };
        assert_eq!(list(text, &all).text, "Name  Type   Description\na     gauge  what it is\n");
        let histogram = "h_bucket{le=\"1\"} 5\nh_sum 0.5\nh_count 5\n";
        let of_it = MetricsOptions { port: None, metrics: vec!["h".to_owned()] };
        let values = &query(histogram, &of_it).json["metrics"];
        assert_eq!((values.as_array().map(Vec::len), &values[1]["value"]), (Some(3), &json!(0.5)));
        let one = MetricsOptions { port: None, metrics: vec!["a".to_owned()] };
        assert_eq!(query(text, &one).json, json!({ "metrics": [{ "name": "a", "labels": "x=\"1\"", "value": 5 }] }));
    }
}
