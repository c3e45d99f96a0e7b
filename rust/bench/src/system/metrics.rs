//! What engines count, read from their ports of metrics, and what the kernel says about their processes.

use daos_status::{Code, Result, fail};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

/// The most of an answer that is read.
const TEXT_BYTES_MAX: u64 = 4 << 20;

/// Metrics by their names with labels.
#[derive(Default)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Those of the engine that serves them at a port of this machine.
    pub fn of(port: u16) -> Result<Metrics> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n")?;
        let mut text = String::new();
        stream.take(TEXT_BYTES_MAX).read_to_string(&mut text)?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            fail!(Code::Proto, "port {port} gave no metrics");
        };
        if !head.starts_with("HTTP/1.1 200") {
            fail!(Code::Proto, "port {port} gave no metrics: {head}");
        }
        Ok(Metrics::read(body))
    }

    fn read(text: &str) -> Metrics {
        let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
        Metrics(lines.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
    }

    /// Those of several engines together.
    pub fn sum(each: Vec<Metrics>) -> Metrics {
        let mut all = BTreeMap::new();
        for (name, value) in each.into_iter().flat_map(|metrics| metrics.0) {
            *all.entry(name).or_insert(0.0) += value;
        }
        Metrics(all)
    }

    /// The sum of one, over all its labels that hold `part`.
    pub fn get(&self, name: &str, part: &str) -> f64 {
        let is_it = |key: &str| key.split('{').next() == Some(name) && key.contains(part);
        self.0.iter().filter(|(key, _)| is_it(key)).map(|(_, value)| value).sum()
    }
}

/// Memory and descriptors of a process.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Usage {
    /// Bytes of memory that it has mapped and touched, those too that it shares with others.
    pub memory_bytes: f64,
    /// Open descriptors.
    pub descriptors: f64,
}

impl Usage {
    /// Of a process.
    pub fn of(process: u32) -> Result<Usage> {
        let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Rss:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
        let Some(kilobytes) = kilobytes else { fail!(Code::Nosys, "the kernel does not say how much memory is used") };
        let descriptors = std::fs::read_dir(format!("/proc/{process}/fd"))?.count();
        Ok(Usage { memory_bytes: kilobytes * 1024.0, descriptors: descriptors as f64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_summed_over_labels_and_engines() {
        let text =
            "# HELP a x\na{target=\"0\",op=\"Fetch\"} 3\na{target=\"1\",op=\"Fetch\"} 4\na{op=\"Update\"} 1\nab 9\n";
        let both = Metrics::sum(vec![Metrics::read(text), Metrics::read(text)]);
        assert_eq!((both.get("a", "\"Fetch\""), both.get("a", ""), both.get("none", "")), (14.0, 16.0, 0.0));
    }
}
