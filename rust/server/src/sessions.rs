//! The clients that are attached to an engine.

use daos_env::Random;
use daos_pool_service::ClientId;
use daos_status::{Code, Result, fail};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Session tokens of attached clients. The token that a client is greeted with is what proves that it could reach the
/// engine's socket; it goes with each of its requests.
///
/// Shared between the thread that greets clients and the target that the pool service runs on; not on the path of I/O.
pub struct Sessions {
    known: Mutex<BTreeSet<u64>>,
    /// Pools whose contents end with the engine: as long as there are any, the engine does not end by itself.
    volatile_pools: AtomicUsize,
    /// The token of the engine itself, which no client has.
    engine: AtomicU64,
}

impl Sessions {
    /// No clients yet.
    pub fn new(random: &dyn Random) -> Sessions {
        Sessions { known: Mutex::default(), volatile_pools: AtomicUsize::new(0), engine: AtomicU64::new(token(random)) }
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a client, and gives its token.
    pub fn admit(&self, random: &dyn Random) -> u64 {
        let mut known = self.known();
        loop {
            let session = token(random);
            if session != self.engine() && known.insert(session) {
                return session;
            }
        }
    }

    /// Forgets a client; its handles are revoked by [`crate::Target::client_gone`].
    pub fn forget(&self, session: u64) -> ClientId {
        self.known().remove(&session);
        ClientId(session)
    }

    /// The client of a token.
    pub fn client(&self, session: u64) -> Result<ClientId> {
        if !self.known().contains(&session) {
            fail!(Code::NoPerm, "the request has no session of an attached client: attach through engine.sock first");
        }
        Ok(ClientId(session))
    }

    /// The token of requests between targets.
    pub(crate) fn engine(&self) -> u64 {
        self.engine.load(Ordering::Relaxed)
    }

    /// Takes over the token of the system that the engine is part of.
    pub(crate) fn set_engine(&self, token: u64) {
        self.engine.store(token, Ordering::Relaxed);
    }

    /// Notes how many volatile pools there are.
    pub(crate) fn set_volatile_pools(&self, count: usize) {
        self.volatile_pools.store(count, Ordering::Relaxed);
    }

    /// Whether data would be lost if the engine ended now.
    pub(crate) fn holds_volatile_data(&self) -> bool {
        self.volatile_pools.load(Ordering::Relaxed) > 0
    }
}

/// A token that is not zero: zero is what an endpoint sends without one.
fn token(random: &dyn Random) -> u64 {
    random.next_u64().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_env::SeededRandom;

    #[test]
    fn only_admitted_clients_have_a_session() {
        let random = SeededRandom::new(1);
        let sessions = Sessions::new(&random);
        let session = sessions.admit(&random);
        assert_eq!(sessions.client(session).ok(), Some(ClientId(session)));
        for other in [0, session + 1, sessions.engine()] {
            assert_eq!(sessions.client(other).map_err(|error| error.code()), Err(Code::NoPerm));
        }
        assert_eq!(sessions.forget(session), ClientId(session));
        assert!(sessions.client(session).is_err());
    }
}
