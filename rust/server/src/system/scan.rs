//! Looking for network interfaces, for those who ask: on a thread of its own, because providers take their time.

use super::SystemEngine;
use super::door::{ConnectionId, Role};
use super::running::Ground;
use crate::interfaces::network_interfaces;
use daos_env::Doorbell;
use daos_status::{Code, Result, Status, fail};
use daos_wire::{ControlReply, EngineInterfaces, EngineOf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

/// The most who wait for one look.
const ASKERS_MAX: usize = 256;
/// How long a look is waited for: somewhat shorter than who asks waits for its answer.
const LIMIT: Duration = Duration::from_secs(50);

/// A look that is under way, if there is one, and who waits for it.
#[derive(Default)]
pub(super) struct Scan {
    look: Option<Look>,
    askers: Vec<ConnectionId>,
}

struct Look {
    outcome: Receiver<Result<EngineInterfaces>>,
    begun: Duration,
}

/// Rings when it is dropped, also by a panic.
struct RingAtEnd(Arc<Doorbell>);

impl Drop for RingAtEnd {
    fn drop(&mut self) {
        self.0.ring();
    }
}

impl Scan {
    /// When those who wait are answered though the look is not over.
    pub fn deadline(&self) -> Option<Duration> {
        let look = self.look.as_ref().filter(|_| !self.askers.is_empty())?;
        Some(look.begun + LIMIT)
    }

    /// Refuses to wait for a look that should be over: there is one at a time, so that one that hangs does not become many.
    fn check(&self, now: Duration) -> Result<()> {
        let Some(look) = self.look.as_ref().filter(|look| look.begun + LIMIT <= now) else { return Ok(()) };
        let seconds = now.saturating_sub(look.begun).as_secs();
        fail!(
            Code::Timedout,
            "looking for network interfaces began {seconds} s ago and has not ended: a provider of libfabric waits for its devices; try \
             again later, or restart the engine"
        );
    }

    /// Looks on a thread of its own.
    fn begin(
        &mut self,
        bell: Arc<Doorbell>,
        now: Duration,
        look: impl FnOnce() -> Result<EngineInterfaces> + Send + 'static,
    ) -> Result<()> {
        let (sender, outcome) = channel();
        let run = move || {
            // Declared first, dropped last: who is woken finds the outcome, or that there is none.
            let _rings = RingAtEnd(bell);
            let sender = sender;
            // Nobody waits any more when the engine ends.
            let _nobody = sender.send(look());
        };
        let started = std::thread::Builder::new().name("daos-scan".to_owned()).spawn(run);
        started.map_err(|error| Status::from(error).while_doing("starting a thread that looks for interfaces"))?;
        self.look = Some(Look { outcome, begun: now });
        Ok(())
    }

    /// What those who wait are to be told, when there is something.
    fn take(&mut self, now: Duration) -> Option<Result<EngineInterfaces>> {
        let look = self.look.as_ref()?;
        let outcome = match look.outcome.try_recv() {
            Ok(outcome) => outcome,
            // It goes on, for nobody.
            Err(TryRecvError::Empty) => return self.check(now).err().map(Err),
            Err(TryRecvError::Disconnected) => Err(Status::new(
                Code::Misc,
                "looking for network interfaces ended without a result; the engine's log may say why",
            )),
        };
        self.look = None;
        Some(outcome)
    }
}

impl SystemEngine {
    /// Somebody wants to know the network interfaces.
    pub(super) fn ask_interfaces(&mut self, id: ConnectionId, of: &EngineOf) -> Result<()> {
        self.check_meant(of)?;
        let (rank, now) = (of.rank.0, self.makings.env.clock.monotonic());
        if matches!(self.makings.ground, Ground::Simulated(_)) {
            fail!(Code::Notsupported, "rank {rank} is simulated, and has no network interfaces");
        }
        self.scan.check(now)?;
        self.scan.askers.retain(|id| self.door.role(*id).is_some());
        if self.scan.askers.len() >= ASKERS_MAX {
            fail!(Code::Busy, "{ASKERS_MAX} others ask rank {rank} for its network interfaces; try again");
        }
        if self.scan.look.is_none() {
            let provider = self.makings.ground.provider();
            self.scan.begin(self.makings.bell.clone(), now, move || network_interfaces(&provider))?;
        }
        self.scan.askers.push(id);
        Ok(())
    }

    /// Answers those who wait, when the look is over or takes too long.
    pub(super) fn look_at_scan(&mut self) {
        let now = self.makings.env.clock.monotonic();
        let reply = match self.scan.take(now) {
            None => return,
            Some(Ok(interfaces)) => ControlReply::Interfaces(interfaces),
            Some(Err(status)) => ControlReply::failure(&status),
        };
        for id in std::mem::take(&mut self.scan.askers) {
            self.door.answer(id, &reply, Role::Stranger);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::{Wanted, wait};

    /// Longer than a test takes.
    const LONG: Duration = Duration::from_secs(60);

    fn bell() -> Arc<Doorbell> {
        Arc::new(Doorbell::new().expect("eventfd"))
    }

    fn has_rung(bell: &Doorbell) -> bool {
        wait(&[Wanted { descriptor: bell.descriptor(), write: false }], Some(LONG));
        bell.is_rung()
    }

    /// The bell was rung behind the look, and a panic went past it: who had asked waited until something else happened at the engine.
    #[test]
    fn a_look_that_panics_is_an_answer() {
        let (mut scan, bell) = (Scan::default(), bell());
        scan.begin(bell.clone(), Duration::ZERO, || panic!("planted: a provider does")).expect("a thread");
        assert!(has_rung(&bell));
        let answer = scan.take(Duration::ZERO).expect("it is over").expect_err("without a result");
        assert_eq!((answer.code(), scan.look.is_some()), (Code::Misc, false));
    }

    /// Who had asked waited as long as the look, and after 256 of them nobody could ask any more.
    #[test]
    fn a_look_that_hangs_is_an_answer_after_a_while_and_not_begun_again() {
        let (mut scan, bell) = (Scan::default(), bell());
        let (end, hangs) = channel::<()>();
        let look = move || {
            hangs.recv().expect("its end");
            Err(Status::new(Code::Misc, "late"))
        };
        scan.begin(bell.clone(), Duration::ZERO, look).expect("a thread");
        assert_eq!((scan.deadline(), scan.check(LIMIT / 2)), (None, Ok(())), "nobody waits");
        scan.askers.push(ConnectionId::of_test(1));
        assert_eq!(scan.deadline(), Some(LIMIT));
        assert!(scan.take(LIMIT / 2).is_none());
        let answer = scan.take(LIMIT).expect("it takes too long").expect_err("no result");
        assert_eq!(answer.code(), Code::Timedout);
        assert!(scan.check(LIMIT * 2).is_err_and(|status| status.context().contains("began 100 s ago")));
        end.send(()).expect("it waits");
        assert!(has_rung(&bell));
        assert_eq!(scan.take(LIMIT * 3).map(|outcome| outcome.map_err(|status| status.code())), Some(Err(Code::Misc)));
        assert!(scan.check(LIMIT * 3).is_ok(), "another one may begin");
    }
}
