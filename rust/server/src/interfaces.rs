//! The network interfaces of this machine, and what serves them: what upstream calls its fabric.

use daos_rpc::libfabric::{FabricOffer, fabric_offers};
use daos_status::Result;
use daos_wire::{EngineInterfaces, FabricInterface};
use std::fs;
use std::path::{Path, PathBuf};

/// The kind of interface that reaches this machine only (`ARPHRD_LOOPBACK`).
const LOOPBACK: u32 = 772;
/// What upstream puts before the names of libfabric's providers.
const PREFIX: &str = "ofi+";

/// Where the kernel tells of devices.
struct Devices(PathBuf);

impl Devices {
    fn number(&self, path: &str) -> Option<i64> {
        fs::read_to_string(self.0.join(path)).ok()?.trim().parse().ok()
    }

    fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.join(path)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        names
    }

    /// The network interfaces of a provider's domain: itself, or those of the device of that name.
    fn of_domain(&self, domain: &str) -> Vec<String> {
        if domain.is_empty() || domain.contains('/') || domain.starts_with('.') {
            return Vec::new();
        }
        if self.0.join("class/net").join(domain).exists() {
            return vec![domain.to_owned()];
        }
        let classes = ["infiniband", "cxi"];
        classes.iter().flat_map(|class| self.names(&format!("class/{class}/{domain}/device/net"))).collect()
    }

    /// Memory nodes, and processors of each.
    fn nodes(&self) -> (u32, u32) {
        let count = |path: &str, word: &str| {
            let is = |name: &String| name.strip_prefix(word).is_some_and(|rest| rest.parse::<u32>().is_ok());
            self.names(path).iter().filter(|name| is(name)).count() as u32
        };
        let nodes = count("devices/system/node", "node").max(1);
        (nodes, count("devices/system/cpu", "cpu") / nodes)
    }

    /// The interfaces that providers offer, without those that reach this machine only.
    fn interfaces(&self, offers: Vec<FabricOffer>) -> Vec<FabricInterface> {
        let mut found = Vec::new();
        for offer in offers {
            for device in self.of_domain(&offer.domain) {
                let class =
                    self.number(&format!("class/net/{device}/type")).and_then(|class| u32::try_from(class).ok());
                // An interface that is no device, as of a virtual machine, has no node; the kernel says -1 where there is one only.
                let node = self.number(&format!("class/net/{device}/device/numa_node"));
                let numa_node = node.and_then(|node| u32::try_from(node).ok()).unwrap_or(0);
                let provider = format!("{PREFIX}{}", offer.provider);
                if class != Some(LOOPBACK) {
                    let (priority, class) = (offer.priority, class.unwrap_or(0));
                    found.push(FabricInterface { provider, device, numa_node, priority, class });
                }
            }
        }
        found
    }
}

/// What libfabric offers on the network interfaces of this machine. May take seconds: providers look for their devices.
///
/// # Errors
/// `DER_NOTSUPPORTED` without libfabric.
pub fn network_interfaces(provider: &str) -> Result<EngineInterfaces> {
    let offers = fabric_offers()?;
    let devices = Devices(Path::new("/sys").to_path_buf());
    let (numa_nodes, cores_per_node) = devices.nodes();
    let interfaces = devices.interfaces(offers);
    Ok(EngineInterfaces { provider: provider.to_owned(), numa_nodes, cores_per_node, interfaces })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(place: &Path, name: &str, text: &str) {
        let path = place.join(name);
        fs::create_dir_all(path.parent().expect("within the place")).expect("writable");
        fs::write(path, text).expect("writable");
    }

    #[test]
    fn domains_are_interfaces_or_devices_that_have_some() {
        let place = tempfile::tempdir().expect("a temporary directory");
        for (name, text) in [
            ("class/net/eth0/type", "1\n"),
            ("class/net/eth0/device/numa_node", "-1\n"),
            ("class/net/lo/type", "772\n"),
            ("class/net/ib0/type", "32\n"),
            ("class/net/ib0/device/numa_node", "1\n"),
            ("class/infiniband/mlx5_0/device/net/ib0/x", ""),
            ("devices/system/node/node0/x", ""),
            ("devices/system/node/node1/x", ""),
            ("devices/system/node/online", "0-1"),
            ("devices/system/cpu/cpu0/x", ""),
            ("devices/system/cpu/cpu1/x", ""),
            ("devices/system/cpu/cpufreq/x", ""),
        ] {
            write(place.path(), name, text);
        }
        let devices = Devices(place.path().to_path_buf());
        assert_eq!(devices.nodes(), (2, 1));
        let offer = |provider: &str, domain: &str, priority| FabricOffer {
            provider: provider.to_owned(),
            domain: domain.to_owned(),
            priority,
        };
        let offers = vec![
            offer("verbs;ofi_rxm", "mlx5_0", 0),
            offer("tcp;ofi_rxm", "lo", 1),
            offer("tcp;ofi_rxm", "eth0", 1),
            offer("shm", "shm", 2),
            offer("odd", "../net", 3),
            offer("odd", "", 3),
        ];
        let interface = |provider: &str, device: &str, numa_node, priority, class| FabricInterface {
            provider: provider.to_owned(),
            device: device.to_owned(),
            numa_node,
            priority,
            class,
        };
        let expected =
            vec![interface("ofi+verbs;ofi_rxm", "ib0", 1, 0, 32), interface("ofi+tcp;ofi_rxm", "eth0", 0, 1, 1)];
        assert_eq!(devices.interfaces(offers), expected);
    }
}
