//! `network scan`: network interfaces, of the machines of engines or of this one.

use super::engines::{self, host};
use crate::arguments::{GlobalOptions, LocalScanOptions, NetworkScanOptions};
use crate::configuration::{self, ServerFile};
use crate::failure::{Failure, Result};
use crate::reply::{Reply, table};
use crate::session::Session;
use daos_client::{EngineInterfaces, FabricInterface};
use daos_server::network_interfaces;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What is asked for by whoever wants to see everything.
const ALL: &str = "all";
/// What upstream puts before the names of libfabric's providers.
const PREFIX: &str = "ofi+";
/// The provider of a local engine for processes that cannot share memory with it.
const LOCAL_PROVIDER: &str = "tcp";

/// Machines that have the same.
struct Set {
    places: Vec<String>,
    fabric: EngineInterfaces,
}

/// `dmg network scan`.
pub fn scan(session: &Session, global: &GlobalOptions, options: &NetworkScanOptions) -> Result<Reply> {
    let doing = "scan the networks of engines";
    if !session.uses_system() {
        let all = network_interfaces(LOCAL_PROVIDER).map_err(|status| Failure::from(status).doing(doing))?;
        let sets = [of_here(chosen(all, options.provider.as_deref()))];
        return Ok(Reply::new(text(&sets), json!({ "host_errors": {}, "HostFabrics": object(&sets) })));
    }
    let answers = engines::ask(session, global, &options.engines, |client, ranks| async move {
        client.engines_interfaces(ranks).await
    });
    let answers = answers.map_err(|error| error.doing(doing))?;
    let mut sets: Vec<Set> = Vec::new();
    for (info, fabric) in &answers.found {
        let fabric = chosen(fabric.clone(), options.provider.as_deref());
        let place = info.control.clone();
        match sets.iter_mut().find(|set| set.fabric == fabric) {
            Some(set) => set.places.push(place),
            None => sets.push(Set { places: vec![place], fabric }),
        }
    }
    let json = json!({ "host_errors": answers.host_errors(), "HostFabrics": object(&sets) });
    Ok(answers.reply(text(&sets), json, doing))
}

/// `daos_server network scan`.
pub fn scan_here(options: &LocalScanOptions) -> Result<Reply> {
    let file: ServerFile = options.config_path.as_deref().map(configuration::read).transpose()?.unwrap_or_default();
    let provider = file.provider.as_deref().or(file.engines.iter().find_map(|engine| engine.provider.as_deref()));
    let all = network_interfaces(provider.unwrap_or(ALL));
    let all = all.map_err(|status| Failure::from(status).doing("scan the network of this machine"))?;
    let sets = [of_here(chosen(all, options.provider.as_deref()))];
    Ok(Reply::new(text(&sets), object(&sets)))
}

fn of_here(fabric: EngineInterfaces) -> Set {
    Set { places: vec!["localhost".to_owned()], fabric }
}

/// What a provider serves: the one that is asked for, else the one that the engine uses.
fn chosen(mut fabric: EngineInterfaces, asked: Option<&str>) -> EngineInterfaces {
    if let Some(asked) = asked {
        asked.clone_into(&mut fabric.provider);
    }
    let wanted = fabric.provider.clone();
    fabric.interfaces.retain(|interface| matches(&interface.provider, &wanted));
    fabric
}

/// Whether a provider's name begins as is asked for. Settings may leave out upstream's prefix, and those for UCX name a transport.
fn matches(provider: &str, wanted: &str) -> bool {
    let plain = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_owned();
    match wanted {
        all if all.eq_ignore_ascii_case(ALL) => true,
        ucx if ucx.starts_with("ucx") => plain(provider).starts_with("ucx"),
        name => plain(provider).starts_with(&plain(name)),
    }
}

/// As upstream prints it.
fn text(sets: &[Set]) -> String {
    let mut text = String::new();
    for set in sets {
        let mut hosts: Vec<String> = set.places.iter().map(|place| host(place)).collect();
        hosts.dedup();
        text.push_str(&format!("{}\n\n", under_lines(&hosts.join(","))));
        if set.fabric.interfaces.is_empty() {
            let provider = &set.fabric.provider;
            text.push_str(&format!(
                "    No network interface is served by {provider}; '--provider all' shows what others serve\n\n"
            ));
        }
        for (node, providers) in by_node(&set.fabric.interfaces) {
            let title = indented(4, &under_lines(&format!("NUMA Socket {node}")));
            let rows = providers.into_iter().map(|(provider, devices)| vec![provider.to_owned(), devices.join(", ")]);
            let lines = ["Provider", "Interfaces"].map(|title| "-".repeat(title.len())).to_vec();
            let rows: Vec<Vec<String>> = std::iter::once(lines).chain(rows).collect();
            text.push_str(&format!("{title}\n\n{}\n\n", indented(8, &table(&["Provider", "Interfaces"], &rows))));
        }
    }
    text
}

