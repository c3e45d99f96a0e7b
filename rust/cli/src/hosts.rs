//! Lists of hosts as upstream writes them, and which engines are meant by them.

use daos_client::host_and_port;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, ToSocketAddrs};

/// The most hosts that a list names: a range with a slip of the pen must not fill the memory.
const HOSTS_MAX: usize = 4096;

/// Hosts, each perhaps with a port.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hosts(pub Vec<String>);

/// Reads `node[1-3,07],other:10002`.
pub fn hosts(text: &str) -> Result<Hosts, String> {
    let mut all = Vec::new();
    for part in parts(text) {
        let part = part.trim();
        if part.is_empty() {
            return Err(format!("'{text}' is no list of hosts; write node1,node2 or node[1-8]"));
        }
        expand(part, &mut all).ok_or_else(|| {
            format!("'{part}' is no host; write a name or an address, perhaps with :PORT, or node[1-8] for at most {HOSTS_MAX}")
        })?;
    }
    Ok(Hosts(all))
}

/// The parts between commas that are not in brackets.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(move |character| {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
    .collect()
}

/// The most digits of a number in a range.
const DIGITS_MAX: usize = 10;

/// Adds what a part names; nothing when it is malformed, or too much.
fn expand(part: &str, all: &mut Vec<String>) -> Option<()> {
    let Some((before, rest)) = part.split_once('[') else {
        let is_name = |character: char| character.is_ascii_alphanumeric() || "-_.:%".contains(character);
        return (part.chars().all(is_name) && all.len() < HOSTS_MAX).then(|| all.push(part.to_owned()));
    };
    let (ranges, after) = rest.split_once(']')?;
    if before.is_empty() && ranges.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6()) {
        return (all.len() < HOSTS_MAX).then(|| all.push(part.to_owned()));
    }
    for range in ranges.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        // Leading zeros are part of the names.
        if first.len() > DIGITS_MAX || first.starts_with('+') || last.starts_with('+') {
            return None;
        }
        let (from, to) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        if to < from || (to - from) as usize >= HOSTS_MAX {
            return None;
        }
        for number in from..=to {
            let width = first.len();
            expand(&format!("{before}{number:0width$}{after}"), all)?;
        }
    }
    Some(())
}

/// Places of engines, to be found by the hosts that somebody names.
#[derive(Default)]
pub struct Places {
    /// Their positions, by host and port, and by host alone.
    by_name: BTreeMap<(String, Option<u16>), BTreeSet<usize>>,
    /// The same by the addresses of the hosts.
    by_address: BTreeMap<(IpAddr, Option<u16>), BTreeSet<usize>>,
}

impl Places {
    /// Those of some control ports.
    pub fn of<'a>(controls: impl IntoIterator<Item = &'a str>) -> Places {
        let mut places = Places::default();
        let mut known: BTreeMap<&str, Vec<IpAddr>> = BTreeMap::new();
        for (position, control) in controls.into_iter().enumerate() {
            let (host, port) = host_and_port(control);
            let addresses = known.entry(host).or_insert_with(|| addresses_of(host));
            for port in [None, port] {
                places.by_name.entry((host.to_owned(), port)).or_default().insert(position);
                for address in addresses.iter() {
                    places.by_address.entry((*address, port)).or_default().insert(position);
                }
            }
        }
        places
    }

    /// The positions of those that are at a host. Without a port it means all of the host.
    pub fn at(&self, named: &str) -> BTreeSet<usize> {
        let (host, port) = host_and_port(named);
        let mut found = self.by_name.get(&(host.to_owned(), port)).cloned().unwrap_or_default();
        for address in addresses_of(host) {
            found.extend(self.by_address.get(&(address, port)).into_iter().flatten());
        }
        found
    }
}

/// The addresses of a host; one that nobody knows has none.
fn addresses_of(host: &str) -> Vec<IpAddr> {
    let found = (host, 0).to_socket_addrs().map(|all| all.map(|address| address.ip()).collect());
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lists_have_names_ports_and_ranges() {
        let list = |text: &str| hosts(text).map(|hosts| hosts.0.join(" "));
        for (text, all) in [
            ("a", "a"),
            ("a,b:10002, c", "a b:10002 c"),
            ("node[1-3]", "node1 node2 node3"),
            ("node[08-10,1]:7,x", "node08:7 node09:7 node10:7 node1:7 x"),
            ("r[1-2]n[1-2]", "r1n1 r1n2 r2n1 r2n2"),
            ("[::1]:10001,::1,1.2.3.4", "[::1]:10001 ::1 1.2.3.4"),
        ] {
            assert_eq!(list(text).as_deref(), Ok(all), "{text}");
        }
        for bad in [
            "",
            "a,,b",
            "node[",
            "node[1",
            "node[2-1]",
            "node[a]",
            "node[1-9999]",
            "a b",
            "n[1-99]m[1-99]",
            "]",
            "n[+1-2]",
        ] {
            assert!(hosts(bad).is_err(), "{bad}");
        }
        assert!(hosts(&format!("n[{}1-2]", "0".repeat(70_000))).is_err());
    }

    #[test]
    fn hosts_are_compared_by_name_and_by_address() {
        for (named, control, is) in [
            ("a.invalid", "a.invalid:10001", true),
            ("a.invalid:10002", "a.invalid:10001", false),
            ("127.0.0.1:7", "127.0.0.1:7", true),
            ("localhost", "127.0.0.1:10003", true),
            ("localhost:10003", "127.0.0.1:10003", true),
            ("::1", "[::1]:7", true),
            ("[::1]:7", "[::1]:7", true),
            ("192.0.2.1", "127.0.0.1:7", false),
        ] {
            assert_eq!(!Places::of([control]).at(named).is_empty(), is, "{named} {control}");
        }
    }

    #[test]
    fn a_host_has_all_of_its_places() {
        let places = Places::of(["127.0.0.1:1", "127.0.0.2:1", "localhost:2", "a.invalid:1", "127.0.0.1:2"]);
        let at = |named: &str| places.at(named).into_iter().collect::<Vec<_>>();
        assert_eq!((at("127.0.0.1"), at("localhost:2")), (vec![0, 2, 4], vec![2, 4]));
        assert_eq!((at("a.invalid"), at("127.0.0.2:2"), at("b.invalid")), (vec![3], vec![], vec![]));
    }

    proptest! {
        #[test]
        fn any_text_is_a_list_or_refused(text in "[a-c0-9\\[\\],:.-]{0,24}") {
            if let Ok(list) = hosts(&text) {
                prop_assert!(!list.0.is_empty() && list.0.len() <= HOSTS_MAX);
            }
        }
    }
}
