//! What libfabric offers on this machine.

use super::domain::{Info, MEMORY_MODES, load, text_of};
use daos_status::Result;

/// A provider on one of its domains, as libfabric offers it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FabricOffer {
    /// The provider's full name, with the layers that libfabric puts over it: `tcp;ofi_rxm`.
    pub provider: String,
    /// The domain: of providers over IP a network interface, of others a device.
    pub domain: String,
    /// The place of the provider in libfabric's list, which has the one first that it likes best.
    pub priority: u32,
}

/// All that libfabric offers of endpoints as we need them.
///
/// # Errors
/// `DER_NOTSUPPORTED` without libfabric.
pub fn fabric_offers() -> Result<Vec<FabricOffer>> {
    load("the list of providers")?;
    let mut offers: Vec<FabricOffer> = Vec::new();
    let mut providers: Vec<String> = Vec::new();
    for local in MEMORY_MODES {
        let hints = Info::requirements(local)?;
        let Some(list) = hints.anywhere() else { continue };
        list.each(|info| {
            // SAFETY: a found info has all its attributes.
            let names = unsafe { (text_of((*info.fabric_attr).prov_name), text_of((*info.domain_attr).name)) };
            let (provider, domain) = names;
            if offers.iter().any(|offer| offer.provider == provider && offer.domain == domain) {
                return;
            }
            let place = providers.iter().position(|known| *known == provider).unwrap_or_else(|| {
                providers.push(provider.clone());
                providers.len() - 1
            });
            offers.push(FabricOffer { provider, domain, priority: place as u32 });
        });
    }
    Ok(offers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_has_tcp_on_its_loopback() {
        let offers = fabric_offers().expect("libfabric is here");
        let tcp = |offer: &&FabricOffer| offer.provider.starts_with("tcp") && offer.domain == "lo";
        assert_eq!(offers.iter().filter(tcp).count(), 1, "{offers:?}");
        let best = offers.iter().map(|offer| offer.priority).min();
        assert_eq!(best, Some(0), "{offers:?}");
    }
}