/// Interfaces by their memory node and provider.
fn by_node(interfaces: &[FabricInterface]) -> BTreeMap<u32, BTreeMap<&str, Vec<&str>>> {
    let mut nodes: BTreeMap<u32, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for interface in interfaces {
        let providers = nodes.entry(interface.numa_node).or_default();
        providers.entry(&interface.provider).or_default().push(&interface.device);
    }
    nodes
}

/// A line between two of its length.
fn under_lines(title: &str) -> String {
    let line = "-".repeat(title.chars().count());
    format!("{line}\n{title}\n{line}")
}

fn indented(width: usize, text: &str) -> String {
    text.trim_end().lines().map(|line| format!("{:width$}{line}", "")).collect::<Vec<_>>().join("\n")
}

/// In upstream's shape.
fn object(sets: &[Set]) -> Value {
    let each = sets.iter().enumerate().map(|(number, set)| {
        let interfaces: Vec<Value> = set.fabric.interfaces.iter().map(interface).collect();
        let mut providers: Vec<&str> = set.fabric.interfaces.iter().map(|one| one.provider.as_str()).collect();
        providers.sort_unstable();
        providers.dedup();
        let fabric = json!({
            "Interfaces": interfaces,
            "Providers": providers,
            "NumaCount": set.fabric.numa_nodes,
            "CoresPerNuma": set.fabric.cores_per_node,
        });
        (number.to_string(), json!({ "HostFabric": fabric, "HostSet": set.places.join(",") }))
    });
    Value::Object(each.collect::<Map<_, _>>())
}

fn interface(interface: &FabricInterface) -> Value {
    json!({
        "Provider": interface.provider,
        "Device": interface.device,
        "NumaNode": interface.numa_node,
        "Priority": interface.priority,
        "NetDevClass": interface.class,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fabric(provider: &str) -> EngineInterfaces {
        let one = |provider: &str, device: &str, numa_node| FabricInterface {
            provider: provider.to_owned(),
            device: device.to_owned(),
            numa_node,
            priority: 0,
            class: 1,
        };
        EngineInterfaces {
            provider: provider.to_owned(),
            numa_nodes: 2,
            cores_per_node: 4,
            interfaces: vec![
                one("ofi+verbs;ofi_rxm", "ib0", 1),
                one("ofi+tcp;ofi_rxm", "eth0", 0),
                one("ofi+tcp;ofi_rxm", "eth1", 0),
                one("ofi+ucx", "ib0", 1),
            ],
        }
    }

    #[test]
    fn providers_are_chosen_by_upstreams_names_and_by_ours() {
        let count = |own: &str, asked: Option<&str>| chosen(fabric(own), asked).interfaces.len();
        for (own, asked, number) in [
            ("tcp", None, 2),
            ("ofi+tcp", None, 2),
            ("ofi+tcp;ofi_rxm", None, 2),
            ("tcp", Some("ofi+verbs"), 1),
            ("tcp", Some("ALL"), 4),
            ("tcp", Some("ucx+dc_x"), 1),
            ("tcp", Some("cxi"), 0),
        ] {
            assert_eq!(count(own, asked), number, "{own} {asked:?}");
        }
    }

    #[test]
    fn interfaces_are_shown_by_node_as_upstream_does() {
        let sets = [Set {
            places: vec!["a:1".to_owned(), "a:2".to_owned(), "b:1".to_owned()],
            fabric: chosen(fabric("tcp"), None),
        }];
        let expected = "---\na,b\n---\n\n    -------------\n    NUMA Socket 0\n    -------------\n\n        \
                        Provider         Interfaces\n        --------         ----------\n        ofi+tcp;ofi_rxm  eth0, eth1\n\n";
        assert_eq!(text(&sets), expected);
        let value = &object(&sets)["0"];
        assert_eq!(
            (&value["HostSet"], &value["HostFabric"]["Providers"]),
            (&json!("a:1,a:2,b:1"), &json!(["ofi+tcp;ofi_rxm"]))
        );
        assert_eq!(value["HostFabric"]["Interfaces"][1]["Device"], "eth1");
        let none = [of_here(chosen(fabric("cxi"), None))];
        assert!(text(&none).contains("served by cxi; '--provider all'"), "{}", text(&none));
    }
}
