//! The engines of a system, as an administrator looks at them.

use crate::attach::{ask, who_leads};
use crate::{Client, SystemAccess};
use daos_status::{Code, Result, fail};
use daos_types::Rank;
pub use daos_wire::RankAction;
use daos_wire::{ControlReply, ControlRequest, RankState, RanksRequest, SystemMembers, SystemState};
use std::time::Duration;

/// How long a look may take.
pub(crate) const LOOK_LIMIT: Duration = Duration::from_secs(10);
/// How long an action on ranks may take: longer than the system waits for its engines.
const ACTION_LIMIT: Duration = Duration::from_secs(150);

/// An engine of the system.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RankInfo {
    /// Its rank.
    pub rank: u32,
    /// Who it is.
    pub engine: String,
    /// Its control port.
    pub control: String,
    /// Its fault domain.
    pub fault_domain: String,
    /// Its state, in upstream's word.
    pub state: String,
    /// Addresses of its targets.
    pub targets: Vec<String>,
    /// What it cannot do of all that it should; empty when there is no such thing.
    pub trouble: String,
}

/// What became of one rank.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RankOutcome {
    /// The rank.
    pub rank: u32,
    /// Its state now.
    pub state: String,
    /// Why it could not be done; empty when it was.
    pub error: String,
}

fn word(state: u8) -> String {
    RankState::from_number(state).map_or("unknown", RankState::word).to_owned()
}

impl Client {
    /// The system that the client is to use; a local engine is none.
    pub(crate) fn access(&self) -> Result<SystemAccess> {
        match &self.0.settings.system {
            Some(access) => Ok(access.clone()),
            None => fail!(
                Code::Notsupported,
                "a local engine is no system of several engines; name one by -l HOST[:PORT] or DAOS_ACCESS_POINTS"
            ),
        }
    }

    /// Whether the client uses a system of several engines.
    pub fn uses_system(&self) -> bool {
        self.0.settings.system.is_some()
    }

    /// The engines of the system. Answered also while they are stopped.
    pub async fn system_ranks(&self) -> Result<Vec<RankInfo>> {
        let access = self.access()?;
        let request = ControlRequest::Members(SystemMembers { system: access.name.clone() });
        match ask(self, &access, &request, false, LOOK_LIMIT).await? {
            (_, ControlReply::State(SystemState { table, ailing })) => Ok(table
                .ranks
                .into_iter()
                .map(|entry| RankInfo {
                    trouble: ailing
                        .iter()
                        .find(|trouble| trouble.rank == entry.rank)
                        .map_or_else(String::new, |trouble| trouble.sentence.clone()),
                    rank: entry.rank.0,
                    engine: entry.engine.to_string(),
                    control: entry.control,
                    fault_domain: entry.domain,
                    state: word(entry.state),
                    targets: entry.targets,
                })
                .collect()),
            (_, other) => fail!(Code::Proto, "an engine of system '{}' answered {other:?}", access.name),
        }
    }

    /// Does something to ranks, all of them when none is named; returns when it is done, or cannot be.
    pub async fn act_on_ranks(&self, action: RankAction, ranks: &[u32], force: bool) -> Result<Vec<RankOutcome>> {
        let access = self.access()?;
        let request = ControlRequest::Ranks(RanksRequest {
            system: access.name.clone(),
            action: action as u8,
            ranks: ranks.iter().map(|rank| Rank(*rank)).collect(),
            force,
        });
        // Whoever leads first: one that was stopped in its tracks would be waited for as long as an action may take.
        let mut access = access;
        if let Some(leader) = who_leads(self, &access).await {
            access.access_points.retain(|point| *point != leader.control);
            access.access_points.insert(0, leader.control);
        }
        match ask(self, &access, &request, false, ACTION_LIMIT).await? {
            (_, ControlReply::Ranks(results)) => Ok(results
                .into_iter()
                .map(|result| RankOutcome { rank: result.rank.0, state: word(result.state), error: result.error })
                .collect()),
            (_, other) => fail!(Code::Proto, "an engine of system '{}' answered {other:?}", access.name),
        }
    }
}
