//! Where and how a fabric endpoint is opened.

use super::interfaces::address_of;
use super::place::host_of;
use crate::Address;
use daos_status::Result;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

/// Providers that are told where to listen by an IP address; the others are told by a domain.
const IP_PROVIDERS: &[&str] = &["tcp", "verbs", "sockets", "udp", "net"];

/// The settings of a [`FabricTransport`](super::FabricTransport).
#[derive(Clone, Debug)]
pub struct FabricSettings {
    /// The provider's word: `tcp`, `verbs`, `cxi`, `opx`, `ucx`. Upstream's spellings mean the same: `ofi+tcp`, `ofi+verbs;ofi_rxm`, `ucx+dc_x`.
    pub provider: String,
    /// The address to listen on, in numbers; without one, that of the interface.
    pub host: Option<String>,
    /// The network interface to listen on, upstream's `fabric_iface` (`eth0`, `ib0`, `hsn0`); without one, and without a host, the machine's own
    /// `127.0.0.1`.
    pub interface: Option<String>,
    /// The provider's domain, upstream's `D_DOMAIN` (`mlx5_0`, `cxi0`), where the interface does not decide.
    pub domain: Option<String>,
    /// The port to listen on; zero takes a free one.
    pub port: u16,
    /// Receive buffers, of 16 KiB each: what may come in while the thread does something else, before the fabric has to hold messages back.
    pub receives: usize,
    /// How long messages may wait for a connection to their peer before they are given back as failed.
    pub connect_limit: Duration,
}

impl FabricSettings {
    /// The usual settings for a provider: on this machine, at any free port.
    pub fn new(provider: &str) -> FabricSettings {
        FabricSettings {
            provider: provider.to_owned(),
            host: None,
            interface: None,
            domain: None,
            port: 0,
            receives: 128,
            connect_limit: Duration::from_secs(10),
        }
    }

    /// The settings for an endpoint that can reach a peer, and be reached by it: on the interface that leads there.
    pub fn towards(provider: &str, peer: Option<&Address>) -> FabricSettings {
        let mut settings = FabricSettings::new(provider);
        let socket = peer.and_then(|peer| peer.place(settings.word()).ok()?.parse().ok());
        settings.host = socket.and_then(way_to).map(|host| host.to_string());
        settings
    }

    /// The word that stands in addresses.
    pub(super) fn word(&self) -> &str {
        if self.provider.starts_with("ucx+") {
            // Upstream's transports of UCX: libfabric's provider chooses among them.
            return "ucx";
        }
        let name = self.provider.strip_prefix("ofi+").unwrap_or(&self.provider);
        name.split(';').next().unwrap_or(name)
    }

    /// Whether the provider's addresses are those of IP.
    fn is_ip(&self) -> bool {
        IP_PROVIDERS.contains(&self.word())
    }

    /// The address to ask the provider for, in numbers, if it takes any.
    pub(super) fn source(&self) -> Result<Option<IpAddr>> {
        match (&self.host, &self.interface) {
            (Some(host), _) => host_of(host).map(Some),
            (None, Some(interface)) if self.is_ip() => address_of(interface).map(Some),
            (None, None) if self.is_ip() => Ok(Some(super::LOOPBACK.into())),
            _ => Ok(None),
        }
    }

    /// The domain to ask the provider for.
    pub(super) fn domain(&self) -> Option<&str> {
        let interface = self.interface.as_deref().filter(|_| !self.is_ip() && self.host.is_none());
        self.domain.as_deref().or(interface)
    }

    /// Where the endpoint is wanted, for people.
    pub(super) fn place(&self) -> String {
        let place = self.host.as_deref().or(self.interface.as_deref()).or(self.domain.as_deref());
        place.map_or_else(|| super::LOOPBACK.to_string(), str::to_owned)
    }
}

/// The address of the interface that the machine would use to send to a peer. Nothing is sent to find out.
fn way_to(peer: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = if peer.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(peer).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|host| !host.is_unspecified())
}

impl Default for FabricSettings {
    fn default() -> FabricSettings {
        FabricSettings::new("tcp")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_this_machine_is_the_loopback() {
        let host = |peer: &str| FabricSettings::towards("tcp", Some(&Address::parse(peer).unwrap())).host;
        assert_eq!(host("tcp://127.0.0.1:5000"), Some("127.0.0.1".to_owned()));
        assert_eq!(host("verbs://127.0.0.1:5000"), None);
        assert_eq!(host("tcp://nonsense"), None);
    }

    #[test]
    fn spellings_of_providers() {
        for (spelling, word) in
            [("tcp", "tcp"), ("ofi+tcp", "tcp"), ("ofi+tcp;ofi_rxm", "tcp"), ("verbs;ofi_rxm", "verbs")]
                .into_iter()
                .chain([("ofi+cxi", "cxi"), ("ucx+dc_x", "ucx"), ("ucx", "ucx"), ("ofi+opx", "opx")])
        {
            assert_eq!(FabricSettings::new(spelling).word(), word);
        }
    }

    #[test]
    fn interfaces_are_addresses_or_domains_as_the_provider_wants_it() {
        let on = |provider: &str, interface: Option<&str>, domain: Option<&str>| {
            let mut settings = FabricSettings::new(provider);
            settings.interface = interface.map(str::to_owned);
            settings.domain = domain.map(str::to_owned);
            (
                settings.source().unwrap().map(|host| host.to_string()),
                settings.domain().map(str::to_owned),
                settings.place(),
            )
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(on("tcp", None, None), (some("127.0.0.1"), None, "127.0.0.1".to_owned()));
        assert_eq!(on("ofi+verbs", Some("lo"), Some("mlx5_0")), (some("127.0.0.1"), some("mlx5_0"), "lo".to_owned()));
        assert_eq!(on("cxi", Some("cxi0"), None), (None, some("cxi0"), "cxi0".to_owned()));
        assert_eq!(on("cxi", Some("hsn0"), Some("cxi1")), (None, some("cxi1"), "hsn0".to_owned()));
    }
}
