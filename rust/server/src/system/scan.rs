//! Looking for network interfaces, for those who ask: on a thread of its own, because providers take their time.

use super::SystemEngine;
use super::door::{ConnectionId, Role};
use super::running::Ground;
use crate::interfaces::network_interfaces;
use daos_status::{Code, Result, Status, fail};
use daos_wire::{ControlReply, EngineInterfaces, EngineOf};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// The most who wait for one look.
const ASKERS_MAX: usize = 256;

/// A look that is under way, if there is one, and who waits for it.
#[derive(Default)]
pub(super) struct Scan {
    outcome: Option<Receiver<Result<EngineInterfaces>>>,
    askers: Vec<ConnectionId>,
}

impl SystemEngine {
    /// Somebody wants to know the network interfaces.
    pub(super) fn ask_interfaces(&mut self, id: ConnectionId, of: &EngineOf) -> Result<()> {
        self.check_meant(of)?;
        let rank = of.rank.0;
        if matches!(self.makings.ground, Ground::Simulated(_)) {
            fail!(Code::Notsupported, "rank {rank} is simulated, and has no network interfaces");
        }
        if self.scan.askers.len() >= ASKERS_MAX {
            fail!(Code::Busy, "{ASKERS_MAX} others ask rank {rank} for its network interfaces; try again");
        }
        if self.scan.outcome.is_none() {
            let (sender, receiver) = channel();
            let (bell, provider) = (self.makings.bell.clone(), self.makings.ground.provider());
            let look = move || {
                // Nobody waits any more when the engine ends.
                let _nobody = sender.send(network_interfaces(&provider));
                bell.ring();
            };
            let started = std::thread::Builder::new().name("daos-scan".to_owned()).spawn(look);
            started.map_err(|error| Status::from(error).while_doing("starting a thread that looks for interfaces"))?;
            self.scan.outcome = Some(receiver);
        }
        self.scan.askers.push(id);
        Ok(())
    }

    /// Answers those who wait, when the look is over.
    pub(super) fn look_at_scan(&mut self) {
        let Some(receiver) = &self.scan.outcome else { return };
        let outcome = match receiver.try_recv() {
            Ok(outcome) => outcome,
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => Err(Status::new(
                Code::Misc,
                "looking for network interfaces ended without a result; the engine's log may say why",
            )),
        };
        self.scan.outcome = None;
        let reply = match outcome {
            Ok(interfaces) => ControlReply::Interfaces(interfaces),
            Err(status) => ControlReply::failure(&status),
        };
        for id in std::mem::take(&mut self.scan.askers) {
            self.door.answer(id, &reply, Role::Stranger);
        }
    }
}
