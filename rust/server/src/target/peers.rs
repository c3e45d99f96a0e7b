//! The targets of the engine, as one of them calls them.

use super::{Inner, internal};
use daos_env::sync::join_all;
use daos_rpc::{Address, Endpoint};
use daos_status::{Code, Result, Status, fail};
use daos_types::TargetIndex;
use daos_wire::{Opcode, Wire, decode, encode};
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// Calls targets of the same engine, itself among them.
pub(crate) struct Peers {
    index: TargetIndex,
    endpoint: Endpoint,
    targets: Vec<Address>,
    timeout: Duration,
    /// The target itself, which is not called through the fabric.
    own: RefCell<Weak<Inner>>,
}

impl Peers {
    pub fn new(
        index: TargetIndex,
        endpoint: Endpoint,
        targets: Vec<Address>,
        session: u64,
        timeout: Duration,
    ) -> Result<Peers> {
        for (number, address) in targets.iter().enumerate() {
            if number != index.0 as usize {
                endpoint.set_session(address, session)?;
            }
        }
        Ok(Peers { index, endpoint, targets, timeout, own: RefCell::default() })
    }

    pub fn set_own(&self, own: &Rc<Inner>) {
        self.own.replace(Rc::downgrade(own));
    }

    /// Addresses of all targets.
    pub fn addresses(&self) -> &[Address] {
        &self.targets
    }

    /// How many targets the engine has.
    pub fn count(&self) -> u32 {
        self.targets.len() as u32
    }

    /// Asks a target.
    pub async fn call<Q: Wire, R: Wire>(&self, target: TargetIndex, opcode: Opcode, request: &Q) -> Result<R> {
        let reply = if target == self.index {
            let own = self.own.borrow().upgrade();
            let Some(own) = own else { fail!(Code::Shutdown, "target {} is ending", target.0) };
            internal::handle(&own, opcode, &encode(request)).await?
        } else {
            let Some(address) = self.targets.get(target.0 as usize) else {
                fail!(Code::BadTarget, "the engine has no target {}", target.0);
            };
            self.endpoint.call(address, opcode as u16, encode(request), self.timeout).await?.to_vec()
        };
        decode(&reply)
    }

    /// Asks many targets at once; gives their answers in order, or the first error after all have answered.
    pub async fn call_all<Q: Wire, R: Wire>(
        &self,
        targets: &[TargetIndex],
        opcode: Opcode,
        request: &Q,
    ) -> Result<Vec<R>> {
        let calls = targets.iter().map(|target| async move {
            let reply = self.call(*target, opcode, request).await;
            reply.map_err(|status: Status| status.while_doing(format_args!("target {}", target.0)))
        });
        join_all(calls).await.into_iter().collect()
    }

    /// As [`Peers::call_all`], of every target.
    pub async fn call_everywhere<Q: Wire, R: Wire>(&self, opcode: Opcode, request: &Q) -> Result<Vec<R>> {
        let targets: Vec<TargetIndex> = (0..self.count()).map(TargetIndex).collect();
        self.call_all(&targets, opcode, request).await
    }
}
