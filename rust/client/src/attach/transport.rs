//! The client's end of the way to the targets.

use crate::{Client, TransportChoice};
use daos_env::Env;
use daos_rpc::libfabric::{FabricSettings, FabricTransport};
use daos_rpc::shared_memory::{SCHEME, SharedMemorySettings, SharedMemoryTransport};
use daos_rpc::{Address, CompositeTransport, Transport};
use daos_status::{Code, Result, Status};
use std::rc::Rc;
use std::time::Duration;

/// How long the targets have to answer to the first message through shared memory. They do so at once unless they are
/// stopped, and then nothing else works either.
const SETTLE_LIMIT: Duration = Duration::from_secs(1);

/// Opens the client's end by the settings, for targets at these addresses; it is to be settled when they were resolved.
pub(super) fn open(client: &Client, provider: &str, targets: &[Address]) -> Result<Rc<CompositeTransport>> {
    let choice = client.0.settings.transport;
    let shared = match choice {
        TransportChoice::Network => None,
        TransportChoice::Automatic | TransportChoice::SharedMemory => {
            let settings = SharedMemorySettings { listens: false, ..SharedMemorySettings::default() };
            Some(SharedMemoryTransport::open(client.env(), &settings)?)
        }
    };
    let (env, provider, network) = (client.env().clone(), provider.to_owned(), network_of(targets));
    let opener = move || match &network {
        _ if choice == TransportChoice::SharedMemory => {
            let sentence = "the engine does not share memory with this process, and DAOS_TRANSPORT allows nothing else";
            Err(Status::new(Code::Unreach, sentence))
        }
        Some(network) => open_network(&env, &provider, network),
        None => Err(Status::new(Code::Unreach, "the engine is not on a network, nor on this machine")),
    };
    CompositeTransport::new(shared, Box::new(opener))
}

/// Waits until it is known which targets share memory, so that no call goes to one that refuses to.
pub(super) async fn settle(client: &Client, both: &CompositeTransport) {
    if client.spawner().timeout(SETTLE_LIMIT, both.settled()).await.is_none() {
        daos_env::log!(Warn, "client", "the engine does not answer through shared memory");
    }
}

/// The first target's address on the network.
fn network_of(targets: &[Address]) -> Option<Address> {
    targets.iter().flat_map(Address::alternatives).find(|way| way.scheme() != SCHEME)
}

fn open_network(env: &Env, provider: &str, target: &Address) -> Result<Rc<dyn Transport>> {
    Ok(FabricTransport::open(env, &FabricSettings::towards(provider, Some(target)))?)
}
