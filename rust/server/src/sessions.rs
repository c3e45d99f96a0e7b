//! The clients that are attached to an engine.

use crate::Peer;
use crate::standing::Standing;
use daos_env::Random;
use daos_pool_service::{Caller, ClientId};
use daos_status::{Code, Result, fail};
use daos_types::HolderId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Session tokens of attached clients. The token that a client is greeted with is what proves that it could reach the
/// engine's socket; it goes with each of its requests.
///
/// Shared between the thread that greets clients and the target that the pool service runs on; not on the path of I/O.
pub struct Sessions {
    known: Mutex<Known>,
    /// Pools whose contents end with the engine: as long as there are any, the engine does not end by itself.
    volatile_pools: AtomicUsize,
    /// The token of the engine itself, which no client has.
    engine: AtomicU64,
    standing: Standing,
}

#[derive(Default)]
struct Known {
    sessions: BTreeMap<u64, Session>,
    /// Sessions that ended, and whose handles are still to be closed.
    gone: BTreeMap<u64, HolderId>,
}

struct Session {
    peer: Peer,
    /// The client process, once it has said which it is.
    holder: Option<HolderId>,
}

impl Sessions {
    /// No clients yet.
    pub fn new(random: &dyn Random) -> Sessions {
        let engine = AtomicU64::new(token(random));
        Sessions { known: Mutex::default(), volatile_pools: AtomicUsize::new(0), engine, standing: Standing::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a client, and gives its token.
    pub fn admit(&self, random: &dyn Random, peer: Peer) -> u64 {
        let mut known = self.known();
        loop {
            let session = token(random);
            if session != self.engine() && !known.sessions.contains_key(&session) {
                known.sessions.insert(session, Session { peer, holder: None });
                return session;
            }
        }
    }

    /// Forgets a client; its handles are revoked by [`crate::Target::client_gone`].
    pub fn forget(&self, session: u64) -> ClientId {
        let mut known = self.known();
        if let Some(holder) = known.sessions.remove(&session).and_then(|session| session.holder) {
            known.gone.insert(session, holder);
        }
        ClientId(session)
    }

    /// Ends the sessions of clients that are sent elsewhere. What they hold stays open: they have it there.
    pub(crate) fn dismiss(&self, sessions: &[u64]) {
        let mut known = self.known();
        for session in sessions {
            known.sessions.remove(session);
        }
    }

    /// The client process whose session ended, unless it has another one.
    pub(crate) fn take_gone(&self, client: ClientId) -> Option<HolderId> {
        let mut known = self.known();
        let holder = known.gone.remove(&client.0)?;
        let is_back = known.sessions.values().any(|session| session.holder == Some(holder));
        (!is_back).then_some(holder)
    }

    /// Who asks by a token, and where its process is.
    ///
    /// `holder`: the client process that it says it is; a session stays with the first one.
    pub(crate) fn caller(&self, session: u64, holder: Option<HolderId>) -> Result<(Caller, String)> {
        let mut known = self.known();
        let Some(session) = known.sessions.get_mut(&session) else {
            fail!(Code::NoPerm, "the request has no session of an attached client: attach through engine.sock first");
        };
        match (session.holder, holder) {
            (Some(before), Some(holder)) if before != holder => {
                fail!(Code::NoPerm, "the session belongs to client {before}, not to {holder}")
            }
            (None, Some(holder)) => session.holder = Some(holder),
            _ => {}
        }
        let Peer { credentials, is_admin, place } = session.peer.clone();
        Ok((Caller { holder: session.holder.unwrap_or_default(), credentials, is_admin }, place))
    }

    /// The client processes that are attached.
    pub(crate) fn holders(&self) -> BTreeSet<HolderId> {
        self.known().sessions.values().filter_map(|session| session.holder).collect()
    }

    /// The token of requests between targets.
    pub(crate) fn engine(&self) -> u64 {
        self.engine.load(Ordering::Relaxed)
    }

    /// Takes over the token of the system that the engine is part of.
    pub(crate) fn set_engine(&self, token: u64) {
        self.engine.store(token, Ordering::Relaxed);
    }

    /// Whether the engine is part of the system, as far as it can tell.
    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
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

    fn code<T>(result: Result<T>) -> Option<Code> {
        result.err().map(|error| error.code())
    }

    #[test]
    fn only_admitted_clients_have_a_session() {
        let random = SeededRandom::new(1);
        let sessions = Sessions::new(&random);
        let session = sessions.admit(&random, Peer::trusted("ann@"));
        assert_eq!(sessions.caller(session, None).expect("known").0.credentials.user, "ann@");
        for other in [0, session + 1, sessions.engine()] {
            assert_eq!(code(sessions.caller(other, None)), Some(Code::NoPerm));
        }
        assert_eq!(sessions.forget(session), ClientId(session));
        assert!(sessions.caller(session, None).is_err());
        assert_eq!(sessions.take_gone(ClientId(session)), None, "it never said who it is");
    }

    #[test]
    fn a_client_that_is_sent_elsewhere_is_not_here_and_not_gone() {
        let random = SeededRandom::new(1);
        let sessions = Sessions::new(&random);
        let ann = HolderId::from_bytes([1; 16]);
        let session = sessions.admit(&random, Peer::trusted("ann@"));
        sessions.caller(session, Some(ann)).expect("known");
        sessions.dismiss(&[session]);
        assert!(sessions.holders().is_empty() && sessions.caller(session, Some(ann)).is_err());
        assert_eq!(sessions.take_gone(ClientId(session)), None);
    }

    #[test]
    fn a_session_belongs_to_one_client_that_may_come_back() {
        let random = SeededRandom::new(1);
        let sessions = Sessions::new(&random);
        let (ann, bob) = (HolderId::from_bytes([1; 16]), HolderId::from_bytes([2; 16]));
        let first = sessions.admit(&random, Peer::trusted("ann@"));
        assert_eq!(sessions.caller(first, Some(ann)).expect("known").0.holder, ann);
        assert_eq!(code(sessions.caller(first, Some(bob))), Some(Code::NoPerm));
        let second = sessions.admit(&random, Peer::trusted("ann@"));
        sessions.caller(second, Some(ann)).expect("known");
        let gone = sessions.forget(first);
        assert_eq!(sessions.take_gone(gone), None, "it has come back before");
        let gone = sessions.forget(second);
        assert_eq!(sessions.take_gone(gone), Some(ann));
        assert_eq!(sessions.take_gone(gone), None);
    }
}
