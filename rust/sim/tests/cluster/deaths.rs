//! Engines that end one right after the other, with a call under way.

use crate::actor::Actor;
use crate::story::{CALM_LIMIT, Conductor};
use crate::world::World;
use daos_status::{Code, Result, Status};
use std::time::Duration;

/// The engine that the call goes to: the last one, which keeps no replica of the metadata.
const NODE: u64 = 3;
/// For how long the call is under way before it ends, which has not begun with it.
const UNDER_WAY: Duration = Duration::from_millis(100);
/// How long a call may take: as programs have it by default.
const PATIENCE: Duration = Duration::from_secs(60);
/// When the call has ended, though: another engine leads within some seconds, and gives those that are missing some seconds to come.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

impl Conductor {
    /// An engine is killed with a call under way, and at once the one that leads: the client's connection to the service is lost, and with it goes
    /// who would have told it that the other is gone.
    pub async fn lead_through_two_deaths(self) {
        let admin = self.world.add_client();
        if self.begin(&admin.client).await.is_none() {
            return;
        }
        let caller = self.world.add_patient_client(PATIENCE);
        let actor = self.actor(&caller);
        let told = self.within(CALM_LIMIT * 2, "a call to an engine that is killed", self.call_and_kill(&actor));
        if let Some(Err(status)) = told.await {
            self.world.violate(format!("a call to an engine that is killed: {status}"));
        }
    }

    async fn call_and_kill(&self, actor: &Actor) -> Result<()> {
        let ranks = actor.client.system_ranks().await?;
        let rank_at = |node| ranks.iter().find(|info| info.control == World::place(node)).map(|info| info.rank);
        let leader = self.leader(&actor.client).await?;
        let (Some(rank), Some(leader)) = (rank_at(NODE), (0..NODE).find(|node| rank_at(*node) == Some(leader))) else {
            return Err(Status::new(Code::Nonexist, format!("not all are where they should be: {ranks:?}")));
        };
        let open = actor.open().await?;
        let number = self.object_on(actor, &open, rank).await?;
        // It takes the request in, and does nothing with it.
        self.world.freeze(NODE, PATIENCE);
        let (world, spawner) = (self.world.clone(), self.spawner.clone());
        let kills = self.spawner.spawn(async move {
            spawner.sleep(UNDER_WAY).await;
            world.kill_engine(NODE);
            world.kill_engine(leader);
        });
        let begin = self.world.now();
        let answer = actor.put(&open, number).await;
        let took = self.world.now() - begin;
        kills.await;
        if took > ENDS_WITHIN {
            self.world.violate(format!("the call ended after {took:?}: {answer:?}"));
        }
        match answer {
            Err(status) if status.context().contains(&format!("rank {rank} is ")) => Ok(()),
            other => Err(Status::new(Code::Misc, format!("nobody is there for the call, which ended with {other:?}"))),
        }
    }
}
