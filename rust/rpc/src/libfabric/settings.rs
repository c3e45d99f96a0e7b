//! Where and how a fabric endpoint is opened.

use crate::Address;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

/// The settings of a [`FabricTransport`](super::FabricTransport).
#[derive(Clone, Debug)]
pub struct FabricSettings {
    /// The provider's word: `tcp`, `verbs`. Upstream's spellings (`ofi+tcp`, `ofi+tcp;ofi_rxm`) mean the same.
    pub provider: String,
    /// The address to listen on, in numbers; without one, that of the interface.
    pub host: Option<String>,
    /// The interface to listen on; without one, and without a host, the machine's own `127.0.0.1`.
    pub interface: Option<String>,
    /// The port to listen on; zero takes a free one.
    pub port: u16,
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
            port: 0,
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
        let name = self.provider.strip_prefix("ofi+").unwrap_or(&self.provider);
        name.split(';').next().unwrap_or(name)
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
        {
            assert_eq!(FabricSettings::new(spelling).word(), word);
        }
    }
}
